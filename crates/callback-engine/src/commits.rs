//! How many commands shared each commit.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the sizes that are told apart, in commands; what is larger is beyond the last.
pub const SIZES: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Counts commits by their size, since the store was opened.
#[derive(Debug, Default)]
pub struct Commits {
    by_size: [AtomicU64; SIZES.len() + 1],
    commands: AtomicU64,
}

impl Commits {
    /// Counts a commit of so many commands.
    pub fn note(&self, commands: usize) {
        let commands = u64::try_from(commands).unwrap_or(u64::MAX);
        let size = SIZES.iter().position(|most| commands <= u64::from(*most));
        if let Some(count) = self.by_size.get(size.unwrap_or(SIZES.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.commands.fetch_add(commands, Ordering::Relaxed);
    }

    /// Commits by size, those beyond the last bound at the end.
    pub fn by_size(&self) -> [u64; SIZES.len() + 1] {
        self.by_size.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Commands in all commits.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_counts_under_the_smallest_bound_that_holds_it() {
        let commits = Commits::default();
        for size in [1, 1, 3, 4, 512, 513] {
            commits.note(size);
        }
        assert_eq!(commits.by_size(), [2, 0, 2, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(commits.commands(), 1_034);
    }
}
