//! What must hold of an offer, and when nobody is offered anything.

use callback_domain::agent::{Agent, Distribution};
use callback_domain::callback::{Callback, Phase};
use callback_domain::hours;
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::picking::{Heads, choose};
use callback_domain::priority::Priority;
use callback_domain::service::Service;
use callback_engine::route::RouteGate;

use super::broken::{Holds, demand};
use super::invariants::{bound, in_a_day, is_held_from};
use super::mirror::{Followed, Mirror};

/// Whether a callback may go now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// A gate opened by the clock, and nobody has looked yet.
    Unsure,
}

impl Mirror {
    /// What must hold when a callback is offered; the mirror still shows what was before.
    pub(super) fn check_offer(&mut self, before: &Followed, after: &Callback) -> Holds {
        let agent = after.agent().and_then(|id| self.agents.get(&id)).cloned();
        let Some(agent) = agent else {
            demand!(invariant_offers_go_to_free_agents: false, "{after:?} was offered to nobody");
            return Ok(());
        };
        let Some(service) = self.services.get(&after.service).cloned() else { return Ok(()) };
        self.invariant_offers_go_to_free_agents(&agent, after.service)?;
        self.invariant_one_live_call_per_target(before)?;
        self.invariant_no_suppressed_target_is_offered(before)?;
        self.invariant_not_offered_too_early(before)?;
        self.invariant_not_offered_while_closed(before, &service)?;
        Self::invariant_held_callbacks_go_to_their_agent(before, &agent)?;
        self.invariant_session_caps_hold(before, &service)?;
        self.invariant_frequency_caps_hold(before, &service)?;
        self.invariant_a_broken_route_is_spared(before)?;
        self.invariant_the_longest_idle_goes_first(before, &agent)?;
        self.invariant_the_policy_chooses(before, &agent)?;
        let passed_over = self.invariant_no_level_starves(before);
        self.passes_before = None;
        passed_over
    }

    fn invariant_offers_go_to_free_agents(&self, agent: &Agent, service: ServiceId) -> Holds {
        let busy = self.in_hand.values().any(|(_, other, _)| *other == agent.id)
            || self
                .open
                .keys()
                .any(|id| self.attempts.get(id).is_some_and(|a| a.agent == agent.id));
        demand!(invariant_offers_go_to_free_agents:
            agent.unready(self.now).is_none() && !busy && agent.services.contains(&service),
            "{agent:?} was offered something of {service}");
        demand!(invariant_offers_go_to_free_agents:
            self.pulling || agent.distribution == Distribution::Push,
            "{agent:?} pulls and was offered something");
        Ok(())
    }

    fn invariant_one_live_call_per_target(&self, before: &Followed) -> Holds {
        demand!(invariant_one_live_call_per_target:
            !self.line_taken(&before.key, before.callback.id),
            "{} was offered while the line {} is live", before.callback.id, before.key.as_str());
        Ok(())
    }

    fn invariant_no_suppressed_target_is_offered(&self, before: &Followed) -> Holds {
        demand!(invariant_no_suppressed_target_is_offered: !self.is_suppressed(before, self.now),
            "{} was offered at {}", before.callback.id, self.now);
        Ok(())
    }

    fn invariant_not_offered_too_early(&self, before: &Followed) -> Holds {
        let Phase::InQueue { not_before, .. } = before.callback.phase else { return Ok(()) };
        demand!(invariant_not_offered_too_early:
            before.callback.due <= self.now
                && not_before.is_none_or(|at| at <= self.now)
                && before.spaced_until.is_none_or(|at| at <= self.now),
            "{:?} was offered at {}, spaced until {:?}", before.callback, self.now, before.spaced_until);
        Ok(())
    }

    fn invariant_not_offered_while_closed(&self, before: &Followed, service: &Service) -> Holds {
        demand!(invariant_not_offered_while_closed: hours::is_open(service.hours(), self.now),
            "{} was offered at {}", before.callback.id, self.now);
        Ok(())
    }

