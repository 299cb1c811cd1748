//! Settings: a TOML file, then the environment, then flags; what comes later wins.

mod edge;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use figment::Figment;
use figment::Provider as _;
use figment::providers::{Env, Format as _, Serialized, Toml};
use ipnet::IpNet;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use self::edge::{Limits, MOST_CONNECTIONS, OidcSettings, Tls};
use crate::cli::{DialerKind, LogFormat, ServeArgs};
use crate::traces::Otlp;
use crate::webhooks::Webhooks;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The SQLite file, or the address of a PostgreSQL database.
    pub(crate) database: String,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// What places the calls: `manual` or `simulator`.
    pub(crate) dialer: Driver,
    /// How log lines are written: `text` or `json`.
    pub(crate) log_format: Lines,
    /// Whether numbers and addresses of customers may stand in the log.
    pub(crate) log_targets: bool,
    /// Names beside the loopback ones by which a service without keys may be asked for.
    pub(crate) allowed_hosts: Vec<String>,
    /// Origins whose pages may call from a browser.
    pub(crate) allowed_origins: Vec<String>,
    /// Whether `/metrics` is shown without a key.
    pub(crate) metrics_public: bool,
    /// Concessions to clients written against other services.
    pub(crate) compat: Compat,
    /// How webhooks are sent.
    pub(crate) webhooks: Webhooks,
    /// Encryption of what comes in.
    pub(crate) tls: Tls,
    /// How many connections there may be at once.
    pub(crate) max_connections: usize,
    /// How often callers may ask.
    pub(crate) rate_limit: Limits,
    /// Proxies whose `X-Forwarded-For` is believed, as networks.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The identity provider whose tokens let people in.
    pub(crate) oidc: OidcSettings,
    /// How long things are kept.
    pub(crate) retention: Retention,
    /// Where traces are sent.
    pub(crate) otlp: Otlp,
    /// What the file declares of services is read by itself.
    #[serde(default, skip_serializing)]
    services: IgnoredAny,
    /// What the file declares of users is read by itself.
    #[serde(default, skip_serializing)]
    users: IgnoredAny,
}

/// Tables of the file beside the settings.
const DECLARATIONS: [&str; 2] = ["services", "users"];

/// Whether a key of the file is a setting.
pub(crate) fn is_known(key: &str) -> bool {
    let defaults = Serialized::defaults(Settings::defaults(false)).data();
    defaults.is_ok_and(|data| data.values().any(|settings| settings.contains_key(key)))
}

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// Days for which terminated callbacks are kept; 0 is for good.
    pub(crate) terminated_days: u32,
}

/// Concessions to clients written against other services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compat {
    /// The status of a creation: 201, or 200 for generated LUCS clients.
    pub(crate) create_status: u16,
}

/// What places the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Driver {
    Manual,
    Simulator,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lines {
    Text,
    Json,
}

impl Settings {
    fn defaults(demo: bool) -> Self {
        Self {
            database: if demo { "callback-demo.db" } else { "callback.db" }.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            dialer: if demo { Driver::Simulator } else { Driver::Manual },
            log_format: Lines::Text,
            log_targets: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            metrics_public: false,
            compat: Compat { create_status: 201 },
            webhooks: Webhooks::default(),
            tls: Tls::default(),
            max_connections: MOST_CONNECTIONS,
            rate_limit: Limits::default(),
            trusted_proxies: Vec::new(),
            oidc: OidcSettings::default(),
            retention: Retention { terminated_days: 90 },
            otlp: Otlp::default(),
            services: IgnoredAny,
            users: IgnoredAny,
        }
    }

    /// Reads the settings of a `serve`.
    pub(crate) fn load(args: &ServeArgs) -> anyhow::Result<Self> {
        let defaults = Figment::from(Serialized::defaults(Self::defaults(args.demo)));
        Self::read(&defaults.merge(Self::given(args)?), args)
    }

    /// What the file and the environment set.
    fn given(args: &ServeArgs) -> anyhow::Result<Figment> {
        let mut figment = Figment::new();
        if let Some(file) = &args.config {
            ensure!(file.is_file(), "there is no configuration file {}", file.display());
            figment = figment.merge(Toml::file_exact(file));
        }
        let environment = Env::prefixed("CALLBACK_").filter(is_setting).split("__").lowercase(true);
        Ok(figment.merge(environment))
    }

    fn read(figment: &Figment, args: &ServeArgs) -> anyhow::Result<Self> {
        let settings: Self = figment.extract().context("the configuration is not usable")?;
        let settings = settings.with_flags(args);
        settings.check()?;
        only_the_file_declares(figment)?;
        Ok(settings)
    }

    /// Everything that is wrong with the settings of a `serve`, each key by itself.
    pub(crate) fn problems(args: &ServeArgs) -> Vec<String> {
        let (given, data) =
            match Self::given(args).and_then(|given| Ok((given.clone(), given.data()?))) {
                Ok(given) => given,
                Err(error) => return vec![format!("{error:#}")],
            };
        let keys: BTreeSet<_> =
            data.into_values().flat_map(figment::value::Map::into_keys).collect();
        let wrong = keys.iter().filter_map(|key| {
            let defaults = Figment::from(Serialized::defaults(Self::defaults(args.demo)));
            let value = given.find_value(key).ok()?;
            let alone = defaults.merge(Serialized::default(key, value));
            let source = given.find_metadata(key).map(|source| format!(" (in {})", place(source)));
            let error = Self::read(&alone, args).err()?;
            let read = error.chain().find_map(|cause| cause.downcast_ref::<figment::Error>());
            let error = read.map_or_else(|| error.to_string(), |read| read.kind.to_string());
            Some(format!("{key}: {error}{}", source.unwrap_or_default()))
        });
        wrong.collect()
    }

