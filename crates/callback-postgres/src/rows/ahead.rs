//! What the commands of a batch will ask for, locked and read together.
//!
//! Lines are locked in the order of their keys and agents in the order of their ids, so that
//! batches do not wait for each other in a ring.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callback_domain::date::Instant;
use callback_domain::id::{AttemptId, CallbackId, ServiceId};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;
use callback_engine::command::{Command, Create, What};
use callback_engine::route::Route;
use callback_engine::store::{Claim, Rowed};
use callback_engine::suppression::Suppression;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresRows;
use super::line::LOCK_LINES;
use super::queues::{DEEPEST, open_heads};
use super::staff::{AGENTS_LOCKED, agents_locked};
use super::suppressions::suppression;
use crate::connection::{Asked, Parameter, Session};
use crate::failure::Failure;
use crate::locks::class;
use crate::records::{column, limit, record};

/// The callbacks that are moved, those of attempts that are reported on among them.
macro_rules! moved {
    () => {
        "ANY($1 || ARRAY(SELECT callback FROM attempts WHERE id = ANY($2)))"
    };
}
/// The lines of what is moved, and further ones.
macro_rules! moved_lines {
    () => {
        concat!(
            "(SELECT key FROM callbacks WHERE id = ",
            moved!(),
            " UNION SELECT key FROM attempts WHERE id = ANY($2) \
              UNION SELECT unnest($3::text[]) ORDER BY key) AS line"
        )
    };
}
/// Who holds lines, and what is suppressed on them: a row for each suppression, or one without.
macro_rules! gates {
    ($lines:expr) => {
        concat!(
            "SELECT key, callback, claims.service AS held_for, attempt, \
                sequence, suppressions.id, suppressions.service, reason, until, created_at FROM ",
            $lines,
            " LEFT JOIN claims USING (key) LEFT JOIN suppressions USING (key)"
        )
    };
}
/// The services for which agents work.
macro_rules! served {
    () => {
        "ANY(ARRAY(SELECT service FROM agent_services WHERE agent = ANY($1)))"
    };
}
macro_rules! sql {
    ($name:literal, $($part:expr),+ $(,)?) => {
        concat!("/* PostgresRows::read_ahead ", $name, " */ ", $($part),+)
    };
}

const LOCK_MOVED: &str = sql!(
    "lock moved",
    "SELECT key, pg_advisory_xact_lock(",
    class!(line),
    ", hashtext(key)) FROM ",
    moved_lines!()
);
const CALLBACKS: &str =
    sql!("callbacks", "SELECT id, key, record FROM callbacks WHERE id = ", moved!());
/// Not by the index of all that are open.
const ATTEMPTS: &str = sql!(
    "attempts",
    "SELECT id, key, record FROM (SELECT id, key, record, open FROM attempts WHERE callback = ",
    moved!(),
    " OFFSET 0) AS attempts WHERE open"
);
const AGENTS_MOVED: &str = sql!(
    "agents of moved",
    agents_locked!(
        "(SELECT DISTINCT agent AS id FROM callbacks WHERE id = ",
        moved!(),
        " ORDER BY agent)"
    )
);
const GATES: &str = sql!("gates", gates!("unnest($1::text[]) AS line (key)"));
const GATES_MOVED: &str = sql!("gates of moved", gates!(moved_lines!()));
const SERVICES: &str = sql!("services", "SELECT id, record FROM services WHERE id = ANY($1)");
const SERVICES_MOVED: &str = sql!(
    "services of moved",
    "SELECT id, record FROM services WHERE id = ANY($3 || ARRAY( \
        SELECT service FROM callbacks WHERE id = ",
    moved!(),
    "))"
);
const SERVICES_SERVED: &str =
    sql!("services served", "SELECT id, record FROM services WHERE id = ", served!());
