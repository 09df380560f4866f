//! Puts the gateway together from its settings, and runs it. Here and in `main` alone implementations are chosen.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use axum::{Router, http::HeaderValue};
use contract::{
    clock::SharedClock,
    tokens::{ActiveSigner, KeyError},
};
use prometheus::Registry;
use rand::{SeedableRng, rngs::StdRng};
use service::{
    accept::{self, ListenSettings},
    redis::ConnectError,
    shutdown::{Drained, drain},
    telemetry,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    baselines::ConfiguredEngine,
    documents::{Documents, TokenLifetimes},
    engine::{QueueEngine, embedded::EmbeddedEngine, redis::RedisEngine},
    http::{self, Gateway, Queue, cookie::WaitingCookie, rate_limits::RateLimits, request::Keys},
    metrics::Metrics,
    mirror::Mirrors,
    promoter::Promoter,
    reload,
    settings::{EngineChoice, QueueSettings, Settings},
    streams::{Presence, PresenceWorker, StreamLimits, Streams},
    waiting_token::WaitingSigner,
};

/// How often the tables of rate limits are swept.
const LIMITS_SWEEP: Duration = Duration::from_secs(1);
/// How long a start waits for the store before it opens its doors anyway, and answers 503 until the store is there.
const STORE_AT_START: Duration = Duration::from_secs(2);
/// How long the loops may take to stop once the last request is answered.
const LOOPS_STOP: Duration = Duration::from_secs(2);

/// The gateway cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The store cannot be reached.
    #[error(transparent)]
    Store(#[from] ConnectError),
    /// The key of active tokens cannot be used.
    #[error("secrets.active_key: {0}")]
    ActiveKey(#[from] KeyError),
    /// A metric has the name of another.
    #[error("a metric cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The public address cannot be sent in a header.
    #[error("public_url: cannot be sent in a header")]
    PublicUrl,
}

/// The ports, bound.
#[derive(Debug)]
pub struct Listeners {
    /// For visitors and services.
    pub public: TcpListener,
    /// For metrics and health.
    pub operations: TcpListener,
}

impl Listeners {
    /// Binds both ports as the settings say.
    pub fn bind(settings: &Settings) -> io::Result<Self> {
        let bind = |listen: &ListenSettings| {
            accept::bind(listen.address)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", listen.address)))
        };
        Ok(Self { public: bind(&settings.listen)?, operations: bind(&settings.operations)? })
    }
}

/// The engine that the settings choose.
pub async fn engine(settings: &Settings, clock: &SharedClock) -> Result<Arc<dyn QueueEngine>, ConnectError> {
    Ok(match settings.engine {
        EngineChoice::Embedded => Arc::new(EmbeddedEngine::new(clock.clone())),
        EngineChoice::Redis => Arc::new(RedisEngine::connect(&settings.redis).await?),
    })
}

/// A gateway, ready to run.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    engine: Arc<ConfiguredEngine>,
    public: Router,
    registry: Registry,
    mirrors: Arc<Mirrors>,
    streams: Arc<Streams>,
    promoters: Vec<Promoter>,
    presence: PresenceWorker,
    limits: Arc<RateLimits>,
}

impl App {
    /// Builds everything. Nothing is started, bound or sent.
    pub fn build(settings: Settings, clock: SharedClock, engine: Arc<dyn QueueEngine>) -> Result<Self, BuildError> {
        let registry = telemetry::metrics_registry();
        let metrics = Arc::new(Metrics::register(&registry, settings.queues.keys())?);
        let engine = Arc::new(ConfiguredEngine::new(engine, settings.baselines(), metrics.clone()));
        let signer = ActiveSigner::from_pem(
            &settings.secrets.active_key,
            settings.tokens.issuer.as_str(),
            settings.tokens.audience.as_str(),
        )?;
        let (verifier, key_set) = (signer.verifier(), signer.jwks());
        let documents = Arc::new(documents(&settings, signer));
        let mirrors = Arc::new(Mirrors::new(settings.queues.keys().cloned()));
        let queues = queues(&settings, &mirrors, &metrics)?;
        let streams = Arc::new(Streams::new(
            StreamLimits {
                max_streams: settings.streams.max_streams,
                // Half the token's life is left for a client that is slow to come back.
                longest: settings.tokens.waiting_lifetime / 2,
                // The last stream must have ended before the connections are cut.
                drain: settings.listen.drain_deadline.mul_f64(0.8),
            },
            &documents,
            queues.values().map(|queue| (queue.mirror.clone(), queue.metrics.clone())),
            StdRng::from_os_rng(),
        ));
        let promoters = queues
            .values()
            .map(|queue| Promoter {
                engine: engine.clone(),
                mirror: queue.mirror.clone(),
                streams: streams.clone(),
                metrics: queue.metrics.clone(),
                clock: clock.clone(),
                period: settings.promotion.tick,
            })
            .collect();
        let (presence, presence_worker) = Presence::new(engine.clone(), clock.clone(), settings.streams.max_streams);
        let limits = Arc::new(RateLimits::new(&settings.rate_limits, &metrics.rate_limited));
        let gateway = Gateway {
            engine: engine.clone(),
            queues,
            streams: streams.clone(),
            presence,
            documents,
            verifier,
            jwks: serde_json::to_vec(&key_set).unwrap_or_default().into(),
            keys: Keys {
                service: settings.secrets.service_key.clone(),
                operator: settings.secrets.operator_key.clone(),
            },
            cookie: WaitingCookie { secure: settings.is_public_over_https() },
            limits: limits.clone(),
            proxies: settings.trusted_proxies.clone(),
            clock,
        };
        let public = http::router(Arc::new(gateway), &metrics);
        Ok(Self { settings, engine, public, registry, mirrors, streams, promoters, presence: presence_worker, limits })
    }

