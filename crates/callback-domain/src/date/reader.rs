use chrono::{FixedOffset, Offset as _, Utc};

/// What stands in an accepted form, not yet checked against the calendar.
pub(super) struct Written {
    pub(super) date: (i32, u32, u32),
    pub(super) time: (u32, u32, u32),
    pub(super) micros: u32,
    pub(super) offset: FixedOffset,
}

/// Takes a text apart from left to right; each step is `None` when the text reads otherwise.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes() }
    }

    pub(super) fn written(self) -> Option<Written> {
        self.year_first().or_else(|| self.day_first())
    }

    /// `2019-06-24T15:00:56.273+02:00`; without a zone the seconds may be missing too.
    fn year_first(mut self) -> Option<Written> {
        let year = self.number(4)?.cast_signed();
        self.one_of(b"-")?;
        let month = self.number(2)?;
        self.one_of(b"-")?;
        let day = self.number(2)?;
        self.one_of(b"Tt")?;
        let (hour, minute) = self.hour_and_minute()?;
        let (second, micros, offset) = if self.rest.is_empty() {
            (0, 0, Utc.fix())
        } else {
            let (second, micros) = self.seconds()?;
            let offset = if self.rest.is_empty() { Utc.fix() } else { self.offset()? };
            (second, micros, offset)
        };
        self.end()?;
        Some(Written { date: (year, month, day), time: (hour, minute, second), micros, offset })
    }

    /// `24.06.2019 13:00:56.2732376Z`.
    fn day_first(mut self) -> Option<Written> {
        let day = self.number(2)?;
        self.one_of(b".")?;
        let month = self.number(2)?;
        self.one_of(b".")?;
        let year = self.number(4)?.cast_signed();
        self.one_of(b" ")?;
        let (hour, minute) = self.hour_and_minute()?;
        let (second, micros) = self.seconds()?;
        self.one_of(b"Zz")?;
        self.end()?;
        let offset = Utc.fix();
        Some(Written { date: (year, month, day), time: (hour, minute, second), micros, offset })
    }

    fn hour_and_minute(&mut self) -> Option<(u32, u32)> {
        let hour = self.number(2)?;
        self.one_of(b":")?;
        Some((hour, self.number(2)?))
    }

    /// `:56.273`: seconds and microseconds.
    fn seconds(&mut self) -> Option<(u32, u32)> {
        self.one_of(b":")?;
        let second = self.number(2)?;
        // 61 and more must not pass for a leap second.
        if second > 60 {
            return None;
        }
        let micros = if self.one_of(b".").is_some() { self.fraction()? } else { 0 };
        Some((second, micros))
    }

    /// One digit or more, of which six count.
    fn fraction(&mut self) -> Option<u32> {
        let mut micros = self.digit()?;
        let mut digits = 1;
        while let Some(digit) = self.digit() {
            if digits < 6 {
                micros = micros * 10 + digit;
                digits += 1;
            }
        }
        Some(micros * 10_u32.pow(6 - digits))
    }

    fn offset(&mut self) -> Option<FixedOffset> {
        if self.one_of(b"Zz").is_some() {
            return Some(Utc.fix());
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let (hour, minute) = self.hour_and_minute()?;
        let minutes = (hour < 24 && minute < 60).then_some(hour * 60 + minute)?;
        FixedOffset::east_opt(sign * 60 * minutes.cast_signed())
    }

    fn number(&mut self, digits: u32) -> Option<u32> {
        (0..digits).try_fold(0, |number, _| Some(number * 10 + self.digit()?))
    }

    fn digit(&mut self) -> Option<u32> {
        let digit = self.one_of(b"0123456789")?;
        Some(u32::from(digit - b'0'))
    }

    fn one_of(&mut self, accepted: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        accepted.contains(first).then(|| {
            self.rest = rest;
            *first
        })
    }

    fn end(self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}
