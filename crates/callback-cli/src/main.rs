//! The program `callback`.

mod cli;
mod client;
mod configuration;
mod copy;
mod database;
mod demo;
mod logging;
mod serve;
mod webhooks;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
