//! What follows the first semicolon.

use alloc::string::String;
use alloc::vec::Vec;

use super::TargetError;
use super::escape::{is_unreserved, normal};

/// Parameters that send a call elsewhere than its address says, or change the request.
const REFUSED: [&str; 9] =
    ["maddr", "ttl", "method", "rn", "rn-context", "cic", "cic-context", "tgrp", "trunk-context"];

/// Parameters whose values are names, in which case does not count.
const NAMED_VALUES: [&str; 2] = ["user", "transport"];

pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

/// Reads `a=b;c`; nothing when there was no semicolon.
pub(super) fn parse(text: Option<&str>) -> Result<Vec<Parameter>, TargetError> {
    let mut parameters = Vec::<Parameter>::new();
    for part in text.into_iter().flat_map(|text| text.split(';')) {
        let parameter = parse_one(part)?;
        if parameters.iter().any(|earlier| earlier.name == parameter.name) {
            return Err(TargetError::DuplicateParameter);
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

/// Appends `;a=b;c`.
pub(super) fn push(text: &mut String, parameters: &[Parameter]) {
    for parameter in parameters {
        text.push(';');
        text.push_str(&parameter.name);
        if let Some(value) = &parameter.value {
            text.push('=');
            text.push_str(value);
        }
    }
}

fn parse_one(text: &str) -> Result<Parameter, TargetError> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let mut name = characters(name)?;
    name.make_ascii_lowercase();
    if let Some(name) = REFUSED.into_iter().find(|refused| *refused == name) {
        return Err(TargetError::ParameterRefused { name });
    }
    let mut value = value.map(characters).transpose()?;
    if NAMED_VALUES.contains(&name.as_str())
        && let Some(value) = &mut value
    {
        value.make_ascii_lowercase();
    }
    Ok(Parameter { name, value })
}

fn characters(text: &str) -> Result<String, TargetError> {
    if text.is_empty() {
        return Err(TargetError::BadParameter);
    }
    normal(text, may_stand, |found| match found {
        ' ' => TargetError::Whitespace,
        _ => TargetError::BadParameter,
    })
}

const fn may_stand(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
}
