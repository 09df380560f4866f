//! Tokens that were verified are remembered, and still end with their time and with their key. The gateway here is no
//! more than a published key set.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, routing::get};
use contract::{
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, JwkSet},
};
use parking_lot::Mutex;
use prometheus::Registry;
use service::accept::{self, ListenSettings};
use testkit::eventually;
use ticketing_api::{
    gateway::{ActiveTokenError, ActiveTokenVerifier, GatewaySettings},
    metrics::Metrics,
};
use tokio_util::sync::CancellationToken;

struct World {
    published: Arc<Mutex<Vec<ActiveSigner>>>,
    verifier: Arc<ActiveTokenVerifier>,
    clock: Arc<ManualClock>,
    shutdown: CancellationToken,
}

impl World {
    fn with(key_refresh: Duration, key_refresh_pause: Duration) -> Self {
        let published = Arc::new(Mutex::<Vec<ActiveSigner>>::default());
        let asked = Arc::clone(&published);
        let keys = get(async move || {
            Json(JwkSet { keys: asked.lock().iter().flat_map(|signer| signer.jwks().keys).collect() })
        });
        let listener = accept::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let router = Router::new().route("/.well-known/jwks.json", keys);
        tokio::spawn(accept::serve(listener, router, ListenSettings::default(), shutdown.clone()));

        let settings = GatewaySettings {
            internal_url: format!("http://{address}"),
            public_url: format!("http://{address}"),
            member_queues: Vec::new(),
            issuer: "gateway".to_owned(),
            audience: "shop".to_owned(),
            timeout: Duration::from_secs(5),
            key_refresh,
            key_refresh_pause,
        };
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let verifier = ActiveTokenVerifier::new(Arc::<ManualClock>::clone(&clock), &settings, &metrics.gateway);
        Self { published, verifier: Arc::new(verifier), clock, shutdown }
    }

    fn publish(&self, keys: Vec<ActiveSigner>) {
        *self.published.lock() = keys;
    }

    fn token_of(&self, signer: &ActiveSigner) -> String {
        signer.mint(&ActiveClaims {
            id: ActiveTokenId::generate(&*self.clock),
            queue: "demo".parse().unwrap(),
            visitor: VisitorId::generate(&*self.clock),
            member: None,
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
async fn a_remembered_token_still_expires() {
    let world = World::with(HOUR, HOUR);
    let signer = signer();
    let token = world.token_of(&signer);
    world.publish(vec![signer]);
    assert!(world.verifier.verify(&token).await.is_ok());
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.verifier.verify(&token).await, Err(ActiveTokenError::Expired));
}
