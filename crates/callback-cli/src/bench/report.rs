//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::burst::Burst;
use super::load::Measured;
use super::scenario::Scenario;
use crate::client::write;

/// One scenario with so many clients, measured once.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) scenario: Scenario,
    pub(super) clients: usize,
    /// From the start of the service to the moment when it listened.
    pub(super) start: Option<Duration>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) measured: Measured,
}

impl Point {
    /// The latencies of the request that tells most: of a cycle, the creation.
    fn latencies(&self) -> Option<&Histogram<u64>> {
        let named = self.measured.latencies.get(self.scenario.name());
        named.or_else(|| self.measured.latencies.get("create"))
    }

    fn json(&self) -> Value {
        json!({
            "scenario": self.scenario.name(), "clients": self.clients,
            "per_second": self.measured.rate.round(),
            "start_milliseconds": self.start.map(|start| start.as_secs_f64() * 1_000.0).map(f64::round),
            "processor_micros": self.measured.processor_micros.map(f64::round),
            "resident_bytes": self.resident_bytes,
            "micros": micros(&self.measured),
        })
    }
}

impl Burst {
    fn json(&self) -> Value {
        json!({
            "due": self.due, "clients": self.clients,
            "queued_milliseconds": (self.queued.as_secs_f64() * 1_000.0).round(),
            "creations_per_second": self.measured.rate.round(), "micros": micros(&self.measured),
        })
    }
}

/// The latencies of each request, in microseconds.
fn micros(measured: &Measured) -> Value {
    let latencies = measured.latencies.iter().map(|(name, latencies)| {
        let at = |quantile: f64| latencies.value_at_quantile(quantile);
        let shown = json!({
            "count": latencies.len(), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99),
            "p99.9": at(0.999), "max": latencies.max(),
        });
        ((*name).to_owned(), shown)
    });
    Value::Object(latencies.collect())
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Report {
    points: Vec<Point>,
    bursts: Vec<Burst>,
}

impl Report {
    /// Keeps a measurement, and shows it.
    pub(super) fn add(&mut self, round: usize, point: Point) -> anyhow::Result<()> {
        if self.points.is_empty() {
            write("round  scenario  clients        /s   p50 ms   p99 ms   max ms  cpu µs\n")?;
        }
        let (p50, p99, max) = in_short(point.latencies());
        write(&format!(
            "{round:>5}  {:<8} {:>8} {:>9.0} {:>8.2} {:>8.2} {:>8.2} {:>7}\n",
            point.scenario.name(),
            point.clients,
            point.measured.rate,
            p50,
            p99,
            max,
            point.measured.processor_micros.map_or_else(|| "-".to_owned(), |it| format!("{it:.0}")),
        ))?;
        self.points.push(point);
        Ok(())
    }

    /// Keeps a burst, and shows it.
    pub(super) fn add_burst(&mut self, round: usize, burst: Burst) -> anyhow::Result<()> {
        if self.bursts.is_empty() {
            write(
                "round       due  in the queue after  clients  creations/s   p50 ms   p99 ms   max ms\n",
            )?;
        }
        let (p50, p99, max) = in_short(burst.measured.latencies.get("create"));
        write(&format!(
            "{round:>5} {:>9} {:>17.2} s {:>8} {:>12.0} {p50:>8.2} {p99:>8.2} {max:>8.2}\n",
            burst.due,
            burst.queued.as_secs_f64(),
            burst.clients,
            burst.measured.rate,
        ))?;
        self.bursts.push(burst);
        Ok(())
    }

    /// The median rate of each scenario and number of clients.
    pub(super) fn medians(&self) -> BTreeMap<(Scenario, usize), f64> {
        let mut rates: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for point in &self.points {
            rates.entry((point.scenario, point.clients)).or_default().push(point.measured.rate);
        }
        let medians = rates.into_iter().map(|(of, mut rates)| {
            rates.sort_by(f64::total_cmp);
            (of, rates[rates.len() / 2])
        });
        medians.collect()
    }

    pub(super) fn say_medians(&self) -> anyhow::Result<()> {
        write("median scenario  clients        /s\n")?;
        for ((scenario, clients), rate) in self.medians() {
            write(&format!("       {:<8} {clients:>8} {rate:>9.0}\n", scenario.name()))?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        let points: Vec<Value> = self.points.iter().map(Point::json).collect();
        let bursts: Vec<Value> = self.bursts.iter().map(Burst::json).collect();
        let version = env!("CARGO_PKG_VERSION");
        let report = json!({"version": version, "points": points, "bursts": bursts});
        Ok(serde_json::to_string_pretty(&report)? + "\n")
    }
}

/// The median, the 99th percentile and the longest, in milliseconds.
fn in_short(latencies: Option<&Histogram<u64>>) -> (f64, f64, f64) {
    let milliseconds = |micros: u64| micros as f64 / 1_000.0;
    latencies.map_or((0.0, 0.0, 0.0), |all| {
        (
            milliseconds(all.value_at_quantile(0.5)),
            milliseconds(all.value_at_quantile(0.99)),
            milliseconds(all.max()),
        )
    })
}
