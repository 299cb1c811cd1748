//! Services: made, replaced, removed.

use callback_domain::id::ServiceId;
use callback_domain::service::Service;
use serde_json::Map;

use super::Work;
use crate::command::Answer;
use crate::error::Error;
use crate::ledger::Subject;
use crate::store::Rows;

impl<R: Rows> Work<'_, R> {
    pub(super) async fn create_service(&mut self, service: &Service) -> Result<Answer, Error> {
        self.write_service(service, "ServiceCreated").await
    }

    /// An edit recomputes the deadlines of the service's callbacks, in batches that survive a crash.
    pub(super) async fn replace_service(
        &mut self,
        service: &Service,
        if_version: Option<u64>,
    ) -> Result<Answer, Error> {
        let stored = self.service(service.id).await?;
        if let Some(version) = if_version
            && version != stored.version
        {
            return Err(Error::StaleVersion { current: stored.version });
        }
        let replaced = Service {
            created_at: stored.created_at,
            updated_at: self.now.max(stored.updated_at),
            version: stored.version.saturating_add(1),
            ..service.clone()
        };
        let answer = self.write_service(&replaced, "ServiceEdited").await?;
        self.rows.put_recalculation(service.id, None).await?;
        self.after.recalculate = true;
        self.after.services.insert(service.id);
        Ok(answer)
    }

    async fn write_service(&mut self, service: &Service, what: &str) -> Result<Answer, Error> {
        let address = service.sip_uri.key();
        let holder = self.rows.service_by_sip(address.as_str()).await?;
        if holder.is_some_and(|holder| holder != service.id) {
            return Err(Error::AddressTaken(service.sip_uri.as_str().to_owned()));
        }
        self.rows.put_service(service).await?;
        self.after.services_edited = true;
        self.append(Subject::Service(service.id), Some(service.id), what, Map::new()).await?;
        Ok(Answer::Service(Box::new(service.clone())))
    }

    pub(super) async fn delete_service(&mut self, id: ServiceId) -> Result<Answer, Error> {
        self.service(id).await?;
        let what = || format!("service {id}");
        if self.rows.has_live_callbacks(id).await? {
            return Err(Error::InUse { what: what(), why: "callbacks of it are not terminated" });
        }
        if self.rows.claims_up_to(id, 1).await? > 0 {
            return Err(Error::InUse { what: what(), why: "an attempt of it has not ended" });
        }
        for mut agent in self.rows.agents_of(id).await? {
            agent.services.remove(&id);
            agent.touch(self.now);
            self.rows.put_agent(&agent).await?;
        }
        self.rows.end_recalculation(id).await?;
        self.rows.delete_service(id).await?;
        self.after.services_edited = true;
        self.append(Subject::Service(id), Some(id), "ServiceDeleted", Map::new()).await?;
        Ok(Answer::Done)
    }
}
