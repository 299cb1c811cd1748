//! The addresses to call: `sip:` and `sips:` URIs, and `tel:` numbers.
//!
//! Text from outside becomes a [`Target`] once, at the edge, in one normal form.
//! Two targets are the same person's line when their [`TargetKey`]s agree.
//! What could smuggle something into signalling, or send the call elsewhere than the address says, is refused.

#![expect(
    clippy::module_name_repetitions,
    reason = "other modules of the domain use these names without the module's"
)]

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod address;
mod country;
mod error;
mod escape;
mod parameter;
mod pattern;
mod sip;
mod tel;

pub use address::SipAddress;
pub use country::CountryCode;
pub use error::TargetError;
pub use pattern::TargetPattern;

/// The longest address in bytes, without surrounding spaces; its normal form keeps to it too.
pub const MAX_TARGET_BYTES: usize = 255;

/// What comes before the colon of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// SIP.
    Sip,
    /// SIP over TLS.
    Sips,
    /// A telephone number.
    Tel,
}

impl Scheme {
    /// The name in lower case, without the colon.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Tel => "tel",
        }
    }

    fn split(text: &str) -> Result<(Self, &str), TargetError> {
        let (name, body) = text.split_once(':').ok_or(TargetError::MissingScheme)?;
        let scheme = [Self::Sip, Self::Sips, Self::Tel]
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
            .ok_or(TargetError::UnknownScheme)?;
        Ok((scheme, body))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An address to call, in normal form.
///
/// Scheme, host and parameter names are lower-cased; the user keeps its case.
/// Numbers are international and without visual separators.
/// Escapes of characters that need none are resolved.
/// Port and parameters stay, in their order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    text: String,
    scheme: Scheme,
    /// Where the number ends, for telephone forms.
    number_end: Option<u8>,
    user_end: u8,
    /// Where the host ends; for `tel:`, the number.
    host_end: u8,
    port_end: u8,
}

impl Target {
    /// Reads an address; the country code completes `tel:` numbers without `+`.
    ///
    /// # Errors
    /// Names the first thing that is wrong with it.
    pub fn parse(
        text: &str,
        default_country_code: Option<CountryCode>,
    ) -> Result<Self, TargetError> {
        let text = checked(text)?;
        let (scheme, body) = Scheme::split(text)?;
        if body.starts_with("//") {
            return Err(TargetError::DoubleSlash);
        }
        if body.contains('?') {
            return Err(TargetError::HeadersRefused);
        }
        match scheme {
            Scheme::Sip | Scheme::Sips => sip::parse(scheme, body),
            Scheme::Tel => tel::parse(body, default_country_code),
        }
    }

    /// The normal form, which answers echo.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose line it is.
    #[must_use]
    pub fn key(&self) -> TargetKey {
        let text = self
            .number()
            .map_or_else(|| self.user_and_host().to_ascii_lowercase(), ToOwned::to_owned);
        TargetKey(text)
    }

    /// What kind of address it is.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The E.164 number with its `+`, for `tel:` and for `sip:+…;user=phone`.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.number_end.map(|end| self.slice(self.start(), end.into()))
    }

    /// The digits of [`number`](Self::number), without the `+`.
    #[must_use]
    pub fn digits(&self) -> Option<&str> {
        self.number().map(|number| number.trim_start_matches('+'))
    }

    /// The digits of the `;ext=` parameter of a telephone form.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        let end = match self.scheme {
            Scheme::Sip | Scheme::Sips => self.user_end.into(),
            Scheme::Tel => self.text.len(),
        };
        self.slice(self.number_end?.into(), end)
            .split(';')
            .find_map(|parameter| parameter.strip_prefix("ext="))
    }

    /// What comes before the `@`, escapes as they are on the wire; `None` for `tel:`.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.is_sip().then(|| self.slice(self.start(), self.user_end.into()))
    }

    /// The host name or address, IPv6 in brackets; `None` for `tel:`.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.is_sip().then(|| self.slice(usize::from(self.user_end) + 1, self.host_end.into()))
    }

    /// The port, where the address names one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        let port = self.slice(self.host_end.into(), self.port_end.into());
        port.strip_prefix(':')?.parse().ok()
    }

    fn is_sip(&self) -> bool {
        self.scheme != Scheme::Tel
    }

    fn start(&self) -> usize {
        self.scheme.name().len() + 1
    }

    fn user_and_host(&self) -> &str {
        self.slice(self.start(), self.host_end.into())
    }

    /// The address without port and parameters.
    fn without_port(&self) -> &str {
        self.slice(0, self.host_end.into())
    }

    /// The address without parameters.
    fn with_port(&self) -> &str {
        self.slice(0, self.port_end.into())
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Trims surrounding spaces and refuses what may stand nowhere in an address.
fn checked(text: &str) -> Result<&str, TargetError> {
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return Err(TargetError::Empty);
    }
    if text.len() > MAX_TARGET_BYTES {
        return Err(TargetError::TooLong);
    }
    for byte in text.bytes() {
        if byte.is_ascii_control() {
            return Err(TargetError::ControlCharacter);
        }
        if !byte.is_ascii() {
            return Err(TargetError::NonAscii);
        }
    }
    Ok(text)
}

/// The length as an offset; the normal form can be longer than what was read.
fn end_of(text: &str) -> Result<u8, TargetError> {
    u8::try_from(text.len()).map_err(|_| TargetError::TooLong)
}

/// Whose line an address is: `+` and E.164 digits for telephone forms, else `user@host` in lower case.
///
/// Telephone forms are `tel:` and `sip:+…;user=phone`, whatever the host.
/// Port and parameters are left out, `;ext=` too: adding one to a number evades no suppression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetKey(String);

impl TargetKey {
    /// A key that a store kept; it is taken as it is.
    #[must_use]
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text that stores keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, None)
    }
}

/// Shown, written and read as text; reading parses again.
macro_rules! text_forms {
    ($($name:ident),+ $(,)?) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

text_forms!(Target, SipAddress, TargetPattern);

#[cfg(test)]
mod tests;
