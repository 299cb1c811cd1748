//! The people, the service and the drivers of every test here.

use callback_domain::attempt::{DriverCaps, Start};
use callback_domain::callback::{Creator, Preferred};
use callback_domain::date::{self, Instant};
use callback_domain::hours::{Interval, LocalTime, OpeningHours, WeeklyInterval};
use callback_domain::id::{AgentId, AttemptId, CallbackId, NodeId, ServiceId};
use callback_domain::lifecycle::NewCallback;
use callback_domain::priority::Priority;
use callback_domain::service::{DirectionType, Service};
use callback_domain::target::{SipAddress, Target};
use chrono::Weekday;
use chrono_tz::Tz;

pub(crate) const CALLBACK: CallbackId = CallbackId::from_u128(7);
pub(crate) const ANN: AgentId = AgentId::from_u128(1);
pub(crate) const BOB: AgentId = AgentId::from_u128(2);

/// Rings the agent's phone, then the customer's.
pub(crate) const AUTOMATIC: DriverCaps = DriverCaps {
    places_calls: true,
    reports_progress: true,
    can_cancel: true,
    survives_restart: true,
    human_reports: false,
};

/// A person dials and says what came of it.
pub(crate) const MANUAL: DriverCaps = DriverCaps {
    places_calls: false,
    reports_progress: false,
    can_cancel: false,
    survives_restart: true,
    human_reports: true,
};

/// Ten o'clock on a Monday.
pub(crate) fn morning() -> Instant {
    instant("2026-03-02T10:00:00Z")
}

pub(crate) fn instant(text: &str) -> Instant {
    date::parse(text).expect("tests write dates well")
}

/// Always open, with every default.
pub(crate) fn service() -> Service {
    let sip_uri = sip("sip:support@example.com");
    let id = ServiceId::from_u128(5);
    Service::new(id, "Support".into(), sip_uri, DirectionType::Outbound, morning())
}

/// What the documented use case asks for.
pub(crate) fn wish() -> NewCallback {
    NewCallback {
        creator: Creator::Api,
        initiator: None,
        service: service().id,
        target: target("tel:+41785556677"),
        alternative_target: None,
        priority: Priority::Normal,
        max_retries: 3,
        seconds_between_retries: 300,
        due: None,
        description: None,
        external_task_id: None,
        incoming_service_sip_uri: None,
        context_url: None,
        supervisor: None,
        caller_id: None,
        preferred: None,
        allowed_wait_seconds: 3600,
    }
}

pub(crate) fn for_ann() -> Preferred {
    Preferred { sip_uri: sip("sip:ann@example.com"), agent: ANN }
}

pub(crate) fn target(text: &str) -> Target {
    Target::parse(text, None).expect("tests write targets well")
}

fn sip(text: &str) -> SipAddress {
    SipAddress::parse(text).expect("tests write addresses well")
}

pub(crate) fn start(attempt: u128, caps: DriverCaps) -> Start {
    Start {
        attempt: AttemptId::from_u128(attempt),
        node: NodeId::from_u128(1),
        driver: "test".into(),
        caps,
    }
}

/// Open on these days of the week between these times of universal time.
pub(crate) fn open(days: &[Weekday], from: &str, to: &str) -> OpeningHours {
    let time = |text| LocalTime::parse(text).expect("tests write times well");
    let interval = Interval::new(time(from), time(to)).expect("tests write intervals well");
    let weekly = days.iter().map(|day| WeeklyInterval { day: *day, interval }).collect();
    OpeningHours::new(Tz::UTC, weekly, Vec::new()).expect("tests write hours well")
}

pub(crate) const WORKDAYS: [Weekday; 5] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// A calendar without an opening.
pub(crate) fn never() -> OpeningHours {
    open(&[], "00:00", "24:00")
}
