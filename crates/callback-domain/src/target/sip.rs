//! SIP addresses after RFC 3261.

use alloc::string::{String, ToString as _};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::escape::{is_unreserved, normal};
use super::{Scheme, Target, TargetError, end_of, parameter, tel};

const MAX_HOST_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// Reads what follows `sip:` or `sips:`.
pub(super) fn parse(scheme: Scheme, body: &str) -> Result<Target, TargetError> {
    if body.contains(' ') {
        return Err(TargetError::Whitespace);
    }
    let (user, rest) = body.split_once('@').ok_or(TargetError::MissingUser)?;
    if user.is_empty() {
        return Err(TargetError::MissingUser);
    }
    if rest.contains('@') {
        return Err(TargetError::SeveralAtSigns);
    }
    if user.contains(':') {
        return Err(TargetError::PasswordRefused);
    }
    let (host_and_port, parameters) = match rest.split_once(';') {
        Some((host_and_port, parameters)) => (host_and_port, Some(parameters)),
        None => (rest, None),
    };
    let user = normal(user, may_stand_in_user, |found| TargetError::BadUser { found })?;
    let (host, port) = host_and_port_of(host_and_port)?;
    let parameters = parameter::parse(parameters)?;
    let for_phone = parameters
        .iter()
        .any(|parameter| parameter.name == "user" && parameter.value.as_deref() == Some("phone"));

    let mut text = String::from(scheme.name());
    text.push(':');
    let number_end = if for_phone && user.starts_with('+') {
        let subscriber = tel::subscriber(&user, None)?;
        text.push_str(&subscriber.number);
        let end = end_of(&text)?;
        parameter::push(&mut text, &subscriber.parameters);
        Some(end)
    } else {
        text.push_str(&user);
        None
    };
    let user_end = end_of(&text)?;
    text.push('@');
    text.push_str(&host);
    let host_end = end_of(&text)?;
    if let Some(port) = port {
        text.push(':');
        text.push_str(&port.to_string());
    }
    let port_end = end_of(&text)?;
    parameter::push(&mut text, &parameters);
    end_of(&text)?;
    Ok(Target { text, scheme, number_end, user_end, host_end, port_end })
}

const fn may_stand_in_user(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'/')
}

fn host_and_port_of(text: &str) -> Result<(String, Option<u16>), TargetError> {
    if text.is_empty() {
        return Err(TargetError::MissingHost);
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']').ok_or(TargetError::BadIpv6)?;
        let address: Ipv6Addr = address.parse().map_err(|_| TargetError::BadIpv6)?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port_of(port)?),
            None if after.is_empty() => None,
            None => return Err(TargetError::BadHost),
        };
        let mut host = String::from("[");
        host.push_str(&address.to_string());
        host.push(']');
        return Ok((host, port));
    }
    match text.split_once(':') {
        Some((host, port)) => Ok((host_of(host)?, Some(port_of(port)?))),
        None => Ok((host_of(text)?, None)),
    }
}

/// A host name in lower case without the final dot, or an IPv4 address.
fn host_of(text: &str) -> Result<String, TargetError> {
    if text.is_empty() {
        return Err(TargetError::MissingHost);
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return Ok(text.to_string());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    // A last label that begins with a digit is a malformed IPv4 address to somebody.
    let last_is_name = name
        .rsplit('.')
        .next()
        .is_some_and(|label| label.starts_with(|first: char| first.is_ascii_alphabetic()));
    if !last_is_name || name.len() > MAX_HOST_BYTES || !name.split('.').all(is_label) {
        return Err(TargetError::BadHost);
    }
    Ok(name.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL_BYTES
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn port_of(text: &str) -> Result<u16, TargetError> {
    // The number parser would take a plus sign.
    if text.len() > 5 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TargetError::BadPort);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or(TargetError::BadPort)
}
