//! The port to whatever places calls, and the driver that leaves dialling to the agent.
//!
//! A driver is told to place an attempt, reports what becomes of it, can be told to stop it, and
//! can be asked after a restart about attempts that were open.
//! At most one call is made for an attempt: exactly one cannot be promised, so an attempt whose fate
//! nobody knows ends `Lost` and is never dialled again as the same attempt.

use async_trait::async_trait;
use callback_domain::attempt::{Attempt, DriverCaps, Outcome};
use callback_domain::id::AttemptId;
use tokio::sync::mpsc;

use crate::command::Report;

/// What a driver says when told to place an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// The call is being placed; reports follow.
    Started,
    /// It will not be placed.
    Refused(String),
    /// It may or may not have been placed; the attempt's own deadlines decide.
    Ambiguous,
}

/// What a driver says of an attempt after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// It is still going on; reports follow.
    Live,
    /// It has ended meanwhile.
    Ended(Outcome),
    /// The driver knows nothing of it.
    Unknown,
}

/// Places calls.
///
/// Every method may be called again for the same attempt and then changes nothing.
#[async_trait]
pub trait Dialer: Send + Sync + 'static {
    /// The driver's name; attempts carry it.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn caps(&self) -> DriverCaps;

    /// Places an attempt that was stored before.
    async fn start(&self, attempt: &Attempt, reports: Reports) -> Started;

    /// Ends an attempt in whatever state it is; its end is reported as any other.
    async fn stop(&self, attempt: &Attempt);

    /// Says what became of an attempt that was open when another process stopped.
    async fn resume(&self, attempt: &Attempt, reports: Reports) -> Resumed;

    /// The attempts it has at present; their leases are extended while it lives.
    fn live(&self) -> Vec<AttemptId>;
}

/// One driver's report on one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Rising from 1 for each attempt.
    pub number: u32,
    /// What happened.
    pub report: Report,
}

/// Where a driver sends its reports.
#[derive(Clone, Debug)]
pub struct Reports {
    lanes: Vec<mpsc::UnboundedSender<Numbered>>,
}

impl Reports {
    /// Reports in lanes: those of one attempt keep their order.
    #[must_use]
    pub fn new(lanes: usize) -> (Self, Vec<mpsc::UnboundedReceiver<Numbered>>) {
        let (lanes, takers) = (0..lanes.max(1)).map(|_| mpsc::unbounded_channel()).unzip();
        (Self { lanes }, takers)
    }

    /// Sends a report; after the engine has stopped there is nobody to take it.
    pub fn send(&self, attempt: AttemptId, number: u32, report: Report) {
        let lanes = self.lanes.len() as u128;
        let lane = usize::try_from(attempt.0.as_u128() % lanes).unwrap_or(0);
        let _taken = self.lanes[lane].send(Numbered { attempt, number, report }).is_ok();
    }
}

/// The driver that leaves it to the agent to dial and to report.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManualDialer;

#[async_trait]
impl Dialer for ManualDialer {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn caps(&self) -> DriverCaps {
        DriverCaps {
            places_calls: false,
            reports_progress: false,
            can_cancel: false,
            survives_restart: true,
            human_reports: true,
        }
    }

    async fn start(&self, _attempt: &Attempt, _reports: Reports) -> Started {
        Started::Started
    }

    async fn stop(&self, _attempt: &Attempt) {}

    async fn resume(&self, _attempt: &Attempt, _reports: Reports) -> Resumed {
        Resumed::Live
    }

    fn live(&self) -> Vec<AttemptId> {
        Vec::new()
    }
}
