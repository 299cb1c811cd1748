//! The two cookies: who is signed in, and for whoever is not, from which browser a form comes.

use axum::http::{HeaderMap, HeaderValue, header};
use callback_engine::access::SessionToken;
use callback_http::Within;
use sha2::{Digest as _, Sha256};

const SESSION: &str = "callback-session";
const VISITOR: &str = "callback-visitor";
/// Makes browsers refuse such a cookie from a subdomain or over plain HTTP.
const HOST_PREFIX: &str = "__Host-";
/// Seconds for which a browser keeps a session; the server ends it before.
const SESSION_SECONDS: i64 = callback_engine::access::LIFE_SECONDS;

/// The cookies of a request.
#[derive(Debug)]
pub(crate) struct Cookies {
    session: Option<String>,
    visitor: Option<String>,
    pub(crate) is_secured: bool,
}

impl Cookies {
    pub(crate) fn of(headers: &HeaderMap, is_secured: bool) -> Self {
        let pairs = || {
            let values = headers.get_all(header::COOKIE).iter();
            let texts = values.filter_map(|value| value.to_str().ok());
            texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
        };
        let find = |name: &str| {
            let name = full_name(name, is_secured);
            let mut found = pairs().filter(|(given, _)| *given == name).map(|(_, value)| value);
            found.next().filter(|value| !value.is_empty()).map(str::to_owned)
        };
        Self { session: find(SESSION), visitor: find(VISITOR), is_secured }
    }

    /// The session that the browser presents.
    pub(crate) fn session(&self) -> Option<SessionToken> {
        self.session.as_deref().and_then(SessionToken::parse)
    }

    /// What tells this browser from others.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.session.as_deref().or(self.visitor.as_deref())
    }
}

/// Something for a cookie that nobody can foresee.
pub(crate) fn fresh(within: &Within) -> String {
    let secret = within.engine().site().mint.secret();
    secret.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the forms of a browser carry: only who has its cookie can tell.
pub(crate) fn form_token(identity: &str) -> String {
    let digest = Sha256::new_with_prefix("form:").chain_update(identity).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives a browser its session.
pub(crate) fn session(token: &SessionToken, is_secured: bool) -> HeaderValue {
    cookie(SESSION, &token.reveal(), &format!("; Max-Age={SESSION_SECONDS}"), is_secured)
}

/// Takes a browser's session away.
pub(crate) fn no_session(is_secured: bool) -> HeaderValue {
    cookie(SESSION, "", "; Max-Age=0", is_secured)
}

/// Gives a browser something to be told by before anybody is signed in.
pub(crate) fn visitor(identity: &str, is_secured: bool) -> HeaderValue {
    cookie(VISITOR, identity, "", is_secured)
}

fn full_name(name: &str, is_secured: bool) -> String {
    format!("{}{name}", if is_secured { HOST_PREFIX } else { "" })
}

fn cookie(name: &str, value: &str, life: &str, is_secured: bool) -> HeaderValue {
    let name = full_name(name, is_secured);
    let secure = if is_secured { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{life}{secure}");
    HeaderValue::try_from(text).expect("names and hexadecimal digits can stand in a header")
}
