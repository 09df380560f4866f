//! A TCP proxy that misbehaves on order, between a client and a real server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::port::free_port;

mod connection;

/// What happens to the bytes of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Forward,
    BlackHole,
    DropReplies,
}

/// What connections obey; each looks at it before each piece of data that it forwards.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    mode: Mode,
    delay: Duration,
    /// How often all connections were cut.
    cuts: u64,
}

/// A proxy to one address. It forwards faithfully until told otherwise, and closes everything when dropped.
///
/// A connection that has lost bytes to [`Self::black_hole`] or [`Self::drop_replies`] is cut when that fault
/// ends: going on with a hole in the stream would hand the reply of one request to the next, which is a fault
/// that no network makes.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    target: SocketAddr,
    order: watch::Sender<Order>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start(target: SocketAddr) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let (order, _) = watch::channel(Order::default());
        let proxy = Self { address, target, order, accepting: Mutex::new(None) };
        proxy.listen().await;
        proxy
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds every piece of data back for this long, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.order.send_modify(|order| order.delay = delay);
    }

    /// Closes all connections now; new ones are welcome.
    pub fn cut(&self) {
        self.order.send_modify(|order| order.cuts += 1);
    }

    /// Accepts connections and bytes, and forwards nothing in either direction.
    pub fn black_hole(&self) {
        self.order.send_modify(|order| order.mode = Mode::BlackHole);
    }

    /// Forwards requests and swallows replies: the server acts, and the client never learns of it.
    pub fn drop_replies(&self) {
        self.order.send_modify(|order| order.mode = Mode::DropReplies);
    }

    /// Closes all connections and refuses new ones, as when no process listens.
    pub async fn refuse(&self) {
        let accepting = self.accepting.lock().take();
        if let Some(accepting) = accepting {
            accepting.abort();
            // Its end is that of the listener too, so that the next connection is surely refused.
            let _aborted = accepting.await;
        }
    }

    /// Ends every fault.
    ///
    /// # Panics
    /// When another process has taken the port while connections were refused.
    pub async fn heal(&self) {
        self.order.send_modify(|order| *order = Order { cuts: order.cuts, ..Order::default() });
        if self.accepting.lock().is_none() {
            self.listen().await;
        }
    }

    async fn listen(&self) {
        let listener = TcpListener::bind(self.address)
            .await
            .unwrap_or_else(|error| panic!("the fault proxy cannot listen on {}: {error}", self.address));
        let accepting = tokio::spawn(accept(listener, self.target, self.order.subscribe()));
        *self.accepting.lock() = Some(accepting);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.lock().take() {
            accepting.abort();
        }
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, order: watch::Receiver<Order>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept (the client left already, or too many open files) concerns that client alone.
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(serve(client, target, order.clone()));
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, target: SocketAddr, order: watch::Receiver<Order>) {
    let loss = Arc::new(Mutex::new(None));
    let Order { mode, cuts, .. } = *order.borrow();
    let server = if mode == Mode::BlackHole {
        // The server must not even see that somebody connects.
        *loss.lock() = Some(Mode::BlackHole);
        None
    } else {
        match TcpStream::connect(target).await {
            Ok(server) => Some(server),
            Err(_refused) => return,
        }
    };
    tokio::select! {
        () = connection::until_cut(order.clone(), cuts, Arc::clone(&loss)) => {}
        () = connection::forward(client, server, order, loss) => {}
    }
}
