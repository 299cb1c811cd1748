//! Every event, tried in every phase.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::attempt::Outcome;
use callback_domain::callback::{PhaseName, TerminationReason, Timer};
use callback_domain::id::AttemptId;
use callback_domain::lifecycle::{Change, Edit, Event, NewCallback};
use callback_domain::service::Service;
use chrono::TimeDelta;

use super::floor::{ANN, AUTOMATIC, BOB, MANUAL, for_ann, never, service, start, wish};
use super::scene::Scene;

/// Where an event leads: a phase, and the reason when that is the end.
pub(crate) type Target = (PhaseName, Option<TerminationReason>);

/// An event in a phase, and the outcome that it brings, if it is about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Probed {
    pub(crate) phase: PhaseName,
    pub(crate) event: &'static str,
    pub(crate) timer: Option<Timer>,
    pub(crate) outcome: Option<Outcome>,
}

/// What became of everything that was tried; what was refused every time is not in it.
pub(crate) struct Findings(BTreeMap<Probed, BTreeSet<Target>>);

impl Findings {
    pub(crate) fn new() -> Self {
        let mut found: BTreeMap<Probed, BTreeSet<Target>> = BTreeMap::new();
        for scene in circumstances() {
            for (event, outcome) in events(&scene) {
                let phase = scene.callback.phase_name();
                let ticks = matches!(event, Event::Tick { .. });
                let timer = scene.callback.deadline().map(|(_, timer)| timer).filter(|_| ticks);
                let probed = Probed { phase, event: event.name(), timer, outcome };
                if let Ok(step) = scene.callback.clone().step(&scene.service, event, scene.now) {
                    let after = step.callback;
                    let target = (after.phase_name(), after.termination_reason());
                    found.entry(probed).or_default().insert(target);
                }
            }
        }
        Self(found)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Probed, &BTreeSet<Target>)> {
        self.0.iter()
    }

    /// Everywhere that the chosen probes lead.
    pub(crate) fn targets(&self, chosen: impl Fn(&Probed) -> bool) -> BTreeSet<Target> {
        self.iter().filter(|(probed, _)| chosen(probed)).flat_map(|(_, to)| to).copied().collect()
    }
}

/// Callbacks in every phase, of easy and hard services, early and late.
fn circumstances() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for preview_time_in_seconds in [0, 30, 90] {
        for rings in [20, 90] {
            for max_retries in [0, 3] {
                for preferred in [None, Some(for_ann())] {
                    for driver in [AUTOMATIC, MANUAL] {
                        let service = Service {
                            preview_time_in_seconds,
                            rona_timeout_in_seconds: rings,
                            max_dialout_time_in_seconds: rings,
                            ..service()
                        };
                        let preferred = preferred.clone();
                        let wish = NewCallback { max_retries, preferred, ..wish() };
                        let mut scene = Scene::of(service, wish);
                        scene.driver = driver;
                        scenes.extend(life(scene));
                    }
                }
            }
        }
    }
    scenes.into_iter().flat_map(|scene| moments(&scene)).collect()
}

/// One callback in each phase of its life.
fn life(pending: Scene) -> Vec<Scene> {
    let queued = pending.clone().tick();
    let offered = queued.clone().offer();
    let previewed = offered.clone().accept();
    let dialled = previewed.clone().dial();
    let backed_off = dialled.clone().ended(Outcome::Failed);
    let ringing = dialled.clone().agent_answered();
    let connected = ringing.clone().connected();
    let terminated = connected.clone().hang_up();
    let late = offered.clone().later(3700).accept();
    let late_dialled = late.clone().dial();
    vec![
        pending,
        queued,
        backed_off,
        offered,
        previewed,
        dialled,
        ringing,
        connected,
        terminated,
        late,
        late_dialled,
    ]
}

/// A callback at once and at its deadline, with the service open and closed, and after its wait.
fn moments(scene: &Scene) -> Vec<Scene> {
    let mut moments = Vec::new();
    let deadline = scene.callback.deadline().map_or(scene.now, |(at, _)| at);
    for now in [scene.now, scene.now.max(deadline), scene.now + TimeDelta::hours(2)] {
        for opening_hours in [None, Some(never())] {
            let mut moment = scene.clone();
            moment.now = now;
            moment.service.opening_hours = opening_hours;
            moments.push(moment);
        }
    }
    moments
}

/// Every event with the right token and attempt.
fn events(scene: &Scene) -> Vec<(Event, Option<Outcome>)> {
    let token = scene.token;
    let attempt = scene.callback.attempt().unwrap_or(AttemptId::from_u128(0));
    let start = || start(1_000, scene.driver);
    let due = Change::To(scene.now + TimeDelta::hours(1));
    let mut events = vec![
        Event::Tick { start: start() },
        Event::Offer { agent: ANN, token },
        Event::Offer { agent: BOB, token },
        Event::Accept { token, start: start() },
        Event::Decline { token },
        Event::Dial { token, start: start() },
        Event::AgentAnswered { attempt },
        Event::Connected { attempt },
        Event::Answered { token },
        Event::HangUp { token },
        Event::Heartbeat { token },
        Event::Renew { attempt },
        Event::Cancel,
        Event::Fulfil,
        Event::Edit(Box::new(Edit { max_retries: Change::To(9), ..Edit::default() })),
        Event::Edit(Box::new(Edit { due, ..Edit::default() })),
        Event::PolicyChanged,
        Event::PreferredGone,
        Event::Withdraw,
    ];
    let mut events: Vec<_> = events.drain(..).map(|event| (event, None)).collect();
    for outcome in Outcome::ALL.iter().copied() {
        let (detail, retry_after_seconds) = (None, None);
        let ended = Event::Ended { attempt, outcome, detail, retry_after_seconds };
        let report = Event::Report { token, outcome, detail: None };
        events.extend([(ended, Some(outcome)), (report, Some(outcome))]);
    }
    events
}
