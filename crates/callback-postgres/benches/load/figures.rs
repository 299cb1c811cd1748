//! Medians of rounds, side by side.

use std::fs;
use std::time::Instant;

use anyhow::Context as _;

/// The kernel counts in hundredths of a second.
const MICROS_PER_TICK: f64 = 10_000.0;

/// What one part of a round came to.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    /// Done in a second.
    pub(crate) rate: f64,
    /// Microseconds of processor time for each, of everything that runs on this machine.
    pub(crate) processor: f64,
}

/// What the rounds of the contestants gave.
#[derive(Default)]
pub(crate) struct Rounds {
    pub(crate) jobs: Vec<Figure>,
    pub(crate) rows: Vec<Figure>,
    pub(crate) ours: Vec<Figure>,
}

impl Rounds {
    pub(crate) fn print(&self, what: &str) {
        let rates = self.medians(|figure| figure.rate);
        line(what, rates, |bare, ours| ours / bare);
        let processor = self.medians(|figure| figure.processor);
        line("  processor time, us", processor, |bare, ours| bare / ours);
    }

    fn medians(&self, of: impl Fn(&Figure) -> f64) -> [f64; 3] {
        [&self.rows, &self.jobs, &self.ours]
            .map(|figures| median(&figures.iter().map(&of).collect::<Vec<_>>()))
    }
}

fn line(what: &str, [rows, jobs, ours]: [f64; 3], times: impl Fn(f64, f64) -> f64) {
    let (beside_rows, beside_jobs) = (times(rows, ours), times(jobs, ours));
    println!(
        "{what:<28} {ours:>7.0} {rows:>11.0} {beside_rows:>7.2} {jobs:>13.0} {beside_jobs:>7.2}"
    );
}

/// Measures work that answers how much of it was done in a second.
pub(crate) async fn measured(
    work: impl Future<Output = anyhow::Result<f64>>,
) -> anyhow::Result<Figure> {
    let (began, busy) = (Instant::now(), busy_micros()?);
    let rate = work.await?;
    let done = rate * began.elapsed().as_secs_f64();
    Ok(Figure { rate, processor: (busy_micros()? - busy) / done })
}

/// How long the processors of this machine have been busy since it started.
fn busy_micros() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("read how busy the processors are")?;
    let all = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let fields: Vec<f64> = all.filter_map(|field| field.parse().ok()).collect();
    // User, nice, system; then idle and waiting; then interrupts.
    let busy: f64 = [0, 1, 2, 5, 6].iter().filter_map(|at| fields.get(*at)).sum();
    Ok(busy * MICROS_PER_TICK)
}

pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
