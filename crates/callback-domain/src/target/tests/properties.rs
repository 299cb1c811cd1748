use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{parse, swiss};
use crate::target::{CountryCode, SipAddress, Target, TargetKey, TargetPattern};

/// Text that is mostly made of what addresses are made of.
fn address_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(Vec::from([
        "sip:",
        "SIPS:",
        "tel:",
        "+",
        "+41",
        "0",
        "00",
        "(0)",
        "785556677",
        "a",
        "B",
        "alice",
        "@",
        "@b",
        "@10.0.0.1",
        "@[::ffff:0102:304]",
        ":",
        "5060",
        ";",
        ";user=phone",
        ";ext=1",
        ";phone-context=+41",
        "=",
        "%41",
        "%2b",
        "%2F",
        "%3b",
        "%25",
        "%",
        "/",
        "?",
        ".",
        "-",
        " ",
        "*",
        "(",
        ")",
        "[",
        "]",
        "x",
        ";x=%5b",
    ]));
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

fn arbitrary_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(sip|sips|tel):[ -~]{0,40}",
        "sip:[a-z%0-9+;]{1,9}@[a-z0-9.\\[\\]:]{1,12}(;[a-z=%0-9]{1,9})?",
        address_like()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_parser_panic(text in arbitrary_text()) {
        prop_assert_eq!(Target::parse(&text, None).is_ok(), text.parse::<Target>().is_ok());
        prop_assert!(SipAddress::parse(&text).map_or(true, |address| Target::parse(&text, None).as_ref() == Ok(address.as_target())));
        prop_assert!(TargetPattern::parse(&text).map_or(true, |pattern| TargetPattern::parse(pattern.as_str()) == Ok(pattern)));
        prop_assert!(CountryCode::parse(&text).map_or(true, |code| CountryCode::parse(&code.to_string()) == Ok(code)));
    }

    #[test]
    fn normalising_twice_changes_nothing(text in arbitrary_text()) {
        if let Ok(target) = Target::parse(&text, Some(swiss())) {
            prop_assert!(target.as_str().len() <= 255);
            prop_assert!(target.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(Target::parse(target.as_str(), None), Ok(target));
        }
    }

    #[test]
    fn the_parts_and_parameters_make_up_the_whole(text in arbitrary_text()) {
        if let Ok(target) = Target::parse(&text, Some(swiss())) {
            let address = match (target.user(), target.host()) {
                (Some(user), Some(host)) => format!("{}:{user}@{host}", target.scheme()),
                _ => format!("tel:{}", target.number().unwrap()),
            };
            let port = target.port().map(|port| format!(":{port}")).unwrap_or_default();
            let rest = target.as_str().strip_prefix(&(address + &port)).unwrap();
            prop_assert!(rest.is_empty() || rest.starts_with(';'));
        }
    }

    #[test]
    fn case_does_not_change_the_key(text in arbitrary_text()) {
        if let Ok(target) = Target::parse(&text, Some(swiss())) {
            for other in [text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
                let other = Target::parse(&other, Some(swiss()));
                prop_assert_eq!(other.map(|other| other.key()), Ok(target.key()));
            }
        }
    }

    #[test]
    fn separators_do_not_change_the_key(
        number in "[1-9][0-9]{2,14}",
        separators in prop::collection::vec(prop::sample::select(Vec::from(["", "", " ", "-", ".", ")", "%20"])), 15),
    ) {
        let separated: String = number.chars().zip(separators).map(|(digit, separator)| format!("{digit}{separator}")).collect();
        let key = TargetKey::from_stored(format!("+{number}"));
        let user = separated.replace(' ', "").replace("%20", "");
        for text in [
            format!("tel:+{separated}"),
            format!("tel:00 {separated}"),
            format!("sip:+{user}@trunk.example;user=phone"),
        ] {
            prop_assert_eq!(&parse(&text).key(), &key);
        }
    }

    #[test]
    fn escaping_does_not_change_the_key(user in "[a-zA-Z0-9+.-]{1,12}", escaped in any::<u16>()) {
        let other: String = user.bytes().enumerate()
            .map(|(at, byte)| if escaped >> at & 1 == 1 { format!("%{byte:02x}") } else { char::from(byte).to_string() })
            .collect();
        for rest in ["@b", "@b;user=phone"] {
            let plain = Target::parse(&format!("sip:{user}{rest}"), None);
            prop_assert_eq!(Target::parse(&format!("sip:{other}{rest}"), None), plain);
        }
    }
}
