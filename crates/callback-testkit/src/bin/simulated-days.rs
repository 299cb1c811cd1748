//! Simulates days: `simulated-days --seeds N [--start S] [--replay FILE]`.

#![expect(clippy::print_stdout, reason = "the figures are for the person at the terminal")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use callback_testkit::sim::{self, Figures, Floor, Record};

/// On each so many-th day explanations are checked.
const QUESTIONED: u64 = 16;

struct Wanted {
    seeds: u64,
    start: u64,
    replay: Option<String>,
}

fn main() -> ExitCode {
    let wanted = match wanted(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(problem) => return failed(&problem),
    };
    match wanted.replay {
        Some(file) => match replayed(&file) {
            Ok(told) => {
                print!("{told}");
                ExitCode::SUCCESS
            }
            Err(problem) => failed(&problem),
        },
        None => days(wanted.start, wanted.seeds),
    }
}

fn failed(problem: &str) -> ExitCode {
    println!("{problem}");
    ExitCode::FAILURE
}

fn wanted(mut args: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted { seeds: 100, start: 1, replay: None };
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} has no value"))?;
        let number = || value.parse().map_err(|_| format!("{name} is not a number: {value}"));
        match name.as_str() {
            "--seeds" => wanted.seeds = number()?,
            "--start" => wanted.start = number()?,
            "--replay" => wanted.replay = Some(value),
            _ => return Err(format!("there is no option {name}")),
        }
    }
    Ok(wanted)
}

fn replayed(file: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let record: Record = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
    Ok(sim::replay(&record))
}

/// Explanations are checked on some days, for they cost as much as the day.
fn floor(seed: u64) -> Floor {
    let questions_per_mille = if seed.is_multiple_of(QUESTIONED) { 4 } else { 0 };
    Floor { questions_per_mille, ..Floor::default() }
}

fn days(start: u64, seeds: u64) -> ExitCode {
    let next = AtomicU64::new(start);
    let end = start.saturating_add(seeds);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let (mut figures, mut failures) = (Figures::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return (figures, failures);
            }
            match sim::run(seed, &floor(seed), false) {
                Ok(day) => figures.add(&day),
                Err((broken, _)) => failures.push((seed, broken)),
            }
        }
    };
    let (mut figures, mut failures) = (Figures::default(), Vec::new());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for (day, broken) in
            workers.into_iter().map(|worker| worker.join().expect("a day does not panic"))
        {
            figures.add(&day);
            failures.extend(broken);
        }
    });
    println!("{figures}");
    failures.sort_by_key(|(seed, _)| *seed);
    for (seed, broken) in &failures {
        println!("seed {seed}: {broken}");
    }
    for (seed, _) in failures.iter().take(3) {
        write_down(*seed);
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write_down(seed: u64) {
    let Some(record) = Record::of(seed, &floor(seed)) else { return };
    let file = std::env::temp_dir().join(format!("simulated-day-{seed}.json"));
    let written = serde_json::to_string_pretty(&record)
        .map_err(|error| error.to_string())
        .and_then(|text| std::fs::write(&file, text).map_err(|error| error.to_string()));
    match written {
        Ok(()) => println!("to play it back: cargo xtask sim --replay {}", file.display()),
        Err(error) => println!("the log of seed {seed} cannot be written: {error}"),
    }
}
