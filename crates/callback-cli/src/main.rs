//! The program `callback`.

mod admin_key_file;
mod cli;
mod client;
mod configuration;
mod database;
mod demo;
mod keys;
mod logging;
mod redact;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