    fn with_flags(mut self, args: &ServeArgs) -> Self {
        if let Some(database) = &args.database {
            self.database.clone_from(database);
        }
        if let Some(listen) = args.listen {
            self.listen = listen;
        }
        if let Some(file) = &args.tls_cert {
            self.tls.cert = Some(file.clone());
        }
        if let Some(file) = &args.tls_key {
            self.tls.key = Some(file.clone());
        }
        if let Some(dialer) = args.dialer {
            self.dialer = match dialer {
                DialerKind::Manual => Driver::Manual,
                DialerKind::Simulator => Driver::Simulator,
            };
        }
        if let Some(log_format) = args.log_format {
            self.log_format = match log_format {
                LogFormat::Text => Lines::Text,
                LogFormat::Json => Lines::Json,
            };
        }
        self
    }

    /// Refuses an address that others can reach while nobody could be told from anybody.
    pub(crate) fn check_listen(&self, has_admin_key: bool) -> anyhow::Result<()> {
        ensure!(
            self.listen.ip().is_loopback() || has_admin_key,
            "listening on {} is refused: without access keys only a loopback address such as \
             127.0.0.1:8080 is allowed; `callback keys bootstrap` makes the first key, and with \
             oidc.issuer people come by their tokens",
            self.listen
        );
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        for origin in &self.allowed_origins {
            let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
                matches!(scheme, "http" | "https")
                    && !host.is_empty()
                    && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
            });
            ensure!(
                is_origin,
                "allowed_origins holds {origin}, and not such as https://crm.example"
            );
        }
        ensure!(
            matches!(self.compat.create_status, 200 | 201),
            "compat.create_status is {}, and must be 200 or 201",
            self.compat.create_status
        );
        ensure!(self.max_connections > 0, "max_connections is 0, and nobody could connect");
        self.rate_limit.check()?;
        self.otlp.check()?;
        self.webhooks.check()
    }
}

/// Refuses declarations of services and users elsewhere than in the file.
fn only_the_file_declares(figment: &Figment) -> anyhow::Result<()> {
    for key in DECLARATIONS {
        let elsewhere = figment.find_metadata(key).is_some_and(|given| given.source.is_none());
        ensure!(!elsewhere, "{key} can only be declared in the configuration file");
    }
    Ok(())
}

/// Where a setting comes from.
fn place(metadata: &figment::Metadata) -> String {
    metadata.source.as_ref().map_or_else(|| metadata.name.to_string(), ToString::to_string)
}

/// Whether a variable of the program's prefix sets something here; others serve commands and tests.
fn is_setting(name: &figment::value::UncasedStr) -> bool {
    let others = ["CONFIG", "URL", "API_KEY", "CA_CERT", "ADMIN_KEY_FILE"];
    let families = ["TEST_", "SKIP_"];
    !others.iter().any(|other| name == *other)
        && !families.iter().any(|family| name.as_str().to_uppercase().starts_with(family))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn args() -> ServeArgs {
        ServeArgs {
            demo: false,
            database: None,
            listen: None,
            config: None,
            admin_key_file: None,
            tls_cert: None,
            tls_key: None,
            dialer: None,
            log_format: None,
        }
    }

    #[test]
    fn without_anything_it_listens_on_loopback() {
        let settings = Settings::load(&args()).unwrap();
        assert!(settings.listen.ip().is_loopback());
        assert_eq!(settings.dialer, Driver::Manual);
        assert_eq!(settings.compat.create_status, 201);
    }

    #[test]
    fn another_address_than_loopback_needs_a_key() {
        for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
            let args = ServeArgs { listen: Some(address.parse().unwrap()), ..args() };
            let settings = Settings::load(&args).unwrap();
            assert!(settings.check_listen(true).is_ok());
            let error = settings.check_listen(false).unwrap_err().to_string();
            assert!(error.contains(address) && error.contains("loopback"), "{error}");
        }
    }

    #[test]
    fn a_flag_goes_before_the_file() {
        let file =
            std::env::temp_dir().join(format!("callback-settings-{}.toml", std::process::id()));
        std::fs::write(&file, "listen = '127.0.0.1:1234'\n[compat]\ncreate_status = 200\n")
            .unwrap();
        let from_file =
            Settings::load(&ServeArgs { config: Some(file.clone()), ..args() }).unwrap();
        assert_eq!(from_file.listen.port(), 1234);
        assert_eq!(from_file.compat.create_status, 200);
        let listen = Some("127.0.0.1:4321".parse().unwrap());
        let flagged =
            Settings::load(&ServeArgs { config: Some(file.clone()), listen, ..args() }).unwrap();
        assert_eq!(flagged.listen.port(), 4321);
        std::fs::write(&file, "lisen = '127.0.0.1:1234'\n").unwrap();
        let error =
            Settings::load(&ServeArgs { config: Some(file.clone()), ..args() }).unwrap_err();
        assert!(format!("{error:#}").contains("lisen"), "{error:#}");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_missing_file_is_named() {
        let config = Some(PathBuf::from("/nowhere/callback.toml"));
        let error = Settings::load(&ServeArgs { config, ..args() }).unwrap_err().to_string();
        assert!(error.contains("/nowhere/callback.toml"), "{error}");
    }
}
