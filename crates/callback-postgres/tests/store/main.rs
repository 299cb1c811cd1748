//! The store on a real PostgreSQL.

mod basics;
mod database;
mod history;
mod loss;
mod racing;
mod scene;
mod schema;
