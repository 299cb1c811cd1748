//! Webhooks: listed, set up, tried, and what they delivered.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::api::{Api, ServiceArgs, encode};
use super::body;
use super::output::{Printer, say};
use super::services::update;
use super::table::{Column, Table};
use super::words::one_of;

const PATH: &str = "/v1.0/webhooks";

const WEBHOOKS: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("URL", &["Url"]),
    Column::new("ENABLED", &["Enabled"]),
    Column::new("EVENTS", &["Events"]).or("all"),
    Column::new("SERVICES", &["Services"]).or("all"),
    Column::new("DESCRIPTION", &["Description"]),
    Column::new("DISABLED BECAUSE", &["DisabledReason"]),
];

const DELIVERIES: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("EVENT", &["Event"]),
    Column::new("STATE", &["State"]),
    Column::new("ATTEMPTS", &["Attempts"]),
    Column::new("LAST STATUS", &["LastStatus"]),
    Column::new("NEXT", &["NextAttemptAt"]),
    Column::new("LAST ANSWER", &["LastAnswer"]),
];

/// List and set up webhooks, and what they delivered.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback webhooks list")]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    command: WebhooksCommand,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// List the webhooks.
    #[command(after_long_help = "Example:
  callback webhooks list --output json")]
    List,
    /// Show a webhook, without its secret.
    #[command(after_long_help = "Example:
  callback webhooks get 019a2b3c-0000-7000-8000-000000000000")]
    Get {
        /// The webhook's id.
        id: String,
    },
    /// Make a webhook; an address is needed. Its secret is shown now and never again.
    #[command(after_long_help = "Example:
  callback webhooks create --receiver https://receiver.example/hooks --event Created --event Terminated")]
    Create {
        #[command(flatten)]
        members: WebhookMembers,
        /// Take the members from a JSON object in a file, or on standard input when it is -; flags
        /// go before it.
        #[arg(long, value_name = "FILE")]
        from_json: Option<String>,
    },
    /// Change what is named of a webhook, and leave the rest.
    #[command(after_long_help = "Example:
  callback webhooks update 019a2b3c-0000-7000-8000-000000000000 --enabled true --clear Events")]
    Update {
        /// The webhook's id.
        id: String,
        #[command(flatten)]
        members: WebhookMembers,
        /// Take members from a JSON object in a file, or on standard input when it is -; flags go
        /// before it.
        #[arg(long, value_name = "FILE")]
        from_json: Option<String>,
        /// Set a member to nothing, such as Events; may be given more than once.
        #[arg(long, value_name = "MEMBER")]
        clear: Vec<String>,
    },
    /// Remove a webhook.
    #[command(after_long_help = "Example:
  callback webhooks delete 019a2b3c-0000-7000-8000-000000000000")]
    Delete {
        /// The webhook's id.
        id: String,
    },
    /// Replace the secret, and show the new one; both sign for 24 hours.
    #[command(after_long_help = "Example:
  callback webhooks rotate-secret 019a2b3c-0000-7000-8000-000000000000")]
    RotateSecret {
        /// The webhook's id.
        id: String,
    },
    /// Send a Ping, once.
    #[command(after_long_help = "Example:
  callback webhooks test 019a2b3c-0000-7000-8000-000000000000")]
    Test {
        /// The webhook's id.
        id: String,
    },
    /// List what was delivered, the newest first.
    #[command(after_long_help = "Example:
  callback webhooks deliveries 019a2b3c-0000-7000-8000-000000000000 --state failed --limit 20")]
    Deliveries {
        /// The webhook's id.
        id: String,
        /// Only those in a state.
        #[arg(long, value_parser = one_of(&["Pending", "Delivered", "Failed"]), ignore_case = true)]
        state: Option<String>,
        /// Only those before this place, as the link of an answer names it.
        #[arg(long, value_name = "ID")]
        before: Option<String>,
        /// How many at most [default: all].
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Send one delivery again, or everything since an instant.
    #[command(after_long_help = "Example:
  callback webhooks replay 019a2b3c-0000-7000-8000-000000000000 --since 2026-01-05T10:00:00Z")]
    #[group(id = "again", required = true, args = ["since", "delivery"])]
    Replay {
        /// The webhook's id.
        id: String,
        /// Everything since this date; UTC without zone.
        #[arg(long, value_name = "DATE")]
        since: Option<String>,
        /// This delivery, by its id.
        #[arg(long, value_name = "ID")]
        delivery: Option<String>,
    },
}

