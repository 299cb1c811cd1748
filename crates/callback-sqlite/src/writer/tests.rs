use std::sync::atomic::{AtomicUsize, Ordering};

use callback_domain::attempt::DriverCaps;
use callback_domain::date;
use callback_domain::id::{NodeId, ServiceId};
use callback_domain::service::{DirectionType, Service};
use callback_domain::target::TargetKey;
use callback_engine::clock::SystemClock;
use callback_engine::command::What;
use callback_engine::ledger::Actor;
use callback_engine::mint::{Mint, Site};
use callback_engine::suppression::Suppression;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{Options, connect};

struct Desk {
    at_work: AtWork,
    site: Arc<Site>,
    _folder: TempDir,
}

impl Desk {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options::new(Arc::new(SystemClock));
        let connection =
            connect::writer(&folder.path().join("callback.db"), &options).expect("it opens");
        let health = Arc::new(Health::new(options.clock));
        let recent = Arc::<Recent>::default();
        let cache = Cache::beside(Arc::clone(&recent));
        let at_work = AtWork { connection, cache, recent, health };
        let caps = DriverCaps {
            places_calls: false,
            reports_progress: false,
            can_cancel: false,
            survives_restart: true,
            human_reports: true,
        };
        let node = NodeId::from_u128(1);
        let site = Site { node, driver: "manual".to_owned(), caps, mint: Mint::seeded(1) };
        Self { at_work, site: Arc::new(site), _folder: folder }
    }

    fn command(&self, what: What) -> Box<Command> {
        Box::new(Command { actor: Actor::Operator, site: Arc::clone(&self.site), what })
    }

    fn service(&self, number: u128, address: &str) -> Box<Command> {
        let service = Service::new(
            ServiceId::from_u128(number),
            format!("Service {number}"),
            address.parse().expect("the address is valid"),
            DirectionType::Outbound,
            date::EARLIEST,
        );
        self.command(What::CreateService(Box::new(service)))
    }

    fn suppression(&self, number: u128) -> Box<Command> {
        self.command(What::Suppress(vec![Suppression {
            sequence: 0,
            id: Uuid::from_u128(number),
            key: TargetKey::from_stored(format!("+4178555{number:04}")),
            service_id: None,
            reason: None,
            until: None,
            created_at: date::EARLIEST,
        }]))
    }

    fn count_commits(&mut self) -> Arc<AtomicUsize> {
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        let hook = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        self.at_work.connection.commit_hook(Some(hook)).expect("the hook is taken");
        commits
    }

    fn number(&self, sql: &str) -> i64 {
        self.at_work.connection.query_row(sql, [], |row| row.get(0)).expect("it is counted")
    }
}

#[test]
fn commands_that_wait_are_committed_together() {
    let mut desk = Desk::open();
    let commits = desk.count_commits();
    let commands: Vec<_> =
        (1..=100).map(|n| desk.service(n, &format!("sip:s{n}@dev.local"))).collect();
    let answers = desk.at_work.run_all(&commands);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(commits.load(Ordering::Relaxed), 1);
    assert_eq!(desk.number("SELECT count(*) FROM services"), 100);
}

#[test]
fn a_refused_command_does_not_disturb_its_neighbours() {
    let mut desk = Desk::open();
    let commits = desk.count_commits();
    let commands = [
        desk.service(1, "sip:one@dev.local"),
        desk.service(2, "sip:one@dev.local"),
        desk.service(3, "sip:three@dev.local"),
    ];
    let answers = desk.at_work.run_all(&commands);
    assert!(matches!(&answers[..], [Ok(_), Err(Error::AddressTaken(_)), Ok(_)]), "{answers:?}");
    assert_eq!(commits.load(Ordering::Relaxed), 1);
    assert_eq!(desk.number("SELECT count(*) FROM history"), 2);
}

