//! The accept loop on real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use serde_json::Value;
use service::{
    accept::{ListenSettings, Peer, bind, serve},
    problem::{Json, with_fallbacks},
    shutdown::Drained,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Long enough for anything that is going to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough to believe that something does not happen.
const A_WHILE: Duration = Duration::from_millis(100);
const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    ended: JoinHandle<Drained>,
    /// Holds `/slow` back until permits are added.
    gate: Arc<Semaphore>,
}

impl Server {
    fn start(change: impl FnOnce(&mut ListenSettings)) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let router = Router::new()
            .route("/hello", get(async |peer: Peer| peer.0.ip().to_string()))
            .route("/echo", post(async |Json(body): Json<Value>| Json(body)))
            .route("/huge", get(async || vec![0; 64 * 1024 * 1024]))
            .route(
                "/slow",
                get(move || async move {
                    held.acquire().await.unwrap().forget();
                    "finished"
                }),
            );
        let mut settings = ListenSettings::default();
        change(&mut settings);
        let listener = bind(settings.address).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(serve(listener, with_fallbacks(router), settings, shutdown.clone()));
        Self { address, shutdown, ended, gate }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> Drained {
        self.shutdown.cancel();
        timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }
}

/// What the server sends until it says no more.
async fn everything(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset after the answer is an end like any other.
    let _reset = timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("the server never ends the connection");
    String::from_utf8(text).unwrap()
}

