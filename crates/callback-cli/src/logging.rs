//! Structured logs on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::configuration::Lines;

/// Starts logging; `RUST_LOG` chooses what is logged, `info` and worse when it is not set.
pub(crate) fn start(lines: Lines) {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match lines {
        Lines::Text => logs.init(),
        Lines::Json => logs.json().init(),
    }
}
