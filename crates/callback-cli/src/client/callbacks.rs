//! One callback: asked for, shown, moved, cancelled, and what became of it.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::api::{Api, ServiceArgs, encode};
use super::output::{Printer, say};
use super::table::{Column, Table};
use super::words::{PRIORITIES, one_of};
use super::{body, failure::WrongUsage};

const HISTORY: &[Column] = &[
    Column::new("AT", &["At"]),
    Column::new("EVENT", &["Event"]),
    Column::new("BEFORE", &["PhaseBefore"]),
    Column::new("AFTER", &["PhaseAfter"]),
    Column::new("ACTOR", &["Actor"]),
    Column::new("DETAILS", &["Details"]),
];

const ATTEMPTS: &[Column] = &[
    Column::new("NUMBER", &["Number"]),
    Column::new("TARGET", &["Target"]),
    Column::new("AGENT", &["Agent"]),
    Column::new("STARTED", &["StartedAt", "RequestedAt"]),
    Column::new("ENDED", &["EndedAt"]),
    Column::new("OUTCOME", &["Outcome"]),
    Column::new("DETAIL", &["Detail"]),
];

/// What a callback is made of.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CallbackMembers {
    /// Whom to call: a sip: or sips: URI, or a tel: number.
    #[arg(long, value_name = "URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Called instead of the target.
    #[arg(long, value_name = "URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    alternative_target: Option<String>,
    /// The service that calls back, by its id.
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<String>,
    /// The service that calls back, by its SIP address.
    #[arg(long, value_name = "SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    service_sip: Option<String>,
    /// How urgent it is [default: Normal].
    #[arg(long, value_parser = one_of(PRIORITIES), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    /// Retries of an unsuccessful call, 0 to 100 [default: 3].
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retries: Option<u32>,
    /// Least time between the end of a call and the next, 0 to 604800 seconds [default: the
    /// service's].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_between_retries: Option<u32>,
    /// When it enters the queue, such as 2026-01-05T10:00:00Z; UTC without zone [default: now].
    #[arg(long = "due", value_name = "DATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    due_date: Option<String>,
    /// Shown to the agent, up to 150 characters.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Your own key, up to 255 characters.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    external_task_id: Option<String>,
    /// The service that the customer called at first.
    #[arg(long, value_name = "SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    incoming_service_sip_uri: Option<String>,
    /// Opened for the agent, http or https.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    context_url: Option<String>,
    /// The supervisor, as given.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    supervisor: Option<String>,
    /// Presented on the call, one of the service's.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_id: Option<String>,
    /// Only for this user, until the service's hold time is over.
    #[arg(long, value_name = "SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_agent: Option<String>,
    /// The wait that is allowed, 1 to 172800 seconds [default: the service's].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    left_in_queue_time_in_seconds: Option<u32>,
}

/// Ask for a callback.
///
/// Prints the callback with its id and all defaults filled in.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback create --service-sip sip:hotline@dev.local --target tel:+41785556677 --priority high
  echo '{\"Target\": \"tel:+41785556677\"}' | callback create --from-json - --service-sip sip:hotline@dev.local")]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    members: CallbackMembers,
    /// Take the members from a JSON object in a file, or on standard input when it is -; flags go
    /// before it.
    #[arg(long, value_name = "FILE")]
    from_json: Option<String>,
    /// Repeating the command with this key within 24 hours makes no second callback.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Only ask whether the service would take it.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Show a callback.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback get order-4711 --output json")]
