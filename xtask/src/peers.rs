//! `cargo xtask bench peers`: the same work on what one would take instead, in turns with ours.
//!
//! Every write is on the disk before it is answered: beanstalkd with `-f0`, Redis with
//! `appendfsync always`, ours as it always is.

mod beanstalkd;
mod load;
mod redis;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use self::load::{Kind, Load};

const SCENARIOS: [Kind; 2] = [Kind::Create, Kind::Cycle];
const CLIENTS: [usize; 2] = [1, 32];
/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
}

/// Rates of one kind of work with so many clients, by who did it.
type Rates = BTreeMap<(Kind, usize), BTreeMap<&'static str, Vec<f64>>>;

/// Runs the rounds with the program at a path, and prints medians and ratios.
pub(crate) fn run(program: &Path, extent: Extent) -> anyhow::Result<ExitCode> {
    install(&[("beanstalkd", "beanstalkd"), ("redis-server", "redis-server")])?;
    let mut rates = Rates::new();
    for round in 1..=extent.rounds {
        for kind in SCENARIOS {
            for clients in CLIENTS {
                let load = Load { kind, clients, seconds: extent.seconds };
                let measured = [
                    ("callback", ours(program, load)?),
                    ("beanstalkd", on_beanstalkd(load)?),
                    ("redis", on_redis(load)?),
                ];
                for (name, rate) in measured {
                    println!(
                        "round {round}  {:<6} {clients:>3}  {name:<10} {rate:>8.0} /s",
                        kind.name()
                    );
                    let of = rates.entry((kind, clients)).or_default();
                    of.entry(name).or_default().push(rate);
                }
            }
        }
    }
    println!("\nmedians of {} rounds, and how many times the peer's rate ours is", extent.rounds);
    println!("work   clients  callback  beanstalkd         redis");
    for ((kind, clients), of) in &rates {
        let at = |name| of.get(name).map_or(0.0, |rates| median(rates));
        let (ours, beanstalkd, redis) = (at("callback"), at("beanstalkd"), at("redis"));
        println!(
            "{:<6} {clients:>7} {ours:>9.0} {beanstalkd:>8.0} ×{:<4.2} {redis:>8.0} ×{:<4.2}",
            kind.name(),
            ours / beanstalkd,
            ours / redis,
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Installs Debian's packages whose programs are missing.
fn install(programs: &[(&str, &str)]) -> anyhow::Result<()> {
    let is_there = |program: &str| {
        ["/usr/bin", "/usr/sbin", "/usr/local/bin"]
            .iter()
            .any(|folder| Path::new(folder).join(program).is_file())
    };
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
    let status = install.env("DEBIAN_FRONTEND", "noninteractive").status();
    let is_installed = status.is_ok_and(|status| status.success());
    ensure!(is_installed, "apt-get install {} has failed", missing.join(" "));
    Ok(())
}

/// A peer's process with a folder of its own; both go when this value goes.
struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    fn start(name: &str, command: &mut Command, address: SocketAddr) -> anyhow::Result<Self> {
        let folder = folder_of(name);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().with_context(|| format!("failed to start {name}"))?;
        let server = Self { process, folder };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > PATIENCE {
                bail!("{name} does not listen");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A folder on the disk that the build is on, since that of temporary files may be memory.
fn folder_of(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("callback-peer-{name}-{}", std::process::id()))
}

fn new_folder(name: &str) -> anyhow::Result<PathBuf> {
    let folder = folder_of(name);
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to create {}", folder.display()))?;
    Ok(folder)
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a free port")?;
    listener.local_addr().context("failed to find a free port")
}

fn on_beanstalkd(load: Load) -> anyhow::Result<f64> {
    let (folder, address) = (new_folder("beanstalkd")?, free_address()?);
    let mut command = Command::new("beanstalkd");
    command.args(["-l", "127.0.0.1", "-p", &address.port().to_string(), "-f0", "-b"]).arg(&folder);
    let _server = Server::start("beanstalkd", &mut command, address)?;
    load.run(address, beanstalkd::Client::connect)
}

fn on_redis(load: Load) -> anyhow::Result<f64> {
    let (folder, address) = (new_folder("redis")?, free_address()?);
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"]);
    command.arg(&folder).args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    let _server = Server::start("redis", &mut command, address)?;
    load.run(address, redis::Client::connect)
}

/// Our own rate, by the load that the program brings.
fn ours(program: &Path, load: Load) -> anyhow::Result<f64> {
    let report = std::env::temp_dir().join(format!("callback-peer-{}.json", std::process::id()));
    let mut bench = Command::new(program);
    bench.args(["bench", load.kind.name(), "--clients", &load.clients.to_string()]);
    bench.args(["--seconds", &load.seconds.to_string(), "--json"]).arg(&report);
    let status = bench.stdout(Stdio::null()).status().context("failed to start our own load")?;
    ensure!(status.success(), "our own load has failed");
    let text = fs::read_to_string(&report).context("failed to read the report")?;
    drop(fs::remove_file(&report));
    let report: serde_json::Value = serde_json::from_str(&text)?;
    report["points"][0]["per_second"].as_f64().context("the report has no rate")
}
