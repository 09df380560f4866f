//! Requests that no HTTP library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What came back for raw bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReply {
    /// Everything that the server sent.
    pub bytes: Vec<u8>,
    /// Whether the server closed the connection; false when it was still open at the end of the patience.
    pub closed: bool,
}

impl RawReply {
    /// The status code, when the reply is HTTP.
    pub fn status(&self) -> Option<u16> {
        let head = String::from_utf8_lossy(&self.bytes);
        head.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()
    }
}

/// Sends bytes as they are and collects what comes back until the server closes or `patience` is over.
///
/// Our side of the connection stays open meanwhile: a server may take its closing for a client that left.
pub async fn send_raw(address: SocketAddr, bytes: &[u8], patience: Duration) -> std::io::Result<RawReply> {
    let until = Instant::now() + patience;
    let mut stream = TcpStream::connect(address).await?;
    let mut reply = RawReply { bytes: Vec::new(), closed: false };
    // A server may refuse and close before it has read all; its reply counts, not our failure to finish.
    let _written = timeout_at(until, stream.write_all(bytes)).await;
    while let Ok(read) = timeout_at(until, stream.read_buf(&mut reply.bytes)).await {
        // A reset is a way of closing.
        if read.unwrap_or(0) == 0 {
            reply.closed = true;
            break;
        }
    }
    Ok(reply)
}
