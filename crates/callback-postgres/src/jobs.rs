//! Commands that wait for a writer, and which of them go together.
//!
//! Commands of one kind share a transaction, and with it statements and commit: on the one hand
//! creations, moves, and reports of what is under way, which change callbacks that are known; on the
//! other hand agents who ask for their next task, which lock the queues that they are given from.
//! Changes lock lines and then agents, takes queues, agents and then lines, each of these in one
//! order; where an agent asks for the next task while the last one is being ended, the two may still
//! wait for each other, and then one of them runs again.
//! Everything else runs alone, so that no transaction keeps more lines and agents from the other
//! nodes than its command needs.
//!
//! One batch at a time leaves the processors idle whenever it commits or this side prepares the
//! next, and many small ones pay for more statements.
//! So changes run in two batches of equal size: a second one waits until it is worth a transaction
//! and as large as the first, and where many wait each takes half.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use callback_engine::Error;
use callback_engine::command::{Command, Done, What};
use tokio::sync::{Notify, oneshot};

/// How many commands are worth a transaction while another batch of their kind is under way.
const WORTH_ANOTHER: usize = 8;

/// A command and who waits for its answer.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Result<Done, Error>>,
}

/// Commands that run in one transaction.
pub(crate) struct Batch {
    kind: Kind,
    pub(crate) jobs: Vec<Job>,
}

/// What is to be taken off when a batch is through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    kind: Kind,
    commands: usize,
}

impl Batch {
    pub(crate) fn ended(&self) -> Ended {
        Ended { kind: self.kind, commands: self.jobs.len() }
    }
}

/// Commands that wait for a writer.
#[derive(Default)]
pub(crate) struct Jobs {
    lines: Mutex<Lines>,
    arrival: Notify,
}

#[derive(Default)]
struct Lines {
    arrived: u64,
    of: BTreeMap<Kind, Line>,
}

/// What there is of one kind.
#[derive(Default)]
struct Line {
    /// By the order of arrival among all kinds.
    waiting: VecDeque<(u64, Job)>,
    under_way: UnderWay,
}

#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    batches: usize,
    commands: usize,
}

impl Jobs {
    pub(crate) fn push(&self, job: Job) {
        self.enter(Kind::of(&job.command.what), job);
    }

    fn enter(&self, kind: Kind, job: Job) {
        let mut lines = self.lines();
        lines.arrived += 1;
        let number = lines.arrived;
        lines.of.entry(kind).or_default().waiting.push_back((number, job));
        drop(lines);
        self.arrival.notify_one();
    }

    /// The next batch, of at most so many commands.
    pub(crate) async fn next(&self, most: usize) -> Batch {
        loop {
            let arrival = self.arrival.notified();
            if let Some(batch) = self.take(most) {
                return batch;
            }
            arrival.await;
        }
    }

    fn take(&self, most: usize) -> Option<Batch> {
        let mut lines = self.lines();
        let (kind, commands) = lines.choose(most)?;
        let line = lines.of.get_mut(&kind)?;
        let jobs = line.waiting.drain(..commands).map(|(_, job)| job).collect();
        line.under_way.batches += 1;
        line.under_way.commands += commands;
        if lines.choose(most).is_some() {
            self.arrival.notify_one();
        }
        Some(Batch { kind, jobs })
    }

    /// A batch is through.
    pub(crate) fn done(&self, ended: Ended) {
        if let Some(Line { under_way, .. }) = self.lines().of.get_mut(&ended.kind) {
            under_way.batches = under_way.batches.saturating_sub(1);
            under_way.commands = under_way.commands.saturating_sub(ended.commands);
        }
        self.arrival.notify_one();
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Whose turn it is, and how many commands go: those that wait longest among the kinds that
    /// may go.
    fn choose(&self, most: usize) -> Option<(Kind, usize)> {
        let may_go = |(kind, line): (&Kind, &Line)| {
            let (number, _) = line.waiting.front()?;
            let share = kind.share(line.waiting.len(), line.under_way).min(most.max(1));
            (share > 0).then_some((*number, *kind, share))
        };
        let (_, kind, share) = self.of.iter().filter_map(may_go).min()?;
        Some((kind, share))
    }
}

/// What may share a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Change,
    Take,
    Alone,
}

impl Kind {
    /// How many batches of the kind may be under way; those of takes would wait for each other,
    /// since one after the other looks for what a service has next.
    const fn at_once(self) -> usize {
        match self {
            Self::Change => 2,
            Self::Take => 1,
            Self::Alone => usize::MAX,
        }
    }

    /// How many of those that wait are to go now; none when it is better that they go together
    /// with what comes.
    const fn share(self, waiting: usize, under_way: UnderWay) -> usize {
        if matches!(self, Self::Alone) {
            return if waiting == 0 { 0 } else { 1 };
        }
        let UnderWay { batches, commands } = under_way;
        let is_worth_it = waiting >= WORTH_ANOTHER && waiting * batches >= commands;
        if batches >= self.at_once() || batches > 0 && !is_worth_it {
            0
        } else if waiting >= 2 * WORTH_ANOTHER {
            (waiting + commands).div_ceil(self.at_once())
        } else {
            waiting
        }
    }

