//! What each command does inside its transaction, over any store's rows.
//!
//! A command that is refused has written nothing: everything is asked before anything is changed.

mod access;
mod agents;
mod attempts;
mod bulk;
mod callbacks;
mod dispatch;
mod erasure;
mod explain;
mod gates;
mod outbox;
mod services;
mod suppressions;
mod tidying;
mod timers;
mod webhooks;

use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::service::{DirectionType, Service};
use callback_domain::target::SipAddress;
use serde_json::Map;
use std::sync::Arc;

use crate::command::{After, Answer, Command, Done, What};
use crate::error::Error;
use crate::ledger::{Actor, DIRECTORY_EVENTS, Line, Subject};
use crate::mint::Site;
use crate::store::{Rows, StoreError};

/// One command at work in one transaction.
struct Work<'a, R> {
    rows: &'a mut R,
    site: &'a Site,
    actor: &'a Actor,
    now: Instant,
    after: After,
}

/// Runs a command over the rows of an open transaction; the caller commits.
///
/// # Errors
/// A refusal has written nothing; after [`Error::Store`] the caller rolls back.
pub async fn run<R: Rows>(rows: &mut R, command: &Command) -> Result<Done, Error> {
    let now = rows.now();
    let mut work =
        Work { rows, site: &command.site, actor: &command.actor, now, after: After::default() };
    let answer = work.perform(&command.what).await?;
    Ok(Done { answer, after: work.after })
}

impl<R: Rows> Work<'_, R> {
    async fn perform(&mut self, what: &What) -> Result<Answer, Error> {
        Ok(match what {
            What::Create(create) => self.create(create).await?,
            What::Move { callback, by, if_version } => {
                self.move_by(*callback, by, *if_version).await?
            }
            What::Tick { limit } => self.tick(*limit).await?,
            What::Dispatch { services, agents, limit } => {
                self.dispatch(services, agents, *limit).await?
            }
            What::Survey => self.survey().await?,
            What::Next { agent } => self.next(*agent).await?,
            What::Report { attempt, number, report } => {
                self.report(*attempt, *number, report).await?
            }
            What::Renew { attempts } => self.renew(attempts).await?,
            What::TakeOver { alone } => self.take_over(*alone).await?,
            What::Recalculate { limit } => self.recalculate(*limit).await?,
            What::CreateService(service) => self.create_service(service).await?,
            What::ReplaceService { service, if_version } => {
                self.replace_service(service, *if_version).await?
            }
            What::DeleteService { service } => self.delete_service(*service).await?,
            What::CreateAgent(agent) => self.create_agent(agent).await?,
            What::ReplaceAgent { agent, if_version } => {
                self.replace_agent(agent, *if_version).await?
            }
            What::DeleteAgent { agent } => self.delete_agent(*agent).await?,
            What::ChangeAgent { agent, change } => self.change_agent(*agent, *change).await?,
            What::Suppress(list) => self.suppress(list).await?,
            What::Unsuppress { suppression } => self.unsuppress(*suppression).await?,
            What::CreateKey(new) => self.create_key(new).await?,
            What::RevokeKey { key } => self.revoke_key(*key).await?,
            What::Session { key, change } => self.change_session(*key, change).await?,
            What::UseKeys(uses) => self.use_keys(uses).await?,
            What::Task { agent } => self.task(*agent).await?,
            What::Explain { callback, agent } => self.explain(*callback, *agent).await?,
            What::Position { callback } => self.position(*callback).await?,
            What::Insight { service } => self.insight(*service).await?,
            What::Webhooks(order) => self.webhooks(order).await?,
            What::Once { idempotency, what } => self.once(idempotency, what).await?,
            What::Erase { key, step } => self.erase(key, step).await?,
            What::CreateBatch(batch) => self.create_batch(batch).await?,
            What::CancelThese(these) => self.withdraw_all(these).await?,
            What::Tidy { limit, terminated_days } => self.tidy(*limit, *terminated_days).await?,
        })
    }

    async fn callback(&mut self, id: CallbackId) -> Result<Callback, Error> {
        let found = self.rows.callback(id).await?;
        found.ok_or_else(|| Error::CallbackNotFound(id.to_string()))
    }

    async fn service(&mut self, id: ServiceId) -> Result<Arc<Service>, Error> {
        let found = self.rows.service(id).await?;
        found.ok_or_else(|| Error::ServiceNotFound(id.to_string()))
    }

    /// The service of a stored callback, which cannot be deleted while the callback lives.
    ///
    /// One that is over may outlive its service; no event of it asks for a policy, so that any
    /// stands in.
    async fn service_of(&mut self, callback: &Callback) -> Result<Arc<Service>, StoreError> {
        let found = self.rows.service(callback.service).await?;
        let found = found.or_else(|| callback.is_terminated().then(|| removed(callback)));
        found.ok_or_else(|| StoreError::Corrupt {
            table: "callbacks",
            column: "service",
            id: callback.id.to_string(),
            cause: format!("service {} is missing", callback.service),
        })
    }

    async fn append(
        &mut self,
        subject: Subject,
        service: Option<ServiceId>,
        what: &str,
        details: Map<String, serde_json::Value>,
    ) -> Result<(), StoreError> {
        debug_assert!(DIRECTORY_EVENTS.contains(&what), "{what} is not listed");
        self.append_line(Line {
            sequence: 0,
            subject,
            service,
            at: self.now,
            what: what.to_owned(),
            from: None,
            to: None,
            actor: self.actor.label(),
            details,
        })
        .await
    }

    async fn append_line(&mut self, line: Line) -> Result<(), StoreError> {
        self.after.lines += 1;
        self.rows.append(&line).await
    }
}

/// What stands in for a service that is no more.
fn removed(callback: &Callback) -> Arc<Service> {
    let address = SipAddress::parse("sip:removed@invalid").expect("the address is a SIP URI");
    let (direction, at) = (DirectionType::Inbound, callback.updated_at);
    Arc::new(Service::new(callback.service, String::new(), address, direction, at))
}
