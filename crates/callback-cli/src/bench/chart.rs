//! Rates as a picture: a group of bars for each scenario, a bar for each number of clients.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::scenario::Scenario;

const BAR: usize = 26;
const GAP: usize = 6;
const HEIGHT: usize = 260;
const LEFT: usize = 20;
const TOP: usize = 50;
/// From few clients to many.
const COLOURS: [&str; 6] = ["#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"];

/// Draws rates; each scenario has a scale of its own, for they differ by orders of magnitude.
pub(super) fn of(rates: &BTreeMap<(Scenario, usize), f64>) -> String {
    let mut groups: BTreeMap<Scenario, Vec<(usize, f64)>> = BTreeMap::new();
    for ((scenario, clients), rate) in rates {
        groups.entry(*scenario).or_default().push((*clients, *rate));
    }
    let mut drawn = String::new();
    let mut x = LEFT;
    for (scenario, bars) in &groups {
        let highest = bars.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
        let width = bars.len() * (BAR + GAP);
        text(&mut drawn, x + width / 2, 24.0, 15, &format!("{} /s", scenario.name()));
        for (place, (clients, rate)) in bars.iter().enumerate() {
            let height = (rate / highest * HEIGHT as f64).round().max(1.0);
            let left = x + place * (BAR + GAP);
            let top = (TOP + HEIGHT) as f64 - height;
            let colour = COLOURS[place.min(COLOURS.len() - 1)];
            let bar = writeln!(
                drawn,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{BAR}\" height=\"{height}\" fill=\"{colour}\"/>"
            );
            bar.expect("a string takes all that is written");
            let middle = left + BAR / 2;
            text(&mut drawn, middle, top - 5.0, 9, &short(*rate));
            text(&mut drawn, middle, (TOP + HEIGHT + 16) as f64, 11, &clients.to_string());
        }
        x += width + 34;
    }
    let foot = TOP + HEIGHT + 38;
    text(&mut drawn, x / 2, foot as f64, 12, "clients; each group has a scale of its own");
    let height = foot + 14;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {x} {height}\" \
         font-family=\"sans-serif\" text-anchor=\"middle\">\n\
         <rect width=\"{x}\" height=\"{height}\" fill=\"#ffffff\"/>\n{drawn}</svg>\n"
    )
}

fn text(drawn: &mut String, x: usize, y: f64, size: usize, text: &str) {
    writeln!(drawn, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{text}</text>")
        .expect("a string takes all that is written");
}

fn short(rate: f64) -> String {
    if rate < 10_000.0 { format!("{rate:.0}") } else { format!("{:.1}k", rate / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_of_each_scenario_is_as_high_as_the_picture() {
        let rates = BTreeMap::from([
            ((Scenario::Create, 1), 1_000.0),
            ((Scenario::Create, 32), 20_000.0),
            ((Scenario::Cycle, 1), 500.0),
        ]);
        let drawn = of(&rates);
        assert_eq!(drawn.matches("height=\"260\"").count(), 2, "{drawn}");
        assert_eq!(drawn.matches("height=\"13\"").count(), 1, "{drawn}");
        for shown in ["create /s", "cycle /s", ">1000<", ">20.0k<", ">32<"] {
            assert!(drawn.contains(shown), "{shown}: {drawn}");
        }
    }
}
