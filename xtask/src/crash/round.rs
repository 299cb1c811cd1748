//! One round: a store, its processes, the load, the agents, the damage, and the questions after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::checker::{self, Terms};
use super::client::Client;
use super::evidence;
use super::figures::Figures;
use super::floor::Worker;
use super::journal::Journal;
use super::load::Load;
use super::processes::{Addresses, Node};
use super::random::Random;
use super::report::{self, Damage};
use super::stage::Stage;
use super::{Args, StoreKind, time, weather};
use crate::postgres::Cluster;

/// Processes on one PostgreSQL.
const NODES: usize = 3;
/// Threads that create.
const CREATORS: u64 = 40;
/// How long everything may take to end, besides what each callback costs.
const PATIENCE: Duration = Duration::from_secs(180);
/// The slowest that a round may be.
const PATIENCE_EACH: Duration = Duration::from_millis(40);
/// How often it is told how far the round is.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How long a transaction on a shared database may take to be seen.
const GRACE: i64 = 2 * time::SECOND;

/// Runs a round; answers whether every rule held.
pub(crate) fn run(args: &Args, program: &Path, round: u64) -> anyhow::Result<bool> {
    let seed = args.seed.wrapping_add(round);
    let directory = Directory::create()?;
    let cluster = match args.store {
        StoreKind::Sqlite => None,
        StoreKind::Postgres => {
            let cluster =
                Cluster::start_durable("crash").context("failed to start a PostgreSQL")?;
            Some(cluster.context("no PostgreSQL is installed: apt-get install postgresql")?)
        }
    };
    let (database, count, grace) = match &cluster {
        Some(cluster) => (cluster.address().to_owned(), NODES, GRACE),
        None => (directory.0.join("callback.db").display().to_string(), 1, 0),
    };
    let addresses = Addresses::default();
    let mut nodes: Vec<Node> = (0..count)
        .map(|number| Node::new(number, program, &database, &directory.0, addresses.clone()))
        .collect();
    for node in &mut nodes {
        node.start()?;
    }
    let scene = Scene::set(args, addresses.clone(), seed)?;
    let (damage, worked) = scene.play(args, &mut nodes, cluster.as_ref(), seed)?;
    let running = addresses.running();
    let address = running.first().context("no process runs")?;
    let service = scene.stage.services.first().context("there is no service")?;
    let evidence = evidence::gather(address, &service.id)?;
    let told = scene.journal.told().clone();
    let terms = Terms { services: scene.stage.services.clone(), grace };
    let verdicts = checker::check(&evidence, &told, &terms);
    report::print_figures(&evidence, &told, &scene.figures, damage, worked);
    let hold = report::print_verdicts(&verdicts);
    if hold {
        directory.remove();
    } else {
        println!("  the logs of the processes are in {}", directory.0.display());
    }
    Ok(hold)
}

/// What the threads of a round share.
struct Scene {
    addresses: Addresses,
    stage: Arc<Stage>,
    journal: Arc<Journal>,
    figures: Arc<Figures>,
    /// Tells the agents to go home.
    over: Arc<AtomicBool>,
}

impl Scene {
    fn set(args: &Args, addresses: Addresses, seed: u64) -> anyhow::Result<Self> {
        let figures = Arc::new(Figures::new());
        let mut client =
            Client::new(addresses.clone(), Arc::clone(&figures), Random::new(seed, u64::MAX - 1));
        let stage = Arc::new(Stage::set(&mut client, args.agents, seed)?);
        Ok(Self {
            addresses,
            stage,
            journal: Arc::default(),
            figures: Arc::new(Figures::new()),
            over: Arc::default(),
        })
    }

    fn client(&self, seed: u64, part: u64) -> Client {
        let random = Random::new(seed, u64::MAX / 2 + part);
        Client::new(self.addresses.clone(), Arc::clone(&self.figures), random)
    }

