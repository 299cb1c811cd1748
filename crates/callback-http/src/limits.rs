//! How often somebody may ask: whoever is known, by who they are, and others by where they ask from.
//!
//! A token that was let in lately is not counted against its address, so that one program with an
//! old key does not shut out a whole office.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::address;

/// Most callers that are counted one by one; beyond them, new ones share.
const CALLERS: usize = 65_536;
/// How often callers are forgotten whose count is as if they had never asked.
const SWEEP_TIME: Duration = Duration::from_secs(60);
/// How often at most, when there are too many.
const CROWDED_SWEEP_TIME: Duration = Duration::from_secs(1);
/// For how long a token is known after it was let in.
const KNOWN_TIME: Duration = Duration::from_secs(3_600);
/// Most tokens that are known.
const KNOWN_TOKENS: usize = 16_384;
/// Paths by which others ask whether the service lives; they are never refused.
const OF_HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// How often somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate; `None` when either is zero.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Option<Self> {
        match (NonZeroU32::new(per_second), NonZeroU32::new(burst)) {
            (Some(per_second), Some(burst)) => Some(Self { per_second, burst }),
            (None, _) | (_, None) => None,
        }
    }
}

/// How often callers may ask; `None` is without a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Whoever was let in, each principal by itself.
    pub per_key: Option<Rate>,
    /// Whoever was not, or is not known yet, each address by itself.
    pub per_address: Option<Rate>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { per_key: Rate::new(500, 1_000), per_address: Rate::new(5, 50) }
    }
}

/// How somebody stands against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

impl Standing {
    /// Seconds after which to try again.
    pub(crate) fn retry_seconds(self) -> u64 {
        self.reset_seconds.max(1)
    }

    /// Tells the caller.
    pub(crate) fn show(self, headers: &mut HeaderMap) {
        let name = HeaderName::from_static;
        headers.insert(name("ratelimit-limit"), self.limit.into());
        headers.insert(name("ratelimit-remaining"), self.remaining.into());
        headers.insert(name("ratelimit-reset"), self.reset_seconds.into());
    }
}

/// Whether a path is counted.
pub(crate) fn counts(path: &str) -> bool {
    !OF_HEALTH.contains(&path)
}

