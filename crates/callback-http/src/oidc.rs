//! People by the tokens of their identity provider: signed JSON web tokens of OpenID Connect.
//!
//! Only asymmetric signatures are taken, by a key of the provider's set that is made for the
//! algorithm; what the token says of its algorithm chooses nothing.

mod claims;
mod jwks;
mod signature;

use std::path::PathBuf;
use std::sync::Arc;

use callback_domain::date::Instant;
use callback_domain::id::AgentId;
use callback_domain::target::SipAddress;
use callback_engine::Engine;
use callback_engine::access::{Principal, Proof, Role, Scope};
use callback_engine::store::StoreError;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use self::jwks::Jwks;
use crate::problem::ApiError;

/// Longest token, in bytes.
const TOKEN_BYTES: usize = 12 * 1024;

/// Where the keys of the identity provider are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file with a JSON web key set.
    File(PathBuf),
    /// At an address: `https`, or `http` on this machine.
    Url(String),
}

/// An identity provider, and what its tokens mean here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcOptions {
    /// The only `iss`, to the letter.
    pub issuer: String,
    /// What must be among the token's `aud`.
    pub audience: String,
    /// Its keys.
    pub keys: KeySource,
    /// The claim with the role, such as `role` or `realm_access.roles`.
    pub role_claim: String,
    /// The claim with the ids of the only services; without it all are meant.
    pub services_claim: Option<String>,
    /// The claim with the user's id or SIP address, for agents.
    pub user_claim: Option<String>,
}

/// Why an identity provider cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcError(String);

impl std::fmt::Display for OidcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OidcError {}

/// Tells people by their tokens.
#[derive(Clone, Debug)]
pub struct Oidc(Arc<Provider>);

#[derive(Debug)]
struct Provider {
    options: OidcOptions,
    keys: Arc<Jwks>,
    validation: Validation,
}

impl Oidc {
    /// Prepares for the provider's tokens; keys at an address are read when they are needed.
    ///
    /// # Errors
    /// When the source of keys cannot be one, or its file cannot be used.
    pub fn new(options: OidcOptions) -> Result<Self, OidcError> {
        signature::install();
        let keys = Arc::new(Jwks::new(&options.keys).map_err(OidcError)?);
        let mut validation = Validation::default();
        validation.set_issuer(&[&options.issuer]);
        validation.set_audience(&[&options.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are held against the clock of the store, as those of keys are.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self(Arc::new(Provider { options, keys, validation })))
    }

    /// Reads the keys anew.
    pub async fn reload(&self) {
        self.0.keys.refresh().await;
    }

    /// Whom a token stands for.
    pub(crate) async fn admit(&self, engine: &Engine, token: &str) -> Result<Principal, ApiError> {
        let refused = ApiError::Unauthorized;
        if token.len() > TOKEN_BYTES {
            return Err(refused("the token is too long"));
        }
        let header = decode_header(token).map_err(|_| refused("the key is not valid"))?;
        if !signature::ALGORITHMS.contains(&header.alg) {
            return Err(refused("the token is signed by an algorithm that is not taken"));
        }
        let key = self.0.keys.find(header.kid.as_deref(), header.alg).await;
        let key = key.ok_or_else(|| refused("the token is signed by a key that is not known"))?;
        let mut validation = self.0.validation.clone();
        validation.algorithms = vec![header.alg];
        let claims = decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|error| refused(claims::why(error.kind())))?
            .claims;
        if claims.get("iss").and_then(Value::as_str) != Some(&self.0.options.issuer) {
            return Err(refused("the token is of another issuer"));
        }
        let until = claims::until(&claims, engine.now().await?).map_err(refused)?;
        self.principal(engine, &claims, until).await
    }

    async fn principal(
        &self,
        engine: &Engine,
        claims: &Map<String, Value>,
        until: Instant,
    ) -> Result<Principal, ApiError> {
        let options = &self.0.options;
        let subject = claims::subject(claims).ok_or(ApiError::Unauthorized(
            "the token's sub is missing, or is not 1 to 255 characters without controls",
        ))?;
        let role = claims::role(claims, &options.role_claim).ok_or_else(|| {
            ApiError::Forbidden(format!("the token's {} names no role", options.role_claim))
        })?;
        let agent = match (role, &options.user_claim) {
            (Role::Agent, Some(claim)) => Some(
                user(engine, claims::texts(claims, claim).first().copied()).await?.ok_or_else(
                    || ApiError::Forbidden(format!("the token's {claim} names no user")),
                )?,
            ),
            (Role::Agent, None) => {
                let why = "agents have no tokens here, since no user_claim is configured";
                return Err(ApiError::Forbidden(why.to_owned()));
            }
            (Role::Integrator | Role::Supervisor | Role::Admin, _) => None,
        };
        let scope = match (role, &options.services_claim) {
            (Role::Integrator | Role::Supervisor, Some(claim)) => {
                let ids = claims::texts(claims, claim);
                Scope::Only(ids.into_iter().filter_map(|id| id.parse().ok()).collect())
            }
            (Role::Integrator | Role::Supervisor, None) | (Role::Agent | Role::Admin, _) => {
                Scope::All
            }
        };
        let issuer = &options.issuer;
        Ok(Principal {
            identity: format!("oidc:{issuer}#{subject}"),
            name: format!("{} ({issuer})", claims::name(claims).unwrap_or(subject)),
            role,
            agent,
            scope,
            proof: Proof::Token { until },
        })
    }
}

/// The user whom a claim names, by id or by SIP address.
async fn user(engine: &Engine, named: Option<&str>) -> Result<Option<AgentId>, StoreError> {
    let Some(named) = named else { return Ok(None) };
    let agents = engine.store().agents().await?;
    let (id, address) = (named.parse().ok(), SipAddress::parse(named).ok());
    let address = address.map(|address| address.key());
    let found = agents
        .into_iter()
        .find(|agent| Some(agent.id) == id || Some(agent.sip_uri.key()) == address);
    Ok(found.map(|agent| agent.id))
}
