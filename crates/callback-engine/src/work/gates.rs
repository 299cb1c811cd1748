//! What stands between a queued callback and an offer, asked in one place for dispatch and explain.

use callback_domain::callback::Callback;
use callback_domain::date::{self, Instant};
use callback_domain::hours;
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::service::Service;
use callback_domain::target::TargetKey;

use super::Work;
use crate::route::RouteGate;
use crate::store::{Gate, Rows, StoreError};

/// Seconds of the rolling day over which attempts on one line are counted.
const DAY_SECONDS: i64 = 86_400;

/// Whether a whole service may be offered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceGate {
    /// It may.
    Open,
    /// One callback may go, to try its route.
    Probe,
    /// Not before the clock shows this; `None` when only an edit can change it.
    Until(Option<Instant>),
    /// Not before a session ends.
    Capped,
    /// Not before the callback that tries the route has come out.
    Probing,
}

impl<R: Rows> Work<'_, R> {
    pub(super) async fn service_gate(
        &mut self,
        service: &Service,
    ) -> Result<ServiceGate, StoreError> {
        if !service.takes_callbacks() {
            return Ok(ServiceGate::Until(None));
        }
        if !hours::is_open(service.hours(), self.now) {
            return Ok(ServiceGate::Until(hours::next_opening(service.hours(), self.now)));
        }
        if let Some(cap) = service.max_concurrent_outbound_sessions
            && self.rows.claims_up_to(service.id, cap).await? >= cap
        {
            return Ok(ServiceGate::Capped);
        }
        let site = self.site;
        Ok(match self.rows.route(&site.driver).await?.gate(self.now) {
            RouteGate::Open => ServiceGate::Open,
            RouteGate::Probe => ServiceGate::Probe,
            RouteGate::Until(at) => ServiceGate::Until(Some(at)),
            RouteGate::Probing(_) => ServiceGate::Probing,
        })
    }

    /// Over the cap of attempts of a service until the answered instant.
    pub(super) async fn over_frequency_until(
        &mut self,
        key: &TargetKey,
        cap: u32,
    ) -> Result<Option<Instant>, StoreError> {
        if cap == 0 {
            return Ok(Some(date::LATEST));
        }
        let since = date::add_seconds(self.now, -DAY_SECONDS);
        let made = self.rows.dialouts_since(key, since, cap).await?;
        let full = u32::try_from(made.len()).unwrap_or(u32::MAX) >= cap;
        Ok(made.last().filter(|_| full).map(|oldest| date::add_seconds(*oldest, DAY_SECONDS)))
    }

    /// Works out where a key's callbacks may go, and when the clock alone changes that.
    async fn key_gate(&mut self, key: &TargetKey) -> Result<(Gate, Option<Instant>), StoreError> {
        let mut gate = Gate { closed: self.rows.claim(key).await?.is_some(), ..Gate::default() };
        let mut change: Option<Instant> = None;
        let mut note = |at: Option<Instant>| {
            change = match (change, at) {
                (Some(known), Some(at)) => Some(known.min(at)),
                (known, at) => known.or(at),
            };
        };
        for suppression in self.rows.suppressions_of(key).await? {
            match suppression.service_id {
                Some(service) => {
                    gate.closed_services.insert(service);
                }
                None => gate.closed = true,
            }
            note(suppression.until);
        }
        for (service, cap) in self.rows.capped_services().await? {
            if let Some(until) = self.over_frequency_until(key, cap).await? {
                gate.closed_services.insert(service);
                note(Some(until));
            }
        }
        Ok((gate, change))
    }

    /// Brings the readiness of a key's callbacks in line with its gate, and wakes who can take them.
    pub(super) async fn refresh(&mut self, key: &TargetKey) -> Result<(), StoreError> {
        let (gate, change) = self.key_gate(key).await?;
        for (service, lane) in self.rows.refresh(key, &gate).await? {
            match lane {
                Some(agent) => self.after.agents.insert(agent),
                None => self.after.services.insert(service),
            };
        }
        match change {
            Some(at) if self.rows.waits(key).await? => {
                self.rows.wake_key(key, at).await?;
                self.after.note_deadline(Some(at));
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// Lets a customer's line go, and wakes what waited for it or for the session.
    pub(super) async fn release_line(
        &mut self,
        key: &TargetKey,
        service: ServiceId,
    ) -> Result<(), StoreError> {
        self.rows.release_claim(key).await?;
        self.after.services.insert(service);
        self.refresh(key).await
    }

    /// The callback that was to try a route came back without a call.
    pub(super) async fn release_probe(&mut self, callback: CallbackId) -> Result<(), StoreError> {
        let site = self.site;
        let mut route = self.rows.route(&site.driver).await?;
        if route.probe == Some(callback) {
            route.release_probe(callback);
            self.rows.put_route(&site.driver, &route).await?;
            self.wake_all().await?;
        }
        Ok(())
    }

    /// Wakes everything for which something is ready.
    pub(super) async fn wake_all(&mut self) -> Result<(), StoreError> {
        let ready = self.rows.ready_services().await?;
        self.after.services.extend(ready);
        Ok(())
    }

    /// The suppression that keeps a service from calling a line, if there is one.
    pub(super) async fn suppression_for(
        &mut self,
        callback: &Callback,
    ) -> Result<Option<crate::suppression::Suppression>, StoreError> {
        let found = self.rows.suppressions_of(&callback.key()).await?;
        let now = self.now;
        Ok(found.into_iter().find(|suppression| suppression.holds(callback.service, now)))
    }
}
