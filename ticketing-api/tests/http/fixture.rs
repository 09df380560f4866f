//! A ticket shop of its own for each test, behind a gateway of its own: real sockets on free ports, and one clock that
//! moves when told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use contract::{
    clock::{Clock, ManualClock, SystemClock},
    tokens::JoinSigner,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use service::settings;
use tempfile::TempDir;
use testkit::{HttpClient, Reply, Request, eventually};
use ticketing_api::{
    app::{App, Listeners},
    demo,
    settings::{DEFAULTS, ENVIRONMENT_PREFIX, Settings},
};
use tokio_util::sync::CancellationToken;

use crate::gateway::{Gateway, SERVICE_KEY};

pub(crate) const PASSWORD: &str = "secret1!";
pub(crate) const ADMIN: &str = "admin@example.org";

/// Of all shops in this process.
static JOIN_KEY: LazyLock<SecretString> = LazyLock::new(JoinSigner::generate_pem);

/// A ticket shop that runs until it is dropped.
pub(crate) struct Shop {
    pub(crate) api: HttpClient,
    pub(crate) address: SocketAddr,
    pub(crate) operations: HttpClient,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) clock: Arc<ManualClock>,
    shutdown: CancellationToken,
    _folder: TempDir,
}

/// Somebody with an account.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) email: String,
    pub(crate) session: String,
}

/// A member whose turn has come.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) session: String,
    pub(crate) active_token: String,
}

impl Shop {
    /// A shop on SQLite and the embedded fast store, with the demo sale open.
    pub(crate) async fn open() -> Self {
        Self::with("").await
    }

    /// The same with more settings.
    pub(crate) async fn with(more: &str) -> Self {
        Self::on_sqlite(clock(), more).await
    }

    /// The same at the time of the machine, for a browser: it has a clock of its own.
    pub(crate) async fn of_today() -> Self {
        Self::on_sqlite(Arc::new(ManualClock::at_second(SystemClock.now().as_second())), "").await
    }

    async fn on_sqlite(clock: Arc<ManualClock>, more: &str) -> Self {
        let gateway = Gateway::open(&clock).await;
        Self::starting(gateway, async |folder| {
            format!("store.url = \"sqlite:{}/t.db\"\n{more}", folder.path().display())
        })
        .await
    }

    /// The same on another database.
    pub(crate) async fn on_database(url: &str) -> Self {
        Self::behind(Gateway::open(&clock()).await, url).await
    }

    /// Two instances that start together on one database, behind one gateway.
    pub(crate) async fn two_on_database(url: &str) -> (Self, Self) {
        let gateway = Gateway::open(&clock()).await;
        tokio::join!(Box::pin(Self::behind(Arc::clone(&gateway), url)), Box::pin(Self::behind(gateway, url)))
    }

    async fn behind(gateway: Arc<Gateway>, url: &str) -> Self {
        Self::starting(gateway, async |_| {
            format!("store.url = \"{url}\"\nstore.acquire_timeout_ms = 500\nrequest_timeout = \"2s\"")
        })
        .await
    }

