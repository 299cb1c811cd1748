//! Which targets a service may call.

use alloc::string::String;
use core::str::FromStr;

use super::{Scheme, Target, TargetError, checked};

/// A pattern of targets, in which `*` stands for any text.
///
/// Upper and lower case are the same. The forms, and what each is held against:
/// - `*`: everything;
/// - `+41*`: the number of telephone forms, on whatever host;
/// - `*@dev.local`: user and host of SIP addresses, on any port;
/// - `sip:*@dev.local`, `sips:…`, `tel:+41*`, `sip:*`: the address with its scheme.
///
/// Parameters are never matched, so that none can imitate an allowed host; a port only where the pattern names one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetPattern(String);

impl TargetPattern {
    /// Reads a pattern; visual separators in numbers are dropped.
    ///
    /// # Errors
    /// [`TargetError::BadPattern`] for one that could match nothing or too much by mistake, and what makes any address malformed.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let mut text = checked(text)?.to_ascii_lowercase();
        let scheme = Scheme::split(&text).ok();
        let well_formed = match scheme {
            Some((Scheme::Tel, _)) => {
                text.retain(is_not_separator);
                text.strip_prefix("tel:").is_some_and(is_number)
            }
            Some((Scheme::Sip | Scheme::Sips, rest)) => rest == "*" || is_user_and_host(rest),
            None if text.contains('@') => is_user_and_host(&text),
            None => {
                text.retain(is_not_separator);
                text == "*" || text.starts_with('+') && is_number(&text)
            }
        };
        if !well_formed {
            return Err(TargetError::BadPattern);
        }
        let mut before = None;
        text.retain(|character| before.replace(character) != Some('*') || character != '*');
        Ok(Self(text))
    }

    /// The pattern in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a target is one of those; takes time linear in both lengths.
    #[must_use]
    pub fn matches(&self, target: &Target) -> bool {
        if self.0 == "*" {
            return true;
        }
        if Scheme::split(&self.0).is_ok() {
            return self.covers(target.without_port()) || self.covers(target.with_port());
        }
        if self.0.contains('@') {
            let start = target.start();
            return [target.host_end, target.port_end]
                .into_iter()
                .any(|end| self.covers(target.slice(start, end.into())));
        }
        target.number().is_some_and(|number| self.covers(number))
    }

    /// The first piece is a prefix, the last a suffix, and each between is taken at its first place.
    fn covers(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let Some((prefix, pieces)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut rest) = text.strip_prefix(prefix) else {
            return false;
        };
        let (between, suffix) = pieces.rsplit_once('*').unwrap_or(("", pieces));
        for piece in between.split('*') {
            let Some((_, after)) = rest.split_once(piece) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(suffix)
    }
}

fn is_not_separator(character: char) -> bool {
    !matches!(character, ' ' | '-' | '.' | '(' | ')')
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+');
    (digits.is_some() || text.starts_with('*'))
        && digits.is_none_or(|digits| !digits.is_empty())
        && digits.unwrap_or(text).chars().all(|character| matches!(character, '0'..='9' | '*'))
}

/// One `@`, so that no `*` in the user part reaches into the host.
fn is_user_and_host(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && !host.is_empty()
            && !user.contains([':', '?', ' '])
            && !host.contains(['@', '?', ';', ' ', '/', '%'])
    })
}

impl FromStr for TargetPattern {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
