//! The life of one connection.

use std::{convert::Infallible, io, pin::pin, time::Duration};

use axum::{Router, extract::DefaultBodyLimit};
use futures_util::FutureExt;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    body,
    peer::Peer,
    proxied,
    settings::{ListenSettings, MIN_BUFFER_BYTES},
};
use crate::{
    client_address::TrustedProxies,
    problem::guarded,
    share::{Share, Shares},
};

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    body_limit: DefaultBodyLimit,
    header_read_timeout: Duration,
    body_read_timeout: Duration,
    send_timeout: Duration,
    shares: Shares,
    balancers: TrustedProxies,
    proxies: TrustedProxies,
    shutdown: CancellationToken,
    cut: CancellationToken,
}

impl Connections {
    pub(super) fn new(router: Router, limits: &ListenSettings, shutdown: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        // Without a timer hyper leaves its header timeout out and says nothing.
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES));
        Self {
            router,
            http,
            body_limit: DefaultBodyLimit::max(limits.max_body_bytes),
            header_read_timeout: limits.header_read_timeout,
            body_read_timeout: limits.body_read_timeout,
            send_timeout: limits.send_timeout,
            shares: Shares::new(limits.max_connections_per_network),
            balancers: limits.proxy_protocol_from.clone(),
            proxies: limits.proxies.clone(),
            shutdown,
            cut: CancellationToken::new(),
        }
    }

    /// Makes a connection ready, learns whose it is, and counts it for its network.
    async fn admit(&self, stream: &mut TcpStream, Peer(peer): Peer) -> Result<(Peer, Option<Share>), Refused> {
        prepare(stream, self.send_timeout)?;
        let mut client = peer;
        if self.balancers.contains(peer.ip().to_canonical()) {
            client = proxied::client(stream, peer, self.header_read_timeout).await?;
        }
        if self.proxies.contains(client.ip().to_canonical()) {
            return Ok((Peer(client), None));
        }
        let share = self.shares.take(client.ip()).ok_or(Refused::Share)?;
        Ok((Peer(client), Some(share)))
    }

    /// Drops every connection that is still open, with the requests in flight on it.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Serves requests until either side ends the connection. The slot is given back at the end.
    ///
    /// The connection is polled here and not handed to a server of hyper's, so that one whose response is a long
    /// stream can be taken out of hyper at this place, with its socket.
    pub(super) async fn drive(self, mut stream: TcpStream, peer: Peer, slot: OwnedSemaphorePermit) {
        let (peer, _share) = match self.admit(&mut stream, peer).await {
            Ok(admitted) => admitted,
            Err(error) => {
                tracing::debug!(%error, peer.address = %peer.0, "a connection ended before it was served");
                return;
            }
        };
        let Self { router, http, body_limit, body_read_timeout, shutdown, cut, .. } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|incoming| body::within(body_read_timeout, incoming));
            request.extensions_mut().insert(peer);
            // A route that takes more (an upload) sets its own, inner limit, which wins over this one.
            body_limit.apply(&mut request);
            let answer = router.clone().oneshot(request).map(|Ok(response)| response);
            // Not layers of the router: each would cost every request two allocations.
            guarded(answer).map(Ok::<_, Infallible>)
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));

        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            // Peers go away all the time; this is of interest only when looking for it.
            tracing::debug!(%error, peer.address = %peer.0, "a connection ended early");
        }
        drop(slot);
    }
}

/// Why a connection is not served.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("its network has as many connections as it may have")]
    Share,
}

fn prepare(stream: &TcpStream, send_timeout: Duration) -> io::Result<()> {
    // hyper has no limit for writing: without this a peer that reads nothing keeps its connection for ever.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(stream, u32::try_from(send_timeout.as_millis()).unwrap_or(u32::MAX))?;
    #[cfg(not(target_os = "linux"))]
    let _kept_by_linux_only = send_timeout;
    // Small frames (a position, a short answer) must not wait for the peer's acknowledgement of the last one.
    stream.set_nodelay(true)
}
