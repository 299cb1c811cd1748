//! `callback bench`: a load on a service in another process, and how fast it is answered.

mod burst;
mod chart;
mod floor;
mod load;
mod report;
mod scenario;
mod served;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

use self::burst::Burst;
use self::floor::Floor;
use self::load::Load;
use self::report::{Point, Report};
use self::scenario::Scenario;
use self::served::Served;

/// Measure how fast a service is, from another process than its own.
///
/// Each client keeps one connection and asks again as soon as it is answered.
/// A service is started for each measurement, on a new SQLite file or on the database named, and
/// ended after it; --address measures one that runs already and has no access keys.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback bench create cycle --clients 1,32 --seconds 5 --json bench.json --svg bench.svg
  callback bench --burst 100000 --clients 8")]
pub(crate) struct BenchArgs {
    /// What is asked: all of them when none is named.
    #[arg(value_enum, value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
    /// How many clients ask at once, each number by itself.
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_values_t = [1, 8, 32, 128, 256])]
    clients: Vec<usize>,
    /// For how long each is measured.
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// For how long it is asked before.
    #[arg(long, value_name = "N", default_value_t = 1)]
    warm_up_seconds: u64,
    /// How often everything is measured, in turns; the median of the rates counts.
    #[arg(long, value_name = "N", default_value_t = 1)]
    rounds: usize,
    /// Callbacks that wait in the queue before it begins.
    #[arg(long, value_name = "N", default_value_t = 0)]
    waiting: usize,
    /// Callbacks that are stored and not yet due before it begins.
    #[arg(long, value_name = "N", default_value_t = 0)]
    future: usize,
    /// Measure instead how long as many callbacks, all due in the same second, take into the queue,
    /// while the clients make others.
    #[arg(long, value_name = "N", conflicts_with_all = ["scenarios", "waiting", "future", "svg", "seconds", "warm_up_seconds"])]
    burst: Option<usize>,
    /// The database of the services that are started, which stays: a SQLite file, or postgres://…
    #[arg(long, value_name = "FILE or URL", conflicts_with = "address")]
    database: Option<String>,
    /// Measure the service that listens here; it gets services, users and callbacks.
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the rates as a picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    ensure!(args.seconds > 0 && args.rounds > 0, "nothing is measured in no time");
    ensure!(args.clients.iter().all(|clients| (1..=4_096).contains(clients)), "1 to 4096 clients");
    ensure!(args.burst != Some(0), "nothing is due");
    let scenarios: &[Scenario] =
        if args.scenarios.is_empty() { &Scenario::ALL } else { &args.scenarios };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let mut report = Report::default();
    for round in 1..=args.rounds {
        if let Some(due) = args.burst {
            for clients in &args.clients {
                report.add_burst(round, runtime.block_on(watch(args, due, *clients))?)?;
            }
            continue;
        }
        for scenario in scenarios {
            for clients in &args.clients {
                let point = runtime.block_on(measure(args, *scenario, *clients))?;
                report.add(round, point)?;
            }
        }
    }
    if args.rounds > 1 && args.burst.is_none() {
        report.say_medians()?;
    }
    let during = |file: &PathBuf| format!("failed to write {}", file.display());
    if let Some(file) = &args.json {
        std::fs::write(file, report.json()?).with_context(|| during(file))?;
    }
    if let Some(file) = &args.svg {
        std::fs::write(file, chart::of(&report.medians())).with_context(|| during(file))?;
    }
    Ok(())
}

/// A service to measure, with what the clients need.
async fn prepare(args: &BenchArgs, clients: usize) -> anyhow::Result<(Served, Floor)> {
    let served = match args.address {
        Some(address) => Served::elsewhere(address),
        None => Served::start(args.database.as_deref())?,
    };
    let floor = Floor::prepare(served.address(), clients).await;
    Ok((served, floor.context("failed to prepare the service")?))
}

async fn watch(args: &BenchArgs, due: usize, clients: usize) -> anyhow::Result<Burst> {
    let (served, floor) = prepare(args, clients).await?;
    burst::measure(&served, floor, due, clients).await.context("failed to measure")
}

async fn measure(args: &BenchArgs, scenario: Scenario, clients: usize) -> anyhow::Result<Point> {
    let (served, floor) = prepare(args, clients).await?;
    floor.fill(args.waiting, args.future).await.context("failed to fill the queue")?;
    let load = Load {
        scenario,
        clients,
        warm_up: Duration::from_secs(args.warm_up_seconds),
        time: Duration::from_secs(args.seconds),
    };
    let measured = load.run(Rc::new(floor), &served).await.context("failed to measure")?;
    Ok(Point {
        scenario,
        clients,
        start: served.start_time(),
        resident_bytes: served.resident_bytes(),
        measured,
    })
}
