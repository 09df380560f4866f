//! A listener who vanishes without a word: the connection stays open, and nothing is read any more.
//!
//! Our own kernel goes on answering for a process that does not read, so the nearest that a process can come to a
//! machine without power is a small receive buffer that it leaves full: the gateway's frames are not taken up, and its
//! kernel must find that out by itself.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::browser::Browser;

/// About two frames; the kernel doubles it.
const RECEIVE_BUFFER: u32 = 2_048;

/// Opens a stream, reads the first bytes of the answer, and no more. The visitor is gone; dropping the socket closes
/// it.
pub(super) async fn listen_and_vanish(browser: &Browser) -> anyhow::Result<TcpStream> {
    let uri: http::Uri = browser.gateway().next_base().parse().context("a gateway's address")?;
    let (host, port) = (uri.host().context("an address without a host")?, uri.port_u16().unwrap_or(80));
    let address: SocketAddr = tokio::net::lookup_host((host, port)).await?.next().context("an unknown host")?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(browser.stream_head(&format!("{host}:{port}")).as_bytes()).await?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    ensure!(&start == b"HTTP/1.1 200", "a stream was refused: {}", String::from_utf8_lossy(&start));
    Ok(stream)
}
