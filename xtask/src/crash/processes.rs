//! The processes of the program: started, killed with -9, and started again.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Where the processes listen that are running.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<RwLock<Vec<Option<String>>>>);

impl Addresses {
    pub(crate) fn running(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().flatten().cloned().collect()
    }

    fn set(&self, node: usize, address: Option<String>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        while all.len() <= node {
            all.push(None);
        }
        if let Some(slot) = all.get_mut(node) {
            *slot = address;
        }
    }
}

/// One process of the program, which ends with this value.
pub(crate) struct Node {
    number: usize,
    program: PathBuf,
    database: String,
    log: PathBuf,
    addresses: Addresses,
    child: Option<Child>,
}

impl Node {
    /// A process that is not started yet; its log goes into the directory.
    pub(crate) fn new(
        number: usize,
        program: &Path,
        database: &str,
        directory: &Path,
        addresses: Addresses,
    ) -> Self {
        Self {
            number,
            program: program.to_owned(),
            database: database.to_owned(),
            log: directory.join(format!("node-{number}.log")),
            addresses,
            child: None,
        }
    }

    /// Starts the process; answers how long it took until it served.
    ///
    /// Nothing stands in its way when this is called, so one that ends instead has failed.
    pub(crate) fn start(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let address = self.serve()?;
        self.addresses.set(self.number, Some(address));
        Ok(began.elapsed())
    }

    fn serve(&mut self) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CALLBACK_") {
                command.env_remove(name);
            }
        }
        let child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--database"])
            .arg(&self.database)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", self.program.display()))?;
        let child = self.child.insert(child);
        let said = child.stderr.take().context("standard error is not piped")?;
        let mut log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.log)
            .with_context(|| format!("failed to open {}", self.log.display()))?;
        let mut lines = BufReader::new(said).lines();
        let mut last = String::new();
        while let Some(Ok(line)) = lines.next() {
            writeln!(log, "{line}").context("failed to write the log")?;
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["fields"]["address"].as_str() {
                let address = format!("http://{address}");
                thread::spawn(move || {
                    for line in lines.map_while(Result::ok) {
                        // A full disk must not stop the process whose log this is.
                        drop(writeln!(log, "{line}"));
                    }
                });
                return Ok(address);
            }
            last = line;
        }
        self.kill();
        bail!("the process ended before it served, with {last:?}; see {}", self.log.display())
    }

    /// Ends the process without a chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.addresses.set(self.number, None);
        if let Some(mut child) = self.child.take() {
            // One that has ended by itself is gone as well.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
