//! Access keys.

use std::sync::Arc;

use callback_domain::date;
use callback_domain::id::{AgentId, KeyId, ServiceId};
use callback_engine::access::{
    Credential, Digest, IDLE_SECONDS, Key, LIFE_SECONDS, MOST, Role, Session, SessionChange,
};
use callback_engine::clock::Clock;
use callback_engine::command::{Answer, NewKey, What};
use callback_engine::error::Error;
use callback_engine::ledger::Subject;
use callback_engine::store::Store;

use super::stage::{ADA, HOTLINE, Stage};

pub(super) fn key(stage: &Stage, number: u128, role: Role) -> Key {
    let digest = Credential::fresh(&stage.site.mint, stage.now()).digest();
    Key {
        id: KeyId::from_u128(number),
        name: format!("Schlüssel {number}"),
        role,
        agent: None,
        services: None,
        digest,
        created_at: stage.now(),
        created_by: "operator".to_owned(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        sessions: Vec::new(),
    }
}

pub(super) fn make(key: &Key) -> What {
    What::CreateKey(Box::new(NewKey { key: key.clone(), only_admin: false }))
}

async fn stored(stage: &Stage) -> Vec<Key> {
    stage.store.keys().await.expect("keys are read")
}

/// What was made is read back, first to last.
pub async fn a_key_is_read_back_whole(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    assert_eq!(stored(&stage).await, []);
    let plain = key(&stage, 1, Role::Admin);
    let agent = Key { agent: Some(ADA), ..key(&stage, 2, Role::Agent) };
    let scoped = Key {
        services: Some([HOTLINE].into()),
        expires_at: Some(date::add_seconds(stage.now(), 90)),
        ..key(&stage, 3, Role::Integrator)
    };
    for key in [&scoped, &plain, &agent] {
        assert_eq!(stage.run(make(key)).await, Answer::Key(Box::new(key.clone())));
    }
    assert_eq!(stored(&stage).await, [plain, agent, scoped]);
}

/// A revocation is for good and happens once; a later note of a use leaves it alone.
pub async fn a_revoked_key_stays_revoked_whatever_is_noted(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    let key = key(&stage, 1, Role::Integrator);
    stage.run(make(&key)).await;
    stage.pass(10);
    let revoked_at = Some(stage.now());
    let done = stage.done(What::RevokeKey { key: key.id }).await.expect("it is revoked");
    assert!(done.after.keys_edited, "other caches are told");
    stage.pass(10);
    let again = stage.done(What::RevokeKey { key: key.id }).await.expect("it stays revoked");
    assert_eq!((again.answer, again.after.lines), (done.answer, 0));
    stage.run(What::UseKeys(vec![(key.id, stage.now())])).await;
    let expected = Key { revoked_at, last_used_at: Some(stage.now()), ..key };
    assert_eq!(stored(&stage).await, [expected]);
    let unknown = stage.done(What::RevokeKey { key: KeyId::from_u128(9) }).await;
    assert!(matches!(unknown, Err(Error::KeyNotFound(_))), "{unknown:?}");
}

/// Several nodes note one use each, and one of them is written.
pub async fn a_use_is_written_once_a_minute(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    let [one, other] = [1, 2].map(|number| key(&stage, number, Role::Integrator));
    stage.run(make(&one)).await;
    stage.run(make(&other)).await;
    let first = stage.now();
    let unknown = (KeyId::from_u128(9), first);
    stage.run(What::UseKeys(vec![(one.id, first), (other.id, first), unknown])).await;
    let late = date::add_seconds(first, 60);
    stage.run(What::UseKeys(vec![(one.id, date::add_seconds(first, 59)), (other.id, late)])).await;
    let last: Vec<_> = stored(&stage).await.into_iter().map(|key| key.last_used_at).collect();
    assert_eq!(last, [Some(first), Some(late)]);
}

/// An administrator is only made as the first while there is no other whose key is active.
pub async fn the_first_admin_is_first(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    let first = |key| What::CreateKey(Box::new(NewKey { key, only_admin: true }));
    stage.run(make(&key(&stage, 1, Role::Supervisor))).await;
    let expires_at = Some(date::add_seconds(stage.now(), 60));
    stage.run(first(Key { expires_at, ..key(&stage, 2, Role::Admin) })).await;
    let second = stage.done(first(key(&stage, 3, Role::Admin))).await;
    assert_eq!(second, Err(Error::AdminKeyExists));
    assert_eq!(stored(&stage).await.len(), 2);
    stage.pass(60);
    stage.run(first(key(&stage, 3, Role::Admin))).await;
    stage.run(What::RevokeKey { key: KeyId::from_u128(3) }).await;
    stage.run(first(key(&stage, 4, Role::Admin))).await;
}

/// Services and users that there are not get no keys.
pub async fn a_key_names_what_there_is(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    stage.open(|_| {}).await;
    let services = Some([HOTLINE, ServiceId::from_u128(0x99)].into());
    let wrong = stage.done(make(&Key { services, ..key(&stage, 1, Role::Integrator) })).await;
    assert!(matches!(wrong, Err(Error::ServiceNotFound(_))), "{wrong:?}");
    let agent = Some(AgentId::from_u128(0x99));
    let wrong = stage.done(make(&Key { agent, ..key(&stage, 1, Role::Agent) })).await;
    assert!(matches!(wrong, Err(Error::UserNotFound(_))), "{wrong:?}");
    assert_eq!(stored(&stage).await, []);
}

/// A line for each key made and revoked, with the name and without a secret.
pub async fn what_happens_to_keys_is_in_the_ledger(
    open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>,
) {
    let stage = Stage::manual(open).await;
    let key = key(&stage, 1, Role::Integrator);
    stage.run(make(&key)).await;
    stage.run(What::UseKeys(vec![(key.id, stage.now())])).await;
    stage.run(What::RevokeKey { key: key.id }).await;
    let lines = stage.store.ledger(Some(Subject::Key(key.id)), 0, 10).await;
    let lines = lines.expect("the ledger is read");
    let told: Vec<_> = lines.iter().map(|line| (line.what.as_str(), line.service)).collect();
    assert_eq!(told, [("KeyCreated", None), ("KeyRevoked", None)]);
    assert_eq!(lines[0].details["Name"], "Schlüssel 1");
    assert_eq!(lines[0].details["Role"], "Integrator");
    let shown = format!("{lines:?}");
    assert!(!shown.contains(&String::from(key.digest.clone())), "{shown}");
    assert_eq!(stage.store.ledger(None, 0, 10).await.expect("the ledger is read"), lines);
}

/// A session is stored with its key, is over in time, and goes with the key.
pub async fn a_session_lives_with_its_key(open: &impl AsyncFn(Arc<dyn Clock>) -> Arc<dyn Store>) {
    let stage = Stage::manual(open).await;
    let key = key(&stage, 1, Role::Supervisor);
    stage.run(make(&key)).await;
    let secret = || Credential::fresh(&stage.site.mint, stage.now()).digest();
    let change = |change| What::Session { key: key.id, change };
    let [left, kept] = [secret(), secret()];
    for digest in [&left, &kept] {
        let done = stage.done(change(SessionChange::Open(digest.clone()))).await;
        assert!(done.expect("it begins").after.keys_edited, "other caches are told");
    }
    let began = stage.now();
    let session =
        |digest: &Digest, used_at| Session { digest: digest.clone(), opened_at: began, used_at };
    assert_eq!(stored(&stage).await[0].sessions, [session(&left, began), session(&kept, began)]);

    stage.pass(60);
    let done = stage.done(change(SessionChange::Use(kept.clone()))).await.expect("it is used");
    assert!(!done.after.keys_edited, "a use soon after another is not written");
    stage.pass(IDLE_SECONDS - 120);
    let used = stage.now();
    stage.run(change(SessionChange::Use(kept.clone()))).await;
    stage.pass(120);
    let known = stored(&stage).await.remove(0);
    assert_eq!(known.session(&left, stage.now()), None, "nobody used it");
    assert_eq!(known.session(&kept, stage.now()), Some(&session(&kept, used)));
    assert!(
        !session(&kept, date::add_seconds(began, LIFE_SECONDS))
            .is_open(date::add_seconds(began, LIFE_SECONDS))
    );

    let digests: Vec<_> = (0..MOST).map(|_| secret()).collect();
    for digest in &digests {
        stage.run(change(SessionChange::Open(digest.clone()))).await;
    }
    let known = stored(&stage).await.remove(0);
    assert_eq!(known.sessions.len(), MOST, "the one that rested longest made room");
    assert_eq!(known.session(&kept, stage.now()), None);
    stage.run(change(SessionChange::Close(digests[0].clone()))).await;
    assert_eq!(stored(&stage).await[0].sessions.len(), MOST - 1);

    stage.run(What::RevokeKey { key: key.id }).await;
    assert_eq!(stored(&stage).await[0].sessions, []);
    let late = stage.done(change(SessionChange::Open(secret()))).await;
    assert!(matches!(late, Err(Error::KeyNotFound(_))), "{late:?}");
}
