//! Bodies of requests: from a file, from flags, or from both.

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::WrongUsage;

/// Reads a JSON object from a file, or from standard input when it is `-`.
pub(crate) fn from_json(file: &str) -> anyhow::Result<Map<String, Value>> {
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().read_to_string(&mut text).context("failed to read standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("failed to read {file}"))?;
    }
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("{file} holds no JSON"))?;
    let Value::Object(object) = value else { anyhow::bail!("{file} holds no JSON object") };
    Ok(object)
}

/// The members of a body: those of a file, over which those of flags go.
pub(crate) fn members(
    file: Option<&str>,
    flags: &impl Serialize,
) -> anyhow::Result<Map<String, Value>> {
    let mut members = file.map(from_json).transpose()?.unwrap_or_default();
    members.extend(of_flags(flags)?);
    Ok(members)
}

/// The members that flags name.
pub(crate) fn of_flags(flags: &impl Serialize) -> anyhow::Result<Map<String, Value>> {
    let flags = serde_json::to_value(flags).context("failed to write the flags as JSON")?;
    let Value::Object(flags) = flags else { anyhow::bail!("flags are members") };
    Ok(flags)
}

/// Sets members to null.
pub(crate) fn clear(members: &mut Map<String, Value>, names: &[String]) -> anyhow::Result<()> {
    for name in names {
        let known = members.contains_key(name);
        ensure!(known, WrongUsage(format!("--clear {name}: there is no such member to clear")));
        members.insert(name.clone(), Value::Null);
    }
    Ok(())
}

/// Reads a flag that is JSON.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}
