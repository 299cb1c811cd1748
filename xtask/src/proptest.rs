//! `cargo xtask proptest`: the rules of the domain, tried on as many cases as one has patience for.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use crate::cargo::cargo;
use crate::suite::run_libtest;

/// Try the rules of the domain on many generated cases.
///
/// Runs the tests of callback-domain, optimised, with as many cases for each property as asked.
/// Prints the seed, and how to run the same cases again when a property fails.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many cases to generate for each property.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,

    /// Generate the cases from this seed instead of one taken from the clock.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,

    /// Run only the tests whose path contains this text.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let seed = args.seed.map_or_else(seed_from_clock, Ok)?;
    println!("seed {seed}, {} cases for each property", args.cases);

    let mut tests = cargo(&["test", "--release", "--package", "callback-domain"]);
    tests
        .args(["--lib", "--tests", "--no-fail-fast"])
        .env("PROPTEST_CASES", args.cases.to_string())
        .env("PROPTEST_RNG_SEED", seed.to_string());
    if let Some(name) = &args.only {
        tests.args(["--", name]);
    }
    let tally = run_libtest(&mut tests)?;

    println!("\n{tally}");
    if tally.failed > 0 {
        println!("the same cases again: {}", replay(args, seed));
        return Ok(ExitCode::FAILURE);
    }
    if tally.passed == 0 {
        println!("no test of callback-domain has that name");
        return Ok(ExitCode::FAILURE);
    }
    println!("seed {seed} found nothing");
    Ok(ExitCode::SUCCESS)
}

fn seed_from_clock() -> anyhow::Result<u64> {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("failed to draw a seed: the clock stands before 1970")?;
    u64::try_from(since_1970.as_micros()).context("failed to draw a seed: the clock is too far on")
}

fn replay(args: &Args, seed: u64) -> String {
    let mut line = format!("cargo xtask proptest --cases {} --seed {seed}", args.cases);
    if let Some(name) = &args.only {
        line.push_str(" --only ");
        line.push_str(name);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_repeats_every_choice() {
        let args = Args { cases: 5000, seed: None, only: Some("picking".to_owned()) };
        assert_eq!(replay(&args, 7), "cargo xtask proptest --cases 5000 --seed 7 --only picking");
    }
}
