//! Callbacks for a file, in a form that `import` reads.

use std::io::{self, BufWriter, Write as _};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::api::{Api, ServiceArgs};
use super::search::{SearchMembers, each_page};

/// The form of a file of callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One JSON object in each line.
    Ndjson,
    /// Comma-separated values after a line with the members' names.
    Csv,
}

/// The members of a callback that are written as CSV, in this order.
pub(crate) const MEMBERS: [&str; 30] = [
    "Id",
    "ExternalTaskId",
    "ServiceId",
    "ServiceSip",
    "Target",
    "AlternativeTarget",
    "Priority",
    "DueDate",
    "MaxRetries",
    "SecondsBetweenRetries",
    "Description",
    "IncomingServiceSipUri",
    "ContextUrl",
    "Supervisor",
    "CallerId",
    "PreferredAgent",
    "LeftInQueueTimeInSeconds",
    "Creator",
    "AppPoolId",
    "InitiatingSessionId",
    "Initiator",
    "State",
    "RetryType",
    "RetryCount",
    "Phase",
    "Agent",
    "TerminationReason",
    "CreatedAt",
    "UpdatedAt",
    "Version",
];

/// Write callbacks as NDJSON or CSV, as `import` reads them.
///
/// They go to standard output as their pages come, so any number needs little memory.
/// Imported again they become new callbacks: what only the service sets is left out then.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback export --format csv --state pending > pending.csv")]
pub(crate) struct ExportArgs {
    /// The form of the file.
    #[arg(long, value_enum, default_value_t = Form::Ndjson)]
    format: Form,
    #[command(flatten)]
    members: SearchMembers,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let during = "failed to write to standard output";
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Form::Ndjson => each_page(&api, &args.members, |page| {
            page.iter().try_for_each(|item| writeln!(out, "{item}")).context(during)
        })?,
        Form::Csv => {
            let mut table = csv::Writer::from_writer(&mut out);
            table.write_record(MEMBERS).map_err(io_error).context(during)?;
            each_page(&api, &args.members, |page| {
                page.iter()
                    .try_for_each(|item| table.write_record(MEMBERS.map(|name| cell(&item[name]))))
                    .map_err(io_error)
                    .context(during)
            })?;
            table.flush().context(during)?;
        }
    }
    out.flush().context(during)
}

/// The fault beneath, so that a reader who had enough is known as such.
fn io_error(error: csv::Error) -> io::Error {
    let told = error.to_string();
    if let csv::ErrorKind::Io(error) = error.into_kind() { error } else { io::Error::other(told) }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
