//! Where services and users are reached.

use core::str::FromStr;

use super::{Target, TargetError, TargetKey};

/// The `sip:` or `sips:` address of a service or a user; it names a user, as a target does.
///
/// Equality is that of the normal form; two addresses are the same line when their keys agree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SipAddress(Target);

impl SipAddress {
    /// Reads a SIP URI under the rules for targets.
    ///
    /// # Errors
    /// As for [`Target::parse`]; [`TargetError::NotSip`] for a `tel:` number.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let scheme = text.trim_start_matches(' ').get(..4);
        if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:")) {
            return Err(TargetError::NotSip);
        }
        Target::parse(text, None).map(Self)
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whose line it is; services and users are found and kept unique by it.
    #[must_use]
    pub fn key(&self) -> TargetKey {
        self.0.key()
    }

    /// The address as something to call.
    #[must_use]
    pub const fn as_target(&self) -> &Target {
        &self.0
    }
}

impl FromStr for SipAddress {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
