//! What a token says of its holder.

use callback_domain::date::{self, Instant};
use callback_engine::access::Role;
use jsonwebtoken::errors::ErrorKind;
use serde_json::{Map, Value};

/// Seconds by which the clocks of the provider and of this installation may differ.
const LEEWAY_SECONDS: i64 = 60;
/// Longest name, in characters.
const NAME_CHARACTERS: usize = 255;
/// From the role that reaches furthest; of several in a token, the first counts.
const ROLES: [Role; 4] = [Role::Admin, Role::Supervisor, Role::Integrator, Role::Agent];

/// Why a token was not taken, without anything of it.
pub(super) fn why(kind: &ErrorKind) -> &'static str {
    if matches!(kind, ErrorKind::InvalidSignature) {
        "the token's signature is wrong"
    } else if matches!(kind, ErrorKind::InvalidIssuer) {
        "the token is of another issuer"
    } else if matches!(kind, ErrorKind::InvalidAudience) {
        "the token is for another audience"
    } else if matches!(kind, ErrorKind::MissingRequiredClaim(_)) {
        "the token lacks one of exp, iss, aud and sub"
    } else {
        "the token is not valid"
    }
}

/// Until when a token is good, if it is at an instant.
pub(super) fn until(claims: &Map<String, Value>, now: Instant) -> Result<Instant, &'static str> {
    let seconds = |name: &str| claims.get(name).map(seconds);
    let Some(Some(expires)) = seconds("exp") else { return Err("the token's exp is no time") };
    let until = date::add_seconds(expires, LEEWAY_SECONDS);
    if until <= now {
        return Err("the token has expired");
    }
    match seconds("nbf") {
        Some(None) => Err("the token's nbf is no time"),
        Some(Some(begins)) if begins > date::add_seconds(now, LEEWAY_SECONDS) => {
            Err("the token is not good yet")
        }
        Some(Some(_)) | None => Ok(until),
    }
}

/// Seconds since 1970 as the standard writes them, perhaps with a fraction, which is dropped.
fn seconds(value: &Value) -> Option<Instant> {
    let whole = value.as_i64().or_else(|| value.as_f64().and_then(whole))?;
    date::from_micros(whole.checked_mul(1_000_000)?)
}

#[expect(clippy::cast_possible_truncation, reason = "the number is within the years before 10000")]
fn whole(number: f64) -> Option<i64> {
    (0.0..253_402_300_800.0).contains(&number).then_some(number as i64)
}

/// Who it is for the provider, for good.
pub(super) fn subject(claims: &Map<String, Value>) -> Option<&str> {
    plain(claims.get("sub")?)
}

/// What people call them.
pub(super) fn name(claims: &Map<String, Value>) -> Option<&str> {
    plain(claims.get("preferred_username")?)
}

fn plain(value: &Value) -> Option<&str> {
    let text = value.as_str()?;
    let fits = (1..=NAME_CHARACTERS).contains(&text.chars().count());
    (fits && !text.contains(char::is_control)).then_some(text)
}

/// The role at a path; unknown names are passed over.
pub(super) fn role(claims: &Map<String, Value>, path: &str) -> Option<Role> {
    let named = texts(claims, path);
    let holds = |role: &Role| named.iter().any(|name| name.eq_ignore_ascii_case(role.name()));
    ROLES.into_iter().find(holds)
}

/// The texts at a path: one, or several in a list.
///
/// A claim of the whole name goes before a path, since names may be addresses with dots.
pub(super) fn texts<'c>(claims: &'c Map<String, Value>, path: &str) -> Vec<&'c str> {
    let found = claims.get(path).or_else(|| {
        let mut names = path.split('.');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |within, name| within.get(name))
    });
    match found {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_role_is_found_at_a_path_and_the_furthest_counts() {
        let given = claims(&json!({
            "role": "supervisor", "realm_access": {"roles": ["offline", "agent", "Admin"]},
            "https://callback.example/role": ["Integrator"], "odd": 7,
        }));
        assert_eq!(role(&given, "role"), Some(Role::Supervisor));
        assert_eq!(role(&given, "realm_access.roles"), Some(Role::Admin));
        assert_eq!(role(&given, "https://callback.example/role"), Some(Role::Integrator));
        for none in ["odd", "none", "realm_access", "realm_access.none", "role.more", ""] {
            assert_eq!(role(&given, none), None, "{none}");
        }
    }

    #[test]
    fn a_token_is_good_within_its_times_and_a_minute_around_them() {
        let now = date::parse("2026-01-05T10:00:00Z").unwrap();
        let at = |seconds: i64| date::add_seconds(now, seconds).timestamp();
        let good = |exp: Value, nbf: Value| until(&claims(&json!({"exp": exp, "nbf": nbf})), now);
        assert!(good(json!(at(-59)), json!(at(60))).is_ok());
        assert_eq!(good(json!(at(-60)), json!(0)), Err("the token has expired"));
        assert_eq!(good(json!(at(60)), json!(at(61))), Err("the token is not good yet"));
        for odd in [json!("soon"), json!(null), json!(1e300), json!(-1e300), json!(i64::MAX)] {
            assert_eq!(good(odd, json!(0)), Err("the token's exp is no time"));
        }
        assert!(until(&claims(&json!({"exp": 4e9})), now).is_ok());
    }
}
