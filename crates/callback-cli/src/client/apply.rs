//! Services and users as a file declares them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use ureq::http::Method;

use super::api::{Api, ServiceArgs};
use super::failure::Differs;
use super::output::{Colour, Printer, say, write};
use super::table::plain;
use crate::declared::{self, Change, Declared, Kind, difference, names};

/// Make services and users what a file says.
///
/// The file is TOML with a table `[[services]]` or `[[users]]` for each, whose keys are the members of
/// the API; users name their services by SIP address or name. Who is meant is told by the SipUri.
/// It may be the configuration of `serve`, which applies it as it starts; its settings are passed over.
/// A member that is not named has its default, but the presence of a user, which is only given to
/// a new one. What changes is shown, and applying a file again changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:
  callback apply -f floor.toml --dry-run
  callback apply -f floor.toml

where floor.toml holds
  [[services]]
  Name = \"Hotline\"
  SipUri = \"sip:hotline@dev.local\"
  DirectionType = \"InboundOutbound\"

  [[users]]
  Name = \"Ann\"
  SipUri = \"sip:ann@dev.local\"
  Services = [\"sip:hotline@dev.local\"]

Exit codes: 0 done, or nothing to do, 1 the file is wrong, 3 refused by the service, 5 with \
--dry-run there is something to change.")]
pub(crate) struct ApplyArgs {
    /// The file.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Only show what would change; exit code 5 when there is something.
    #[arg(long)]
    dry_run: bool,
    /// Remove services and users that the file does not declare; a kind that it does not mention
    /// at all is left alone.
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(crate) fn run(args: &ApplyArgs) -> anyhow::Result<()> {
    let declared = Declared::read(&args.file)?;
    let api = Api::new(&args.service)?;
    let mut applied = Applied {
        api: &api,
        printer: Printer::new(args.service.output),
        dry_run: args.dry_run,
        changed: 0,
        same: 0,
    };
    let mut services = stored(&api, Kind::Service)?;
    let users = stored(&api, Kind::User)?;
    for mut body in declared.services()? {
        let stored = declared::find(&services, &body);
        applied.declare(Kind::Service, &mut body, stored.as_ref(), &names(&services))?;
        services.retain(|service| service["Id"] != body["Id"]);
        services.push(body);
    }
    for mut body in declared.users(&services)? {
        let stored = declared::find(&users, &body);
        applied.declare(Kind::User, &mut body, stored.as_ref(), &names(&services))?;
    }
    if args.prune {
        for (kind, known) in [(Kind::User, &users), (Kind::Service, &services)] {
            for item in declared.others(kind, known) {
                applied.remove(kind, item)?;
            }
        }
    }
    applied.end()
}

fn stored(api: &Api, kind: Kind) -> anyhow::Result<Vec<Value>> {
    let listed = api.get(kind.path())?;
    let Value::Array(items) = listed else {
        anyhow::bail!("{} answered no list", kind.path());
    };
    Ok(items)
}

/// A file on its way to the service.
struct Applied<'a> {
    api: &'a Api,
    printer: Printer,
    dry_run: bool,
    changed: usize,
    same: usize,
}

impl Applied<'_> {
    /// Makes one what is declared, and puts its id into the body.
    fn declare(
        &mut self,
        kind: Kind,
        body: &mut Value,
        stored: Option<&Value>,
        services: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let during = || format!("failed to apply the {} {}", kind.name(), plain(&body["SipUri"]));
        let Some(stored) = stored else {
            let sip_uri = body["SipUri"].clone();
            self.show(kind, &sip_uri, "Create", &difference(&Value::Null, body, services))?;
            body["Id"] = if self.dry_run {
                // What is not there yet is known by its address.
                sip_uri
            } else {
                self.api.post(kind.path(), Some(body)).with_context(during)?["Id"].clone()
            };
            return Ok(());
        };
        let changes = difference(stored, body, services);
        if changes.is_empty() {
            self.same += 1;
        } else {
            self.show(kind, &stored["SipUri"], "Change", &changes)?;
        }
        if !changes.is_empty() && !self.dry_run {
            let path = format!("{}/{}", kind.path(), plain(&stored["Id"]));
            // The presence of somebody who is there already is theirs to choose.
            if let Some(members) = body.as_object_mut() {
                members.remove("Presence");
            }
            let tag = format!("\"{}\"", stored["Version"]);
            let during =
                || format!("failed to apply the {} {}", kind.name(), plain(&stored["SipUri"]));
            self.api
                .send(Method::PUT, &path, Some(body), &[("If-Match", &tag)])
                .with_context(during)?;
        }
        body["Id"] = stored["Id"].clone();
        Ok(())
    }

    fn remove(&mut self, kind: Kind, stored: &Value) -> anyhow::Result<()> {
        self.show(kind, &stored["SipUri"], "Remove", &[])?;
        if self.dry_run {
            return Ok(());
        }
        let during =
            || format!("failed to remove the {} {}", kind.name(), plain(&stored["SipUri"]));
        let path = format!("{}/{}", kind.path(), plain(&stored["Id"]));
        self.api.delete(&path).with_context(during)
    }

    fn show(
        &mut self,
        kind: Kind,
        sip_uri: &Value,
        action: &str,
        changes: &[Change],
    ) -> anyhow::Result<()> {
        self.changed += 1;
        if self.printer.is_json() {
            let members: serde_json::Map<String, Value> = changes
                .iter()
                .map(|change| {
                    let sides = json!({"Before": change.before, "After": change.after});
                    (change.member.clone(), sides)
                })
                .collect();
            let kind = kind.name();
            let item =
                json!({"Kind": kind, "SipUri": sip_uri, "Action": action, "Members": members});
            return write(&format!("{item}\n"));
        }
        let (mark, colour) = match action {
            "Create" => ("+", Colour::Green),
            "Remove" => ("-", Colour::Red),
            _ => ("~", Colour::Yellow),
        };
        let title = format!("{mark} {} {}", kind.name(), plain(sip_uri));
        let mut text = format!("{}\n", self.printer.paint(colour, &title));
        for change in changes {
            let (line, colour) = change.line();
            text.push_str(&format!("    {}\n", self.printer.paint(colour, &line)));
        }
        write(&text)
    }

    fn end(self) -> anyhow::Result<()> {
        let Self { changed, same, dry_run, .. } = self;
        if dry_run && changed > 0 {
            return Err(Differs(changed).into());
        }
        if !self.printer.is_json() {
            say(&format!("callback: {changed} changed, {same} as declared"));
        }
        Ok(())
    }
}
