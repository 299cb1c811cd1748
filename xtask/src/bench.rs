//! `cargo xtask bench`: a store under load, beside what one would write by hand.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cargo::cargo;
use crate::postgres::{self, Cluster};

/// The variable in which the benchmark finds how its server is restarted, as a shell command.
const RESTART: &str = "CALLBACK_BENCH_RESTART";

/// Measure a store on a throw-away server that writes to the disk before it answers.
///
/// Only ratios of one run mean something: the rest depends on the machine and on what else it does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which store to measure.
    #[arg(value_enum)]
    store: StoreKind,

    /// Which sections to run: throughput, backlog, snapshot, restart; all when none is named.
    #[arg(value_name = "SECTION")]
    sections: Vec<String>,
}

/// The stores with a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreKind {
    Postgres,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (package, bench) = match args.store {
        StoreKind::Postgres => ("callback-postgres", "load"),
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
