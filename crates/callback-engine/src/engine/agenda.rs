//! What the driver has to look at.

use std::collections::{BTreeMap, BTreeSet};

use callback_domain::date::Instant;
use callback_domain::id::{AgentId, ServiceId};
use chrono::TimeDelta;

/// How long nobody is looked for again for a service that found nobody.
///
/// An agent who becomes free is looked at for their own sake, so that few are found late by this.
const REST: TimeDelta = TimeDelta::milliseconds(10);

#[derive(Debug, Default)]
pub(super) struct Agenda {
    services: BTreeSet<ServiceId>,
    /// Services that found nobody, and until when they rest.
    resting: BTreeMap<ServiceId, Instant>,
    agents: BTreeSet<AgentId>,
    later: BTreeSet<(Instant, ServiceId)>,
    pub(super) deadline: Option<Instant>,
    pub(super) recalculate: bool,
}

impl Agenda {
    pub(super) fn look_for(
        &mut self,
        services: impl IntoIterator<Item = ServiceId>,
        agents: impl IntoIterator<Item = AgentId>,
    ) {
        self.services.extend(services);
        self.agents.extend(agents);
    }

    pub(super) fn look_later(&mut self, later: impl IntoIterator<Item = (Instant, ServiceId)>) {
        self.later.extend(later);
    }

    /// Notes that nobody was found for services.
    pub(super) fn found_nobody(
        &mut self,
        services: impl IntoIterator<Item = ServiceId>,
        now: Instant,
    ) {
        self.resting.extend(services.into_iter().map(|service| (service, now + REST)));
    }

    /// The services and agents to look at now.
    pub(super) fn take(&mut self, now: Instant) -> (Vec<ServiceId>, Vec<AgentId>) {
        let later = self.later.split_off(&(now, ServiceId::from_u128(u128::MAX)));
        let opened = std::mem::replace(&mut self.later, later);
        self.services.extend(opened.into_iter().map(|(_, service)| service));
        self.resting.retain(|_, until| *until > now);
        let (resting, services): (BTreeSet<_>, BTreeSet<_>) =
            self.services.iter().partition(|service| self.resting.contains_key(service));
        self.services = resting;
        let agents = std::mem::take(&mut self.agents);
        (services.into_iter().collect(), agents.into_iter().collect())
    }

    /// When there is something to look at, if it is known.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let at_once = self.recalculate || !self.agents.is_empty();
        let services = self.services.iter().map(|service| {
            let rested = self.resting.get(service);
            rested.map_or(now, |until| *until)
        });
        let later = self.later.first().map(|(at, _)| *at);
        at_once.then_some(now).into_iter().chain(services).chain(self.deadline).chain(later).min()
    }
}

#[cfg(test)]
mod tests {
    use callback_domain::date;

    use super::*;

    const SERVICE: ServiceId = ServiceId::from_u128(1);
    const OTHER: ServiceId = ServiceId::from_u128(2);
    const AGENT: AgentId = AgentId::from_u128(1);

    fn at(millis: i64) -> Instant {
        date::from_micros(millis * 1_000).expect("it is a small number")
    }

    #[test]
    fn a_service_that_found_nobody_rests_and_no_other_does() {
        let mut agenda = Agenda::default();
        agenda.look_for([SERVICE], []);
        assert_eq!(agenda.next(at(0)), Some(at(0)));
        assert_eq!(agenda.take(at(0)), (vec![SERVICE], vec![]));
        agenda.found_nobody([SERVICE], at(0));
        assert_eq!(agenda.next(at(0)), None);

        agenda.look_for([SERVICE, OTHER], []);
        assert_eq!(agenda.next(at(1)), Some(at(1)));
        assert_eq!(agenda.take(at(1)), (vec![OTHER], vec![]));
        assert_eq!(agenda.next(at(1)), Some(at(10)));
        assert_eq!(agenda.take(at(9)), (vec![], vec![]));
        assert_eq!(agenda.take(at(10)), (vec![SERVICE], vec![]));
        assert_eq!(agenda.next(at(10)), None);
    }

    #[test]
    fn an_agent_who_becomes_free_is_looked_at_at_once() {
        let mut agenda = Agenda::default();
        agenda.found_nobody([SERVICE], at(0));
        agenda.look_for([SERVICE], [AGENT]);
        assert_eq!(agenda.next(at(1)), Some(at(1)));
        assert_eq!(agenda.take(at(1)), (vec![], vec![AGENT]));
    }

    #[test]
    fn a_service_that_opens_later_is_looked_at_then() {
        let mut agenda = Agenda::default();
        agenda.look_later([(at(50), SERVICE), (at(70), OTHER)]);
        assert_eq!(agenda.next(at(0)), Some(at(50)));
        assert_eq!(agenda.take(at(50)), (vec![SERVICE], vec![]));
        assert_eq!(agenda.next(at(50)), Some(at(70)));
    }
}
