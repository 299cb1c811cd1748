//! Why a callback is not being called right now: every gate, with the facts behind it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::attempt::Start;
use crate::callback::{Callback, Phase, PhaseName};
use crate::date::{self, Instant};
use crate::hours;
use crate::id::{AgentId, CallbackId};
use crate::lifecycle::Event;
use crate::service::Service;

/// The gates between a callback and its call, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum GateName {
    /// It is not over.
    NotTerminated,
    /// It is due and not in somebody's hands.
    InQueue,
    /// The service is open.
    OpeningHours,
    /// The service has a session free.
    ServiceCap,
    /// The route of its calls is not failing.
    Route,
    /// It is not pausing after a failed attempt.
    BackOff,
    /// Nobody calls this line, or is about to.
    TargetLive,
    /// The line is not on the suppression list.
    Suppression,
    /// The line was not called too often in the last 24 hours.
    FrequencyCap,
    /// It is open to this agent.
    PreferredAgent,
    /// An agent is there who may take it.
    EligibleAgent,
    /// It is its turn.
    Place,
}

/// One gate, asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Gate {
    /// Which.
    pub name: GateName,
    /// Whether it lets the callback through.
    pub pass: bool,
    /// The facts behind it, by wire name.
    pub facts: Map<String, Value>,
    /// The earliest instant at which the clock alone changes this gate; `None` where an event must.
    #[serde(serialize_with = "wire_date")]
    pub next_change_at: Option<Instant>,
}

/// The answer to *why is it not being called right now?*
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Explanation {
    /// The callback.
    pub callback_id: CallbackId,
    /// When this was true.
    #[serde(serialize_with = "wire_instant")]
    pub at: Instant,
    /// The agent for whom it was asked, or whom the dispatcher would ask.
    pub agent: Option<AgentId>,
    /// Whether the next dispatch offers it.
    pub callable: bool,
    /// Every gate, in order.
    pub gates: Vec<Gate>,
    /// The earliest instant at which the clock alone changes a gate.
    #[serde(serialize_with = "wire_date")]
    pub next_change_at: Option<Instant>,
}

#[expect(clippy::ref_option, reason = "serde passes the field itself")]
fn wire_date<S: serde::Serializer>(at: &Option<Instant>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.serialize_str(&date::format(*at)),
        None => to.serialize_none(),
    }
}

fn wire_instant<S: serde::Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&date::format(*at))
}

/// A closed gate of the service's route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFact {
    /// Calls go through.
    Open,
    /// Not before this.
    Until(Instant),
    /// One callback is trying it.
    Probing(CallbackId),
}

/// What is known around a callback, gathered in one transaction.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Callbacks of the service offered or called, and attempts not ended.
    pub sessions: u32,
    /// The route.
    pub route: RouteFact,
    /// Who holds the customer's line.
    pub line_held_by: Option<CallbackId>,
    /// Suppressed, until then if it ends by itself.
    pub suppressed: Option<Option<Instant>>,
    /// Over the cap of attempts until then.
    pub over_frequency_until: Option<Instant>,
    /// The agent in question.
    pub agent: Option<AgentId>,
    /// Why that agent cannot take it, in words; `None` when they can.
    pub agent_unready: Option<&'static str>,
    /// When the clock makes them ready.
    pub agent_ready_at: Option<Instant>,
    /// Agents of the service who could take a task now.
    pub ready_agents: usize,
    /// Whether the policy picks it next, for the agent or within its service.
    pub picked: bool,
    /// Callbacks of the same service and priority before it.
    pub ahead: u64,
    /// How a call would begin, for foreseeing what the clock does.
    pub start: Start,
}

