//! Callbacks by what they are, in pages that are read one after the other.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use ureq::http::Method;

use super::api::{Api, ServiceArgs};
use super::body;
use super::output::Printer;
use super::table::{Column, Table};
use super::words::{PHASES, PRIORITIES, REASONS, STATES, one_of};

/// Callbacks of one page.
const PAGE: u64 = 2_000;

const CALLBACKS: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("PHASE", &["Phase"]),
    Column::new("REASON", &["TerminationReason"]),
    Column::new("PRIORITY", &["Priority"]),
    Column::new("DUE", &["DueDate"]),
    Column::new("RETRIES", &["RetryCount"]),
    Column::new("TARGET", &["AlternativeTarget", "Target"]),
    Column::new("EXTERNAL TASK", &["ExternalTaskId"]),
    Column::new("DESCRIPTION", &["Description"]),
];

/// Which callbacks, all conditions together, and in which order.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "PascalCase")]
#[command(next_help_heading = "Which callbacks")]
pub(crate) struct SearchMembers {
    /// Those that call this: a sip: or sips: URI, or a tel: number.
    #[arg(long, value_name = "URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Those of a service, by its id.
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<String>,
    /// Those of a service, by its SIP address.
    #[arg(long, value_name = "SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    service_sip: Option<String>,
    /// Those in a state.
    #[arg(long, value_parser = one_of(STATES), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Those in a phase.
    #[arg(long, value_parser = one_of(PHASES), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    /// Those that are over for a reason.
    #[arg(long, value_parser = one_of(REASONS), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    termination_reason: Option<String>,
    /// Those of a priority.
    #[arg(long, value_parser = one_of(PRIORITIES), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    /// Those in the hands of a user, by id or SIP address.
    #[arg(long, value_name = "ID|SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Those made by API, WebService or WfActivity.
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    creator: Option<String>,
    /// Those of an installation.
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    app_pool_id: Option<String>,
    /// Those due at this date or later; UTC without zone.
    #[arg(long, value_name = "DATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<String>,
    /// Those due at this date or earlier; UTC without zone.
    #[arg(long, value_name = "DATE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<String>,
    /// Those with your own key.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    external_task_id: Option<String>,
    /// Those that present a caller id.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_id: Option<String>,
    /// The member to sort by, such as CreatedAt or Priority [default: DueDate].
    #[arg(long, value_name = "MEMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    order_by: Option<String>,
    /// Which way to sort [default: Ascending].
    #[arg(long, value_parser = one_of(&["Ascending", "Descending"]), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_order: Option<String>,
    /// How many to leave out at the beginning.
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    /// How many at most [default: all].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip)]
    limit: Option<u32>,
}

/// Find callbacks; without flags all of them.
///
/// Conditions hold together. Callbacks are shown as their pages come, so any number needs little
/// memory.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback search --service-sip sip:hotline@dev.local --state pending --limit 20
  callback search --phase terminated --termination-reason RetriesExhausted --output json | wc -l")]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    members: SearchMembers,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let (printer, mut table) = (Printer::new(args.service.output), Table::new(CALLBACKS));
    let api = Api::new(&args.service)?;
    each_page(&api, &args.members, |page| printer.rows(&mut table, &page))
}

/// Searches, and hands over one page after the other; the first may be empty.
pub(crate) fn each_page(
    api: &Api,
    wanted: &SearchMembers,
    mut page: impl FnMut(Vec<Value>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut body: Map<String, Value> = body::of_flags(wanted)?;
    let mut left = wanted.limit.map_or(u64::MAX, u64::from);
    let mut path = "/v1.0/callbacks/search".to_owned();
    loop {
        body.insert("Limit".to_owned(), left.min(PAGE).into());
        let answer = api.send(Method::POST, &path, Some(&Value::Object(body.clone())), &[])?;
        let Value::Array(found) = answer.json()? else {
            anyhow::bail!("the service answered a search with no list");
        };
        left = left.saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX));
        page(found)?;
        match answer.next() {
            Some(next) if left > 0 => path = next,
            Some(_) | None => return Ok(()),
        }
    }
}
