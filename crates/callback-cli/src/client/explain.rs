//! Why a callback is not being called right now.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;

use super::api::{Api, ServiceArgs, encode};
use super::output::{Colour, Printer, write};
use super::table::plain;

/// Say why a callback is not being called right now.
///
/// Every gate between a callback and its call is listed in order, with the facts behind it and
/// when the clock next changes it.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback explain order-4711 --agent sip:ann@dev.local")]
pub(crate) struct ExplainArgs {
    /// Its id, or your own key.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID")]
    id: String,
    /// Ask for this user, by id, SIP address or name, instead of whoever the dispatcher would ask.
    #[arg(long, value_name = "USER")]
    agent: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let mut path = format!("/v1.0/callbacks/{}/explain", api.callback_id(&args.id)?);
    if let Some(agent) = &args.agent {
        let agent = api.id_in("/v1.0/users", agent)?;
        let _infallible = write!(path, "?agent={}", encode(&agent));
    }
    let explanation = api.get(&path)?;
    let printer = Printer::new(args.service.output);
    if printer.is_json() {
        return printer.object(&explanation);
    }
    write(&checklist(&printer, &explanation))
}

/// The explanation as a list that can be read from top to bottom.
fn checklist(printer: &Printer, explanation: &Value) -> String {
    let callable = explanation["Callable"].as_bool().unwrap_or(false);
    let mut text = format!(
        "Callback {}\nat {}: {}\n\n",
        plain(&explanation["CallbackId"]),
        plain(&explanation["At"]),
        if callable { "the next dispatch offers it" } else { "it is not being called" },
    );
    for gate in explanation["Gates"].as_array().into_iter().flatten() {
        let passes = gate["Pass"].as_bool().unwrap_or(false);
        let mark = if passes {
            printer.paint(Colour::Green, "pass")
        } else {
            printer.paint(Colour::Red, "FAIL")
        };
        let facts: Vec<String> = gate["Facts"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect();
        let name = plain(&gate["Name"]);
        let _infallible = write!(text, "  [{mark}] {name:<15} {}", facts.join(", "));
        if let Some(at) = gate["NextChangeAt"].as_str() {
            let _infallible = write!(text, "  (changes at {at})");
        }
        text.push('\n');
    }
    match explanation["NextChangeAt"].as_str() {
        Some(at) => {
            let _infallible = write!(text, "\nThe clock next changes a gate at {at}.\n");
        }
        None => text.push_str("\nOnly an event can change this.\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::output::Output;
    use serde_json::json;

    #[test]
    fn a_checklist_names_each_gate_and_the_next_change() {
        let explanation = json!({
            "CallbackId": "0f3cf4cd-71f9-4224-a415-3aa5b37bfd59", "At": "2026-01-05T10:00:00Z",
            "Agent": null, "Callable": false, "NextChangeAt": "2026-01-05T11:00:00Z",
            "Gates": [
                {"Name": "NotTerminated", "Pass": true, "Facts": {"TerminationReason": null}, "NextChangeAt": null},
                {"Name": "OpeningHours", "Pass": false, "Facts": {"Open": false}, "NextChangeAt": "2026-01-05T11:00:00Z"},
            ],
        });
        let text = checklist(&Printer::new(Output::Table).without_colours(), &explanation);
        assert!(text.contains("it is not being called"), "{text}");
        assert!(text.contains("[pass] NotTerminated"), "{text}");
        assert!(
            text.contains("[FAIL] OpeningHours    Open=false  (changes at 2026-01-05T11:00:00Z)"),
            "{text}"
        );
        assert!(
            text.ends_with("The clock next changes a gate at 2026-01-05T11:00:00Z.\n"),
            "{text}"
        );
    }
}
