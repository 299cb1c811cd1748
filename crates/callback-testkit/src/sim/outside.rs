//! Customers and operators: callbacks asked for, changed and cancelled; services, users and the
//! suppression list edited.

use callback_domain::agent::{Distribution, Presence};
use callback_domain::callback::{Creator, Preferred};
use callback_domain::date;
use callback_domain::id::{AgentId, CallbackId};
use callback_domain::lifecycle::{Change, Edit, NewCallback};
use callback_domain::priority::Priority;
use callback_domain::target::Target;
use callback_engine::command::{AgentChange, Answer, Create, Motion, What};
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::suppression::Suppression;
use rand::RngExt as _;
use uuid::Uuid;

use super::day::{Day, Happens};
use super::floor;

/// How often a customer asks again while there is no process.
const PATIENCE_MILLIS: i64 = 30_000;

impl Day {
    fn line(&mut self) -> Target {
        let at = self.random.random_range(0..self.lines.len());
        self.lines[at].clone()
    }

    fn some_agent(&mut self) -> Option<AgentId> {
        let count = self.mirror.agents.len();
        if count == 0 {
            return None;
        }
        let at = self.random.random_range(0..count);
        self.mirror.agents.keys().nth(at).copied()
    }

    fn preferred(&mut self) -> Option<Preferred> {
        let agent = self.some_agent()?;
        let sip_uri = self.mirror.agents.get(&agent)?.sip_uri.clone();
        Some(Preferred { sip_uri, agent })
    }

    fn priority(&mut self) -> Priority {
        Priority::ALL[self.random.random_range(0..Priority::ALL.len())]
    }

    /// A customer asks to be called.
    pub(super) fn create(&mut self) {
        if self.node.is_none() {
            return self.plan(PATIENCE_MILLIS, Happens::Create);
        }
        let id = CallbackId(self.customers.timed(self.now));
        self.wishes = self.wishes.saturating_sub(1);
        let at = self.random.random_range(0..self.services.len());
        let service = self.services[at].id;
        let Some(service) = self.mirror.services.get(&service).cloned() else { return };
        let due = match self.random.random_range(0..10) {
            0..6 => None,
            6 => Some(date::add_seconds(self.now, -self.random.random_range(0..86_400))),
            _ => Some(date::add_seconds(self.now, self.random.random_range(0..14_400))),
        };
        let alternative_target = if self.chance(50) { Some(self.line()) } else { None };
        let preferred = if self.chance(150) { self.preferred() } else { None };
        let new = NewCallback {
            creator: Creator::Api,
            initiator: None,
            service: service.id,
            target: self.line(),
            alternative_target,
            priority: self.priority(),
            max_retries: self.random.random_range(0..=4),
            seconds_between_retries: self.random.random_range(0..=900),
            due,
            description: None,
            external_task_id: None,
            incoming_service_sip_uri: None,
            context_url: None,
            supervisor: None,
            caller_id: None,
            preferred,
            allowed_wait_seconds: self.random.random_range(30..=7_200),
        };
        let create = Create {
            new,
            id,
            service_version: service.version,
            idempotency: None,
            dry_run: self.chance(5),
            enters: id.0.as_u128().is_multiple_of(2),
        };
        let dry_run = create.dry_run;
        let answer = self.run(Actor::Api("customer".to_owned()), What::Create(Box::new(create)));
        if let Some(Ok(Answer::Created(callback))) = answer
            && !dry_run
        {
            self.acknowledged.insert(callback.id);
            if self.fault(150) {
                let millis = self.millis(0, 3_600_000);
                self.plan(millis, Happens::Meddle(callback.id));
            }
        }
    }

    /// Somebody changes their mind about a callback.
    pub(super) fn meddle(&mut self, callback: CallbackId) {
        let by = match self.random.random_range(0..10) {
            0..4 => Motion::Cancel,
            4 => Motion::Fulfil,
            _ => {
                let Some(followed) = self.mirror.callbacks.get(&callback) else { return };
                let service = followed.callback.service;
                let version =
                    self.mirror.services.get(&service).map_or(0, |service| service.version);
                Motion::Edit(Box::new(self.edit()), version)
            }
        };
        let what = What::Move { callback, by, if_version: None };
        match self.run(Actor::Api("customer".to_owned()), what) {
            None => {}
            Some(Err(error @ (Error::ServiceChanged(_) | Error::StaleVersion { .. }))) => {
                self.unexpected("a change", &error);
            }
            Some(Ok(_) | Err(_)) => self.meddle_again(callback),
        }
    }

