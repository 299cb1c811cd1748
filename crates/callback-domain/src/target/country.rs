//! Country codes, which complete national numbers.

use core::fmt;
use core::str::FromStr;

use alloc::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TargetError;

/// A country code of E.164: one to three digits, the first not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode(u16);

impl CountryCode {
    /// Italy, San Marino, Congo and Côte d'Ivoire, where a leading 0 belongs to the number.
    const KEEPING_ZERO: [Self; 4] = [Self(39), Self(378), Self(242), Self(225)];

    /// Reads `41` or `+41`.
    ///
    /// # Errors
    /// [`TargetError::BadCountryCode`] for anything else.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let well_formed = matches!(digits.len(), 1..=3)
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if !well_formed {
            return Err(TargetError::BadCountryCode);
        }
        digits.parse().map(Self).map_err(|_| TargetError::BadCountryCode)
    }

    /// Whether a leading 0 is dialled nationally only.
    pub(super) fn drops_zero(self) -> bool {
        !Self::KEEPING_ZERO.contains(&self)
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CountryCode {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for CountryCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CountryCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
