//! What breaks, and when: processes and databases are killed and started again.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::processes::Node;
use super::random::Random;
use super::report::Damage;
use crate::postgres::Cluster;

/// How long until the next process is killed, in milliseconds.
const BETWEEN: (u64, u64) = (1_000, 3_000);
/// How long a killed process stays away, in milliseconds.
const AWAY: (u64, u64) = (100, 1_500);
/// How long a killed database stays away, in milliseconds.
const DATABASE_AWAY: (u64, u64) = (200, 2_500);
/// How long until the first database is killed, and how long between two.
const DATABASE_EVERY: Duration = Duration::from_secs(20);
const FIRST_DATABASE: Duration = Duration::from_secs(7);

/// Breaks things until it is told that it is over.
pub(crate) fn rage(
    nodes: &mut [Node],
    cluster: Option<&Cluster>,
    random: &mut Random,
    is_over: impl Fn() -> bool,
) -> anyhow::Result<Damage> {
    let mut damage = Damage::default();
    let mut database_at = Instant::now() + FIRST_DATABASE;
    loop {
        let next = Instant::now() + millis(random, BETWEEN);
        while Instant::now() < next {
            if is_over() {
                return Ok(damage);
            }
            thread::sleep(Duration::from_millis(50));
        }
        if let Some(cluster) = cluster.filter(|_| Instant::now() >= database_at) {
            cluster.kill()?;
            damage.database_kills += 1;
            thread::sleep(millis(random, DATABASE_AWAY));
            cluster.restart().context("the killed database does not start")?;
            database_at = Instant::now() + DATABASE_EVERY;
            continue;
        }
        let chosen = random.below(nodes.len() as u64);
        let Some(node) = usize::try_from(chosen).ok().and_then(|node| nodes.get_mut(node)) else {
            continue;
        };
        node.kill();
        damage.node_kills += 1;
        thread::sleep(millis(random, AWAY));
        let took = node.start().context("a killed process does not start")?;
        damage.slowest_start = damage.slowest_start.max(took);
    }
}

fn millis(random: &mut Random, (least, most): (u64, u64)) -> Duration {
    Duration::from_millis(random.between(least, most))
}
