//! Calls that one address may not make too often: the extractor that stands before them.

use std::{marker::PhantomData, net::IpAddr, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use prometheus::IntCounter;

use crate::{
    accept::Peer,
    address_limit::{AddressLimiter, QuotaSettings},
    client_address::{TrustedProxies, client_address},
    problem::Problem,
};

/// A request whose address has not made the call `C` too often. Everybody else is refused with 429, and told in
/// `Retry-After` when to come back.
#[derive(Debug)]
pub struct Within<C>(PhantomData<C>);

/// What the handlers of a service share, where some of its calls have a limit.
pub trait RateLimited: Send + Sync {
    /// The limits of all its calls.
    type Limits;

    /// The limits of all its calls.
    fn rate_limits(&self) -> &Self::Limits;

    /// Whose word on a client's address is taken.
    fn trusted_proxies(&self) -> &TrustedProxies;

    /// Whether calls from this address have no limit.
    fn is_exempt(&self, _client: IpAddr) -> bool {
        false
    }
}

/// A call that has a limit among `L`.
pub trait LimitedCall<L> {
    /// Its limit.
    fn limiter(limits: &L) -> &CallLimiter;
}

impl<C: LimitedCall<S::Limits>, S: RateLimited> FromRequestParts<Arc<S>> for Within<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Problem> {
        let Peer(peer) = <Peer as FromRequestParts<_>>::from_request_parts(parts, state).await?;
        let client = client_address(peer.ip(), &parts.headers, state.trusted_proxies());
        if !state.is_exempt(client) {
            C::limiter(state.rate_limits()).check(client)?;
        }
        Ok(Self(PhantomData))
    }
}

/// The limit of one call; refusals are counted.
#[derive(Debug)]
pub struct CallLimiter {
    addresses: AddressLimiter,
    refused: IntCounter,
}

impl CallLimiter {
    /// A limiter that keeps at most about `max_addresses` apart.
    pub fn new(quota: QuotaSettings, max_addresses: usize, refused: IntCounter) -> Self {
        Self { addresses: AddressLimiter::new(quota, max_addresses), refused }
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        self.addresses.sweep();
    }

    fn check(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses.check(address).inspect_err(|_| self.refused.inc())
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        http::{Request, Response, header},
        routing::get,
    };
    use tower::ServiceExt;

    use super::*;

    struct Shop {
        look: CallLimiter,
        proxies: TrustedProxies,
    }

    impl RateLimited for Shop {
        type Limits = CallLimiter;

        fn rate_limits(&self) -> &CallLimiter {
            &self.look
        }

        fn trusted_proxies(&self) -> &TrustedProxies {
            &self.proxies
        }
    }

    struct Look;

    impl LimitedCall<CallLimiter> for Look {
        fn limiter(limits: &CallLimiter) -> &CallLimiter {
            limits
        }
    }

    async fn look(router: &Router, peer: &str, forwarded: &str) -> Response<Body> {
        let mut request = Request::get("/").header("x-forwarded-for", forwarded).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        router.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn the_second_call_of_a_client_is_refused_and_counted() {
        let refused = IntCounter::new("refused", "Refused.").unwrap();
        let look_limit = CallLimiter::new(QuotaSettings { per_second: 1, burst: 1 }, 100, refused.clone());
        let proxies = ["10.0.0.0/8".parse().unwrap()].into_iter().collect();
        let router = Router::new()
            .route("/", get(async |_: Within<Look>| "look"))
            .with_state(Arc::new(Shop { look: look_limit, proxies }));

        assert_eq!(look(&router, "10.0.0.1:80", "203.0.113.1").await.status(), 200);
        let second = look(&router, "10.0.0.1:80", "203.0.113.1").await;
        assert_eq!((second.status().as_u16(), second.headers()[header::RETRY_AFTER].to_str().unwrap()), (429, "1"));
        assert_eq!(refused.get(), 1);

        assert_eq!(look(&router, "10.0.0.1:80", "203.0.113.2").await.status(), 200);
        // No proxy of ours: the header is not read.
        assert_eq!(look(&router, "198.51.100.1:80", "203.0.113.3").await.status(), 200);
        assert_eq!(look(&router, "198.51.100.1:80", "203.0.113.4").await.status(), 429);
    }
}
