//! `cargo xtask instructions`: how many instructions the pure pieces take, held against a baseline.
//!
//! Times differ from one minute to the next on a shared machine; instructions hardly do, so that a
//! change which makes a piece dearer is seen when it is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::cargo::cargo;

/// Where the baseline lies, from the root of the workspace.
const BASELINE: &str = "crates/callback-domain/benches/instructions.json";
/// How far a count may be from its baseline, as a part of it.
const BOUND: f64 = 0.05;
/// The same when another compiler made the baseline.
const BOUND_OF_ANOTHER_COMPILER: f64 = 0.25;
/// How often a piece is run; the preparations are counted apart and taken off.
const TURNS: u32 = 200;

/// Count the instructions of the pure pieces under valgrind, and compare them with the baseline.
///
/// A count that is further than 5 % from its baseline fails, in either direction: what has become
/// cheaper is noted by --renew, and stays cheap.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write what is counted as the new baseline.
    #[arg(long)]
    renew: bool,
}

/// Instructions for each turn of a piece, and what compiled them.
#[derive(Debug, Serialize, Deserialize)]
struct Baseline {
    compiler: String,
    instructions: BTreeMap<String, u64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    ensure_valgrind()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(BASELINE);
    let program = build()?;
    let counted = Baseline { compiler: compiler()?, instructions: count_all(&program)? };
    if args.renew {
        let text = serde_json::to_string_pretty(&counted).context("failed to write JSON")? + "\n";
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        println!("{} pieces are noted in {BASELINE}", counted.instructions.len());
        return Ok(ExitCode::SUCCESS);
    }
    let text = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let baseline: Baseline = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no baseline", path.display()))?;
    let mut bound = BOUND;
    if baseline.compiler != counted.compiler {
        bound = BOUND_OF_ANOTHER_COMPILER;
        println!(
            "the baseline was made by {}, and this is {}: counts may differ by {} %\n\
             `cargo xtask instructions --renew` notes those of this compiler",
            baseline.compiler,
            counted.compiler,
            bound * 100.0
        );
    }
    let findings = compare(&baseline.instructions, &counted.instructions, bound);
    println!("instructions a turn                          baseline      now   ratio");
    for (name, now) in &counted.instructions {
        match baseline.instructions.get(name) {
            Some(before) => {
                println!("{name:<42} {before:>10} {now:>8} {:>7.3}", ratio(*before, *now));
            }
            None => println!("{name:<42} {:>10} {now:>8}", "none"),
        }
    }
    if findings.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    for finding in &findings {
        println!("{finding}");
    }
    println!("if that is as it should be, `cargo xtask instructions --renew` notes it");
    Ok(ExitCode::FAILURE)
}

/// What is not as the baseline says, in words.
fn compare(
    baseline: &BTreeMap<String, u64>,
    counted: &BTreeMap<String, u64>,
    bound: f64,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, before) in baseline {
        let Some(now) = counted.get(name) else {
            findings.push(format!("{name:?} is in the baseline and was not counted"));
            continue;
        };
        if now.abs_diff(*before) as f64 > bound * *before as f64 {
            let change = (ratio(*before, *now) - 1.0) * 100.0;
            findings.push(format!("{name:?} takes {now} instructions, {change:+.1} %"));
        }
    }
    let unknown = counted.keys().filter(|name| !baseline.contains_key(*name));
    findings.extend(unknown.map(|name| format!("{name:?} is not in the baseline")));
    findings
}

fn ratio(before: u64, now: u64) -> f64 {
    now as f64 / before.max(1) as f64
}

fn ensure_valgrind() -> anyhow::Result<()> {
    let found = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    ensure!(
        found.is_ok_and(|status| status.success()),
        "valgrind is not installed; on Debian, `apt-get install valgrind libc6-dbg` does it"
    );
    Ok(())
}

fn compiler() -> anyhow::Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program).arg("--version").output().context("failed to run rustc")?;
    let version = String::from_utf8(output.stdout).context("rustc does not speak UTF-8")?;
    Ok(format!("{} for {}", version.trim(), std::env::consts::ARCH))
}

/// Builds the benchmark, and answers where it is.
fn build() -> anyhow::Result<PathBuf> {
    let mut command = cargo(&["bench", "--quiet", "--package", "callback-domain"]);
    command.args(["--bench", "pure", "--no-run", "--message-format", "json"]);
    let output = command.stderr(Stdio::inherit()).output().context("failed to start cargo")?;
    ensure!(output.status.success(), "the benchmark does not build");
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let message: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        if message["target"]["name"] == "pure"
            && let Some(path) = message["executable"].as_str()
        {
            return Ok(PathBuf::from(path));
        }
    }
    bail!("cargo does not say where the benchmark is")
}

fn count_all(program: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let output = Command::new(program).arg("--pieces").output().context("failed to list pieces")?;
    let names = String::from_utf8(output.stdout).context("names of pieces are not UTF-8")?;
    let mut instructions = BTreeMap::new();
    for name in names.lines() {
        let (once, twice) = (count(program, name, TURNS)?, count(program, name, 2 * TURNS)?);
        let turns = twice.checked_sub(once).context("more turns took fewer instructions")?;
        instructions.insert(name.to_owned(), turns / u64::from(TURNS));
    }
    ensure!(!instructions.is_empty(), "the benchmark has no pieces");
    Ok(instructions)
}

/// The instructions of a whole run.
fn count(program: &Path, name: &str, turns: u32) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--turns", &turns.to_string(), name])
        .output()
        .context("failed to start valgrind")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name:?} fails under valgrind: {told}");
    collected(&told).with_context(|| format!("valgrind has not counted {name:?}: {told}"))
}

/// The count in what callgrind tells at the end.
fn collected(told: &str) -> Option<u64> {
    told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn within_the_bound_nothing_is_found() {
        let (baseline, counted) = (
            counts(&[("dearer", 1_000), ("cheaper", 1_000)]),
            counts(&[("dearer", 1_050), ("cheaper", 950)]),
        );
        assert!(compare(&baseline, &counted, 0.05).is_empty());
    }

    #[test]
    fn what_is_dearer_and_what_is_cheaper_is_found() {
        let baseline = counts(&[("dearer", 1_000), ("cheaper", 1_000), ("same", 1_000)]);
        let counted = counts(&[("dearer", 1_051), ("cheaper", 949), ("same", 1_000)]);
        let expected = [
            "\"cheaper\" takes 949 instructions, -5.1 %",
            "\"dearer\" takes 1051 instructions, +5.1 %",
        ];
        assert_eq!(compare(&baseline, &counted, 0.05), expected);
    }

    #[test]
    fn a_piece_on_one_side_only_is_found() {
        let found = compare(&counts(&[("gone", 10)]), &counts(&[("new", 10)]), 0.05);
        let expected =
            ["\"gone\" is in the baseline and was not counted", "\"new\" is not in the baseline"];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_count_is_read_from_what_callgrind_tells() {
        let told = "==7== Events    : Ir\n==7== Collected : 123456\n==7== \n";
        assert_eq!(collected(told), Some(123_456));
        assert_eq!(collected("==7== nothing"), None);
    }
}
