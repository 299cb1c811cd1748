//! Callbacks that are all due in the same second: how long until the last is in the queue, and how
//! creations are answered meanwhile.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::floor::Floor;
use super::load::{Load, Measured};
use super::scenario::Scenario;
use super::served::Served;
use super::wire::Wire;

/// Callbacks of one request while they are made.
const BATCH: usize = 500;
/// How many are made each second at least, so that all are there before they are due.
const FILLED_PER_SECOND: usize = 6_000;
/// What is added to that.
const LEAD: Duration = Duration::from_secs(5);
/// How long to rest between looks at the last.
const REST: Duration = Duration::from_millis(50);

/// What was measured.
#[derive(Debug)]
pub(super) struct Burst {
    pub(super) due: usize,
    pub(super) clients: usize,
    /// From the second in which they were due to the moment when all were in the queue.
    pub(super) queued: Duration,
    /// The creations meanwhile.
    pub(super) measured: Measured,
}

/// A callback, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    id: Uuid,
    phase: String,
}

/// The answer to a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    results: Vec<Made>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    callback: Shown,
}

/// Makes callbacks for one second in the future, waits for it, and watches what happens then.
pub(super) async fn measure(
    served: &Served,
    floor: Floor,
    due: usize,
    clients: usize,
) -> anyhow::Result<Burst> {
    let lead = LEAD + Duration::from_secs((due / FILLED_PER_SECOND) as u64);
    let at = DateTime::<Utc>::from(SystemTime::now() + lead).trunc_subsecs(0);
    let last = fill(served, &floor, due, at).await?;
    let begins = SystemTime::from(at);
    let left = begins.duration_since(SystemTime::now()).ok();
    sleep(left.context("the callbacks were due before all of them were made")?).await;
    let mut wire = Wire::connect(served.address()).await?;
    let path = format!("/v1.0/callbacks/{last}");
    let search = json!({
        "ServiceId": floor.service, "Phase": "Pending", "Limit": 1, "EndDate": "2099-01-01T00:00:00Z"
    });
    let search = search.to_string();
    let queued = Rc::new(Cell::new(Duration::ZERO));
    let noted = Rc::clone(&queued);
    let over = async move {
        let began = Instant::now();
        loop {
            let status = wire.ask("GET", &path, b"").await?;
            ensure!(status == 200, "a read was answered {status}");
            let shown: Shown = serde_json::from_slice(wire.body())?;
            if shown.phase == "InQueue" {
                noted.set(began.elapsed());
                break;
            }
            sleep(REST).await;
        }
        let status = wire.ask("POST", "/v1.0/callbacks/search", search.as_bytes()).await?;
        ensure!(status == 200 && wire.body() == b"[]", "the last entered the queue before others");
        Ok(())
    };
    let load = Load { scenario: Scenario::Create, clients, warm_up: Duration::ZERO, time: REST };
    let measured = load.run_until(Rc::new(floor), served, over).await?;
    Ok(Burst { due, clients, queued: queued.get(), measured })
}

/// Makes callbacks that are due then; answers the last of them in the order of the queue.
async fn fill(
    served: &Served,
    floor: &Floor,
    due: usize,
    at: DateTime<Utc>,
) -> anyhow::Result<Uuid> {
    let mut wire = Wire::connect(served.address()).await?;
    let bar = super::load::bar(due as u64, "filling");
    let (mut last, mut number) = (Uuid::nil(), 0);
    while number < due {
        let size = BATCH.min(due - number);
        let items: Vec<_> = (number..number + size)
            .map(|number| {
                json!({
                    "Target": format!("tel:+4177{number:08}"), "ServiceId": floor.service,
                    "DueDate": at.to_rfc3339(), "Description": "due with all others",
                })
            })
            .collect();
        let body = json!({ "Items": items }).to_string();
        let status = wire.ask("POST", "/v1.0/callbacks/batch", body.as_bytes()).await?;
        ensure!(status == 200, "a batch was answered {status}");
        let made: Batch = serde_json::from_slice(wire.body()).context("a batch cannot be read")?;
        last = made.results.iter().map(|made| made.callback.id).chain([last]).max().unwrap_or(last);
        number += size;
        bar.inc(size as u64);
    }
    bar.finish_and_clear();
    Ok(last)
}
