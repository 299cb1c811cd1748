//! A callback in virtual time, and the transcript of what is done to it.

use std::fmt::Write as _;

use callback_domain::agent::Leave;
use callback_domain::attempt::{DriverCaps, Outcome};
use callback_domain::callback::{Callback, Phase};
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, LeaseToken};
use callback_domain::lifecycle::{Edit, Effect, Event, NewCallback, Step};
use callback_domain::service::Service;
use chrono::TimeDelta;
use expect_test::Expect;

use super::floor::{ANN, AUTOMATIC, CALLBACK, morning, service, start, wish};

/// One callback, stepped by hand.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) callback: Callback,
    pub(crate) now: Instant,
    pub(crate) driver: DriverCaps,
    pub(crate) token: LeaseToken,
    attempt: u128,
    transcript: String,
}

impl Scene {
    /// The callback of the documented use case, at ten o'clock.
    pub(crate) fn new() -> Self {
        Self::of(service(), wish())
    }

    pub(crate) fn of(service: Service, wish: NewCallback) -> Self {
        let step = Callback::create(wish, CALLBACK, morning());
        let mut scene = Self {
            service,
            callback: step.callback.clone(),
            now: morning(),
            driver: AUTOMATIC,
            token: LeaseToken::from_u128(0),
            attempt: 0,
            transcript: String::new(),
        };
        scene.write("Create", &step);
        scene
    }

    /// Already waiting in the queue.
    pub(crate) fn queued(service: Service, wish: NewCallback) -> Self {
        Self::of(service, wish).tick()
    }

    /// Already in Ann's hands, in preview.
    pub(crate) fn previewed() -> Self {
        Self::queued(service(), wish()).offer().accept()
    }

    /// Already ringing at Ann's desk.
    pub(crate) fn dialled() -> Self {
        Self::previewed().dial()
    }

    /// Already in conversation.
    pub(crate) fn connected_call() -> Self {
        Self::dialled().agent_answered().connected()
    }

    /// In preview for so long that the lease ends first.
    pub(crate) fn previewed_for(seconds: u32) -> Self {
        let slow = Service {
            preview_time_in_seconds: seconds,
            rona_timeout_in_seconds: seconds,
            max_dialout_time_in_seconds: seconds,
            ..service()
        };
        Self::queued(slow, wish()).offer().accept()
    }

    /// Ringing for so long that the lease ends first.
    pub(crate) fn dialled_for(seconds: u32) -> Self {
        Self::previewed_for(seconds).dial()
    }

    pub(crate) fn later(mut self, seconds: i64) -> Self {
        self.now += TimeDelta::seconds(seconds);
        self
    }

    pub(crate) fn at(mut self, text: &str) -> Self {
        self.now = super::floor::instant(text);
        self
    }

    /// Waits for the deadline and lets it pass.
    pub(crate) fn tick(mut self) -> Self {
        if let Some((at, _)) = self.callback.deadline() {
            self.now = self.now.max(at);
        }
        self.tick_now()
    }

    pub(crate) fn tick_now(self) -> Self {
        let label = match self.callback.deadline() {
            Some((_, timer)) => format!("Tick({timer:?})"),
            None => "Tick".into(),
        };
        let start = start(self.attempt + 1, self.driver);
        self.take(&label, Event::Tick { start })
    }

    pub(crate) fn offer(self) -> Self {
        self.offer_to(ANN)
    }

    pub(crate) fn offer_to(mut self, agent: AgentId) -> Self {
        let token = LeaseToken::from_u128(self.token.0.as_u128() + 1);
        self.token = token;
        self.take(&format!("Offer({})", name(agent)), Event::Offer { agent, token })
    }

    pub(crate) fn accept(self) -> Self {
        let start = start(self.attempt + 1, self.driver);
        self.mine(|token| Event::Accept { token, start })
    }

    pub(crate) fn decline(self) -> Self {
        self.mine(|token| Event::Decline { token })
    }

    pub(crate) fn dial(self) -> Self {
        let start = start(self.attempt + 1, self.driver);
        self.mine(|token| Event::Dial { token, start })
    }

    pub(crate) fn answered(self) -> Self {
        self.mine(|token| Event::Answered { token })
    }

    pub(crate) fn hang_up(self) -> Self {
        self.mine(|token| Event::HangUp { token })
    }

    pub(crate) fn heartbeat(self) -> Self {
        self.mine(|token| Event::Heartbeat { token })
    }

    pub(crate) fn report(self, outcome: Outcome) -> Self {
        let token = self.token;
        let event = Event::Report { token, outcome, detail: None };
        self.take(&format!("Report({outcome})"), event)
    }

    pub(crate) fn agent_answered(self) -> Self {
        let attempt = self.last_attempt();
        self.event(Event::AgentAnswered { attempt })
    }

    pub(crate) fn connected(self) -> Self {
        let attempt = self.last_attempt();
        self.event(Event::Connected { attempt })
    }

    pub(crate) fn renew(self) -> Self {
        let attempt = self.last_attempt();
        self.event(Event::Renew { attempt })
    }

    pub(crate) fn ended(self, outcome: Outcome) -> Self {
        self.ended_after(outcome, None)
    }

    pub(crate) fn ended_after(self, outcome: Outcome, retry_after_seconds: Option<u32>) -> Self {
        let attempt = self.last_attempt();
        let event = Event::Ended { attempt, outcome, detail: None, retry_after_seconds };
        self.take(&format!("Ended({outcome})"), event)
    }

    pub(crate) fn edit(self, edit: Edit) -> Self {
        self.event(Event::Edit(Box::new(edit)))
    }

