//! Commands that ask a running service, over its API.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::cli::{ExplainArgs, ServiceArgs};

/// The service answered, and said no.
#[derive(Debug)]
pub(crate) struct RefusedByService(String);

impl std::fmt::Display for RefusedByService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RefusedByService {}

/// The service did not answer.
#[derive(Debug)]
pub(crate) struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// How the program ends after an error.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<RefusedByService>().is_some() {
        3
    } else if error.downcast_ref::<Unreachable>().is_some() {
        4
    } else {
        1
    }
}

pub(crate) fn explain(args: &ExplainArgs) -> anyhow::Result<()> {
    let mut path = format!("/v1.0/callbacks/{}/explain", args.id);
    if let Some(agent) = &args.agent {
        let _infallible = write!(path, "?agent={agent}");
    }
    let explanation = ask(&args.service, &Asked::Read(&path))?;
    print_out(&checklist(&explanation));
    Ok(())
}

/// What is asked of the service, by path.
pub(crate) enum Asked<'a> {
    Read(&'a str),
    Make(&'a str, &'a Value),
    Remove(&'a str),
}

/// Asks, and answers the body, `null` when there is none.
pub(crate) fn ask(service: &ServiceArgs, asked: &Asked<'_>) -> anyhow::Result<Value> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).tls_config(trust());
    let agent = config.build().new_agent();
    let url = service.url.trim_end_matches('/');
    let (Asked::Read(path) | Asked::Make(path, _) | Asked::Remove(path)) = asked;
    let address = format!("{url}{path}");
    let key = service.api_key.as_ref().map(|key| format!("Bearer {}", key.trim()));
    let sent = match asked {
        Asked::Read(_) => with_key(agent.get(&address), key.as_deref()).call(),
        Asked::Remove(_) => with_key(agent.delete(&address), key.as_deref()).call(),
        Asked::Make(_, body) => with_key(agent.post(&address), key.as_deref()).send_json(body),
    };
    let mut answer =
        sent.map_err(|error| Unreachable(format!("failed to reach {url}: {error}")))?;
    let status = answer.status();
    let text = answer.body_mut().read_to_string();
    let text = text.with_context(|| format!("{address} did not answer whole"))?;
    let body: Value = match text.as_str() {
        "" => Value::Null,
        text => {
            serde_json::from_str(text).with_context(|| format!("{address} answered no JSON"))?
        }
    };
    if status.is_success() {
        return Ok(body);
    }
    let code = body["Error"]["Code"].as_str().unwrap_or("Unknown");
    let message = body["Error"]["Message"].as_str().unwrap_or("no message");
    Err(RefusedByService(format!("{message} ({status}, {code})")).into())
}

/// Whose certificates are believed: the system's, or SSL_CERT_FILE's; Mozilla's where there are none.
fn trust() -> TlsConfig {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> =
        roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    let roots = if roots.is_empty() { RootCerts::WebPki } else { roots.into() };
    TlsConfig::builder().root_certs(roots).build()
}

fn with_key<B>(request: ureq::RequestBuilder<B>, key: Option<&str>) -> ureq::RequestBuilder<B> {
    match key {
        Some(key) => request.header("Authorization", key),
        None => request,
    }
}

/// The explanation as a list that can be read from top to bottom.
fn checklist(explanation: &Value) -> String {
    let callable = explanation["Callable"].as_bool().unwrap_or(false);
    let mut text = format!(
        "Callback {}\nat {}: {}\n\n",
        explanation["CallbackId"].as_str().unwrap_or("?"),
        explanation["At"].as_str().unwrap_or("?"),
        if callable { "the next dispatch offers it" } else { "it is not being called" },
    );
    for gate in explanation["Gates"].as_array().into_iter().flatten() {
        let mark = if gate["Pass"].as_bool().unwrap_or(false) { "pass" } else { "FAIL" };
        let name = gate["Name"].as_str().unwrap_or("?");
        let facts: Vec<String> = gate["Facts"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect();
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

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[expect(clippy::print_stdout, reason = "what a command was asked for goes to standard output")]
pub(crate) fn print_out(text: &str) {
    print!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_checklist_names_each_gate_and_the_next_change() {
        let text = checklist(&json!({
            "CallbackId": "0f3cf4cd-71f9-4224-a415-3aa5b37bfd59", "At": "2026-01-05T10:00:00Z",
            "Agent": null, "Callable": false, "NextChangeAt": "2026-01-05T11:00:00Z",
            "Gates": [
                {"Name": "NotTerminated", "Pass": true, "Facts": {"TerminationReason": null}, "NextChangeAt": null},
                {"Name": "OpeningHours", "Pass": false, "Facts": {"Open": false}, "NextChangeAt": "2026-01-05T11:00:00Z"},
            ],
        }));
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

    #[test]
    fn an_unreachable_service_has_its_own_exit_code() {
        let service = ServiceArgs { url: "http://127.0.0.1:1".to_owned(), api_key: None };
        let error = ask(&service, &Asked::Read("/healthz")).unwrap_err();
        assert_eq!(exit_code(&error), 4);
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    }
}
