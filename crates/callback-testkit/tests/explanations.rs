//! An explanation says what the dispatcher does, and when the clock changes it.

use callback_testkit::sim::{self, Floor};

fn asked(seeds: std::ops::RangeInclusive<u64>, floor: &Floor) -> u64 {
    seeds
        .map(|seed| match sim::run(seed, floor, false) {
            Ok(figures) => figures.questions,
            Err((broken, _)) => panic!("seed {seed}: {broken}"),
        })
        .sum()
}

#[test]
fn explanations_agree_with_the_dispatcher() {
    let floor = Floor { callbacks: 120, questions_per_mille: 40, ..Floor::default() };
    assert!(asked(1..=6, &floor) > 250);
}
