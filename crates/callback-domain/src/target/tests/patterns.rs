use alloc::format;

use proptest::prelude::*;

use super::parse;
use crate::target::{TargetError, TargetPattern};

#[test]
fn patterns_match_whole_addresses() {
    for (pattern, target, expected) in [
        ("*", "sip:a@b", true),
        ("*", "tel:+41785556677", true),
        ("tel:*", "tel:+41785556677", true),
        ("tel:*", "sip:+41785556677@t;user=phone", false),
        ("tel:+41*", "tel:+41785556677;ext=12", true),
        ("tel:+41*", "tel:+49301234", false),
        ("tel:+41 78-*", "tel:+41785556677", true),
        ("tel:+41785556677", "tel:+41785556677;ext=12", true),
        ("tel:*77", "tel:+41785556677", true),
        ("+41*", "tel:+41785556677", true),
        ("+41*", "sip:+41785556677@t;user=phone", true),
        ("+41*", "sip:+41785556677@t", false),
        ("+*", "sip:a@b", false),
        ("sip:*@dev.local", "sip:Smoky.qq@DEV.local:5070;transport=tcp", true),
        ("SIP:*@Dev.Local", "sip:a@dev.local", true),
        ("sip:*@dev.local", "sips:a@dev.local", false),
        ("sip:*@dev.local", "sip:a@xdev.local", false),
        ("sip:*@dev.local", "sip:a@dev.local.evil.example", false),
        ("sip:*@*.dev.local", "sip:a@evil.example;x=.dev.local", false),
        ("sip:*@*.dev.local", "sip:a@x.dev.local", true),
        ("sip:*@dev.local:5070", "sip:a@dev.local:5070", true),
        ("sip:*@dev.local:5070", "sip:a@dev.local", false),
        ("sip:+41*@trunk", "sip:+41785556677@trunk;user=phone", true),
        ("sip:+41*@trunk", "sip:+41785556677@evil.example;user=phone", false),
        ("*@dev.local", "sips:a@dev.local:5061", true),
        ("*@dev.local", "sip:+41785556677@dev.local;user=phone", true),
        ("*@[::1]", "sip:a@[0:0::1]", true),
        ("a*b*c@x", "sip:a1b2c@x", true),
        ("a*b*c@x", "sip:acb@x", false),
        ("a*a@x", "sip:a@x", false),
        ("a**a@x", "sip:aa@x", true),
        ("alice@*", "sip:malice@x", false),
    ] {
        let pattern = TargetPattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(&parse(target)), expected, "{pattern} on {target}");
    }
}

#[test]
fn patterns_that_cannot_be_meant_are_refused() {
    for text in [
        "41*",
        "dev.local",
        "*dev.local",
        "tel:",
        "tel:078*",
        "tel:+41a*",
        "+",
        "sip:",
        "sip:alice",
        "sip:*dev.local",
        "sip:@dev.local",
        "sip:*@",
        "sip:*@a@b",
        "sip:*@b;lr",
        "sip:*@b?x",
        "http:*",
        "sip:a:b@c",
        "* @b",
    ] {
        assert_eq!(TargetPattern::parse(text), Err(TargetError::BadPattern), "{text:?}");
    }
    assert_eq!(TargetPattern::parse(" "), Err(TargetError::Empty));
    assert_eq!(TargetPattern::parse("*\n"), Err(TargetError::ControlCharacter));
    assert_eq!(TargetPattern::parse(&"*".repeat(256)), Err(TargetError::TooLong));
}

/// The obvious matcher, to hold the fast one against.
fn matches_plainly(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches_plainly(rest, text) => true,
        (Some((b'*', _)), Some((_, text))) => matches_plainly(pattern, text),
        (Some((wanted, pattern)), Some((found, text))) => {
            wanted == found && matches_plainly(pattern, text)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn matching_agrees_with_the_obvious_matcher(user in "[ab]{1,8}", pattern in "[ab*]{1,8}") {
        let matches = TargetPattern::parse(&format!("{pattern}@x")).unwrap().matches(&parse(&format!("sip:{user}@x")));
        prop_assert_eq!(matches, matches_plainly(pattern.as_bytes(), user.as_bytes()));
    }
}
