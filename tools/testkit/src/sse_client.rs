//! A client for Server-Sent Events over a bare TCP connection.
//!
//! Written out because tests look at what a browser's `EventSource` hides: the status, the headers, frames that only
//! set `retry`, and the moment at which the server closes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod body;
mod event;
mod head;

use body::Body;
pub use event::Event;
use event::EventParser;

/// Why there is no event.
#[derive(Debug, thiserror::Error)]
pub enum SseError {
    /// None came in time; the stream is still open.
    #[error("no event within {0:?}")]
    Timeout(Duration),
    /// The server has ended the stream.
    #[error("the server has ended the stream")]
    Ended,
    /// The reply is not HTTP/1.1, or its chunks are damaged.
    #[error("the reply is malformed: {0}")]
    Malformed(&'static str),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
}

/// One open stream; dropping it closes the connection.
#[derive(Debug)]
pub struct SseClient {
    stream: TcpStream,
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    parser: EventParser,
    events: VecDeque<Event>,
}

impl SseClient {
    /// Sends `GET path` with these headers and reads the head of the reply, whatever its status.
    pub async fn connect(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, SseError> {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n");
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut received = Vec::new();
        let head = loop {
            if let Some(head) = head::parse(&received)? {
                break head;
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Err(SseError::Ended);
            }
        };
        let body = Body::of(&head.headers)?;
        let (status, headers, parser) = (head.status, head.headers, EventParser::default());
        let mut client = Self { stream, status, headers, body, parser, events: VecDeque::new() };
        client.receive(&received[head.length..])?;
        Ok(client)
    }

    /// The status of the reply.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers of the reply.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next event, in the order of their arrival.
    pub async fn next_event(&mut self, timeout: Duration) -> Result<Event, SseError> {
        tokio::time::timeout(timeout, self.read_event()).await.unwrap_or(Err(SseError::Timeout(timeout)))
    }

    /// The next event of this name; those before it are passed over.
    pub async fn next_named(&mut self, name: &str, timeout: Duration) -> Result<Event, SseError> {
        let search = async {
            loop {
                let event = self.read_event().await?;
                if event.event == name {
                    return Ok(event);
                }
            }
        };
        tokio::time::timeout(timeout, search).await.unwrap_or(Err(SseError::Timeout(timeout)))
    }

    async fn read_event(&mut self) -> Result<Event, SseError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            if self.body.is_complete() {
                return Err(SseError::Ended);
            }
            let mut buffer = [0; 4096];
            let length = self.stream.read(&mut buffer).await?;
            if length == 0 {
                return Err(SseError::Ended);
            }
            self.receive(&buffer[..length])?;
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        let content = self.body.decode(bytes)?;
        self.events.extend(self.parser.feed(&content));
        Ok(())
    }
}
