//! Single JSON values, read without coercion.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::RangeInclusive;
use core::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde_json::{Number, Value};

use super::problem::Fault;
use crate::date::{self, Instant};
use crate::defaults;
use crate::target::SipAddress;

/// Counts of a thing that nothing else bounds; what a signed 32-bit number holds.
pub(super) const COUNT: RangeInclusive<u32> = 0..=2_147_483_647;

/// Any string.
pub(super) fn string(value: &Value) -> Result<String, Fault> {
    str(value).map(ToOwned::to_owned)
}

/// One line of text.
pub(super) fn text(value: &Value, limit: usize) -> Result<String, Fault> {
    within(str(value)?, limit, char::is_control)
}

/// A line of text of ordinary length.
pub(super) fn line(value: &Value) -> Result<String, Fault> {
    text(value, defaults::TEXT_CHARACTERS)
}

/// Text that may have several lines.
pub(super) fn paragraph(value: &Value, limit: usize) -> Result<String, Fault> {
    within(str(value)?, limit, |character| {
        character.is_control() && !matches!(character, '\n' | '\r' | '\t')
    })
}

/// What people call something: a line that is not blank.
pub(super) fn name(value: &Value) -> Result<String, Fault> {
    let name = line(value)?;
    if name.trim().is_empty() {
        return Err(Fault::new("Required", "the text is blank"));
    }
    Ok(name)
}

/// A whole number within bounds; `3.0` is none.
pub(super) fn integer(value: &Value, range: &RangeInclusive<u32>) -> Result<u32, Fault> {
    let expected = format!("an integer from {} to {}", range.start(), range.end());
    let Value::Number(number) = value else { return Err(Fault::wrong_type(&expected)) };
    let within = number
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| range.contains(number));
    match within {
        Some(number) => Ok(number),
        None if number.is_u64() || number.is_i64() || is_huge(number) => {
            Err(Fault::new("OutOfRange", format!("{expected} is expected")))
        }
        None => Err(Fault::wrong_type(&expected)),
    }
}

/// True or false.
pub(super) fn flag(value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| Fault::wrong_type("true or false"))
}

/// One of the names of an enum.
pub(super) fn choice<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, Fault> {
    T::deserialize(str(value)?.into_deserializer()).map_err(|Accepted(names)| {
        Fault::new("UnknownValue", format!("the accepted values are {}", names.join(", ")))
    })
}

/// An identity.
pub(super) fn guid<T: FromStr<Err = uuid::Error>>(value: &Value) -> Result<T, Fault> {
    str(value)?.parse().map_err(|_| Fault::new("InvalidGuid", "a guid is expected"))
}

/// An instant, in any accepted spelling.
pub(super) fn date(value: &Value) -> Result<Instant, Fault> {
    date::parse(str(value)?).map_err(|error| Fault::new("InvalidDate", format!("{error}")))
}

/// The address of a service or user.
pub(super) fn sip_address(value: &Value) -> Result<SipAddress, Fault> {
    Ok(SipAddress::parse(str(value)?)?)
}

/// An address that a browser opens: `http` or `https`, with a host and without a password.
pub(super) fn web_address(value: &Value) -> Result<String, Fault> {
    let text = text(value, defaults::CONTEXT_URL_CHARACTERS)?;
    if !is_web_address(&text) {
        return Err(Fault::new("InvalidUrl", "an http or https address with a host is expected"));
    }
    Ok(text)
}

fn str(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| Fault::wrong_type("a string"))
}

fn within(text: &str, limit: usize, refused: impl Fn(char) -> bool) -> Result<String, Fault> {
    if text.chars().nth(limit).is_some() {
        return Err(Fault::new("TooLong", format!("at most {limit} characters are accepted")));
    }
    if text.contains(refused) {
        return Err(Fault::new("ControlCharacter", "the text contains a control character"));
    }
    Ok(text.to_owned())
}

/// Integers beyond 64 bits arrive as floating-point numbers.
fn is_huge(number: &Number) -> bool {
    number.as_f64().is_none_or(|number| number.abs() >= 9_223_372_036_854_775_808.0)
}

fn is_web_address(text: &str) -> bool {
    let refused =
        |character: char| character.is_whitespace() || matches!(character, '\\' | '<' | '>' | '"');
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_web = ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme));
    if !is_web || text.contains(refused) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => (&authority[..colon], &authority[colon + 1..]),
        Some(_) | None => (authority, ""),
    };
    let port_is_valid = port.is_empty()
        || port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    port_is_valid && is_host(host)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address.parse::<core::net::Ipv6Addr>().is_ok();
    }
    let allowed = |character: char| {
        !character.is_ascii() || character.is_ascii_alphanumeric() || "-._".contains(character)
    };
    host.contains(char::is_alphanumeric) && host.chars().all(allowed)
}

