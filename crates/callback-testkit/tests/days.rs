//! Some days, with every invariant asked after every command; more of them: `cargo xtask sim`.

use callback_testkit::sim::{self, Figures, Floor};

fn pass(seeds: impl Iterator<Item = u64>, floor: &Floor) -> Figures {
    let mut figures = Figures::default();
    for seed in seeds {
        match sim::run(seed, floor, false) {
            Ok(day) => figures.add(&day),
            Err((broken, _)) => panic!("seed {seed} of {floor:?}: {broken}"),
        }
    }
    figures
}

#[test]
fn every_invariant_holds_on_days_with_faults() {
    let figures =
        pass(1..=6, &Floor { callbacks: 250, crashes_per_million: 600, ..Floor::default() });
    assert!(figures.crashes > 10 && figures.retries > 100 && figures.offers > 1_000, "{figures}");
}

#[test]
fn every_invariant_holds_where_agents_dial() {
    let floor = Floor { callbacks: 200, manual: Some(true), ..Floor::default() };
    let figures = pass(50..=53, &floor);
    assert!(figures.attempts > 300, "{figures}");
}

#[test]
fn every_invariant_holds_on_a_calm_day() {
    let figures = pass(20..=23, &Floor { callbacks: 200, faults: false, ..Floor::default() });
    assert_eq!(figures.crashes, 0);
    assert!(figures.ended.len() >= 4, "{figures}");
}

#[test]
fn a_day_is_the_same_every_time() {
    let floor = Floor { callbacks: 100, ..Floor::default() };
    assert_eq!(sim::run(5, &floor, false), sim::run(5, &floor, false));
}
