//! The gateway's HTTP surface: every address of both ports in one place.

pub mod access_lists;
mod admin;
mod changes;
mod claim;
pub mod cookie;
mod draw;
mod enter;
pub mod error;
mod invitations;
mod join;
mod joiner;
mod jwks;
mod leave;
pub mod operations;
mod page;
mod pause;
mod poll;
mod queue;
pub mod rate_limits;
mod reply;
pub mod request;
mod slot_search;
mod stream;
pub mod untrusted_proxy;
mod verify;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::HeaderValue,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use bytes::Bytes;
use contract::{
    clock::SharedClock,
    ids::{QueueName, VisitorId},
    tokens::ActiveVerifier,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use jiff::Timestamp;
use service::{
    accept::Peer,
    client_address::{TrustedProxies, client_address},
    problem::{guarded, method_not_allowed, with_fallbacks},
    rate_limit::RateLimited,
};
use tokio::time::Instant;
use tower::{Service, layer::layer_fn};

use self::{
    access_lists::Access, cookie::Cookies, rate_limits::RateLimits, request::Keys, untrusted_proxy::UntrustedProxy,
};
use crate::{
    documents::{Documents, Holder},
    draw::ReceiptSigner,
    engine::QueueEngine,
    identity::{IdentityClaims, IdentitySigner},
    invitation::InvitationSigner,
    line::Place,
    metrics::{Metrics, RouteMetrics},
    streams::Streams,
    waiting_room::{Queue, WaitingRoom},
};

/// How long a browser is known by the identity that we gave it.
const IDENTITY_LIFETIME: Duration = Duration::from_hours(24);

/// What the endpoints work with.
#[derive(Debug)]
pub struct Gateway {
    /// The queues by name; fixed at the start.
    pub queues: BTreeMap<String, Arc<Queue>>,
    /// What visitors can do.
    pub room: WaitingRoom,
    /// What services and operators can do.
    pub engine: Arc<dyn QueueEngine>,
    /// The open streams.
    pub streams: Arc<Streams>,
    /// Makes and reads place documents.
    pub documents: Arc<Documents>,
    /// Makes and reads identities.
    pub identities: IdentitySigner,
    /// Signs and reads invitations to the priority lanes.
    pub invitations: InvitationSigner,
    /// Signs receipts of numbers in draws.
    pub receipts: ReceiptSigner,
    /// The `iss` of what others read.
    pub issuer: String,
    /// Reads active tokens.
    pub verifier: ActiveVerifier,
    /// The key set as it is published, in JSON.
    pub jwks: Bytes,
    /// Of services and operators.
    pub keys: Keys,
    /// Of identities and waiting tokens.
    pub cookies: Cookies,
    /// How often one address may ask.
    pub limits: Arc<RateLimits>,
    /// How visitors reach this gateway: scheme, host and port.
    pub public_url: String,
    /// Whose word on a client's address is taken.
    pub proxies: TrustedProxies,
    /// Networks that are kept out, and those that no limit holds.
    pub access: Access,
    /// Raises the alarm about proxies that are not among them.
    pub untrusted_proxy: UntrustedProxy,
    /// For the age of tokens, and new ids.
    pub clock: SharedClock,
}

impl Gateway {
    /// The waiting token of a place, from now on.
    fn signed_place(&self, queue: &QueueName, holder: Holder, place: Place) -> String {
        self.documents.waiting_token(queue, holder, place, self.clock.now())
    }

    /// The cookie that keeps a waiting token.
    fn place_cookie(&self, queue: &QueueName, token: &str) -> HeaderValue {
        self.cookies.set(&self.cookies.waiting_token(queue), token, self.documents.waiting_lifetime())
    }

    /// Whether the request comes from a network that an operator blocks.
    fn keeps_out(&self, request: &Request) -> bool {
        let Some(Peer(peer)) = request.extensions().get() else { return false };
        self.access.is_blocked(client_address(peer.ip(), request.headers(), &self.proxies))
    }

    /// The cookie by which a browser stays this visitor.
    fn identity_cookie(&self, visitor: VisitorId) -> HeaderValue {
        let now = self.clock.now();
        let expires_at = now.checked_add(IDENTITY_LIFETIME).unwrap_or(Timestamp::MAX);
        let token = self.identities.mint(&IdentityClaims { visitor, issued_at: now, expires_at });
        self.cookies.set(&self.cookies.identity(), &token, IDENTITY_LIFETIME)
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

    fn is_exempt(&self, client: IpAddr) -> bool {
        self.access.is_allowed(client)
    }
}

/// The public port: what visitors call, and what others may know.
pub fn public_router(gateway: Arc<Gateway>, metrics: &Metrics) -> Router {
    let mut routes = Routes::new(metrics, Some(&gateway));
    routes.add("/v1/queues/{queue}", get(queue::queue));
    routes.add("/v1/queues/{queue}/tokens", post(join::join));
    routes.add("/v1/queues/{queue}/tokens/current", get(poll::poll).delete(leave::leave));
    // Without a handler of its own, HEAD would open a stream that nobody reads.
    routes.add("/v1/queues/{queue}/stream", get(stream::stream).head(method_not_allowed));
    routes.add("/v1/queues/{queue}/draw", get(draw::draw));
    routes.add("/v1/queues/{queue}/draw/receipt", get(draw::receipt));
    routes.add("/v1/queues/{queue}/enter", get(enter::enter).head(method_not_allowed));

    routes.add("/waiting-room/{queue}", get(page::page));
    routes.add("/waiting-room/assets/{name}", get(page::part));

    routes.add("/.well-known/jwks.json", get(jwks::jwks));
    routes.add("/v1/verify", get(verify::verify));
    with_fallbacks(routes.router).with_state(gateway)
}

/// The internal port's own calls: those of services and of operators. A flood on the public port keeps neither out.
pub fn internal_router(gateway: Arc<Gateway>, metrics: &Metrics) -> Router {
    let mut routes = Routes::new(metrics, None);
    // Also here, so that a flood of the public port keeps no service from the keys.
    routes.add("/.well-known/jwks.json", get(jwks::jwks));
    routes.add("/v1/active-tokens/{id}/claim", post(claim::claim));
    routes.add("/v1/active-tokens/{id}/arrive", post(claim::arrive));
    routes.add("/v1/active-tokens/{id}/release", post(claim::release));

    routes.add("/v1/admin/queues/{queue}", get(admin::show).patch(admin::patch));
    routes.add("/v1/admin/queues/{queue}/changes", get(changes::changes));
    routes.add("/v1/admin/queues/{queue}/invitations", post(invitations::sign));
    routes.add("/v1/admin/queues/{queue}/open", post(admin::open));
    routes.add("/v1/admin/queues/{queue}/drain", post(admin::drain));
    routes.add("/v1/admin/queues/{queue}/close", post(admin::close));
    routes.add("/v1/admin/queues/{queue}/pause", post(admin::pause));
    routes.add("/v1/admin/queues/{queue}/resume", post(admin::resume));
    routes.add("/v1/admin/freeze", post(admin::freeze));
    routes.add("/v1/admin/unfreeze", post(admin::unfreeze));
    routes.add("/v1/admin/active-tokens/{id}/revoke", post(admin::revoke));
    routes.router.with_state(gateway)
}

/// Routes, each with its metrics.
struct Routes<'a> {
    router: Router<Arc<Gateway>>,
    metrics: &'a Metrics,
    doorkeeper: Option<&'a Arc<Gateway>>,
}

impl<'a> Routes<'a> {
    /// Routes that answer nobody whom the lists of `doorkeeper` keep out.
    fn new(metrics: &'a Metrics, doorkeeper: Option<&'a Arc<Gateway>>) -> Self {
        Self { router: Router::new(), metrics, doorkeeper }
    }

    fn add(&mut self, path: &str, endpoint: MethodRouter<Arc<Gateway>>) {
        let route = Arc::new(Route { metrics: self.metrics.route(path), doorkeeper: self.doorkeeper.cloned() });
        let endpoint = endpoint.layer(layer_fn(move |inner| EveryRequest { route: route.clone(), inner }));
        self.router = std::mem::take(&mut self.router).route(path, endpoint);
    }
}

/// What all requests of a route share.
struct Route {
    metrics: RouteMetrics,
    doorkeeper: Option<Arc<Gateway>>,
}

/// Refuses whoever is kept out, before anything else is done for them; counts a route's other answers and times them.
///
/// A service of our own: axum's `middleware::from_fn` boxes and clones what it wraps for each request.
#[derive(Clone)]
struct EveryRequest<S> {
    route: Arc<Route>,
    inner: S,
}

impl<S> Service<Request> for EveryRequest<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = Arc::clone(&self.route);
        if route.doorkeeper.as_ref().is_some_and(|gateway| gateway.keeps_out(&request)) {
            return ready(Ok(error::blocked().into_response())).boxed();
        }
        let start = Instant::now();
        let response = self.inner.call(request);
        async move {
            let response = guarded(response.map(|Ok(response)| response)).await;
            route.metrics.answered(response.status(), start.elapsed().as_secs_f64());
            Ok(response)
        }
        .boxed()
    }
}