#[test]
fn a_command_that_fails_in_the_rows_costs_its_neighbours_nothing_but_the_company() {
    let mut desk = Desk::open();
    let first = [desk.suppression(7)];
    assert!(desk.at_work.run_all(&first)[0].is_ok());
    let commits = desk.count_commits();
    let commands = [desk.service(1, "sip:one@dev.local"), desk.suppression(7), desk.suppression(8)];
    let answers = desk.at_work.run_all(&commands);
    assert!(
        matches!(
            &answers[..],
            [
                Ok(_),
                Err(Error::Store(StoreError::Unavailable { during: "writing a suppression", .. })),
                Ok(_)
            ]
        ),
        "{answers:?}"
    );
    assert_eq!(commits.load(Ordering::Relaxed), 2);
    assert_eq!(desk.number("SELECT count(*) FROM services"), 1);
    assert_eq!(desk.number("SELECT count(*) FROM suppressions"), 2);
    assert_eq!(desk.at_work.health.fault(), None);
}

#[test]
fn what_was_undone_is_not_remembered() {
    let mut desk = Desk::open();
    let commands = [desk.service(1, "sip:one@dev.local"), desk.suppression(7)];
    desk.at_work.connection.execute_batch("DROP TABLE suppressions").expect("it is dropped");
    let answers = desk.at_work.run_all(&commands[1..]);
    assert!(matches!(&answers[..], [Err(Error::Store(_))]), "{answers:?}");
    let mut both = desk.at_work.transact(&commands).map(|_| ());
    assert!(both.is_err(), "the second one fails both");
    assert_eq!(desk.number("SELECT count(*) FROM services"), 0);
    let absent = desk.command(What::Insight { service: ServiceId::from_u128(1) });
    let answers = desk.at_work.run_all(&[absent]);
    assert!(matches!(&answers[..], [Err(Error::ServiceNotFound(_))]), "{answers:?}");
    both = desk.at_work.transact(&commands[..1]).map(|_| ());
    assert!(both.is_ok());
}

#[test]
fn a_commit_that_fails_for_no_known_reason_is_the_last() {
    let mut desk = Desk::open();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let hook = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    };
    desk.at_work.connection.commit_hook(Some(hook)).expect("the hook is taken");
    let commands = [desk.service(1, "sip:one@dev.local"), desk.service(2, "sip:two@dev.local")];
    let answers = desk.at_work.run_all(&commands);
    assert!(
        answers.iter().all(|answer| matches!(
            answer,
            Err(Error::Store(StoreError::Unavailable { during: "committing", .. }))
        )),
        "{answers:?}"
    );
    assert_eq!(commits.load(Ordering::Relaxed), 1, "it is not tried again");
    desk.at_work.connection.commit_hook(None::<fn() -> bool>).expect("the hook is removed");
    let answers = desk.at_work.run_all(&commands);
    assert!(
        answers.iter().all(|answer| matches!(
            answer,
            Err(Error::Store(StoreError::Unavailable { during: "an earlier write", .. }))
        )),
        "{answers:?}"
    );
    assert!(desk.at_work.health.fault().is_some());
    assert_eq!(desk.number("SELECT count(*) FROM services"), 0);
}

#[test]
fn a_lock_of_somebody_else_is_answered_once_for_the_whole_batch_and_then_forgotten() {
    let mut desk = Desk::open();
    let path = desk.at_work.connection.path().expect("it has a path").to_owned();
    desk.at_work.connection.busy_timeout(std::time::Duration::ZERO).expect("it is set");
    let other = Connection::open(path).expect("it opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock is free");
    let commands = [desk.service(1, "sip:one@dev.local"), desk.service(2, "sip:two@dev.local")];
    let answers = desk.at_work.run_all(&commands);
    assert!(
        answers.iter().all(|answer| matches!(
            answer,
            Err(Error::Store(StoreError::Unavailable { during: "beginning a transaction", .. }))
        )),
        "{answers:?}"
    );
    assert_eq!(desk.at_work.health.fault(), None);
    other.execute_batch("ROLLBACK").expect("the lock is let go");
    assert!(desk.at_work.run_all(&commands).iter().all(Result::is_ok));
}
