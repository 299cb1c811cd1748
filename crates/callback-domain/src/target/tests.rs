use alloc::format;
use alloc::string::{String, ToString as _};

mod patterns;
mod properties;

use super::{CountryCode, Scheme, SipAddress, Target, TargetError, TargetKey, TargetPattern};

fn swiss() -> CountryCode {
    CountryCode::parse("41").unwrap()
}

fn parse(text: &str) -> Target {
    Target::parse(text, Some(swiss())).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn code(text: &str) -> &'static str {
    match Target::parse(text, None) {
        Ok(target) => panic!("{text:?} was taken as {target}"),
        Err(error) => error.code(),
    }
}

#[test]
fn good_addresses_have_one_normal_form_and_one_key() {
    let number = "+41785556677";
    for (text, normal, key) in [
        ("sip:smoky.qq@dev.local", "sip:smoky.qq@dev.local", "smoky.qq@dev.local"),
        ("  sip:a@b  ", "sip:a@b", "a@b"),
        ("SIP:Alice@Example.COM", "sip:Alice@example.com", "alice@example.com"),
        ("sips:alice@example.com:5061", "sips:alice@example.com:5061", "alice@example.com"),
        ("sip:a@b:05060", "sip:a@b:5060", "a@b"),
        ("sip:a@example.com.", "sip:a@example.com", "a@example.com"),
        ("sip:a@10.0.0.1:5060", "sip:a@10.0.0.1:5060", "a@10.0.0.1"),
        ("sip:a@[2001:DB8:0:0::1]:5060", "sip:a@[2001:db8::1]:5060", "a@[2001:db8::1]"),
        ("sip:a@b;Transport=TCP;lr", "sip:a@b;transport=tcp;lr", "a@b"),
        ("sip:a@b;gr=Xy%2fz", "sip:a@b;gr=Xy%2Fz", "a@b"),
        ("sip:%61l%69ce@b", "sip:alice@b", "alice@b"),
        ("sip:al%20ice@b", "sip:al%20ice@b", "al%20ice@b"),
        ("sip:a%40x.org@b", "sip:a%40x.org@b", "a%40x.org@b"),
        ("sip:a%2541@b", "sip:a%2541@b", "a%2541@b"),
        ("sip:a;day=tue&x,/$@b", "sip:a;day=tue&x,/$@b", "a;day=tue&x,/$@b"),
        ("sip:+41785556677@trunk", "sip:+41785556677@trunk", "+41785556677@trunk"),
        ("sip:0785556677@t;user=phone", "sip:0785556677@t;user=phone", "0785556677@t"),
        (
            "sip:+41785556677@trunk.example;user=phone",
            "sip:+41785556677@trunk.example;user=phone",
            number,
        ),
        ("sips:+41-78-555.66(77)@T:99;USER=Phone", "sips:+41785556677@t:99;user=phone", number),
        ("sip:%2B4%31785556677@t;user=%70hone", "sip:+41785556677@t;user=phone", number),
        ("sip:+41785556677;ext=1-2@t;user=phone", "sip:+41785556677;ext=12@t;user=phone", number),
        ("tel:+41785556677", "tel:+41785556677", number),
        ("tel: +41 78 555 66 77", "tel:+41785556677", number),
        ("TEL:+41.78-555(66)77", "tel:+41785556677", number),
        ("tel:+41%2078%20555%2066%2077", "tel:+41785556677", number),
        ("tel:%2B41785556677", "tel:+41785556677", number),
        ("tel:(+41) 78 555 66 77", "tel:+41785556677", number),
        ("tel:+41 (0)78 555 66 77", "tel:+41785556677", number),
        ("tel:+41785556677;EXT=(1)-2", "tel:+41785556677;ext=12", number),
        (
            "tel:+41785556677;isub=%41b;cpc=payphone",
            "tel:+41785556677;isub=Ab;cpc=payphone",
            number,
        ),
        ("tel:078 555 66 77", "tel:+41785556677", number),
        ("tel:78 555 66 77", "tel:+41785556677", number),
        ("tel:0041 78 555 66 77", "tel:+41785556677", number),
        ("tel:(00) 41 78 555 66 77", "tel:+41785556677", number),
        ("tel:030 1234;phone-context=+49", "tel:+49301234", "+49301234"),
        ("tel:06 1234;phone-context=+39", "tel:+39061234", "+39061234"),
        ("tel:+39 (0)6 1234", "tel:+39061234", "+39061234"),
        ("tel:+123456789012345", "tel:+123456789012345", "+123456789012345"),
    ] {
        let target = parse(text);
        assert_eq!((target.as_str(), target.key().as_str()), (normal, key), "{text:?}");
        assert_eq!(Target::parse(normal, None).as_ref(), Ok(&target), "{text:?}");
    }
}

