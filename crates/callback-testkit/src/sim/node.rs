//! The process: runs commands, carries out what follows from them, wakes, crashes and starts again,
//! as the engine's own driver does.

use std::collections::BTreeSet;
use std::sync::Arc;

use callback_domain::attempt::{Attempt, DriverCaps, Outcome};
use callback_domain::date::{self, Instant};
use callback_domain::id::{AgentId, NodeId, ServiceId};
use callback_engine::command::{After, Answer, Command, Report, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::mint::{Mint, Site};
use callback_engine::store::Rows as _;
use callback_engine::work;
use chrono::TimeDelta;
use rand::RngExt as _;

use super::broken::{Broken, Holds, demand};
use super::day::{Day, Happens};
use super::phones::{Placed, Resumed};
use super::record::Recorded;
use super::sabotage::Sabotage;
use super::watched::Watched;

/// The name of the driver.
pub(super) const DRIVER: &str = "phones";
/// How many things of each kind one tick moves.
const TICK_BATCH: usize = 20;
/// How many offers one dispatch makes.
const DISPATCH_BATCH: usize = 4;
/// How many rounds a driver may need to come to rest.
const MOST_ROUNDS: u32 = 2_000;
/// Every so many renewals it is asked whether a deadline was slept over.
const PULSES_BETWEEN_CHECKS: u64 = 8;
/// How late the driver may be.
const LATENESS_SECONDS: i64 = 1;
/// Every so many rests everything is checked.
const RESTS_BETWEEN_CHECKS: u64 = 400;

/// A process, with what it has to look at.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) site: Arc<Site>,
    pub(super) beat_at: Option<Instant>,
    services: BTreeSet<ServiceId>,
    agents: BTreeSet<AgentId>,
    later: BTreeSet<(Instant, ServiceId)>,
    deadline: Option<Instant>,
    recalculate: bool,
}

/// A process of the simulation, the same for the same seed.
pub(crate) fn site(seed: u64, manual: bool, now: Instant) -> Arc<Site> {
    let mint = Mint::seeded(seed);
    let caps = DriverCaps {
        places_calls: !manual,
        reports_progress: !manual,
        can_cancel: !manual,
        survives_restart: true,
        human_reports: manual,
    };
    Arc::new(Site { node: NodeId(mint.timed(now)), driver: DRIVER.to_owned(), caps, mint })
}

