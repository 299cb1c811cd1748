//! The store on real files.

mod erasing;
mod floor;
mod model;
mod moving;
mod opening;
mod room;
mod remembering;