const PASSES: &str = sql!(
    "passes",
    "SELECT service AS id, ahead FROM passes WHERE service = ",
    served!(),
    " ORDER BY service FOR UPDATE"
);
/// How routes stand, and which services cap attempts.
const LIMITS: &str = sql!(
    "limits",
    "SELECT name, record, NULL::uuid AS id, NULL::integer AS attempts_cap \
        FROM routes WHERE name = ANY($1) \
    UNION ALL SELECT NULL, NULL, id, attempts_cap \
        FROM services WHERE attempts_cap IS NOT NULL"
);
/// Nothing of the future is looked at: what was moved away from there may still be kept.
const EARLIEST: &str = sql!(
    "earliest",
    "SELECT deadline FROM callbacks WHERE deadline >= $1 AND deadline <= statement_timestamp() \
        ORDER BY deadline LIMIT 1"
);
/// Of the pullers' own lanes those in which something is ready.
const OWN_LANES: &str = sql!(
    "own lanes",
    "SELECT service, agent FROM agent_services AS at WHERE agent = ANY($1) AND ( \
        SELECT id FROM callbacks \
        WHERE ready AND callbacks.service = at.service AND lane = at.agent \
        ORDER BY callbacks.service, lane, priority, place, id LIMIT 1) IS NOT NULL"
);
pub(crate) const HEADS_SERVED: &str = sql!(
    "heads",
    open_heads!("(SELECT DISTINCT service FROM agent_services WHERE agent = ANY($1))", "$2")
);

/// What the commands of a batch will ask for.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Callbacks that are moved.
    callbacks: Vec<Uuid>,
    /// Attempts that are reported on.
    attempts: Vec<Uuid>,
    /// Agents who take tasks.
    pullers: Vec<Uuid>,
    depth: i64,
    /// Lines on which callbacks are made.
    keys: Vec<String>,
    /// Those of them on which one enters the queue at once.
    entered: Vec<String>,
    /// Services for which callbacks are made.
    services: Vec<Uuid>,
    routes: Vec<String>,
    /// Before this instant nothing is due.
    settled: Instant,
}

/// What a statement that was sent ahead asks.
#[derive(Clone, Copy, PartialEq)]
enum About {
    Passes,
    Agents,
    Lines,
    Callbacks,
    Attempts,
    Gates,
    Services,
    Limits,
    Earliest,
    OwnLanes,
    Heads,
}

impl Ahead {
    pub(crate) fn of(commands: &[Command], settled: Instant) -> Self {
        let mut ahead = Self { settled, ..Self::default() };
        let (mut callbacks, mut pullers, mut routes) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut keys, mut entered, mut services) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for command in commands {
            let mut asks = true;
            if let What::Move { callback, .. } = &command.what {
                callbacks.insert(callback.0);
            } else if let What::Report { attempt, .. } = &command.what {
                ahead.attempts.push(attempt.0);
            } else if let What::Next { agent } = &command.what {
                pullers.insert(agent.0);
            } else if let What::Create(create) = &command.what {
                let key = called(create).as_str().to_owned();
                asks = enters_at_once(create);
                if asks {
                    entered.insert(key.clone());
                }
                keys.insert(key);
                services.insert(create.new.service.0);
            } else if let What::CreateBatch(batch) = command.what.bare() {
                let made = batch.items.iter().flatten();
                keys.extend(made.map(|create| called(create).as_str().to_owned()));
                asks = false;
            } else if let What::CancelThese(these) = &command.what {
                callbacks.extend(these.callbacks.iter().map(|id| id.0));
            } else {
                asks = false;
            }
            if asks {
                routes.insert(command.site.driver.clone());
            }
        }
        ahead.callbacks = callbacks.into_iter().collect();
        ahead.pullers = pullers.into_iter().collect();
        ahead.depth = limit(ahead.pullers.len().clamp(1, DEEPEST));
        ahead.keys = keys.into_iter().collect();
        ahead.entered = entered.into_iter().collect();
        ahead.services = services.into_iter().collect();
        ahead.routes = routes.into_iter().collect();
        ahead
    }

    fn moves(&self) -> bool {
        !self.callbacks.is_empty() || !self.attempts.is_empty()
    }

    /// The statements, in the order in which locks are taken.
    fn asked(&self) -> Vec<(About, &'static str, Vec<Parameter<'_>>)> {
        let mut asked: Vec<(About, &'static str, Vec<Parameter<'_>>)> = Vec::new();
        if !self.pullers.is_empty() {
            asked.push((About::Passes, PASSES, vec![&self.pullers]));
            asked.push((About::Agents, AGENTS_LOCKED, vec![&self.pullers]));
            asked.push((About::Services, SERVICES_SERVED, vec![&self.pullers]));
            asked.push((About::Earliest, EARLIEST, vec![&self.settled]));
            asked.push((About::OwnLanes, OWN_LANES, vec![&self.pullers]));
            asked.push((About::Heads, HEADS_SERVED, vec![&self.pullers, &self.depth]));
        }
        // Lines are locked in one order, whatever is done on them.
        if self.moves() {
            let moved: [Parameter<'_>; 2] = [&self.callbacks, &self.attempts];
            let also = |more| vec![moved[0], moved[1], more];
            asked.push((About::Lines, LOCK_MOVED, also(&self.entered)));
            asked.push((About::Agents, AGENTS_MOVED, moved.to_vec()));
            asked.push((About::Callbacks, CALLBACKS, moved.to_vec()));
            asked.push((About::Attempts, ATTEMPTS, moved.to_vec()));
            asked.push((About::Gates, GATES_MOVED, also(&self.keys)));
            asked.push((About::Services, SERVICES_MOVED, also(&self.services)));
        } else if !self.keys.is_empty() {
            if !self.entered.is_empty() {
                asked.push((About::Lines, LOCK_LINES, vec![&self.entered]));
            }
            asked.push((About::Gates, GATES, vec![&self.keys]));
            asked.push((About::Services, SERVICES, vec![&self.services]));
        }
        if !self.routes.is_empty() {
            asked.push((About::Limits, LIMITS, vec![&self.routes]));
        }
        asked
    }

    /// Begins a transaction with a first statement, and asks with it; answers the rows of both.
    pub(crate) async fn begin(
        &self,
        session: &mut Session,
        first: &'static str,
    ) -> Result<(Vec<Row>, Answers), Failure> {
        let asked = self.asked();
        let mut all: Vec<Asked<'_>> = vec![(first, &[])];
        all.extend(asked.iter().map(|(_, sql, parameters)| (*sql, parameters.as_slice())));
        let mut rows = session.begin(&all).await?.into_iter();
        let first = rows.next().unwrap_or_default();
        Ok((first, Answers(asked.iter().map(|(about, ..)| *about).zip(rows).collect())))
    }
}