impl Day {
    /// Runs a command; `None` when there is no process, or when it died before it could answer.
    pub(super) fn run(&mut self, actor: Actor, what: What) -> Option<Result<Answer, Error>> {
        let site = Arc::clone(&self.node.as_ref()?.site);
        let (pulling, told) = (matches!(what, What::Next { .. }), self.events.is_some());
        let told = told.then(|| format!("    {what:?}"));
        let command = Command { actor, site, what };
        let (mirror, sabotage) = (&mut self.mirror, self.floor.sabotage);
        let done = self.store.transact(async |rows| {
            mirror.begin(rows.now(), pulling);
            work::run(&mut Watched { inner: rows, mirror, sabotage }, &command).await
        });
        self.mirror.end(done.is_err());
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.push(Recorded::Run {
                at: self.now,
                actor: command.actor.clone(),
                what: Box::new(command.what.clone()),
                done: Box::new(done.clone()),
            });
        }
        self.figures.steps += 1;
        self.figures.refusals += u64::from(done.is_err());
        if let Some(told) = told {
            self.tell(|| match &done {
                Ok(done) => format!("{told} -> {:?}", done.answer),
                Err(error) => format!("{told} -> refused: {error}"),
            });
        }
        if let Err(Error::Store(error)) = &done {
            let what = format!("{error} during {:?}", command.what);
            self.mirror.note(Err(Broken { invariant: "invariant_the_store_is_sound", what }));
        }
        let most = self.floor.crashes_per_million;
        if self.floor.faults && most > 0 && self.random.random_range(0..1_000_000) < most {
            self.tell(|| "    crash between store and effect".to_owned());
            self.crash();
            return None;
        }
        self.notice_agents();
        match done {
            Ok(done) => {
                self.follow_up(done.after);
                if let Answer::Dispatched { offers, .. } = &done.answer {
                    self.figures.offers += *offers as u64;
                }
                Some(Ok(done.answer))
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn follow_up(&mut self, mut after: After) {
        if self.floor.sabotage == Some(Sabotage::SleepOn) {
            after.services.clear();
        }
        if self.floor.sabotage == Some(Sabotage::ForgetDeadlines) {
            after.deadline = None;
        }
        for attempt in after.start {
            self.place(&attempt);
            if self.floor.sabotage == Some(Sabotage::StartTwice) {
                self.place(&attempt);
            }
        }
        for attempt in after.stop {
            let millis = self.millis(0, 800);
            self.plan(millis, Happens::Stops(attempt.id));
        }
        let latency = if self.chance(700) { 0 } else { self.millis(1, 400) };
        let now = self.now;
        let Some(node) = &mut self.node else { return };
        let sooner = match (node.deadline, after.deadline) {
            (Some(known), Some(at)) => at < known,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if sooner {
            node.deadline = after.deadline;
        }
        let work = after.recalculate
            || !(after.services.is_empty() && after.agents.is_empty() && after.later.is_empty());
        node.services.extend(after.services);
        node.agents.extend(after.agents);
        node.later.extend(after.later);
        node.recalculate |= after.recalculate;
        let at = if work {
            Some(date::add(now, TimeDelta::milliseconds(latency)))
        } else {
            node.deadline.filter(|_| sooner)
        };
        node.beat_at = match (node.beat_at, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }

    /// Gives a stored attempt to the driver.
    fn place(&mut self, attempt: &Attempt) {
        let holds = self.invariant_no_effect_without_stored_state(attempt);
        self.mirror.note(holds);
        self.figures.attempts += 1;
        if self.manual {
            return;
        }
        let refused = match self.phones_place(attempt) {
            Ok(Placed::Started) => None,
            Ok(Placed::Refused(cause)) => Some(cause),
            Err(broken) => return self.mirror.note(Err(broken)),
        };
        if let Some(cause) = refused {
            let outcome = Outcome::Failed;
            let report = Report::Ended {
                outcome,
                detail: Some(cause.to_owned()),
                retry_after_seconds: None,
            };
            self.plan(0, Happens::Says { attempt: attempt.id, number: 1, report });
        }
    }

    fn invariant_no_effect_without_stored_state(&self, attempt: &Attempt) -> Holds {
        let stored = self.mirror.attempts.get(&attempt.id);
        demand!(invariant_no_effect_without_stored_state:
            stored.is_some_and(|stored| stored == attempt && stored.is_open()),
            "{attempt:?} is placed, and {stored:?} is stored");
        Ok(())
    }

    /// The driver wakes, does what is due, dispatches, and rests.
    pub(super) fn beat(&mut self) {
        for _ in 0..MOST_ROUNDS {
            match self.round() {
                None => return,
                Some(true) => {}
                Some(false) => return self.rest(),
            }
        }
        let what = format!("at {} after {MOST_ROUNDS} rounds", self.now);
        self.mirror.note(Err(Broken { invariant: "invariant_the_driver_comes_to_rest", what }));
    }

    /// One round; whether there is more to do at once, `None` without a process.
    fn round(&mut self) -> Option<bool> {
        let now = self.now;
        let node = self.node.as_mut()?;
        let later = node.later.split_off(&(now, ServiceId::from_u128(u128::MAX)));
        let opened = std::mem::replace(&mut node.later, later);
        node.services.extend(opened.into_iter().map(|(_, service)| service));
        let recalculate = node.recalculate;
        if node.deadline.is_none_or(|at| at <= now) {
            node.deadline = None;
            let ticked = self.run(Actor::Timer, What::Tick { limit: TICK_BATCH })?;
            match ticked {
                Ok(Answer::Ticked { more: true, .. }) => self.node.as_mut()?.deadline = Some(now),
                Ok(_) => self.mirror.ticked = now,
                Err(error) => self.unexpected("a tick", &error),
            }
        }
        let dispatched = self.dispatch()?;
        if recalculate {
            self.node.as_mut()?.recalculate = false;
            let done = self.run(Actor::Timer, What::Recalculate { limit: TICK_BATCH })?;
            let again = !matches!(done, Ok(Answer::Ticked { more: false, .. }));
            self.node.as_mut()?.recalculate |= again;
        }
        let node = self.node.as_mut()?;
        let work = node.recalculate || !(node.services.is_empty() && node.agents.is_empty());
        if dispatched || recalculate || work {
            return Some(true);
        }
        let next = [node.deadline, node.later.first().map(|(at, _)| *at)];
        node.beat_at = next.into_iter().flatten().min();
        Some(node.beat_at.is_some_and(|at| at <= now))
    }

    fn dispatch(&mut self) -> Option<bool> {
        let node = self.node.as_mut()?;
        let services: Vec<ServiceId> = std::mem::take(&mut node.services).into_iter().collect();
        let agents: Vec<AgentId> = std::mem::take(&mut node.agents).into_iter().collect();
        if services.is_empty() && agents.is_empty() {
            return Some(false);
        }
        if self.random.random_range(0..1_000) < self.floor.questions_per_mille {
            self.question();
        }
        let what = What::Dispatch {
            services: services.clone(),
            agents: agents.clone(),
            limit: DISPATCH_BATCH,
        };
        let answer = self.run(Actor::Dispatcher, what)?;
        if let Err(error) = &answer {
            self.unexpected("a dispatch", error);
        }
        let again = !matches!(answer, Ok(Answer::Dispatched { more: false, .. }));
        if again {
            let node = self.node.as_mut()?;
            node.services.extend(services);
            node.agents.extend(agents);
        }
        Some(again)
    }

    pub(super) fn unexpected(&mut self, during: &str, error: &Error) {
        let what = format!("{during} at {}: {error}", self.now);
        self.mirror.note(Err(Broken { invariant: "invariant_the_engine_is_not_refused", what }));
    }

    /// Nothing is left to do before the next deadline.
    fn rest(&mut self) {
        self.figures.rests += 1;
        self.mirror.now = self.now;
        let holds = self.mirror.invariant_nobody_waits_while_an_agent_is_free();
        self.mirror.note(holds);
        if self.figures.rests.is_multiple_of(RESTS_BETWEEN_CHECKS) {
            let holds = self.mirror.check_rest(&self.store, &self.acknowledged);
            self.mirror.note(holds);
        }
    }

    /// The process dies with everything it had not stored.
    pub(super) fn crash(&mut self) {
        if self.node.take().is_none() {
            return;
        }
        self.figures.crashes += 1;
        if self.chance(500) {
            self.phones.forget();
        }
        let millis = if self.chance(500) { self.millis(0, 2_000) } else { self.millis(0, 200_000) };
        self.plan(millis, Happens::Restart);
    }

    /// A new process takes over what the last one left.
    pub(super) fn start_node(&mut self) {
        if self.node.is_some() {
            return;
        }
        self.starts += 1;
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(self.starts);
        let site = site(seed, self.manual, self.now);
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.push(Recorded::Start { at: self.now, seed, manual: self.manual });
        }
        self.node = Some(Node {
            site,
            beat_at: Some(self.now),
            services: BTreeSet::new(),
            agents: BTreeSet::new(),
            later: BTreeSet::new(),
            deadline: None,
            recalculate: false,
        });
        self.renew();
        self.take_over();
        self.run(Actor::Dispatcher, What::Survey);
    }

    pub(super) fn keep_alive(&mut self) {
        self.pulses += 1;
        if self.node.is_some() && self.pulses.is_multiple_of(PULSES_BETWEEN_CHECKS) {
            // A driver that sleeps is not seen at rest, so somebody looks from outside.
            self.mirror.now = date::add_seconds(self.now, -LATENESS_SECONDS);
            let holds = self.mirror.invariant_no_deadline_is_slept_over();
            self.mirror.note(holds);
        }
        if self.node.is_some() && !self.mirror.open.is_empty() {
            self.renew();
            self.take_over();
        }
        self.plan(20_000, Happens::KeepAlive);
    }

    fn renew(&mut self) {
        let attempts = self.phones.live();
        if let Some(Err(error)) =
            self.run(Actor::Driver(DRIVER.to_owned()), What::Renew { attempts })
        {
            self.unexpected("a renewal", &error);
        }
    }

    fn take_over(&mut self) {
        let what = What::TakeOver { alone: true };
        let answer = self.run(Actor::Driver(DRIVER.to_owned()), what);
        let Some(Ok(Answer::Attempts { taken, stopping })) = answer else { return };
        for attempt in taken {
            let resumed = if self.manual { Resumed::Live } else { self.phones.resume(attempt.id) };
            let outcome = match resumed {
                Resumed::Live => continue,
                Resumed::Ended(outcome) => outcome,
                Resumed::Unknown => Outcome::Lost,
            };
            let report = Report::Ended { outcome, detail: None, retry_after_seconds: None };
            let number = attempt.last_report.saturating_add(1);
            self.plan(0, Happens::Says { attempt: attempt.id, number, report });
        }
        for attempt in stopping {
            self.plan(0, Happens::Stops(attempt.id));
        }
    }
}
