//! What was answered under idempotency keys, so that a repetition is answered alike.

use callback_domain::agent::Agent;
use callback_domain::callback::Callback;
use callback_domain::date::Instant;
use callback_domain::id::{KeyId, WebhookId};
use callback_domain::service::Service;
use serde::{Deserialize, Serialize};

use crate::bulk::Placed;
use crate::command::Answer;
use crate::error::Error;
use crate::suppression::Suppression;
use crate::webhook::Reply;

/// Seconds for which an answer is remembered under its idempotency key.
pub const REMEMBERED_SECONDS: i64 = 86_400;

/// What was answered under an idempotency key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remembered {
    /// A digest of the request then.
    pub body_hash: Vec<u8>,
    /// What it was answered with.
    pub kept: Kept,
    /// When.
    pub at: Instant,
}

/// As much of an answer as a repetition needs; no secret is among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    /// A callback that was made, as it was answered.
    Created(Box<Callback>),
    /// The callback that stood there already, as it was answered.
    Existing(Box<Callback>),
    /// A service that was made.
    Service(Box<Service>),
    /// A user that was made.
    User(Box<Agent>),
    /// An entry of the suppression list that was made.
    Suppression(Suppression),
    /// How many entries were made at once.
    Imported(usize),
    /// What each item of a batch came to.
    Batch(Vec<Placed>),
    /// Which access key was made; its secret was shown once.
    Key(KeyId),
    /// Which webhook was made; its secret was shown once.
    Webhook(WebhookId),
}

impl Kept {
    /// What is kept of an answer; `None` of one that nobody asks for by a key.
    #[must_use]
    pub fn of(answer: &Answer) -> Option<Self> {
        match answer {
            Answer::Created(callback) => Some(Self::Created(callback.clone())),
            Answer::Existing(callback) => Some(Self::Existing(callback.clone())),
            Answer::Service(service) => Some(Self::Service(service.clone())),
            Answer::Agent(agent) => Some(Self::User(agent.clone())),
            Answer::Suppressions(list) => match list.as_slice() {
                [only] => Some(Self::Suppression(only.clone())),
                several => Some(Self::Imported(several.len())),
            },
            Answer::Batch(placed) => Some(Self::Batch(placed.clone())),
            Answer::Imported(count) => Some(Self::Imported(*count)),
            Answer::Key(key) => Some(Self::Key(key.id)),
            Answer::Webhooks(reply) => {
                if let Reply::Webhook(webhook) = &**reply {
                    Some(Self::Webhook(webhook.id))
                } else {
                    None
                }
            }
            Answer::Callback(_)
            | Answer::Ticked { .. }
            | Answer::Dispatched { .. }
            | Answer::Task(_)
            | Answer::Attempts { .. }
            | Answer::Explanation(_)
            | Answer::Position(_)
            | Answer::Insight(_)
            | Answer::Erased(_)
            | Answer::Withdrawn { .. }
            | Answer::Tidied { .. }
            | Answer::Done => None,
        }
    }

    /// What a repetition is answered with.
    ///
    /// # Errors
    /// [`Error::SecretShown`] when the answer held a secret, which is not kept.
    pub fn answer(self) -> Result<Answer, Error> {
        Ok(match self {
            Self::Created(callback) => Answer::Created(callback),
            Self::Existing(callback) => Answer::Existing(callback),
            Self::Service(service) => Answer::Service(service),
            Self::User(agent) => Answer::Agent(agent),
            Self::Suppression(entry) => Answer::Suppressions(vec![entry]),
            Self::Batch(placed) => Answer::Batch(placed),
            Self::Imported(count) => Answer::Imported(count),
            Self::Key(id) => return Err(Error::SecretShown(format!("key {id}"))),
            Self::Webhook(id) => return Err(Error::SecretShown(format!("webhook {id}"))),
        })
    }
}
