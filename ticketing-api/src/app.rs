//! Puts the service together from its settings, and runs it. Here and in `main` alone implementations are chosen.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use contract::{clock::SharedClock, tokens::KeyError};
use parking_lot::Mutex;
use prometheus::Registry;
use rand::{SeedableRng, rngs::StdRng};
use service::{
    accept::{self, ListenSettings},
    operations,
    redis::InvalidUrl,
    shutdown::{Drained, drain},
    telemetry,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    access::{Access, AccessParts},
    accounts::{AccountError, Accounts},
    clock::MicrosecondClock,
    demo,
    fast_store::{FastStore, FastStoreEngine, FastStoreSettings, embedded::EmbeddedFastStore, redis::RedisFastStore},
    gateway::{ActiveTokenVerifier, GatewayClient},
    http::{self, Api, rate_limits::RateLimits},
    jobs::{self, Backoff, ClaimRepeater, DatabaseHealth, ExpirySweeper, Health, Housekeeping, Job, OutboxDispatcher},
    join_tokens::JoinTokens,
    metrics::Metrics,
    passwords::{PasswordError, Passwords},
    payments::WalletPayments,
    sales::{Sales, SalesParts, SeatMarks},
    sessions::Sessions,
    settings::Settings,
    store::{self, StoreError, TicketStore},
};

/// How often the tables of rate limits are swept.
const LIMITS_SWEEP: Duration = Duration::from_secs(1);
/// How long background work may take to stop once the last request is answered.
const JOBS_STOP: Duration = Duration::from_secs(5);

