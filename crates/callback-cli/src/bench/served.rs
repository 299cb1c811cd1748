//! The service that is measured: this program in another process, or one that runs already.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;

/// What Linux counts processor time in.
const TICK_MILLIS: u64 = 10;

/// A service, which ends with this value when it was started for it.
#[derive(Debug)]
pub(super) struct Served {
    address: SocketAddr,
    started: Option<Started>,
}

#[derive(Debug)]
struct Started {
    process: Child,
    start: Duration,
    _folder: Option<TempDir>,
}

impl Served {
    pub(super) const fn elsewhere(address: SocketAddr) -> Self {
        Self { address, started: None }
    }

    /// Starts a service on a database, or on a new file beside the current folder's others.
    pub(super) fn start(database: Option<&str>) -> anyhow::Result<Self> {
        let (database, folder) = match database {
            Some(database) => (database.into(), None),
            None => {
                let folder = tempfile::Builder::new().prefix("callback-bench-").tempdir();
                let folder = folder.context("failed to make a folder for the database")?;
                (folder.path().join("callback.db").into_os_string(), Some(folder))
            }
        };
        let program = std::env::current_exe().context("failed to find this program")?;
        let began = Instant::now();
        let mut process = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--database"])
            .arg(database)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("failed to start the service")?;
        let log = process.stderr.take().context("the service has no log")?;
        let mut lines = BufReader::new(log).lines();
        let mut seen = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                bail!("the service has ended: {seen}");
            };
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["fields"]["address"].as_str() {
                break address.parse().context("the service listens nowhere")?;
            }
            seen.push_str(&line);
        };
        let start = began.elapsed();
        // What it goes on to say must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { address, started: Some(Started { process, start, _folder: folder }) })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From its start to the moment when it listened.
    pub(super) fn start_time(&self) -> Option<Duration> {
        self.started.as_ref().map(|started| started.start)
    }

    /// The processor time that it has used, where the system tells.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        let id = self.started.as_ref()?.process.id();
        let line = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (_, rest) = line.rsplit_once(')')?;
        let mut ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
        Some(Duration::from_millis((user + system) * TICK_MILLIS))
    }

    /// The memory that it holds now, where the system tells.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        let id = self.started.as_ref()?.process.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1_024)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself; what it was to keep is on the disk anyhow.
        let _gone = self.process.kill().is_err();
        let _waited = self.process.wait().is_err();
    }
}
