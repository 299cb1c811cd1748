//! The courier: tells other nodes what was committed, and hears what they tell.
//!
//! It has a connection of its own, so that no commit waits for a notification; what piles up
//! while one is being sent goes with the next.
//! After a loss it does not know what it missed, and asks for a look at everything.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use callback_engine::hint::Hint;
use callback_engine::store::StoreError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::sleep;
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use crate::connection::Connector;
use crate::failure::{Failure, in_words};

/// The longest text of a hint; the database takes just under 8000 bytes.
const LONGEST_TEXT: usize = 7_900;
/// The least time between two hints.
const BETWEEN_HINTS: Duration = Duration::from_millis(20);
/// The pause before another connection is tried.
const PAUSE: Duration = Duration::from_millis(200);

const TELL: &str = "/* hints::TELL */ SELECT pg_notify($1, $2)";

/// One connection that tells and hears, and shows whether the database is there at all.
pub(crate) struct Courier {
    pub(crate) connector: Arc<Connector>,
    pub(crate) installation: Uuid,
    /// What this node's writers committed.
    pub(crate) outbox: UnboundedReceiver<Hint>,
    /// What this node's engine is to know.
    pub(crate) inbox: UnboundedSender<Hint>,
}

impl Courier {
    pub(crate) async fn run(mut self) {
        let mut first = true;
        loop {
            if let Err(error) = self.serve(first).await {
                tracing::debug!(%error, "no hints between nodes at present");
                self.connector.note_lost(error.to_string());
            }
            first = false;
            sleep(PAUSE).await;
        }
    }

    /// Tells and hears until the connection is lost.
    async fn serve(&mut self, first: bool) -> Result<(), StoreError> {
        let (client, mut connection) = self.connector.dial().await?;
        let own = AtomicI32::new(0);
        let hear = async {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(told))) => {
                        if told.process_id() != own.load(Ordering::Relaxed) {
                            hear(&self.inbox, &told);
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break lost(in_words(&error)),
                    None => break lost("the connection ended".to_owned()),
                }
            }
        };
        let channel = format!("callback_{}", self.installation.simple());
        let (outbox, inbox) = (&mut self.outbox, &self.inbox);
        let tell = async {
            self.connector.prepare_session(&client).await?;
            let process = "/* hints::serve */ SELECT pg_backend_pid()";
            let row = client.query_one(process, &[]).await;
            let row = row.map_err(|error| Failure::of("listening", &error).into_error())?;
            own.store(row.get(0), Ordering::Relaxed);
            let listen = client.batch_execute(&format!("LISTEN {channel}")).await;
            listen.map_err(|error| Failure::of("listening", &error).into_error())?;
            if !first {
                inbox.send(Hint::of_anything()).ok();
            }
            tell(&client, &channel, outbox).await
        };
        tokio::select! {
            lost = hear => Err(lost),
            told = tell => told,
            failed = crate::snapshots::watch(&client) => match failed {
                Err(error) => Err(error),
                Ok(never) => match never {},
            },
            silent = self.connector.listen_for_life(&client) => Err(lost(silent)),
        }
    }
}

fn lost(cause: String) -> StoreError {
    StoreError::Unavailable { during: "listening", cause }
}

/// Sends hints, those that pile up as one.
async fn tell(
    client: &Client,
    channel: &str,
    outbox: &mut UnboundedReceiver<Hint>,
) -> Result<(), StoreError> {
    let failed = |error: tokio_postgres::Error| Failure::of("notifying", &error).into_error();
    let statement = client.prepare(TELL).await.map_err(failed)?;
    while let Some(mut hint) = outbox.recv().await {
        while let Ok(more) = outbox.try_recv() {
            hint.merge(more);
        }
        let mut text = serde_json::to_string(&hint).unwrap_or_default();
        if text.len() > LONGEST_TEXT {
            text = serde_json::to_string(&hint.shortened()).unwrap_or_default();
        }
        client.execute(&statement, &[&channel, &text]).await.map_err(failed)?;
        sleep(BETWEEN_HINTS).await;
    }
    // The writers are gone, and with them the store.
    std::future::pending().await
}

fn hear(inbox: &UnboundedSender<Hint>, told: &Notification) {
    // A newer node may tell what this one does not understand.
    let hint = serde_json::from_str(told.payload()).unwrap_or_else(|_| Hint::of_anything());
    // The engine may have ended before its store.
    inbox.send(hint).ok();
}
