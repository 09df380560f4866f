//! The gateway's keys change while the service runs. The gateway here is no more than a published key set, because a
//! real one has one key for its whole life.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Json, Router, routing::get};
use contract::{
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, JwkSet, TokenError},
};
use parking_lot::Mutex;
use prometheus::Registry;
use service::accept::{self, ListenSettings};
use ticketing_api::{
    gateway::{ActiveTokenError, ActiveTokenVerifier, GatewayClient, GatewaySettings},
    metrics::Metrics,
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::fixture::eventually;

/// What the gateway publishes, and how often it was asked.
#[derive(Default)]
struct Published {
    keys: Vec<ActiveSigner>,
    fetches: u32,
}

struct World {
    address: SocketAddr,
    published: Arc<Mutex<Published>>,
    verifier: Arc<ActiveTokenVerifier>,
    clock: Arc<ManualClock>,
    shutdown: CancellationToken,
}

impl World {
    fn with(key_refresh: Duration, key_refresh_pause: Duration) -> Self {
        let published = Arc::new(Mutex::new(Published::default()));
        let asked = Arc::clone(&published);
        let keys = get(async move || {
            let mut published = asked.lock();
            published.fetches += 1;
            Json(JwkSet { keys: published.keys.iter().flat_map(|signer| signer.jwks().keys).collect() })
        });
        let listener = accept::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let router = Router::new().route("/.well-known/jwks.json", keys);
        tokio::spawn(accept::serve(listener, router, ListenSettings::default(), shutdown.clone()));

        let settings = GatewaySettings {
            url: format!("http://{address}"),
            public_url: format!("http://{address}"),
            issuer: "gateway".to_owned(),
            audience: "shop".to_owned(),
            timeout: Duration::from_secs(5),
            key_refresh,
            key_refresh_pause,
        };
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        let client = Arc::new(GatewayClient::new(&settings, &"a key".into()));
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let verifier = ActiveTokenVerifier::new(client, Arc::<ManualClock>::clone(&clock), settings, metrics.gateway);
        Self { address, published, verifier: Arc::new(verifier), clock, shutdown }
    }

    fn publish(&self, keys: Vec<ActiveSigner>) {
        self.published.lock().keys = keys;
    }

    fn fetches(&self) -> u32 {
        self.published.lock().fetches
    }

    fn token_of(&self, signer: &ActiveSigner) -> String {
        signer.mint(&ActiveClaims {
            id: ActiveTokenId::generate(&*self.clock),
            queue: "demo".parse().unwrap(),
            visitor: VisitorId::generate(&*self.clock),
            epoch: 1,
            issued_at: self.clock.now(),
            expires_at: self.clock.now() + Duration::from_mins(10),
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn signer() -> ActiveSigner {
    ActiveSigner::from_pem(&ActiveSigner::generate_pem(), "gateway", "shop").unwrap()
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_token_of_a_new_key_is_believed_as_soon_as_the_key_is_published() {
    let world = World::with(HOUR, Duration::from_nanos(1));
    let (old, new) = (signer(), signer());
    let (old_token, new_token) = (world.token_of(&old), world.token_of(&new));
    world.publish(vec![old]);
    assert!(world.verifier.verify(&old_token).await.is_ok());
    assert_eq!(world.verifier.verify(&new_token).await, Err(ActiveTokenError::Invalid(TokenError::UnknownKey)));

    world.published.lock().keys.push(new);
    assert!(world.verifier.verify(&new_token).await.is_ok());
    assert!(world.verifier.verify(&old_token).await.is_ok());
}

#[tokio::test]
async fn a_withdrawn_key_takes_its_tokens_along() {
    let world = World::with(Duration::from_millis(5), HOUR);
    let old = signer();
    let token = world.token_of(&old);
    world.publish(vec![old]);
    assert!(world.verifier.verify(&token).await.is_ok());
    tokio::spawn(Arc::clone(&world.verifier).keep_fresh(world.shutdown.clone()));

    world.publish(vec![signer()]);
    eventually("the token is refused", async || world.verifier.verify(&token).await.is_err()).await;
}

#[tokio::test]
async fn invented_keys_do_not_make_us_ask_the_gateway_again_and_again() {
    let world = World::with(HOUR, HOUR);
    world.publish(vec![signer()]);
    for _ in 0..20 {
        let forged = world.token_of(&signer());
        assert_eq!(world.verifier.verify(&forged).await, Err(ActiveTokenError::Invalid(TokenError::UnknownKey)));
    }
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let world = World::with(HOUR, HOUR);
    let signer = signer();
    let token = world.token_of(&signer);
    world.publish(vec![signer]);
    assert!(world.verifier.verify(&token).await.is_ok());
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.verifier.verify(&token).await, Err(ActiveTokenError::Expired));
}

#[tokio::test]
async fn without_any_keys_nothing_is_said_of_a_token() {
    let world = World::with(HOUR, HOUR);
    let token = world.token_of(&signer());
    world.shutdown.cancel();
    eventually("the gateway is away", async || TcpStream::connect(world.address).await.is_err()).await;
    assert_eq!(world.verifier.verify(&token).await, Err(ActiveTokenError::KeysUnavailable));
}
