//! A draw: those who join before the opening get numbers, and at the opening each number gets a place by chance.
//!
//! Everybody can check it, and with a beacon nobody can choose the outcome. The commitment, which is the SHA-256 of a
//! secret, is published before the first join. The key is HMAC-SHA256(secret, count of numbers as 8 bytes, big-endian,
//! followed by the beacon), where the beacon is a public value that becomes known after the opening, or empty where the
//! operator has named no source for one. The place of a number is its rank among all numbers by the first 16 bytes of
//! HMAC-SHA256(key, number as 8 bytes, big-endian). With another count everybody has another place: nobody can join on
//! a good number once the beacon is known.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::place::{Epoch, Sequence};

/// How a queue opens for those who joined before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "snake_case")]
pub enum Opening {
    /// In the order of joining.
    #[default]
    Fifo,
    /// In an order that is drawn.
    Draw,
}

/// The derived error would speak of enums and constructors.
impl TryFrom<String> for Opening {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "fifo" => Ok(Self::Fifo),
            "draw" => Ok(Self::Draw),
            _ => Err("must be \"fifo\" or \"draw\""),
        }
    }
}

impl Opening {
    /// As settings and stores spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::Draw => "draw",
        }
    }
}

/// 32 bytes that decide a draw. Not shown before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DrawSecret(pub [u8; 32]);

impl fmt::Debug for DrawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DrawSecret(committed to as {})", hex::encode(self.commitment()))
    }
}

impl DrawSecret {
    /// Its SHA-256, published before the first join.
    pub fn commitment(&self) -> [u8; 32] {
        let mut commitment = [0; 32];
        commitment.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        commitment
    }

    /// As stores and documents write it.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads what [`to_hex`](Self::to_hex) writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut secret = [0; 32];
        hex::decode_to_slice(text, &mut secret).ok()?;
        Some(Self(secret))
    }
}

/// How far the draw of a queue has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Of every queue, whether or not it comes to a draw.
    pub secret: DrawSecret,
    /// How the queue opens, settled by the first of all who joined, whatever is changed afterwards.
    pub settled: Option<Opening>,
    /// Where the beacon of a settled draw comes from.
    pub source: Option<String>,
    /// How many numbers take part; `None` until the opening.
    pub numbers: Option<u64>,
    /// When that was fixed.
    pub closed_at: Option<Timestamp>,
    /// The public value; `None` until the operator has said it, or the draw is decided without.
    pub beacon: Option<String>,
    /// Since then all numbers have places.
    pub drawn_at: Option<Timestamp>,
}

impl Draw {
    /// The draw of a queue that has just begun.
    pub fn sealed(secret: DrawSecret) -> Self {
        Self { secret, settled: None, source: None, numbers: None, closed_at: None, beacon: None, drawn_at: None }
    }

    /// Whether those who joined before the opening have numbers.
    pub fn has_numbers(&self) -> bool {
        self.settled == Some(Opening::Draw)
    }

    /// What decides the draw, as soon as all of it is known.
    pub fn lots(&self) -> Option<Lots> {
        Some(Lots { numbers: self.numbers?, secret: self.secret, beacon: self.beacon.clone()? })
    }

    /// Whether it has come farther than another in something, and in nothing less far: not all of its steps are in the
    /// log.
    pub fn is_ahead_of(&self, other: &Self) -> bool {
        self.knows_more_than(other) && !other.knows_more_than(self)
    }

    /// Whether something is settled here that is not there.
    pub fn knows_more_than(&self, other: &Self) -> bool {
        let settled = |draw: &Self| {
            let (source, beacon) = (draw.source.is_some(), draw.beacon.is_some());
            let times = (draw.closed_at.is_some(), draw.drawn_at.is_some());
            [draw.settled.is_some(), source, draw.numbers.is_some(), times.0, beacon, times.1]
        };
        settled(self).into_iter().zip(settled(other)).any(|(here, there)| here && !there)
    }

    /// Whether there are numbers that have no places yet.
    pub fn is_pending(&self) -> bool {
        self.has_numbers() && self.drawn_at.is_none()
    }
}

/// All that decides a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lots {
    /// The numbers 1 to this one take part.
    pub numbers: u64,
    /// The secret behind the commitment.
    pub secret: DrawSecret,
    /// The public value; empty where no source was named.
    pub beacon: String,
}

/// Some places of a draw, to be dealt to those who stand at its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Of the queue that draws.
    pub epoch: Epoch,
    /// What the places follow from: a store that was set back may have decided another draw.
    pub lots: Lots,
    /// The number that gets the first of the places.
    pub first: u64,
    /// The places, in the order of the numbers.
    pub places: Vec<Sequence>,
}

/// The outcome of a draw: the place of each number, and the number of each place.
///
/// Memory: eight bytes a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    places: Vec<u32>,
    numbers: Vec<u32>,
}

impl Lots {
    /// The outcome. It takes about a second for a million numbers.
    ///
    /// # Panics
    /// With more than 2^32 numbers, which no line has.
    #[expect(clippy::expect_used, reason = "a line of four thousand million people would not fit any store")]
    pub fn draw(&self) -> Drawn {
        let count = u32::try_from(self.numbers).expect("a line has fewer than 2^32 places");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret.0);
        let decisive = [&self.numbers.to_be_bytes()[..], self.beacon.as_bytes()].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, &decisive).as_ref());
        let mut lots: Vec<(u128, u32)> = (1..=count).map(|number| (lot(&key, number), number)).collect();
        lots.sort_unstable();
        let numbers: Vec<u32> = lots.into_iter().map(|(_, number)| number).collect();
        let mut places = vec![0; numbers.len()];
        for (place, number) in (1..).zip(&numbers) {
            places[*number as usize - 1] = place;
        }
        Drawn { places, numbers }
    }
}

