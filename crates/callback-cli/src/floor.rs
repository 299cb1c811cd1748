//! The floor that the configuration declares: services and users become what the file says, before
//! anybody is served.

use anyhow::{Context as _, anyhow};
use callback_domain::dto::{Problems, ServiceRequest, UserDto, UserRequest};
use callback_engine::ledger::Actor;
use callback_engine::{Engine, Error};
use serde_json::Value;

use crate::client::plain;
use crate::declared::{self, Declared, difference, names};

/// How often to look again when another node applies the same at the same time.
const TRIES: u32 = 5;

/// Makes services and users what is declared; answers how many were not.
///
/// What the file does not declare stays as it is, and so does the presence of a user who is there.
pub(crate) async fn apply(engine: &Engine, declared: &Declared) -> anyhow::Result<usize> {
    let mut tried = 1;
    loop {
        match apply_once(engine, declared).await {
            Err(error) if tried < TRIES && is_crossed(&error) => tried += 1,
            ended => return ended,
        }
    }
}

/// Whether somebody else was there first.
fn is_crossed(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<Error>();
    matches!(error, Some(Error::StaleVersion { .. } | Error::AddressTaken { .. }))
}

async fn apply_once(engine: &Engine, declared: &Declared) -> anyhow::Result<usize> {
    let mut changed = 0;
    let stored = engine.store().services().await?;
    let mut services: Vec<Value> =
        stored.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    for mut body in declared.services()? {
        let during = format!("failed to apply the service {}", plain(&body["SipUri"]));
        let known = declared::find(&services, &body);
        let request = ServiceRequest::read(&body).map_err(in_words);
        let request = request.with_context(|| during.clone())?;
        let id = match &known {
            None => {
                changed += 1;
                engine.create_service(Actor::Operator, request).await.context(during)?.id
            }
            Some(known) => {
                let same = stored.iter().find(|service| known["Id"] == service.id.to_string());
                let same = same.context("a service that was found is among those stored")?;
                if !difference(known, &body, &names(&services)).is_empty() {
                    changed += 1;
                    let version = Some(same.version);
                    let replaced =
                        engine.replace_service(Actor::Operator, same.id, request, version).await;
                    replaced.context(during)?;
                }
                same.id
            }
        };
        body["Id"] = id.to_string().into();
        services.retain(|service| service["Id"] != body["Id"]);
        services.push(body);
    }
    let agents = engine.store().agents().await?;
    let users: Vec<Value> = agents
        .iter()
        .map(|agent| serde_json::to_value(UserDto::from(agent)))
        .collect::<Result<_, _>>()?;
    for mut body in declared.users(&services)? {
        let during = format!("failed to apply the user {}", plain(&body["SipUri"]));
        let known = declared::find(&users, &body);
        let same = known.as_ref().and_then(|known| {
            let agent = agents.iter().find(|agent| known["Id"] == agent.id.to_string())?;
            Some((known, agent))
        });
        if let (Some(_), Some(members)) = (same, body.as_object_mut()) {
            members.remove("Presence");
        }
        let request = UserRequest::read(&body).map_err(in_words);
        let request = request.with_context(|| during.clone())?;
        match same {
            None => {
                changed += 1;
                engine.create_agent(Actor::Operator, request).await.context(during)?;
            }
            Some((known, agent)) => {
                if !difference(known, &body, &names(&services)).is_empty() {
                    changed += 1;
                    let version = Some(agent.version);
                    let replaced =
                        engine.replace_agent(Actor::Operator, agent.id, request, version).await;
                    replaced.context(during)?;
                }
            }
        }
    }
    Ok(changed)
}

fn in_words(Problems(problems): Problems) -> anyhow::Error {
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow!(words.join("; "))
}
