//! `queue-gateway verify-draw`: recomputes a draw from what was published of it, and checks receipts against it.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use contract::tokens::JwkSet;
use jiff::Timestamp;

use super::{
    published::{CheckedDraw, Forged, Outcome, PublishedDraw},
    receipt::{AUDIENCE, ReceiptVerifier},
};

/// What is to be checked.
#[derive(Args, Debug)]
pub struct VerifyDraw {
    /// What the gateway publishes at /v1/queues/{queue}/draw, as a file.
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// The commitment that was published before the first join, in hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub commitment: Option<String>,
    /// A receipt, as a file: the token alone, or the document of /v1/queues/{queue}/draw/receipt.
    #[arg(long, value_name = "FILE", requires = "keys")]
    pub receipt: Vec<PathBuf>,
    /// The gateway's /.well-known/jwks.json, as a file; for receipts.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// A number whose place is to be shown.
    #[arg(long, value_name = "NUMBER")]
    pub number: Vec<u64>,
}

/// Why there is no answer, or it is no.
#[derive(Debug, thiserror::Error)]
pub enum VerifyDrawError {
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file that was named.
        path: PathBuf,
        /// As the system has it, or where the text is not what it should be.
        reason: String,
    },
    /// Another commitment than the one that was published beforehand.
    #[error("the published commitment {published} is not the one that was noted beforehand")]
    OtherCommitment {
        /// What the data say, in hexadecimal digits.
        published: String,
    },
    /// A number that was asked for.
    #[error("number {0} did not take part")]
    NotAmong(u64),
    /// The draw is not what it was to be.
    #[error(transparent)]
    Forged(#[from] Forged),
    /// The answer cannot be written.
    #[error("cannot write: {0}")]
    Unwritable(#[from] io::Error),
}

impl VerifyDraw {
    /// Checks everything and writes what it comes to.
    pub fn run(&self, answer: &mut impl Write) -> Result<(), VerifyDrawError> {
        let published: PublishedDraw = json(&self.data)?;
        if let Some(noted) = &self.commitment
            && !noted.trim().eq_ignore_ascii_case(&published.commitment)
        {
            return Err(VerifyDrawError::OtherCommitment { published: published.commitment });
        }
        let (queue, issuer) = (published.queue.clone(), published.issuer.clone());
        let checked = published.check()?;
        writeln!(answer, "The secret fits the commitment. {} numbers took part in queue {queue}.", checked.numbers())?;
        if self.commitment.is_none() {
            writeln!(answer, "That commitment was not compared with one that was noted before the first join.")?;
        }
        describe_beacon(answer, checked.published())?;
        self.check_receipts(&checked, &issuer, answer)?;
        for number in &self.number {
            let outcome = checked.outcome_of(*number).ok_or(VerifyDrawError::NotAmong(*number))?;
            describe(answer, *number, outcome)?;
        }
        Ok(())
    }

    fn check_receipts(
        &self,
        checked: &CheckedDraw,
        issuer: &str,
        answer: &mut impl Write,
    ) -> Result<(), VerifyDrawError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let verifier = ReceiptVerifier::from_jwks(&json::<JwkSet>(keys)?, issuer, AUDIENCE);
        for path in &self.receipt {
            let unreadable = |reason: String| VerifyDrawError::Unreadable { path: path.clone(), reason };
            // Receipts are good for ten years: when they were made does not matter here.
            let token = token_in(&text(path)?);
            let claims =
                verifier.verify(&token, Timestamp::UNIX_EPOCH).map_err(|error| unreadable(error.to_string()))?;
            describe(answer, claims.number, checked.outcome(&claims)?)?;
            let (made, closed) = (claims.issued_at, checked.published().closed_at);
            if closed.is_none_or(|closed| made >= closed) {
                writeln!(
                    answer,
                    "Its receipt was made at {made}, after the numbers were closed: it proves nothing of before."
                )?;
            }
        }
        Ok(())
    }
}

/// What this cannot check by itself.
fn describe_beacon(answer: &mut impl Write, published: &PublishedDraw) -> io::Result<()> {
    let closed = published.closed_at.map_or_else(|| "at an unknown time".to_owned(), |at| format!("at {at}"));
    match (&published.beacon_source, &published.beacon) {
        (Some(source), Some(beacon)) => writeln!(
            answer,
            "The numbers were closed {closed}. The beacon that decided is {beacon:?}; its source was named as {source:?}. Compare \
             the two, and see that the value was not known before."
        ),
        _ => writeln!(
            answer,
            "The numbers were closed {closed}. No beacon was named: whoever knew the secret could have known the outcome."
        ),
    }
}

fn describe(answer: &mut impl Write, number: u64, outcome: Outcome) -> io::Result<()> {
    let Outcome { place, ahead, departed } = outcome;
    if departed {
        writeln!(answer, "Number {number} drew place {place}, and is no longer in the line.")
    } else {
        writeln!(answer, "Number {number} drew place {place}; {ahead} of those before it are still in the line.")
    }
}

/// A receipt alone, or in its document.
fn token_in(text: &str) -> String {
    let document = serde_json::from_str::<serde_json::Value>(text).ok();
    let token = document.as_ref().and_then(|document| document["receipt"].as_str());
    token.unwrap_or(text).trim().to_owned()
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, VerifyDrawError> {
    serde_json::from_str(&text(path)?)
        .map_err(|error| VerifyDrawError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}

fn text(path: &Path) -> Result<String, VerifyDrawError> {
    fs::read_to_string(path)
        .map_err(|error| VerifyDrawError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}
