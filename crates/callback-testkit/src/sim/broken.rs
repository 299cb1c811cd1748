//! A rule that did not hold.

use std::fmt;

/// An invariant that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The name of the function that found it.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// What an invariant answers.
pub(super) type Holds = Result<(), Broken>;

/// Ends an invariant's function unless the condition holds.
macro_rules! demand {
    ($invariant:ident: $condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(crate::sim::broken::Broken {
                invariant: stringify!($invariant),
                what: format!($($what)+),
            });
        }
    };
}

pub(super) use demand;