/// Everybody who asked lately.
#[derive(Debug)]
pub(crate) struct Limits {
    keys: Option<Bucket<String>>,
    addresses: Option<Bucket<IpAddr>>,
    /// Digests of tokens that were let in, with when.
    known: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Limits {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            keys: limits.per_key.map(|rate| Bucket::new(rate, String::new())),
            addresses: limits.per_address.map(|rate| Bucket::new(rate, IpAddr::from([0, 0, 0, 0]))),
            known: Mutex::default(),
        }
    }

    /// Counts a request of somebody who was let in.
    pub(crate) fn of_principal(&self, identity: &str) -> Result<Option<Standing>, Standing> {
        self.keys.as_ref().map(|keys| keys.take(&identity.to_owned())).transpose()
    }

    /// Counts a request of somebody who is not known, before anything is done for them.
    pub(crate) fn of_stranger(&self, address: Option<IpAddr>) -> Result<(), Standing> {
        let (Some(addresses), Some(address)) = (&self.addresses, address) else { return Ok(()) };
        addresses.take(&address::network(address)).map(|_| ())
    }

    /// Whether a token was let in lately.
    pub(crate) fn knows(&self, token: &str) -> bool {
        let known = self.known().get(&digest(token)).copied();
        known.is_some_and(|since| since.elapsed() < KNOWN_TIME)
    }

    /// Remembers a token that was let in.
    pub(crate) fn remember(&self, token: &str) {
        let mut known = self.known();
        if known.len() >= KNOWN_TOKENS {
            known.retain(|_, since| since.elapsed() < KNOWN_TIME);
        }
        if known.len() >= KNOWN_TOKENS {
            known.clear();
        }
        known.insert(digest(token), Instant::now());
    }

    /// Forgets a token that was refused.
    pub(crate) fn forget(&self, token: &str) {
        self.known().remove(&digest(token));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Instant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The runtime's time, which tests hold still.
#[derive(Clone, Copy, Debug)]
struct RuntimeTime;

impl Clock for RuntimeTime {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, RuntimeTime, StateInformationMiddleware>;

/// Callers of one kind.
struct Bucket<K: Hash + Eq + Clone> {
    limiter: Limiter<K>,
    rate: Rate,
    /// Who stands for callers for whom there is no room.
    crowd: K,
    swept_at: Mutex<Instant>,
}

impl<K: Hash + Eq + Clone> std::fmt::Debug for Bucket<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone> Bucket<K> {
    fn new(rate: Rate, crowd: K) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = Limiter::new(quota, HashMapStateStore::default(), RuntimeTime);
        Self { limiter, rate, crowd, swept_at: Mutex::new(Instant::now()) }
    }

    fn take(&self, key: &K) -> Result<Standing, Standing> {
        let is_crowded = self.sweep();
        let limit = self.rate.burst.get();
        match self.limiter.check_key(if is_crowded { &self.crowd } else { key }) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = limit.saturating_sub(remaining);
                let reset_seconds = u64::from(used.div_ceil(self.rate.per_second.get()));
                Ok(Standing { limit, remaining, reset_seconds })
            }
            Err(until) => {
                let wait = until.wait_time_from(RuntimeTime.now());
                let reset_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Standing { limit, remaining: 0, reset_seconds })
            }
        }
    }

    /// Forgets who need not be remembered; answers whether there is no room for more.
    fn sweep(&self) -> bool {
        let mut swept_at = self.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (rested, is_crowded) = (swept_at.elapsed(), self.limiter.len() >= CALLERS);
        if rested < if is_crowded { CROWDED_SWEEP_TIME } else { SWEEP_TIME } {
            return is_crowded;
        }
        *swept_at = Instant::now();
        drop(swept_at);
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.limiter.len() >= CALLERS
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::advance;

    use super::*;

    fn limits(per_second: u32, burst: u32) -> Limits {
        let rate = Rate::new(per_second, burst);
        Limits::new(RateLimits { per_key: rate, per_address: rate })
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_so_many_a_second() {
        let limits = limits(2, 4);
        for remaining in [3, 2, 1, 0] {
            let standing = limits.of_principal("a").unwrap().unwrap();
            assert_eq!(standing.remaining, remaining);
        }
        let refused = limits.of_principal("a").unwrap_err();
        assert_eq!((refused.limit, refused.remaining, refused.retry_seconds()), (4, 0, 1));
        assert!(limits.of_principal("b").is_ok(), "others have their own");
        advance(Duration::from_secs(1)).await;
        assert!(limits.of_principal("a").is_ok() && limits.of_principal("a").is_ok());
        assert!(limits.of_principal("a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_are_forgotten_when_they_have_rested_and_never_are_too_many() {
        let limits = limits(1, 1);
        let addresses = limits.addresses.as_ref().unwrap();
        for number in 0..u32::try_from(CALLERS).unwrap() + 100 {
            let _refused =
                limits.of_stranger(Some(Ipv4Addr::from_bits(number + 1).into())).is_err();
        }
        assert!(addresses.limiter.len() <= CALLERS + 1, "{}", addresses.limiter.len());
        advance(SWEEP_TIME).await;
        assert!(limits.of_stranger(Some(Ipv4Addr::LOCALHOST.into())).is_ok());
        assert_eq!(addresses.limiter.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_known_for_an_hour_and_not_after_it_was_refused() {
        let limits = limits(1, 1);
        assert!(!limits.knows("token"));
        limits.remember("token");
        assert!(limits.knows("token") && !limits.knows("other"));
        advance(KNOWN_TIME).await;
        assert!(!limits.knows("token"));
        limits.remember("token");
        limits.forget("token");
        assert!(!limits.knows("token"));
        for number in 0..KNOWN_TOKENS + 10 {
            limits.remember(&number.to_string());
        }
        assert!(limits.known().len() <= KNOWN_TOKENS);
    }
}
