//! What a client asks, over and over.

use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::floor::{Floor, Made};
use super::load::Tally;
use super::wire::Wire;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Scenario {
    /// Callbacks are made.
    Create,
    /// One callback is read.
    Get,
    /// The first 20 of a service are searched for.
    Search,
    /// A callback is made, one is taken, and its outcome reported, as an automated dialler works.
    Cycle,
    /// Ten requests: five reads, two searches, and one of each of a cycle.
    Mixed,
}

impl Scenario {
    pub(super) const ALL: [Self; 5] =
        [Self::Create, Self::Get, Self::Search, Self::Cycle, Self::Mixed];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::Search => "search",
            Self::Cycle => "cycle",
            Self::Mixed => "mixed",
        }
    }
}

/// The task that an agent was given, as far as it is needed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given<'a> {
    callback: Made,
    lease_token: &'a str,
}

/// One client at work.
#[derive(Debug)]
pub(super) struct Client {
    floor: Rc<Floor>,
    wire: Wire,
    number: usize,
    made: u64,
    known: Uuid,
    search: String,
    next: String,
}

impl Client {
    /// Connects, and makes a callback to read.
    pub(super) async fn begin(floor: Rc<Floor>, number: usize) -> anyhow::Result<Self> {
        let wire = Wire::connect(floor.address).await?;
        let search = json!({"ServiceId": floor.service, "Limit": 20}).to_string();
        let next = format!("/v1.0/users/{}/next", floor.agents[number]);
        let mut client = Self { floor, wire, number, made: 0, known: Uuid::nil(), search, next };
        client.known = client.make().await?;
        Ok(client)
    }

    /// Asks once; each request is noted under its name.
    pub(super) async fn ask(
        &mut self,
        scenario: Scenario,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        match scenario {
            Scenario::Create => self.create(tally).await,
            Scenario::Get => self.get(tally).await,
            Scenario::Search => self.search(tally).await,
            Scenario::Cycle => {
                self.create(tally).await?;
                self.take_and_report(tally).await
            }
            Scenario::Mixed => {
                self.create(tally).await?;
                for _ in 0..2 {
                    self.get(tally).await?;
                    self.search(tally).await?;
                    self.get(tally).await?;
                }
                self.get(tally).await?;
                self.take_and_report(tally).await
            }
        }
    }

    async fn create(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        let began = Instant::now();
        self.make().await?;
        tally.note("create", began);
        Ok(())
    }

    /// Makes a callback with a request of about 400 bytes, each to another number.
    async fn make(&mut self) -> anyhow::Result<Uuid> {
        self.made += 1;
        let (client, made, mark) = (self.number, self.made, &self.floor.mark);
        let body = format!(
            "{{\"Target\":\"tel:+4178{client:03}{made:07}\",\"ServiceId\":\"{service}\",\
             \"Priority\":\"Normal\",\"MaxRetries\":3,\"SecondsBetweenRetries\":300,\
             \"ExternalTaskId\":\"bench-{mark}-{client}-{made}\",\
             \"ContextUrl\":\"https://crm.example/customers/{client}/orders/{made}?from=callback\",\
             \"Description\":\"asked to be called back about an order that has not arrived, and \
             about the bill that came in its place\",\"CallerId\":\"tel:+41445556677\"}}",
            service = self.floor.service,
        );
        let status = self.wire.ask("POST", "/v1.0/callbacks", body.as_bytes()).await?;
        self.expect(status, 201, "a creation")?;
        let made: Made = serde_json::from_slice(self.wire.body())?;
        Ok(made.id)
    }

    async fn get(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        let path = format!("/v1.0/callbacks/{}", self.known);
        let began = Instant::now();
        let status = self.wire.ask("GET", &path, b"").await?;
        tally.note("get", began);
        self.expect(status, 200, "a read")
    }

    async fn search(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        let began = Instant::now();
        let status =
            self.wire.ask("POST", "/v1.0/callbacks/search", self.search.as_bytes()).await?;
        tally.note("search", began);
        self.expect(status, 200, "a search")
    }

    /// Takes whatever is next, until there is something, and says that the customer was spoken to.
    async fn take_and_report(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        let status = loop {
            let began = Instant::now();
            let status = self.wire.ask("POST", &self.next, b"").await?;
            tally.note("next", began);
            if status != 204 {
                break status;
            }
        };
        self.expect(status, 200, "the next task")?;
        let given: Given<'_> =
            serde_json::from_slice(self.wire.body()).context("a task cannot be read")?;
        let path = format!("/v1.0/callbacks/{}/outcome", given.callback.id);
        let token = given.lease_token;
        let body = format!("{{\"LeaseToken\":\"{token}\",\"Outcome\":\"Completed\"}}");
        let began = Instant::now();
        let status = self.wire.ask("POST", &path, body.as_bytes()).await?;
        tally.note("outcome", began);
        self.expect(status, 200, "an outcome")
    }

    fn expect(&self, status: u16, expected: u16, what: &str) -> anyhow::Result<()> {
        let said = String::from_utf8_lossy(self.wire.body());
        ensure!(status == expected, "{what} was answered {status}: {said}");
        Ok(())
    }
}
