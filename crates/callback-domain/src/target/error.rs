//! What can be wrong with an address.

/// Why an address, a country code or a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// There is nothing but spaces.
    #[error("the address is empty")]
    Empty,
    /// More than [`MAX_TARGET_BYTES`](super::MAX_TARGET_BYTES), as given or in normal form.
    #[error("the address is longer than 255 bytes")]
    TooLong,
    /// CR, LF, NUL, tab or another control character.
    #[error("the address contains a control character")]
    ControlCharacter,
    /// An escape stands for a control character.
    #[error("the address contains an escaped control character")]
    EscapedControlCharacter,
    /// A character outside ASCII, plain or escaped.
    #[error("the address contains a character that is not ASCII")]
    NonAscii,
    /// A space where none may stand.
    #[error("the address contains a space")]
    Whitespace,
    /// `%` without two hexadecimal digits.
    #[error("a % is not followed by two hexadecimal digits")]
    BadEscape,
    /// No colon.
    #[error("the address does not begin with sip:, sips: or tel:")]
    MissingScheme,
    /// A scheme that cannot be called.
    #[error("the scheme is not sip, sips or tel")]
    UnknownScheme,
    /// `sip://`, as in a web address.
    #[error("the scheme is followed by //, which belongs to web addresses")]
    DoubleSlash,
    /// Something from `?` on, which would put headers into the request.
    #[error("the address carries headers (?…), which are refused")]
    HeadersRefused,
    /// Nobody before the `@`, or no `@`.
    #[error("the address names no user before an @")]
    MissingUser,
    /// A character that no user may contain.
    #[error("the user contains {found:?}")]
    BadUser {
        /// The character.
        found: char,
    },
    /// More than one `@`.
    #[error("the address contains more than one @")]
    SeveralAtSigns,
    /// A colon in the user part.
    #[error("the address carries a password, which is refused")]
    PasswordRefused,
    /// Nothing after the `@`.
    #[error("the address names no host after the @")]
    MissingHost,
    /// Neither a host name nor an IPv4 address.
    #[error("the host is neither a host name nor an IP address")]
    BadHost,
    /// The brackets hold no IPv6 address.
    #[error("the host in brackets is not an IPv6 address")]
    BadIpv6,
    /// No number from 1 to 65535 after the colon.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// A parameter that is not `name` or `name=value`.
    #[error("a parameter is not of the form name or name=value")]
    BadParameter,
    /// A name stands twice.
    #[error("a parameter is given twice")]
    DuplicateParameter,
    /// A parameter that would send the call elsewhere or change the request.
    #[error("the parameter {name} is refused")]
    ParameterRefused {
        /// Which one.
        name: &'static str,
    },
    /// A telephone form without digits.
    #[error("the telephone number has no digits")]
    MissingNumber,
    /// A character that no number may contain.
    #[error("the telephone number contains {found:?}")]
    BadNumber {
        /// The character.
        found: char,
    },
    /// A country code cannot begin with 0.
    #[error("the international telephone number begins with 0")]
    LeadingZero,
    /// Fewer than 3 digits.
    #[error("the international telephone number has fewer than 3 digits")]
    NumberTooShort,
    /// More than the 15 digits of E.164.
    #[error("the international telephone number has more than 15 digits")]
    NumberTooLong,
    /// A number without `+` where nothing says which country is meant.
    #[error("the telephone number has no + and the service has no DefaultCountryCode")]
    CountryCodeNeeded,
    /// An `;ext=` that is not digits.
    #[error("the extension is not made of digits")]
    BadExtension,
    /// A `;phone-context=` that is not a country code, or stands with an international number.
    #[error("the phone-context is not + and a country code, or stands with a number that has a +")]
    BadPhoneContext,
    /// A telephone number where only SIP goes.
    #[error("the address is not a sip: or sips: URI")]
    NotSip,
    /// Not one to three digits, the first from 1 to 9.
    #[error("the country code is not one to three digits that begin with 1 to 9")]
    BadCountryCode,
    /// A pattern that could match no target.
    #[error(
        "the pattern is none of *, +digits, user@host, sip:user@host, sips:user@host, tel:+digits, with * for any text"
    )]
    BadPattern,
}

impl TargetError {
    /// The name of the error on the wire.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::TooLong => "TooLong",
            Self::ControlCharacter => "ControlCharacter",
            Self::EscapedControlCharacter => "EscapedControlCharacter",
            Self::NonAscii => "NonAscii",
            Self::Whitespace => "Whitespace",
            Self::BadEscape => "BadEscape",
            Self::MissingScheme => "MissingScheme",
            Self::UnknownScheme => "UnknownScheme",
            Self::DoubleSlash => "DoubleSlash",
            Self::HeadersRefused => "HeadersRefused",
            Self::MissingUser => "MissingUser",
            Self::BadUser { .. } => "BadUser",
            Self::SeveralAtSigns => "SeveralAtSigns",
            Self::PasswordRefused => "PasswordRefused",
            Self::MissingHost => "MissingHost",
            Self::BadHost => "BadHost",
            Self::BadIpv6 => "BadIpv6",
            Self::BadPort => "BadPort",
            Self::BadParameter => "BadParameter",
            Self::DuplicateParameter => "DuplicateParameter",
            Self::ParameterRefused { .. } => "ParameterRefused",
            Self::MissingNumber => "MissingNumber",
            Self::BadNumber { .. } => "BadNumber",
            Self::LeadingZero => "LeadingZero",
            Self::NumberTooShort => "NumberTooShort",
            Self::NumberTooLong => "NumberTooLong",
            Self::CountryCodeNeeded => "CountryCodeNeeded",
            Self::BadExtension => "BadExtension",
            Self::BadPhoneContext => "BadPhoneContext",
            Self::NotSip => "NotSip",
            Self::BadCountryCode => "BadCountryCode",
            Self::BadPattern => "BadPattern",
        }
    }
}
