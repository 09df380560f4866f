//! What is published of a draw, and how anybody checks it.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use contract::ids::QueueName;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{receipt::ReceiptClaims, view::DrawView};
use crate::line::{DrawSecret, Drawn, Lots, Stats};

/// A draw as it is published: before it is made its commitment, afterwards all that decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDraw {
    /// The queue that opens by it.
    pub queue: QueueName,
    /// The queue's epoch (microseconds).
    pub epoch: i64,
    /// Who signs receipts of numbers.
    pub issuer: String,
    /// When the queue opens.
    pub opens_at: Option<Timestamp>,
    /// The SHA-256 of the secret, in hexadecimal digits; there before the first join.
    pub commitment: String,
    /// Where the beacon comes from, named beforehand; null where the secret alone decides.
    pub beacon_source: Option<String>,
    /// How many numbers take part; null until the opening, as what follows is until the draw is decided.
    pub n: Option<u64>,
    /// When that was fixed, by the store's clock.
    pub closed_at: Option<Timestamp>,
    /// The public value; empty where no source was named.
    pub beacon: Option<String>,
    /// 32 bytes, in hexadecimal digits.
    pub secret: Option<String>,
    /// When the last place was dealt.
    pub drawn_at: Option<Timestamp>,
    /// Who is no longer in the line: a bit each number in base64, that of number 1 the lowest of the first byte.
    pub departed: Option<String>,
}

/// The latest publication, and when it was collected, for all who ask.
pub type Collected = Mutex<Option<(Timestamp, Bytes)>>;

/// Why a draw is not what it was to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// There is nothing to check yet.
    #[error("the draw is not decided yet: n, beacon and secret are not published")]
    NotDecided,
    /// A field cannot be read.
    #[error("{0} is not what the gateway publishes")]
    Unreadable(&'static str),
    /// Another secret than was committed to.
    #[error("the secret is not the one of the commitment: its SHA-256 is {0}")]
    OtherSecret(String),
    /// No source was named, and yet a value was used.
    #[error("a beacon was used although no source was named beforehand")]
    UnnamedBeacon,
    /// The receipt is of another draw.
    #[error("the receipt is of another draw: its {0} differs")]
    OtherDraw(&'static str),
    /// The number of a receipt did not take part.
    #[error("number {number} has a receipt, and only {numbers} numbers took part")]
    LeftOut {
        /// The number that the receipt was signed for.
        number: u64,
        /// How many took part, by what was published.
        numbers: u64,
    },
}

/// A draw that was recomputed from what is published.
#[derive(Clone, Debug)]
pub struct CheckedDraw {
    published: PublishedDraw,
    drawn: Drawn,
    departed: Vec<u8>,
    /// For each place, how many before it are still in the line: counted once, since everybody may ask.
    ahead: Vec<u64>,
}

/// What a number has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The place that the number drew.
    pub place: u64,
    /// How many of those with lower places are still in the line.
    pub ahead: u64,
    /// Whether the number is no longer in the line.
    pub departed: bool,
}

impl PublishedDraw {
    /// What there is to publish; `None` for a queue that opens in the order of joining. `departed` are the bits of
    /// those who are no longer in the line, which a gateway has once the draw is made.
    pub fn of(queue: &QueueName, issuer: &str, stats: &Stats, departed: Option<&[u8]>) -> Option<Self> {
        let control = &stats.control;
        let DrawView { commitment, beacon_source, beacon, n, secret } = DrawView::of(stats, departed.is_some())?;
        Some(Self {
            queue: queue.clone(),
            epoch: stats.epoch.0,
            issuer: issuer.to_owned(),
            opens_at: control.opens_at(),
            commitment,
            beacon_source: beacon_source.map(str::to_owned),
            n,
            closed_at: control.draw.closed_at,
            beacon,
            departed: departed.filter(|_| secret.is_some()).map(write_departed),
            secret,
            drawn_at: control.draw.drawn_at,
        })
    }

    /// Recomputes the draw.
    pub fn check(self) -> Result<CheckedDraw, Forged> {
        let (Some(numbers), Some(beacon), Some(secret)) = (self.n, &self.beacon, &self.secret) else {
            return Err(Forged::NotDecided);
        };
        let secret = DrawSecret::from_hex(secret).ok_or(Forged::Unreadable("secret"))?;
        let commitment = hex::encode(secret.commitment());
        if !self.commitment.eq_ignore_ascii_case(&commitment) {
            return Err(Forged::OtherSecret(commitment));
        }
        if self.beacon_source.is_none() && !beacon.is_empty() {
            return Err(Forged::UnnamedBeacon);
        }
        if u32::try_from(numbers).is_err() {
            return Err(Forged::Unreadable("n"));
        }
        let departed = self.departed.as_deref().unwrap_or_default();
        let departed = STANDARD.decode(departed).map_err(|_| Forged::Unreadable("departed"))?;
        if departed.len() as u64 != numbers.div_ceil(8) {
            return Err(Forged::Unreadable("departed"));
        }
        let drawn = Lots { numbers, secret, beacon: beacon.clone() }.draw();
        let mut checked = CheckedDraw { published: self, drawn, departed, ahead: Vec::new() };
        checked.ahead = checked.standing_before_each_place();
        Ok(checked)
    }
}

