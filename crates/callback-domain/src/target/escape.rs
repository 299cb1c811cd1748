//! Percent-escapes, read once and written in one way.

use alloc::format;
use alloc::string::String;

use super::TargetError;

/// One character of an address.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub(super) byte: u8,
    pub(super) escaped: bool,
}

/// The characters of a text, escapes decoded.
pub(super) fn units(text: &str) -> impl Iterator<Item = Result<Unit, TargetError>> {
    let mut bytes = text.bytes();
    core::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'%' {
            return Some(Ok(Unit { byte, escaped: false }));
        }
        let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) else {
            return Some(Err(TargetError::BadEscape));
        };
        let byte = high << 4 | low;
        Some(if byte.is_ascii_control() {
            Err(TargetError::EscapedControlCharacter)
        } else if !byte.is_ascii() {
            Err(TargetError::NonAscii)
        } else {
            Ok(Unit { byte, escaped: true })
        })
    })
}

/// Characters that never need an escape.
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// The text with needless escapes resolved and the others in upper case.
///
/// `%2B` counts as needless: it must not hide that a user is a number.
pub(super) fn normal(
    text: &str,
    may_stand: fn(u8) -> bool,
    refuse: fn(char) -> TargetError,
) -> Result<String, TargetError> {
    let mut normal = String::with_capacity(text.len());
    for unit in units(text) {
        let Unit { byte, escaped } = unit?;
        if escaped && !is_unreserved(byte) && byte != b'+' {
            normal.push_str(&format!("%{byte:02X}"));
        } else if escaped || may_stand(byte) {
            normal.push(char::from(byte));
        } else {
            return Err(refuse(char::from(byte)));
        }
    }
    Ok(normal)
}

fn hex(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}
