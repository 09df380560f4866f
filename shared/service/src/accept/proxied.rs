//! The client's address as a load balancer in front tells it: the PROXY protocol, versions 1 and 2.
//!
//! The header comes before everything else on a connection, also before TLS would, so it reaches us where no HTTP
//! header can be added. Only balancers of ours are asked for one: anybody else could write any address.

use std::{io, net::SocketAddr, time::Duration};

use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// Longer than any header that balancers send; extensions above it are refused.
const MOST_BYTES: usize = 2048;
/// Between two looks at a header that has arrived in part.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Reads the header and returns the address in it; the peer's own where the balancer speaks for itself, as in its
/// health checks. Nothing after the header is read.
pub(super) async fn client(stream: &mut TcpStream, peer: SocketAddr, within: Duration) -> io::Result<SocketAddr> {
    tokio::time::timeout(within, read_header(stream, peer))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn read_header(stream: &mut TcpStream, peer: SocketAddr) -> io::Result<SocketAddr> {
    let mut seen = [0; MOST_BYTES];
    let mut known = 0;
    loop {
        let length = stream.peek(&mut seen).await?;
        let header = HeaderResult::parse(&seen[..length]);
        if header.is_complete() {
            let (size, client) = address(&header, peer).ok_or(io::ErrorKind::InvalidData)?;
            stream.read_exact(&mut seen[..size]).await?;
            return Ok(client);
        }
        if length == 0 || length == MOST_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if length == known {
            // What is there stays readable, so there is nothing to wait for but time.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        known = length;
    }
}

/// The length of a header, and whom it speaks for.
fn address(header: &HeaderResult<'_>, peer: SocketAddr) -> Option<(usize, SocketAddr)> {
    match header {
        HeaderResult::V1(Ok(header)) => {
            let client = match header.addresses {
                v1::Addresses::Tcp4(told) => (told.source_address, told.source_port).into(),
                v1::Addresses::Tcp6(told) => (told.source_address, told.source_port).into(),
                v1::Addresses::Unknown => peer,
            };
            Some((header.header.len(), client))
        }
        HeaderResult::V2(Ok(header)) => {
            let client = match header.addresses {
                _ if header.command == v2::Command::Local => peer,
                v2::Addresses::IPv4(told) => (told.source_address, told.source_port).into(),
                v2::Addresses::IPv6(told) => (told.source_address, told.source_port).into(),
                v2::Addresses::Unspecified | v2::Addresses::Unix(_) => peer,
            };
            Some((header.header.len(), client))
        }
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => None,
    }
}
