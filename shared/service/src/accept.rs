//! The accept loop: every listener of ours, public or for operations, is served by it.
//!
//! It exists because hyper's ready-made servers leave open what a public waiting room must bound: the number of
//! connections, the size and the time of a request's head, the time of its body, and the end of the process.

mod backoff;
mod body;
mod connection;
mod peer;
mod proxied;
mod settings;

use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{backoff::Backoff, connection::Connections};
pub use self::{body::BodyTooSlow, peer::Peer, settings::ListenSettings};
use crate::shutdown::{self, Drained};

/// Connections that the kernel completes and keeps while the loop is busy or at its cap. A rush arrives within
/// milliseconds; the usual 128 or 1024 would drop its SYNs. The kernel lowers this to `net.core.somaxconn`.
const BACKLOG: i32 = 8192;

/// Listens on the address, with a backlog for a rush. Port 0 takes any free port.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old process's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves the router until `shutdown` is cancelled, then drains: no new connections, no new requests on the old
/// ones, and what is in flight may finish until the drain deadline. What is left then is dropped.
///
/// At the connection cap the loop stops accepting: newcomers wait in the kernel's backlog until a slot is free,
/// and are refused by the kernel when that is full too. Refusing them here would cost the very descriptors and
/// memory that the cap protects.
///
/// Streams without an end must watch `shutdown` themselves: hyper waits for a response's body.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ListenSettings,
    shutdown: CancellationToken,
) -> Drained {
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    let tasks = TaskTracker::new();
    let connections = Connections::new(router, &settings, shutdown.clone());
    let mut backoff = Backoff::new();

    let accepting = async {
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (stream, peer) = accept(&listener, &mut backoff).await;
            tasks.spawn(connections.clone().drive(stream, Peer(peer), slot));
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = accepting => {}
    }

    // Closed before the drain, so that the load balancer's next attempt goes to another instance at once.
    drop(listener);
    let drained = shutdown::drain(&tasks, settings.drain_deadline).await;
    connections.cut();
    tasks.wait().await;
    drained
}

/// The next connection. Accepting never fails for good: an error is either that of one connection, which is gone,
/// or a shortage (descriptors, memory), which passes.
async fn accept(listener: &TcpListener, backoff: &mut Backoff) -> (TcpStream, SocketAddr) {
    loop {
        let attempt = listener.accept().await;
        let pause = backoff.after(&attempt);
        if let Ok(accepted) = attempt {
            return accepted;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
}
