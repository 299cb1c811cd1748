//! `callback keys`: access keys, over the API of a running service; the first one on its database.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use callback_domain::dto::{KeyRequest, Role};
use callback_domain::id::NodeId;
use callback_engine::access::Credential;
use callback_engine::command::{Command, What};
use callback_engine::dialer::{Dialer as _, ManualDialer};
use callback_engine::engine::access::new_key;
use callback_engine::error::Error;
use callback_engine::ledger::Actor;
use callback_engine::mint::{Mint, Site};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::client::{Api, Column, Printer, ServiceArgs, say, write};
use crate::database::Database;

const KEYS: &[Column] = &[
    Column::new("ID", &["Id"]),
    Column::new("NAME", &["Name"]),
    Column::new("ROLE", &["Role"]),
    Column::new("STANDING", &["Standing"]),
    Column::new("EXPIRES", &["ExpiresAt"]),
    Column::new("LAST USED", &["LastUsedAt"]),
    Column::new("SERVICES OR USER", &["UserId", "Services"]).or("all"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key of a running service, and print it; it is not shown again.
    #[command(after_long_help = "Example:
  callback keys create --name \"web shop\" --role integrator --expires-in 90d")]
    Create(CreateArgs),
    /// List the keys of a running service.
    #[command(after_long_help = "Example:
  callback keys list")]
    List(ListArgs),
    /// Revoke a key of a running service, for good.
    #[command(after_long_help = "Example:
  callback keys revoke 019a2b3c-0000-7000-8000-000000000000")]
    Revoke(RevokeArgs),
    /// Make the first key of an administrator, on the database of a service that is stopped.
    #[command(after_long_help = "Example:
  callback keys bootstrap --database /var/lib/callback/callback.db")]
    Bootstrap(BootstrapArgs),
}

/// What the holder of a key is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// A system that asks for callbacks and follows them.
    Integrator,
    /// One agent with the tasks of one user.
    Agent,
    /// Somebody who watches over agents and queues.
    Supervisor,
    /// Whoever runs the installation.
    Admin,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What people call it; the ledger shows it.
    #[arg(long)]
    name: String,
    /// What its holder is.
    #[arg(long, value_enum)]
    role: RoleName,
    /// Only for this service, by its id; may be given more than once.
    #[arg(long = "service", value_name = "ID")]
    services: Vec<String>,
    /// The user whose tasks an agent's key is for, by id.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// For how long it is good, such as 90d, 12h, 30m or 45s [default: until it is revoked].
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u32>,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's id.
    id: String,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    /// A SQLite file that no program uses, or postgres://…
    #[arg(long, value_name = "FILE or URL", env = "CALLBACK_DATABASE")]
    database: String,
    /// What people call it.
    #[arg(long, default_value = "bootstrap")]
    name: String,
    /// For how long it is good, such as 90d [default: until it is revoked].
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u32>,
    /// Make one even though an administrator has an active key.
    #[arg(long)]
    another: bool,
}

pub(crate) fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Create(args) => create(&args),
        KeysCommand::List(args) => list(&args),
        KeysCommand::Revoke(args) => revoke(&args),
        KeysCommand::Bootstrap(args) => bootstrap(args),
    }
}

fn create(args: &CreateArgs) -> anyhow::Result<()> {
    let mut body = json!({
        "Name": args.name,
        "Role": Role::from(args.role).name(),
        "UserId": args.user,
        "ExpiresInSeconds": args.expires_in,
    });
    if !args.services.is_empty() {
        body["Services"] = json!(args.services);
    }
    let made = Api::new(&args.service)?.post("/v1.0/keys", Some(&body))?;
    let printer = Printer::new(args.service.output);
    if printer.is_json() {
        return printer.object(&made);
    }
    let key = made["Key"].as_str().context("the service answered no key")?;
    hand_over(key, made["Id"].as_str().unwrap_or("?"))
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let keys = Api::new(&args.service)?.get("/v1.0/keys")?;
    Printer::new(args.service.output).list(KEYS, &keys)
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    Api::new(&args.service)?.delete(&format!("/v1.0/keys/{}", args.id))?;
    let revoked = json!({"Id": args.id, "Revoked": true});
    Printer::new(args.service.output).done(&format!("{} is revoked", args.id), &revoked)
}

fn bootstrap(args: BootstrapArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let credential = runtime.block_on(first_key(args))?;
    hand_over(&credential.reveal(), &credential.id.to_string())
}

async fn first_key(args: BootstrapArgs) -> anyhow::Result<Credential> {
    let body = json!({
        "Name": args.name, "Role": Role::Admin.name(), "ExpiresInSeconds": args.expires_in,
    });
    let request = KeyRequest::read(&body).context("the key is not valid")?;
    let store = Database::from(args.database.as_str()).open().await?;
    let mint = Mint::unpredictable().context("the operating system gives no randomness")?;
    let (now, dialer) = (store.now().await?, ManualDialer);
    let (credential, mut new) = new_key(&mint, &Actor::Operator, request, now);
    new.only_admin = !args.another;
    let node = NodeId(mint.timed(now));
    let site = Site { node, driver: dialer.name().to_owned(), caps: dialer.caps(), mint };
    let what = What::CreateKey(Box::new(new));
    let command = Command { actor: Actor::Operator, site: Arc::new(site), what };
    match store.run(command).await {
        Ok(_) => Ok(credential),
        Err(Error::AdminKeyExists) => Err(anyhow!(
            "an administrator has an active key already; with --another one more is made"
        )),
        Err(error) => Err(error).context("failed to store the key"),
    }
}

/// The key goes to standard output alone, so that it can be taken from there.
fn hand_over(key: &str, id: &str) -> anyhow::Result<()> {
    say(&format!("Key {id}; it is not shown again:"));
    write(&format!("{key}\n"))
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Integrator => Self::Integrator,
            RoleName::Agent => Self::Agent,
            RoleName::Supervisor => Self::Supervisor,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Reads a time such as `90d`.
fn seconds(text: &str) -> Result<u32, String> {
    let expected = || format!("{text} is no time such as 90d, 12h, 30m or 45s");
    let unit = text.chars().last().ok_or_else(expected)?;
    let number = text.strip_suffix(unit).unwrap_or_default();
    let each: u32 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let number: u32 = number.parse().map_err(|_| expected())?;
    number.checked_mul(each).filter(|seconds| *seconds > 0).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!((seconds("1s"), seconds("2m"), seconds("3h")), (Ok(1), Ok(120), Ok(10_800)));
        for wrong in ["", "d", "90", "0d", "-1d", "1.5h", "9w", "99999999d", "ü"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
