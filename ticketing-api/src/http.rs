//! The HTTP surface: every address of the public port in one place, one file a resource.

mod active_token;
mod admin_concerts;
mod admitted;
mod bearer;
mod concerts;
mod error;
mod holds;
mod join_tokens;
mod keyed;
mod members;
mod page;
mod paging;
mod payments;
mod performances;
pub mod rate_limits;
mod reservations;
mod sessions;
pub mod wallet;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use contract::clock::SharedClock;
use service::{
    client_address::TrustedProxies,
    problem::{guarded, with_fallbacks},
    rate_limit::RateLimited,
};
use tokio::time::Instant;

use self::{rate_limits::RateLimits, wallet::WalletSettings};
use crate::{
    access::Access, accounts::Accounts, gateway::GatewaySettings, join_tokens::JoinTokens, metrics::HttpMetrics,
    sales::Sales, sessions::Sessions, store::TicketStore,
};

/// What the endpoints work with. Seats change hands through `sales` alone, which asks for the proof of `access`.
#[derive(Debug)]
pub struct Api {
    /// Members, catalogue, wallets; and bookings to look at.
    pub store: Arc<dyn TicketStore>,
    /// Hold, reserve, pay.
    pub sales: Sales,
    /// Checks active tokens.
    pub access: Arc<Access>,
    /// Signing up and logging in.
    pub accounts: Arc<Accounts>,
    /// Session tokens.
    pub sessions: Sessions,
    /// Our word for members who join a queue.
    pub join_tokens: JoinTokens,
    /// Where visitors wait.
    pub gateway: GatewaySettings,
    /// The rules of wallets.
    pub wallet: WalletSettings,
    /// How often one address may ask.
    pub limits: Arc<RateLimits>,
    /// Whose word on a client's address is taken.
    pub proxies: TrustedProxies,
    /// Time for one request.
    pub request_timeout: Duration,
    /// What is counted.
    pub metrics: HttpMetrics,
    /// The time.
    pub clock: SharedClock,
}

impl RateLimited for Api {
    type Limits = RateLimits;

    fn rate_limits(&self) -> &RateLimits {
        &self.limits
    }

    fn trusted_proxies(&self) -> &TrustedProxies {
        &self.proxies
    }
}

/// The public port.
pub fn router(api: Arc<Api>) -> Router {
    let router = Router::new()
        // Members.
        .route("/v1/members", post(members::sign_up))
        .route("/v1/members/me", get(members::me))
        .route("/v1/sessions", post(sessions::log_in))
        // Catalogue.
        .route("/v1/concerts", get(concerts::list))
        .route("/v1/concerts/{id}", get(concerts::detail))
        .route("/v1/concerts/{id}/performances", get(concerts::performances))
        .route("/v1/performances/{id}", get(performances::detail))
        .route("/v1/performances/{id}/seats", get(performances::seats))
        .route("/v1/admin/concerts", post(admin_concerts::create))
        .route("/v1/admin/active-tokens/{id}/revoke", post(active_token::revoke))
        // Of waiting rooms.
        .route("/v1/active-token", put(active_token::arrive).delete(active_token::leave))
        .route("/v1/queues/{queue}/join-tokens", post(join_tokens::create))
        .route("/.well-known/jwks.json", get(join_tokens::jwks))
        // With an active token.
        .route("/v1/performances/{id}/holds", post(holds::hold))
        .route("/v1/holds/{id}", delete(holds::release))
        .route("/v1/reservations", post(reservations::reserve).get(reservations::list))
        .route("/v1/reservations/{id}/payments", post(payments::pay))
        // A member's own.
        .route("/v1/reservations/{id}", get(reservations::detail))
        .route("/v1/payments", get(payments::list))
        .route("/v1/wallet", get(wallet::balance))
        .route("/v1/wallet/charges", post(wallet::charge))
        .route("/v1/wallet/entries", get(wallet::entries))
        // The page.
        .route("/", get(page::page))
        .route("/performances/{id}", get(page::page))
        .route("/assets/{name}", get(page::part));
    let every_request = middleware::from_fn_with_state(Arc::clone(&api), every_request);
    with_fallbacks(router).layer(every_request).with_state(api)
}

/// Counts and times a request, and keeps personal answers out of caches, unless a handler said otherwise. It ends a
/// request that takes too long: whoever waits without an end tries again and doubles the load.
async fn every_request(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let start = Instant::now();
    let in_time = tokio::time::timeout(api.request_timeout, guarded(next.run(request))).await;
    let mut response = in_time.unwrap_or_else(|_| error::took_too_long().into_response());
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    // Extension methods are text of the caller's: as labels they would grow without bound.
    let method = if KNOWN_METHODS.contains(&method.as_str()) { method.as_str() } else { "other" };
    api.metrics.answered(method, route, response.status().as_str(), start.elapsed());
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

const KNOWN_METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
