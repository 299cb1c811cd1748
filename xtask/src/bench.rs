//! `cargo xtask bench`: a store under load, beside what one would write by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cargo::cargo;
use crate::crash;
use crate::peers::{self, Extent};
use crate::postgres::{self, Cluster};

/// The variable in which the benchmark finds how its server is restarted, as a shell command.
const RESTART: &str = "CALLBACK_BENCH_RESTART";

/// Measure a store, or the program beside its peers, on a throw-away server that writes to the disk before it answers.
///
/// Only ratios of one run mean something: the rest depends on the machine and on what else it does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure.
    #[arg(value_enum)]
    store: StoreKind,

    /// Which sections to run: throughput, backlog, snapshot, restart; all when none is named.
    #[arg(value_name = "SECTION")]
    sections: Vec<String>,

    /// How often the peers are measured in turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// For how long each of them is measured.
    #[arg(long, default_value_t = 3)]
    seconds: u64,

    /// The program to measure beside its peers, instead of one that is built for it.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What has a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreKind {
    Postgres,
    /// The program beside beanstalkd and Redis.
    Peers,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (package, bench) = match args.store {
        StoreKind::Postgres => ("callback-postgres", "load"),
        // Whoever measures must not be slower than what is measured.
        StoreKind::Peers if cfg!(debug_assertions) => {
            let mut optimised = cargo(&["run", "--release", "--quiet", "--package", "xtask", "--"]);
            optimised.args(std::env::args_os().skip(1));
            let status = optimised.status().context("failed to start cargo")?;
            return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        StoreKind::Peers => {
            let program = args.program.clone().map_or_else(crash::program, Ok)?;
            let extent = Extent { rounds: args.rounds, seconds: args.seconds };
            return peers::run(&program, extent);
        }
    };
    let cluster =
        Cluster::start_durable("bench").context("failed to start a throw-away PostgreSQL")?;
    let cluster = cluster.context("PostgreSQL is not installed: apt-get install postgresql")?;
    let mut load = cargo(&["bench", "--package", package, "--bench", bench, "--"]);
    load.args(&args.sections).env(postgres::ADDRESS, cluster.address());
    load.env(RESTART, cluster.restart_command());
    let status = load.status().context("failed to start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
