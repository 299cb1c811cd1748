//! Where identities come from.

use std::sync::{Mutex, PoisonError};

use callback_domain::attempt::{DriverCaps, Start};
use callback_domain::date::Instant;
use callback_domain::id::{AttemptId, CallbackId, LeaseToken, NodeId};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};
use uuid::{Builder, Uuid};

/// Makes identities (`UUIDv7`, so that rows of one time lie together) and lease tokens (random).
#[derive(Debug)]
pub struct Mint(Mutex<StdRng>);

impl Mint {
    /// A mint that nobody can foresee.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn unpredictable() -> Result<Self, rand::rngs::SysError> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed)?;
        Ok(Self(Mutex::new(StdRng::from_seed(seed))))
    }

    /// A mint that makes the same identities again, for simulations.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A fresh identity that sorts by time.
    pub fn timed(&self, now: Instant) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A fresh identity that tells nothing.
    pub fn random(&self) -> Uuid {
        let mut random = [0; 16];
        self.fill(&mut random);
        Builder::from_random_bytes(random).into_uuid()
    }

    /// A fresh secret of 256 bits.
    pub fn secret(&self) -> [u8; 32] {
        let mut random = [0; 32];
        self.fill(&mut random);
        random
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// This process, as attempts name it: who it is, what places its calls, and its mint.
#[derive(Debug)]
pub struct Site {
    /// The process.
    pub node: NodeId,
    /// The driver of its calls.
    pub driver: String,
    /// What that driver can do.
    pub caps: DriverCaps,
    /// Its identities.
    pub mint: Mint,
}

impl Site {
    /// A fresh attempt, should a step begin one.
    pub fn start(&self, now: Instant) -> Start {
        Start {
            attempt: AttemptId(self.mint.timed(now)),
            node: self.node,
            driver: self.driver.clone(),
            caps: self.caps,
        }
    }

    /// A fresh callback's identity.
    pub fn callback(&self, now: Instant) -> CallbackId {
        CallbackId(self.mint.timed(now))
    }

    /// A fresh lease token.
    pub fn token(&self) -> LeaseToken {
        LeaseToken(self.mint.random())
    }
}