/// What a webhook is made of.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WebhookMembers {
    /// Where events are sent, http or https.
    #[arg(long = "receiver", value_name = "URL")]
    #[serde(rename = "Url", skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
    /// Only this event, such as Created; may be given more than once [default: all].
    #[arg(long = "event", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<String>,
    /// Only what concerns this service, by id; may be given more than once [default: all].
    #[arg(long = "service", value_name = "ID")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<String>,
    /// What people call it.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Whether events are sent [default: true].
    #[arg(long, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

pub(crate) fn run(args: WebhooksArgs) -> anyhow::Result<()> {
    let (api, printer) = (Api::new(&args.service)?, Printer::new(args.service.output));
    let at = |id: &str, rest: &str| format!("{PATH}/{}{rest}", encode(id));
    match args.command {
        WebhooksCommand::List => printer.list(WEBHOOKS, &api.get(PATH)?),
        WebhooksCommand::Get { id } => printer.object(&api.get(&at(&id, ""))?),
        WebhooksCommand::Create { members, from_json } => {
            let members = body::members(from_json.as_deref(), &members)?;
            let made = api.post(PATH, Some(&Value::Object(members)))?;
            say("callback: the secret is not shown again");
            printer.object(&made)
        }
        WebhooksCommand::Update { id, members, from_json, clear } => {
            let changes = body::members(from_json.as_deref(), &members)?;
            printer.object(&update(&api, PATH, &id, changes, &clear)?)
        }
        WebhooksCommand::Delete { id } => {
            api.delete(&at(&id, ""))?;
            printer.done(&format!("{id} is removed"), &json!({"Id": id, "Removed": true}))
        }
        WebhooksCommand::RotateSecret { id } => {
            let rotated = api.post(&at(&id, "/secret/rotate"), None)?;
            say("callback: the secret is not shown again");
            printer.object(&rotated)
        }
        WebhooksCommand::Test { id } => {
            let sent = api.post(&at(&id, "/test"), None)?;
            if sent.is_null() {
                return printer.done("a Ping is being sent", &json!({"Id": id, "Sent": true}));
            }
            printer.object(&sent)
        }
        WebhooksCommand::Deliveries { id, state, before, limit } => {
            deliveries(&api, &printer, &at(&id, "/deliveries"), [state, before], limit)
        }
        WebhooksCommand::Replay { id, since, delivery } => {
            let (path, body) = match &delivery {
                Some(delivery) => {
                    (at(&id, &format!("/deliveries/{}/replay", encode(delivery))), None)
                }
                None => (at(&id, "/replay"), Some(json!({"Since": since}))),
            };
            let replayed = api.post(&path, body.as_ref())?;
            if replayed.is_null() {
                return printer.done("it is being sent again", &json!({"Id": id, "Sent": true}));
            }
            printer.object(&replayed)
        }
    }
}

fn deliveries(
    api: &Api,
    printer: &Printer,
    path: &str,
    [state, before]: [Option<String>; 2],
    limit: Option<u32>,
) -> anyhow::Result<()> {
    let mut left = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut path = format!("{path}?limit={}", left.min(100));
    for (name, value) in [("state", state), ("before", before)] {
        if let Some(value) = value {
            path = format!("{path}&{name}={}", encode(&value));
        }
    }
    let mut table = Table::new(DELIVERIES);
    api.pages(&path, &[], |mut page| {
        page.truncate(left);
        left -= page.len();
        printer.rows(&mut table, &page).map(|()| left > 0)
    })
}