    const fn of(what: &What) -> Self {
        match what {
            What::Create(_)
            | What::CreateBatch(_)
            | What::Move { .. }
            | What::Report { .. }
            | What::CancelThese(_) => Self::Change,
            What::Next { .. } => Self::Take,
            What::Tick { .. }
            | What::Dispatch { .. }
            | What::Survey
            | What::Renew { .. }
            | What::TakeOver { .. }
            | What::Recalculate { .. }
            | What::CreateService(_)
            | What::ReplaceService { .. }
            | What::DeleteService { .. }
            | What::CreateAgent(_)
            | What::ReplaceAgent { .. }
            | What::DeleteAgent { .. }
            | What::ChangeAgent { .. }
            | What::Suppress(_)
            | What::Unsuppress { .. }
            | What::Task { .. }
            | What::Explain { .. }
            | What::Position { .. }
            | What::Insight { .. }
            | What::Webhooks(_)
            | What::CreateKey(_)
            | What::RevokeKey { .. }
            | What::Session { .. }
            | What::UseKeys(_)
            | What::Once { .. }
            | What::Erase { .. }
            | What::Tidy { .. } => Self::Alone,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use callback_domain::id::NodeId;
    use callback_engine::dialer::{Dialer as _, ManualDialer};
    use callback_engine::ledger::Actor;
    use callback_engine::mint::{Mint, Site};
    use uuid::Uuid;

    use super::*;

    const fn under_way(batches: usize, commands: usize) -> UnderWay {
        UnderWay { batches, commands }
    }

    #[test]
    fn few_go_together_at_once() {
        for kind in [Kind::Change, Kind::Take] {
            assert_eq!(kind.share(0, under_way(0, 0)), 0, "{kind:?}");
            assert_eq!(kind.share(1, under_way(0, 0)), 1, "{kind:?}");
            assert_eq!(kind.share(15, under_way(0, 0)), 15, "{kind:?}");
        }
    }

    #[test]
    fn many_go_in_two_halves() {
        assert_eq!(Kind::Change.share(32, under_way(0, 0)), 16);
        assert_eq!(Kind::Change.share(16, under_way(1, 16)), 16);
        assert_eq!(Kind::Change.share(30, under_way(1, 10)), 20);
        assert_eq!(Kind::Change.share(33, under_way(2, 32)), 0, "two are under way");
    }

    #[test]
    fn a_second_batch_waits_until_it_is_worth_it() {
        assert_eq!(Kind::Change.share(7, under_way(1, 1)), 0, "too few for a transaction");
        assert_eq!(Kind::Change.share(8, under_way(1, 1)), 8);
        assert_eq!(Kind::Change.share(15, under_way(1, 16)), 0, "smaller than the first");
    }

    #[test]
    fn takes_go_one_batch_after_the_other() {
        assert_eq!(Kind::Take.share(40, under_way(0, 0)), 40);
        assert_eq!(Kind::Take.share(40, under_way(1, 1)), 0);
    }

    #[test]
    fn everything_else_runs_alone_and_at_any_time() {
        assert_eq!(Kind::Alone.share(0, under_way(3, 3)), 0);
        assert_eq!(Kind::Alone.share(9, under_way(3, 3)), 1);
    }

    #[test]
    fn the_longest_waiting_go_first_and_a_kind_that_must_wait_holds_up_nobody() {
        let jobs = Jobs::default();
        for kind in [Kind::Change, Kind::Take, Kind::Change] {
            jobs.enter(kind, job());
        }
        let took =
            |most| jobs.take(most).map(|batch| (batch.kind, batch.jobs.len(), batch.ended()));
        let Some((Kind::Change, 2, changes)) = took(64) else { panic!("changes came first") };
        jobs.enter(Kind::Change, job());
        assert!(matches!(took(64), Some((Kind::Take, 1, _))), "changes wait for the others");
        assert!(took(64).is_none());
        jobs.done(changes);
        jobs.enter(Kind::Change, job());
        assert!(matches!(took(1), Some((Kind::Change, 1, _))), "no more than are allowed");
        jobs.enter(Kind::Alone, job());
        assert!(matches!(took(64), Some((Kind::Alone, 1, _))));
    }

    #[test]
    fn every_command_goes_whatever_comes_and_ends_when() {
        let jobs = Jobs::default();
        let mut under_way = VecDeque::new();
        let (mut pushed, mut gone) = (0_u64, 0);
        for turn in 0..1_000_usize {
            for _ in 0..turn * 7 % 23 {
                pushed += 1;
                let kind = [Kind::Change, Kind::Take, Kind::Alone][turn % 3];
                jobs.enter(kind, job());
            }
            while under_way.len() < 4
                && let Some(batch) = jobs.take(64)
            {
                gone += batch.jobs.len() as u64;
                under_way.push_back(batch.ended());
            }
            if let Some(ended) = under_way.pop_front() {
                jobs.done(ended);
            }
        }
        while let Some(ended) = under_way.pop_front() {
            jobs.done(ended);
            while let Some(batch) = jobs.take(64) {
                gone += batch.jobs.len() as u64;
                under_way.push_back(batch.ended());
            }
        }
        assert_eq!(gone, pushed);
    }

    fn job() -> Job {
        let site = Site {
            node: NodeId(Uuid::nil()),
            driver: "manual".to_owned(),
            caps: ManualDialer.caps(),
            mint: Mint::seeded(1),
        };
        let (answer, _) = oneshot::channel();
        let command = Command { actor: Actor::Timer, site: Arc::new(site), what: What::Survey };
        Job { command, answer }
    }
}
