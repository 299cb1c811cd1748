//! The store in memory is the model: what is done at random is answered alike by both.

use std::sync::Arc;

use callback_domain::agent::{Distribution, Presence};
use callback_domain::attempt::Outcome;
use callback_domain::callback::{Callback, PhaseName, Preferred, State};
use callback_domain::date;
use callback_domain::id::{AgentId, CallbackId, NodeId, ServiceId};
use callback_domain::lifecycle::{Change, Edit};
use callback_domain::priority::Priority;
use callback_domain::search::{Column, Query};
use callback_domain::service::DuplicatePolicy;
use callback_domain::target::TargetKey;
use callback_engine::clock::Clock as _;
use callback_engine::command::{AgentChange, Answer, Command, Motion, Report, What};
use callback_engine::ledger::{Actor, Subject};
use callback_engine::memory::MemoryStore;
use callback_engine::mint::Site;
use callback_engine::store::Store as _;
use callback_engine::suppression::Suppression;
use uuid::Uuid;

use crate::floor::{Floor, Hand, agent, service, site, wish};

/// `SplitMix64`: the same days for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn one<T: Copy>(&mut self, among: &[T]) -> T {
        let at = self.roll(among.len() as u64);
        among[usize::try_from(at).expect("it is below the length")]
    }
}

const SERVICES: u64 = 3;
const AGENTS: u64 = 5;
const LINES: u64 = 10;

struct Both {
    floor: Floor,
    model: MemoryStore,
    model_site: Arc<Site>,
    dice: Dice,
    made: Vec<CallbackId>,
    trace: Vec<String>,
}

impl Both {
    fn open(seed: u64) -> Self {
        let floor = Floor::open();
        let model = MemoryStore::new(Uuid::from_u128(1), Arc::<Hand>::clone(&floor.clock));
        let (made, trace) = (Vec::new(), Vec::new());
        Self { floor, model, model_site: site(1), dice: Dice(seed), made, trace }
    }

    async fn run(&mut self, what: What) -> Option<Answer> {
        self.trace.push(format!("{what:?}"));
        let expected = self
            .model
            .run(Command {
                actor: Actor::Operator,
                site: Arc::clone(&self.model_site),
                what: what.clone(),
            })
            .await;
        let found = self.floor.run(what).await;
        assert_eq!(found, expected, "after\n{}", self.trace.join("\n"));
        found.ok().map(|done| done.answer)
    }

    fn service(&mut self) -> ServiceId {
        ServiceId::from_u128(u128::from(self.dice.roll(SERVICES)) + 1)
    }

    fn agent(&mut self) -> AgentId {
        AgentId::from_u128(u128::from(self.dice.roll(AGENTS)) + 1)
    }

    fn callback(&mut self) -> CallbackId {
        if self.made.is_empty() { CallbackId::from_u128(0) } else { self.dice.one(&self.made) }
    }

    /// Any callback, or more often one that is in somebody's hands.
    async fn found(&mut self) -> Option<Callback> {
        let agents = self.model.agents().await.expect("memory never fails");
        let tasks: Vec<_> = agents.iter().filter_map(|agent| agent.task).collect();
        let in_hands = !tasks.is_empty() && self.dice.roll(3) > 0;
        let id = if in_hands { self.dice.one(&tasks) } else { self.callback() };
        self.model.callback(id).await.expect("memory never fails")
    }

    async fn found_service(&mut self) -> callback_domain::service::Service {
        let id = self.service();
        let services = self.model.services().await.expect("memory never fails");
        services.into_iter().find(|service| service.id == id).expect("none is ever removed")
    }

    fn preferred(&mut self) -> Option<Preferred> {
        let number = self.dice.roll(AGENTS * 3) + 1;
        let sip_uri = format!("sip:agent{number}@dev.local").parse().expect("it is valid");
        let agent = AgentId::from_u128(number.into());
        (number <= AGENTS).then_some(Preferred { sip_uri, agent })
    }

