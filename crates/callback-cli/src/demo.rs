//! The demonstration: services, users who work by themselves, and customers who ask to be called.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use callback_domain::callback::Creator;
use callback_domain::dto::{CreateRequest, ServiceRequest, UserRequest};
use callback_domain::id::{AgentId, ServiceId};
use callback_domain::priority::Priority;
use callback_engine::Engine;
use callback_engine::access::Scope;
use callback_engine::engine::requests::Creation;
use callback_engine::ledger::Actor;
use callback_engine::simulator::{Habits, work_the_floor};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Nobody works for this one, so that what a reader creates stays where it can be looked at.
const HOTLINE: &str = "sip:smoky.car@dev.local";
const WORKED: [(&str, &str); 2] =
    [("Sales", "sip:sales@dev.local"), ("Support", "sip:support@dev.local")];
const NAMES: [&str; 6] = ["Ada", "Ben", "Chloe", "Dario", "Elif", "Finn"];

/// Seeds what is missing, lets the floor work, and prints what to try.
pub(crate) async fn start(
    engine: &Engine,
    address: SocketAddr,
    seed: u64,
) -> anyhow::Result<JoinSet<()>> {
    let hotline = service(engine, "Smoky Car", HOTLINE).await?;
    let mut worked = Vec::new();
    for (name, sip) in WORKED {
        worked.push(service(engine, name, sip).await?);
    }
    user(engine, "Mona Manual", &[hotline], "Push").await?;
    let mut workers = Vec::new();
    for (index, name) in NAMES.into_iter().enumerate() {
        let distribution = if index == 0 { "Pull" } else { "Push" };
        workers.push(user(engine, name, &worked, distribution).await?);
    }
    let mut floor = work_the_floor(engine, workers, Habits::default(), seed);
    floor.spawn(arrivals(engine.clone()));
    print_what_to_try(address);
    Ok(floor)
}

async fn service(engine: &Engine, name: &str, sip: &str) -> anyhow::Result<ServiceId> {
    let known = engine.store().services().await?;
    if let Some(known) = known.into_iter().find(|known| known.sip_uri.as_str() == sip) {
        return Ok(known.id);
    }
    let body = json!({
        "Name": name, "SipUri": sip, "DirectionType": "InboundOutbound",
        "PreviewTimeInSeconds": 5, "AfterCallWorkInSeconds": 5, "MaxDialoutTimeInSeconds": 15,
    });
    let request =
        ServiceRequest::read(&body).context("the demonstration's service is not valid")?;
    Ok(engine.create_service(Actor::Operator, request).await?.id)
}

async fn user(
    engine: &Engine,
    name: &str,
    services: &[ServiceId],
    distribution: &str,
) -> anyhow::Result<AgentId> {
    let sip = format!("sip:{}@dev.local", name.to_lowercase().replace(' ', "."));
    let known = engine.store().agents().await?;
    if let Some(known) = known.into_iter().find(|known| known.sip_uri.as_str() == sip) {
        return Ok(known.id);
    }
    let services: Vec<String> = services.iter().map(ToString::to_string).collect();
    let body =
        json!({"Name": name, "SipUri": sip, "Services": services, "Distribution": distribution});
    let request = UserRequest::read(&body).context("the demonstration's user is not valid")?;
    Ok(engine.create_agent(Actor::Operator, request).await?.id)
}

/// Customers ask to be called, now and then, for good.
async fn arrivals(engine: Engine) {
    for number in 0_u64.. {
        let body = arrival(number);
        let creation = Creation {
            creator: Creator::WfActivity,
            initiator: None,
            idempotency: None,
            dry_run: false,
            within: Scope::All,
        };
        let request = CreateRequest::read(&body, false);
        if let Err(error) = engine.create(Actor::Operator, request, creation).await {
            tracing::debug!(%error, "a demonstration customer was refused");
        }
        sleep(Duration::from_millis(1_500 + number * 977 % 4_000)).await;
    }
}

/// One customer; every fourth wants to be called later, and some lines come back.
fn arrival(number: u64) -> Value {
    let (_, sip) = WORKED[usize::from(number.is_multiple_of(2))];
    let level = u8::try_from(number * 5 % 9).unwrap_or(0);
    let priority = Priority::from_level(level).unwrap_or_default();
    json!({
        "ServiceSip": sip,
        "Target": format!("tel:+41785550{:03}", number * 37 % 300),
        "Priority": priority.name(),
        "SecondsBetweenRetries": 20,
        "MaxRetries": 2,
        "LeftInQueueTimeInSeconds": 300,
        "Description": "asked the demonstration to be called back",
    })
}

#[expect(clippy::print_stdout, reason = "the demonstration tells its reader what to try")]
fn print_what_to_try(address: SocketAddr) {
    println!(
        r#"
The demonstration floor is at work on http://{address}

Look at it in a browser:
  http://{address}/console/board

Watch it:
  curl -s http://{address}/v1.0/services
  curl -s http://{address}/v1.0/users
  curl -s -X POST http://{address}/v1.0/callbacks/search -H 'Content-Type: application/json' -d '{{"State":"Processing"}}'

Ask to be called back by a service that nobody works for, and follow it:
  curl -s -X POST http://{address}/v1.0/callbacks -H 'Content-Type: application/json' \
    -d '{{"Target":"sip:smoky.qq@dev.local","SecondsBetweenRetries":0,"Priority":"StrictPriority","ServiceSip":"{HOTLINE}"}}'
  curl -s http://{address}/v1.0/callbacks/ID
  curl -s http://{address}/v1.0/callbacks/ID/explain
  curl -s -X POST http://{address}/v1.0/callbacks/search -H 'Content-Type: application/json' -d '{{"ServiceSip":"{HOTLINE}"}}'
  curl -s -X POST http://{address}/v1.0/callbacks/ID/cancel

Stop with Ctrl-C.
"#
    );
}
