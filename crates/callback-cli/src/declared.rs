//! Services and users that a file declares: read, checked as the service would, and completed with
//! defaults.

mod difference;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use callback_domain::date;
use callback_domain::dto::{Problems, ServiceRequest, UserDto, UserRequest};
use callback_domain::id::{AgentId, ServiceId};
use serde_json::{Map, Value, json};

pub(crate) use self::difference::{Change, difference};
use crate::client::plain;
use crate::configuration;

/// Members that a declaration cannot set, though answers have them.
const SERVER_OWNED: [&str; 8] =
    ["Id", "Rona", "IdleSince", "Task", "AfterCallWorkUntil", "CreatedAt", "UpdatedAt", "Version"];

/// What can be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A contact-centre service.
    Service,
    /// An agent or supervisor.
    User,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::User => "user",
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Service => "services",
            Self::User => "users",
        }
    }

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Service => "/v1.0/services",
            Self::User => "/v1.0/users",
        }
    }
}

/// What a file declares; `None` for a kind that it does not mention.
#[derive(Debug)]
pub(crate) struct Declared {
    shown: String,
    services: Option<Vec<Value>>,
    users: Option<Vec<Value>>,
}

impl Declared {
    /// Whether there is nothing to apply.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_none() && self.users.is_none()
    }

    /// Reads a file, and names everything that is wrong with it by table and key.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("failed to read {shown}"))?;
        Self::parse(shown, &text)
    }

    fn parse(shown: String, text: &str) -> anyhow::Result<Self> {
        let file: toml::Table = text.parse().with_context(|| format!("{shown} is no TOML"))?;
        let mut problems = Vec::new();
        let mut declared = Self { shown, services: None, users: None };
        for (name, value) in file {
            let kind = match name.as_str() {
                "services" => Kind::Service,
                "users" => Kind::User,
                setting if configuration::is_known(setting) => continue,
                other => {
                    problems.push(format!(
                        "[{other}]: only [[services]], [[users]] and the settings of serve are known"
                    ));
                    continue;
                }
            };
            let Value::Array(items) = json_of(value) else {
                problems.push(format!("{name}: a table [[{name}]] for each is expected"));
                continue;
            };
            for (index, item) in items.iter().enumerate() {
                let table = place(kind, index, item);
                let found = faults(kind, item, &items[..index]);
                problems.extend(found.iter().map(|problem| format!("{table} {problem}")));
            }
            match kind {
                Kind::Service => declared.services = Some(items),
                Kind::User => declared.users = Some(items),
            }
        }
        let shown = &declared.shown;
        let listed: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        ensure!(problems.is_empty(), "{shown} cannot be applied:{listed}");
        Ok(declared)
    }

    /// The services with all their members.
    pub(crate) fn services(&self) -> anyhow::Result<Vec<Value>> {
        let complete = |item: &Value| {
            let request = ServiceRequest::read(item)?;
            let service = request.into_service(ServiceId::from_u128(0), epoch());
            Ok(without(serde_json::to_value(service)?))
        };
        self.services.iter().flatten().map(complete).collect()
    }

    /// The users with all their members, their services by id.
    pub(crate) fn users(&self, services: &[Value]) -> anyhow::Result<Vec<Value>> {
        let mut problems = Vec::new();
        let mut users = Vec::new();
        for (index, item) in self.users.iter().flatten().enumerate() {
            let mut ids = Vec::new();
            for named in item["Services"].as_array().into_iter().flatten() {
                match id_of(services, &plain(named)) {
                    Some(id) => ids.push(id),
                    None => problems.push(format!(
                        "{} Services: {} is the SIP address or name of no service, or of several",
                        place(Kind::User, index, item),
                        plain(named)
                    )),
                }
            }
            let request = UserRequest::read(&with_services(item, json!([])))?;
            let has_presence = request.presence.is_some();
            let agent = request.into_agent(AgentId::from_u128(0), epoch());
            let mut user = without(serde_json::to_value(UserDto::from(&agent))?);
            user["Services"] = ids.into();
            if let (Some(members), false) = (user.as_object_mut(), has_presence) {
                members.remove("Presence");
            }
            users.push(user);
        }
        let listed: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        ensure!(problems.is_empty(), "{} cannot be applied:{listed}", self.shown);
        Ok(users)
    }

    /// Those of a kind that the file does not declare, if it mentions the kind.
    pub(crate) fn others<'s>(&self, kind: Kind, stored: &'s [Value]) -> Vec<&'s Value> {
        let declared = match kind {
            Kind::Service => &self.services,
            Kind::User => &self.users,
        };
        let Some(declared) = declared else { return Vec::new() };
        stored.iter().filter(|item| find(declared, item).is_none()).collect()
    }
}

/// What people know services by.
pub(crate) fn names(services: &[Value]) -> BTreeMap<String, String> {
    let pair =
        |service: &Value| Some((service["Id"].as_str()?.to_owned(), plain(&service["SipUri"])));
    services.iter().filter_map(pair).collect()
}

