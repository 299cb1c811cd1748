//! The command line: what can be asked of the program, and how it ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::BenchArgs;
use crate::client::{self, ClientCommand};
use crate::completion::{CompletionsArgs, ManArgs};
use crate::config_check::ConfigCommand;
use crate::erase::EraseArgs;
use crate::keys::KeysCommand;
use crate::{bench, completion, config_check, copy, database, erase, keys, serve};

/// A callback service for contact centres: it keeps the promise to call back.
#[derive(Debug, Parser)]
#[command(name = "callback", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the service, \
                          4 the service cannot be reached, 5 a dry run found something to change.
Example:
  callback serve --demo";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    #[command(after_long_help = "Example:
  callback serve --database /var/lib/callback/callback.db --listen 127.0.0.1:8080")]
    Serve(ServeArgs),
    /// Bring a database's schema up to date, or make it.
    #[command(after_long_help = "Example:
  callback migrate --database /var/lib/callback/callback.db")]
    Migrate(MigrateArgs),
    /// Copy a whole installation from one database to another, empty one, of either kind.
    ///
    /// Cut off at any time, it goes on where it was when the same command is run again.
    /// At the end both are read and compared; only then can the target be served.
    #[command(after_long_help = "Example:
  callback copy --from callback.db --to postgres://callback@db.example/callback")]
    Copy(CopyArgs),
    #[command(flatten)]
    Client(Box<ClientCommand>),
    /// Erase a person's data.
    #[command(after_long_help = "Example:
  callback erase --target tel:+41785556677")]
    Erase(EraseArgs),
    /// Make, list and revoke access keys.
    #[command(
        subcommand,
        after_long_help = "Example:
  callback keys list"
    )]
    Keys(KeysCommand),
    /// Look at the settings of the service.
    #[command(
        subcommand,
        after_long_help = "Example:
  callback config check --config callback.toml"
    )]
    Config(ConfigCommand),
    Bench(BenchArgs),
    /// Write the completions of a shell.
    Completions(CompletionsArgs),
    /// Write the manual.
    Man(ManArgs),
}

/// What places the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialerKind {
    /// The agent dials from a link and reports what happened.
    Manual,
    /// Nobody is called: calls are played, for demonstrations and load.
    Simulator,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs, one JSON object a line.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Seed services and users, let simulated agents work, and print what to try.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Where everything is kept: a SQLite file, or postgres://… for several processes
    /// [default: callback.db, with --demo callback-demo.db].
    #[arg(long, value_name = "FILE or URL")]
    pub(crate) database: Option<String>,
    /// Where to listen [default: 127.0.0.1:8080]; without access keys only loopback is allowed.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// A TOML file with settings; the environment (CALLBACK_…) and flags go before it.
    #[arg(long, value_name = "FILE", env = "CALLBACK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// A file with a key that lets its holder do everything, beside those that are stored.
    #[arg(long, value_name = "FILE", env = "CALLBACK_ADMIN_KEY_FILE")]
    pub(crate) admin_key_file: Option<PathBuf>,
    /// A file in PEM with the certificate to be shown, and those between it and the root.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// A file in PEM with the certificate's private key.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// What places the calls [default: manual, with --demo simulator].
    #[arg(long, value_enum)]
    pub(crate) dialer: Option<DialerKind>,
    /// How log lines are written [default: text].
    #[arg(long, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// A SQLite file, or postgres://…
    #[arg(long, value_name = "FILE or URL", env = "CALLBACK_DATABASE")]
    pub(crate) database: String,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// Where the installation is: a SQLite file, or postgres://…; no process may be using it.
    #[arg(long, value_name = "FILE or URL")]
    pub(crate) from: String,
    /// Where it goes: a SQLite file, or postgres://… with an empty database.
    #[arg(long, value_name = "FILE or URL")]
    pub(crate) to: String,
    /// Go on although a process may still be working, since it is known to be stopped:
    /// otherwise the leases that processes leave behind on PostgreSQL are waited for, up to 60 s.
    #[arg(long)]
    pub(crate) nodes_are_stopped: bool,
}
/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Migrate(args) => database::migrate(&args),
        Command::Copy(args) => copy::run(&args),
        Command::Client(command) => client::run(*command),
        Command::Erase(args) => erase::run(&args),
        Command::Keys(command) => keys::run(command),
        Command::Config(ConfigCommand::Check(args)) => config_check::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => completion::completions(&args),
        Command::Man(args) => completion::man(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if client::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(client::exit_code(&error))
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a failed command says why")]
fn report(error: &anyhow::Error) {
    eprintln!("callback: {error:#}");
}
