//! What a day is made of, drawn from its seed.

use std::collections::BTreeSet;

use callback_domain::agent::{Agent, Distribution};
use callback_domain::attempt::Outcome;
use callback_domain::date::{self, Instant};
use callback_domain::hours::{Interval, LocalTime, OpeningHours, WeeklyInterval};
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::service::{DirectionType, DuplicatePolicy, RetryRule, Service};
use callback_domain::target::{SipAddress, Target};
use chrono::Weekday;
use chrono_tz::Tz;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::sabotage::Sabotage;

/// What a day is like; everything else is drawn from the seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Floor {
    /// Callbacks asked for over the day.
    pub callbacks: u32,
    /// Whether processes crash, reports are lost or doubled, and operators interfere.
    pub faults: bool,
    /// Commands in a million after whose commit the process dies before the effects.
    pub crashes_per_million: u32,
    /// Seconds after the beginning at which every call begins to fail, and for how long.
    pub outage: Option<(u32, u32)>,
    /// Whether every call that is placed is answered and completed.
    pub everybody_answers: bool,
    /// Dispatches in a thousand before which explanations are held against the dispatcher.
    pub questions_per_mille: u32,
    /// Whether agents dial and report; `None` is drawn.
    pub manual: Option<bool>,
    /// A planted bug.
    pub sabotage: Option<Sabotage>,
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            callbacks: 500,
            faults: true,
            crashes_per_million: 150,
            outage: None,
            everybody_answers: false,
            questions_per_mille: 0,
            manual: None,
            sabotage: None,
        }
    }
}

/// The day begins at eight on a Monday, in universal time.
#[must_use]
pub fn morning() -> Instant {
    date::from_micros(1_767_600_000_000_000).expect("the morning is a date")
}

/// Seconds over which customers ask to be called.
pub(super) const DAY_SECONDS: i64 = 9 * 3_600;

pub(super) fn services(random: &mut StdRng, now: Instant) -> Vec<Service> {
    let count = random.random_range(1..=4);
    (1..=count).map(|number| service(number, random, now)).collect()
}

fn service(number: u128, random: &mut StdRng, now: Instant) -> Service {
    let id = ServiceId::from_u128(0x5000 + number);
    let sip = sip(&format!("service{number}"));
    let mut service =
        Service::new(id, format!("Service {number}"), sip, DirectionType::InboundOutbound, now);
    redraw(&mut service, random);
    service
}

/// Draws a service's policy anew.
pub(super) fn redraw(service: &mut Service, random: &mut StdRng) {
    let cap = random.random_range(1..=12);
    service.max_concurrent_outbound_sessions = random.random_bool(0.5).then_some(cap);
    service.rona_timeout_in_seconds = random.random_range(5..=30);
    service.preview_time_in_seconds =
        if random.random_bool(0.4) { 0 } else { random.random_range(1..=90) };
    service.max_dialout_time_in_seconds = random.random_range(10..=60);
    service.after_call_work_in_seconds =
        if random.random_bool(0.3) { 0 } else { random.random_range(1..=60) };
    service.preferred_agent_hold_in_seconds = random.random_range(10..=1_200);
    service.opening_hours = random.random_bool(0.5).then(|| opening_hours(random));
    service.duplicate_policy = match random.random_range(0..10) {
        0 => DuplicatePolicy::Reject,
        1 => DuplicatePolicy::ReturnExisting,
        _ => DuplicatePolicy::Allow,
    };
    service.retry_by_outcome.clear();
    if random.random_bool(0.3) {
        let delay_in_seconds = random.random_bool(0.7).then(|| random.random_range(10..=900));
        let rule = RetryRule { retry: random.random_bool(0.8), delay_in_seconds };
        service.retry_by_outcome.insert(Outcome::Busy, rule);
    }
    service.max_attempts_per_target_per_day =
        random.random_bool(0.3).then(|| random.random_range(1..=6));
    service.max_queued = random.random_bool(0.2).then(|| random.random_range(20..=200));
}

/// Two stretches of the day, so that the service closes while calls are wanted.
fn opening_hours(random: &mut StdRng) -> OpeningHours {
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    let noon = random.random_range(10..=13);
    let pause = random.random_range(0..=2);
    let stretches =
        [(random.random_range(6..=9), noon), (noon + pause, random.random_range(16..=19))];
    let weekly = days.into_iter().flat_map(|day| {
        stretches.into_iter().filter_map(move |(from, to)| {
            let interval =
                Interval::new(LocalTime::new(from, 30)?, LocalTime::new(to, 30)?).ok()?;
            Some(WeeklyInterval { day, interval })
        })
    });
    OpeningHours::new(Tz::UTC, weekly.collect(), Vec::new()).expect("the hours are few and plain")
}

pub(super) fn agents(random: &mut StdRng, services: &[Service], now: Instant) -> Vec<Agent> {
    let count = random.random_range(3..=20);
    (1..=count).map(|number| agent(number, random, services, now)).collect()
}

pub(super) fn agent(
    number: u128,
    random: &mut StdRng,
    services: &[Service],
    now: Instant,
) -> Agent {
    let id = AgentId::from_u128(0xA000 + number);
    let mut agent = Agent::new(id, format!("Agent {number}"), sip(&format!("agent{number}")), now);
    agent.services = assignment(random, services);
    if random.random_bool(0.25) {
        agent.distribution = Distribution::Pull;
    }
    agent
}

/// At least one service.
pub(super) fn assignment(random: &mut StdRng, services: &[Service]) -> BTreeSet<ServiceId> {
    let one = services[random.random_range(0..services.len())].id;
    let some = services.iter().map(|service| service.id).filter(|_| random.random_bool(0.5));
    some.chain([one]).collect()
}

/// The lines that are called, fewer than the callbacks so that some have several.
pub(super) fn lines(random: &mut StdRng, callbacks: u32) -> Vec<Target> {
    let count = (callbacks / random.random_range(1..=5)).max(1);
    (0..count)
        .map(|number| {
            let text = match number % 3 {
                0 => format!("sip:customer{number}@example.net"),
                _ => format!("tel:+4178{:07}", 5_550_000 + number),
            };
            Target::parse(&text, None).expect("the line is a target")
        })
        .collect()
}

fn sip(user: &str) -> SipAddress {
    SipAddress::parse(&format!("sip:{user}@example.org")).expect("the address is a SIP URI")
}
