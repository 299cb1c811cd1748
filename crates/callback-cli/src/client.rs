//! Commands that ask a running service, over its API, and nothing else.

mod api;
mod apply;
mod body;
mod callbacks;
mod explain;
mod export;
mod failure;
mod import;
mod output;
mod search;
mod services;
mod suppressions;
mod table;
mod users;
mod watch;
mod webhooks;
mod words;

use std::io;

use clap::Subcommand;

pub(crate) use self::api::{Api, ServiceArgs};
pub(crate) use self::failure::exit_code;
pub(crate) use self::output::{Printer, say, write};
pub(crate) use self::table::Column;

/// What can be asked of a running service.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Ask for a callback.
    Create(callbacks::CreateArgs),
    /// Show a callback.
    Get(callbacks::GetArgs),
    /// Find callbacks; without flags all of them.
    Search(search::SearchArgs),
    /// Take a callback off the queue, or end its call.
    Cancel(callbacks::CancelArgs),
    /// Move a waiting callback to another time or priority.
    Reschedule(callbacks::RescheduleArgs),
    /// Say why a callback is not being called right now.
    Explain(explain::ExplainArgs),
    /// Show what happened to a callback, first to last.
    History(callbacks::HistoryArgs),
    /// Show the calls that were made for a callback.
    Attempts(callbacks::AttemptsArgs),
    /// Follow what happens, as it happens.
    Watch(watch::WatchArgs),
    /// Ask for many callbacks, from a CSV or NDJSON file.
    Import(import::ImportArgs),
    /// Write callbacks as NDJSON or CSV, as `import` reads them.
    Export(export::ExportArgs),
    /// Make services and users what a file says.
    Apply(apply::ApplyArgs),
    /// List and set up services.
    Services(services::ServicesArgs),
    /// List and set up users, and choose their presence.
    Users(users::UsersArgs),
    /// The list of targets that must not be called.
    Suppressions(suppressions::SuppressionsArgs),
    /// List and set up webhooks, and what they delivered.
    Webhooks(webhooks::WebhooksArgs),
}

/// Runs a command.
pub(crate) fn run(command: ClientCommand) -> anyhow::Result<()> {
    match command {
        ClientCommand::Create(args) => callbacks::create(&args),
        ClientCommand::Get(args) => callbacks::show(&args),
        ClientCommand::Search(args) => search::run(&args),
        ClientCommand::Cancel(args) => callbacks::cancel(&args),
        ClientCommand::Reschedule(args) => callbacks::reschedule(&args),
        ClientCommand::Explain(args) => explain::run(&args),
        ClientCommand::History(args) => callbacks::history(&args),
        ClientCommand::Attempts(args) => callbacks::attempts(&args),
        ClientCommand::Watch(args) => watch::run(&args),
        ClientCommand::Import(args) => import::run(&args),
        ClientCommand::Export(args) => export::run(&args),
        ClientCommand::Apply(args) => apply::run(&args),
        ClientCommand::Services(args) => services::run(args),
        ClientCommand::Users(args) => users::run(args),
        ClientCommand::Suppressions(args) => suppressions::run(args),
        ClientCommand::Webhooks(args) => webhooks::run(args),
    }
}

/// Whether a reader of the output had enough, which is no failure.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    kinds.map(io::Error::kind).any(|kind| kind == io::ErrorKind::BrokenPipe)
}