    fn invariant_held_callbacks_go_to_their_agent(before: &Followed, agent: &Agent) -> Holds {
        demand!(invariant_held_callbacks_go_to_their_agent:
            !is_held_from(&before.callback.phase, Some(agent.id)),
            "{:?} was offered to {}", before.callback, agent.id);
        Ok(())
    }

    fn invariant_session_caps_hold(&self, before: &Followed, service: &Service) -> Holds {
        let sessions = self.sessions(service.id);
        let cap = service.max_concurrent_outbound_sessions;
        demand!(invariant_session_caps_hold:
            cap.is_none_or(|cap| sessions < usize::try_from(cap).unwrap_or(usize::MAX)),
            "{} was offered with {sessions} sessions of {cap:?}", before.callback.id);
        Ok(())
    }

    fn invariant_frequency_caps_hold(&self, before: &Followed, service: &Service) -> Holds {
        let Some(cap) = service.max_attempts_per_target_per_day else { return Ok(()) };
        if self.recalculating.contains(&service.id) {
            return Ok(());
        }
        let made = self.dialouts.get(&before.key).map_or(0, |made| in_a_day(made, self.now));
        demand!(invariant_frequency_caps_hold: made < usize::try_from(cap).unwrap_or(usize::MAX),
            "{} was offered after {made} dial-outs of {cap}", before.callback.id);
        Ok(())
    }

    fn invariant_a_broken_route_is_spared(&self, before: &Followed) -> Holds {
        let gate = self.route.gate(self.now);
        demand!(invariant_a_broken_route_is_spared:
            gate == RouteGate::Open || gate == RouteGate::Probing(before.callback.id),
            "{} was offered with {gate:?}", before.callback.id);
        Ok(())
    }

    /// Among agents of the same services, who has been idle for longest is asked first.
    fn invariant_the_longest_idle_goes_first(&self, before: &Followed, agent: &Agent) -> Holds {
        let held = matches!(before.callback.phase, Phase::InQueue { held_for: Some(_), .. });
        if self.pulling || held {
            return Ok(());
        }
        let earlier = self.agents.values().find(|other| {
            other.id != agent.id
                && other.distribution == Distribution::Push
                && other.services == agent.services
                && other.after_call_work_until.is_none()
                && other.unready(self.now).is_none()
                && other.idle_since < agent.idle_since
        });
        demand!(invariant_the_longest_idle_goes_first: earlier.is_none(),
            "{} was offered to {agent:?} before {earlier:?}", before.callback.id);
        Ok(())
    }

    /// Strict first, then by the passes, within a level by place.
    fn invariant_the_policy_chooses(&self, before: &Followed, agent: &Agent) -> Holds {
        let mut views = Vec::new();
        for id in &agent.services {
            let Some(service) = self.services.get(id) else { continue };
            if !self.takes_offers(service) {
                continue;
            }
            let Some(heads) = self.heads(*id, Some(agent.id), Some(before)) else { return Ok(()) };
            let passes = match self.passes_before {
                Some((picked, passes)) if picked == *id => passes,
                Some(_) | None => self.passes.get(id).copied().unwrap_or_default(),
            };
            views.push((*id, passes, heads));
        }
        let chosen = choose(views.iter().map(|(id, passes, heads)| (*id, passes, heads)));
        let picked = chosen.map(|(service, pick)| (service, pick.key.id));
        demand!(invariant_the_policy_chooses:
            picked == Some((before.callback.service, before.callback.id)),
            "{} of {} was offered to {}, and the policy chooses {picked:?}",
            before.callback.id, before.callback.service, agent.id);
        Ok(())
    }

    /// No waiting level sees more picks go to others than the bound allows.
    fn invariant_no_level_starves(&mut self, before: &Followed) -> Holds {
        let (service, served) = (before.callback.service, before.callback.priority);
        if served.weight().is_none() {
            return Ok(());
        }
        let Some(heads) = self.heads(service, None, Some(before)) else {
            // Whoever may have been away from this pick begins anew.
            self.passed_over.retain(|(of, _), _| *of != service);
            return Ok(());
        };
        for level in Priority::WEIGHTED {
            let slot = self.passed_over.entry((service, level.level())).or_default();
            if level == served || heads.head(level).is_none() {
                *slot = 0;
                continue;
            }
            *slot += 1;
            let (seen, most) = (*slot, bound(level.weight().unwrap_or(1)));
            demand!(invariant_no_level_starves: seen <= most,
                "{level} of {service} saw {seen} picks go to others, and {most} is the bound");
        }
        Ok(())
    }

