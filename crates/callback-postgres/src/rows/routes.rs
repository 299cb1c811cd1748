//! How routes stand: whether calls go through, and who tries again.

use callback_engine::route::Route;
use callback_engine::store::Rowed;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{PostgresRows, owned};
use crate::failure::Failure;
use crate::records::{column, record};

const PUT_ROUTE: &str = "/* PostgresRows::put_route */ \
    INSERT INTO routes AS stored (name, record) VALUES ($1, $2) \
    ON CONFLICT (name) DO UPDATE SET record = excluded.record WHERE stored.record = $3";

impl PostgresRows<'_> {
    pub(super) async fn route_to(&mut self, name: &str) -> Rowed<Route> {
        if let Some((_, known)) = self.routes.get(name) {
            return Ok(known.clone());
        }
        let sql = "/* PostgresRows::route */ SELECT name, record FROM routes WHERE name = $1";
        let rows = self.query(sql, &[&name]).await?;
        self.routes.insert(name.to_owned(), (None, Route::default()));
        self.keep_routes(&rows)?;
        Ok(self.routes.get(name).map(|(_, route)| route.clone()).unwrap_or_default())
    }

    pub(super) async fn write_route(&mut self, name: &str, route: &Route) -> Rowed<()> {
        self.route_to(name).await?;
        let stored = self.routes.get(name).and_then(|(stored, _)| stored.clone());
        let Ok(written) = serde_json::to_value(route) else {
            let cause = Failure::conflict("PostgresRows::put_route", "the route has no JSON form");
            return Err(self.fail(cause).await);
        };
        self.routes.insert(name.to_owned(), (Some(written.clone()), route.clone()));
        let parameters = owned![name.to_owned(), Json(written), stored.map(Json)];
        self.write_guarded(PUT_ROUTE, parameters, 1, "the route's standing has changed").await
    }

    pub(super) fn keep_routes(&mut self, rows: &[Row]) -> Rowed<()> {
        for row in rows {
            let standing = (Some(record(row, "routes")?), record(row, "routes")?);
            self.routes.insert(column(row, "routes", "name")?, standing);
        }
        Ok(())
    }
}