/// Whether a callback enters the queue when it is made.
const fn enters_at_once(create: &Create) -> bool {
    create.enters && !create.dry_run && create.new.due.is_none()
}

/// What was answered to what was asked ahead.
pub(crate) struct Answers(Vec<(About, Vec<Row>)>);

impl PostgresRows<'_> {
    /// Keeps what was asked for with the beginning of the transaction, and reads what the agents
    /// of the batch will be given.
    pub(crate) async fn keep_ahead(&mut self, ahead: &Ahead, answers: Answers) -> Rowed<()> {
        self.settled = ahead.settled;
        self.queues.pullers.clone_from(&ahead.pullers);
        self.only_callbacks = !ahead.pullers.is_empty();
        for name in &ahead.routes {
            self.routes.insert(name.clone(), (None, Route::default()));
        }
        let (mut queues, mut own, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        for (about, rows) in answers.0 {
            match about {
                About::Passes => queues = self.keep_passes(&rows)?,
                About::Agents => drop(self.keep_agents(&rows)?),
                About::Lines => {
                    for row in &rows {
                        self.lines.insert(TargetKey::from_stored(column(row, "callbacks", "key")?));
                    }
                }
                About::Callbacks => {
                    // Otherwise its target was edited while its line was awaited: it is read by
                    // itself.
                    for callback in self.callbacks_held(&rows)? {
                        self.callbacks.insert(callback.id, callback);
                    }
                }
                About::Attempts => self.keep_attempts(&rows)?,
                About::Gates => self.keep_gates(&rows)?,
                About::Services => {
                    for row in &rows {
                        let service: Service = record(row, "services")?;
                        self.services.insert(service.id, Some(Arc::new(service)));
                    }
                }
                About::Limits => {
                    let (capped, routes): (Vec<Row>, Vec<Row>) = rows
                        .into_iter()
                        .partition(|row| matches!(row.try_get("id"), Ok(Some::<Uuid>(_))));
                    self.keep_routes(&routes)?;
                    self.keep_capped(&capped)?;
                }
                About::Earliest => {
                    let earliest: Option<Instant> = match rows.first() {
                        Some(row) => column(row, "callbacks", "deadline")?,
                        None => None,
                    };
                    let nothing = earliest.is_none_or(|at| at > self.now);
                    self.nothing_due = nothing.then_some(self.now);
                }
                About::OwnLanes => own = rows,
                About::Heads => heads = rows,
            }
        }
        // What is due enters the queues first, and then they are read anew.
        if queues.is_empty() || self.nothing_due.is_none() {
            return Ok(());
        }
        self.keep_lanes(&queues, &own, &heads)?;
        if ahead.pullers.len() > 1 || queues.len() == 1 {
            self.read_picks_ahead(&queues).await?;
        }
        Ok(())
    }

    fn keep_attempts(&mut self, rows: &[Row]) -> Rowed<()> {
        for row in rows {
            if self.holds(&TargetKey::from_stored(column(row, "attempts", "key")?)) {
                let id = AttemptId(column(row, "attempts", "id")?);
                self.attempts.insert(id, record(row, "attempts")?);
            }
        }
        Ok(())
    }

    /// Keeps what is suppressed on lines at present, and who holds those that are locked.
    fn keep_gates(&mut self, rows: &[Row]) -> Rowed<()> {
        let mut suppressed: BTreeMap<TargetKey, Vec<Suppression>> = BTreeMap::new();
        for row in rows {
            let key = TargetKey::from_stored(column(row, "claims", "key")?);
            if self.holds(&key) && !self.claims.contains_key(&key) {
                self.claims.insert(key.clone(), claim(row)?);
            }
            let on_line = suppressed.entry(key).or_default();
            if column::<Option<i64>>(row, "suppressions", "sequence")?.is_some() {
                on_line.push(suppression(row)?);
            }
        }
        for (key, mut on_line) in suppressed {
            on_line.retain(|one| one.until.is_none_or(|until| until > self.now));
            on_line.sort_by_key(|one| one.sequence);
            self.suppressed.insert(key, on_line);
        }
        Ok(())
    }

    /// Locks lines, and reads of callbacks that wait on them, of who holds them and of what is
    /// suppressed there; answers the callbacks.
    pub(super) async fn lock_and_read_lines(
        &mut self,
        keys: &[TargetKey],
        ids: &[Uuid],
    ) -> Rowed<Vec<Row>> {
        let mut all: Vec<&str> = texts(keys);
        all.sort_unstable();
        all.dedup();
        let asked: [Asked<'_>; 3] =
            [(LOCK_LINES, &[&all]), (super::queues::PICKED, &[&ids]), (GATES, &[&all])];
        let mut answers = self.query_all(&asked).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let (_locked, picked, gates) = (next(), next(), next());
        self.lines.extend(keys.iter().cloned());
        self.keep_gates(&gates)?;
        Ok(picked)
    }

    /// Reads who holds lines that are locked, and what is suppressed on them.
    pub(super) async fn read_lines_ahead(&mut self, keys: &[TargetKey]) -> Rowed<()> {
        let missing: Vec<TargetKey> = keys
            .iter()
            .filter(|key| !self.claims.contains_key(*key) || !self.suppressed.contains_key(*key))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = self.query(GATES, &[&texts(&missing)]).await?;
        self.keep_gates(&rows)
    }

    pub(super) async fn claim_of(&mut self, key: &TargetKey) -> Rowed<Option<Claim>> {
        self.lock_line(key).await?;
        if let Some(known) = self.claims.get(key) {
            return Ok(*known);
        }
        self.read_lines_ahead(std::slice::from_ref(key)).await?;
        Ok(self.claims.get(key).copied().flatten())
    }

    pub(super) async fn suppressed_on(&mut self, key: &TargetKey) -> Rowed<Vec<Suppression>> {
        if let Some(known) = self.suppressed.get(key) {
            return Ok(known.clone());
        }
        self.read_lines_ahead(std::slice::from_ref(key)).await?;
        Ok(self.suppressed.get(key).cloned().unwrap_or_default())
    }
}

/// Whose line a creation is for.
fn called(create: &Create) -> TargetKey {
    create.new.alternative_target.as_ref().unwrap_or(&create.new.target).key()
}

fn texts(keys: &[TargetKey]) -> Vec<&str> {
    keys.iter().map(TargetKey::as_str).collect()
}

/// Who holds the line of a row, if anybody does.
fn claim(row: &Row) -> Rowed<Option<Claim>> {
    let Some(callback) = column::<Option<Uuid>>(row, "claims", "callback")? else {
        return Ok(None);
    };
    Ok(Some(Claim {
        callback: CallbackId(callback),
        service: ServiceId(column(row, "claims", "held_for")?),
        attempt: column::<Option<Uuid>>(row, "claims", "attempt")?.map(AttemptId),
    }))
}
