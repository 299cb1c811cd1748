//! Keeps numbers and addresses of customers out of the log, whatever an error text quotes.

use std::io::{self, Write};

/// Fewest digits of what is taken for a telephone number.
const DIGITS: usize = 6;
/// What stands in place of what was taken out.
const HIDDEN: &str = "[hidden]";

/// A writer of whole lines that hides `tel:` and `sip:` addresses and international numbers.
#[derive(Debug)]
pub(crate) struct Redacted<W>(pub(crate) W);

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(redacted(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text without numbers and addresses.
fn redacted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        // A scheme within a longer word is none.
        let begins = !shown.ends_with(|before: char| before.is_ascii_alphanumeric());
        if let Some((kept, length)) = begins.then(|| hidden(rest)).flatten() {
            shown.push_str(rest.get(..kept).unwrap_or_default());
            shown.push_str(HIDDEN);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            shown.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    shown
}

/// How much at the beginning of a text is to be hidden, and how much of that may be kept.
fn hidden(text: &str) -> Option<(usize, usize)> {
    for scheme in ["sip:", "sips:", "tel:"] {
        let is_scheme = text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
        let length = text.find(ends).unwrap_or(text.len());
        if is_scheme && length > scheme.len() {
            return Some((scheme.len(), length));
        }
    }
    let plus = ["+", "%2B", "%2b"].into_iter().find(|plus| text.starts_with(plus))?;
    let number = text.get(plus.len()..)?;
    let length = number
        .find(|character: char| !(character.is_ascii_digit() || " -.()/".contains(character)))
        .unwrap_or(number.len());
    let digits = number.get(..length)?.bytes().filter(u8::is_ascii_digit).count();
    (digits >= DIGITS).then_some((0, plus.len() + length))
}

/// Whether a character is no part of an address as it stands in a sentence or in JSON.
fn ends(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "\"'`<>,\\)]}".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_hidden_wherever_they_stand() {
        for (text, wanted) in [
            ("at tel:+41785556677 now", "at tel:[hidden] now"),
            ("\"sip:smoky.qq@dev.local\",", "\"sip:[hidden]\","),
            ("SIPS:a@b;x=y", "SIPS:[hidden]"),
            ("number +41 78 555 66 77", "number [hidden]"),
            ("q=%2B41785556677&x", "q=[hidden]&x"),
            ("Key (target)=(tel:0785556677) exists", "Key (target)=(tel:[hidden]) exists"),
            ("a='+41785556677'", "a='[hidden]'"),
            ("ü+41785556677ü", "ü[hidden]ü"),
        ] {
            assert_eq!(redacted(text), wanted);
        }
    }

    #[test]
    fn what_is_no_number_stays() {
        for text in [
            "2026-01-05T10:00:00.000000Z INFO serving address=127.0.0.1:8080",
            "2026-01-05T10:00:00+01:00",
            "019a2b3c-0000-7000-8000-000000000000",
            "a hotel: 7 gossip: x",
            "+ 5",
            "sip: nothing",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn a_line_is_written_whole() {
        let mut lines = Vec::new();
        Redacted(&mut lines).write_all("to tel:0785556677\n".as_bytes()).unwrap();
        assert_eq!(lines, b"to tel:[hidden]\n");
    }
}
