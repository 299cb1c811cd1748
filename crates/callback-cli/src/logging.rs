//! Structured logs on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::configuration::Lines;
use crate::redact::Redacted;
use crate::traces::Traces;

/// Starts logging; `RUST_LOG` chooses what is logged, `info` and worse when it is not set.
///
/// Numbers and addresses of customers are hidden unless they are asked for.
/// Requests are traced as well where a collector is named, whatever is logged.
pub(crate) fn start(lines: Lines, shows_targets: bool, traces: Option<&Traces>) {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let writer = if shows_targets {
        BoxMakeWriter::new(std::io::stderr)
    } else {
        BoxMakeWriter::new(|| Redacted(std::io::stderr()))
    };
    let logs = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer);
    let logs = match lines {
        Lines::Text => logs.boxed(),
        Lines::Json => logs.json().boxed(),
    };
    let traced = traces.map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        let ours =
            filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("callback_"));
        layer.with_location(false).with_threads(false).with_target(false).with_filter(ours)
    });
    tracing_subscriber::registry().with(logs.with_filter(filter)).with(traced).init();
}
