//! The console in a real browser: what people see and do, by the program as it is.

mod browser;
#[path = "../program/harness.rs"]
mod harness;

mod first;