#[test]
fn hostile_addresses_are_refused_by_name() {
    let long_label = format!("sip:a@{}", "b".repeat(64));
    let long = format!("tel:+41{}", " ".repeat(250) + "1");
    let endless = "sip:".repeat(100_000);
    for (text, expected) in [
        ("", "Empty"),
        ("   ", "Empty"),
        (&long, "TooLong"),
        (&endless, "TooLong"),
        ("sip:a@b\r\nVia: x", "ControlCharacter"),
        ("sip:a@b\r\n", "ControlCharacter"),
        ("\nsip:a@b", "ControlCharacter"),
        ("sip:a\0@b", "ControlCharacter"),
        ("tel:+41\t785556677", "ControlCharacter"),
        ("sip:a@b\x7f", "ControlCharacter"),
        ("sip:a%0d%0aVia@b", "EscapedControlCharacter"),
        ("sip:a%00@b", "EscapedControlCharacter"),
        ("sip:a@b;x=%0A", "EscapedControlCharacter"),
        ("tel:+41%0a78", "EscapedControlCharacter"),
        ("sip:a%7F@b", "EscapedControlCharacter"),
        ("sip:ä@b", "NonAscii"),
        ("sip:%C3%A4@b", "NonAscii"),
        ("sip:a@b\u{2028}", "NonAscii"),
        ("tel:+41\u{a0}785556677", "NonAscii"),
        ("tel:+४१७८५५५", "NonAscii"),
        ("sip:a b@c", "Whitespace"),
        ("sip: a@b", "Whitespace"),
        ("sip:a@b ;lr", "Whitespace"),
        ("tel:+41785556677; ext=1", "Whitespace"),
        ("sip:a%@b", "BadEscape"),
        ("sip:a%4@b", "BadEscape"),
        ("sip:a%zz@b", "BadEscape"),
        ("sip:a@b;x=%+1", "BadEscape"),
        ("+41785556677", "MissingScheme"),
        ("alice@example.com", "MissingScheme"),
        ("http://example.com", "UnknownScheme"),
        ("javascript:alert(1)", "UnknownScheme"),
        (":a@b", "UnknownScheme"),
        ("sip :a@b", "UnknownScheme"),
        ("<sip:a@b>", "UnknownScheme"),
        ("sip://a@b", "DoubleSlash"),
        ("tel://+41785556677", "DoubleSlash"),
        ("sip:a@b?Subject=x", "HeadersRefused"),
        ("sip:b?x=a@c", "HeadersRefused"),
        ("tel:+41785556677?x=y", "HeadersRefused"),
        ("sip:", "MissingUser"),
        ("sip:host", "MissingUser"),
        ("sip:host:5060;lr", "MissingUser"),
        ("sip:@host", "MissingUser"),
        ("sip:\"a\"@b", "BadUser"),
        ("sip:a<b@c", "BadUser"),
        ("sip:a\\b@c", "BadUser"),
        ("sip:a#b@c", "BadUser"),
        ("sip:a[b@c", "BadUser"),
        ("sip:a@b@c", "SeveralAtSigns"),
        ("sip:a@b;x=@dev.local", "SeveralAtSigns"),
        ("sip:a:secret@b", "PasswordRefused"),
        ("sip:a:@b", "PasswordRefused"),
        ("sip:a@", "MissingHost"),
        ("sip:a@:5060", "MissingHost"),
        ("sip:a@;lr", "MissingHost"),
        ("sip:a@b..c", "BadHost"),
        ("sip:a@.", "BadHost"),
        ("sip:a@-b", "BadHost"),
        ("sip:a@b-", "BadHost"),
        ("sip:a@b_c", "BadHost"),
        ("sip:a@b/c", "BadHost"),
        ("sip:a@%62", "BadHost"),
        ("sip:a@b>", "BadHost"),
        ("sip:a@256.0.0.1", "BadHost"),
        ("sip:a@010.0.0.1", "BadHost"),
        ("sip:a@1.2.3", "BadHost"),
        ("sip:a@2130706433", "BadHost"),
        ("sip:a@0x7f.1", "BadHost"),
        ("sip:a@2001:db8::1", "BadHost"),
        ("sip:a@[::1]x", "BadHost"),
        (&long_label, "BadHost"),
        ("sip:a@[::1", "BadIpv6"),
        ("sip:a@[]", "BadIpv6"),
        ("sip:a@[1.2.3.4]", "BadIpv6"),
        ("sip:a@[::1%25eth0]", "BadIpv6"),
        ("sip:a@[:::1]", "BadIpv6"),
        ("sip:a@b:", "BadPort"),
        ("sip:a@b:0", "BadPort"),
        ("sip:a@b:65536", "BadPort"),
        ("sip:a@b:+5060", "BadPort"),
        ("sip:a@b:-1", "BadPort"),
        ("sip:a@b:000001", "BadPort"),
        ("sip:a@b:5060:5060", "BadPort"),
        ("sip:a@[::1]:", "BadPort"),
        ("sip:a@b;", "BadParameter"),
        ("sip:a@b;;lr", "BadParameter"),
        ("sip:a@b;=x", "BadParameter"),
        ("sip:a@b;x=", "BadParameter"),
        ("sip:a@b;x=y=z", "BadParameter"),
        ("sip:a@b;x=\"y\"", "BadParameter"),
        ("tel:+41785556677;", "BadParameter"),
        ("sip:a@b;x=1;X=2", "DuplicateParameter"),
        ("sip:a@b;user=ip;%75ser=phone", "DuplicateParameter"),
        ("tel:+41785556677;ext=1;ext=2", "DuplicateParameter"),
        ("sip:a@b;maddr=10.0.0.1", "ParameterRefused"),
        ("sip:a@b;MAddr=10.0.0.1", "ParameterRefused"),
        ("sip:a@b;m%61ddr=10.0.0.1", "ParameterRefused"),
        ("sip:a@b;maddr", "ParameterRefused"),
        ("sip:a@b;method=BYE", "ParameterRefused"),
        ("sip:a@b;ttl=255", "ParameterRefused"),
        ("tel:+41785556677;rn=+19005550100", "ParameterRefused"),
        ("sip:+41785556677;tgrp=x@b;user=phone", "ParameterRefused"),
        ("tel:", "MissingNumber"),
        ("tel:+", "MissingNumber"),
        ("tel:( ) -.", "MissingNumber"),
        ("tel:;ext=1", "MissingNumber"),
        ("tel:+1-800-FLOWERS", "BadNumber"),
        ("tel:*21*0785556677#", "BadNumber"),
        ("tel:++41785556677", "BadNumber"),
        ("tel:41+785556677", "BadNumber"),
        ("tel:+41785556677@evil.example", "BadNumber"),
        ("tel:+41785556677,,9", "BadNumber"),
        ("tel:+41785556677%3Bext=1", "BadNumber"),
        ("sip:+alice@b;user=phone", "BadNumber"),
        ("sip:+4178%3Bext=1@b;user=phone", "BadNumber"),
        ("tel:+0785556677", "LeadingZero"),
        ("tel:+0041785556677", "LeadingZero"),
        ("sip:+0785556677@b;user=phone", "LeadingZero"),
        ("tel:+41", "NumberTooShort"),
        ("tel:+1234567890123456", "NumberTooLong"),
        ("sip:+1234567890123456@b;user=phone", "NumberTooLong"),
        ("tel:0785556677", "CountryCodeNeeded"),
        ("tel:0041785556677", "CountryCodeNeeded"),
        ("tel:112", "CountryCodeNeeded"),
        ("tel:+41785556677;ext", "BadExtension"),
        ("tel:+41785556677;ext=1a", "BadExtension"),
        ("tel:+41785556677;ext=-", "BadExtension"),
        ("tel:7042;phone-context=example.com", "BadPhoneContext"),
        ("tel:7042;phone-context=+1-914-555", "BadPhoneContext"),
        ("tel:7042;phone-context=41", "BadPhoneContext"),
        ("tel:7042;phone-context=+0", "BadPhoneContext"),
        ("tel:7042;phone-context", "BadPhoneContext"),
        ("tel:+41785556677;phone-context=+41", "BadPhoneContext"),
    ] {
        assert_eq!(code(text), expected, "{text:?}");
    }
}

