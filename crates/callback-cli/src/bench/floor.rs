//! What a load needs to be there: a service, an agent for each client, and what waits.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::wire::Wire;

const SERVICE: &str = "sip:bench@bench.invalid";
/// Callbacks of one request while a queue is filled.
const BATCH: usize = 500;
/// How long to rest between looks at whether everything is in the queue.
const REST: Duration = Duration::from_millis(100);

/// The answer to a creation, as far as it is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    #[serde(rename = "Id")]
    pub(super) id: Uuid,
}

/// A prepared service.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) address: SocketAddr,
    pub(super) service: Uuid,
    pub(super) agents: Vec<Uuid>,
    /// Tells what this load makes from what was there.
    pub(super) mark: String,
}

impl Floor {
    /// Makes, or finds, a service without preview and an agent who pulls for each client.
    pub(super) async fn prepare(address: SocketAddr, clients: usize) -> anyhow::Result<Self> {
        let mut wire = Wire::connect(address).await?;
        let wanted = json!({
            "Name": "Bench", "SipUri": SERVICE, "DirectionType": "Outbound",
            "PreviewTimeInSeconds": 0, "AfterCallWorkInSeconds": 0,
            "MaxQueueTimeInSeconds": 172_800
        });
        let service = made_or_found(&mut wire, "/v1.0/services", &wanted).await?;
        let mut agents = Vec::with_capacity(clients);
        for number in 0..clients {
            let wanted = json!({
                "Name": format!("Bench {number}"),
                "SipUri": format!("sip:bench-{number}@bench.invalid"),
                "Services": [service], "Distribution": "Pull", "Presence": "Available"
            });
            agents.push(made_or_found(&mut wire, "/v1.0/users", &wanted).await?);
        }
        let mark = format!("{:08x}", std::process::id());
        Ok(Self { address, service, agents, mark })
    }

    /// Makes callbacks that wait and such that are not yet due, and waits until those wait.
    pub(super) async fn fill(&self, waiting: usize, future: usize) -> anyhow::Result<()> {
        let mut wire = Wire::connect(self.address).await?;
        let bar = super::load::bar((waiting + future) as u64, "filling");
        for (count, due) in [(future, Some("2100-01-01T00:00:00Z")), (waiting, None)] {
            let mut number = 0;
            while number < count {
                let size = BATCH.min(count - number);
                let items: Vec<Value> = (number..number + size)
                    .map(|number| {
                        json!({
                            "Target": format!("tel:+4179{number:08}"), "DueDate": due,
                            "ServiceId": self.service, "Description": "waiting",
                        })
                    })
                    .collect();
                let body = json!({ "Items": items }).to_string();
                let status = wire.ask("POST", "/v1.0/callbacks/batch", body.as_bytes()).await?;
                ensure!(status == 201 || status == 200, "a batch was answered {status}");
                number += size;
                bar.inc(size as u64);
            }
        }
        bar.finish_and_clear();
        if waiting == 0 {
            return Ok(());
        }
        let body = json!({"ServiceId": self.service, "Phase": "Pending", "Limit": 1,
            "EndDate": "2099-01-01T00:00:00Z"});
        let body = body.to_string();
        loop {
            let status = wire.ask("POST", "/v1.0/callbacks/search", body.as_bytes()).await?;
            ensure!(status == 200, "a search was answered {status}");
            if wire.body() == b"[]" {
                return Ok(());
            }
            sleep(REST).await;
        }
    }
}

/// Makes something of the directory, or answers the one with its address.
async fn made_or_found(wire: &mut Wire, path: &str, wanted: &Value) -> anyhow::Result<Uuid> {
    let status = wire.ask("POST", path, wanted.to_string().as_bytes()).await?;
    if status == 201 {
        let made: Made = serde_json::from_slice(wire.body())?;
        return Ok(made.id);
    }
    let refusal = String::from_utf8_lossy(wire.body()).into_owned();
    ensure!(wire.ask("GET", path, b"").await? == 200, "{path} was answered {status}: {refusal}");
    let all: Vec<Value> = serde_json::from_slice(wire.body())?;
    let found = all.iter().find(|found| found["SipUri"] == wanted["SipUri"]);
    let id = found.and_then(|found| found["Id"].as_str()?.parse().ok());
    id.with_context(|| format!("{path} was answered {status}: {refusal}"))
}