/// The one with the same address.
pub(crate) fn find(items: &[Value], like: &Value) -> Option<Value> {
    items.iter().find(|item| is_same_address(&item["SipUri"], &like["SipUri"])).cloned()
}

fn is_same_address(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => left.trim().eq_ignore_ascii_case(right.trim()),
        _ => false,
    }
}

/// The id of the one service with an address, a name or an id.
fn id_of(services: &[Value], named: &str) -> Option<Value> {
    let by = |member: &str| {
        let is = |service: &&Value| {
            service[member].as_str().is_some_and(|value| value.eq_ignore_ascii_case(named))
        };
        let mut found = services.iter().filter(is);
        found.next().filter(|_| found.next().is_none()).map(|service| service["Id"].clone())
    };
    by("SipUri").or_else(|| by("Id")).or_else(|| by("Name"))
}

/// What is wrong with a declaration.
fn faults(kind: Kind, item: &Value, before: &[Value]) -> Vec<String> {
    let mut faults: Vec<String> = SERVER_OWNED
        .iter()
        .filter(|name| item.get(name).is_some())
        .map(|name| format!("{name}: only the service sets this member"))
        .collect();
    let read = match kind {
        Kind::Service => ServiceRequest::read(item).err(),
        Kind::User => UserRequest::read(&with_services(item, json!([]))).err(),
    };
    if let Some(Problems(problems)) = read {
        faults.extend(problems.iter().map(ToString::to_string));
    }
    if kind == Kind::User && !item["Services"].is_null() && !is_words(&item["Services"]) {
        faults
            .push("Services: a list of SIP addresses or names of services is expected".to_owned());
    }
    if find(before, item).is_some() {
        faults.push("SipUri: it is declared before".to_owned());
    }
    faults
}

fn is_words(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn with_services(item: &Value, services: Value) -> Value {
    let mut item = item.clone();
    if let Some(members) = item.as_object_mut() {
        members.insert("Services".to_owned(), services);
    }
    item
}

fn without(mut item: Value) -> Value {
    if let Some(members) = item.as_object_mut() {
        for name in SERVER_OWNED {
            members.remove(name);
        }
    }
    item
}

/// Where in the file a declaration is.
fn place(kind: Kind, index: usize, item: &Value) -> String {
    let named = ["SipUri", "Name"].iter().find_map(|name| item[*name].as_str());
    let named = named.map(|name| format!(" ({name})")).unwrap_or_default();
    format!("[[{}]] number {}{named}:", kind.table(), index + 1)
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            let members = table.into_iter().map(|(name, value)| (name, json_of(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

fn epoch() -> date::Instant {
    date::Instant::UNIX_EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Declared> {
        Declared::parse("floor.toml".to_owned(), text)
    }

    #[test]
    fn what_is_wrong_is_named_by_file_table_and_key() {
        let error = parse(
            "[[services]]\nName = 'A'\nSipUri = 'sip:a@x'\nDirectionType = 'Outbound'\nNmae = 'x'\n\
             [[users]]\nName = 'B'\nSipUri = 'sip:b@x'\nId = 'x'\nServices = 'sip:a@x'\n\
             [[user]]\n",
        );
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("floor.toml cannot be applied:"), "{error}");
        assert!(error.contains("[[services]] number 1 (sip:a@x): Nmae"), "{error}");
        assert!(error.contains("[[users]] number 1 (sip:b@x): Id"), "{error}");
        assert!(error.contains("Services: a list"), "{error}");
        assert!(error.contains("[user]"), "{error}");
    }

    #[test]
    fn members_that_are_not_named_have_their_defaults() {
        let declared =
            parse("[[services]]\nName = 'A'\nSipUri = 'sip:a@x'\nDirectionType = 'Outbound'\n")
                .unwrap();
        let services = declared.services().unwrap();
        assert_eq!(services[0]["RonaTimeoutInSeconds"], 20);
        assert!(services[0].get("Version").is_none());
        assert!(declared.others(Kind::User, &[json!({"SipUri": "sip:b@x"})]).is_empty());
        assert_eq!(declared.others(Kind::Service, &[json!({"SipUri": "sip:b@x"})]).len(), 1);
    }

    #[test]
    fn users_name_services_by_address_or_name() {
        let declared =
            parse("[[users]]\nName = 'B'\nSipUri = 'sip:b@x'\nServices = ['sip:A@x', 'Sales']\n")
                .unwrap();
        let services = [
            json!({"Id": "1", "Name": "Hotline", "SipUri": "sip:a@x"}),
            json!({"Id": "2", "Name": "Sales", "SipUri": "sip:s@x"}),
        ];
        assert_eq!(declared.users(&services).unwrap()[0]["Services"], json!(["1", "2"]));
        let error = declared.users(&services[..1]).unwrap_err().to_string();
        assert!(error.contains("Sales"), "{error}");
    }
}
