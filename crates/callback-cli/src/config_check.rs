//! `callback config check`: the settings that `serve` would run with.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use crate::admin_key_file;
use crate::cli::ServeArgs;
use crate::client::write;
use crate::configuration::Settings;
use crate::declared::Declared;

/// What is shown in the place of a secret.
const HIDDEN: &str = "***";

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the settings as `serve` would, and print them, or everything that is wrong with them.
    ///
    /// Takes the flags of `serve`. What is printed is TOML, without passwords. Nothing is opened
    /// but the configuration and the key file.
    #[command(after_long_help = "Example:
  callback config check --config /etc/callback.toml

Exit codes: 0 the settings can be used, 1 they cannot.")]
    Check(CheckArgs),
}

/// What `serve` would be given.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    serve: ServeArgs,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let mut problems = Settings::problems(&args.serve);
    let settings = Settings::load(&args.serve);
    if let (Err(error), true) = (&settings, problems.is_empty()) {
        problems.push(format!("{error:#}"));
    }
    if let Some(Err(error)) = args.serve.config.as_deref().map(Declared::read) {
        problems.push(format!("{error:#}"));
    }
    let key = args.serve.admin_key_file.as_deref().map(admin_key_file::read);
    if let Some(Err(error)) = key {
        problems.push(format!("admin_key_file: {error:#}"));
    }
    if let (Ok(settings), true) = (settings, problems.is_empty()) {
        let table = toml::Table::try_from(settings).context("the settings are no TOML")?;
        return write(&toml::to_string(&without_secrets(table))?);
    }
    let listed: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    bail!("the settings cannot be used:{listed}")
}

fn without_secrets(table: toml::Table) -> toml::Table {
    let hide = |(name, value): (String, toml::Value)| {
        let value = match value {
            toml::Value::Table(inner) if name == "headers" => toml::Value::Table(
                inner.into_iter().map(|(name, _)| (name, HIDDEN.into())).collect(),
            ),
            toml::Value::Table(inner) => toml::Value::Table(without_secrets(inner)),
            toml::Value::String(text) if is_secret(&name) && !text.is_empty() => HIDDEN.into(),
            toml::Value::String(text) => without_password(&text).into(),
            toml::Value::Array(items) if is_secret(&name) && !items.is_empty() => HIDDEN.into(),
            other @ (toml::Value::Array(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)) => other,
        };
        (name, value)
    };
    table.into_iter().map(hide).collect()
}

fn is_secret(name: &str) -> bool {
    ["secret", "password", "token", "key"].iter().any(|ending| name.ends_with(ending))
}

/// An address without the password before its host or among its parameters.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (before, parameters) = rest.split_once('?').map_or((rest, None), |(b, p)| (b, Some(p)));
    let before = match before.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None => format!("{user}@{host}"),
        },
        None => before.to_owned(),
    };
    let hide = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        Some(_) | None => parameter.to_owned(),
    };
    let parameters = parameters.map(|all| all.split('&').map(hide).collect::<Vec<_>>().join("&"));
    let parameters = parameters.map(|all| format!("?{all}")).unwrap_or_default();
    format!("{scheme}://{before}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, shown) in [
            ("postgres://ann:p@ss@db/callback", "postgres://ann:***@db/callback"),
            ("postgres://ann@db/callback", "postgres://ann@db/callback"),
            (
                "postgres://db/callback?user=ann&password=x",
                "postgres://db/callback?user=ann&password=***",
            ),
            ("/var/lib/callback.db", "/var/lib/callback.db"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }

    #[test]
    fn what_is_named_a_secret_is_hidden() {
        let table: toml::Table =
            "signing_secret = 'a'\ncreate_status = 201\n[sso]\nclient_secret = 'b'\nkeys = ['c']\n\
             [otlp.headers]\nauthorization = 'd'"
                .parse()
                .unwrap();
        let shown = toml::to_string(&without_secrets(table)).unwrap();
        assert!(
            ["'a'", "\"a\"", "\"b\"", "\"d\""].iter().all(|secret| !shown.contains(secret)),
            "{shown}"
        );
        assert!(shown.contains("201") && shown.contains("\"c\""), "{shown}");
    }
}
