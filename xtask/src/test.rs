//! `cargo xtask test`: every test of the workspace, and one plain line that says how it went.
//!
//! A test whose surroundings are missing does not fail and does not keep quiet.
//! It prints `SKIPPED: <what>: <how to install it>` to stderr, appends the same line to the file that the environment variable `CALLBACK_SKIP_LOG` names, if it is set, and returns.
//! The file is needed because runners hide what a passing test prints.
//! One line stands for one test: it counts as skipped, not as passed, and its reason is repeated just above the closing line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process};

use anyhow::Context as _;

use crate::cargo::{cargo, has_nextest};
use crate::postgres::{self, Cluster};
use crate::suite::{run_libtest, run_nextest};

const SKIP_LOG: &str = "CALLBACK_SKIP_LOG";

/// Run all tests of the workspace, doc tests included.
///
/// Uses cargo-nextest where it is installed and `cargo test` where it is not.
/// Starts a throw-away PostgreSQL where one is installed, unless `CALLBACK_TEST_POSTGRES` names a server.
/// The last line reads `N passed, N failed` or `N passed, N failed, N skipped`.
/// The line above it says what could not be run, if anything, and how to install it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Treat a test that could not run as a failure.
    #[arg(long)]
    no_skip: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let skip_log = SkipLog::create()?;
    let cluster = Cluster::start().context("failed to start a throw-away PostgreSQL")?;
    let tests = |args: &[&str]| {
        let mut tests = cargo(args);
        tests.env(SKIP_LOG, skip_log.path());
        if let Some(cluster) = &cluster {
            tests.env(postgres::ADDRESS, cluster.address());
        }
        tests
    };
    let mut tally;
    if has_nextest() {
        tally = run_nextest(&mut tests(&["nextest", "run", "--workspace", "--no-fail-fast"]))?;
        // Nextest leaves the doc tests out.
        let doc_tests = ["test", "--doc", "--workspace", "--no-fail-fast"];
        tally += run_libtest(&mut tests(&doc_tests))?;
    } else {
        tally = run_libtest(&mut tests(&["test", "--workspace", "--no-fail-fast"]))?;
    }

    let skips = skip_log.read()?;
    let ignored = tally.skipped;
    tally.set_aside(skips.values().sum());
    println!();
    if tally.skipped > 0 {
        println!("{}", not_run(&skips, ignored));
    }
    println!("{tally}");

    let clean = tally.failed == 0 && !(args.no_skip && tally.skipped > 0);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line that names everything that was skipped, and how to have it run.
fn not_run(skips: &BTreeMap<String, u64>, ignored: u64) -> String {
    let mut reasons: Vec<String> =
        skips.iter().map(|(reason, tests)| format!("{reason} (tests: {tests})")).collect();
    if ignored > 0 {
        reasons.push(format!("marked as ignored: remove the mark (tests: {ignored})"));
    }
    format!("NOT RUN: {}", reasons.join("; "))
}

/// The file in which tests say that they could not run; it goes when this value goes.
struct SkipLog(PathBuf);

impl SkipLog {
    fn create() -> anyhow::Result<Self> {
        let path = env::temp_dir().join(format!("callback-skipped-{}.log", process::id()));
        fs::write(&path, "").with_context(|| format!("failed to create {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// The reasons, and for each the number of tests that gave it.
    fn read(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let text = fs::read_to_string(&self.0)
            .with_context(|| format!("failed to read {}", self.0.display()))?;
        Ok(reasons(&text))
    }
}

impl Drop for SkipLog {
    fn drop(&mut self) {
        // A file left behind in the temporary directory harms nobody.
        drop(fs::remove_file(&self.0));
    }
}

fn reasons(log: &str) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for line in log.lines().filter(|line| !line.trim().is_empty()) {
        let reason = line.strip_prefix("SKIPPED: ").unwrap_or(line);
        *reasons.entry(reason.to_owned()).or_default() += 1;
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_log_is_one_skipped_test() {
        let log = "SKIPPED: PostgreSQL: apt-get install postgresql\n\
                   SKIPPED: a browser: apt-get install chromium\n\
                   SKIPPED: PostgreSQL: apt-get install postgresql\n";
        let expected = BTreeMap::from([
            ("PostgreSQL: apt-get install postgresql".to_owned(), 2),
            ("a browser: apt-get install chromium".to_owned(), 1),
        ]);
        assert_eq!(reasons(log), expected);
    }

    #[test]
    fn what_was_not_run_fits_on_one_line_with_the_remedy() {
        let skips = BTreeMap::from([("PostgreSQL: apt-get install postgresql".to_owned(), 2)]);
        assert_eq!(
            not_run(&skips, 1),
            "NOT RUN: PostgreSQL: apt-get install postgresql (tests: 2); \
             marked as ignored: remove the mark (tests: 1)"
        );
    }
}