    async fn populate(&mut self) {
        for number in 1..=u128::from(SERVICES) {
            let mut service = service(number);
            service.max_attempts_per_target_per_day = (number == 2).then_some(2);
            service.max_concurrent_outbound_sessions = (number == 3).then_some(2);
            service.max_queued = (number == 3).then_some(8);
            if number == 1 {
                service.duplicate_policy = DuplicatePolicy::Reject;
            }
            self.run(What::CreateService(Box::new(service))).await;
        }
        for number in 1..=u128::from(AGENTS) {
            let services: Vec<_> = (1..=u128::from(SERVICES))
                .filter(|service| (number + service) % 3 != 0)
                .map(ServiceId::from_u128)
                .collect();
            let mut agent = agent(number, &services);
            if number == 5 {
                agent.distribution = Distribution::Pull;
            }
            self.run(What::CreateAgent(Box::new(agent))).await;
        }
    }

    async fn create(&mut self) {
        let number = self.made.len() as u128 + 1;
        let service = self.found_service().await;
        let mut create = wish(number, service.id, self.dice.one(&Priority::ALL));
        let line = self.dice.roll(LINES);
        create.new.target = format!("tel:+41785550000{line}").parse().expect("it is valid");
        create.new.preferred = self.preferred();
        create.new.max_retries = u32::try_from(self.dice.roll(3)).expect("it is small");
        create.new.description = (self.dice.roll(2) == 0).then(|| "ring twice".to_owned());
        let later = i64::try_from(self.dice.roll(400)).expect("it is small");
        create.new.due =
            (later > 200).then(|| date::add_seconds(self.floor.clock.now(), later - 200));
        create.service_version = service.version;
        create.dry_run = self.dice.roll(10) == 0;
        self.made.push(create.id);
        self.run(What::Create(Box::new(create))).await;
    }

    async fn motion(&mut self) {
        let Some(callback) = self.found().await else { return };
        let token = callback.token();
        let by = match (token, self.dice.roll(12)) {
            (Some(token), 0..=3) => Motion::Accept(token),
            (Some(token), 4) => Motion::Decline(token),
            (Some(token), 5..=6) => Motion::Dial(token),
            (Some(token), 7) => Motion::Answered(token),
            (Some(token), 8) => Motion::HangUp(token),
            (Some(token), 9) => Motion::Heartbeat(token),
            (Some(token), 10..) => {
                let outcome = self.dice.one(Outcome::ALL);
                Motion::Outcome(token, outcome, Some("said so".to_owned()))
            }
            (None, 0) => Motion::Cancel,
            (None, 1) => Motion::Fulfil,
            (None, 2..=4) => self.edit(&callback).await,
            (None, 5..) => return,
        };
        let if_version = (self.dice.roll(8) == 0).then_some(callback.version);
        self.run(What::Move { callback: callback.id, by, if_version }).await;
    }

    async fn edit(&mut self, callback: &Callback) -> Motion {
        let services = self.model.services().await.expect("memory never fails");
        let version = services
            .iter()
            .find(|service| service.id == callback.service)
            .map_or(0, |service| service.version);
        let mut edit = Edit::default();
        match self.dice.roll(4) {
            0 => {
                let line = self.dice.roll(LINES);
                let target = format!("tel:+41785550000{line}");
                edit.target = Change::To(target.parse().expect("it is valid"));
            }
            1 => edit.priority = Change::To(self.dice.one(&Priority::ALL)),
            2 => edit.preferred = Change::To(self.preferred()),
            _ => edit.due = Change::To(date::add_seconds(self.floor.clock.now(), 90)),
        }
        Motion::Edit(Box::new(edit), version)
    }

    async fn report(&mut self) {
        let Some(attempt) = self.found().await.and_then(|callback| callback.attempt()) else {
            return;
        };
        let report = match self.dice.roll(7) {
            0..=1 => Report::AgentAnswered,
            2 => Report::CustomerRinging,
            3..=4 => Report::Connected,
            5 => Report::Journal(vec![1, 2, 3]),
            _ => Report::Ended {
                outcome: self.dice.one(Outcome::ALL),
                detail: None,
                retry_after_seconds: None,
            },
        };
        let number = u32::try_from(self.dice.roll(20)).expect("it is small") + 1;
        self.run(What::Report { attempt, number, report }).await;
    }

