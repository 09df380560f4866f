//! The closed-loop HTTP load: so many connections, each sending its next request when the answer to the last is there.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

/// What a load saw.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// With a status from 200 to 299.
    pub(super) good: u64,
    /// With any other.
    pub(super) bad: u64,
}

/// A request as it goes on the wire, over a connection that stays open.
pub(super) fn post_request(path: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}")
        .into()
}

/// As [`post_request`], without a body, and with a bearer token.
pub(super) fn get_request(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n").into()
}

/// Sends a request over `connections` for `lasts` and returns the good answers a second; a bad answer is an error. Each
/// connection sends one of `requests`, by turns.
pub(super) async fn rate(
    to: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    lasts: Duration,
) -> anyhow::Result<f64> {
    let started = Instant::now();
    let deadline = started + lasts;
    let mut tasks = JoinSet::new();
    for request in requests.iter().cycle().take(connections) {
        let request = request.clone();
        tasks.spawn(async move { drive(to, &request, deadline).await });
    }
    let mut sum = Answers::default();
    while let Some(answers) = tasks.join_next().await {
        let answers = answers.context("a connection's task failed")??;
        sum.good += answers.good;
        sum.bad += answers.bad;
    }
    if sum.bad > 0 {
        bail!("{} of {} answers were refusals", sum.bad, sum.bad + sum.good);
    }
    #[expect(clippy::cast_precision_loss, reason = "a benchmark sends far fewer than 2^52 requests")]
    Ok(sum.good as f64 / started.elapsed().as_secs_f64())
}

async fn drive(to: SocketAddr, request: &[u8], deadline: Instant) -> anyhow::Result<Answers> {
    let mut connection = Connection::open(to).await?;
    let mut answers = Answers::default();
    while Instant::now() < deadline {
        let status = connection.send(request).await?;
        if (200..300).contains(&status) {
            answers.good += 1;
        } else {
            answers.bad += 1;
        }
    }
    Ok(answers)
}

/// One keep-alive connection.
pub(super) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(to).await.context("cannot connect")?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request, reads its whole answer and returns the status. The answer stays readable until the next.
    pub(super) async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.buffer.clear();
        self.socket.write_all(request).await?;
        loop {
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed in the middle of an answer");
            }
            if let Some(head) = Head::parse(&self.buffer)
                && self.buffer.len() >= head.length + head.content_length
            {
                return Ok(head.status);
            }
        }
    }

    /// The last answer's body.
    pub(super) fn body(&self) -> &[u8] {
        Head::parse(&self.buffer).and_then(|head| self.buffer.get(head.length..)).unwrap_or_default()
    }
}

/// As much of a response's head as a load generator needs.
struct Head {
    status: u16,
    length: usize,
    content_length: usize,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let length = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&bytes[..length]).ok()?;
        let status = text.get(9..12)?.parse().ok()?;
        let content_length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        Some(Self { status, length, content_length: content_length.unwrap_or(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let head = Head::parse(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc").unwrap();
        assert_eq!((head.status, head.content_length, head.length), (201, 3, 43));
        assert!(Head::parse(b"HTTP/1.1 201 Created\r\nContent-Le").is_none());
    }
}
