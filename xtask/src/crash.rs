//! `cargo xtask crash`: the real program under load, with processes and databases killed meanwhile.
//!
//! Simulated agents and customers talk to the program over HTTP while its processes, and the
//! PostgreSQL they share, are killed with -9 and started again.
//! Afterwards the ledger, the callbacks and the attempts are read, and every rule is asked of them.

mod checker;
mod client;
mod evidence;
mod figures;
mod floor;
mod journal;
mod load;
mod processes;
mod random;
mod report;
mod round;
mod stage;
mod time;
mod weather;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use crate::cargo::{as_typed, cargo};

/// Kill the program and its database again and again under load, and ask every rule afterwards.
///
/// With PostgreSQL three processes share a throw-away server, which is killed as well; with SQLite
/// the one process is.
/// Every rule is printed with the number of times it was asked, and what broke it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which store to break.
    #[arg(long, value_enum)]
    store: StoreKind,

    /// How many rounds, each on a store of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,

    /// How many callbacks are asked for in each round.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    callbacks: u64,

    /// How many agents work in each round.
    #[arg(long, value_name = "N", default_value_t = 64)]
    agents: usize,

    /// The seed of the first round; what is asked for follows from it, and when things are killed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

/// The stores that outlive a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreKind {
    Postgres,
    Sqlite,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let program = program()?;
    let mut broken = Vec::new();
    for round in 0..args.rounds {
        println!(
            "==> round {} of {} on {:?}: {} callbacks, {} agents, seed {}",
            round + 1,
            args.rounds,
            args.store,
            args.callbacks,
            args.agents,
            args.seed.wrapping_add(round)
        );
        if !round::run(args, &program, round)? {
            broken.push(args.seed.wrapping_add(round));
        }
    }
    println!();
    if broken.is_empty() {
        println!("every rule holds");
        return Ok(ExitCode::SUCCESS);
    }
    println!("rules were broken in the rounds with the seeds {broken:?}");
    Ok(ExitCode::FAILURE)
}

/// Builds the program, optimised, and says where it is.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let mut build = cargo(&["build", "--release", "--package", "callback-cli"]);
    build.args(["--message-format", "json-render-diagnostics"]);
    println!("==> {}", as_typed(&build));
    let output = build.stderr(std::process::Stdio::inherit()).output();
    let output = output.context("failed to start the build of the program")?;
    ensure!(output.status.success(), "the program cannot be built");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut built = text.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    built.next_back().context("the build names no program")
}