    /// At rest, no free agent could be given anything.
    pub(super) fn invariant_nobody_waits_while_an_agent_is_free(&self) -> Holds {
        match self.route.gate(self.now) {
            RouteGate::Open | RouteGate::Probe => {}
            RouteGate::Until(_) | RouteGate::Probing(_) => return Ok(()),
        }
        let free = self.agents.values().filter(|agent| {
            agent.distribution == Distribution::Push && agent.unready(self.now).is_none()
        });
        for agent in free {
            for id in &agent.services {
                let Some(service) = self.services.get(id) else { continue };
                if !self.takes_offers(service) {
                    continue;
                }
                let ready =
                    self.heads(*id, Some(agent.id), None).and_then(|heads| heads.iter().next());
                demand!(invariant_nobody_waits_while_an_agent_is_free: ready.is_none(),
                    "at {} {agent:?} is free, and {ready:?} of {id} is ready", self.now);
            }
        }
        Ok(())
    }

    fn takes_offers(&self, service: &Service) -> bool {
        let cap = service.max_concurrent_outbound_sessions;
        service.takes_callbacks()
            && hours::is_open(service.hours(), self.now)
            && cap.is_none_or(|cap| {
                self.sessions(service.id) < usize::try_from(cap).unwrap_or(usize::MAX)
            })
    }

    /// The first of each level that may go to this agent, or to anybody; `None` when unsure.
    /// One of them may be out of the mirror, because it is being looked at.
    fn heads(
        &self,
        service: ServiceId,
        agent: Option<AgentId>,
        taken_out: Option<&Followed>,
    ) -> Option<Heads> {
        let mut heads = Heads::default();
        for priority in Priority::ALL {
            let Some(orders) = self.queue.get(&(service, priority.level())) else { continue };
            for order in orders {
                let known = || self.callbacks.get(&order.id).map(|followed| &**followed);
                let Some(followed) =
                    taken_out.filter(|out| out.callback.id == order.id).or_else(known)
                else {
                    continue;
                };
                match self.fit(followed, agent) {
                    Fit::Yes => {
                        heads.offer(priority, *order);
                        break;
                    }
                    Fit::No => {}
                    Fit::Unsure => return None,
                }
            }
        }
        Some(heads)
    }

    fn fit(&self, followed: &Followed, agent: Option<AgentId>) -> Fit {
        let Phase::InQueue { not_before, .. } = followed.callback.phase else { return Fit::No };
        if not_before.is_some() || is_held_from(&followed.callback.phase, agent) {
            return Fit::No;
        }
        if self.line_taken(&followed.key, followed.callback.id) {
            return Fit::No;
        }
        if self.recalculating.contains(&followed.callback.service) {
            return Fit::Unsure;
        }
        let gated = |at| self.is_suppressed(followed, at) || self.is_over_frequency(followed, at);
        match (gated(self.now), gated(self.ticked)) {
            (true, _) => Fit::No,
            (false, true) => Fit::Unsure,
            (false, false) => Fit::Yes,
        }
    }

    fn is_suppressed(&self, followed: &Followed, at: callback_domain::date::Instant) -> bool {
        let listed = self.suppressions.get(&followed.key);
        listed
            .is_some_and(|listed| listed.iter().any(|one| one.holds(followed.callback.service, at)))
    }

    fn is_over_frequency(&self, followed: &Followed, at: callback_domain::date::Instant) -> bool {
        let service = self.services.get(&followed.callback.service);
        let Some(cap) = service.and_then(|service| service.max_attempts_per_target_per_day) else {
            return false;
        };
        let made = self.dialouts.get(&followed.key).map_or(0, |made| in_a_day(made, at));
        made >= usize::try_from(cap).unwrap_or(usize::MAX)
    }
}
