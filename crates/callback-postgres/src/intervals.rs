//! What happened hour by hour, by the times that identities tell and that callbacks ended at.

use std::collections::BTreeMap;

use callback_domain::attempt::Outcome;
use callback_domain::callback::TerminationReason;
use callback_domain::date::Instant;
use callback_domain::id::ServiceId;
use callback_engine::intervals::{Interval, MOST_HOURS, beginning, least_identity};
use callback_engine::store::Rowed;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::records::{column, corrupt, unsigned};

const TABLE: &str = "callbacks";

/// Each hour is a range of the primary keys, so nothing is read that lies outside.
pub(crate) const HOURS: &str = "/* PostgresStore::intervals */ \
    WITH bounds AS ( \
        SELECT (number - 1)::integer AS hour, least, ending \
        FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS hours (least, ending, number) \
    ) \
    SELECT service, hour, 'Made' AS kind, NULL AS name, count(*) AS number, \
        0::bigint AS first, 0::bigint AS waited, 0::bigint AS longest \
    FROM bounds JOIN callbacks ON id >= least AND id < ending GROUP BY hour, service \
    UNION ALL \
    SELECT service, hour, 'Tried', outcome, count(*), count(*) FILTER (WHERE attempt = 1), \
        (coalesce(sum(waited) FILTER (WHERE attempt = 1), 0))::bigint, \
        coalesce(max(waited) FILTER (WHERE attempt = 1), 0) \
    FROM (SELECT hour, number AS attempt, (record ->> 'Service')::uuid AS service, \
            record -> 'Verdict' ->> 'Outcome' AS outcome, \
            greatest(0, floor(extract(epoch FROM (record ->> 'RequestedAt')::timestamptz \
                - (record ->> 'QueuedAt')::timestamptz))::bigint) AS waited \
        FROM bounds JOIN attempts ON id >= least AND id < ending) AS tried \
    GROUP BY hour, service, outcome \
    UNION ALL \
    SELECT service, floor(extract(epoch FROM updated_at - $3) / 3600)::integer AS hour, 'Ended', \
        reason, count(*), 0, 0, 0 \
    FROM callbacks WHERE phase = 'Terminated' AND updated_at >= $3 AND updated_at < $4 \
    GROUP BY 2, service, reason";

/// The least identities of the hours, and those of the hours after them.
pub(crate) fn bounds(from: Instant, hours: u32) -> (Vec<Uuid>, Vec<Uuid>) {
    let at = |hour| least_identity(beginning(from, hour));
    (0..hours.min(MOST_HOURS)).map(|hour| (at(hour), at(hour + 1))).unzip()
}

pub(crate) fn read(rows: &[Row]) -> Rowed<Vec<Interval>> {
    let mut found = BTreeMap::<(u32, ServiceId), Interval>::new();
    for row in rows {
        let service = ServiceId(column(row, TABLE, "service")?);
        let hour = u32::try_from(column::<i32>(row, TABLE, "hour")?).unwrap_or(0);
        let interval =
            found.entry((hour, service)).or_insert_with(|| Interval::empty(Some(service), hour));
        let number = unsigned(column(row, TABLE, "number")?);
        let name: Option<&str> = column(row, TABLE, "name")?;
        let unknown = || corrupt(row, TABLE, "name", format!("{name:?} is no name that is known"));
        match column::<&str>(row, TABLE, "kind")? {
            "Made" => interval.arrivals += number,
            "Tried" => {
                let outcome = name.map(|name| name.parse::<Outcome>().map_err(|_| unknown()));
                interval.count_outcome(outcome.transpose()?, number);
                let [first, waited, longest] =
                    ["first", "waited", "longest"].map(|figure| column(row, TABLE, figure));
                interval.count_waits(unsigned(first?), unsigned(waited?), unsigned(longest?));
            }
            _ => {
                let reason =
                    TerminationReason::ALL.into_iter().find(|known| Some(known.name()) == name);
                interval.count_ends(reason.ok_or_else(unknown)?, number);
            }
        }
    }
    Ok(found.into_values().collect())
}