    async fn change_agent(&mut self) {
        let agent = self.agent();
        let change = match self.dice.roll(6) {
            0 => AgentChange::Presence(Presence::Away),
            1 => AgentChange::ResetRona,
            2 => AgentChange::EndAfterCallWork,
            _ => AgentChange::Presence(Presence::Available),
        };
        self.run(What::ChangeAgent { agent, change }).await;
    }

    async fn suppress(&mut self) {
        let line = self.dice.roll(LINES);
        let seconds = i64::try_from(self.dice.roll(600)).expect("it is small");
        let now = self.floor.clock.now();
        let suppression = Suppression {
            sequence: 0,
            id: Uuid::from_u128(self.trace.len() as u128),
            key: TargetKey::from_stored(format!("+41785550000{line}")),
            service_id: (self.dice.roll(2) == 0).then(|| self.service()),
            reason: None,
            until: Some(date::add_seconds(now, seconds)),
            created_at: now,
        };
        self.run(What::Suppress(vec![suppression])).await;
    }

    async fn unsuppress(&mut self) {
        let listed = self.model.suppressions(None, 0, 2).await.expect("memory never fails");
        // Never the last one: the model gives its number again, a file does not.
        if let [first, _] = &listed[..] {
            self.run(What::Unsuppress { suppression: first.id }).await;
        }
    }

    async fn reassign(&mut self) {
        let id = self.agent();
        let agents = self.model.agents().await.expect("memory never fails");
        let Some(mut agent) = agents.into_iter().find(|agent| agent.id == id) else { return };
        let service = self.service();
        if !agent.services.remove(&service) {
            agent.services.insert(service);
        }
        self.run(What::ReplaceAgent { agent: Box::new(agent), if_version: None }).await;
    }

    async fn reconfigure(&mut self) {
        let mut service = self.found_service().await;
        service.after_call_work_in_seconds = u32::try_from(self.dice.roll(30)).expect("small");
        service.preferred_agent_hold_in_seconds =
            u32::try_from(self.dice.roll(600)).expect("small");
        self.run(What::ReplaceService { service: Box::new(service), if_version: None }).await;
        while let Some(Answer::Ticked { more: true, .. }) =
            self.run(What::Recalculate { limit: 3 }).await
        {}
    }

    async fn dispatch(&mut self) {
        let (service, agent) = (self.service(), self.agent());
        self.run(What::Dispatch { services: vec![service], agents: vec![agent], limit: 4 }).await;
    }

    async fn look(&mut self) {
        let (callback, agent, service) = (self.callback(), self.agent(), self.service());
        let asked = (self.dice.roll(2) == 0).then_some(agent);
        self.run(What::Explain { callback, agent: asked }).await;
        self.run(What::Position { callback }).await;
        self.run(What::Insight { service }).await;
        self.run(What::Task { agent }).await;
    }

    async fn turn(&mut self) {
        let micros = self.dice.roll(4_000_000);
        self.floor.clock.advance(i64::try_from(micros).expect("it is small"));
        match self.dice.roll(40) {
            0..=5 => self.create().await,
            6..=16 => self.motion().await,
            17..=22 => self.dispatch().await,
            23..=26 => self.report().await,
            27..=30 => self.change_agent().await,
            31 => self.suppress().await,
            32 => self.unsuppress().await,
            33 => self.reassign().await,
            34 => self.reconfigure().await,
            35 => {
                let agent = self.agent();
                self.run(What::Next { agent }).await;
            }
            36 => {
                let more = i64::try_from(self.dice.roll(120_000_000)).expect("it is small");
                self.floor.clock.advance(more);
            }
            37 => {
                self.run(What::Renew { attempts: vec![] }).await;
                self.run(What::TakeOver { alone: true }).await;
                self.run(What::Survey).await;
            }
            _ => self.look().await,
        }
        self.run(What::Tick { limit: 50 }).await;
    }

