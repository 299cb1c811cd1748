//! The list of targets that must not be called.

use clap::{Args, Subcommand};
use serde_json::json;

use super::api::{Api, ServiceArgs};
use super::output::Printer;
use super::table::{Column, Table};

const PATH: &str = "/v1.0/suppressions";

const SUPPRESSIONS: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("TARGET", &["TargetKey"]),
    Column::new("SERVICE", &["ServiceId"]).or("all"),
    Column::new("UNTIL", &["Until"]).or("for good"),
    Column::new("CREATED", &["CreatedAt"]),
    Column::new("REASON", &["Reason"]),
];

/// The list of targets that must not be called.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback suppressions list")]
pub(crate) struct SuppressionsArgs {
    #[command(subcommand)]
    command: SuppressionsCommand,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Subcommand)]
enum SuppressionsCommand {
    /// List the entries, in order of entry.
    #[command(after_long_help = "Example:
  callback suppressions list --target tel:+41785550009")]
    List {
        /// Only those for this: a sip: or sips: URI, or a tel: number.
        #[arg(long, value_name = "URI")]
        target: Option<String>,
    },
    /// Let a target be called no more.
    #[command(after_long_help = "Example:
  callback suppressions add tel:+41785550009 --reason \"asked not to be called\"")]
    Add {
        /// Whom not to call: a sip: or sips: URI, or a tel: number.
        #[arg(value_name = "URI")]
        target: String,
        /// Only by this service, by id, SIP address or name [default: by all].
        #[arg(long = "service", value_name = "SERVICE")]
        by: Option<String>,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Until when; UTC without zone [default: for good].
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
    },
    /// Take an entry off the list.
    #[command(after_long_help = "Example:
  callback suppressions remove 019a2b3c-0000-7000-8000-000000000000")]
    Remove {
        /// The entry's id.
        id: String,
    },
}

pub(crate) fn run(args: SuppressionsArgs) -> anyhow::Result<()> {
    let (api, printer) = (Api::new(&args.service)?, Printer::new(args.service.output));
    match args.command {
        SuppressionsCommand::List { target } => {
            let mut table = Table::new(SUPPRESSIONS);
            let target: Vec<_> = target.iter().map(|target| ("target", target.as_str())).collect();
            let path = format!("{PATH}?limit=1000");
            api.pages(&path, &target, |page| printer.rows(&mut table, &page).map(|()| true))
        }
        SuppressionsCommand::Add { target, by, reason, until } => {
            let by = by.map(|by| api.id_in("/v1.0/services", &by)).transpose()?;
            let body = json!({"Target": target, "ServiceId": by, "Reason": reason, "Until": until});
            printer.object(&api.post(PATH, Some(&body))?)
        }
        SuppressionsCommand::Remove { id } => {
            api.delete(&format!("{PATH}/{}", super::api::encode(&id)))?;
            printer.done(&format!("{id} is removed"), &json!({"Id": id, "Removed": true}))
        }
    }
}