#[test]
fn national_numbers_are_completed_or_refused() {
    let of = |text, country: &str| Target::parse(text, Some(CountryCode::parse(country).unwrap()));
    assert_eq!(of("tel:06 1234", "39").unwrap().as_str(), "tel:+39061234");
    assert_eq!(of("tel:(201) 555-0123", "+1").unwrap().as_str(), "tel:+12015550123");
    assert_eq!(of("tel:0", "41"), Err(TargetError::NumberTooShort));
    assert_eq!(of("tel:00", "41"), Err(TargetError::MissingNumber));
    assert_eq!(of("tel:00078", "41"), Err(TargetError::LeadingZero));
    assert_eq!(of("tel:", "41"), Err(TargetError::MissingNumber));
    assert_eq!(of("tel:12345678901234", "41"), Err(TargetError::NumberTooLong));
}

#[test]
fn a_normal_form_never_outgrows_the_limit() {
    let extension = "1".repeat(255 - "tel:78555;ext=".len());
    let text = format!("tel:78555;ext={extension}");
    assert_eq!(text.len(), 255);
    assert_eq!(Target::parse(&text, Some(swiss())), Err(TargetError::TooLong));
    let whole = format!("  sip:{}@b  ", "a".repeat(249));
    assert_eq!(parse(&whole).as_str().len(), 255);
}

