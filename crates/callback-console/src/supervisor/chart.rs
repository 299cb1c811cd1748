//! Bars over the hours of a day, drawn by the server.

use maud::{Markup, html};

use crate::texts::supervisor as texts;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 190;
const LEFT: u64 = 40;
const TOP: u64 = 10;
const BOTTOM: u64 = 24;
const LINES: u64 = 4;

/// One kind of figure: its name and its value for each hour.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// How it looks: the number of a colour.
    pub(super) colour: u8,
    pub(super) values: Vec<u64>,
}

/// A chart with its words.
#[derive(Clone, Debug)]
pub(super) struct Chart<'c> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) how: &'static str,
    /// What the chart comes to, in a few words.
    pub(super) sum: String,
    /// Stacked upon each other, the first lowest.
    pub(super) bars: Vec<Series>,
    /// Marked above the bars.
    pub(super) marks: Option<Series>,
    /// How hours are called, one for each value.
    pub(super) hours: &'c [String],
}

impl Chart<'_> {
    pub(super) fn markup(&self) -> Markup {
        let (title, description) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        let top = rounded_up(self.highest());
        let hours = u64::try_from(self.hours.len()).unwrap_or(24).max(1);
        let slot = (WIDTH - LEFT) / hours;
        html! {
            figure.chart {
                figcaption {
                    h3 { (self.title) }
                    p.soft { (self.how) }
                    p.chart-sum { (self.sum) }
                }
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" focusable="false"
                    aria-labelledby=(format!("{title} {description}")) {
                    title id=(title) { (self.title) }
                    desc id=(description) { (texts::chart_sum(self.title, &self.sum)) }
                    (scale(top))
                    @for (hour, name) in (0..).zip(self.hours) {
                        (self.hour(hour, name, top, slot))
                    }
                }
                (self.legend())
            }
        }
    }

    fn highest(&self) -> u64 {
        let sum = |hour| self.bars.iter().filter_map(|series| series.values.get(hour)).sum::<u64>();
        let marks = self.marks.iter().flat_map(|marks| marks.values.iter().copied());
        (0..self.hours.len()).map(sum).chain(marks).max().unwrap_or(0)
    }

    fn hour(&self, hour: usize, name: &str, top: u64, slot: u64) -> Markup {
        let x = LEFT + slot * u64::try_from(hour).unwrap_or(0);
        let (bar, gap) = (slot * 7 / 10, slot * 3 / 20);
        let mut below = 0;
        let parts: Vec<(u64, u64, &Series)> = self
            .bars
            .iter()
            .filter_map(|series| {
                let value = *series.values.get(hour)?;
                let end = y(below, top);
                below += value;
                (value > 0).then(|| (y(below, top), end, series))
            })
            .collect();
        let mark = self.marks.as_ref().and_then(|marks| {
            let value = marks.values.get(hour).copied().filter(|value| *value > 0)?;
            Some((value, marks))
        });
        let told = parts.iter().filter_map(|(.., series)| {
            Some(format!("{} {}", series.name, series.values.get(hour)?))
        });
        let told: Vec<String> = told
            .chain(mark.iter().map(|(value, marks)| format!("{} {value}", marks.name)))
            .collect();
        let label = name.split(':').next().unwrap_or(name);
        html! {
            g {
                @if !told.is_empty() { title { (name) ": " (told.join(", ")) } }
                rect.slot x=(x) y=(TOP) width=(slot) height=(HEIGHT - TOP - BOTTOM) {}
                @for (from, to, series) in &parts {
                    rect class=(format!("series-{}", series.colour)) x=(x + gap) y=(from)
                        width=(bar) height=(to.saturating_sub(*from).max(1)) {}
                }
                @if let Some((value, marks)) = mark {
                    rect class=(format!("series-{}", marks.colour)) x=(x + gap / 2)
                        y=(y(value, top).saturating_sub(1)) width=(bar + gap) height="3" {}
                }
                @if hour.is_multiple_of(3) {
                    text.axis x=(x + slot / 2) y=(HEIGHT - 7) text-anchor="middle" { (label) }
                }
            }
        }
    }

    fn legend(&self) -> Markup {
        let series: Vec<&Series> = self.bars.iter().chain(&self.marks).collect();
        html! {
            @if series.len() > 1 {
                ul.legend {
                    @for series in series {
                        li {
                            svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" focusable="false" {
                                rect class=(format!("series-{}", series.colour)) width="12" height="12" rx="2" {}
                            }
                            (series.name)
                        }
                    }
                }
            }
        }
    }
}

/// Lines across the chart with what they stand for.
fn scale(top: u64) -> Markup {
    html! {
        @for line in 0..=LINES {
            @let value = top * line / LINES;
            line.grid x1=(LEFT) x2=(WIDTH) y1=(y(value, top)) y2=(y(value, top)) {}
            text.axis x=(LEFT - 6) y=(y(value, top) + 4) text-anchor="end" { (value) }
        }
    }
}

fn y(value: u64, top: u64) -> u64 {
    let room = HEIGHT - TOP - BOTTOM;
    let high = room.saturating_mul(value).checked_div(top).unwrap_or(0).min(room);
    TOP + room - high
}

/// The least number at the top of a scale that its lines divide well.
fn rounded_up(highest: u64) -> u64 {
    let mut step = 1;
    loop {
        for nice in [1, 2, 5] {
            let top = u64::saturating_mul(step, nice * LINES);
            if top >= highest {
                return top;
            }
        }
        step = u64::saturating_mul(step, 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_whole_numbers_on_its_lines() {
        for (highest, expected) in [(0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (41, 80), (199, 200)]
        {
            assert_eq!(rounded_up(highest), expected, "for {highest}");
        }
        assert!(rounded_up(u64::MAX) == u64::MAX);
    }

    #[test]
    fn whoever_does_not_see_a_chart_is_told_what_it_comes_to() {
        let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}:00")).collect();
        let bars = vec![Series { name: "Made", colour: 1, values: vec![3; 24] }];
        let sum = "72 in all".to_owned();
        let chart =
            Chart { id: "made", title: "Made", how: "", sum, bars, marks: None, hours: &hours };
        let markup = chart.markup().into_string();
        assert!(markup.contains(r#"role="img""#) && markup.contains("72 in all"), "{markup}");
        assert!(markup.contains("<title>07:00: Made 3</title>"), "{markup}");
    }
}