impl CheckedDraw {
    /// What was checked.
    pub fn published(&self) -> &PublishedDraw {
        &self.published
    }

    /// How many numbers took part.
    pub fn numbers(&self) -> u64 {
        self.drawn.len()
    }

    /// What the number of a verified receipt has come to.
    pub fn outcome(&self, receipt: &ReceiptClaims) -> Result<Outcome, Forged> {
        let PublishedDraw { queue, epoch, commitment, beacon_source, .. } = &self.published;
        let same = [
            ("queue", receipt.queue == *queue),
            ("epoch", receipt.epoch == *epoch),
            ("commitment", receipt.commitment.eq_ignore_ascii_case(commitment)),
            ("beacon_source", receipt.beacon_source == *beacon_source),
        ];
        if let Some((field, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(Forged::OtherDraw(field));
        }
        let (number, numbers) = (receipt.number, self.numbers());
        self.outcome_of(number).ok_or(Forged::LeftOut { number, numbers })
    }

    /// What a number has come to; `None` for one that did not take part.
    pub fn outcome_of(&self, number: u64) -> Option<Outcome> {
        let place = self.drawn.place_of(number)?;
        let ahead = usize::try_from(place - 1).ok().and_then(|before| self.ahead.get(before).copied())?;
        Some(Outcome { place, ahead, departed: self.has_departed(number) })
    }

    fn standing_before_each_place(&self) -> Vec<u64> {
        let numbers = (1..=self.drawn.len()).filter_map(|place| self.drawn.number_at(place));
        let count = |standing: &mut u64, number| {
            let before = *standing;
            *standing += u64::from(!self.has_departed(number));
            Some(before)
        };
        numbers.scan(0, count).collect()
    }

    fn has_departed(&self, number: u64) -> bool {
        let bit = number - 1;
        let byte = usize::try_from(bit / 8).ok().and_then(|byte| self.departed.get(byte));
        byte.is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }
}

fn write_departed(bits: &[u8]) -> String {
    STANDARD.encode(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> PublishedDraw {
        let secret = DrawSecret([7; 32]);
        PublishedDraw {
            queue: "demo".parse().unwrap(),
            epoch: 5,
            issuer: "gateway".to_owned(),
            opens_at: None,
            commitment: hex::encode(secret.commitment()),
            beacon_source: Some("drand".to_owned()),
            n: Some(20),
            closed_at: None,
            drawn_at: None,
            beacon: Some("4242".to_owned()),
            secret: Some(secret.to_hex()),
            departed: Some(write_departed(&[0b0000_0101, 0, 0])),
        }
    }

    fn receipt(number: u64) -> ReceiptClaims {
        let PublishedDraw { queue, epoch, commitment, beacon_source, .. } = published();
        let (issued_at, expires_at) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        ReceiptClaims { queue, epoch, number, commitment, beacon_source, opens_at: None, issued_at, expires_at }
    }

    #[test]
    fn a_receipt_is_checked_against_what_is_published() {
        let checked = published().check().unwrap();
        let drawn = Lots { numbers: 20, secret: DrawSecret([7; 32]), beacon: "4242".to_owned() }.draw();
        for number in 1..=20 {
            let outcome = checked.outcome(&receipt(number)).unwrap();
            let place = drawn.place_of(number).unwrap();
            let gone_before = [1, 3].iter().filter(|gone| drawn.place_of(**gone).unwrap() < place).count() as u64;
            assert_eq!((outcome.place, outcome.ahead), (place, place - 1 - gone_before));
            assert_eq!(outcome.departed, [1, 3].contains(&number));
        }
    }

    #[test]
    fn a_forged_draw_is_found() {
        let other = DrawSecret([8; 32]);
        let forged = PublishedDraw { secret: Some(other.to_hex()), ..published() };
        assert_eq!(forged.check().unwrap_err(), Forged::OtherSecret(hex::encode(other.commitment())));
        let commitment = hex::encode(other.commitment());
        let forged = PublishedDraw { secret: Some(other.to_hex()), commitment, ..published() }.check().unwrap();
        assert_eq!(forged.outcome(&receipt(1)), Err(Forged::OtherDraw("commitment")));
        let fewer = PublishedDraw { n: Some(19), ..published() }.check().unwrap();
        assert_eq!(fewer.outcome(&receipt(20)), Err(Forged::LeftOut { number: 20, numbers: 19 }));
        let other_source = PublishedDraw { beacon_source: Some("dice".to_owned()), ..published() }.check().unwrap();
        assert_eq!(other_source.outcome(&receipt(1)), Err(Forged::OtherDraw("beacon_source")));
        let without_source = PublishedDraw { beacon_source: None, ..published() };
        assert_eq!(without_source.check().unwrap_err(), Forged::UnnamedBeacon);
        assert_eq!(PublishedDraw { beacon: None, ..published() }.check().unwrap_err(), Forged::NotDecided);
        assert_eq!(
            PublishedDraw { secret: Some("7".into()), ..published() }.check().unwrap_err(),
            Forged::Unreadable("secret")
        );
    }
}
