//! A gateway of its own for each test: real sockets on free ports, and a clock that moves when told to.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use contract::{
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, QueueName, VisitorId},
    tokens::{ActiveClaims, ActiveSigner},
};
use queue_gateway::{
    app::{self, App, Listeners},
    settings::{DEFAULTS, ENVIRONMENT_PREFIX, Settings},
    waiting_token::{WaitingClaims, WaitingSigner},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use service::settings;
use testkit::{HttpClient, Reply};
use tokio_util::sync::CancellationToken;

pub(crate) const WAITING_SECRET: &str = "the waiting secret of all gateways in these tests";
pub(crate) const SERVICE_KEY: &str = "the key of the services in these tests";
pub(crate) const OPERATOR_KEY: &str = "the key of the operators in these tests";
/// Of all gateways in this process.
pub(crate) static ACTIVE_KEY: LazyLock<SecretString> = LazyLock::new(ActiveSigner::generate_pem);

/// The queue that most tests use; the other is there to be mistaken for it.
pub(crate) const TOKENS: &str = "/v1/queues/demo/tokens";
pub(crate) const CURRENT: &str = "/v1/queues/demo/tokens/current";

/// A gateway that runs until it is dropped.
pub(crate) struct Gateway {
    /// Of the public port, for clients that need more than HTTP requests.
    pub(crate) address: SocketAddr,
    pub(crate) visitors: HttpClient,
    pub(crate) operations: HttpClient,
    pub(crate) clock: Arc<ManualClock>,
    shutdown: CancellationToken,
}

/// One test's settings file.
pub(crate) fn settings_text(admission: &str, more: &str) -> String {
    format!(
        r#"
        public_url = "http://wait.test"
        trusted_proxies = []
        listen.address = "127.0.0.1:0"
        listen.drain_deadline = "100ms"
        operations.address = "127.0.0.1:0"
        promotion.tick = "10ms"
        secrets.waiting_secret = "{WAITING_SECRET}"
        secrets.service_key = "{SERVICE_KEY}"
        secrets.operator_key = "{OPERATOR_KEY}"
        secrets.active_key = '''
{active_key}'''
        queues.demo = {{ title = "Demo", redirect_to = "https://shop.test/seats", admission = {admission} }}
        queues.other = {{ redirect_to = "https://shop.test/other", admission = {admission} }}
        {more}
        "#,
        active_key = ACTIVE_KEY.expose_secret()
    )
}

/// One admission a second, ten active.
pub(crate) const ONE_PER_SECOND: &str = r#"{ mode = "fixed", rate_per_second = 1, active_cap = 10 }"#;

impl Gateway {
    /// A gateway that admits one visitor a second, but none before the clock moves.
    pub(crate) async fn open() -> Self {
        Self::with("").await
    }

    /// The same with more settings.
    pub(crate) async fn with(more: &str) -> Self {
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        Self::start(&settings_text(ONE_PER_SECOND, more), clock, None).await
    }

    /// A gateway of these settings, whose file may be watched for changes.
    pub(crate) async fn start(text: &str, clock: Arc<ManualClock>, watched: Option<&Path>) -> Self {
        let settings: Settings = settings::load_from(DEFAULTS, Some(text), ENVIRONMENT_PREFIX, []).unwrap();
        let changes =
            watched.map(|file| settings::watch(DEFAULTS, file, ENVIRONMENT_PREFIX, settings.clone()).unwrap());
        let listeners = Listeners::bind(&settings).unwrap();
        let client = |listener: &tokio::net::TcpListener| HttpClient::new(listener.local_addr().unwrap());
        let address = listeners.public.local_addr().unwrap();
        let (visitors, operations) = (client(&listeners.public), client(&listeners.operations));
        let engine = app::engine(&settings, &(clock.clone() as _)).await.unwrap();
        let app = App::build(settings, clock.clone(), engine).unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(app.run(listeners, changes, shutdown.clone()));
        let gateway = Self { address, visitors, operations, clock, shutdown };
        gateway.until_ready().await;
        gateway.spend_credit().await;
        gateway
    }

    /// A queue opens with one admission at hand; a pause takes it back.
    async fn spend_credit(&self) {
        for (order, state) in [("pause", "paused"), ("resume", "open")] {
            let path = format!("/v1/admin/queues/demo/{order}");
            let reply = self.visitors.post(&path).bearer(OPERATOR_KEY).send().await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            eventually("the gateway's own picture follows", async || {
                self.visitors.get("/v1/queues/demo").send().await.json()["state"] == state
            })
            .await;
        }
    }

    pub(crate) async fn until_ready(&self) {
        eventually("the gateway is ready", async || self.operations.get("/readyz").send().await.status == 200).await;
    }

    /// A visitor in the demo queue, who is told to wait.
    pub(crate) async fn waiting_visitor(&self) -> (String, Value) {
        let reply = self.visitors.post(TOKENS).send().await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        let document = reply.json();
        assert_eq!(document["state"], "waiting", "{document}");
        (document["waiting_token"].as_str().unwrap().to_owned(), document)
    }

    /// A visitor whose turn has come at once, and his active token.
    pub(crate) async fn admitted_visitor(&self) -> (String, Value) {
        self.clock.advance(Duration::from_secs(1));
        let reply = self.visitors.post(TOKENS).send().await;
        let document = reply.json();
        assert_eq!(document["state"], "admitted", "{document}");
        (document["waiting_token"].as_str().unwrap().to_owned(), document)
    }

    pub(crate) async fn poll(&self, token: &str) -> Value {
        let reply = self.visitors.get(CURRENT).bearer(token).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// Waits until this visitor's poll shows what is wanted.
    pub(crate) async fn until_poll(&self, token: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
        eventually(what, async || wanted(&self.poll(token).await)).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Asks again and again, for ten seconds.
///
/// # Panics
/// When the condition does not come true.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut attempts = tokio::time::interval(Duration::from_millis(5));
        while !condition().await {
            attempts.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

/// That a reply is a problem document of this status and code, which no cache keeps.
#[track_caller]
pub(crate) fn assert_problem(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let problem = reply.json();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
}

/// A waiting token as this system signs it, changed at will.
pub(crate) fn waiting_token(gateway: &Gateway, change: impl FnOnce(&mut WaitingClaims)) -> String {
    let mut claims = WaitingClaims {
        queue: demo(),
        visitor: VisitorId::generate(&*gateway.clock),
        epoch: i64::MAX,
        seq: 1,
        issued_at: gateway.clock.now(),
        expires_at: gateway.clock.now() + Duration::from_mins(1),
    };
    change(&mut claims);
    WaitingSigner::new(&WAITING_SECRET.into()).mint(&claims)
}

/// An active token as this system signs it, changed at will.
pub(crate) fn active_token(gateway: &Gateway, change: impl FnOnce(&mut ActiveClaims)) -> String {
    active_token_of(&ACTIVE_KEY, gateway, change)
}

/// An active token of somebody else's key.
pub(crate) fn foreign_active_token(gateway: &Gateway, change: impl FnOnce(&mut ActiveClaims)) -> String {
    active_token_of(&ActiveSigner::generate_pem(), gateway, change)
}

fn active_token_of(key: &SecretString, gateway: &Gateway, change: impl FnOnce(&mut ActiveClaims)) -> String {
    let mut claims = ActiveClaims {
        id: ActiveTokenId::generate(&*gateway.clock),
        queue: demo(),
        visitor: VisitorId::generate(&*gateway.clock),
        epoch: i64::MAX,
        issued_at: gateway.clock.now(),
        expires_at: gateway.clock.now() + Duration::from_mins(1),
    };
    change(&mut claims);
    ActiveSigner::from_pem(key, "queue-gateway", "ticketing").unwrap().mint(&claims)
}

pub(crate) fn demo() -> QueueName {
    "demo".parse().unwrap()
}
