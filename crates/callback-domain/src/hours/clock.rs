use chrono::{LocalResult, NaiveDateTime, Offset, TimeZone as _};
use chrono_tz::{GapInfo, Tz};

use crate::date::Instant;

/// The instant of an opening: the earlier of two, the first after a gap.
pub(super) fn opening(zone: Tz, local: NaiveDateTime) -> Instant {
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => instant(local, &offset),
        LocalResult::Ambiguous(one, other) => instant(local, &one).min(instant(local, &other)),
        LocalResult::None => after_gap(zone, local),
    }
}

/// The instant of a closing: the later of two, the first after a gap.
pub(super) fn closing(zone: Tz, local: NaiveDateTime) -> Instant {
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => instant(local, &offset),
        LocalResult::Ambiguous(one, other) => instant(local, &one).max(instant(local, &other)),
        LocalResult::None => after_gap(zone, local),
    }
}

/// What the clocks of the zone show.
pub(super) fn local(zone: Tz, at: Instant) -> NaiveDateTime {
    let utc = at.naive_utc();
    utc + zone.offset_from_utc_datetime(&utc).fix()
}

fn after_gap(zone: Tz, local: NaiveDateTime) -> Instant {
    let (begin, offset) = GapInfo::new(&local, &zone)
        .and_then(|gap| gap.begin)
        .expect("a local time that does not exist lies in a gap after other local times");
    instant(begin, &offset)
}

fn instant(local: NaiveDateTime, offset: &impl Offset) -> Instant {
    (local - offset.fix()).and_utc()
}
