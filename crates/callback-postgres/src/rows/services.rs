//! Services, which of them cap attempts, and for which deadlines are to be computed anew.

use std::sync::Arc;

use callback_domain::id::{CallbackId, ServiceId};
use callback_domain::service::Service;
use callback_engine::store::Rowed;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{PostgresRows, owned};
use crate::records::{column, record};

const RECALCULATIONS: &str = "/* PostgresRows::recalculations */ \
    SELECT service AS id, after FROM recalculations ORDER BY service";
/// One node computes anew at a time for a service; the others need not wait for it.
const RECALCULATIONS_LOCKED: &str = "/* PostgresRows::recalculations lock */ \
    SELECT service AS id, after FROM recalculations ORDER BY service FOR UPDATE SKIP LOCKED";
const CAPPED: &str = "/* PostgresRows::capped_services */ \
    SELECT id, attempts_cap FROM services WHERE attempts_cap IS NOT NULL ORDER BY id";

impl PostgresRows<'_> {
    pub(super) async fn one_service(&mut self, id: ServiceId) -> Rowed<Option<Arc<Service>>> {
        if let Some(known) = self.services.get(&id) {
            return Ok(known.clone());
        }
        let sql = "/* PostgresRows::service */ SELECT id, record FROM services WHERE id = $1";
        let row = self.query_one(sql, &[&id.0]).await?;
        let service = row.map(|row| record(&row, "services").map(Arc::new)).transpose()?;
        self.services.insert(id, service.clone());
        Ok(service)
    }

    pub(super) async fn service_at(&mut self, sip_uri: &str) -> Rowed<Option<ServiceId>> {
        let sql = "/* PostgresRows::service_by_sip */ SELECT id FROM services WHERE sip_key = $1";
        let row = self.query_one(sql, &[&sip_uri]).await?;
        row.map(|row| column(&row, "services", "id").map(ServiceId)).transpose()
    }

    pub(super) async fn write_service(&mut self, service: &Service) -> Rowed<()> {
        self.services.insert(service.id, Some(Arc::new(service.clone())));
        let sql = "/* PostgresRows::put_service */ \
            INSERT INTO services (id, name, sip_key, attempts_cap, record) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
                sip_key = excluded.sip_key, attempts_cap = excluded.attempts_cap, \
                record = excluded.record";
        let cap = service.max_attempts_per_target_per_day;
        let parameters = owned![
            service.id.0,
            service.name.clone(),
            service.sip_uri.key().as_str().to_owned(),
            cap.map(|cap| i32::try_from(cap).unwrap_or(i32::MAX)),
            Json(service.clone()),
        ];
        self.capped = None;
        self.write(sql, parameters).await?;
        let sql = "/* PostgresRows::put_service passes */ INSERT INTO passes (service, ahead) \
            VALUES ($1, $2) ON CONFLICT (service) DO NOTHING";
        self.write(sql, owned![service.id.0, vec![0_u8; 7]]).await
    }

    pub(super) async fn remove_service(&mut self, id: ServiceId) -> Rowed<()> {
        self.services.insert(id, None);
        self.passes.remove(&id);
        self.capped = None;
        let sql = "/* PostgresRows::delete_service */ DELETE FROM services WHERE id = $1";
        self.write(sql, owned![id.0]).await?;
        let sql = "/* PostgresRows::delete_service passes */ DELETE FROM passes WHERE service = $1";
        self.write(sql, owned![id.0]).await
    }

    pub(super) async fn all_capped(&mut self) -> Rowed<Vec<(ServiceId, u32)>> {
        if let Some(known) = &self.capped {
            return Ok(known.clone());
        }
        let rows = self.query(CAPPED, &[]).await?;
        self.keep_capped(&rows)?;
        Ok(self.capped.clone().unwrap_or_default())
    }

    pub(super) async fn all_recalculations(
        &mut self,
    ) -> Rowed<Vec<(ServiceId, Option<CallbackId>)>> {
        let sql = if self.locks { RECALCULATIONS_LOCKED } else { RECALCULATIONS };
        let rows = self.query(sql, &[]).await?;
        let read = |row| {
            let after: Option<Uuid> = column(row, "recalculations", "after")?;
            Ok((ServiceId(column(row, "recalculations", "id")?), after.map(CallbackId)))
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn write_recalculation(
        &mut self,
        service: ServiceId,
        after: Option<CallbackId>,
    ) -> Rowed<()> {
        let sql = "/* PostgresRows::put_recalculation */ INSERT INTO recalculations (service, after) \
            VALUES ($1, $2) ON CONFLICT (service) DO UPDATE SET after = excluded.after";
        self.write(sql, owned![service.0, after.map(|after| after.0)]).await
    }

    pub(super) async fn remove_recalculation(&mut self, service: ServiceId) -> Rowed<()> {
        let sql =
            "/* PostgresRows::end_recalculation */ DELETE FROM recalculations WHERE service = $1";
        self.write(sql, owned![service.0]).await
    }

    pub(super) fn keep_capped(&mut self, rows: &[Row]) -> Rowed<()> {
        let mut capped = Vec::with_capacity(rows.len());
        for row in rows {
            let cap: i32 = column(row, "services", "attempts_cap")?;
            let id = ServiceId(column(row, "services", "id")?);
            capped.push((id, u32::try_from(cap).unwrap_or(0)));
        }
        self.capped = Some(capped);
        Ok(())
    }
}
