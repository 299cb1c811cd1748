//! The console in a real browser: what people see and do, by the program as it is.
//!
//! Each test has a program, a driver and browsers of its own, which end with it.

mod browser;
#[path = "../program/harness.rs"]
#[expect(dead_code, reason = "the tests of the program need more of it")]
mod harness;
mod stage;

mod access;
mod keyboard;
mod load;
mod pages;
mod setup;
mod use_case;
