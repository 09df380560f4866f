//! The proxy spoils a connection in exactly the way that was asked for, and the clients see what was sent.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use testkit::{FaultProxy, HttpClient, HttpError, Redis, SseClient, SseError, send_raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SOON: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(10);

/// Serves the same bytes to each connection after its first request, and closes it when told to.
async fn canned(reply: &'static str, close: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _request = stream.read(&mut request).await.unwrap();
            stream.write_all(reply.as_bytes()).await.unwrap();
            if !close {
                open.push(stream);
            }
        }
    });
    address
}

async fn ping(stream: &mut TcpStream) -> std::io::Result<bool> {
    stream.write_all(b"PING\r\n").await?;
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).await?;
    Ok(&reply == b"+PONG\r\n")
}

async fn proxied_redis() -> (Redis, FaultProxy) {
    let redis = Redis::start().await;
    let proxy = FaultProxy::start(([127, 0, 0, 1], redis.port()).into()).await;
    (redis, proxy)
}

#[tokio::test]
async fn a_healthy_proxy_is_not_noticed_and_a_cut_ends_its_connections() {
    let (_redis, proxy) = proxied_redis().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ping(&mut stream).await.unwrap());
    proxy.cut();
    assert!(ping(&mut stream).await.is_err());
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ping(&mut stream).await.unwrap());
}

#[tokio::test]
async fn a_refusing_proxy_refuses_until_it_is_healed() {
    let (_redis, proxy) = proxied_redis().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ping(&mut stream).await.unwrap());
    proxy.refuse().await;
    assert!(ping(&mut stream).await.is_err());
    let error = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.heal().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ping(&mut stream).await.unwrap());
}

#[tokio::test]
async fn a_delay_holds_back_both_directions() {
    let (_redis, proxy) = proxied_redis().await;
    proxy.delay(Duration::from_millis(60));
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let start = tokio::time::Instant::now();
    assert!(ping(&mut stream).await.unwrap());
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_black_hole_swallows_everything_and_cuts_its_victims_when_it_ends() {
    let (redis, proxy) = proxied_redis().await;
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ping(&mut old).await.unwrap());
    proxy.black_hole();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    for stream in [&mut old, &mut new] {
        stream.write_all(b"SET a 1\r\n").await.unwrap();
        assert!(tokio::time::timeout(SOON, stream.read_u8()).await.is_err(), "something came out of the black hole");
    }
    assert_eq!(redis.call(&["DBSIZE"]).await, testkit::RedisValue::Integer(0));
    proxy.heal().await;
    assert!(ping(&mut old).await.is_err());
    assert!(ping(&mut new).await.is_err());
    let mut fresh = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ping(&mut fresh).await.unwrap());
}

#[tokio::test]
async fn dropped_replies_leave_the_request_done() {
    let (redis, proxy) = proxied_redis().await;
    proxy.drop_replies();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"SET a 1\r\n").await.unwrap();
    assert!(tokio::time::timeout(SOON, stream.read_u8()).await.is_err(), "the reply came through");
    assert_eq!(redis.call(&["DBSIZE"]).await, testkit::RedisValue::Integer(1));
    proxy.heal().await;
    assert!(ping(&mut stream).await.is_err(), "the lost reply would be taken for that of the next request");
}

#[tokio::test]
async fn events_are_read_from_chunks_until_the_server_ends_the_stream() {
    let address = canned(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
         d\r\nretry: 1000\n\n\r\n6\r\nid: 1\n\r\n20\r\nevent: position\ndata: 7\ndata\n\n:\n\r\n1\r\n\n\r\n0\r\n\r\n",
        false,
    )
    .await;
    let mut stream = SseClient::connect(address, "/v1/queues/demo/stream", &[("x-a", "b")]).await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.next_event(LONG).await.unwrap().retry, Some(Duration::from_secs(1)));
    let event = stream.next_named("position", LONG).await.unwrap();
    assert_eq!((event.id.as_deref(), event.data.as_str()), (Some("1"), "7\n"));
    assert!(matches!(stream.next_event(LONG).await, Err(SseError::Ended)));
}

#[tokio::test]
async fn a_silent_stream_times_out_and_stays_open_and_a_closed_one_has_ended() {
    const REPLY: &str = "HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n";
    let mut silent = SseClient::connect(canned(REPLY, false).await, "/", &[]).await.unwrap();
    assert_eq!(silent.next_event(LONG).await.unwrap().data, "1");
    assert!(matches!(silent.next_event(SOON).await, Err(SseError::Timeout(SOON))));
    let mut closed = SseClient::connect(canned(REPLY, true).await, "/", &[]).await.unwrap();
    assert_eq!(closed.next_event(LONG).await.unwrap().data, "1");
    assert!(matches!(closed.next_event(LONG).await, Err(SseError::Ended)));
}

#[tokio::test]
async fn a_json_reply_is_read_with_its_status_headers_and_cookies() {
    let reply = "HTTP/1.1 409 Conflict\r\ncontent-length: 16\r\nset-cookie: a=b; Path=/\r\n\r\n{\"code\":\"taken\"}";
    let client = HttpClient::new(canned(reply, true).await);
    let reply = client.post("/x?y=1").bearer("t").header("idempotency-key", "1").json(&json!({"n": 1})).send().await;
    assert_eq!(reply.status, 409);
    assert_eq!(reply.json(), json!({"code": "taken"}));
    assert_eq!(reply.cookie("a"), Some("b"));
}

#[tokio::test]
async fn a_missing_reply_is_told_apart_from_a_late_one() {
    let refused = HttpClient::new(([127, 0, 0, 1], testkit::free_port()).into());
    assert!(matches!(refused.get("/").try_send().await, Err(HttpError::Connection(_))));
    let silent = HttpClient::new(canned("", false).await);
    assert!(matches!(silent.get("/").timeout(SOON).try_send().await, Err(HttpError::Timeout(SOON))));
}

#[tokio::test]
async fn raw_bytes_are_sent_as_they_are() {
    let closing = send_raw(canned("HTTP/1.1 400 Bad Request\r\n\r\n", true).await, b"\0\r\n\r\n", LONG).await.unwrap();
    assert_eq!((closing.status(), closing.closed), (Some(400), true));
    let hanging = send_raw(canned("", false).await, b"GET", SOON).await.unwrap();
    assert_eq!((hanging.status(), hanging.closed), (None, false));
}
