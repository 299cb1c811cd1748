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
pub mod picking;
pub mod queue;