/// Asks every gate.
#[must_use]
pub fn explain(
    callback: &Callback,
    service: &Service,
    around: &Surroundings,
    now: Instant,
) -> Explanation {
    let mut gates = Vec::new();
    let mut ask = |name, pass, next_change_at: Option<Instant>, facts: Vec<(&str, Value)>| {
        let facts = facts.into_iter().map(|(name, value)| (name.into(), value)).collect();
        gates.push(Gate {
            name,
            pass,
            facts,
            next_change_at: next_change_at.filter(|at| *at > now),
        });
    };
    let wire = |at: Option<Instant>| at.map_or(Value::Null, |at| Value::from(date::format(at)));
    let id =
        |id: Option<CallbackId>| id.map_or(Value::Null, |id| Value::from(alloc::format!("{id}")));

    ask(
        GateName::NotTerminated,
        !callback.is_terminated(),
        None,
        alloc::vec![(
            "TerminationReason",
            callback.termination_reason().map_or(Value::Null, |reason| Value::from(reason.name())),
        )],
    );
    let in_queue = matches!(callback.phase, Phase::InQueue { .. });
    ask(
        GateName::InQueue,
        in_queue,
        queue_change(callback, service, &around.start, now),
        alloc::vec![
            ("Phase", Value::from(callback.phase_name().name())),
            ("DueDate", Value::from(date::format(callback.due))),
        ],
    );
    let open = hours::is_open(service.hours(), now);
    let next_change = hours::next_change(service.hours(), now);
    ask(
        GateName::OpeningHours,
        open,
        next_change,
        alloc::vec![
            ("Open", Value::from(open)),
            ("AlwaysOpen", Value::from(service.hours().is_none()))
        ],
    );
    let cap = service.max_concurrent_outbound_sessions;
    ask(
        GateName::ServiceCap,
        cap.is_none_or(|cap| around.sessions < cap) && service.takes_callbacks(),
        None,
        alloc::vec![
            ("Sessions", Value::from(around.sessions)),
            ("MaxConcurrentOutboundSessions", cap.map_or(Value::Null, Value::from)),
        ],
    );
    let (route_pass, route_at, probe) = match around.route {
        RouteFact::Open => (true, None, None),
        RouteFact::Until(at) => (false, Some(at), None),
        RouteFact::Probing(probe) => (false, None, Some(probe)),
    };
    ask(
        GateName::Route,
        route_pass,
        route_at,
        alloc::vec![("Probe", id(probe)), ("Until", wire(route_at))],
    );
    let (held_for, not_before, hold_until) = match &callback.phase {
        Phase::InQueue { held_for, not_before, wait, .. } => {
            (*held_for, *not_before, held_for.and(wait.hold_until))
        }
        Phase::Pending
        | Phase::Offered { .. }
        | Phase::Preview { .. }
        | Phase::Dialout { .. }
        | Phase::Connected { .. }
        | Phase::Terminated { .. } => (None, None, None),
    };
    ask(
        GateName::BackOff,
        not_before.is_none(),
        not_before,
        alloc::vec![("Until", wire(not_before))],
    );
    ask(
        GateName::TargetLive,
        around.line_held_by.is_none_or(|holder| holder == callback.id && !in_queue),
        None,
        alloc::vec![("HeldBy", id(around.line_held_by))],
    );
    ask(
        GateName::Suppression,
        around.suppressed.is_none(),
        around.suppressed.flatten(),
        alloc::vec![("Until", wire(around.suppressed.flatten()))],
    );
    ask(
        GateName::FrequencyCap,
        around.over_frequency_until.is_none(),
        around.over_frequency_until,
        alloc::vec![
            (
                "MaxAttemptsPerTargetPerDay",
                service.max_attempts_per_target_per_day.map_or(Value::Null, Value::from),
            ),
            ("Until", wire(around.over_frequency_until)),
        ],
    );
    let for_agent = held_for.is_none_or(|only| around.agent == Some(only));
    ask(
        GateName::PreferredAgent,
        for_agent,
        hold_until.filter(|_| !for_agent),
        alloc::vec![
            (
                "HeldFor",
                held_for.map_or(Value::Null, |agent| Value::from(alloc::format!("{agent}")))
            ),
            ("Until", wire(hold_until)),
        ],
    );
    let eligible = around.agent.is_some() && around.agent_unready.is_none();
    ask(
        GateName::EligibleAgent,
        eligible,
        around.agent_ready_at,
        alloc::vec![
            ("ReadyAgents", Value::from(around.ready_agents)),
            ("Because", around.agent_unready.map_or(Value::Null, Value::from)),
        ],
    );
    ask(
        GateName::Place,
        around.picked,
        None,
        alloc::vec![
            ("Priority", Value::from(callback.priority.name())),
            ("Ahead", Value::from(around.ahead)),
        ],
    );
    Explanation {
        callback_id: callback.id,
        at: now,
        agent: around.agent,
        callable: gates.iter().all(|gate| gate.pass),
        next_change_at: gates.iter().filter_map(|gate| gate.next_change_at).min(),
        gates,
    }
}

/// How many deadlines are foreseen; a life without an opening has no end of them.
const FORESEEN: usize = 64;

/// When the clock alone lets the callback into the queue, or takes it off.
fn queue_change(
    callback: &Callback,
    service: &Service,
    start: &Start,
    now: Instant,
) -> Option<Instant> {
    let waits = |callback: &Callback| callback.phase_name() == PhaseName::InQueue;
    let was = waits(callback);
    let (mut foreseen, mut at) = (callback.clone(), now);
    for _ in 0..FORESEEN {
        let (deadline, _) = foreseen.deadline()?;
        at = at.max(deadline);
        foreseen = foreseen.step(service, Event::Tick { start: start.clone() }, at).ok()?.callback;
        if waits(&foreseen) != was {
            return Some(at);
        }
    }
    None
}
