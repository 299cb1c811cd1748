//! Random walks of events, sensible and not, over random services.

use std::rc::Rc;

use callback_domain::attempt::{DriverCaps, Outcome, Start};
use callback_domain::callback::{Callback, Leg, Phase};
use callback_domain::date::Instant;
use callback_domain::id::{AgentId, AttemptId, LeaseToken};
use callback_domain::lifecycle::{Change, Edit, Event, NewCallback, Refused, Step};
use callback_domain::priority::Priority;
use callback_domain::service::{RetryRule, Service};
use chrono::TimeDelta;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::floor::{
    ANN, AUTOMATIC, CALLBACK, MANUAL, WORKDAYS, for_ann, morning, never, open, service, start,
    target, wish,
};

/// How time passes before a deed.
#[derive(Clone, Debug)]
pub(crate) enum Pause {
    /// Up to the deadline, if there is one ahead.
    Deadline,
    /// Up to just before it.
    JustBefore,
    /// So many milliseconds, or backwards.
    Millis(i64),
}

/// Which token a move carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    /// The one of the task, or else the last that was handed out.
    Right,
    /// The last but one.
    Old,
    /// One that was never handed out.
    Unknown,
}

/// What is done next; the walk turns it into an event.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Whatever carries the callback on from its phase, luckily or not.
    Onward(bool),
    Tick,
    Offer(u128),
    Accept(Token),
    Decline(Token),
    Dial(Token),
    Answered(Token),
    HangUp(Token),
    Heartbeat(Token),
    Report(Token, Outcome),
    /// The driver's word, of the right attempt or of another.
    AgentAnswered(bool),
    Connected(bool),
    Renew(bool),
    Ended(bool, Outcome, Option<u32>),
    Cancel,
    Fulfil,
    Edit(Box<Edit>),
    PreferredGone,
    Withdraw,
    PolicyChanged,
    /// The service takes other opening hours; nobody tells the callback yet.
    Hours(Hours),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hours {
    Always,
    Office,
    AnHourAWeek,
    Never,
}

/// A service, a wish, and what is done.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    service: Service,
    wish: NewCallback,
    caps: DriverCaps,
    deeds: Vec<(Pause, Deed)>,
}

/// One event and what came of it.
pub(crate) struct Taken {
    pub(crate) service: Rc<Service>,
    pub(crate) before: Callback,
    pub(crate) event: Event,
    pub(crate) now: Instant,
    pub(crate) result: Result<Step, Refused>,
}

impl Taken {
    /// The callback after the event, whether it was accepted or not.
    pub(crate) fn after(&self) -> &Callback {
        self.result.as_ref().map_or(&self.before, |step| &step.callback)
    }
}

/// A plan, carried out.
pub(crate) struct Walk {
    pub(crate) taken: Vec<Taken>,
    pub(crate) callback: Callback,
    pub(crate) service: Rc<Service>,
    pub(crate) tokens: u128,
    caps: DriverCaps,
    now: Instant,
    begun: u128,
}

pub(crate) const fn token(number: u128) -> LeaseToken {
    LeaseToken::from_u128(0xfeed_beef_0000_0000_0000_0000_0000_0000 + number)
}

impl Plan {
    pub(crate) fn walk(&self) -> Walk {
        let callback = Callback::create(self.wish.clone(), CALLBACK, morning()).callback;
        let mut walk = Walk {
            taken: Vec::new(),
            callback,
            service: Rc::new(self.service.clone()),
            tokens: 1,
            caps: self.caps,
            now: morning(),
            begun: 0,
        };
        for (pause, deed) in &self.deeds {
            walk.pause(pause);
            if let Deed::Hours(hours) = deed {
                let opening_hours = hours.calendar();
                walk.service = Rc::new(Service { opening_hours, ..(*walk.service).clone() });
            } else {
                let event = walk.event(deed);
                walk.take(event);
            }
        }
        walk
    }
}

impl Hours {
    fn calendar(self) -> Option<callback_domain::hours::OpeningHours> {
        match self {
            Self::Always => None,
            Self::Office => Some(open(&WORKDAYS, "08:00", "18:00")),
            Self::AnHourAWeek => Some(open(&WORKDAYS[..1], "10:15", "11:15")),
            Self::Never => Some(never()),
        }
    }
}

impl Walk {
    pub(crate) fn take(&mut self, event: Event) -> &Taken {
        let before = self.callback.clone();
        let result = before.clone().step(&self.service, event.clone(), self.now);
        if let Ok(step) = &result {
            self.callback = step.callback.clone();
        }
        let service = Rc::clone(&self.service);
        self.taken.push(Taken { service, before, event, now: self.now, result });
        self.taken.last().expect("it was just pushed")
    }

