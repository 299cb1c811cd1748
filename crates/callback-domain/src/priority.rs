//! The nine priorities and their shares.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// How urgent a callback is, most urgent first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Priority {
    /// Goes before everything else.
    StrictPriority,
    /// Weight 64.
    Highest,
    /// Weight 32.
    VeryHigh,
    /// Weight 16.
    High,
    /// Weight 8; what a callback gets when nothing is said.
    #[default]
    Normal,
    /// Weight 4.
    Low,
    /// Weight 2.
    VeryLow,
    /// Weight 1.
    Lowest,
    /// Goes only when nothing else is ready.
    NothingElse,
}

impl Priority {
    /// Every priority, most urgent first.
    pub const ALL: [Self; 9] = [
        Self::StrictPriority,
        Self::Highest,
        Self::VeryHigh,
        Self::High,
        Self::Normal,
        Self::Low,
        Self::VeryLow,
        Self::Lowest,
        Self::NothingElse,
    ];

    /// The seven priorities that share by weight, heaviest first.
    pub const WEIGHTED: [Self; 7] = [
        Self::Highest,
        Self::VeryHigh,
        Self::High,
        Self::Normal,
        Self::Low,
        Self::VeryLow,
        Self::Lowest,
    ];

    /// Position from 0 (`StrictPriority`) to 8 (`NothingElse`); stores keep this number.
    #[must_use]
    pub const fn level(self) -> u8 {
        self as u8
    }

    /// The priority at a position, `None` above 8.
    #[must_use]
    pub fn from_level(level: u8) -> Option<Self> {
        Self::ALL.get(usize::from(level)).copied()
    }

    /// The share of picks in a round, `None` for the two priorities outside the sharing.
    #[must_use]
    pub const fn weight(self) -> Option<u32> {
        match self {
            Self::StrictPriority | Self::NothingElse => None,
            Self::Highest => Some(64),
            Self::VeryHigh => Some(32),
            Self::High => Some(16),
            Self::Normal => Some(8),
            Self::Low => Some(4),
            Self::VeryLow => Some(2),
            Self::Lowest => Some(1),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StrictPriority => "StrictPriority",
            Self::Highest => "Highest",
            Self::VeryHigh => "VeryHigh",
            Self::High => "High",
            Self::Normal => "Normal",
            Self::Low => "Low",
            Self::VeryLow => "VeryLow",
            Self::Lowest => "Lowest",
            Self::NothingElse => "NothingElse",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not one of a fixed set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of {expected}")]
pub struct UnknownName {
    /// The names that are understood, separated by commas.
    pub expected: &'static str,
}

impl FromStr for Priority {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|priority| priority.name() == text).ok_or(UnknownName {
            expected: "StrictPriority, Highest, VeryHigh, High, Normal, Low, VeryLow, Lowest, NothingElse",
        })
    }
}