/// The service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database cannot be opened.
    #[error("store: {0}")]
    Store(#[from] store::ConnectError),
    /// The database did not take the first records.
    #[error("store: {0}")]
    FirstRecords(#[from] StoreError),
    /// The fast store's address is not one.
    #[error("fast_store.redis.url: {0}")]
    FastStore(#[from] InvalidUrl),
    /// The administrator could not be created.
    #[error("admin: {0}")]
    Admin(#[from] AccountError),
    /// Passwords cannot be hashed.
    #[error("{0}")]
    Passwords(#[from] PasswordError),
    /// Join tokens cannot be signed.
    #[error("secrets.join_key: {0}")]
    JoinKey(#[from] KeyError),
    /// A metric has the name of another.
    #[error("a metric cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// The ports, bound.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
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

/// The service, ready to run.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    registry: Registry,
    metrics: Metrics,
    clock: SharedClock,
    store: Arc<dyn TicketStore>,
    marks: Arc<SeatMarks>,
    clean_up: TaskTracker,
    gateway: Arc<GatewayClient>,
    verifier: Arc<ActiveTokenVerifier>,
    limits: Arc<RateLimits>,
    public: Router,
}

impl App {
    /// Opens the database, brings its tables up to date, creates what has to be there from the start, and builds
    /// everything. Nothing is served or running yet.
    pub async fn build(settings: Settings, clock: SharedClock) -> Result<Self, BuildError> {
        let clock: SharedClock = Arc::new(MicrosecondClock(clock));
        let registry = telemetry::metrics_registry();
        let metrics = Metrics::register(&registry)?;
        let store = store::connect(&settings.store).await?;
        let clean_up = TaskTracker::new();
        let fast_store = fast_store(&settings.fast_store, &clock)?;
        let marks = SeatMarks::new(fast_store, clean_up.clone(), metrics.sales.clone());

        let gateway = Arc::new(GatewayClient::new(&settings.gateway, &settings.secrets.service_key));
        let verifier = ActiveTokenVerifier::new(Arc::clone(&clock), &settings.gateway, &metrics.gateway);
        let verifier = Arc::new(verifier);
        let access = Arc::new(Access::new(AccessParts {
            verifier: Arc::clone(&verifier),
            gateway: Arc::clone(&gateway),
            store: Arc::clone(&store),
            repeat_claims_after: settings.jobs.repeat_claims_after,
            clock: Arc::clone(&clock),
            metrics: metrics.gateway.clone(),
        }));
        let parts = SalesParts {
            store: Arc::clone(&store),
            marks: Arc::clone(&marks),
            payments: Arc::new(WalletPayments::new(Arc::clone(&store))),
            access: Arc::clone(&access),
            clock: Arc::clone(&clock),
        };
        let sales = Sales::new(parts, settings.booking.clone(), metrics.sales.clone());

        let passwords = Passwords::new(&settings.passwords, metrics.passwords.clone())?;
        let currency = settings.wallet.currency;
        let accounts = Arc::new(Accounts::new(Arc::clone(&store), passwords, currency, Arc::clone(&clock)));
        if let Some(admin) = &settings.admin {
            accounts.ensure_admin(admin).await?;
        }
        if settings.demo {
            demo::ensure(&*store, &*clock, currency).await?;
        }

        let limits = Arc::new(RateLimits::new(&settings.rate_limits, &metrics.http.rate_limited));
        let api = Api {
            store: Arc::clone(&store),
            sales,
            access,
            accounts,
            sessions: Sessions::new(&settings.secrets.session_secret, settings.sessions.lifetime),
            join_tokens: JoinTokens::new(&settings.secrets.join_key, &settings.join_tokens, Arc::clone(&clock))?,
            gateway: settings.gateway.clone(),
            wallet: settings.wallet.clone(),
            limits: Arc::clone(&limits),
            proxies: settings.trusted_proxies.clone(),
            request_timeout: settings.request_timeout,
            metrics: metrics.http.clone(),
            clock: Arc::clone(&clock),
        };
        let public = http::router(Arc::new(api));
        Ok(Self { settings, registry, metrics, clock, store, marks, clean_up, gateway, verifier, limits, public })
    }

    /// Runs until `shutdown` is cancelled, then drains: first the requests, then the background work, last the
    /// operations port, which shows the drain.
    pub async fn run(self, listeners: Listeners, shutdown: CancellationToken) -> Drained {
        let (work, stop_work) = (TaskTracker::new(), CancellationToken::new());
        let health = self.start_work(&work, &stop_work);

        let ready = {
            let shutdown = shutdown.clone();
            move || {
                let readiness = readiness(&health, &shutdown);
                async move { readiness.map(|()| Vec::new()) }
            }
        };
        let stop_operations = CancellationToken::new();
        let operations = tokio::spawn(accept::serve(
            listeners.operations,
            operations::router(self.registry, ready),
            self.settings.operations,
            stop_operations.clone(),
        ));
        let drained = accept::serve(listeners.public, self.public, self.settings.listen, shutdown).await;
        stop_work.cancel();
        let _stopped = drain(&work, JOBS_STOP).await;
        let _cleaned = drain(&self.clean_up, JOBS_STOP).await;
        stop_operations.cancel();
        let _closed = operations.await;
        drained
    }

    fn start_work(&self, work: &TaskTracker, stop: &CancellationToken) -> Health {
        let timing = &self.settings.jobs;
        let health = Health::default();
        work.spawn(Arc::clone(&self.verifier).keep_fresh(stop.clone()));
        work.spawn(sweep_limits(Arc::clone(&self.limits), stop.clone()));
        self.start(
            work,
            stop,
            timing.health_every,
            DatabaseHealth {
                store: Arc::clone(&self.store),
                health: health.clone(),
                metrics: self.metrics.jobs.clone(),
            },
        );
        self.start(
            work,
            stop,
            timing.sweep_every,
            ExpirySweeper {
                store: Arc::clone(&self.store),
                marks: Arc::clone(&self.marks),
                clock: Arc::clone(&self.clock),
                metrics: self.metrics.jobs.clone(),
            },
        );
        self.start(
            work,
            stop,
            timing.outbox_every,
            OutboxDispatcher {
                store: Arc::clone(&self.store),
                gateway: Arc::clone(&self.gateway),
                backoff: Backoff { first: timing.outbox_retry_first, longest: timing.outbox_retry_longest },
                outage: OutboxDispatcher::outage(),
                rng: Mutex::new(StdRng::from_os_rng()),
                clock: Arc::clone(&self.clock),
                metrics: self.metrics.jobs.clone(),
            },
        );
        self.start(
            work,
            stop,
            timing.claims_every,
            ClaimRepeater {
                store: Arc::clone(&self.store),
                gateway: Arc::clone(&self.gateway),
                after: timing.repeat_claims_after,
                outage: ClaimRepeater::outage(),
                clock: Arc::clone(&self.clock),
                metrics: self.metrics.jobs.clone(),
            },
        );
        self.start(
            work,
            stop,
            timing.housekeeping_every,
            Housekeeping {
                store: Arc::clone(&self.store),
                keep_for: timing.keep_for,
                clock: Arc::clone(&self.clock),
                metrics: self.metrics.jobs.clone(),
            },
        );
        health
    }

    fn start(&self, work: &TaskTracker, stop: &CancellationToken, interval: Duration, job: impl Job + 'static) {
        work.spawn(jobs::every(interval, job, Arc::clone(&self.clock), self.metrics.jobs.clone(), stop.clone()));
    }
}

fn readiness(health: &Health, shutdown: &CancellationToken) -> Result<(), String> {
    if shutdown.is_cancelled() {
        Err("this instance is stopping".to_owned())
    } else if health.database_answers() {
        Ok(())
    } else {
        Err("the database does not answer".to_owned())
    }
}

fn fast_store(settings: &FastStoreSettings, clock: &SharedClock) -> Result<Arc<dyn FastStore>, InvalidUrl> {
    Ok(match settings.engine {
        FastStoreEngine::Embedded => {
            Arc::new(EmbeddedFastStore::new(Arc::clone(clock), EmbeddedFastStore::DEFAULT_CAPACITY))
        }
        FastStoreEngine::Redis => Arc::new(RedisFastStore::connect(&settings.redis)?),
    })
}

async fn sweep_limits(limits: Arc<RateLimits>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LIMITS_SWEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => limits.sweep(),
        }
    }
}