    /// Goes to the deadline and lets the clock strike; `None` when there is none.
    pub(crate) fn strike(&mut self) -> Option<&Taken> {
        let (at, _) = self.callback.deadline()?;
        self.now = self.now.max(at);
        let start = self.start();
        Some(self.take(Event::Tick { start }))
    }

    /// Lets the clock strike just before the deadline.
    pub(crate) fn strike_early(&mut self) -> Option<&Taken> {
        let (at, _) = self.callback.deadline()?;
        if at <= self.callback.updated_at {
            return None;
        }
        self.now = at - TimeDelta::microseconds(1);
        let start = self.start();
        Some(self.take(Event::Tick { start }))
    }

    fn pause(&mut self, pause: &Pause) {
        let deadline = self.callback.deadline().map(|(at, _)| at);
        self.now = match (pause, deadline) {
            (Pause::Millis(millis), _) => self.now + TimeDelta::milliseconds(*millis),
            (Pause::Deadline, Some(at)) => self.now.max(at),
            (Pause::JustBefore, Some(at)) => self.now.max(at - TimeDelta::microseconds(1)),
            (Pause::Deadline | Pause::JustBefore, None) => self.now,
        };
    }

    fn start(&mut self) -> Start {
        self.begun += 1;
        start(self.begun, self.caps)
    }

    fn token(&self, which: Token) -> LeaseToken {
        match which {
            Token::Right => self.callback.token().unwrap_or_else(|| token(self.tokens)),
            Token::Old => token(self.tokens - 1),
            Token::Unknown => token(1_000_000),
        }
    }

    fn attempt(&self, right: bool) -> AttemptId {
        match self.callback.attempt() {
            Some(attempt) if right => attempt,
            Some(_) | None => AttemptId::from_u128(1_000_000),
        }
    }

    fn offer(&mut self, agent: AgentId) -> Event {
        self.tokens += 1;
        Event::Offer { agent, token: token(self.tokens) }
    }

    fn event(&mut self, deed: &Deed) -> Event {
        match deed {
            Deed::Onward(lucky) => self.onward(*lucky),
            Deed::Tick | Deed::Hours(_) => Event::Tick { start: self.start() },
            Deed::Offer(agent) => self.offer(AgentId::from_u128(*agent)),
            Deed::Accept(which) => Event::Accept { token: self.token(*which), start: self.start() },
            Deed::Decline(which) => Event::Decline { token: self.token(*which) },
            Deed::Dial(which) => Event::Dial { token: self.token(*which), start: self.start() },
            Deed::Answered(which) => Event::Answered { token: self.token(*which) },
            Deed::HangUp(which) => Event::HangUp { token: self.token(*which) },
            Deed::Heartbeat(which) => Event::Heartbeat { token: self.token(*which) },
            Deed::Report(which, outcome) => Event::Report {
                token: self.token(*which),
                outcome: *outcome,
                detail: Some("said so".into()),
            },
            Deed::AgentAnswered(right) => Event::AgentAnswered { attempt: self.attempt(*right) },
            Deed::Connected(right) => Event::Connected { attempt: self.attempt(*right) },
            Deed::Renew(right) => Event::Renew { attempt: self.attempt(*right) },
            Deed::Ended(right, outcome, retry_after_seconds) => Event::Ended {
                attempt: self.attempt(*right),
                outcome: *outcome,
                detail: None,
                retry_after_seconds: *retry_after_seconds,
            },
            Deed::Cancel => Event::Cancel,
            Deed::Fulfil => Event::Fulfil,
            Deed::Edit(edit) => Event::Edit(edit.clone()),
            Deed::PreferredGone => Event::PreferredGone,
            Deed::Withdraw => Event::Withdraw,
            Deed::PolicyChanged => Event::PolicyChanged,
        }
    }

    fn onward(&mut self, lucky: bool) -> Event {
        match self.callback.phase {
            Phase::Pending
            | Phase::InQueue { not_before: Some(_), .. }
            | Phase::Terminated { .. } => {
                self.pause(&Pause::Deadline);
                Event::Tick { start: self.start() }
            }
            Phase::InQueue { held_for, not_before: None, .. } => {
                self.offer(held_for.unwrap_or(ANN))
            }
            Phase::Offered { token, .. } => Event::Accept { token, start: self.start() },
            Phase::Preview { lease, .. } => Event::Dial { token: lease.token, start: self.start() },
            Phase::Dialout { attempt, leg: Leg::Agent, .. } => Event::AgentAnswered { attempt },
            Phase::Dialout { attempt, .. } if lucky => Event::Connected { attempt },
            Phase::Dialout { attempt, .. } => Event::Ended {
                attempt,
                outcome: Outcome::Busy,
                detail: None,
                retry_after_seconds: None,
            },
            Phase::Connected { lease, .. } if lucky => Event::HangUp { token: lease.token },
            Phase::Connected { lease, .. } => Event::Heartbeat { token: lease.token },
        }
    }
}