#[test]
fn the_parts_of_an_address_can_be_asked_for() {
    let sip = parse("sips:Al@[::1]:99;lr");
    assert_eq!(
        (sip.scheme(), sip.user(), sip.host(), sip.port()),
        (Scheme::Sips, Some("Al"), Some("[::1]"), Some(99))
    );
    assert_eq!((sip.number(), sip.extension()), (None, None));
    let tel = parse("tel:+41785556677;ext=12;x=1");
    assert_eq!((tel.scheme(), tel.user(), tel.host(), tel.port()), (Scheme::Tel, None, None, None));
    assert_eq!((tel.digits(), tel.extension()), (Some("41785556677"), Some("12")));
    let phone = parse("sip:+41785556677;ext=12@t;user=phone;ext=9");
    assert_eq!((phone.number(), phone.extension()), (Some("+41785556677"), Some("12")));
    assert_eq!(phone.host(), Some("t"));
}

#[test]
fn a_refusal_names_what_is_wrong() {
    let message = |text| Target::parse(text, None).unwrap_err().to_string();
    assert_eq!(message("sip:a@b;MADDR=c"), "the parameter maddr is refused");
    assert_eq!(message("tel:+1-800-FLOWERS"), "the telephone number contains 'F'");
    assert_eq!(
        message("tel:1"),
        "the telephone number has no + and the service has no DefaultCountryCode"
    );
}

#[test]
fn service_addresses_are_sip_and_name_a_user() {
    let address = SipAddress::parse("SIP:Hotline@Dev.Local:5060").unwrap();
    assert_eq!(address.as_str(), "sip:Hotline@dev.local:5060");
    assert_eq!(address.key(), SipAddress::parse("sip:hotline@dev.local").unwrap().key());
    assert_eq!(address.as_target().port(), Some(5060));
    assert_eq!(SipAddress::parse(" Tel:078"), Err(TargetError::NotSip));
    assert_eq!(SipAddress::parse("sip:dev.local"), Err(TargetError::MissingUser));
    assert_eq!(SipAddress::parse("tel\u{20ac}"), Err(TargetError::NonAscii));
}

#[test]
fn country_codes_are_one_to_three_digits() {
    for (text, shown) in [("41", "41"), ("+41", "41"), ("1", "1"), ("+423", "423")] {
        assert_eq!(CountryCode::parse(text).unwrap().to_string(), shown);
    }
    for text in ["", "+", "0", "041", "4100", "++41", "4a", " 41", "٤١"] {
        assert_eq!(CountryCode::parse(text), Err(TargetError::BadCountryCode), "{text:?}");
    }
}

#[test]
fn json_holds_the_normal_form_and_reading_parses_again() {
    let read = |json| serde_json::from_str::<Target>(json);
    let target = read(r#""tel: +41 78 555 66 77""#).unwrap();
    assert_eq!(serde_json::to_string(&target).unwrap(), r#""tel:+41785556677""#);
    let escaped = read(r#""sip:\u0061@b""#).unwrap();
    assert_eq!(escaped.as_str(), "sip:a@b");
    assert!(read(r#""sip:a@b\r\n""#).unwrap_err().to_string().contains("control character"));
    assert!(read(r#""tel:078""#).is_err());
    let key = TargetKey::from_stored(String::from("a@b"));
    assert_eq!(serde_json::to_string(&key).unwrap(), r#""a@b""#);
    assert_eq!(serde_json::from_str::<TargetKey>(r#""a@b""#).unwrap(), escaped.key());
    assert_eq!(serde_json::to_string(&Some(swiss())).unwrap(), r#""41""#);
    assert_eq!(serde_json::from_str::<CountryCode>(r#""+41""#).ok(), Some(swiss()));
    let pattern: TargetPattern = serde_json::from_str(r#""TEL:+41 *""#).unwrap();
    assert_eq!(serde_json::to_string(&pattern).unwrap(), r#""tel:+41*""#);
    assert!(serde_json::from_str::<SipAddress>(r#""tel:+41785556677""#).is_err());
}
