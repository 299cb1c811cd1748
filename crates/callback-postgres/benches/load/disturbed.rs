//! The store while something is wrong elsewhere: a snapshot held open, a server that restarts.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::database::Database;
use crate::figures::median;
use crate::installation::{Backlog, Installation};
use crate::{CLIENTS, ROUNDS};

/// How long somebody else holds a snapshot.
const HELD: Duration = Duration::from_secs(60);
const PART: Duration = Duration::from_secs(5);
/// How many cycles ten thousand agents do a second, with a hundred seconds for each.
const PACE: f64 = 100.0;
const PICKS: usize = 200;
/// How the server is restarted, as a shell command.
const RESTART: &str = "CALLBACK_BENCH_RESTART";

/// Picks before, and at the end of a minute of work with a snapshot held open elsewhere: at the pace
/// of ten thousand agents, and as much as the machine can do.
pub(crate) async fn snapshot() -> anyhow::Result<()> {
    println!("a snapshot held for {} s          before    after   ratio", HELD.as_secs());
    for pace in [Some(PACE), None] {
        held(pace).await?;
    }
    Ok(())
}

async fn held(pace: Option<f64>) -> anyhow::Result<()> {
    let database = Database::make("snapshot").await?;
    let installation = Installation::open(&database, CLIENTS, Backlog::NONE).await?;
    let work = async || match pace {
        Some(pace) => installation.paced_cycles(PART, pace).await,
        None => installation.cycles(PART).await,
    };
    let before = work().await?;
    let pick_before = installation.picks(PICKS).await?;
    let holder = database.client().await?;
    holder
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM callbacks")
        .await?;
    let began = Instant::now();
    while began.elapsed() + PART < HELD {
        work().await?;
    }
    let after = work().await?;
    let pick_after = installation.picks(PICKS).await?;
    holder.batch_execute("ROLLBACK").await?;
    let slower = pick_after.as_secs_f64() / pick_before.as_secs_f64();
    println!(
        "a pick, median, ms           {:>9.2} {:>8.2} {slower:>7.2}",
        pick_before.as_secs_f64() * 1e3,
        pick_after.as_secs_f64() * 1e3,
    );
    let what = if pace.is_some() { "paced cycles a second" } else { "cycles a second" };
    println!("{what:<28} {before:>9.0} {after:>8.0} {:>7.2}", before / after);
    installation.close().await;
    database.remove().await
}

/// Cycles a second once they have run for a while.
async fn steady(installation: &Installation) -> anyhow::Result<f64> {
    installation.cycles(PART).await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        rates.push(installation.cycles(PART).await?);
    }
    Ok(median(&rates))
}

/// Cycles before and after the server was restarted under the store.
pub(crate) async fn restart() -> anyhow::Result<()> {
    let command = env::var_os(RESTART)
        .with_context(|| format!("{RESTART} says not how; run `cargo xtask bench postgres`"))?;
    let database = Database::make("restart").await?;
    let installation = Installation::open(&database, CLIENTS, Backlog::NONE).await?;
    let before = steady(&installation).await?;
    let restarting =
        tokio::task::spawn_blocking(move || Command::new("sh").arg("-c").arg(command).status());
    ensure!(restarting.await??.success(), "the server did not restart");
    let began = Instant::now();
    while installation.cycles(Duration::from_millis(100)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let back = began.elapsed();
    let after = steady(&installation).await?;
    println!("a restart of the server      before    after   ratio   answered again after");
    println!(
        "cycles a second             {before:>7.0} {after:>8.0} {:>7.2}   {} ms",
        after / before,
        back.as_millis()
    );
    installation.close().await;
    database.remove().await
}