pub(crate) struct GetArgs {
    /// Its id, or your own key; the newest with that key is shown.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID")]
    id: String,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Take a callback off the queue, or end its call.
///
/// One that is over already is refused.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback cancel order-4711 --reason FulfilledElsewhere")]
pub(crate) struct CancelArgs {
    /// Its id, or your own key.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID")]
    id: String,
    /// Why [default: Cancelled].
    #[arg(long, value_parser = one_of(&["Cancelled", "FulfilledElsewhere"]), ignore_case = true)]
    reason: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Move a waiting callback to another time or priority.
///
/// A future date takes it out of the queue until then, with a fresh wait; a new priority keeps
/// its place. It is refused once the callback was offered.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback reschedule order-4711 --due 2026-01-05T14:00:00+01:00 --if-version 3")]
#[group(id = "moved", required = true, multiple = true, args = ["due", "priority"])]
pub(crate) struct RescheduleArgs {
    /// Its id, or your own key.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID")]
    id: String,
    /// When it enters the queue, such as 2026-01-05T10:00:00Z; UTC without zone.
    #[arg(long, value_name = "DATE")]
    due: Option<String>,
    /// How urgent it is.
    #[arg(long, value_parser = one_of(PRIORITIES), ignore_case = true)]
    priority: Option<String>,
    /// Only when nobody changed it since this version.
    #[arg(long, value_name = "NUMBER")]
    if_version: Option<u64>,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Show what happened to a callback, first to last.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback history order-4711")]
pub(crate) struct HistoryArgs {
    /// Its id, or your own key.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID")]
    id: String,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Show the calls that were made for a callback.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback attempts order-4711")]
pub(crate) struct AttemptsArgs {
    /// Its id, or your own key.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID")]
    id: String,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(crate) fn create(args: &CreateArgs) -> anyhow::Result<()> {
    let members = body::members(args.from_json.as_deref(), &args.members)?;
    if members.is_empty() {
        let wrong = "nothing is asked for; give --target and --service-sip, or --from-json FILE";
        return Err(WrongUsage(wrong.to_owned()).into());
    }
    let path = if args.dry_run { "/v1.0/callbacks?dryRun=true" } else { "/v1.0/callbacks" };
    let key = args.idempotency_key.as_deref().map(|key| ("Idempotency-Key", key));
    let headers: Vec<_> = key.into_iter().collect();
    let api = Api::new(&args.service)?;
    let answer = api.send(Method::POST, path, Some(&Value::Object(members)), &headers)?;
    if answer.status == 200 && !args.dry_run {
        say("callback: the service answered with a callback that was there already");
    }
    Printer::new(args.service.output).object(&answer.json()?)
}

pub(crate) fn show(args: &GetArgs) -> anyhow::Result<()> {
    let path = format!("/v1.0/callbacks?externalTaskId={}", encode(&args.id));
    let found = Api::new(&args.service)?.get(&path)?;
    Printer::new(args.service.output).object(&found)
}

pub(crate) fn cancel(args: &CancelArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let id = api.callback_id(&args.id)?;
    let body = args.reason.as_ref().map(|reason| json!({"Reason": reason}));
    let cancelled = api.post(&format!("/v1.0/callbacks/{id}/cancel"), body.as_ref())?;
    Printer::new(args.service.output).object(&cancelled)
}

pub(crate) fn reschedule(args: &RescheduleArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let id = api.callback_id(&args.id)?;
    let given = [("DueDate", &args.due), ("Priority", &args.priority)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    let patch: Map<_, _> = given.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let tag = args.if_version.map(|version| format!("\"{version}\""));
    let headers: Vec<_> = tag.iter().map(|tag| ("If-Match", tag.as_str())).collect();
    let path = format!("/v1.0/callbacks/{id}");
    let changed = api.send(Method::PATCH, &path, Some(&Value::Object(patch)), &headers)?.json()?;
    Printer::new(args.service.output).object(&changed)
}

pub(crate) fn history(args: &HistoryArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let id = api.callback_id(&args.id)?;
    let (printer, mut table) = (Printer::new(args.service.output), Table::new(HISTORY));
    api.pages(&format!("/v1.0/callbacks/{id}/history"), &[], |page| {
        printer.rows(&mut table, &page).map(|()| true)
    })
}

pub(crate) fn attempts(args: &AttemptsArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let id = api.callback_id(&args.id)?;
    let attempts = api.get(&format!("/v1.0/callbacks/{id}/attempts"))?;
    Printer::new(args.service.output).list(ATTEMPTS, &attempts)
}
