//! The pure core of a callback service.

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
