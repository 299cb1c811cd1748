//! Services: listed, shown, and set up.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use ureq::http::Method;

use super::api::{Api, ServiceArgs};
use super::body;
use super::output::Printer;
use super::table::Column;
use super::words::{DIRECTIONS, DUPLICATES, one_of};

const PATH: &str = "/v1.0/services";

const SERVICES: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("NAME", &["Name"]),
    Column::new("SIP ADDRESS", &["SipUri"]),
    Column::new("DIRECTION", &["DirectionType"]),
    Column::new("SESSIONS", &["MaxConcurrentOutboundSessions"]).or("no limit"),
    Column::new("HOURS", &["OpeningHours.TimeZone"]).or("always open"),
];

/// List and set up services.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback services list")]
pub(crate) struct ServicesArgs {
    #[command(subcommand)]
    command: ServicesCommand,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Subcommand)]
enum ServicesCommand {
    /// List the services within reach, by name.
    #[command(after_long_help = "Example:
  callback services list --output json")]
    List,
    /// Show a service with all that is set up for it.
    #[command(after_long_help = "Example:
  callback services get sip:hotline@dev.local")]
    Get {
        /// Its id, SIP address or name.
        service: String,
    },
    /// Make a service; a name, a SIP address and a direction are needed.
    #[command(after_long_help = "Example:
  callback services create --name Hotline --sip-uri sip:hotline@dev.local --direction-type InboundOutbound")]
    Create {
        #[command(flatten)]
        members: Box<ServiceMembers>,
        /// Take the members from a JSON object in a file, or on standard input when it is -; flags
        /// go before it.
        #[arg(long, value_name = "FILE")]
        from_json: Option<String>,
    },
    /// Change what is named of a service, and leave the rest.
    #[command(after_long_help = "Example:
  callback services update sip:hotline@dev.local --preview-time-in-seconds 10 --clear OpeningHours")]
    Update {
        /// Its id, SIP address or name.
        service: String,
        #[command(flatten)]
        members: Box<ServiceMembers>,
        /// Take members from a JSON object in a file, or on standard input when it is -; flags go
        /// before it.
        #[arg(long, value_name = "FILE")]
        from_json: Option<String>,
        /// Set a member to nothing, such as OpeningHours; may be given more than once.
        #[arg(long, value_name = "MEMBER")]
        clear: Vec<String>,
    },
    /// Remove a service without callbacks that are not over.
    #[command(after_long_help = "Example:
  callback services delete sip:hotline@dev.local")]
    Delete {
        /// Its id, SIP address or name.
        service: String,
    },
}

/// What a service is made of.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceMembers {
    /// What people call it.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its address, of no other service.
    #[arg(long, value_name = "SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_uri: Option<String>,
    /// Which way its calls go; Inbound takes no callbacks.
    #[arg(long, value_parser = one_of(DIRECTIONS), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    direction_type: Option<String>,
    /// Callbacks offered or called at one time [default: no limit].
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_outbound_sessions: Option<u32>,
    /// Allowed wait of a callback that names none, 1 to 172800 seconds [default: 3600].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_queue_time_in_seconds: Option<u32>,
    /// Spacing for a callback that names none, 0 to 604800 seconds [default: 300].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_between_retries: Option<u32>,
    /// How many seconds an offer, or the agent's phone, may go unanswered [default: 20].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rona_timeout_in_seconds: Option<u32>,
    /// Seconds of preview before the call; 0 dials at once [default: 30].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    preview_time_in_seconds: Option<u32>,
    /// How many seconds the customer's phone rings [default: 30].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_dialout_time_in_seconds: Option<u32>,
    /// Seconds of pause for the agent after a call [default: 30].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    after_call_work_in_seconds: Option<u32>,
    /// For how many seconds a callback is kept for its preferred agent [default: 600].
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_agent_hold_in_seconds: Option<u32>,
    /// When it is open, as the JSON of the API [default: always].
    #[arg(long, value_name = "JSON", value_parser = body::json)]
    #[serde(skip_serializing_if = "Option::is_none")]
    opening_hours: Option<Value>,
    /// What a second callback for one target gets [default: Allow].
    #[arg(long, value_parser = one_of(DUPLICATES), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_policy: Option<String>,
    /// Whether and after how long to retry by outcome, as the JSON of the API.
    #[arg(long, value_name = "JSON", value_parser = body::json)]
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_by_outcome: Option<Value>,
    /// Calls to one customer in any 24 hours [default: no limit].
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts_per_target_per_day: Option<u32>,
    /// Completes tel: numbers without +, such as 41.
    #[arg(long, value_name = "DIGITS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    default_country_code: Option<String>,
    /// A caller id that may be presented; may be given more than once [default: any].
    #[arg(long = "caller-id", value_name = "TEXT")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caller_ids: Vec<String>,
    /// A pattern of targets that may be called, such as tel:+41*; may be given more than once
    /// [default: any].
    #[arg(long = "allowed-target", value_name = "PATTERN")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_targets: Vec<String>,
    /// Callbacks that wait at one time; more are refused [default: no limit].
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_queued: Option<u32>,
}

pub(crate) fn run(args: ServicesArgs) -> anyhow::Result<()> {
    let (api, printer) = (Api::new(&args.service)?, Printer::new(args.service.output));
    match args.command {
        ServicesCommand::List => printer.list(SERVICES, &api.get(PATH)?),
        ServicesCommand::Get { service } => {
            let id = api.id_in(PATH, &service)?;
            printer.object(&api.get(&format!("{PATH}/{id}"))?)
        }
        ServicesCommand::Create { members, from_json } => {
            let members = body::members(from_json.as_deref(), &members)?;
            printer.object(&api.post(PATH, Some(&Value::Object(members)))?)
        }
        ServicesCommand::Update { service, members, from_json, clear } => {
            let changes = body::members(from_json.as_deref(), &members)?;
            printer.object(&update(&api, PATH, &service, changes, &clear)?)
        }
        ServicesCommand::Delete { service } => delete(&api, &printer, PATH, &service),
    }
}

/// Changes members of one of a list, unless somebody else is faster.
pub(crate) fn update(
    api: &Api,
    list: &str,
    named: &str,
    changes: serde_json::Map<String, Value>,
    clear: &[String],
) -> anyhow::Result<Value> {
    let path = format!("{list}/{}", api.id_in(list, named)?);
    let read = api.send(Method::GET, &path, None, &[])?;
    let tag = read.headers.get("ETag").and_then(|tag| tag.to_str().ok()).unwrap_or("*");
    let Value::Object(mut members) = read.json()? else {
        anyhow::bail!("{path} answered no object");
    };
    members.extend(changes);
    body::clear(&mut members, clear)?;
    api.send(Method::PUT, &path, Some(&Value::Object(members)), &[("If-Match", tag)])?.json()
}

/// Removes one of a list.
pub(crate) fn delete(api: &Api, printer: &Printer, list: &str, named: &str) -> anyhow::Result<()> {
    let id = api.id_in(list, named)?;
    api.delete(&format!("{list}/{id}"))?;
    printer.done(&format!("{id} is removed"), &json!({"Id": id, "Removed": true}))
}
