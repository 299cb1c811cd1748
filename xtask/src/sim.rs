//! `cargo xtask sim`: the simulated days of the test kit, as many as one has patience for.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::cargo::{as_typed, cargo};

/// Simulate days on the floor, with crashes, and ask every invariant after every command.
///
/// A day that fails is written to a file, which --replay plays back.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many days to simulate, one for each seed.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,

    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    start: u64,

    /// Play back the log of a day that failed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "start"])]
    replay: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut command = simulation(args)?;
    println!("==> {}", as_typed(&command));
    let status = command.status().context("failed to start the simulation")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn simulation(args: &Args) -> anyhow::Result<Command> {
    let mut command = cargo(&["run", "--release", "--quiet", "--package", "callback-testkit"]);
    command.args(["--bin", "simulated-days", "--"]);
    match &args.replay {
        Some(file) => command.arg("--replay").arg(absolute(file)?),
        None => {
            command.args(["--seeds", &args.seeds.to_string(), "--start", &args.start.to_string()])
        }
    };
    Ok(command)
}

/// Cargo starts elsewhere than the person did.
fn absolute(file: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(file).with_context(|| format!("failed to find {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_reach_the_simulation() {
        let args = Args { seeds: 3, start: 7, replay: None };
        let typed = as_typed(&simulation(&args).expect("the seeds are plain"));
        assert!(typed.ends_with("--bin simulated-days -- --seeds 3 --start 7"), "{typed}");
    }

    #[test]
    fn a_log_is_named_from_anywhere() {
        let replay = Some(PathBuf::from("day.json"));
        let args = Args { seeds: 1, start: 1, replay };
        let command = simulation(&args).expect("the file has a name");
        let file = command.get_args().last().map(Path::new);
        assert!(file.is_some_and(|file| file.is_absolute() && file.ends_with("day.json")));
    }
}
