//! How webhooks are sent: settings, and what is made of them.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use callback_engine::webhook::Policy;
use callback_http::{IpNet, Limits, Networks, Sender, Tally};
use serde::{Deserialize, Serialize};

/// Seconds by which a delivery is its sender's for longer than an attempt can last.
const LEASE_MARGIN_SECONDS: u32 = 10;

/// How webhooks are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhooks {
    /// Whether they may be sent to private addresses, those of this host too.
    pub(crate) allow_private: bool,
    /// Networks that they may be sent to besides the public addresses.
    pub(crate) allowed_networks: Vec<IpNet>,
    /// How long a receiver may take.
    pub(crate) timeout_seconds: u32,
    /// The pause after a first failure; it doubles.
    pub(crate) first_retry_seconds: u32,
    /// The longest pause.
    pub(crate) longest_retry_seconds: u32,
    /// For how long a delivery is tried.
    pub(crate) give_up_after_seconds: u32,
    /// For how long a receiver may fail without a success before it is disabled.
    pub(crate) disable_after_seconds: u32,
    /// For how long settled deliveries are kept.
    pub(crate) keep_seconds: u32,
    /// For how long the old secret signs too after a rotation.
    pub(crate) secret_overlap_seconds: u32,
    /// Deliveries sent to one receiver at a time by this process.
    pub(crate) concurrency: u32,
}

impl Default for Webhooks {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            allow_private: false,
            allowed_networks: Vec::new(),
            timeout_seconds: 15,
            first_retry_seconds: policy.first_pause_seconds,
            longest_retry_seconds: policy.longest_pause_seconds,
            give_up_after_seconds: policy.give_up_seconds,
            disable_after_seconds: policy.disable_seconds,
            keep_seconds: policy.keep_seconds,
            secret_overlap_seconds: 86_400,
            concurrency: 8,
        }
    }
}

impl Webhooks {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1..=300).contains(&self.timeout_seconds),
            "webhooks.timeout_seconds is {}, and must be from 1 to 300",
            self.timeout_seconds
        );
        ensure!(
            (1..=1_000).contains(&self.concurrency),
            "webhooks.concurrency is {}, and must be from 1 to 1000",
            self.concurrency
        );
        Ok(())
    }

    /// When deliveries are repeated and given up.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            first_pause_seconds: self.first_retry_seconds,
            longest_pause_seconds: self.longest_retry_seconds,
            give_up_seconds: self.give_up_after_seconds,
            disable_seconds: self.disable_after_seconds,
            lease_seconds: self.timeout_seconds.saturating_add(LEASE_MARGIN_SECONDS),
            keep_seconds: self.keep_seconds,
            at_once: usize::try_from(self.concurrency).unwrap_or(usize::MAX),
        }
    }

    /// What the API and the sender share.
    pub(crate) fn shared(&self) -> callback_http::Webhooks {
        let networks =
            Networks { allow_private: self.allow_private, allowed: self.allowed_networks.clone() };
        let overlap_seconds = self.secret_overlap_seconds;
        callback_http::Webhooks { networks, tally: Tally::default(), overlap_seconds }
    }

    /// What sends them.
    pub(crate) fn sender(&self, shared: &callback_http::Webhooks) -> anyhow::Result<Sender> {
        let limits = Limits { total: Duration::from_secs(u64::from(self.timeout_seconds)) };
        let sender = Sender::new(&shared.networks, &shared.tally, limits);
        sender.context("failed to make the sender of webhooks")
    }
}