    async fn starting(gateway: Arc<Gateway>, more: impl AsyncFnOnce(&TempDir) -> String) -> Self {
        let clock = Arc::clone(&gateway.clock);
        let gateway_address = gateway.network.address();
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            r#"
            public_url = "http://tickets.test"
            demo = true
            listen.address = "127.0.0.1:0"
            listen.drain_deadline = "100ms"
            operations.address = "127.0.0.1:0"
            secrets.session_secret = "the session secret of the shops in tests"
            secrets.service_key = "{SERVICE_KEY}"
            secrets.join_key = '''
{}'''
            gateway.internal_url = "http://{gateway_address}"
            gateway.public_url = "http://wait.test"
            gateway.timeout = "2s"
            gateway.key_refresh_pause = "50ms"
            jobs.sweep_every = "10ms"
            jobs.outbox_every = "10ms"
            jobs.outbox_retry_first = "10ms"
            jobs.claims_every = "10ms"
            jobs.health_every = "10ms"
            admin.email = "{ADMIN}"
            admin.password = "{PASSWORD}"
            {}
            "#,
            JOIN_KEY.expose_secret(),
            more(&folder).await,
        );
        let settings: Settings = settings::load_from(DEFAULTS, Some(&text), ENVIRONMENT_PREFIX, []).unwrap();
        let listeners = Listeners::bind(&settings).unwrap();
        let address = listeners.public.local_addr().unwrap();
        let operations = HttpClient::new(listeners.operations.local_addr().unwrap());
        let app = App::build(settings, clock.clone()).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(app.run(listeners, shutdown.clone()));
        let api = HttpClient::new(address);
        let shop = Self { api, address, operations, gateway, clock, shutdown, _folder: folder };
        shop.until_ready().await;
        shop
    }

    pub(crate) async fn until_ready(&self) {
        eventually("the shop is ready", async || self.operations.get("/readyz").send().await.status == 200).await;
    }

    /// A new member who is logged in.
    pub(crate) async fn member(&self) -> Member {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let email = format!("member{number}@example.org");
        let sign_up = json!({"email": email, "password": PASSWORD, "nickname": format!("m{number}")});
        let reply = self.api.post("/v1/members").json(&sign_up).send().await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        self.log_in(&email).await
    }

    pub(crate) async fn log_in(&self, email: &str) -> Member {
        let reply = self.api.post("/v1/sessions").json(&json!({"email": email, "password": PASSWORD})).send().await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        let session = reply.json()["access_token"].as_str().unwrap().to_owned();
        Member { email: email.to_owned(), session }
    }

    /// A visitor of this queue whose turn has come: their active token.
    pub(crate) fn active_token(&self, queue: &str) -> String {
        self.gateway.admit(queue, None)
    }

    /// A new member with money whose turn has come.
    pub(crate) async fn buyer(&self) -> Buyer {
        let member = self.member().await;
        let reply = self.charge(&member.session, 1_000_000).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        Buyer { session: member.session, active_token: self.active_token(demo::FOR_EVERYBODY.queue) }
    }

    pub(crate) async fn charge(&self, session: &str, amount: i64) -> Reply {
        let request = self.api.post("/v1/wallet/charges").bearer(session).header("idempotency-key", &key());
        request.json(&json!({"amount": amount})).send().await
    }

    pub(crate) async fn hold(&self, buyer: &Buyer, seats: &[u32]) -> Reply {
        buyer.sends(self.api.post(&holds_path())).json(&json!({"seats": seats})).send().await
    }

    pub(crate) async fn reserve(&self, buyer: &Buyer, hold: &Value) -> Reply {
        buyer.sends(self.api.post("/v1/reservations")).json(&json!({"hold_id": hold["id"]})).send().await
    }

    pub(crate) async fn pay(&self, buyer: &Buyer, reservation: &Value) -> Reply {
        buyer.sends(self.api.post(&payments_path(reservation))).header("idempotency-key", &key()).send().await
    }

    /// A hold on these seats.
    pub(crate) async fn held(&self, buyer: &Buyer, seats: &[u32]) -> Value {
        created(&self.hold(buyer, seats).await)
    }

    /// A reservation of these seats.
    pub(crate) async fn reserved(&self, buyer: &Buyer, seats: &[u32]) -> Value {
        let hold = self.held(buyer, seats).await;
        created(&self.reserve(buyer, &hold).await)
    }

    /// The state of a seat of the demo sale.
    pub(crate) async fn seat_state(&self, number: usize) -> String {
        let reply = self.api.get(&format!("/v1/performances/{}/seats", demo::FOR_EVERYBODY.performance)).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["items"][number - 1]["state"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn metrics(&self) -> String {
        self.operations.get("/metrics").send().await.text()
    }
}

impl Buyer {
    /// The request as this buyer sends it.
    pub(crate) fn sends(&self, request: Request) -> Request {
        request.bearer(&self.session).header("active-token", &self.active_token)
    }

    /// The same member with another token.
    pub(crate) fn with_token(&self, active_token: &str) -> Self {
        Self { session: self.session.clone(), active_token: active_token.to_owned() }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_second(1_800_000_000))
}

pub(crate) fn holds_path() -> String {
    format!("/v1/performances/{}/holds", demo::FOR_EVERYBODY.performance)
}

pub(crate) fn payments_path(reservation: &Value) -> String {
    format!("/v1/reservations/{}/payments", reservation["id"].as_str().unwrap())
}

/// A fresh idempotency key.
pub(crate) fn key() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("key-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The document of something that was created.
#[track_caller]
pub(crate) fn created(reply: &Reply) -> Value {
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
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
    assert_eq!(reply.header("retry-after").is_some(), matches!(status, 429 | 503) || code == "idempotency_in_progress");
}
