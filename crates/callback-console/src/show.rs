//! How values are shown: instants, durations, addresses, and the words of the API.

use callback_domain::date;
use maud::{Markup, html};
use serde_json::Value;

use crate::texts;

/// A text member of an answer; empty when it is `null`.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

/// A text member, or a dash.
pub(crate) fn text_or_dash<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().filter(|text| !text.is_empty()).unwrap_or(texts::NONE)
}

/// The entries of a list member.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// An instant as the API writes it; a script turns it into the reader's own time.
pub(crate) fn instant(wire: &str) -> Markup {
    html! {
        @if wire.is_empty() { (texts::NONE) } @else {
            time datetime=(wire) data-local { (plain(wire)) }
        }
    }
}

/// An instant as people read it without a script: to the second, in UTC.
fn plain(wire: &str) -> String {
    let (day, rest) = wire.split_once('T').unwrap_or((wire, ""));
    let time = rest.get(..8).unwrap_or(rest);
    format!("{day} {time} UTC")
}

/// What is left until an instant; a script counts it down.
pub(crate) fn countdown(until: date::Instant, now: date::Instant) -> Markup {
    let seconds = until.signed_duration_since(now).num_seconds().max(0);
    html! {
        span.countdown role="timer" data-left=(seconds) { (duration(seconds)) }
    }
}

/// What is left of a number of seconds; a script counts it down when it runs.
pub(crate) fn seconds_left(seconds: i64, runs: bool) -> Markup {
    let left = runs.then_some(seconds);
    html! { span.countdown data-left=[left] { (duration(seconds)) } }
}

/// So many seconds: `45 s`, `12:05`, `3:12:05`, `2 d 3 h`.
pub(crate) fn duration(seconds: i64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3_600 => format!("{minutes}:{:02}", seconds % 60),
        3_600..86_400 => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
        86_400.. => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// A word of the API as people read it: `VeryHigh` is `Very high`.
pub(crate) fn words(word: &str) -> String {
    let mut words = String::with_capacity(word.len() + 4);
    if word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return word.to_owned();
    }
    for character in word.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(character.to_ascii_lowercase());
        } else {
            words.push(character);
        }
    }
    words
}

/// A phase, a presence or another word of the API as a badge in its colour.
pub(crate) fn badge(word: &str) -> Markup {
    html! { span.badge data-word=(word) { (words(word)) } }
}

/// A link that leads out of the console; anything but a web address is only shown.
pub(crate) fn outside(address: &str) -> Markup {
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|given| given.eq_ignore_ascii_case(scheme))
    });
    html! {
        @if is_web {
            a href=(address) target="_blank" rel="noopener noreferrer" { (address) }
        } @else { (address) }
    }
}

/// A link by which a phone dials; anything but a phone's address is only shown.
pub(crate) fn dial(address: &str) -> Markup {
    let is_phone = ["tel:", "sip:", "sips:"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|given| given.eq_ignore_ascii_case(scheme))
    });
    html! {
        @if is_phone { a.dial href=(address) { (address) } } @else { (address) }
    }
}

/// Text for a place in a path or query of ours.
pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let cases = [(0, "0 s"), (59, "59 s"), (60, "1:00"), (3_599, "59:59"), (3_600, "1:00:00")];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(duration(90_000), "1 d 1 h");
        assert_eq!(duration(-5), "0 s");
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert!(outside("https://crm.example/1").into_string().contains("href"));
        for hostile in ["javascript:alert(1)", "data:text/html,x", "//evil.example", "é"] {
            assert!(!outside(hostile).into_string().contains("href"), "{hostile}");
            assert!(!dial(hostile).into_string().contains("href"), "{hostile}");
        }
    }
}