fn lot(key: &hmac::Key, number: u32) -> u128 {
    let lot = hmac::sign(key, &u64::from(number).to_be_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&lot.as_ref()[..16]);
    u128::from_be_bytes(first)
}

impl Drawn {
    /// How many numbers took part.
    pub fn len(&self) -> u64 {
        self.places.len() as u64
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The place of a number, from 1 on; `None` for one that did not take part.
    pub fn place_of(&self, number: u64) -> Option<u64> {
        at(&self.places, number)
    }

    /// The number that drew a place.
    pub fn number_at(&self, place: u64) -> Option<u64> {
        at(&self.numbers, place)
    }

    /// The place of each number, from number 1 on.
    pub fn places(&self) -> impl Iterator<Item = i64> + '_ {
        self.places.iter().map(|place| i64::from(*place))
    }

    /// The place in the line of somebody who stands at a number, or the same place for everybody else.
    pub fn place_in_line(&self, seq: Sequence) -> Sequence {
        let place = seq.number().and_then(|number| self.place_of(number));
        place.and_then(|place| i64::try_from(place).ok()).map_or(seq, Sequence)
    }

    /// The number of whoever stands at a place in the line.
    pub fn number_of(&self, seq: Sequence) -> Option<u64> {
        seq.number().or_else(|| u64::try_from(seq.0).ok().and_then(|place| self.number_at(place)))
    }
}

fn at(values: &[u32], ordinal: u64) -> Option<u64> {
    let index = usize::try_from(ordinal.checked_sub(1)?).ok()?;
    values.get(index).copied().map(u64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lots(numbers: u64, secret: u8, beacon: &str) -> Lots {
        Lots { numbers, secret: DrawSecret([secret; 32]), beacon: beacon.to_owned() }
    }

    /// Computed once by ten lines of Python, with its own `hmac` and `hashlib`.
    #[test]
    fn the_draw_is_the_documented_one() {
        let drawn = lots(8, 7, "drand 4242").draw();
        let places: Vec<_> = (1..=8).map(|number| drawn.place_of(number).unwrap()).collect();
        assert_eq!(places, [4, 8, 5, 7, 2, 1, 6, 3]);
        assert_eq!(
            hex::encode(DrawSecret([7; 32]).commitment()),
            "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0"
        );
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = DrawSecret([0xab; 32]);
        assert!(!format!("{secret:?}").contains("abab"), "{secret:?}");
        assert_eq!(DrawSecret::from_hex(&secret.to_hex()), Some(secret));
        assert_eq!(DrawSecret::from_hex("abab"), None);
    }

    #[test]
    fn places_that_were_not_drawn_stay_as_they_are() {
        let drawn = lots(3, 1, "").draw();
        assert_eq!(drawn.place_in_line(Sequence(2)), Sequence(2));
        assert_eq!(drawn.place_in_line(Sequence(-7)), Sequence(-7));
        assert_eq!(drawn.place_in_line(Sequence::of_number(4)), Sequence::of_number(4), "it did not take part");
        assert_eq!(drawn.number_of(Sequence(4)), None);
    }

    proptest! {
        #[test]
        fn every_number_has_one_place_and_back(numbers in 0..400_u64, secret: u8, beacon in ".{0,20}") {
            let drawn = lots(numbers, secret, &beacon).draw();
            prop_assert_eq!(drawn.len(), numbers);
            for number in 1..=numbers {
                let place = drawn.place_of(number).unwrap();
                prop_assert!((1..=numbers).contains(&place));
                prop_assert_eq!(drawn.number_at(place), Some(number));
                let seq = drawn.place_in_line(Sequence::of_number(number));
                prop_assert_eq!(drawn.number_of(seq), Some(number));
            }
            prop_assert_eq!((drawn.place_of(0), drawn.place_of(numbers + 1)), (None, None));
        }

        #[test]
        fn another_secret_beacon_or_count_is_another_draw(secret in 0..250_u8, beacon in "[a-z]{1,8}") {
            let drawn = lots(60, secret, &beacon).draw();
            prop_assert_ne!(&drawn, &lots(60, secret + 1, &beacon).draw());
            prop_assert_ne!(&drawn, &lots(60, secret, "").draw());
            let one_more = lots(61, secret, &beacon).draw();
            let in_order = |drawn: &Drawn| (1..=drawn.len()).filter_map(|place| drawn.number_at(place)).collect::<Vec<_>>();
            let without: Vec<u64> = in_order(&one_more).into_iter().filter(|number| *number != 61).collect();
            prop_assert_ne!(in_order(&drawn), without, "whoever comes last changes every place");
        }
    }

    /// Coming early gains nothing: the first tenth of the numbers is spread over all tenths of the places.
    #[test]
    fn early_numbers_are_spread_over_the_whole_line() {
        let drawn = lots(100_000, 3, "beacon").draw();
        let mut tenths = [0_u32; 10];
        for number in 1..=10_000 {
            let place = drawn.place_of(number).unwrap();
            tenths[usize::try_from((place - 1) / 10_000).unwrap()] += 1;
        }
        // Each is hypergeometric with a mean of 1,000 and a deviation of 28.5; six of them are met once in ten million
        // draws.
        assert!(tenths.iter().all(|count| (829..=1_171).contains(count)), "{tenths:?}");
    }
}