    pub(crate) fn event(self, event: Event) -> Self {
        let label = event.name();
        self.take(label, event)
    }

    /// A move with the last token that was handed out.
    fn mine(self, event: impl FnOnce(LeaseToken) -> Event) -> Self {
        let token = self.token;
        self.event(event(token))
    }

    /// The attempt that was begun last.
    pub(crate) fn last_attempt(&self) -> AttemptId {
        start(self.attempt, self.driver).attempt
    }

    /// Writes down a fact that no step shows.
    pub(crate) fn note(mut self, fact: impl FnOnce(&Self) -> String) -> Self {
        let line = format!("{} · {}\n", Self::clock(self.now), fact(&self));
        self.transcript.push_str(&line);
        self
    }

    /// Forgets what led up to here.
    pub(crate) fn cut(mut self) -> Self {
        self.transcript.clear();
        self
    }

    #[track_caller]
    pub(crate) fn expect(&self, expected: &Expect) {
        expected.assert_eq(&self.transcript);
    }

    fn take(mut self, label: &str, event: Event) -> Self {
        match self.callback.clone().step(&self.service, event, self.now) {
            Ok(step) => {
                self.callback = step.callback.clone();
                self.attempt += u128::from(begins_attempt(&step));
                self.write(label, &step);
            }
            Err(refused) => {
                let phase = refused.phase.name();
                let line = format!(
                    "{} {label}: refused in {phase}: {}\n",
                    Self::clock(self.now),
                    refused.why
                );
                self.transcript.push_str(&line);
            }
        }
        self
    }

    fn write(&mut self, label: &str, step: &Step) {
        let mut line = format!("{} {label}: ", Self::clock(self.now));
        match &step.entry {
            None => {
                let _written = write!(line, "{}, nothing new", step.callback.phase_name().name());
            }
            Some(entry) => {
                if let Some(from) = entry.from {
                    let _written = write!(line, "{} → ", from.name());
                }
                let _written = write!(line, "{} [{}]", entry.to.name(), entry.what.name());
                for (member, value) in &entry.details {
                    let _written = write!(line, " {member}={}", plain(value));
                }
            }
        }
        line.push('\n');
        for effect in &step.effects {
            line.push_str("         + ");
            line.push_str(&show(effect));
            line.push('\n');
        }
        self.transcript.push_str(&line);
    }

    /// The time of day, with the date once it is no longer the first day.
    pub(crate) fn clock(at: Instant) -> String {
        let same_day = at.date_naive() == morning().date_naive();
        at.format(if same_day { "%H:%M:%S" } else { "%a %d %H:%M:%S" }).to_string()
    }

    /// Since when it counts as waiting, among its equals.
    pub(crate) fn place(&self) -> String {
        place(&self.callback)
            .map_or_else(|| "no place".into(), |at| format!("place {}", Self::clock(at)))
    }

    pub(crate) fn next(&self) -> String {
        let Some((at, timer)) = self.callback.deadline() else { return "no deadline".into() };
        format!("{timer:?} at {}", Self::clock(at))
    }

    pub(crate) fn wait_left(&self) -> String {
        let left = self.callback.wait_left_seconds(self.now, self.service.hours());
        format!("{left} s of the wait left")
    }

    pub(crate) fn counts(&self) -> String {
        let Callback { retry_count, attempts, dialouts, .. } = &self.callback;
        format!("attempts {attempts}, dial-outs {dialouts}, retries {retry_count}")
    }
}

/// The place of a callback in every phase that has one.
pub(crate) fn place(callback: &Callback) -> Option<Instant> {
    match &callback.phase {
        Phase::InQueue { place, .. }
        | Phase::Offered { place, .. }
        | Phase::Preview { place, .. }
        | Phase::Dialout { place, .. } => Some(*place),
        Phase::Pending | Phase::Connected { .. } | Phase::Terminated { .. } => None,
    }
}

fn begins_attempt(step: &Step) -> bool {
    step.effects.iter().any(|effect| matches!(effect, Effect::OpenAttempt(_)))
}

fn name(agent: AgentId) -> &'static str {
    if agent == ANN { "Ann" } else { "Bob" }
}

fn plain(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse::<AgentId>().map_or(text, |agent| name(agent).into())
}

fn number(attempt: AttemptId) -> String {
    format!("#{}", attempt.0.as_u128())
}

fn show(effect: &Effect) -> String {
    match effect {
        Effect::TakeAgent(agent) => format!("{} takes the task", name(*agent)),
        Effect::ReleaseAgent(agent, Leave::Freed) => format!("{} is free", name(*agent)),
        Effect::ReleaseAgent(agent, Leave::Rona) => format!("{} is redirected", name(*agent)),
        Effect::OpenAttempt(attempt) => {
            let leg = attempt.customer_requested_at.map_or("the agent", |_| "the customer");
            format!("attempt {} rings {leg}", number(attempt.id))
        }
        Effect::NoteCustomerRequested(attempt) => {
            format!("attempt {} requested the customer", number(*attempt))
        }
        Effect::NoteConnected(attempt) => format!("attempt {} connected", number(*attempt)),
        Effect::EndAttempt { attempt, outcome, detail: _ } => {
            format!("attempt {} ended: {outcome}", number(*attempt))
        }
        Effect::StopAttempt { attempt, outcome, detail: _, why } => {
            format!("attempt {} to be stopped, {why}: {outcome}", number(*attempt))
        }
        Effect::Suppress => "the line is suppressed".into(),
    }
}