    fn meddle_again(&mut self, callback: CallbackId) {
        if self.chance(300) {
            let millis = self.millis(0, 1_200_000);
            self.plan(millis, Happens::Meddle(callback));
        }
    }

    fn edit(&mut self) -> Edit {
        let mut edit = Edit::default();
        if self.chance(300) {
            edit.priority = Change::To(self.priority());
        }
        if self.chance(300) {
            let seconds = self.random.random_range(-600..7_200);
            edit.due = Change::To(date::add_seconds(self.now, seconds));
        }
        if self.chance(300) {
            edit.target = Change::To(self.line());
        }
        if self.chance(200) {
            edit.alternative_target = Change::To(None);
        }
        if self.chance(200) {
            edit.max_retries = Change::To(self.random.random_range(0..5));
        }
        if self.chance(300) {
            edit.preferred = Change::To(self.preferred());
        }
        edit
    }

    /// An operator changes something.
    pub(super) fn operate(&mut self) {
        match self.random.random_range(0..12) {
            0..2 => self.edit_service(),
            2..5 => self.suppress(),
            5..7 => self.unsuppress(),
            7..10 => self.edit_agent(),
            10 => self.dismiss(),
            _ => {
                let number = self.random.random_range(1_000..1_000_000);
                let agent = floor::agent(number, &mut self.random, &self.services, self.now);
                self.hire(agent);
            }
        }
    }

    fn edit_service(&mut self) {
        let at = self.random.random_range(0..self.services.len());
        let id = self.services[at].id;
        let Some(stored) = self.mirror.services.get(&id) else { return };
        let mut service = (**stored).clone();
        if self.chance(100) {
            self.run(Actor::Operator, What::DeleteService { service: id });
            return;
        }
        floor::redraw(&mut service, &mut self.random);
        let what = What::ReplaceService { service: Box::new(service), if_version: None };
        if let Some(Err(error)) = self.run(Actor::Operator, what) {
            self.unexpected("an edit of a service", &error);
        }
    }

    fn suppress(&mut self) {
        let id = Uuid::from_u128(self.random.random());
        let until = self
            .random
            .random_bool(0.7)
            .then(|| date::add_seconds(self.now, self.random.random_range(60..20_000)));
        let at = self.random.random_range(0..self.services.len());
        let service = self.services[at].id;
        let service_id = (self.random.random_bool(0.5)
            && self.mirror.services.contains_key(&service))
        .then_some(service);
        let suppression = Suppression {
            sequence: 0,
            id,
            key: self.line().key(),
            service_id,
            reason: None,
            until,
            created_at: self.now,
        };
        if let Some(Ok(_)) = self.run(Actor::Operator, What::Suppress(vec![suppression])) {
            self.suppressions.push(id);
        }
    }

    fn unsuppress(&mut self) {
        if self.suppressions.is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.suppressions.len());
        let suppression = self.suppressions.swap_remove(at);
        self.run(Actor::Operator, What::Unsuppress { suppression });
    }

    fn edit_agent(&mut self) {
        let Some(id) = self.some_agent() else { return };
        let Some(mut agent) = self.mirror.agents.get(&id).cloned() else { return };
        let left: Vec<_> = self
            .services
            .iter()
            .filter(|service| self.mirror.services.contains_key(&service.id))
            .cloned()
            .collect();
        if left.is_empty() {
            return;
        }
        agent.services = floor::assignment(&mut self.random, &left);
        agent.selectable = self.chance(900);
        if self.chance(300) {
            agent.distribution = match agent.distribution {
                Distribution::Push => Distribution::Pull,
                Distribution::Pull => Distribution::Push,
            };
        }
        let what = What::ReplaceAgent { agent: Box::new(agent), if_version: None };
        if let Some(Err(error)) = self.run(Actor::Operator, what) {
            self.unexpected("an edit of a user", &error);
        }
        if self.chance(300) {
            self.change_agent(id, AgentChange::Presence(Presence::Away));
        }
    }

    fn dismiss(&mut self) {
        if let Some(agent) = self.some_agent() {
            self.run(Actor::Operator, What::DeleteAgent { agent });
        }
    }
}
