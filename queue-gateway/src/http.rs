//! The gateway's HTTP surface: every address of the public port in one place, one file an endpoint.

mod admin;
mod claim;
pub mod cookie;
pub mod error;
mod join;
mod jwks;
mod leave;
pub mod operations;
mod page;
mod pause;
mod queue;
pub mod rate_limits;
mod reply;
pub mod request;
mod status;
mod stream;
mod verify;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::HeaderValue,
    middleware::{self, Next},
    response::Response,
    routing::{MethodRouter, get, post},
};
use bytes::Bytes;
use contract::{
    clock::SharedClock,
    ids::{QueueName, VisitorId},
    tokens::ActiveVerifier,
};
use service::{
    client_address::TrustedProxies,
    problem::{Problem, method_not_allowed, with_fallbacks},
    rate_limit::RateLimited,
};
use tokio::time::Instant;

use self::{cookie::WaitingCookie, rate_limits::RateLimits, request::Keys};
use crate::{
    documents::Documents,
    engine::QueueEngine,
    line::{Place, Stats},
    metrics::{Metrics, QueueMetrics, RouteMetrics},
    mirror::Mirror,
    streams::{Presence, Streams},
};

/// What the endpoints work with.
#[derive(Debug)]
pub struct Gateway {
    /// The line and the active set.
    pub engine: Arc<dyn QueueEngine>,
    /// The queues by name; fixed at the start.
    pub queues: BTreeMap<String, Arc<Queue>>,
    /// The open streams.
    pub streams: Arc<Streams>,
    /// Records streams with the engine.
    pub presence: Presence,
    /// Makes and reads place documents.
    pub documents: Arc<Documents>,
    /// Reads active tokens.
    pub verifier: ActiveVerifier,
    /// The key set as it is published, in JSON.
    pub jwks: Bytes,
    /// Of services and operators.
    pub keys: Keys,
    /// Of waiting tokens.
    pub cookie: WaitingCookie,
    /// How often one address may ask.
    pub limits: Arc<RateLimits>,
    /// Whose word on a client's address is taken.
    pub proxies: TrustedProxies,
    /// The time.
    pub clock: SharedClock,
}

impl Gateway {
    /// Signs a place from now on: the waiting token, and the cookie that keeps it.
    fn signed_place(&self, queue: &QueueName, visitor: VisitorId, place: Place) -> (String, HeaderValue) {
        let token = self.documents.waiting_token(queue, visitor, place, self.clock.now());
        let cookie = self.cookie.set(queue, &token, self.documents.waiting_lifetime());
        (token, cookie)
    }
}

impl RateLimited for Gateway {
    type Limits = RateLimits;

    fn rate_limits(&self) -> &RateLimits {
        &self.limits
    }

    fn trusted_proxies(&self) -> &TrustedProxies {
        &self.proxies
    }
}

/// One queue as the endpoints see it.
#[derive(Debug)]
pub struct Queue {
    /// Its name.
    pub name: QueueName,
    /// What people call it.
    pub title: String,
    /// Where one waits for it: the page's full address.
    pub waiting_room: HeaderValue,
    /// This gateway's copy of the line.
    pub mirror: Arc<Mirror>,
    /// What is counted.
    pub metrics: Arc<QueueMetrics>,
}

impl Queue {
    /// The queue in numbers as of the last tick; unavailable until the first has reached the store.
    pub fn stats(&self) -> Result<Arc<Stats>, Problem> {
        self.mirror.stats().ok_or_else(error::store_unavailable)
    }
}

/// The public port.
pub fn router(gateway: Arc<Gateway>, metrics: &Metrics) -> Router {
    let mut router = Router::new();
    let mut route = |path: &str, endpoint: MethodRouter<Arc<Gateway>>| {
        let measured = middleware::from_fn_with_state(Arc::new(metrics.route(path)), measure);
        router = std::mem::take(&mut router).route(path, endpoint.layer(measured));
    };

    route("/v1/queues/{queue}", get(queue::queue));
    route("/v1/queues/{queue}/tokens", post(join::join));
    route("/v1/queues/{queue}/tokens/current", get(status::status).delete(leave::leave));
    // Without a handler of its own, HEAD would open a stream that nobody reads.
    route("/v1/queues/{queue}/stream", get(stream::stream).head(method_not_allowed));

    route("/waiting-room/{queue}", get(page::page));
    route("/waiting-room/assets/{name}", get(page::part));

    route("/.well-known/jwks.json", get(jwks::jwks));
    route("/v1/verify", get(verify::verify));
    route("/v1/active-tokens/{id}/claim", post(claim::claim));
    route("/v1/active-tokens/{id}/release", post(claim::release));

    route("/v1/admin/queues/{queue}", get(admin::show).patch(admin::patch));
    route("/v1/admin/queues/{queue}/pause", post(admin::pause));
    route("/v1/admin/queues/{queue}/resume", post(admin::resume));

    with_fallbacks(router).with_state(gateway)
}

/// Counts a route's answers and times them.
async fn measure(State(metrics): State<Arc<RouteMetrics>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    metrics.answered(response.status(), start.elapsed().as_secs_f64());
    response
}
