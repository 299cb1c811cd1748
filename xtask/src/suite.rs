//! One run of a test runner: shown live, and counted.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::cargo::as_typed;
use crate::tally::Tally;

/// Runs `cargo nextest run` and counts its tests, which it reports on stderr.
pub(crate) fn run_nextest(command: &mut Command) -> anyhow::Result<Tally> {
    announce(command);
    let mut child = command.stderr(Stdio::piped()).spawn().context("failed to start nextest")?;
    let report = child.stderr.take().context("nextest has no stderr")?;
    let mut tally = Tally::default();
    each_line(report, |line| {
        eprintln!("{line}");
        if let Some(counted) = Tally::from_nextest_line(line) {
            tally = counted;
        }
    })?;
    let succeeded = child.wait().context("failed to wait for nextest")?.success();
    Ok(held_to(succeeded, tally))
}

/// Runs `cargo test` and counts the tests of all its binaries, which report on stdout.
pub(crate) fn run_libtest(command: &mut Command) -> anyhow::Result<Tally> {
    announce(command);
    let mut child = command.stdout(Stdio::piped()).spawn().context("failed to start cargo test")?;
    let report = child.stdout.take().context("cargo test has no stdout")?;
    let mut tally = Tally::default();
    each_line(report, |line| {
        println!("{line}");
        if let Some(counted) = Tally::from_libtest_line(line) {
            tally += counted;
        }
    })?;
    let succeeded = child.wait().context("failed to wait for cargo test")?.success();
    Ok(held_to(succeeded, tally))
}

fn announce(command: &mut Command) {
    println!("==> {}", as_typed(command));
    // Colour codes would stand between us and the numbers.
    command.env("CARGO_TERM_COLOR", "never");
}

fn each_line(report: impl Read, mut show: impl FnMut(&str)) -> anyhow::Result<()> {
    for line in BufReader::new(report).split(b'\n') {
        let line = line.context("failed to read the test runner's output")?;
        show(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// A run that broke off before it could count a failure (the tests do not compile) is one failure.
fn held_to(succeeded: bool, mut tally: Tally) -> Tally {
    if !succeeded && tally.failed == 0 {
        eprintln!("the test runner itself failed: counted as one failure");
        tally.failed = 1;
    }
    tally
}
