//! Users: listed, shown, set up, and their presence.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::api::{Api, ServiceArgs};
use super::body;
use super::output::Printer;
use super::services::{delete, update};
use super::table::Column;
use super::words::{DISTRIBUTIONS, PRESENCES, one_of};

const PATH: &str = "/v1.0/users";

const USERS: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("NAME", &["Name"]),
    Column::new("SIP ADDRESS", &["SipUri"]),
    Column::new("PRESENCE", &["Presence"]),
    Column::new("RONA", &["Rona"]),
    Column::new("DISTRIBUTION", &["Distribution"]),
    Column::new("TASK", &["Task"]),
    Column::new("SERVICES", &["Services"]),
];

/// List and set up users, and choose their presence.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback users list")]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    command: UsersCommand,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// List the users within reach, by name.
    #[command(after_long_help = "Example:
  callback users list --output json")]
    List,
    /// Show a user.
    #[command(after_long_help = "Example:
  callback users get sip:ann@dev.local")]
    Get {
        /// The id, SIP address or name.
        user: String,
    },
    /// Make a user; a name and a SIP address are needed.
    #[command(after_long_help = "Example:
  callback users create --name Ann --sip-uri sip:ann@dev.local --service sip:hotline@dev.local")]
    Create {
        #[command(flatten)]
        members: UserMembers,
        /// Take the members from a JSON object in a file, or on standard input when it is -; flags
        /// go before it.
        #[arg(long, value_name = "FILE")]
        from_json: Option<String>,
    },
    /// Change what is named of a user, and leave the rest.
    #[command(after_long_help = "Example:
  callback users update sip:ann@dev.local --distribution pull")]
    Update {
        /// The id, SIP address or name.
        user: String,
        #[command(flatten)]
        members: UserMembers,
        /// Take members from a JSON object in a file, or on standard input when it is -; flags go
        /// before it.
        #[arg(long, value_name = "FILE")]
        from_json: Option<String>,
        /// Set a member to nothing, such as Services; may be given more than once.
        #[arg(long, value_name = "MEMBER")]
        clear: Vec<String>,
    },
    /// Remove a user without a task.
    #[command(after_long_help = "Example:
  callback users delete sip:ann@dev.local")]
    Delete {
        /// The id, SIP address or name.
        user: String,
    },
    /// Choose a user's presence, which also clears RONA.
    #[command(after_long_help = "Example:
  callback users presence sip:ann@dev.local available")]
    Presence {
        /// The id, SIP address or name.
        user: String,
        /// Whether the user is there.
        #[arg(value_parser = one_of(PRESENCES), ignore_case = true)]
        presence: String,
    },
    /// Let a user who did not answer (RONA) be offered tasks again.
    #[command(after_long_help = "Example:
  callback users rona-reset sip:ann@dev.local")]
    RonaReset {
        /// The id, SIP address or name.
        user: String,
    },
}

/// What a user is made of.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserMembers {
    /// What people call the user.
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The address, of no other user.
    #[arg(long, value_name = "SIP-URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_uri: Option<String>,
    /// A service of the user, by id, SIP address or name; may be given more than once, and replaces
    /// those there are.
    #[arg(long = "service", value_name = "SERVICE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<String>,
    /// Whether the user is offered tasks at all [default: true].
    #[arg(long, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    selectable: Option<bool>,
    /// Whether tasks are offered (Push), or taken by the user (Pull) [default: Push].
    #[arg(long, value_parser = one_of(DISTRIBUTIONS), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<String>,
    /// Whether the user is there [default: Offline].
    #[arg(long, value_parser = one_of(PRESENCES), ignore_case = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<String>,
}

pub(crate) fn run(args: UsersArgs) -> anyhow::Result<()> {
    let (api, printer) = (Api::new(&args.service)?, Printer::new(args.service.output));
    match args.command {
        UsersCommand::List => printer.list(USERS, &api.get(PATH)?),
        UsersCommand::Get { user } => {
            let id = api.id_in(PATH, &user)?;
            printer.object(&api.get(&format!("{PATH}/{id}"))?)
        }
        UsersCommand::Create { members, from_json } => {
            let members = with_service_ids(&api, members, from_json.as_deref())?;
            printer.object(&api.post(PATH, Some(&Value::Object(members)))?)
        }
        UsersCommand::Update { user, members, from_json, clear } => {
            let mut changes = with_service_ids(&api, members, from_json.as_deref())?;
            // What is read meanwhile is no choice of a presence.
            changes.entry("Presence").or_insert(Value::Null);
            printer.object(&update(&api, PATH, &user, changes, &clear)?)
        }
        UsersCommand::Delete { user } => delete(&api, &printer, PATH, &user),
        UsersCommand::Presence { user, presence } => {
            let path = format!("{PATH}/{}/presence", api.id_in(PATH, &user)?);
            printer.object(&api.put(&path, &json!({"Presence": presence}))?)
        }
        UsersCommand::RonaReset { user } => {
            let path = format!("{PATH}/{}/rona/reset", api.id_in(PATH, &user)?);
            printer.object(&api.post(&path, None)?)
        }
    }
}

fn with_service_ids(
    api: &Api,
    mut members: UserMembers,
    from_json: Option<&str>,
) -> anyhow::Result<Map<String, Value>> {
    let services = std::mem::take(&mut members.services);
    let ids = services.iter().map(|service| api.id_in("/v1.0/services", service));
    members.services = ids.collect::<anyhow::Result<_>>()?;
    body::members(from_json, &members)
}
