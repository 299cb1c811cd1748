//! A throw-away PostgreSQL: made before the tests or campaigns run, gone after they have.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// The variable in which tests find the address of a server on which they may make databases.
pub(crate) const ADDRESS: &str = "CALLBACK_TEST_POSTGRES";

/// Who runs the server when we are root, which it refuses to be run by.
const UNPRIVILEGED: &str = "postgres";

/// Where Debian keeps the server's programs, which are not on the path there.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Tests need no data after a power cut.
const FORGETFUL: &str = "-c fsync=off -c full_page_writes=off";

/// How long a killed server's processes may take to be gone, and the next server to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server with its data in a temporary directory; both go when this value goes.
pub(crate) struct Cluster {
    programs: PathBuf,
    directory: PathBuf,
    address: String,
    as_root: bool,
    settings: String,
}

impl Cluster {
    /// Starts a server, if its programs are installed and nobody has named another server.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        if env::var_os(ADDRESS).is_some() {
            return Ok(None);
        }
        Self::make("tests", FORGETFUL)
    }

    /// Starts a server that keeps what was committed through [`kill`](Self::kill), if its programs
    /// are installed.
    pub(crate) fn start_durable(purpose: &str) -> anyhow::Result<Option<Self>> {
        Self::make(purpose, "-c fsync=on -c synchronous_commit=on")
    }

    fn make(purpose: &str, durability: &str) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let directory =
            env::temp_dir().join(format!("callback-postgres-{purpose}-{}", process::id()));
        let port = free_port()?;
        let cluster = Self {
            programs,
            address: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            directory,
            as_root: is_root()?,
            settings: format!(
                "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= \
                 -c max_connections=300 {durability}"
            ),
        };
        cluster.initialise()?;
        cluster.serve()?;
        Ok(Some(cluster))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Ends every process of the server at once, without a chance to tidy up.
    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        let file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("failed to read {}", file.display()))?;
        let first = text.lines().next().context("the server's file names no process")?.trim();
        let postmaster: u32 = first.parse().context("the server's file names no process")?;
        let mut family = vec![postmaster];
        family.extend(children(postmaster)?);
        // A process may have ended by itself meanwhile; then kill has nothing to say to it.
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -9 \"$@\"", "sh"]).args(family.iter().map(u32::to_string));
        kill.stderr(Stdio::null());
        kill.status().context("failed to start kill")?;
        let began = Instant::now();
        while family.iter().any(|id| is_running(*id)) {
            if began.elapsed() > PATIENCE {
                bail!("the processes of the killed server do not go");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Starts the killed server on the data that it left.
    pub(crate) fn restart(&self) -> anyhow::Result<()> {
        // What a killed postmaster leaves behind would make pg_ctl believe that it runs.
        drop(fs::remove_file(self.data().join("postmaster.pid")));
        self.serve()
    }

    /// A shell command that stops the server in good order and starts it again.
    pub(crate) fn restart_command(&self) -> String {
        let mut restart = self.program("pg_ctl");
        restart.args(["restart", "--wait", "--silent", "--mode=fast", "--options"]);
        restart.arg(&self.settings).arg("--log").arg(self.directory.join("log"));
        restart.arg("--pgdata").arg(self.data());
        let words = std::iter::once(restart.get_program()).chain(restart.get_args());
        let quoted =
            words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")));
        let command = quoted.collect::<Vec<_>>().join(" ");
        format!("cd '{}' && {command} > restarted 2>&1", self.directory.display())
    }

    fn initialise(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.directory)
            .with_context(|| format!("failed to create {}", self.directory.display()))?;
        if self.as_root {
            let mut own = Command::new("chown");
            run(own.arg(UNPRIVILEGED).arg(&self.directory))?;
        }
        let mut init = self.program("initdb");
        init.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
        run(init.arg("--no-sync").arg("--pgdata").arg(self.data()))
    }

    fn serve(&self) -> anyhow::Result<()> {
        let mut start = self.program("pg_ctl");
        start.args(["start", "--wait", "--silent", "--options"]).arg(&self.settings);
        start.arg("--log").arg(self.directory.join("log")).arg("--pgdata").arg(self.data());
        run(&mut start)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// One of the server's programs, run by somebody it agrees to be run by.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.directory);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--silent", "--pgdata"]).arg(self.data());
        if let Err(error) = run(&mut stop) {
            eprintln!("the throw-away PostgreSQL was not stopped: {error:#}");
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("failed to remove {}: {error}", self.directory.display());
        }
    }
}

/// The processes that a process has started.
fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let processes = fs::read_dir("/proc").context("failed to list the server's processes")?;
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(ids.filter(|id| standing(*id).is_some_and(|(_, of)| of == parent)).collect())
}

/// Whether a process is there and has not only left its exit status behind.
fn is_running(id: u32) -> bool {
    standing(id).is_some_and(|(state, _)| state != "Z")
}

/// The state of a process and its parent.
fn standing(id: u32) -> Option<(String, u32)> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in parentheses and may have some itself.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// The directory with the server's programs: from the path, else Debian's newest.
fn programs() -> Option<PathBuf> {
    let on_path = env::var_os("PATH")
        .and_then(|path| env::split_paths(&path).find(|directory| has_server(directory)));
    on_path.or_else(|| {
        let versions = fs::read_dir(DEBIAN).ok()?.flatten();
        let found = versions.map(|version| version.path().join("bin"));
        found.filter(|directory| has_server(directory)).max_by_key(|directory| version(directory))
    })
}

fn has_server(directory: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| directory.join(program).is_file())
}

/// The version in a path such as `/usr/lib/postgresql/15/bin`.
fn version(programs: &Path) -> Option<u32> {
    programs.parent()?.file_name()?.to_str()?.parse().ok()
}

fn is_root() -> anyhow::Result<bool> {
    let id = Command::new("id").arg("-u").output().context("failed to ask who we are")?;
    Ok(id.stdout.trim_ascii() == b"0")
}

/// A port that was free just now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a free port")?;
    Ok(listener.local_addr().context("failed to find a free port")?.port())
}

/// Runs a program to its end; only its complaints are shown.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = format!("{command:?}");
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let status = output.status().with_context(|| format!("failed to start {name}"))?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_highest_number() {
        let paths = ["/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/15/bin"];
        assert_eq!(paths.map(|path| version(Path::new(path))), [Some(9), Some(15)]);
        assert_eq!(version(Path::new("/usr/local/bin")), None);
    }
}
