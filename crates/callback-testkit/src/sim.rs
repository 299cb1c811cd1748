//! The simulated day: a floor of agents, customers, phones and faults, drawn from a seed, on a
//! virtual clock, with every invariant asked after every command.

mod broken;
mod day;
mod desk;
mod figures;
mod floor;
mod mirror;
mod node;
mod invariants;
mod offers;
mod outside;
mod phones;
mod questions;
mod record;
mod sabotage;
mod watched;

pub(crate) use node::site;

pub use broken::Broken;
pub use day::{SetClock, aftermath, chronicle, run};
pub use figures::Figures;
pub use floor::{Floor, morning};
pub use record::{Record, Recorded, replay};
pub use sabotage::Sabotage;