/// Any plan.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let deeds = vec((pause(), deed()), 0..60);
    (policy(), wanted(), select(&[AUTOMATIC, MANUAL]), deeds)
        .prop_map(|(service, wish, caps, deeds)| Plan { service, wish, caps, deeds })
}

fn pause() -> impl Strategy<Value = Pause> {
    prop_oneof![
        3 => Just(Pause::Deadline),
        1 => Just(Pause::JustBefore),
        6 => (-20_000_i64..40_000).prop_map(Pause::Millis),
        1 => (0_i64..10_000_000).prop_map(Pause::Millis),
    ]
}

fn which() -> impl Strategy<Value = Token> {
    prop_oneof![6 => Just(Token::Right), 1 => Just(Token::Old), 1 => Just(Token::Unknown)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let back = select(&[Outcome::Failed, Outcome::AgentUnavailable]);
    prop_oneof![2 => select(Outcome::ALL), 1 => back]
}

fn deed() -> impl Strategy<Value = Deed> {
    let mostly = || prop::bool::weighted(0.8);
    prop_oneof![
        40 => prop::bool::weighted(0.3).prop_map(Deed::Onward),
        8 => Just(Deed::Tick),
        3 => (1_u128..4).prop_map(Deed::Offer),
        2 => which().prop_map(Deed::Accept),
        3 => which().prop_map(Deed::Decline),
        2 => which().prop_map(Deed::Dial),
        3 => which().prop_map(Deed::Answered),
        2 => which().prop_map(Deed::HangUp),
        2 => which().prop_map(Deed::Heartbeat),
        4 => (which(), outcome()).prop_map(|(which, outcome)| Deed::Report(which, outcome)),
        2 => mostly().prop_map(Deed::AgentAnswered),
        3 => mostly().prop_map(Deed::Connected),
        2 => mostly().prop_map(Deed::Renew),
        12 => (mostly(), outcome(), option::of(0_u32..600))
            .prop_map(|(right, outcome, after)| Deed::Ended(right, outcome, after)),
        1 => prop_oneof![Just(Deed::Cancel), Just(Deed::Fulfil)],
        5 => edit().prop_map(|edit| Deed::Edit(Box::new(edit))),
        1 => Just(Deed::PreferredGone),
        1 => Just(Deed::Withdraw),
        2 => Just(Deed::PolicyChanged),
        2 => hours().prop_map(Deed::Hours),
    ]
}

fn hours() -> impl Strategy<Value = Hours> {
    select(&[Hours::Always, Hours::Office, Hours::AnHourAWeek, Hours::Never])
}

fn edit() -> impl Strategy<Value = Edit> {
    let due = (-7_200_i64..90_000).prop_map(|seconds| morning() + TimeDelta::seconds(seconds));
    (
        change(due),
        change(select(&Priority::ALL)),
        change(0_u32..5),
        change(0_u32..600),
        change(option::of(Just(for_ann()))),
        change(Just(target("tel:+41785550000"))),
    )
        .prop_map(
            |(due, priority, max_retries, seconds_between_retries, preferred, target)| Edit {
                due,
                priority,
                max_retries,
                seconds_between_retries,
                preferred,
                target,
                ..Edit::default()
            },
        )
}

fn change<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Change<T>> {
    option::weighted(0.3, value).prop_map(|value| value.map_or(Change::Keep, Change::To))
}

fn wanted() -> impl Strategy<Value = NewCallback> {
    let due = option::of(
        (-7_200_i64..90_000).prop_map(|seconds| morning() + TimeDelta::seconds(seconds)),
    );
    (due, 0_u32..5, 0_u32..400, option::of(Just(for_ann())), 1_u32..8_000).prop_map(
        |(due, max_retries, seconds_between_retries, preferred, allowed_wait_seconds)| {
            NewCallback {
                due,
                max_retries,
                seconds_between_retries,
                preferred,
                allowed_wait_seconds,
                ..wish()
            }
        },
    )
}

fn policy() -> impl Strategy<Value = Service> {
    let rule = (any::<bool>(), option::of(0_u32..600))
        .prop_map(|(retry, delay_in_seconds)| RetryRule { retry, delay_in_seconds });
    (
        hours(),
        select(&[0_u32, 5, 30, 60, 300]),
        select(&[1_u32, 20, 60, 90]),
        select(&[1_u32, 30, 60, 90]),
        0_u32..4_000,
        btree_map(outcome(), rule, 0..3),
    )
        .prop_map(|(hours, preview, rona, dialout, hold, retry_by_outcome)| Service {
            opening_hours: hours.calendar(),
            preview_time_in_seconds: preview,
            rona_timeout_in_seconds: rona,
            max_dialout_time_in_seconds: dialout,
            preferred_agent_hold_in_seconds: hold,
            retry_by_outcome,
            ..service()
        })
}
