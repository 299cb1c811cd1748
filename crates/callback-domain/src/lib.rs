//! What a callback is, what may happen to it, and who is next.
//!
//! A customer asks to be called back; the promise waits for its due date, then in the queue for an
//! agent, is called, and perhaps called again, until it is over for exactly one reason.
//! This crate decides all of that and does none of it: without I/O, clock or randomness,
//! it is given the time, fresh identities and the service's live policy, and answers with the next
//! state and what has to follow.
//! Whoever embeds it stores the state first, and acts on what follows after that.
//!
//! # Where to look
//!
//! | Modules | What they know |
//! | --- | --- |
//! | [`callback`], [`attempt`], [`lifecycle`] | the promise, each try to keep it, and every event that moves it |
//! | [`service`], [`hours`], [`agent`] | whose promise it is: the rules, when it is open, and the people |
//! | [`priority`], [`picking`], [`queue`] | who is next, as a policy over any store and as a queue in memory |
//! | [`explain`] | why a callback is not being called right now |
//! | [`id`], [`target`], [`date`], [`search`] | identities, lines that can be called, instants, and questions to a store |
//! | [`dto`], [`defaults`] | the forms on the wire, and every default and limit |
//!
//! # A callback, from the request to an agent's hands
//!
//! ```
//! # use callback_domain::attempt::{DriverCaps, Start};
//! # use callback_domain::callback::{Callback, Creator, PhaseName};
//! # use callback_domain::date;
//! # use callback_domain::dto::CreateRequest;
//! # use callback_domain::id::{AgentId, AttemptId, CallbackId, LeaseToken, NodeId, ServiceId};
//! # use callback_domain::lifecycle::Event;
//! # use callback_domain::queue::{Entry, Queue};
//! # use callback_domain::service::{DirectionType, Service};
//! # use callback_domain::target::SipAddress;
//! # use serde_json::json;
//! # let caps = DriverCaps {
//! #     places_calls: true,
//! #     reports_progress: true,
//! #     can_cancel: true,
//! #     survives_restart: true,
//! #     human_reports: false,
//! # };
//! # let (attempt, node) = (AttemptId::from_u128(11), NodeId::from_u128(12));
//! # let start = || Start { attempt, node, driver: "pbx".into(), caps };
//! let now = date::parse("2026-03-02T10:00:00Z")?;
//! let (id, sip) = (ServiceId::from_u128(1), SipAddress::parse("sip:support@example.com")?);
//! let service = Service::new(id, "Support".into(), sip, DirectionType::Outbound, now);
//!
//! let request = json!({"Target": "tel:+41 78 555 66 77", "ServiceSip": "sip:support@example.com"});
//! let new = CreateRequest::read(&request, false).resolve(&service, None, Creator::Api, None)?;
//! let made = Callback::create(new, CallbackId::from_u128(2), now).callback;
//! let waiting = made.step(&service, Event::Tick { start: start() }, now)?.callback;
//!
//! let mut queue = Queue::new();
//! let order = waiting.order().ok_or("not in the queue")?;
//! let (priority, key) = (waiting.priority, waiting.key());
//! queue.enter(Entry { service: id, order, priority, key, lane: None, backed_off: false });
//!
//! let (agent, token) = (AgentId::from_u128(3), LeaseToken::from_u128(4));
//! let (_, pick) = queue.pick(agent, [id]).ok_or("nothing is ready")?;
//! queue.leave(pick.key.id);
//! let offered = waiting.step(&service, Event::Offer { agent, token }, now)?.callback;
//! let accepted = offered.step(&service, Event::Accept { token, start: start() }, now)?.callback;
//! assert_eq!(accepted.phase_name(), PhaseName::Preview);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod id;
pub mod priority;
pub mod target;
pub mod date;
pub mod hours;
pub mod service;
pub mod agent;
pub mod attempt;
pub mod callback;
pub mod lifecycle;
pub mod picking;
pub mod queue;
pub mod explain;
pub mod search;
pub mod dto;
pub mod defaults;