    /// Lets everybody work while things break, until nothing is left to do.
    fn play(
        &self,
        args: &Args,
        nodes: &mut [Node],
        cluster: Option<&Cluster>,
        seed: u64,
    ) -> anyhow::Result<(Damage, Duration)> {
        let began = Instant::now();
        let load = Arc::new(Load {
            stage: Arc::clone(&self.stage),
            journal: Arc::clone(&self.journal),
            callbacks: args.callbacks,
            seed,
            next: AtomicU64::new(0),
            enough: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let agents = self.send_agents(seed);
        let creators: Vec<JoinHandle<()>> = (0..CREATORS)
            .map(|part| {
                let (load, mut client) = (Arc::clone(&load), self.client(seed, 1_000_000 + part));
                thread::spawn(move || load.create(&mut client))
            })
            .collect();
        let calm = Arc::new(AtomicBool::new(false));
        let watch = {
            let (load, calm) = (Arc::clone(&load), Arc::clone(&calm));
            let (mut client, figures) = (self.client(seed, 2_000_000), Arc::clone(&self.figures));
            let patience =
                PATIENCE + PATIENCE_EACH * u32::try_from(args.callbacks).unwrap_or(u32::MAX);
            thread::spawn(move || watch(&mut client, &load, &calm, &figures, patience))
        };
        let mut random = Random::new(seed, u64::MAX - 2);
        let damage = weather::rage(nodes, cluster, &mut random, || calm.load(Ordering::Relaxed));
        load.over.fetch_or(damage.is_err(), Ordering::Relaxed);
        let ended = watch.join();
        self.over.store(true, Ordering::Relaxed);
        for thread in creators.into_iter().chain(agents) {
            if thread.join().is_err() {
                bail!("a thread of the campaign broke");
            }
        }
        let Ok(ended) = ended else { bail!("the campaign's watch broke") };
        if !ended {
            println!("  not everything ended in the time given; see below");
        }
        Ok((damage?, began.elapsed()))
    }

    fn send_agents(&self, seed: u64) -> Vec<JoinHandle<()>> {
        (0_u64..)
            .zip(&self.stage.users)
            .map(|(part, user)| {
                let worker = Worker {
                    user: user.clone(),
                    client: self.client(seed, part),
                    journal: Arc::clone(&self.journal),
                    figures: Arc::clone(&self.figures),
                    over: Arc::clone(&self.over),
                };
                thread::spawn(move || worker.work())
            })
            .collect()
    }
}

/// Paces the load and ends the damage; answers whether everything came to its end in time.
fn watch(
    client: &mut Client,
    load: &Load,
    calm: &AtomicBool,
    figures: &Figures,
    patience: Duration,
) -> bool {
    let began = Instant::now();
    let backlog = (load.callbacks / 6).max(100);
    let mut tell_at = TELL_EVERY;
    while began.elapsed() < patience && !load.over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(250));
        let Some(live) = live(client) else { continue };
        if began.elapsed() >= tell_at {
            let (asked, seconds) = (load.asked(), began.elapsed().as_secs());
            println!("  after {seconds} s: {asked} asked for, {live} not ended");
            tell_at += TELL_EVERY;
        }
        load.enough.store(live > backlog, Ordering::Relaxed);
        if load.is_done() && live < backlog / 3 {
            figures.stop_watching();
            calm.store(true, Ordering::Relaxed);
            if live == 0 {
                return true;
            }
        }
    }
    load.over.store(true, Ordering::Relaxed);
    calm.store(true, Ordering::Relaxed);
    false
}

/// How many callbacks are not terminated.
fn live(client: &mut Client) -> Option<u64> {
    let mut live = 0;
    for state in ["Pending", "InQueue", "Processing"] {
        let found = client.post("/v1.0/callbacks/search", &json!({"State": state, "Limit": 1}));
        live += found.ok().filter(|answer| answer.status == 200)?.total?;
    }
    Some(live)
}

/// Where a round keeps its files.
struct Directory(PathBuf);

impl Directory {
    fn create() -> anyhow::Result<Self> {
        let path = env::temp_dir().join(format!("callback-crash-{}", process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path)
            .with_context(|| format!("failed to create {}", path.display()))?;
        Ok(Self(path))
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("failed to remove {}: {error}", self.0.display());
        }
    }
}
