//! The hours of an installation in memory.

use std::collections::BTreeMap;

use callback_domain::date::Instant;
use callback_domain::id::{AttemptId, CallbackId, ServiceId};

use super::state::State;
use crate::intervals::{Interval, MOST_HOURS, SECONDS, beginning, least_identity};

pub(super) fn of(state: &State, from: Instant, hours: u32) -> Vec<Interval> {
    let hours = hours.min(MOST_HOURS);
    let until = beginning(from, hours);
    let mut found = BTreeMap::<(u32, ServiceId), Interval>::new();
    for hour in 0..hours {
        let [least, end] = [hour, hour + 1].map(|hour| least_identity(beginning(from, hour)));
        for callback in state.callbacks.range(CallbackId(least)..CallbackId(end)) {
            at(&mut found, hour, callback.1.service).arrivals += 1;
        }
        for (_, attempt) in state.attempts.range(AttemptId(least)..AttemptId(end)) {
            let interval = at(&mut found, hour, attempt.service);
            interval.count_outcome(attempt.outcome(), 1);
            if attempt.number == 1 {
                let waited = (attempt.requested_at - attempt.queued_at).num_seconds();
                let waited = u64::try_from(waited).unwrap_or(0);
                interval.count_waits(1, waited, waited);
            }
        }
    }
    for callback in state.callbacks.values() {
        let ended = callback.updated_at;
        if let Some(reason) = callback.termination_reason()
            && (from..until).contains(&ended)
            && let Ok(hour) = u32::try_from((ended - from).num_seconds() / SECONDS)
        {
            at(&mut found, hour, callback.service).count_ends(reason, 1);
        }
    }
    found.into_values().collect()
}

fn at(
    found: &mut BTreeMap<(u32, ServiceId), Interval>,
    hour: u32,
    service: ServiceId,
) -> &mut Interval {
    found.entry((hour, service)).or_insert_with(|| Interval::empty(Some(service), hour))
}
