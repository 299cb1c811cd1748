//! What happens, as it happens: the stream of events, taken up again wherever it breaks.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::http::Method;

use super::api::{Api, ServiceArgs, encode};
use super::failure::{Refused, Unreachable};
use super::output::{Printer, say, write};
use super::table::plain;
use super::words::one_of;

/// How long to wait before a broken stream is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Follow what happens, as it happens.
///
/// Begins with what happens next, and goes on until it is stopped; a connection that breaks is
/// made again, and goes on after the last event that was seen. With a callback, begins with what
/// happened to it so far, and ends when it is over.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback watch --kind callback --service sip:hotline@dev.local
  callback watch order-4711")]
pub(crate) struct WatchArgs {
    /// Only this callback, by its id or your own key.
    #[arg(value_name = "ID|EXTERNAL-TASK-ID", conflicts_with_all = ["kind", "by", "from_start", "after"])]
    id: Option<String>,
    /// Only what concerns this service, by id, SIP address or name; may be given more than once.
    #[arg(long = "service", value_name = "SERVICE")]
    by: Vec<String>,
    /// Only what happens to one kind; may be given more than once.
    #[arg(long, value_parser = one_of(&["callback", "service", "user", "key", "webhook"]), ignore_case = true)]
    kind: Vec<String>,
    /// Only this event, such as Terminated; may be given more than once.
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,
    /// Begin with the oldest event that is kept.
    #[arg(long, conflicts_with = "after")]
    from_start: bool,
    /// Begin after this event, by the id that the stream gave it.
    #[arg(long, value_name = "EVENT-ID")]
    after: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Whether there is more to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Goes,
    Over,
}

/// What a stream of events is about.
struct Watch<'a> {
    api: &'a Api,
    printer: Printer,
    path: String,
    /// The callback, when only one is watched.
    callback: Option<String>,
    /// The last line of the callback's history that was shown.
    shown: Option<u64>,
    /// Where to take the stream up again.
    last: Option<String>,
}

pub(crate) fn run(args: &WatchArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.service)?;
    let mut parameters: Vec<String> = Vec::new();
    for service in &args.by {
        parameters.push(format!("service={}", api.id_in("/v1.0/services", service)?));
    }
    let callback = args.id.as_deref().map(|id| api.callback_id(id)).transpose()?;
    let kinds = args.kind.iter().map(String::as_str).chain(callback.as_ref().map(|_| "callback"));
    parameters.extend(kinds.map(|kind| format!("kind={}", encode(kind))));
    parameters.extend(args.event.iter().map(|event| format!("event={}", encode(event))));
    if args.from_start {
        parameters.push("from=start".to_owned());
    }
    let mark = if parameters.is_empty() { "" } else { "?" };
    let mut watch = Watch {
        api: &api,
        printer: Printer::new(args.service.output),
        path: format!("/v1.0/events{mark}{}", parameters.join("&")),
        callback,
        shown: None,
        last: args.after.clone(),
    };
    let mut began = false;
    loop {
        match watch.connection(&mut began) {
            Ok(Watched::Over) => return Ok(()),
            Ok(Watched::Goes) => {}
            Err(error) if !began || !may_pass(&error) => return Err(error),
            Err(error) => say(&format!("callback: {error:#}; trying again")),
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether a failure is one of the moment.
fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Unreachable>().is_some()
        || error.downcast_ref::<Refused>().is_some_and(|refused| refused.status >= 500)
}

impl Watch<'_> {
    /// Shows what one connection brings.
    fn connection(&mut self, began: &mut bool) -> anyhow::Result<Watched> {
        let last = self.last.clone();
        let headers: Vec<_> = last.iter().map(|last| ("Last-Event-ID", last.as_str())).collect();
        let answer = self.api.open(Method::GET, &self.path, None, &headers)?;
        let mut lines = BufReader::new(answer.into_body().into_reader()).lines();
        let (mut id, mut data) = (None, String::new());
        loop {
            let Some(Ok(line)) = lines.next() else { return Ok(Watched::Goes) };
            if let Some(value) = line.strip_prefix("id:") {
                id = Some(value.trim_start().to_owned());
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.strip_prefix(' ').unwrap_or(value));
            } else if line.is_empty() {
                if !data.is_empty() {
                    let event: Value = serde_json::from_str(&data).unwrap_or_default();
                    data.clear();
                    if self.event(&event)? == Watched::Over {
                        return Ok(Watched::Over);
                    }
                }
                // An event counts as seen once it was shown.
                self.last = id.take().or_else(|| self.last.take());
                if !std::mem::replace(began, true) && self.history()? == Watched::Over {
                    return Ok(Watched::Over);
                }
            }
        }
    }

    /// Shows what happened to the callback before the stream began.
    fn history(&mut self) -> anyhow::Result<Watched> {
        let Some(callback) = self.callback.clone() else { return Ok(Watched::Goes) };
        let mut watched = Watched::Goes;
        let api = self.api;
        api.pages(&format!("/v1.0/callbacks/{callback}/history"), &[], |page| {
            for line in page {
                watched = self.show(&line)?;
            }
            Ok(true)
        })?;
        Ok(watched)
    }

    fn event(&mut self, event: &Value) -> anyhow::Result<Watched> {
        let is_wanted =
            self.callback.as_ref().is_none_or(|id| event["Subject"]["Id"].as_str() == Some(id));
        if is_wanted { self.show(event) } else { Ok(Watched::Goes) }
    }

    /// Shows a line, unless the history showed it already.
    fn show(&mut self, line: &Value) -> anyhow::Result<Watched> {
        let number = line["Id"].as_str().and_then(|id| id.parse::<u64>().ok());
        if self.callback.is_some() {
            if number.is_some() && number <= self.shown {
                return Ok(Watched::Goes);
            }
            self.shown = number.or(self.shown);
        }
        if self.printer.is_json() {
            write(&format!("{line}\n"))?;
        } else {
            write(&told(line))?;
        }
        let is_over = self.callback.is_some() && line["PhaseAfter"] == "Terminated";
        Ok(if is_over { Watched::Over } else { Watched::Goes })
    }
}

/// An event as people read it.
fn told(event: &Value) -> String {
    let word = |value: &Value| if value.is_null() { "-".to_owned() } else { plain(value) };
    let phases = match (&event["PhaseBefore"], &event["PhaseAfter"]) {
        (before, after) if before == after => word(after),
        (before, after) => format!("{} > {}", word(before), word(after)),
    };
    let subject = &event["Subject"];
    let subject = if subject.is_object() {
        format!("{} {}", word(&subject["Kind"]), word(&subject["Id"]))
    } else {
        String::new()
    };
    let details = event["Details"].as_object().filter(|details| !details.is_empty());
    let details = details.map(|details| {
        let facts = details.iter().filter(|(_, value)| !value.is_null());
        facts.map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
    });
    let line = format!(
        "{:<27}  {:<20}  {:<22}  {subject}  {}",
        word(&event["At"]),
        word(&event["Event"]),
        phases,
        details.unwrap_or_default()
    );
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line() {
        let event = json!({
            "Id": "7", "At": "2026-01-05T10:00:00Z", "Event": "BecameDue", "PhaseBefore": "Pending",
            "PhaseAfter": "InQueue", "Details": {"Why": "a\nb", "None": null},
            "Subject": {"Kind": "Callback", "Id": "x"},
        });
        assert_eq!(
            told(&event),
            "2026-01-05T10:00:00Z         BecameDue             Pending > InQueue       Callback x  Why=a\\nb\n"
        );
    }
}
