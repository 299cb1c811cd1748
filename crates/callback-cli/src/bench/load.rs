//! Clients that ask for a time, and what was noted of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use super::floor::Floor;
use super::scenario::{Client, Scenario};
use super::served::Served;

/// The longest time that is told from longer ones, in microseconds.
const LONGEST_MICROS: u64 = 60_000_000;

/// What is asked of a service, by how many, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) scenario: Scenario,
    pub(super) clients: usize,
    pub(super) warm_up: Duration,
    pub(super) time: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    /// Rounds of the scenario per second.
    pub(super) rate: f64,
    /// Microseconds that the service's processors worked for each round, where that is known.
    pub(super) processor_micros: Option<f64>,
    /// Microseconds from question to answer, by the name of the request.
    pub(super) latencies: BTreeMap<&'static str, Histogram<u64>>,
}

/// What one client notes while it counts.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Rc<Cell<bool>>,
    asked: u64,
    latencies: BTreeMap<&'static str, Histogram<u64>>,
}

impl Tally {
    fn new(counts: Rc<Cell<bool>>) -> Self {
        Self { counts, asked: 0, latencies: BTreeMap::new() }
    }

    /// Notes a request that began then and is answered now.
    pub(super) fn note(&mut self, name: &'static str, began: Instant) {
        if self.counts.get() {
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latencies.entry(name).or_insert_with(empty).saturating_record(micros.max(1));
        }
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("the bounds are in order")
}

impl Load {
    /// Has the clients ask: first without counting, then for the time; whoever fails ends it.
    pub(super) async fn run(self, floor: Rc<Floor>, served: &Served) -> anyhow::Result<Measured> {
        let over = async move {
            let bar = bar(self.time.as_secs(), self.scenario.name());
            let began = Instant::now();
            while began.elapsed() < self.time {
                sleep(Duration::from_millis(250).min(self.time - began.elapsed().min(self.time)))
                    .await;
                bar.set_position(began.elapsed().as_secs());
            }
            bar.finish_and_clear();
            Ok(())
        };
        self.run_until(floor, served, over).await
    }

    /// Has the clients ask: first without counting, then until something is over.
    pub(super) async fn run_until(
        self,
        floor: Rc<Floor>,
        served: &Served,
        over: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<Measured> {
        LocalSet::new().run_until(self.run_locally(floor, served, over)).await
    }

    async fn run_locally(
        self,
        floor: Rc<Floor>,
        served: &Served,
        over: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<Measured> {
        let (counts, goes_on) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(true)));
        let mut clients = Vec::with_capacity(self.clients);
        for number in 0..self.clients {
            clients.push(Client::begin(Rc::clone(&floor), number).await?);
        }
        let mut at_work = JoinSet::new();
        for mut client in clients {
            let mut tally = Tally::new(Rc::clone(&counts));
            let goes_on = Rc::clone(&goes_on);
            at_work.spawn_local(async move {
                while goes_on.get() {
                    let counted = tally.counts.get();
                    client.ask(self.scenario, &mut tally).await?;
                    tally.asked += u64::from(counted && tally.counts.get());
                }
                anyhow::Ok(tally)
            });
        }
        let timed = async {
            sleep(self.warm_up).await;
            counts.set(true);
            let worked = served.processor_time();
            let began = Instant::now();
            over.await?;
            counts.set(false);
            goes_on.set(false);
            let elapsed = began.elapsed();
            let worked = served.processor_time().zip(worked).map(|(now, then)| now - then);
            anyhow::Ok((elapsed, worked))
        };
        let asked = async {
            let mut tallies = Vec::with_capacity(self.clients);
            while let Some(ended) = at_work.join_next().await {
                tallies.push(ended.context("a client has stopped")??);
            }
            anyhow::Ok(tallies)
        };
        let ((elapsed, worked), tallies) = tokio::try_join!(timed, asked)?;
        let mut measured =
            Measured { rate: 0.0, processor_micros: None, latencies: BTreeMap::new() };
        let mut asked = 0;
        for tally in tallies {
            asked += tally.asked;
            for (name, latencies) in tally.latencies {
                let all = measured.latencies.entry(name).or_insert_with(empty);
                all.add(latencies).context("failed to add up the latencies")?;
            }
        }
        measured.rate = asked as f64 / elapsed.as_secs_f64();
        measured.processor_micros =
            worked.map(|worked| worked.as_secs_f64() * 1e6 / f64::max(asked as f64, 1.0));
        Ok(measured)
    }
}

/// A bar on a terminal; nothing where nobody watches.
pub(super) fn bar(length: u64, message: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() || length == 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length).with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{msg:8} {bar:30} {pos} of {len}") {
        bar.set_style(style);
    }
    bar
}
