//! Puts the gateway together from its settings, and runs it. Here and in `main` alone implementations are chosen.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use axum::{Router, http::HeaderValue};
use contract::{
    clock::SharedClock,
    tokens::{ActiveSigner, KeyError, KeyedClaims, KeyedSigner},
};
use futures_util::{FutureExt, future::BoxFuture};
use prometheus::Registry;
use rand::{SeedableRng, rngs::StdRng};
use service::{
    accept::{self, ListenSettings},
    redis::ConnectError,
    settings::Changes,
    shutdown::{Drained, drain},
    telemetry,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    baselines::ConfiguredEngine,
    documents::Documents,
    draw::{AUDIENCE, Collected, ReceiptSigner},
    engine::{QueueEngine, embedded::EmbeddedEngine, redis::RedisEngine},
    follower::{Follower, Readings},
    http::{
        self, Gateway, access_lists::Access, cookie::Cookies, rate_limits::RateLimits, request::Keys,
        untrusted_proxy::UntrustedProxy,
    },
    members::JoinTokens,
    metrics::Metrics,
    mirror::Mirrors,
    promoter::Promoter,
    proof_of_work::ProofOfWork,
    reload,
    settings::{EngineChoice, QueueSettings, Settings},
    store_risks::StoreRisks,
    streams::{StreamLimits, Streams},
    waiting_room::{Joins, Queue, WaitingRoom},
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
    /// The store refuses us, or its address is none.
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
    /// For visitors.
    pub public: TcpListener,
    /// The internal port: services, operators, metrics and health.
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

/// The engine that the settings choose. A store that is away at present does not stop the start; one that refuses us
/// does.
pub async fn engine(settings: &Settings, clock: &SharedClock) -> Result<Arc<dyn QueueEngine>, ConnectError> {
    Ok(match settings.engine {
        EngineChoice::Embedded => Arc::new(EmbeddedEngine::new(clock.clone())),
        EngineChoice::Redis => Arc::new(match RedisEngine::connect(&settings.redis).await {
            Err(ConnectError::Unreachable(reason)) => {
                tracing::warn!(
                    reason,
                    "the queue store is away: starting without it, and going on as soon as it is there"
                );
                RedisEngine::connect_in_background(&settings.redis).map_err(ConnectError::from)?
            }
            engine => engine?,
        }),
    })
}

/// A gateway, ready to run.
pub struct App {
    settings: Settings,
    engine: Arc<ConfiguredEngine>,
    public: Router,
    internal: Router,
    registry: Registry,
    mirrors: Arc<Mirrors>,
    streams: Arc<Streams>,
    promoters: Vec<Promoter>,
    /// The loops behind what requests ask for together.
    gatherings: Vec<BoxFuture<'static, ()>>,
    clock: SharedClock,
    limits: Arc<RateLimits>,
    access: Access,
    queues: BTreeMap<String, Arc<Queue>>,
    metrics: Arc<Metrics>,
}

impl App {
    /// Builds everything. Nothing is started, bound or sent.
    pub fn build(settings: Settings, clock: SharedClock, engine: Arc<dyn QueueEngine>) -> Result<Self, BuildError> {
        let registry = telemetry::metrics_registry();
        let metrics = Arc::new(Metrics::register(&registry, settings.queues.keys())?);
        let now = clock.now();
        // A file from the future is no newer than the next change.
        let baselines = settings.baselines(settings.as_of.map_or(now, |as_of| as_of.min(now)));
        let engine = ConfiguredEngine::new(engine, baselines, metrics.clone(), StdRng::from_os_rng());
        let engine = Arc::new(match settings.engine {
            EngineChoice::Embedded => engine,
            EngineChoice::Redis => engine.shared(),
        });
        let signer = ActiveSigner::from_pem(
            &settings.secrets.active_key,
            settings.tokens.issuer.as_str(),
            settings.tokens.audience.as_str(),
        )?
        .publishing(&settings.secrets.further_active_keys)?;
        let (verifier, key_set) = (signer.verifier(), signer.jwks());
        let issuer = settings.tokens.issuer.clone();
        let receipts = ReceiptSigner::from_pem(&settings.secrets.active_key, issuer.as_str(), AUDIENCE)?;
        let documents = Arc::new(documents(&settings, signer));
        let mirrors = Arc::new(Mirrors::new(settings.queues.keys().cloned()));
        let streams = Arc::new(Streams::new(
            StreamLimits {
                max_streams: settings.streams.max_streams,
                max_per_network: settings.streams.max_streams_per_network,
                // Half the token's life is left for a client that is slow to come back.
                longest: settings.tokens.waiting_lifetime / 2,
                // The last stream must have ended before the connections are cut.
                drain: settings.listen.drain_deadline.mul_f64(0.8),
            },
            &documents,
            mirrors.iter().map(|mirror| (mirror.clone(), metrics.queues[mirror.queue()].clone())),
            StdRng::from_os_rng(),
        ));
        let (mut queues, mut promoters, mut gatherings) = (BTreeMap::new(), Vec::new(), Vec::new());
        // Both are ordered by name and hold the same names.
        for (of_queue, queue_settings) in streams.iter().zip(settings.queues.values()) {
            let follower = Arc::new(Follower::new(engine.clone(), of_queue.clone()));
            let (readings, reader) = Readings::of(follower.clone());
            let (joins, joiner) = Joins::of(engine.clone(), follower.queue().clone());
            gatherings.extend([reader.boxed(), joiner.boxed()]);
            promoters.push(Promoter {
                follower: follower.clone(),
                metrics: metrics.queues[follower.queue()].clone(),
                clock: clock.clone(),
                period: settings.promotion.tick,
                idle_after: settings.promotion.idle_after,
                queues: u32::try_from(settings.queues.len()).unwrap_or(u32::MAX),
            });
            let queue = queue(&settings, queue_settings, follower, readings, joins, &metrics, &clock)?;
            queues.insert(queue.name.to_string(), Arc::new(queue));
        }
        let limits = Arc::new(RateLimits::new(&settings.rate_limits, &metrics.rate_limited));
        let room = WaitingRoom {
            engine: engine.clone(),
            clock: clock.clone(),
            departed: limits.departed.clone(),
            waiting_lifetime: settings.tokens.waiting_lifetime,
        };
        let access = Access::by(settings.access.clone());
        let gateway = Arc::new(Gateway {
            queues: queues.clone(),
            room,
            engine: engine.clone(),
            streams: streams.clone(),
            documents,
            identities: keyed(&settings),
            invitations: keyed(&settings),
            receipts,
            issuer,
            verifier,
            jwks: serde_json::to_vec(&key_set).unwrap_or_default().into(),
            keys: Keys {
                service: settings.secrets.service_key.clone(),
                operator: settings.secrets.operator_key.clone(),
            },
            cookies: Cookies { secure: settings.is_public_over_https() },
            limits: limits.clone(),
            public_url: settings.public_url.clone(),
            proxies: settings.proxies(),
            access: access.clone(),
            untrusted_proxy: UntrustedProxy::new(metrics.untrusted_proxy.clone()),
            clock: clock.clone(),
        });
        let public = http::public_router(gateway.clone(), &metrics);
        let internal = http::internal_router(gateway, &metrics);
        Ok(Self {
            settings,
            engine,
            public,
            internal,
            registry,
            mirrors,
            streams,
            promoters,
            gatherings,
            clock,
            limits,
            access,
            queues,
            metrics,
        })
    }

    /// Runs until `shutdown` is cancelled, then drains. `changes` brings settings whose file has changed.
    pub async fn run(
        self,
        listeners: Listeners,
        changes: Option<Changes<Settings>>,
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
        if let Some(Changes { settings, refused }) = changes {
            let counter = self.metrics.reloads_refused.clone();
            until_shutdown(tokio::spawn(reload::count_refused(refused, counter)));
            until_shutdown(tokio::spawn(reload::follow(
                self.engine.clone(),
                self.access,
                self.streams.clone(),
                self.settings.clone(),
                self.clock,
                settings,
            )));
        }
        for (queue, _) in self.settings.queues.iter().filter(|(_, queue)| queue.is_lottery_by_browsers()) {
            tracing::warn!(
                %queue,
                "the draw is one by browsers: whoever brings more of them has more numbers. Members, or proof of work, make \
                 that dear"
            );
        }
        until_shutdown(tokio::spawn(sweep(self.limits)));
        let risks = StoreRisks::default();
        until_shutdown(tokio::spawn(risks.clone().watch(self.engine.clone())));
        // They go on while streams end: until its end each stream is told everything.
        let drained_streams = CancellationToken::new();
        for promoter in self.promoters {
            loops.spawn(promoter.run(drained_streams.clone()));
        }
        for queue in self.queues.values() {
            let (queue, shutdown) = (queue.clone(), shutdown.clone());
            loops.spawn(async move {
                if let Some(members) = &queue.members {
                    members.keep_fresh(shutdown).await;
                }
            });
        }
        for gathering in self.gatherings {
            tokio::spawn(gathering);
        }
        loops.spawn({
            let (streams, shutdown) = (self.streams, shutdown.clone());
            async move { streams.run(shutdown).await }
        });
        let proxies = self.settings.trusted_proxies.clone();
        let listen = ListenSettings { proxies, ..self.settings.listen };
        let operations =
            http::operations::router(self.registry, self.mirrors, self.engine.clone(), risks, shutdown.clone())
                .merge(self.internal);
        let last = CancellationToken::new();
        let operations =
            tokio::spawn(accept::serve(listeners.operations, operations, self.settings.operations, last.clone()));
        let drained = accept::serve(listeners.public, self.public, listen, shutdown).await;
        drained_streams.cancel();
        let _stopped = drain(&loops, LOOPS_STOP).await;
        // Last, so that health and metrics show the drain.
        last.cancel();
        let _closed = operations.await;
        drained
    }
}

/// Signs one of the kinds of token that gateways alone read.
fn keyed<C: KeyedClaims>(settings: &Settings) -> KeyedSigner<C> {
    KeyedSigner::new(&settings.secrets.waiting_secret).accepting(&settings.secrets.further_waiting_secrets)
}

fn documents(settings: &Settings, signer: ActiveSigner) -> Documents {
    let redirects = settings.queues.iter().map(|(name, queue)| (name.clone(), queue.redirect_to.clone())).collect();
    Documents::new(signer, keyed(settings), settings.tokens.waiting_lifetime, redirects)
}

fn queue(
    settings: &Settings,
    of_queue: &QueueSettings,
    follower: Arc<Follower>,
    readings: Readings,
    joins: Joins,
    metrics: &Metrics,
    clock: &SharedClock,
) -> Result<Queue, BuildError> {
    let name = follower.queue().clone();
    let waiting_room = HeaderValue::try_from(format!("{}/waiting-room/{name}", settings.public_url))
        .map_err(|_| BuildError::PublicUrl)?;
    let members = |members| JoinTokens::new(members, clock.clone(), metrics.key_fetches.clone());
    let proof_of_work = |asked| ProofOfWork::new(asked, keyed(settings));
    Ok(Queue {
        title: of_queue.title.clone().unwrap_or_else(|| name.to_string()),
        waiting_room,
        published_draw: Collected::default(),
        readings,
        joins,
        metrics: metrics.queues[&name].clone(),
        members: of_queue.members.as_ref().map(members),
        proof_of_work: of_queue.proof_of_work.map(proof_of_work),
        follower,
        name,
    })
}

async fn sweep(limits: Arc<RateLimits>) {
    let mut ticks = tokio::time::interval(LIMITS_SWEEP);
    loop {
        ticks.tick().await;
        limits.sweep();
    }
}
