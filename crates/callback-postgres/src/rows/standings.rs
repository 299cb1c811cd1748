//! Who stands ready: told by what is written where that can be, and looked for where it cannot.

use std::collections::BTreeMap;

use callback_domain::callback::Callback;
use callback_domain::id::{AgentId, CallbackId, ServiceId};
use callback_domain::target::TargetKey;
use callback_engine::store::{Gate, Rowed};
use tokio_postgres::Row;
use uuid::Uuid;

use super::line::Standing;
use super::sending::MOVED_ON;
use super::{OPEN_LANE, PostgresRows, owned};
use crate::connection::UnderWay;
use crate::failure::Failure;
use crate::records::column;

/// The front of each group of an open key, found from group to group however many wait in each;
/// then whatever is ready and should not be, and the reverse, is turned over.
///
/// `OFFSET 0` keeps the planner from walking past everything that is ready to find who of it is on
/// these lines, which looks as cheap on a young table.
pub(crate) const REFRESH: &str = "/* PostgresRows::refresh */ \
    WITH RECURSIVE gate AS ( \
        SELECT key, closed FROM unnest($1::text[], $2::boolean[]) AS gate (key, closed) \
    ), front AS ( \
        SELECT first.* FROM gate CROSS JOIN LATERAL \
        (SELECT id, key, service, lane, priority, ready FROM callbacks \
         WHERE key = gate.key AND place IS NOT NULL AND NOT backed_off \
         ORDER BY service, lane, priority, place, id LIMIT 1) AS first WHERE NOT gate.closed \
        UNION ALL \
        SELECT next.* FROM front CROSS JOIN LATERAL \
        (SELECT id, key, service, lane, priority, ready FROM callbacks \
         WHERE key = front.key AND place IS NOT NULL AND NOT backed_off \
           AND (service, lane, priority) > (front.service, front.lane, front.priority) \
         ORDER BY service, lane, priority, place, id LIMIT 1) AS next \
    ), open AS ( \
        SELECT id, service, lane, ready FROM front WHERE NOT EXISTS ( \
            SELECT FROM unnest($3::text[], $4::uuid[]) AS shut (key, service) \
            WHERE shut.key = front.key AND shut.service = front.service) \
    ), turned AS ( \
        UPDATE callbacks SET ready = NOT ready, written = pg_current_xact_id() WHERE id = ANY(ARRAY( \
            SELECT id FROM open WHERE NOT ready \
            UNION ALL \
            SELECT standing.id FROM gate CROSS JOIN LATERAL \
                (SELECT id FROM callbacks WHERE CASE WHEN ready THEN key END = gate.key \
                 OFFSET 0) AS standing \
            WHERE standing.id NOT IN (SELECT id FROM open))) \
    ) \
    SELECT id, service, lane FROM open";

/// Callbacks that were written, some of which were perhaps the only ones on their lines.
pub(super) struct Standings {
    pub(super) rows: UnderWay<'static>,
    pub(super) count: usize,
    pub(super) lone: BTreeMap<CallbackId, Lone>,
}

/// A callback that is the only change to its line: it comes to wait there and may go, or it waits
/// no more.
pub(super) struct Lone {
    /// Where it waits.
    lane: Option<(ServiceId, Uuid)>,
    key: TargetKey,
    gate: Gate,
}

impl Lone {
    pub(super) fn new(callback: &Callback, gate: Gate) -> Self {
        let standing = Standing::of(callback);
        let lane = standing.waits().then_some((callback.service, standing.lane));
        Self { lane, key: callback.key(), gate }
    }

    pub(super) const fn waits(&self) -> bool {
        self.lane.is_some()
    }
}

impl PostgresRows<'_> {
    /// Waits for what was written as being alone on its line; lines on which others wait after all
    /// are refreshed.
    pub(super) async fn settle_standings(&mut self) -> Rowed<()> {
        for Standings { rows, count, mut lone } in std::mem::take(&mut self.standings) {
            let rows = match rows.await {
                Ok(rows) => rows,
                Err(error) => return Err(self.fail(Failure::of("writing", &error)).await),
            };
            if rows.len() < count {
                return Err(self.conflict("PostgresRows::update_callback", MOVED_ON).await);
            }
            let mut gates = BTreeMap::new();
            for row in &rows {
                let id = CallbackId(column(row, "callbacks", "id")?);
                let Some(Lone { lane, key, gate }) = lone.remove(&id) else { continue };
                if column(row, "callbacks", "others")? {
                    gates.insert(key, gate);
                } else if let Some((service, lane)) = lane {
                    self.wake(service, lane);
                }
            }
            self.send_gates(&gates).await?;
        }
        Ok(())
    }

    pub(super) async fn send_gates(&mut self, gates: &BTreeMap<TargetKey, Gate>) -> Rowed<()> {
        if gates.is_empty() {
            return Ok(());
        }
        let (mut keys, mut closed) = (Vec::new(), Vec::new());
        let (mut shut_keys, mut shut_services) = (Vec::new(), Vec::new());
        for (key, gate) in gates {
            keys.push(key.as_str().to_owned());
            closed.push(gate.closed);
            for service in &gate.closed_services {
                shut_keys.push(key.as_str().to_owned());
                shut_services.push(service.0);
            }
        }
        let parameters = owned![keys, closed, shut_keys, shut_services];
        let rows = self.send_query(REFRESH, parameters).await?;
        self.refreshes.push(rows);
        Ok(())
    }

    /// Wakes the lanes of rows that may go.
    pub(super) fn wake_all(&mut self, rows: &[Row]) -> Rowed<()> {
        for row in rows {
            let service = ServiceId(column(row, "callbacks", "service")?);
            let lane: Uuid = column(row, "callbacks", "lane")?;
            self.wake(service, lane);
        }
        Ok(())
    }

    fn wake(&mut self, service: ServiceId, lane: Uuid) {
        self.woken.insert((service, (lane != OPEN_LANE).then_some(AgentId(lane))));
    }
}
