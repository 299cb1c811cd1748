//! Telephone numbers after RFC 3966, with spaces as people write them.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::escape::units;
use super::parameter::{self, Parameter};
use super::{CountryCode, Scheme, Target, TargetError, end_of};

const MIN_DIGITS: usize = 3;
const MAX_DIGITS: usize = 15;

/// Reads what follows `tel:`.
pub(super) fn parse(body: &str, default: Option<CountryCode>) -> Result<Target, TargetError> {
    let Subscriber { number, parameters } = subscriber(body, default)?;
    let mut text = String::from("tel:");
    text.push_str(&number);
    let end = end_of(&text)?;
    parameter::push(&mut text, &parameters);
    end_of(&text)?;
    Ok(Target {
        text,
        scheme: Scheme::Tel,
        number_end: Some(end),
        user_end: end,
        host_end: end,
        port_end: end,
    })
}

/// A number with its parameters, as `tel:` and telephone users of SIP have them.
pub(super) struct Subscriber {
    /// `+` and E.164 digits.
    pub(super) number: String,
    pub(super) parameters: Vec<Parameter>,
}

pub(super) fn subscriber(
    text: &str,
    default: Option<CountryCode>,
) -> Result<Subscriber, TargetError> {
    let (number, parameters) = match text.split_once(';') {
        Some((number, parameters)) => (number, Some(parameters)),
        None => (text, None),
    };
    let written = written_number(number)?;
    let mut parameters = parameter::parse(parameters)?;
    let context = take_context(&mut parameters)?;
    if context.is_some() && written.starts_with('+') {
        return Err(TargetError::BadPhoneContext);
    }
    if let Some(extension) = parameters.iter_mut().find(|parameter| parameter.name == "ext") {
        extension.value = Some(extension_digits(extension.value.as_deref())?);
    }
    let number = international(&written, context.or(default))?;
    Ok(Subscriber { number, parameters })
}

/// The number without spaces and escapes; the other separators are still there.
fn written_number(text: &str) -> Result<String, TargetError> {
    let mut written = String::with_capacity(text.len());
    let mut begun = false;
    for unit in units(text) {
        let byte = unit?.byte;
        match byte {
            b' ' => continue,
            b'+' if !begun => {
                // What stands before the plus, as in "(+41) 78", says nothing.
                written.clear();
                begun = true;
            }
            b'0'..=b'9' => begun = true,
            b'-' | b'.' | b'(' | b')' => {}
            other => return Err(TargetError::BadNumber { found: char::from(other) }),
        }
        written.push(char::from(byte));
    }
    Ok(written)
}

fn take_context(parameters: &mut Vec<Parameter>) -> Result<Option<CountryCode>, TargetError> {
    let Some(at) = parameters.iter().position(|parameter| parameter.name == "phone-context") else {
        return Ok(None);
    };
    let context = parameters.remove(at).value;
    context
        .filter(|value| value.starts_with('+'))
        .and_then(|value| CountryCode::parse(&value).ok())
        .map(Some)
        .ok_or(TargetError::BadPhoneContext)
}

fn extension_digits(value: Option<&str>) -> Result<String, TargetError> {
    let digits: String = value
        .unwrap_or_default()
        .chars()
        .filter(|character| !matches!(character, '-' | '.' | '(' | ')'))
        .collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TargetError::BadExtension);
    }
    Ok(digits)
}

/// `+` and digits, whatever way the number was written.
fn international(written: &str, country: Option<CountryCode>) -> Result<String, TargetError> {
    let digits = match written.strip_prefix('+') {
        Some(global) => without_bracketed_zero(global),
        None => completed(&digits_of(written), country)?,
    };
    if digits.is_empty() {
        return Err(TargetError::MissingNumber);
    }
    if digits.starts_with('0') {
        return Err(TargetError::LeadingZero);
    }
    if digits.len() < MIN_DIGITS {
        return Err(TargetError::NumberTooShort);
    }
    if digits.len() > MAX_DIGITS {
        return Err(TargetError::NumberTooLong);
    }
    let mut number = digits;
    number.insert(0, '+');
    Ok(number)
}

/// The digits of "41 (0)78 …", where the bracketed zero is for national callers only.
fn without_bracketed_zero(global: &str) -> String {
    if let Some((code, rest)) = global.split_once("(0)")
        && CountryCode::parse(&digits_of(code)).is_ok_and(CountryCode::drops_zero)
    {
        return digits_of(code) + &digits_of(rest);
    }
    digits_of(global)
}

/// National digits with the country code, or what follows the international prefix 00.
fn completed(digits: &str, country: Option<CountryCode>) -> Result<String, TargetError> {
    if digits.is_empty() {
        return Err(TargetError::MissingNumber);
    }
    let country = country.ok_or(TargetError::CountryCodeNeeded)?;
    if let Some(global) = digits.strip_prefix("00") {
        return Ok(global.to_string());
    }
    let national = match digits.strip_prefix('0') {
        Some(rest) if country.drops_zero() => rest,
        Some(_) | None => digits,
    };
    if national.is_empty() {
        return Err(TargetError::NumberTooShort);
    }
    Ok(country.to_string() + national)
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
