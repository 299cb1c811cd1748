//! Instants in microseconds since 1970, as the wire tells them.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::DateTime;

/// Microseconds of one second.
pub(crate) const SECOND: i64 = 1_000_000;

/// The time by this machine.
pub(crate) fn now_micros() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

/// Reads an instant from the wire.
pub(crate) fn micros(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_keeps_its_microseconds() {
        assert_eq!(micros("1970-01-01T00:00:01.000002Z"), Some(SECOND + 2));
        assert_eq!(micros("yesterday"), None);
    }
}