/// What the server sends until the given text has come.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(end) {
        let byte = timeout(PATIENCE, stream.read_u8()).await.expect("nothing more comes");
        text.push(byte.unwrap());
    }
    String::from_utf8(text).unwrap()
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(A_WHILE, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn a_request_is_answered_and_its_peer_is_known() {
    let server = Server::start(|_| {});
    let mut stream = server.connect().await;
    stream.write_all(HELLO).await.unwrap();
    assert!(until(&mut stream, "127.0.0.1").await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop().await, Drained::Completely);
}

#[tokio::test]
async fn a_network_has_no_more_connections_than_its_share() {
    let server = Server::start(|settings| settings.max_connections_per_network = 1);
    let mut first = server.connect().await;
    first.write_all(HELLO).await.unwrap();
    until(&mut first, "127.0.0.1").await;

    assert_eq!(everything(&mut server.connect().await).await, "", "a second one is closed at once");
    drop(first);
    let answered = async {
        loop {
            let mut next = server.connect().await;
            if next.write_all(HELLO).await.is_ok() && next.read_u8().await.is_ok() {
                break;
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("the share is given back");
}

#[tokio::test]
async fn trusted_proxies_stand_for_many() {
    let server = Server::start(|settings| {
        settings.max_connections_per_network = 1;
        settings.proxies = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    });
    for mut stream in [server.connect().await, server.connect().await] {
        stream.write_all(HELLO).await.unwrap();
        until(&mut stream, "127.0.0.1").await;
    }
}

fn behind_a_balancer(settings: &mut ListenSettings) {
    settings.proxy_protocol_from = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    settings.header_read_timeout = Duration::from_millis(200);
}

#[tokio::test]
async fn a_balancer_tells_the_client_in_either_version_of_the_protocol() {
    let server = Server::start(behind_a_balancer);
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\xdd\xd5\x1f\x90";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    for (header, client) in [
        (&b"PROXY TCP4 203.0.113.7 127.0.0.1 56789 8080\r\n"[..], "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 56789 8080\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (v2, "203.0.113.7"),
        (local, "127.0.0.1"),
    ] {
        let mut stream = server.connect().await;
        let (first, rest) = header.split_at(9);
        stream.write_all(first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(&[rest, HELLO].concat()).await.unwrap();
        until(&mut stream, client).await;
    }
}

#[tokio::test]
async fn a_balancer_that_names_no_client_is_not_served() {
    let server = Server::start(behind_a_balancer);
    for bytes in [HELLO, b"PROXY TCP4 203.0.113", b"", b"PROXY TCP4 not.an.address 127.0.0.1 1 2\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        assert_eq!(everything(&mut stream).await, "", "{bytes:?}");
    }
}

#[tokio::test]
async fn a_slow_sender_of_headers_is_cut() {
    let server = Server::start(|settings| settings.header_read_timeout = Duration::from_millis(50));
    let mut stream = server.connect().await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nx-slow: ").await.unwrap();
    assert!(!everything(&mut stream).await.contains("200"));
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start(|settings| settings.header_read_timeout = Duration::from_millis(50));
    let mut stream = server.connect().await;
    assert_eq!(everything(&mut stream).await, "");
    server.stop().await;
}

#[tokio::test]
async fn oversized_headers_are_refused() {
    let server = Server::start(|settings| settings.max_header_bytes = 2048);
    for (count, size) in [(1, 2048), (1, 100_000), (1000, 10)] {
        let mut stream = server.connect().await;
        let headers = format!("x-large: {}\r\n", "a".repeat(size)).repeat(count);
        // The server may stop reading before everything is written.
        let _reset = stream.write_all(format!("GET /hello HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
        let answer = until(&mut stream, "\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{count} of {size}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slow_sender_of_a_body_is_told_and_cut() {
    let server = Server::start(|settings| settings.body_read_timeout = Duration::from_millis(100));
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n")
        .await
        .unwrap();
    // It trickles: each byte in time, the whole never.
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut answer = String::new();
    let _reset = timeout(PATIENCE, reader.read_to_string(&mut answer)).await.expect("never cut");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
    timeout(PATIENCE, trickle).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_peer_that_reads_nothing_is_cut() {
    let server = Server::start(|settings| {
        settings.send_timeout = Duration::from_millis(200);
        settings.max_connections = 1;
    });
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /huge HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The only slot is free again once the deaf one is gone.
    let mut next = server.connect().await;
    next.write_all(HELLO).await.unwrap();
    assert!(until(&mut next, "127.0.0.1").await.starts_with("HTTP/1.1 200"));
    drop(deaf);
    server.stop().await;
}

#[tokio::test]
async fn an_oversized_body_is_refused() {
    let server = Server::start(|settings| settings.max_body_bytes = 10);
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(b"[1,2,3,4,5]").await.unwrap();
    assert!(until(&mut stream, "body_too_large").await.starts_with("HTTP/1.1 413"));
    server.stop().await;
}

#[tokio::test]
async fn at_the_cap_newcomers_wait_for_a_free_slot() {
    let server = Server::start(|settings| settings.max_connections = 1);
    let mut first = server.connect().await;
    first.write_all(HELLO).await.unwrap();
    until(&mut first, "127.0.0.1").await;

    let mut second = server.connect().await;
    second.write_all(HELLO).await.unwrap();
    assert!(is_silent(&mut second).await);

    drop(first);
    assert!(until(&mut second, "127.0.0.1").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_takes_nothing_new() {
    let server = Server::start(|_| {});
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    idle.write_all(HELLO).await.unwrap();
    until(&mut idle, "127.0.0.1").await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(is_silent(&mut busy).await);

    server.shutdown.cancel();
    assert_eq!(everything(&mut idle).await, "");
    assert!(is_silent(&mut busy).await);
    assert!(TcpStream::connect(server.address).await.is_err());

    server.gate.add_permits(1);
    let answer = everything(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    assert_eq!(server.stop().await, Drained::Completely);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let server = Server::start(|settings| settings.drain_deadline = Duration::from_millis(50));
    let mut stuck = server.connect().await;
    stuck.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(is_silent(&mut stuck).await);
    assert_eq!(server.stop().await, Drained::Partly(1));
    assert_eq!(everything(&mut stuck).await, "");
}

#[tokio::test]
async fn a_connection_that_never_said_anything_does_not_hold_up_the_drain() {
    let server = Server::start(|_| {});
    let mut mute = server.connect().await;
    let mut spoken = server.connect().await;
    // Accepted in order: when the second is answered, the first is being served as well.
    spoken.write_all(HELLO).await.unwrap();
    until(&mut spoken, "127.0.0.1").await;
    assert_eq!(server.stop().await, Drained::Completely);
    assert_eq!(everything(&mut mute).await, "");
}
