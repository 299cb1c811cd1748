//! What is declared against what is stored, member by member.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::{Colour, plain};

/// A member that is not as declared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) member: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

impl Change {
    /// The change as a line, and the colour it has.
    pub(crate) fn line(&self) -> (String, Colour) {
        let Self { member, before, after } = self;
        match (before, after) {
            (Value::Null, after) => (format!("+ {member}: {}", plain(after)), Colour::Green),
            (before, Value::Null) => (format!("- {member}: {}", plain(before)), Colour::Red),
            (before, after) => {
                (format!("~ {member}: {} > {}", plain(before), plain(after)), Colour::Yellow)
            }
        }
    }
}

/// The members of a declaration that are stored otherwise; the presence of whom there is already
/// is no such member.
pub(crate) fn difference(
    stored: &Value,
    declared: &Value,
    services: &BTreeMap<String, String>,
) -> Vec<Change> {
    let members = declared.as_object().into_iter().flatten();
    let change = |(member, after): (&String, &Value)| {
        let before = &stored[member];
        let is_theirs = member == "Presence" && !stored.is_null();
        if is_theirs || is_same(before, after) {
            return None;
        }
        let (before, after) = (named(before, services), named(after, services));
        Some(Change { member: member.clone(), before, after })
    };
    members.filter_map(change).collect()
}

/// Lists of text are compared as sets: services, caller ids and targets have no order.
fn is_same(before: &Value, after: &Value) -> bool {
    let set = |value: &Value| -> Option<std::collections::BTreeSet<String>> {
        value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    };
    match (set(before), set(after)) {
        (Some(before), Some(after)) => before == after,
        _ => before == after,
    }
}

/// A value in which services are known by their address.
fn named(value: &Value, services: &BTreeMap<String, String>) -> Value {
    let name = |item: &Value| {
        let known = item.as_str().and_then(|id| services.get(id));
        known.map_or_else(|| item.clone(), |name| name.clone().into())
    };
    match value {
        Value::Array(items) => items.iter().map(name).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            value.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_a_change_and_lists_have_no_order() {
        let stored = json!({
            "Id": "x", "Name": "A", "Services": ["1", "2"], "MaxQueued": null, "DefaultCountryCode": "41",
            "Presence": "Away",
        });
        let declared = json!({
            "Name": "B", "Services": ["2", "1"], "MaxQueued": 7, "DefaultCountryCode": null,
            "Presence": "Offline",
        });
        let lines: Vec<_> = difference(&stored, &declared, &BTreeMap::new())
            .iter()
            .map(|change| change.line().0)
            .collect();
        assert_eq!(lines, ["- DefaultCountryCode: 41", "+ MaxQueued: 7", "~ Name: A > B"]);
        let services = [("2".to_owned(), "sip:two@x".to_owned())].into();
        let changes = difference(&json!({"Services": []}), &json!({"Services": ["2"]}), &services);
        assert_eq!(changes[0].line().0, "~ Services: [] > sip:two@x");
    }
}
