//! Tokens that another service signs: when its keys are fetched, and what is said of a token meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use contract::{
    ids::MemberId,
    tokens::{JoinClaims, JoinSigner, JwkSet, TokenError},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus::IntCounter;
use service::{
    accept::{self, ListenSettings},
    outage::Outage,
    remote_keys::{KeyFetches, RemoteKeys, TokenIssuer, Unverified},
};
use testkit::eventually;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// What the issuer publishes, and how often it was asked.
#[derive(Default)]
struct Published {
    keys: Vec<JoinSigner>,
    /// Blanks before the key set.
    padding: usize,
    fetches: u32,
}

struct World {
    address: SocketAddr,
    published: Arc<Mutex<Published>>,
    keys: Arc<RemoteKeys<JoinClaims>>,
    fetches: KeyFetches,
    shutdown: CancellationToken,
}

impl World {
    fn with(key_refresh: Duration, key_refresh_pause: Duration) -> Self {
        let published = Arc::new(Mutex::new(Published::default()));
        let asked = Arc::clone(&published);
        let key_set = get(async move || {
            let mut published = asked.lock();
            published.fetches += 1;
            let set = JwkSet { keys: published.keys.iter().flat_map(|signer| signer.jwks().keys).collect() };
            format!("{}{}", " ".repeat(published.padding), serde_json::to_string(&set).unwrap())
        });
        let listener = accept::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let router = Router::new().route("/keys", key_set);
        tokio::spawn(accept::serve(listener, router, ListenSettings::default(), shutdown.clone()));

        let issuer = TokenIssuer {
            jwks_url: format!("http://{address}/keys"),
            issuer: "shop".to_owned(),
            audience: "gateway".to_owned(),
            timeout: Duration::from_secs(5),
            key_refresh,
            key_refresh_pause,
        };
        let counter = |name: &str| IntCounter::new(name, "help").unwrap();
        let fetches = KeyFetches { succeeded: counter("succeeded"), failed: counter("failed") };
        let keys = RemoteKeys::new(issuer, Outage::new("no keys", "keys again"), fetches.clone());
        Self { address, published, keys: Arc::new(keys), fetches, shutdown }
    }

    fn publish(&self, keys: Vec<JoinSigner>) {
        self.published.lock().keys = keys;
    }

    async fn verify(&self, token: &str) -> Result<JoinClaims, Unverified> {
        self.keys.verify(token, now()).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn signer() -> JoinSigner {
    JoinSigner::from_pem(&JoinSigner::generate_pem(), "shop", "gateway").unwrap()
}

fn token_of(signer: &JoinSigner) -> String {
    signer.mint(&JoinClaims::new("demo".parse().unwrap(), MemberId(uuid::Uuid::from_u128(7)), now()))
}

const HOUR: Duration = Duration::from_hours(1);
const AT_ONCE: Duration = Duration::from_nanos(1);
const UNKNOWN: Result<JoinClaims, Unverified> = Err(Unverified::Refused(TokenError::UnknownKey));

#[tokio::test]
async fn a_token_of_a_new_key_is_believed_as_soon_as_the_key_is_published() {
    let world = World::with(HOUR, AT_ONCE);
    let (old, new) = (signer(), signer());
    let (old_token, new_token) = (token_of(&old), token_of(&new));
    world.publish(vec![old]);
    assert!(world.verify(&old_token).await.is_ok());
    let version = world.keys.version();
    assert_eq!(world.verify(&new_token).await, UNKNOWN);
    assert_eq!(world.keys.version(), version, "the same keys again are no other set");

    world.published.lock().keys.push(new);
    assert!(world.verify(&new_token).await.is_ok());
    assert!(world.verify(&old_token).await.is_ok());
    assert_ne!(world.keys.version(), version);
}

#[tokio::test]
async fn a_withdrawn_key_is_believed_until_the_next_refresh() {
    let world = World::with(Duration::from_millis(5), HOUR);
    let old = signer();
    let token = token_of(&old);
    world.publish(vec![old]);
    assert!(world.verify(&token).await.is_ok());
    let (keys, shutdown) = (Arc::clone(&world.keys), world.shutdown.clone());
    let refreshing = tokio::spawn(async move { keys.keep_fresh(shutdown).await });

    world.publish(vec![signer()]);
    eventually("the token is refused", async || world.verify(&token).await.is_err()).await;
    world.shutdown.cancel();
    refreshing.await.unwrap();
}

#[tokio::test]
async fn invented_keys_do_not_make_us_ask_the_issuer_again_and_again() {
    let world = World::with(HOUR, HOUR);
    world.publish(vec![signer()]);
    let forged: Vec<_> = (0..20).map(|_| token_of(&signer())).collect();
    let attempts = forged.iter().map(|token| world.verify(token));
    for reply in futures_util::future::join_all(attempts).await {
        assert_eq!(reply, UNKNOWN);
    }
    assert_eq!((world.published.lock().fetches, world.fetches.succeeded.get()), (1, 1));
}

#[tokio::test]
async fn without_any_keys_nothing_is_said_of_a_token() {
    let world = World::with(HOUR, AT_ONCE);
    let token = token_of(&signer());
    world.shutdown.cancel();
    eventually("the issuer is away", async || TcpStream::connect(world.address).await.is_err()).await;
    assert_eq!(world.verify(&token).await, Err(Unverified::KeysUnavailable));
    assert_eq!(world.fetches.failed.get(), 1);
}

#[tokio::test]
async fn a_key_set_of_any_length_is_not_read_to_its_end() {
    let world = World::with(HOUR, AT_ONCE);
    let signer = signer();
    let token = token_of(&signer);
    world.publish(vec![signer]);
    world.published.lock().padding = 1 << 20;
    assert_eq!(world.verify(&token).await, Err(Unverified::KeysUnavailable));
    world.published.lock().padding = 0;
    assert!(world.verify(&token).await.is_ok());
}

#[tokio::test]
async fn keys_that_could_not_be_fetched_for_a_day_are_believed_no_more() {
    let world = World::with(Duration::from_mins(5), Duration::from_secs(1));
    let issuer = signer();
    let token = token_of(&issuer);
    world.publish(vec![issuer]);
    world.verify(&token).await.unwrap();
    world.shutdown.cancel();
    eventually("the issuer is gone", async || TcpStream::connect(world.address).await.is_err()).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(23)).await;
    world.verify(&token).await.unwrap();
    tokio::time::advance(Duration::from_hours(1)).await;
    assert_eq!(world.verify(&token).await, Err(Unverified::KeysUnavailable));
}
