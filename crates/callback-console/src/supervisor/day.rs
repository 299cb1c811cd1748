//! A day in figures and charts.

use callback_domain::attempt::Outcome;
use callback_domain::date::{self, Instant};
use callback_engine::intervals::{Interval, MOST_HOURS, SECONDS, beginning};
use chrono::{Days, NaiveDate, NaiveTime, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use maud::{Markup, html};

use super::chart::{Chart, Series};
use crate::show;
use crate::texts::supervisor as texts;

/// A calendar day by somebody's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    pub(super) zone: Tz,
}

impl Day {
    /// The day that an instant is in.
    pub(super) fn of(at: Instant, zone: Tz) -> Self {
        Self { date: at.with_timezone(&zone).date_naive(), zone }
    }

    pub(super) fn before(self) -> Option<Self> {
        Some(Self { date: self.date.checked_sub_days(Days::new(1))?, ..self })
    }

    pub(super) fn after(self) -> Option<Self> {
        Some(Self { date: self.date.checked_add_days(Days::new(1))?, ..self })
    }

    /// When it begins: at midnight, or where the clock leaps over that, at the first hour after.
    pub(super) fn begins(self) -> Instant {
        let midnight = self.date.and_time(NaiveTime::MIN);
        let found = (0..24).find_map(|hour| {
            let later = midnight + chrono::TimeDelta::hours(hour);
            self.zone.from_local_datetime(&later).earliest()
        });
        found.map_or_else(|| midnight.and_utc(), |begins| begins.to_utc())
    }

    /// How many hours it has: 24, but for the days on which the clock is changed.
    pub(super) fn hours(self) -> u32 {
        let seconds =
            self.after().map_or(24 * SECONDS, |next| (next.begins() - self.begins()).num_seconds());
        u32::try_from((seconds + SECONDS - 1) / SECONDS).unwrap_or(24).clamp(1, MOST_HOURS)
    }

    /// How its hours are called.
    fn names(self) -> Vec<String> {
        let at = |hour| beginning(self.begins(), hour).with_timezone(&self.zone);
        (0..self.hours())
            .map(|hour| format!("{:02}:{:02}", at(hour).hour(), at(hour).minute()))
            .collect()
    }
}

/// Outcomes as a chart tells them apart.
const GROUPS: [(&str, u8, &[Outcome]); 4] = [
    (texts::REACHED, 1, &[Outcome::Completed, Outcome::OptedOut]),
    (
        texts::BUSY_OR_NO_ANSWER,
        2,
        &[Outcome::Busy, Outcome::NoAnswer, Outcome::Rejected, Outcome::Unreachable],
    ),
    (texts::MACHINE, 3, &[Outcome::Voicemail]),
    (
        texts::OTHER,
        4,
        &[
            Outcome::InvalidTarget,
            Outcome::AgentUnavailable,
            Outcome::Failed,
            Outcome::Lost,
            Outcome::Cancelled,
            Outcome::Unknown,
        ],
    ),
];

/// The charts of a day, and the same as a table.
pub(super) fn markup(day: Day, intervals: &[Interval]) -> Markup {
    let hours = day.names();
    let mut whole = Interval::default();
    for interval in intervals {
        whole.add(interval);
    }
    html! {
        div.charts {
            (arrivals(intervals, &whole, &hours).markup())
            (attempts(intervals, &whole, &hours).markup())
            (waits(intervals, &whole, &hours).markup())
            (promises(intervals, &whole, &hours).markup())
        }
        (table(intervals, &whole, &hours))
        p.soft { (texts::times_in(day.zone.name())) }
    }
}

fn arrivals<'c>(intervals: &[Interval], whole: &Interval, hours: &'c [String]) -> Chart<'c> {
    let values = intervals.iter().map(|hour| hour.arrivals).collect();
    Chart {
        id: "chart-arrivals",
        title: texts::ARRIVALS,
        how: texts::ARRIVALS_HOW,
        sum: whole.arrivals.to_string(),
        bars: vec![Series { name: texts::ARRIVALS, colour: 1, values }],
        marks: None,
        hours,
    }
}

fn attempts<'c>(intervals: &[Interval], whole: &Interval, hours: &'c [String]) -> Chart<'c> {
    let bars = GROUPS.map(|(name, colour, outcomes)| Series {
        name,
        colour,
        values: intervals.iter().map(|hour| of(hour, outcomes)).collect(),
    });
    let sums = GROUPS.map(|(name, _, outcomes)| format!("{name} {}", of(whole, outcomes)));
    Chart {
        id: "chart-attempts",
        title: texts::ATTEMPTS,
        how: texts::ATTEMPTS_HOW,
        sum: sums.join(", "),
        bars: bars.into(),
        marks: None,
        hours,
    }
}

