//! How things stand at the moment of a scrape.

use std::time::Duration;

use callback_domain::service::Service;
use callback_engine::Error;
use callback_engine::commits::{Commits, SIZES};
use callback_engine::insight::QueueInsight;
use callback_engine::ledger::Actor;
use callback_engine::webhook::{Order, Reply};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::timeout;

use super::Labels;
use crate::router::Api;

/// How long the store may take to tell how its queues stand.
const PATIENCE: Duration = Duration::from_secs(5);

/// Registers gauges with their present values.
pub(super) async fn register(api: &Api, registry: &mut Registry) {
    let read = timeout(PATIENCE, queues(api)).await;
    let queues = match read {
        Ok(Ok(queues)) => Some(queues),
        Ok(Err(error)) => {
            tracing::warn!(%error, "failed to read how the queues stand");
            None
        }
        Err(_) => {
            tracing::warn!("the store was too slow in telling how the queues stand");
            None
        }
    };
    let fault = Gauge::<i64>::default();
    fault.set(i64::from(queues.is_none() || api.engine.store().fault().is_some()));
    registry.register("store_fault", "1 while the store refuses writes or reads", fault);
    let purged = ConstCounter::new(api.engine.purged());
    registry.register("purged", "Callbacks removed by this process after their retention", purged);
    registry.register_collector(Box::new(Batches::of(api.engine.store().commits())));
    let readers = Gauge::<i64>::default();
    readers.set(whole(u64::try_from(api.tail.readers()).unwrap_or(u64::MAX)));
    registry.register("event_readers", "Open streams of events", readers);
    show(registry, queues.as_deref().unwrap_or_default());
    match timeout(PATIENCE, outbox(api)).await {
        Ok(Ok((pending, lag))) => show_outbox(registry, pending, lag),
        Ok(Err(error)) => tracing::warn!(%error, "failed to read how deliveries stand"),
        Err(_) => tracing::warn!("the store was too slow in telling how deliveries stand"),
    }
}

/// Commits by how many commands shared them.
#[derive(Debug)]
struct Batches {
    buckets: Vec<(f64, u64)>,
    commands: f64,
}

impl Batches {
    fn of(commits: &Commits) -> Self {
        let bounds = SIZES.into_iter().map(f64::from).chain([f64::INFINITY]);
        let buckets = bounds.zip(commits.by_size()).collect();
        let half = |bits: u64| u32::try_from(bits).map_or(f64::MAX, f64::from);
        let all = commits.commands();
        let commands = half(all >> 32).mul_add(4_294_967_296.0, half(all & 0xffff_ffff));
        Self { buckets, commands }
    }
}

impl Collector for Batches {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let meaning = "Commands that shared one commit";
        let kind = MetricType::Histogram;
        let mut encoder = encoder.encode_descriptor("commit_batch_size", meaning, None, kind)?;
        let commits = self.buckets.iter().map(|(_, commits)| commits).sum();
        encoder.encode_histogram::<NoLabelSet>(self.commands, commits, &self.buckets, None)
    }
}

/// Deliveries that are pending, and the age in seconds of the oldest event among them.
async fn outbox(api: &Api) -> Result<(u64, u64), Error> {
    let reply = api.engine.webhooks(Actor::Operator, Order::Standing).await?;
    let Reply::Standing(standing) = reply else {
        unreachable!("how deliveries stand has an answer of its own")
    };
    let now = api.engine.now().await?;
    let age = standing.oldest.map_or(0, |oldest| (now - oldest).num_seconds());
    Ok((standing.pending, u64::try_from(age).unwrap_or(0)))
}

fn show_outbox(registry: &mut Registry, pending: u64, lag: u64) {
    let (waiting, age) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    waiting.set(whole(pending));
    age.set(whole(lag));
    let meaning = "Deliveries to enabled webhooks that are not settled";
    registry.register("outbox_pending", meaning, waiting);
    let meaning = "Age of the oldest event that is to reach an enabled webhook, 0 without one";
    registry.register_with_unit("outbox_lag", meaning, Unit::Seconds, age);
}

async fn queues(api: &Api) -> Result<Vec<(Service, QueueInsight)>, Error> {
    let mut queues = Vec::new();
    for service in api.engine.store().services().await? {
        match api.engine.insight(service.id).await {
            Ok(insight) => queues.push((service, *insight)),
            // Removed meanwhile.
            Err(Error::ServiceNotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(queues)
}

fn show(registry: &mut Registry, queues: &[(Service, QueueInsight)]) {
    let names = Family::<Labels<2>, Gauge>::default();
    let open = Family::<Labels<1>, Gauge>::default();
    let waiting = Family::<Labels<2>, Gauge>::default();
    let oldest = Family::<Labels<1>, Gauge>::default();
    let sessions = Family::<Labels<1>, Gauge>::default();
    let agents = Family::<Labels<2>, Gauge>::default();
    for (service, queue) in queues {
        let key = [("service", queue.service_id.to_string())];
        let [of] = key.clone();
        names.get_or_create(&[of.clone(), ("name", service.name.clone())]).set(1);
        open.get_or_create(&key).set(i64::from(queue.open));
        for level in &queue.waiting_by_priority {
            let priority = ("priority", level.priority.to_owned());
            waiting.get_or_create(&[of.clone(), priority]).set(whole(level.waiting));
        }
        let age = queue.oldest_wait_in_seconds.unwrap_or(0);
        oldest.get_or_create(&key).set(whole(age));
        sessions.get_or_create(&key).set(i64::from(queue.live_sessions));
        for (state, number) in [
            ("Ready", queue.agents.ready),
            ("Occupied", queue.agents.occupied),
            ("AfterCallWork", queue.agents.after_call_work),
            ("Rona", queue.agents.rona),
            ("Away", queue.agents.away),
        ] {
            let state = ("state", state.to_owned());
            agents.get_or_create(&[of.clone(), state]).set(i64::from(number));
        }
    }
    registry.register("service_name", "Always 1; the name of a service", names);
    registry.register("service_open", "1 while the service is open", open);
    registry.register("queue_waiting", "Callbacks in the queue", waiting);
    let age = "The longest that anything has been in the queue, 0 when it is empty";
    registry.register_with_unit("queue_oldest_wait", age, Unit::Seconds, oldest);
    registry.register("live_sessions", "Callbacks offered or called", sessions);
    registry.register("agents", "Agents by what they can do", agents);
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
