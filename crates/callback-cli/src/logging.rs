//! Structured logs on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::configuration::Lines;
use crate::redact::Redacted;

/// Starts logging; `RUST_LOG` chooses what is logged, `info` and worse when it is not set.
///
/// Numbers and addresses of customers are hidden unless they are asked for.
pub(crate) fn start(lines: Lines, shows_targets: bool) {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let writer = if shows_targets {
        BoxMakeWriter::new(std::io::stderr)
    } else {
        BoxMakeWriter::new(|| Redacted(std::io::stderr()))
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer);
    match lines {
        Lines::Text => logs.init(),
        Lines::Json => logs.json().init(),
    }
}
