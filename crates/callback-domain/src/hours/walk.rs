use chrono::{NaiveDate, NaiveTime, TimeDelta};

use super::calendar::Span;
use super::{OpeningHours, clock, within_years};
use crate::date::{EARLIEST, Instant, LATEST};

impl OpeningHours {
    /// Whether it is open; the instant of opening counts, that of closing does not.
    #[must_use]
    pub fn is_open(&self, at: Instant) -> bool {
        let at = accepted(at);
        self.windows(at).take_while(|window| window.opens <= at).any(|window| at < window.closes)
    }

    /// The first instant from `from` on at which it is open: `from` itself when it is,
    /// `None` when it never is again.
    #[must_use]
    pub fn next_opening(&self, from: Instant) -> Option<Instant> {
        let from = within_years(from)?.max(EARLIEST);
        let next = self.windows(from).find(|window| window.closes > from && !window.is_empty())?;
        within_years(next.opens.max(from))
    }

    /// The first instant after `from` at which it opens or closes.
    #[must_use]
    pub fn next_change(&self, from: Instant) -> Option<Instant> {
        let from = within_years(from)?.max(EARLIEST);
        if self.is_open(from) {
            self.next_closing(from).and_then(within_years)
        } else {
            self.next_opening(from)
        }
    }

    /// How long it is open from `from` until before `to`; zero when `to` is not later.
    #[must_use]
    pub fn open_between(&self, from: Instant, to: Instant) -> TimeDelta {
        let (mut counted, to) = (accepted(from), accepted(to));
        let mut open = TimeDelta::zero();
        for window in self.windows(counted).take_while(|window| window.opens < to) {
            let (opens, closes) = (window.opens.max(counted), window.closes.min(to));
            if opens < closes {
                open += closes - opens;
                counted = closes;
            }
        }
        open
    }

    /// The first instant by which it has been open this long since `from`,
    /// `None` when it never will; `from` itself when the time is not positive.
    #[must_use]
    pub fn after_open_time(&self, from: Instant, open: TimeDelta) -> Option<Instant> {
        let mut counted = within_years(from)?.max(EARLIEST);
        let mut missing = open;
        if missing <= TimeDelta::zero() {
            return Some(counted);
        }
        for window in self.windows(counted) {
            let opens = window.opens.max(counted);
            if opens < window.closes {
                let open = window.closes - opens;
                if missing <= open {
                    return within_years(opens + missing);
                }
                missing -= open;
                counted = window.closes;
            }
        }
        None
    }

    /// The closing of the window that is open at `from`, joined with those that follow at once.
    fn next_closing(&self, from: Instant) -> Option<Instant> {
        let mut windows = self.windows(from);
        let mut closes = from;
        while let Some(window) = windows.next() {
            // An empty window opens too, at the end of a gap: nothing else does in between.
            if window.opens > closes {
                break;
            }
            closes = closes.max(window.closes);
            if windows.spans.is_empty() && self.calendar.stays_open_after(windows.date) {
                // Without a hole in the week there are centuries that need no walk.
                let (eve, before) = eves(self.calendar.exception_after(windows.date)?)?;
                if windows.skip_to(before) {
                    closes = closes.max(clock::opening(self.zone, eve.and_time(NaiveTime::MIN)));
                }
            }
        }
        Some(closes)
    }

    /// The windows that could hold `at`, and all later ones, in order of their openings.
    fn windows(&self, at: Instant) -> Windows<'_> {
        // A span ends before the second midnight after the day on which it begins.
        let date = eves(clock::local(self.zone, at).date()).map(|(_, before)| before);
        let date = date.expect("accepted instants are far from the library's first date");
        Windows { hours: self, next: Some(date), date, spans: &[] }
    }
}

/// When an interval of one date opens and closes; empty when it is wholly inside a gap.
struct Window {
    opens: Instant,
    closes: Instant,
}

impl Window {
    fn is_empty(&self) -> bool {
        self.closes <= self.opens
    }
}

/// The windows of all dates from one on.
struct Windows<'a> {
    hours: &'a OpeningHours,
    /// The date to look at when the spans are used up.
    next: Option<NaiveDate>,
    /// The date to which the spans belong.
    date: NaiveDate,
    spans: &'a [Span],
}

impl Windows<'_> {
    /// Goes on with a later date, if it is one.
    fn skip_to(&mut self, date: NaiveDate) -> bool {
        let later = self.next.is_some_and(|next| next < date);
        if later {
            self.next = Some(date);
        }
        later
    }
}

impl Iterator for Windows<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        if self.spans.is_empty() {
            self.date = self.hours.calendar.opening_date(self.next?)?;
            self.next = self.date.succ_opt();
            self.spans = self.hours.calendar.spans(self.date);
        }
        let (span, rest) = self.spans.split_first()?;
        self.spans = rest;
        let zone = self.hours.zone;
        let midnight = self.date.and_time(NaiveTime::MIN);
        let after = |minutes: u16| midnight + TimeDelta::minutes(i64::from(minutes));
        Some(Window {
            opens: clock::opening(zone, after(span.from)),
            closes: clock::closing(zone, after(span.to)),
        })
    }
}

/// The day before a date, and the one before that.
fn eves(date: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let eve = date.pred_opt()?;
    Some((eve, eve.pred_opt()?))
}

fn accepted(at: Instant) -> Instant {
    at.clamp(EARLIEST, LATEST)
}
