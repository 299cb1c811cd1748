//! Medians of rounds, side by side.

/// What the rounds of two contestants gave.
#[derive(Default)]
pub(crate) struct Rounds {
    pub(crate) bare: Vec<f64>,
    pub(crate) ours: Vec<f64>,
}

impl Rounds {
    pub(crate) fn print(&self, what: &str) {
        let (bare, ours) = (median(&self.bare), median(&self.ours));
        println!("{what:<28} {bare:>8.0} {ours:>7.0}  {:>6.2}", ours / bare);
    }
}

pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
