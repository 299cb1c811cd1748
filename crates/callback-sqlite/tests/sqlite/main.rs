//! The store on real files.

mod floor;
mod model;
mod opening;
mod room;
mod remembering;
