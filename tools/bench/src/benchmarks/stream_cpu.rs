//! Row 3: CPU time of a position event against a bare loop of blocking writes of as many bytes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};

use super::{
    Trial, cpu,
    gateway::{Gateway, QUEUE},
    load::{self, Connection},
    process::Process,
    row::{Bar, Row, median},
};

/// Counts the events written to streams.
const SENT: &str = "queue_gateway_stream_events_total";

pub(super) async fn measure(trial: Trial, streams: usize) -> anyhow::Result<Row> {
    // Slow enough that the line lasts, fast enough that every tick moves everybody.
    let rate = 50.0;
    let gateway = Gateway::start(None, rate).await?;
    let tokens = join(gateway.public, streams).await?;
    let mut readers = Readers::default();
    for token in tokens {
        readers.add(open(gateway.public, &token).await?);
    }
    sleep(Duration::from_secs(2)).await;
    let (mut ours, mut event_bytes) = (Vec::new(), Vec::new());
    for _ in 0..trial.rounds {
        let busy = cpu::time_of(gateway.process.pid())?;
        let (sent, received) = (gateway.metric(SENT).await?, readers.received());
        sleep(trial.lasts).await;
        let events = gateway.metric(SENT).await? - sent;
        let busy = cpu::time_of(gateway.process.pid())?.saturating_sub(busy);
        if events < 1.0 {
            bail!("no event was sent while it was measured");
        }
        ours.push(busy.as_secs_f64() * 1e6 / events);
        event_bytes.push((readers.received() - received) / events);
    }
    drop(readers);
    drop(gateway);
    let bytes = median(event_bytes);
    Ok(Row {
        number: 3,
        name: format!("CPU of a position event, {streams} streams; blocking write of {bytes:.0} bytes"),
        ours: median(ours),
        reference: blocking_write(trial, streams, bytes).await?,
        unit: "us",
        bar: Bar::AtMost(1.2),
    })
}

/// As many places in the line, by their waiting tokens.
pub(super) async fn join(gateway: SocketAddr, visitors: usize) -> anyhow::Result<Vec<String>> {
    let request = load::post_request(&format!("/v1/queues/{QUEUE}/tokens"));
    let mut connection = Connection::open(gateway).await?;
    let mut tokens = Vec::with_capacity(visitors);
    while tokens.len() < visitors {
        connection.send(&request).await?;
        // A newcomer's join is no sign of presence: nobody goes straight in.
        let document: Value = serde_json::from_slice(connection.body())?;
        tokens.push(document["waiting_token"].as_str().context("a join without a waiting token")?.to_owned());
    }
    Ok(tokens)
}

pub(super) async fn open(gateway: SocketAddr, token: &str) -> anyhow::Result<TcpStream> {
    let mut socket = TcpStream::connect(gateway).await?;
    let head =
        format!("GET /v1/queues/{QUEUE}/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    let mut start = [0; 12];
    socket.read_exact(&mut start).await?;
    if &start != b"HTTP/1.1 200" {
        bail!("a stream was refused: {}", String::from_utf8_lossy(&start));
    }
    Ok(socket)
}

/// Clients that read whatever comes, until they are dropped.
#[derive(Default)]
pub(super) struct Readers {
    tasks: JoinSet<()>,
    received: Arc<AtomicU64>,
}

impl Readers {
    /// Begins to read a socket.
    pub(super) fn add(&mut self, mut socket: TcpStream) {
        let received = Arc::clone(&self.received);
        self.tasks.spawn(async move {
            let mut buffer = vec![0; 2048];
            while let Ok(read @ 1..) = socket.read(&mut buffer).await {
                received.fetch_add(read as u64, Relaxed);
            }
        });
    }

    /// Bytes read so far on all sockets.
    #[expect(clippy::cast_precision_loss, reason = "a benchmark moves far fewer than 2^52 bytes")]
    fn received(&self) -> f64 {
        self.received.load(Relaxed) as f64
    }
}

/// CPU microseconds of one blocking write of `bytes`, in a process that does nothing else.
async fn blocking_write(trial: Trial, sockets: usize, bytes: f64) -> anyhow::Result<f64> {
    let (writer, address) =
        Process::reference(&["blocking-writer".to_owned(), format!("{bytes:.0}"), sockets.to_string()])?;
    let mut readers = Readers::default();
    for _ in 0..sockets {
        readers.add(TcpStream::connect(address).await?);
    }
    sleep(Duration::from_secs(1)).await;
    let mut figures = Vec::new();
    for _ in 0..trial.rounds {
        let (busy, received) = (cpu::time_of(writer.pid())?, readers.received());
        sleep(trial.lasts).await;
        let busy = cpu::time_of(writer.pid())?.saturating_sub(busy);
        let count = (readers.received() - received) / bytes.round();
        figures.push(busy.as_secs_f64() * 1e6 / count);
    }
    Ok(median(figures))
}
