//! The store under load, beside bare SQL on the same server: one statement per transaction, prepared,
//! that writes the same rows, and one on a table of jobs that knows no more than what waits.
//!
//! Run by `cargo xtask bench postgres`, which starts a server that writes to disk before it
//! answers, and names it in `CALLBACK_TEST_POSTGRES`.
//! Rounds are interleaved and medians compared, so that only ratios of one run are told.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod bare;
mod database;
mod disturbed;
mod figures;
mod installation;

use std::env;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::bare::{Bare, Kept};
use crate::database::Database;
use crate::figures::{Rounds, measured, median};
use crate::installation::{Backlog, Installation};

/// As the program allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many work at a time.
const CLIENTS: usize = 32;
/// How long each part of a round lasts.
const PART: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;
/// How much waits, or is not yet due, in a large installation.
const LARGE: u32 = 1_000_000;
/// Picks of which the median is taken.
const PICKS: usize = 2_000;

const SECTIONS: [&str; 4] = ["throughput", "backlog", "snapshot", "restart"];

fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    for name in &wanted {
        ensure!(SECTIONS.contains(&name.as_str()), "{name} is none of {SECTIONS:?}");
    }
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if runs("throughput") {
            throughput().await.context("throughput")?;
        }
        if runs("backlog") {
            backlog().await.context("backlog")?;
        }
        if runs("snapshot") {
            disturbed::snapshot().await.context("snapshot")?;
        }
        if runs("restart") {
            disturbed::restart().await.context("restart")?;
        }
        Ok(())
    })
}

/// Creations and full cycles a second.
async fn throughput() -> anyhow::Result<()> {
    let mut databases = Vec::new();
    // Creations pile up, and cycles are to be those of a queue that is kept short.
    for name in ["jobs", "rows", "ours", "piled_jobs", "piled_rows", "piled_ours"] {
        databases.push(Database::make(name).await?);
    }
    let [jobs, rows, ours, piled_jobs, piled_rows, piled_ours] = &databases[..] else {
        unreachable!("six were made");
    };
    let jobs = Bare::open(jobs, CLIENTS, Kept::AsJobs).await?;
    let rows = Bare::open(rows, CLIENTS, Kept::AsOurs).await?;
    let ours = Installation::open(ours, CLIENTS, Backlog::NONE).await?;
    let piled_jobs = Bare::open(piled_jobs, CLIENTS, Kept::AsJobs).await?;
    let piled_rows = Bare::open(piled_rows, CLIENTS, Kept::AsOurs).await?;
    let piled_ours = Installation::open(piled_ours, CLIENTS, Backlog::NONE).await?;
    let (mut creates, mut cycles) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        creates.jobs.push(measured(piled_jobs.creates(PART)).await?);
        creates.rows.push(measured(piled_rows.creates(PART)).await?);
        creates.ours.push(measured(piled_ours.creates(PART)).await?);
        piled_ours.settle().await?;
        cycles.jobs.push(measured(jobs.cycles(PART)).await?);
        cycles.rows.push(measured(rows.cycles(PART)).await?);
        cycles.ours.push(measured(ours.cycles(PART)).await?);
    }
    println!(
        "{CLIENTS} clients, a second            ours   same rows   ratio   a job table   ratio"
    );
    creates.print("creations");
    cycles.print("cycles (create, take, end)");
    piled_ours.close().await;
    ours.close().await;
    drop((jobs, rows, piled_jobs, piled_rows));
    for database in databases {
        database.remove().await?;
    }
    Ok(())
}

/// What a pick costs by how much waits and how much is not yet due.
async fn backlog() -> anyhow::Result<()> {
    let backlogs = [
        Backlog { waiting: 1_000, future: 0 },
        Backlog { waiting: LARGE, future: 0 },
        Backlog { waiting: 1_000, future: LARGE },
    ];
    let mut medians = Vec::new();
    let mut all = Vec::new();
    for backlog in backlogs {
        let database = Database::make("backlog").await?;
        let installation = Installation::open(&database, 1, backlog).await?;
        medians.push(Vec::new());
        all.push((database, installation));
    }
    for _ in 0..ROUNDS {
        for ((_, installation), medians) in all.iter().zip(&mut medians) {
            medians.push(installation.picks(PICKS / ROUNDS).await?.as_secs_f64());
        }
    }
    let empty = median(&medians[0]);
    println!("a pick, median               ms   ratio");
    for (backlog, medians) in backlogs.iter().zip(&medians) {
        let pick = median(medians);
        println!("{backlog:<24} {:>6.2}  {:>6.2}", pick * 1e3, pick / empty);
    }
    for (database, installation) in all {
        installation.close().await;
        database.remove().await?;
    }
    Ok(())
}
