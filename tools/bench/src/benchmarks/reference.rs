//! The other sides: the least that could be done in place of the product.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use axum::{Router, routing::post};

/// Answers every GET and POST with a constant of the size of a join's reply, through axum as it comes.
pub(super) async fn bare_http() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(listener.local_addr()?)?;
    let reply = "x".repeat(512);
    let answer = move || std::future::ready(reply.clone());
    let router = Router::new().route("/", post(answer.clone()).get(answer));
    Ok(axum::serve(listener, router).await?)
}

/// Waits for `sockets` connections and writes `bytes` to each in turn, until it is killed.
pub(super) fn blocking_writer(bytes: usize, sockets: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    announce(listener.local_addr()?)?;
    let mut streams = (0..sockets).map(|_| Ok(listener.accept()?.0)).collect::<std::io::Result<Vec<TcpStream>>>()?;
    let event = vec![b'x'; bytes];
    loop {
        for stream in &mut streams {
            stream.write_all(&event)?;
        }
    }
}

/// Tells the parent where to connect.
#[expect(clippy::print_stdout, reason = "standard output is how a child tells its address")]
fn announce(address: std::net::SocketAddr) -> std::io::Result<()> {
    println!("{address}");
    std::io::stdout().flush()
}
