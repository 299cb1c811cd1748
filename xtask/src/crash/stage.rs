//! The services and users of a round.

use serde_json::{Value, json};

use super::client::Client;
use super::random::Random;

/// How the services differ: their caps of sessions.
const CAPS: [Option<u32>; 3] = [None, Some(12), None];

/// A service, and its cap of sessions.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) cap: Option<u32>,
}

/// A user, and how tasks reach them.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) pulls: bool,
}

/// Who and what a round has.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) services: Vec<Service>,
    pub(crate) users: Vec<User>,
}

impl Stage {
    /// Makes everything, before anything is broken.
    pub(crate) fn set(client: &mut Client, agents: usize, seed: u64) -> anyhow::Result<Self> {
        let mut services = Vec::new();
        for (number, cap) in CAPS.into_iter().enumerate() {
            let body = json!({
                "Name": format!("Hotline {number}"),
                "SipUri": format!("sip:hotline.{number}@dev.local"),
                "DirectionType": "InboundOutbound",
                "MaxConcurrentOutboundSessions": cap,
                "MaxQueueTimeInSeconds": 900,
                "SecondsBetweenRetries": 1,
                "RonaTimeoutInSeconds": 5,
                "PreviewTimeInSeconds": 0,
                "MaxDialoutTimeInSeconds": 40,
                "AfterCallWorkInSeconds": 0,
            });
            services.push(Service { id: make(client, "/v1.0/services", &body)?, cap });
        }
        let mut random = Random::new(seed, u64::MAX);
        let mut users = Vec::new();
        for number in 0..agents {
            // One service, two, or all of them.
            let first = random.below(3);
            let wanted = random.between(1, 3);
            let own: Vec<&str> = (0_u64..)
                .zip(&services)
                .filter(|(index, _)| (index + 3 - first) % 3 < wanted)
                .map(|(_, service)| service.id.as_str())
                .collect();
            let pulls = number % 4 != 3;
            let body = json!({
                "Name": format!("Agent {number}"),
                "SipUri": format!("sip:agent.{number}@dev.local"),
                "Services": own,
                "Distribution": if pulls { "Pull" } else { "Push" },
                "Presence": "Available",
            });
            users.push(User { id: make(client, "/v1.0/users", &body)?, pulls });
        }
        // Whatever is drawn, every service has somebody.
        let all: Vec<&str> = services.iter().map(|service| service.id.as_str()).collect();
        let body = json!({
            "Name": "Everybody's agent", "SipUri": "sip:agent.all@dev.local", "Services": all,
            "Distribution": "Pull", "Presence": "Available",
        });
        users.push(User { id: make(client, "/v1.0/users", &body)?, pulls: true });
        Ok(Self { services, users })
    }
}

fn make(client: &mut Client, path: &str, body: &Value) -> anyhow::Result<String> {
    let Ok(made) = client.post(path, body) else {
        anyhow::bail!("failed to make something at {path}: there was no answer");
    };
    let Some(id) = made.body["Id"].as_str().filter(|_| made.status == 201) else {
        anyhow::bail!("failed to make something at {path}: {} {}", made.status, made.body);
    };
    Ok(id.to_owned())
}
