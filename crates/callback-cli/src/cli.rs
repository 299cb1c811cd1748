//! The command line: what can be asked of the program, and how it ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::erase::EraseArgs;
use crate::keys::KeysCommand;
use crate::{client, copy, database, erase, keys, serve};

/// A callback service for contact centres: it keeps the promise to call back.
#[derive(Debug, Parser)]
#[command(name = "callback", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the service, \
                          4 the service cannot be reached.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve(ServeArgs),
    /// Bring a database's schema up to date, or make it.
    Migrate(MigrateArgs),
    /// Copy a whole installation from one database to another, empty one, of either kind.
    ///
    /// Cut off at any time, it goes on where it was when the same command is run again.
    /// At the end both are read and compared; only then can the target be served.
    Copy(CopyArgs),
    /// Say why a callback is not being called right now.
    Explain(ExplainArgs),
    /// Erase a person's data.
    Erase(EraseArgs),
    /// Make, list and revoke access keys.
    #[command(subcommand)]
    Keys(KeysCommand),
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

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The callback's id.
    pub(crate) id: String,
    /// Ask for this user instead of whoever the dispatcher would ask.
    #[arg(long, value_name = "USER-ID")]
    pub(crate) agent: Option<String>,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

/// A running service, and the key to it.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// Where the service answers.
    #[arg(long, value_name = "URL", env = "CALLBACK_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The access key, where the service has keys.
    #[arg(long, value_name = "KEY", env = "CALLBACK_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Migrate(args) => database::migrate(&args),
        Command::Copy(args) => copy::run(&args),
        Command::Explain(args) => client::explain(&args),
        Command::Erase(args) => erase::run(&args),
        Command::Keys(command) => keys::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
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
