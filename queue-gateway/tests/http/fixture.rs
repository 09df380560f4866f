//! A gateway of its own for each test: real sockets on free ports, and a clock that moves when told to.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use contract::{
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
    tokens::{ActiveClaims, ActiveSigner},
};
use queue_gateway::{
    app::{self, App, Listeners},
    settings::{DEFAULTS, ENVIRONMENT_PREFIX, Settings},
    waiting_token::{WaitingClaims, WaitingSigner},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use service::settings;
use testkit::{HttpClient, Reply, eventually};
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;

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
    /// Of the internal port: services, operators, health and metrics.
    pub(crate) internal: HttpClient,
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
        promotion.idle_after = "1h"
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
        let gateway = Self::begin(text, clock, watched).await;
        gateway.until_ready().await;
        gateway.spend_credit().await;
        gateway
    }

    /// The same, which may not be ready yet.
    pub(crate) async fn begin(text: &str, clock: Arc<ManualClock>, watched: Option<&Path>) -> Self {
        Self::run(settings::load_from(DEFAULTS, Some(text), ENVIRONMENT_PREFIX, []).unwrap(), clock, watched).await
    }

    /// A gateway of this file, which is watched.
    pub(crate) async fn of_file(file: &Path, clock: Arc<ManualClock>) -> Self {
        let gateway = Self::run(Settings::load(Some(file)).unwrap(), clock, Some(file)).await;
        gateway.until_ready().await;
        gateway
    }

    async fn run(settings: Settings, clock: Arc<ManualClock>, watched: Option<&Path>) -> Self {
        let changes =
            watched.map(|file| settings::watch(DEFAULTS, file, ENVIRONMENT_PREFIX, settings.clone()).unwrap());
        let listeners = Listeners::bind(&settings).unwrap();
        let client = |listener: &tokio::net::TcpListener| HttpClient::new(listener.local_addr().unwrap());
        let address = listeners.public.local_addr().unwrap();
        let (visitors, internal) = (client(&listeners.public), client(&listeners.operations));
        let engine = app::engine(&settings, &(clock.clone() as _)).await.unwrap();
        let app = App::build(settings, clock.clone(), engine).unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(app.run(listeners, changes, shutdown.clone()));
        Self { address, visitors, internal, clock, shutdown }
    }

    /// A queue opens with one admission at hand; a pause takes it back.
    async fn spend_credit(&self) {
        self.order("pause").await;
        self.order("resume").await;
    }

    /// An operator pauses or resumes the queue, and the gateway has noticed.
    pub(crate) async fn order(&self, order: &str) {
        let reply = self.internal.post(&format!("/v1/admin/queues/demo/{order}")).bearer(OPERATOR_KEY).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let state = reply.json()["state"].clone();
        eventually("the gateway's own picture follows", async || self.public_state().await["state"] == state).await;
    }

    /// Ready for every queue.
    pub(crate) async fn until_ready(&self) {
        eventually("the gateway is ready", async || {
            let readiness = self.internal.get("/readyz").send().await;
            readiness.status == 200 && !readiness.text().contains("has not answered")
        })
        .await;
    }

    /// Somebody who has come by the page and joined, and is told to wait: their waiting token and document.
    pub(crate) async fn waiting_visitor(&self) -> (String, Value) {
        let browser = Browser::new(self).visit().await;
        let reply = browser.join().await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        let document = reply.json();
        assert_eq!(document["state"], "waiting", "{document}");
        (browser.waiting_token(), document)
    }

    /// Somebody whose turn has come at once.
    pub(crate) async fn admitted_visitor(&self) -> (String, Value) {
        self.clock.advance(Duration::from_secs(1));
        let browser = Browser::new(self).visit().await;
        let document = browser.join().await.json();
        assert_eq!(document["state"], "admitted", "{document}");
        (browser.waiting_token(), document)
    }

    /// The site binds an admitted visitor's token to a member.
    pub(crate) async fn claim(&self, document: &Value) {
        let token = document["active_token"].as_str().unwrap();
        let path = format!("/v1/active-tokens/{}/claim", self.slot(document));
        let body = json!({"holder": MemberId::generate(&*self.clock), "active_token": token});
        let reply = self.internal.post(&path).bearer(SERVICE_KEY).json(&body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// The site ends an admitted visitor's token.
    pub(crate) async fn release(&self, document: &Value) {
        let path = format!("/v1/active-tokens/{}/release", self.slot(document));
        assert_eq!(self.internal.post(&path).bearer(SERVICE_KEY).send().await.status, 204);
    }

    /// The id of the slot that an admitted document's token opens.
    pub(crate) fn slot(&self, document: &Value) -> String {
        let verifier = ActiveSigner::from_pem(&ACTIVE_KEY, "queue-gateway", "ticketing").unwrap().verifier();
        let token = document["active_token"].as_str().unwrap();
        verifier.verify(token, self.clock.now()).unwrap().id.to_string()
    }

    /// Lets time pass second by second with steps in between, as it does: a leap would be taken for an outage.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.step().await;
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.step().await;
        }
    }

    /// The time is later, and the gateway has stepped since.
    pub(crate) async fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.step().await;
    }

    /// Returns after a step that began after this was called.
    pub(crate) async fn step(&self) {
        let before = self.steps().await;
        eventually("the gateway steps", async || self.steps().await >= before + 2).await;
    }

    async fn steps(&self) -> u64 {
        self.metric(r#"queue_gateway_step_seconds_count{queue="demo"}"#).await
    }

    /// The value of one metric.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let metrics = self.internal.get("/metrics").send().await.text();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {metrics}")).parse().unwrap()
    }

    /// The gateway has looked at the changed settings file, and refused it so many times.
    pub(crate) async fn until_refused_reloads(&self, times: u64) {
        let refused = async || self.metric("queue_gateway_reloads_refused_total").await >= times;
        eventually("the changed settings are refused", refused).await;
    }

    /// What everybody may know of the queue.
    pub(crate) async fn public_state(&self) -> Value {
        self.visitors.get("/v1/queues/demo").send().await.json()
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
        member: None,
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
        member: None,
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
