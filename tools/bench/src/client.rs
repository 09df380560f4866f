//! A patient JSON client over several instances of one service.
//!
//! It does what a good client of ours should: any instance serves any call, a 503 or a lost connection is retried after
//! the server's `Retry-After` or a jittered pause, and every unsafe call carries an idempotency key, so that a retry
//! after an unknown outcome is harmless.

mod call;
mod instances;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use rand::Rng;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

pub use self::call::{Call, Reply};
use self::instances::Instances;

/// A single attempt may last so long; a dead instance must not hold a visitor for the whole run.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest reply that is read; the seats of a performance are the largest we ask for.
const MAX_REPLY_BYTES: usize = 32 << 20;

/// One service behind one or more addresses.
#[derive(Clone, Debug)]
pub struct Service {
    http: Client<HttpConnector, Full<Bytes>>,
    instances: Arc<Instances>,
    choice: Choice,
    patience: Duration,
}

/// Which instance the next attempt goes to.
#[derive(Clone, Debug)]
enum Choice {
    /// Any: what a load balancer without sticky sessions does.
    AtRandom,
    /// The one after the last: no two attempts in a row meet the same, if there are several.
    InTurn(Arc<AtomicUsize>),
}

/// No definite answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Every attempt failed until patience ran out; the last failure is told.
    #[error("no answer within {patience:?}, at last: {last}")]
    OutOfPatience {
        /// How long it was tried.
        patience: Duration,
        /// The last failure.
        last: String,
    },
    /// The call itself cannot be sent.
    #[error("unsendable request: {0}")]
    Unsendable(#[from] http::Error),
}

impl Service {
    /// A service at `bases`, each like `http://127.0.0.1:8080`; a call gives up after `patience`.
    pub fn new(bases: &[String], patience: Duration) -> Self {
        let http = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(15)).build_http();
        Self { http, instances: Arc::new(Instances::new(bases)), choice: Choice::AtRandom, patience }
    }

    /// The same service for one caller, each of whose attempts goes to the instance after the last one's, beginning
    /// with number `first`.
    #[must_use]
    pub fn in_turn(&self, first: usize) -> Self {
        Self { choice: Choice::InTurn(Arc::new(AtomicUsize::new(first))), ..self.clone() }
    }

    /// How long a call is tried.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// When connections to this instance were first refused or lost after `since`.
    pub fn lost_after(&self, instance: usize, since: Timestamp) -> Option<Timestamp> {
        self.instances.lost_after(instance, since)
    }

    /// Sends the call until there is an answer other than 429 and 503.
    pub async fn send(&self, call: &Call) -> Result<Reply, Trouble> {
        let started = Instant::now();
        loop {
            let to = self.next();
            let (pause, last) = match timeout(ATTEMPT_TIMEOUT, self.attempt(to, call)).await {
                Ok(Ok((reply, None))) => return Ok(reply),
                Ok(Ok((reply, Some(pause)))) => (pause, format!("{} {}", reply.status, reply.code())),
                Ok(Err(Failure::Unsendable(error))) => return Err(error.into()),
                Ok(Err(Failure::Transport(error))) => {
                    self.note_loss(to);
                    (jittered(Duration::from_millis(300)), error)
                }
                Err(_) => (Duration::ZERO, "timed out".to_owned()),
            };
            if started.elapsed() + pause > self.patience {
                return Err(Trouble::OutOfPatience { patience: self.patience, last });
            }
            sleep(pause).await;
        }
    }

    /// Opens a stream on the next instance: which one it is, and the response with its body unread.
    pub async fn open(&self, call: &Call) -> Result<(usize, http::Response<Incoming>), String> {
        let to = self.next();
        let request = call.request(self.instances.base(to)).map_err(|error| error.to_string())?;
        match timeout(ATTEMPT_TIMEOUT, self.http.request(request)).await {
            Ok(Ok(response)) => {
                self.instances.note_answer(to);
                Ok((to, response))
            }
            Ok(Err(error)) => {
                self.note_loss(to);
                Err(error.to_string())
            }
            Err(_) => Err("timed out".to_owned()),
        }
    }

    /// A connection to this instance broke.
    pub fn note_loss(&self, instance: usize) {
        self.instances.note_loss(instance);
    }

    /// The address of the next instance, for callers with a connection of their own.
    pub fn next_base(&self) -> &str {
        self.instances.base(self.next())
    }

    fn next(&self) -> usize {
        match &self.choice {
            Choice::AtRandom => rand::rng().random_range(0..self.instances.len()),
            Choice::InTurn(turn) => turn.fetch_add(1, Relaxed) % self.instances.len(),
        }
    }

    /// One attempt; a pause beside the reply says that it is not definite.
    async fn attempt(&self, to: usize, call: &Call) -> Result<(Reply, Option<Duration>), Failure> {
        let request = call.request(self.instances.base(to)).map_err(Failure::Unsendable)?;
        let response = self.http.request(request).await.map_err(|error| Failure::Transport(error.to_string()))?;
        self.instances.note_answer(to);
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_REPLY_BYTES).collect().await;
        let body = body.map_err(|error| Failure::Transport(error.to_string()))?.to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let come_back = matches!(head.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let pause = come_back.then(|| retry_after(&head.headers));
        Ok((Reply { status: head.status, headers: head.headers, body, from: to }, pause))
    }
}

enum Failure {
    Unsendable(http::Error),
    Transport(String),
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    jittered(Duration::from_secs(seconds.map_or(1, u64::from).min(5)))
}

/// Between half and all of `pause`: clients that failed together must not come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_in_turn_never_meets_the_same_instance_twice_in_a_row() {
        let bases = ["http://a/", "http://b", "http://c"].map(str::to_owned);
        let caller = Service::new(&bases, Duration::ZERO).in_turn(2);
        assert_eq!([(); 4].map(|()| caller.next_base().to_owned()), ["http://c", "http://a", "http://b", "http://c"]);
    }
}