    /// Both hold the same, however it is asked for.
    async fn compare(&self) {
        let (store, model) = (&self.floor.store, &self.model);
        assert_eq!(store.services().await, model.services().await);
        assert_eq!(store.agents().await, model.agents().await);
        assert_eq!(store.next_deadline().await, model.next_deadline().await);
        let everything = (None, 0, usize::MAX);
        let (subject, after, limit) = everything;
        assert_eq!(
            store.ledger(subject, after, limit).await,
            model.ledger(subject, after, limit).await
        );
        assert_eq!(store.suppressions(None, 0, 9).await, model.suppressions(None, 0, 9).await);
        for id in &self.made {
            let subject = Some(Subject::Callback(*id));
            assert_eq!(store.callback(*id).await, model.callback(*id).await);
            assert_eq!(store.attempts(*id).await, model.attempts(*id).await);
            assert_eq!(store.ledger(subject, 0, 4).await, model.ledger(subject, 0, 4).await);
        }
        for number in 1..self.made.len() {
            let key = format!("T-{number}");
            assert_eq!(
                store.callback_by_external_task_id(&key).await,
                model.callback_by_external_task_id(&key).await
            );
        }
        self.compare_searches().await;
    }

    async fn compare_searches(&self) {
        let line = TargetKey::from_stored("+417855500001".to_owned());
        let narrow = Query { target: Some(line), ..Query::default() };
        let live = Query { state: Some(State::InQueue), ..Query::default() };
        for order_by in Column::ALL.iter().copied() {
            for descending in [false, true] {
                for query in [&Query::default(), &narrow, &live] {
                    self.compare_pages(&Query { order_by, descending, ..query.clone() }).await;
                }
            }
        }
    }

    async fn compare_pages(&self, query: &Query) {
        let (store, model) = (&self.floor.store, &self.model);
        assert_eq!(store.count(query).await, model.count(query).await, "{query:?}");
        let skipped = model.page(query, None, 5, 3).await;
        assert_eq!(store.page(query, None, 5, 3).await, skipped, "{query:?}");
        let mut after = None;
        loop {
            let expected = model.page(query, after.as_ref(), 0, 17).await.expect("it is there");
            let found = store.page(query, after.as_ref(), 0, 17).await.expect("it is read");
            assert_eq!(found, expected, "{query:?} after {after:?}");
            let Some(last) = expected.last() else { break };
            after = Some(query.place(last));
        }
    }
}

#[tokio::test]
async fn what_is_done_at_random_is_answered_as_by_the_store_in_memory() {
    for seed in 1..=3 {
        let mut both = Both::open(seed);
        both.populate().await;
        for turn in 0..800 {
            both.turn().await;
            if turn == 400 {
                both.floor = both.floor.reopen();
            }
        }
        both.compare().await;
        let lines = both.model.ledger(None, 0, usize::MAX).await.expect("it is read");
        let happened = |to| lines.iter().filter(|line| line.to == Some(to)).count();
        let days: Vec<_> = PhaseName::ALL.into_iter().map(|to| (to, happened(to))).collect();
        assert!(days.iter().all(|(_, times)| *times > 0), "seed {seed}: too quiet: {days:?}");
    }
}

#[tokio::test]
async fn the_node_of_a_restart_takes_over_what_is_open() {
    let mut both = Both::open(99);
    both.populate().await;
    for _ in 0..300 {
        both.turn().await;
    }
    let next = |seed| {
        let mut site = Arc::into_inner(site(seed)).expect("nobody else holds it");
        site.node = NodeId::from_u128(2);
        Arc::new(site)
    };
    both.model_site = next(7);
    both.floor.site = next(7);
    both.floor = both.floor.reopen();
    both.run(What::TakeOver { alone: false }).await;
    both.run(What::TakeOver { alone: true }).await;
    both.compare().await;
}