    /// Runs until `shutdown` is cancelled, then drains. `changes` brings settings whose file has changed.
    pub async fn run(
        self,
        listeners: Listeners,
        changes: Option<watch::Receiver<Arc<Settings>>>,
        shutdown: CancellationToken,
    ) -> Drained {
        let loops = TaskTracker::new();
        let until_shutdown = |task: JoinHandle<()>| {
            let shutdown = shutdown.clone();
            loops.spawn(async move {
                shutdown.cancelled().await;
                task.abort();
            });
        };
        let mut pushing = tokio::spawn({
            let engine = self.engine.clone();
            async move { engine.push().await }
        });
        // An outage at the start is logged where it is met; the pushing goes on below.
        let _reached = tokio::time::timeout(STORE_AT_START, &mut pushing).await;
        until_shutdown(pushing);
        if let Some(changes) = changes {
            until_shutdown(tokio::spawn(reload::follow(self.engine.clone(), self.settings.clone(), changes)));
        }
        until_shutdown(tokio::spawn(sweep(self.limits)));
        for promoter in self.promoters {
            loops.spawn(promoter.run(shutdown.clone()));
        }
        loops.spawn({
            let (streams, shutdown) = (self.streams, shutdown.clone());
            async move { streams.run(shutdown).await }
        });
        loops.spawn(self.presence.run());

        let operations = http::operations::router(self.registry, self.mirrors, shutdown.clone());
        let last = CancellationToken::new();
        let operations =
            tokio::spawn(accept::serve(listeners.operations, operations, self.settings.operations, last.clone()));
        let drained = accept::serve(listeners.public, self.public, self.settings.listen, shutdown).await;
        let _stopped = drain(&loops, LOOPS_STOP).await;
        // Last, so that health and metrics show the drain.
        last.cancel();
        let _closed = operations.await;
        drained
    }
}

fn documents(settings: &Settings, signer: ActiveSigner) -> Documents {
    let lifetimes = TokenLifetimes { waiting: settings.tokens.waiting_lifetime, claim: settings.tokens.claim_within };
    let redirects = settings.queues.iter().map(|(name, queue)| (name.clone(), queue.redirect_to.clone())).collect();
    Documents::new(signer, WaitingSigner::new(&settings.secrets.waiting_secret), lifetimes, redirects)
}

fn queues(
    settings: &Settings,
    mirrors: &Mirrors,
    metrics: &Metrics,
) -> Result<BTreeMap<String, Arc<Queue>>, BuildError> {
    let queue = |(mirror, QueueSettings { title, .. }): (_, &QueueSettings)| {
        let mirror: &Arc<crate::mirror::Mirror> = mirror;
        let name = mirror.queue();
        let waiting_room = HeaderValue::try_from(format!("{}/waiting-room/{name}", settings.public_url))
            .map_err(|_| BuildError::PublicUrl)?;
        let queue = Queue {
            name: name.clone(),
            title: title.clone().unwrap_or_else(|| name.to_string()),
            waiting_room,
            mirror: mirror.clone(),
            metrics: metrics.queues[name].clone(),
        };
        Ok((name.to_string(), Arc::new(queue)))
    };
    // Both are ordered by name and hold the same names.
    mirrors.iter().zip(settings.queues.values()).map(queue).collect()
}

async fn sweep(limits: Arc<RateLimits>) {
    let mut ticks = tokio::time::interval(LIMITS_SWEEP);
    loop {
        ticks.tick().await;
        limits.sweep();
    }
}
