//! One proxied connection: two pumps that obey the order of the moment.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Mode, Order};

/// The mode in which the connection first lost bytes.
pub(super) type Loss = Arc<Mutex<Option<Mode>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Reply,
}

impl Mode {
    fn swallows(self, direction: Direction) -> bool {
        match self {
            Self::Forward => false,
            Self::BlackHole => true,
            Self::DropReplies => direction == Direction::Reply,
        }
    }
}

/// Ends when the connection must: at a cut after the first `cuts`, or when the fault that cost it bytes is over.
pub(super) async fn until_cut(mut order: watch::Receiver<Order>, cuts: u64, loss: Loss) {
    // An error means that the proxy is dropped, which cuts too.
    let _cut = order.wait_for(|now| now.cuts != cuts || is_broken(&loss, now.mode)).await;
}

/// Ends when both sides have said all, or one of them failed.
pub(super) async fn forward(client: TcpStream, server: Option<TcpStream>, order: watch::Receiver<Order>, loss: Loss) {
    let (from_client, to_client) = client.into_split();
    let Some(server) = server else {
        pump(from_client, tokio::io::sink(), Direction::Request, &order, &loss).await;
        // Hidden in the black hole: nobody is left to answer, and nobody says so.
        return std::future::pending().await;
    };
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pump(from_client, to_server, Direction::Request, &order, &loss),
        pump(from_server, to_client, Direction::Reply, &order, &loss),
    );
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    order: &watch::Receiver<Order>,
    loss: &Loss,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // A failed read is an end of the stream like any other: what the peer does then is what is tested.
        let length = from.read(&mut buffer).await.unwrap_or(0);
        let delay = order.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mode = order.borrow().mode;
        if is_broken(loss, mode) {
            return;
        }
        if mode.swallows(direction) {
            loss.lock().get_or_insert(mode);
            if length == 0 {
                return std::future::pending().await;
            }
        } else if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
            let _closed = to.shutdown().await;
            return;
        }
    }
}

fn is_broken(loss: &Loss, now: Mode) -> bool {
    loss.lock().is_some_and(|lost_in| lost_in != now)
}
