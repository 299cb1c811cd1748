//! Callbacks as they were last committed, at hand without a look into the file.
//!
//! Nobody finds here what is older than the file's newest commit that somebody may have seen: what
//! a commit changes is gone from here before it, and back only after it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callback_domain::callback::Callback;
use callback_domain::id::CallbackId;

/// How many make a generation; two of them are kept.
const GENERATION: usize = 4_096;

/// What a transaction has made of callbacks; `None` are gone.
pub(crate) type Changed = BTreeMap<CallbackId, Option<Arc<Callback>>>;

/// The callbacks, those that were asked for or written last.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    young: HashMap<CallbackId, Arc<Callback>>,
    old: HashMap<CallbackId, Arc<Callback>>,
    /// Counts commits, at their beginning and at their end: odd during one.
    commits: u64,
}

/// The moment at which a callback was not here, after which it is read from the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missed(u64);

impl Kept {
    fn keep(&mut self, id: CallbackId, callback: Arc<Callback>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, callback);
    }
}

impl Recent {
    pub(crate) fn find(&self, id: CallbackId) -> Result<Arc<Callback>, Missed> {
        let mut kept = self.kept();
        if let Some(found) = kept.young.get(&id) {
            return Ok(Arc::clone(found));
        }
        if let Some(found) = kept.old.remove(&id) {
            kept.keep(id, Arc::clone(&found));
            return Ok(found);
        }
        Err(Missed(kept.commits))
    }

    /// Keeps what was read since it was missed, unless something may have been committed since.
    pub(crate) fn keep(&self, missed: Missed, callback: Arc<Callback>) {
        let mut kept = self.kept();
        if missed.0 == kept.commits && missed.0.is_multiple_of(2) {
            kept.keep(callback.id, callback);
        }
    }

    /// Commits what was changed: between its beginning and its end, readers look into the file.
    pub(crate) fn during<E>(
        &self,
        changed: Changed,
        commit: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        {
            let mut kept = self.kept();
            kept.commits += 1;
            for id in changed.keys() {
                kept.young.remove(id);
                kept.old.remove(id);
            }
        }
        let committed = commit();
        let mut kept = self.kept();
        kept.commits += 1;
        if committed.is_ok() {
            for (id, callback) in changed {
                if let Some(callback) = callback {
                    kept.keep(id, callback);
                }
            }
        }
        committed
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::queued;

    fn callback(number: u128) -> Arc<Callback> {
        Arc::new(queued(number, None, None))
    }

    fn changed(callback: &Arc<Callback>) -> Changed {
        BTreeMap::from([(callback.id, Some(Arc::clone(callback)))])
    }

    #[test]
    fn what_is_being_committed_is_looked_up_in_the_file() {
        let (recent, stored) = (Recent::default(), callback(1));
        let missed = recent.find(stored.id).expect_err("nothing is here yet");
        recent.keep(missed, Arc::clone(&stored));
        assert!(recent.find(stored.id).is_ok());

        let mut after = callback(1);
        Arc::make_mut(&mut after).version += 1;
        let committed: Result<(), ()> = recent.during(changed(&after), || {
            let missed = recent.find(stored.id).expect_err("it is being changed");
            recent.keep(missed, Arc::clone(&stored));
            assert!(recent.find(stored.id).is_err(), "it may be old already");
            Ok(())
        });
        assert_eq!(committed, Ok(()));
        assert_eq!(recent.find(stored.id).expect("it was kept"), after);
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let (recent, stored, other) = (Recent::default(), callback(1), callback(2));
        let missed = recent.find(stored.id).expect_err("nothing is here yet");
        let committed: Result<(), ()> = recent.during(changed(&other), || Ok(()));
        assert_eq!(committed, Ok(()));
        recent.keep(missed, Arc::clone(&stored));
        assert!(recent.find(stored.id).is_err());
    }

    #[test]
    fn what_was_not_committed_and_what_is_gone_is_not_here() {
        let (recent, stored) = (Recent::default(), callback(1));
        assert_eq!(
            recent.during(changed(&stored), || Err("the disk is full")),
            Err("the disk is full")
        );
        assert!(recent.find(stored.id).is_err());
        let committed: Result<(), ()> = recent.during(changed(&stored), || Ok(()));
        assert_eq!(committed, Ok(()));
        let gone: Result<(), ()> = recent.during(BTreeMap::from([(stored.id, None)]), || Ok(()));
        assert_eq!(gone, Ok(()));
        assert!(recent.find(stored.id).is_err());
    }

    #[test]
    fn no_more_than_two_generations_are_kept() {
        let recent = Recent::default();
        let asked = callback(0);
        for number in 0..3 * GENERATION as u128 {
            let made = callback(number);
            let committed: Result<(), ()> = recent.during(changed(&made), || Ok(()));
            assert_eq!(committed, Ok(()));
            assert!(recent.find(asked.id).is_ok(), "what is asked for stays");
        }
        let kept = recent.kept();
        assert!(kept.young.len() <= GENERATION && kept.old.len() <= GENERATION);
    }
}
