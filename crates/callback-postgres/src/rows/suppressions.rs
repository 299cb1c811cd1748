//! Who is not to be called.

use callback_domain::id::ServiceId;
use callback_domain::target::TargetKey;
use callback_engine::store::Rowed;
use callback_engine::suppression::Suppression;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresRows;
use crate::connection::Parameter;
use crate::records::{column, unsigned};

const PUT_SUPPRESSION: &str = "/* PostgresRows::put_suppression */ \
    INSERT INTO suppressions (id, key, service, reason, until, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING sequence";

impl PostgresRows<'_> {
    pub(super) async fn write_suppression(&mut self, suppression: &Suppression) -> Rowed<u64> {
        self.lock_line(&suppression.key).await?;
        self.suppressed.remove(&suppression.key);
        let service = suppression.service_id.map(|service| service.0);
        let key = suppression.key.as_str();
        let parameters: &[Parameter<'_>] = &[
            &suppression.id,
            &key,
            &service,
            &suppression.reason,
            &suppression.until,
            &suppression.created_at,
        ];
        match self.query_one(PUT_SUPPRESSION, parameters).await? {
            Some(row) => column(&row, "suppressions", "sequence").map(unsigned),
            None => Ok(0),
        }
    }

    pub(super) async fn remove_suppression(&mut self, id: Uuid) -> Rowed<Option<Suppression>> {
        self.suppressed.clear();
        let sql = "/* PostgresRows::delete_suppression */ DELETE FROM suppressions WHERE id = $1 \
            RETURNING sequence, id, key, service, reason, until, created_at";
        let row = self.query_one(sql, &[&id]).await?;
        row.as_ref().map(suppression).transpose()
    }
}

/// Reads a row of the suppression list.
pub(crate) fn suppression(row: &Row) -> Rowed<Suppression> {
    let table = "suppressions";
    Ok(Suppression {
        sequence: unsigned(column(row, table, "sequence")?),
        id: column(row, table, "id")?,
        key: TargetKey::from_stored(column(row, table, "key")?),
        service_id: column::<Option<Uuid>>(row, table, "service")?.map(ServiceId),
        reason: column(row, table, "reason")?,
        until: column(row, table, "until")?,
        created_at: column(row, table, "created_at")?,
    })
}
