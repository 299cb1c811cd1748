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
pub(crate) use self::output::{Colour, Printer, say, write};
pub(crate) use self::table::{Column, plain};

/// What can be asked of a running service.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    Create(callbacks::CreateArgs),
    Get(callbacks::GetArgs),
    Search(search::SearchArgs),
    Cancel(callbacks::CancelArgs),
    Reschedule(callbacks::RescheduleArgs),
    Explain(explain::ExplainArgs),
    History(callbacks::HistoryArgs),
    Attempts(callbacks::AttemptsArgs),
    Watch(watch::WatchArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Apply(apply::ApplyArgs),
    Services(services::ServicesArgs),
    Users(users::UsersArgs),
    Suppressions(suppressions::SuppressionsArgs),
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
