//! What happened hour by hour, by the times that identities tell and that callbacks ended at.

use std::collections::BTreeMap;

use callback_domain::attempt::Outcome;
use callback_domain::callback::TerminationReason;
use callback_domain::date::{self, Instant};
use callback_domain::id::ServiceId;
use callback_engine::intervals::{Interval, MOST_HOURS, beginning};
use rusqlite::{Connection, params};

use crate::sql::{Answer, Fields, all, unsigned};

const COLUMNS: &[&str] =
    &["hour", "service", "kind", "name", "number", "first", "waited", "longest"];

/// Each hour is a range of the primary keys, so nothing is read that lies outside.
const HOURS: &str = "\
    WITH RECURSIVE hours (hour, millis) AS ( \
        SELECT 0, ?1 UNION ALL SELECT hour + 1, millis + 3600000 FROM hours WHERE hour + 1 < ?2 \
    ), bounds AS ( \
        SELECT hour, unhex(printf('%012x00000000000000000000', millis)) AS least, \
            unhex(printf('%012x00000000000000000000', millis + 3600000)) AS end FROM hours \
    ) \
    SELECT hour, service, 0, NULL, count(*), 0, 0, 0 \
    FROM bounds JOIN callbacks ON id >= least AND id < end GROUP BY hour, service \
    UNION ALL \
    SELECT hour, service, 1, outcome, count(*), sum(number = 1), \
        sum(CASE WHEN number = 1 THEN waited ELSE 0 END), \
        max(CASE WHEN number = 1 THEN waited ELSE 0 END) \
    FROM (SELECT hour, number, unhex(replace(body ->> '$.Service', '-', '')) AS service, \
            body ->> '$.Verdict.Outcome' AS outcome, \
            max(0, CAST(round(unixepoch(body ->> '$.RequestedAt', 'subsec') \
                - unixepoch(body ->> '$.QueuedAt', 'subsec'), 3) AS INTEGER)) AS waited \
        FROM bounds JOIN attempts ON id >= least AND id < end) GROUP BY hour, service, outcome \
    UNION ALL \
    SELECT (updated_at - ?3) / 3600000000 AS hour, service, 2, reason, count(*), 0, 0, 0 \
    FROM callbacks WHERE live = 0 AND updated_at >= ?3 AND updated_at < ?4 \
    GROUP BY hour, service, reason";

pub(crate) fn of(connection: &Connection, from: Instant, hours: u32) -> Answer<Vec<Interval>> {
    let hours = hours.min(MOST_HOURS);
    if hours == 0 {
        return Ok(Vec::new());
    }
    let until = date::micros(beginning(from, hours));
    let bounds = params![from.timestamp_millis(), hours, date::micros(from), until];
    let mut found = BTreeMap::<(u32, ServiceId), Interval>::new();
    all(connection, HOURS, bounds, |row| {
        let mut fields = Fields::new(row, "callbacks", COLUMNS);
        let (hour, service, kind): (u32, _, i64) =
            (fields.take()?, ServiceId(fields.take()?), fields.take()?);
        let interval =
            found.entry((hour, service)).or_insert_with(|| Interval::empty(Some(service), hour));
        match kind {
            0 => {
                fields.take::<Option<String>>()?;
                interval.arrivals += unsigned(fields.take()?);
            }
            1 => {
                let outcome = fields.maybe_named(Outcome::ALL, Outcome::name)?;
                interval.count_outcome(outcome, unsigned(fields.take()?));
                let [first, waited, longest] = [fields.take()?, fields.take()?, fields.take()?];
                interval.count_waits(unsigned(first), unsigned(waited), unsigned(longest));
            }
            _ => {
                let reason = fields.named(&TerminationReason::ALL, TerminationReason::name)?;
                interval.count_ends(reason, unsigned(fields.take()?));
            }
        }
        Ok(())
    })?;
    Ok(found.into_values().collect())
}
