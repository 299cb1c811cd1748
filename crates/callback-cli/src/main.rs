//! The program `callback`.

mod admin_key_file;
mod bench;
mod cli;
mod client;
mod completion;
mod config_check;
mod configuration;
mod copy;
mod database;
mod declared;
mod demo;
mod erase;
mod floor;
mod keys;
mod logging;
mod redact;
mod serve;
mod traces;
mod webhooks;

/// Requests and their rows are many small pieces, made on one thread and dropped on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
