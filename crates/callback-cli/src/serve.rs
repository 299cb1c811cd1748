//! `callback serve`: the parts are put together and run until they are told to stop.

use std::sync::Arc;

use anyhow::Context as _;
use callback_engine::access::Digest;
use callback_engine::dialer::{Dialer, ManualDialer};
use callback_engine::mint::Mint;
use callback_engine::simulator::{Plan, SimulatedDialer};
use callback_engine::{Engine, Running};
use callback_http::{Certificates, Oidc};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::cli::ServeArgs;
use crate::configuration::{Driver, Settings};
use crate::database::Database;
use crate::declared::Declared;
use crate::traces::Otlp;
use crate::{admin_key_file, demo, floor, logging, traces};

/// Seed of the demonstration's calls and agents.
const DEMO_SEED: u64 = 20_190_624;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let settings = Settings::load(args)?;
    let declared = args.config.as_deref().map(Declared::read).transpose()?;
    let traces = settings.otlp.traces()?;
    logging::start(settings.log_format, settings.log_targets, traces.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let admin_key = args.admin_key_file.as_deref().map(admin_key_file::read).transpose()?;
    let served = runtime.block_on(serve(settings, declared, args.demo, admin_key));
    if let Some(traces) = traces {
        traces.stop();
    }
    served
}

async fn serve(
    settings: Settings,
    declared: Option<Declared>,
    demonstrate: bool,
    admin_key: Option<Digest>,
) -> anyhow::Result<()> {
    let database = Database::from(settings.database.as_str());
    let (engine, running) = start_engine(&settings, &database).await?;
    if let Some(declared) = declared.filter(|declared| !declared.is_empty()) {
        let changed = floor::apply(&engine, &declared).await?;
        tracing::info!(changed, "services and users are as the configuration declares them");
    }
    let has_admin_key = admin_key.is_some()
        || engine.has_admin_key().await.context("failed to read the access keys")?;
    let oidc = settings.oidc.provider()?;
    settings.check_listen(has_admin_key || oidc.is_some())?;
    let front = settings.tls.front(settings.max_connections)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("failed to listen on {}", settings.listen))?;
    let address = listener.local_addr().context("failed to read the address listened on")?;
    let demonstration = if demonstrate {
        Some(
            demo::start(&engine, address, DEMO_SEED)
                .await
                .context("failed to seed the demonstration")?,
        )
    } else {
        None
    };
    let has_traces = settings.otlp != Otlp::default();
    let has_tls = front.certificates.is_some();
    tracing::info!(%address, %database, tls = has_tls, "serving");
    if !has_tls && !address.ip().is_loopback() {
        tracing::warn!(
            "keys and numbers go over the network as they are, unless a TLS proxy is in front"
        );
    }
    let _renewal = renew_when_told(front.certificates.clone(), oidc.clone())?;
    engine.retain_terminated(settings.retention.terminated_days);
    let webhooks = settings.webhooks.shared();
    let sender = Arc::new(settings.webhooks.sender(&webhooks)?);
    let delivering = engine.deliver(sender, settings.webhooks.policy());
    let options = callback_http::Options {
        create_status: settings.compat.create_status,
        admin_key,
        open_without_keys: address.ip().is_loopback(),
        allowed_hosts: settings.allowed_hosts,
        allowed_origins: settings.allowed_origins,
        metrics_public: settings.metrics_public,
        webhooks,
        oidc,
        rate_limits: settings.rate_limit.rates(),
        trusted_proxies: settings.trusted_proxies,
        traced: has_traces,
    };
    let stop = stop_asked()?;
    let mut router = callback_http::router_with(engine.clone(), options, callback_console::console);
    if has_traces {
        router = traces::joined(router);
    }
    callback_http::serve_behind(front, listener, router, stop).await.context("failed to serve")?;
    tracing::info!("stopping");
    drop(demonstration);
    delivering.stop().await;
    running.stop().await;
    drop(engine);
    Ok(())
}

async fn start_engine(
    settings: &Settings,
    database: &Database,
) -> anyhow::Result<(Engine, Running)> {
    let store = database.open().await?;
    let dialer: Arc<dyn Dialer> = match settings.dialer {
        Driver::Manual => Arc::new(ManualDialer),
        Driver::Simulator => Arc::new(SimulatedDialer::new(Plan::default(), DEMO_SEED)),
    };
    let mint = Mint::unpredictable().context("the operating system gives no randomness")?;
    Engine::start_shared(store, dialer, mint).await.context("failed to start the engine")
}

/// Reads the certificates and the identity provider's keys anew at each SIGHUP, for as long as the answer is held.
fn renew_when_told(
    certificates: Option<Certificates>,
    oidc: Option<Oidc>,
) -> anyhow::Result<JoinSet<()>> {
    let mut renewal = JoinSet::new();
    if certificates.is_some() || oidc.is_some() {
        let mut told = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
        renewal.spawn(async move {
            while told.recv().await.is_some() {
                if let Some(certificates) = &certificates {
                    certificates.reload();
                }
                if let Some(oidc) = &oidc {
                    oidc.reload().await;
                }
            }
        });
    }
    Ok(renewal)
}

/// Completes when the process is asked to stop, by Ctrl-C or SIGTERM.
fn stop_asked() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
