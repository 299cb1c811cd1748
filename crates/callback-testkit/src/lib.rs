//! A simulated world around the engine, and the contract that every store keeps.
//!
//! Only tests use it.

pub mod sim;
pub mod contract;