fn waits<'c>(intervals: &[Interval], whole: &Interval, hours: &'c [String]) -> Chart<'c> {
    let minutes = |seconds: u64| seconds.div_ceil(60);
    let average =
        intervals.iter().map(|hour| minutes(hour.average_wait_seconds().unwrap_or(0))).collect();
    let longest = intervals.iter().map(|hour| minutes(hour.longest_wait_seconds)).collect();
    let sum = whole.average_wait_seconds().map_or_else(
        || texts::NOTHING_YET.to_owned(),
        |average| {
            let longest = seconds(whole.longest_wait_seconds);
            format!("{} {}, {} {longest}", texts::AVERAGE, seconds(average), texts::LONGEST)
        },
    );
    Chart {
        id: "chart-waits",
        title: texts::WAITS,
        how: texts::WAITS_HOW,
        sum,
        bars: vec![Series { name: texts::AVERAGE, colour: 1, values: average }],
        marks: Some(Series { name: texts::LONGEST, colour: 4, values: longest }),
        hours,
    }
}

fn promises<'c>(intervals: &[Interval], whole: &Interval, hours: &'c [String]) -> Chart<'c> {
    let kept = intervals.iter().map(|hour| hour.kept).collect();
    let broken = intervals.iter().map(|hour| hour.broken).collect();
    let sum = share(whole).map_or_else(
        || texts::NOTHING_YET.to_owned(),
        |share| {
            let (kept, broken) = (whole.kept, whole.broken);
            format!("{} {kept} ({share}), {} {broken}", texts::KEPT, texts::BROKEN)
        },
    );
    Chart {
        id: "chart-promises",
        title: texts::PROMISES,
        how: texts::PROMISES_HOW,
        sum,
        bars: vec![
            Series { name: texts::KEPT, colour: 5, values: kept },
            Series { name: texts::BROKEN, colour: 6, values: broken },
        ],
        marks: None,
        hours,
    }
}

fn of(interval: &Interval, outcomes: &[Outcome]) -> u64 {
    outcomes.iter().map(|outcome| interval.outcome(*outcome)).sum()
}

fn seconds(seconds: u64) -> String {
    show::duration(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// How much of what was promised and is settled was kept.
fn share(interval: &Interval) -> Option<String> {
    let percent = interval.kept.saturating_mul(100).checked_div(interval.kept + interval.broken)?;
    Some(format!("{percent} %"))
}

fn table(intervals: &[Interval], whole: &Interval, hours: &[String]) -> Markup {
    let row = |interval: &Interval| {
        html! {
            td.number { (interval.arrivals) }
            @for (_, _, outcomes) in GROUPS { td.number { (of(interval, outcomes)) } }
            td.number { @if let Some(average) = interval.average_wait_seconds() { (seconds(average)) } }
            td.number { @if interval.first_calls > 0 { (seconds(interval.longest_wait_seconds)) } }
            td.number { (interval.kept) }
            td.number { (interval.broken) }
        }
    };
    html! {
        details #day-table {
            summary { (texts::AS_A_TABLE) }
            div.table-scroll tabindex="0" role="region" aria-label=(texts::AS_A_TABLE) {
                table {
                    thead { tr {
                        th scope="col" { (texts::HOUR) }
                        th.number scope="col" { (texts::ARRIVALS) }
                        @for (name, ..) in GROUPS { th.number scope="col" { (name) } }
                        th.number scope="col" { (texts::AVERAGE) }
                        th.number scope="col" { (texts::LONGEST) }
                        th.number scope="col" { (texts::KEPT) }
                        th.number scope="col" { (texts::BROKEN) }
                    } }
                    tbody {
                        @for (name, interval) in hours.iter().zip(intervals) {
                            tr { th scope="row" { (name) } (row(interval)) }
                        }
                        tr { th scope="row" { (texts::THE_DAY) } (row(whole)) }
                    }
                }
            }
        }
    }
}

/// The date that somebody asked for.
pub(super) fn read(text: &str) -> Option<NaiveDate> {
    Some(date::parse(&format!("{text}T00:00")).ok()?.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str) -> Day {
        Day { date: read(date).unwrap(), zone: chrono_tz::Europe::Zurich }
    }

    #[test]
    fn days_on_which_the_clock_is_changed_have_their_own_length() {
        assert_eq!(day("2026-03-28").hours(), 24);
        assert_eq!(day("2026-03-29").hours(), 23);
        assert_eq!(day("2026-10-25").hours(), 25);
        assert_eq!(date::format(day("2026-03-29").begins()), "2026-03-28T23:00:00Z");
        assert_eq!(day("2026-03-29").names()[..4], ["00:00", "01:00", "03:00", "04:00"]);
    }

    #[test]
    fn every_outcome_is_in_one_group() {
        let grouped: Vec<Outcome> = GROUPS.iter().flat_map(|(.., group)| *group).copied().collect();
        assert_eq!(grouped.len(), Outcome::ALL.len());
        assert!(Outcome::ALL.iter().all(|outcome| grouped.contains(outcome)));
    }

    #[test]
    fn a_share_needs_something_settled() {
        assert_eq!(share(&Interval::default()), None);
        let settled = Interval { kept: 2, broken: 1, ..Interval::default() };
        assert_eq!(share(&settled).unwrap(), "66 %");
    }
}