/// The names that an enum accepts, as its derived reader gives them away.
#[derive(Debug)]
struct Accepted(&'static [&'static str]);

impl serde::de::Error for Accepted {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unknown name")
    }
}

impl core::error::Error for Accepted {}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{choice, guid, integer, is_web_address, name, paragraph, text};
    use crate::agent::Presence;
    use crate::id::CallbackId;

    #[test]
    fn only_whole_numbers_within_bounds_are_integers() {
        let huge: Value = serde_json::from_str("123456789012345678901234567890").unwrap();
        let table = [
            (json!(0), Ok(0)),
            (json!(100), Ok(100)),
            (json!(101), Err("OutOfRange")),
            (json!(-1), Err("OutOfRange")),
            (json!(u64::MAX), Err("OutOfRange")),
            (json!(4_294_967_296_u64), Err("OutOfRange")),
            (huge, Err("OutOfRange")),
            (json!(1e300), Err("OutOfRange")),
            (json!(3.0), Err("WrongType")),
            (json!(0.5), Err("WrongType")),
            (json!("3"), Err("WrongType")),
            (json!(true), Err("WrongType")),
            (json!([3]), Err("WrongType")),
        ];
        for (value, expected) in table {
            assert_eq!(
                integer(&value, &(0..=100)).map_err(|fault| fault.code),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn text_is_counted_in_characters_and_free_of_control_characters() {
        let table = [
            (json!("ééé"), None),
            (json!(""), None),
            (json!("éééé"), Some("TooLong")),
            (json!("a\0"), Some("ControlCharacter")),
            (json!("a\nb"), Some("ControlCharacter")),
            (json!("a\u{85}"), Some("ControlCharacter")),
            (json!(1), Some("WrongType")),
        ];
        for (value, code) in table {
            assert_eq!(text(&value, 3).err().map(|fault| fault.code), code, "{value}");
        }
        assert_eq!(paragraph(&json!("a\r\n\tb"), 5).ok().as_deref(), Some("a\r\n\tb"));
        assert_eq!(paragraph(&json!("a\0"), 5).unwrap_err().code, "ControlCharacter");
        assert_eq!(name(&json!(" \u{a0}")).unwrap_err().code, "Required");
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_accepted_ones() {
        assert_eq!(choice::<Presence>(&json!("Away")), Ok(Presence::Away));
        for wrong in [json!("away"), json!(""), json!("Away ")] {
            let fault = choice::<Presence>(&wrong).unwrap_err();
            assert_eq!(fault.code, "UnknownValue");
            assert_eq!(fault.message, "the accepted values are Available, Busy, Away, Offline");
        }
        for wrong in [json!({"Away": null}), json!(2), json!(["Away"])] {
            assert_eq!(choice::<Presence>(&wrong).unwrap_err().code, "WrongType");
        }
    }

    #[test]
    fn guids_are_read() {
        let id = CallbackId::from_u128(0x0f3c_f4cd_71f9_4224_a415_3aa5_b37b_fd59);
        assert_eq!(guid(&json!("0F3CF4CD-71f9-4224-a415-3aa5b37bfd59")), Ok(id));
        assert_eq!(guid::<CallbackId>(&json!("0f3cf4cd")).unwrap_err().code, "InvalidGuid");
    }

    #[test]
    fn web_addresses_have_a_web_scheme_and_a_plain_host() {
        for accepted in [
            "http://a",
            "HTTPS://crm.example.com:8443/case?id=1&x={y}#top",
            "https://[2001:db8::1]:80/",
            "https://[::1]",
            "https://münchen.example/ü",
            "http://a?x",
        ] {
            assert!(is_web_address(accepted), "{accepted}");
        }
        for refused in [
            "",
            "a",
            "//a",
            "http:/a",
            "http://",
            "http:///path",
            "http://?x",
            "http://:80",
            "http://.",
            "http://a:99999",
            "http://a:+80",
            "http://user:word@a/",
            "http://a@b",
            "http://a b",
            "http://a\\b",
            "http://[::1",
            "http://[x]",
            "javascript://a/%0aalert(1)",
            "ftp://a",
            "data:text/html,x",
            "http://a/\"onload=",
        ] {
            assert!(!is_web_address(refused), "{refused}");
        }
    }
}
