//! Proof of work at a join: whoever wants very many places has to compute for each.
//!
//! A challenge is a signed token for one visitor and queue, so nothing is stored, and a solution used again gives the
//! same visitor's same place. It is solved by a number such that SHA-256 of `challenge.number` begins with so many zero
//! bits (Back, "Hashcash", 2002): 2^bits hashes on average, one to verify.

use std::{num::NonZeroU32, time::Duration};

use contract::{
    ids::{QueueName, VisitorId},
    tokens::{KeyedClaims, KeyedSigner},
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};
use service::settings::{Faults, Validate};
use sha2::{Digest, Sha256};

/// Time for an old phone to solve the hardest challenge.
const LIFETIME: Duration = Duration::from_mins(5);

/// When a queue asks for proof of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofOfWorkSettings {
    /// Leading zero bits of the hash, 8 to 26. Each bit more doubles the work; 18 take a phone about a second.
    pub bits: u32,
    /// Joins per second that this gateway takes without a proof; zero asks everybody.
    #[serde(default)]
    pub above_joins_per_second: u32,
}

impl Validate for ProofOfWorkSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("bits", self.bits, 8..=26);
    }
}

/// What a challenge says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeClaims {
    /// Whom it is for.
    #[serde(rename = "sub")]
    pub visitor: VisitorId,
    /// Which queue a solution opens.
    pub queue: QueueName,
    /// How hard it is.
    pub bits: u32,
    /// From this instant on it is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl KeyedClaims for ChallengeClaims {
    const KIND: &'static str = "challenge+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Asks for proof of work, and checks it.
#[derive(Debug)]
pub struct ProofOfWork {
    settings: ProofOfWorkSettings,
    signer: KeyedSigner<ChallengeClaims>,
    /// Joins that need none; `None` where all do.
    free: Option<DefaultDirectRateLimiter>,
}

impl ProofOfWork {
    /// Asks as the settings say. Gateways of one system share the signer's secret.
    pub fn new(settings: ProofOfWorkSettings, signer: KeyedSigner<ChallengeClaims>) -> Self {
        let free =
            NonZeroU32::new(settings.above_joins_per_second).map(|rate| RateLimiter::direct(Quota::per_second(rate)));
        Self { settings, signer, free }
    }

    /// Whether the join at hand needs a proof. Counts it where it does not.
    pub fn is_needed(&self) -> bool {
        self.free.as_ref().is_none_or(|free| free.check().is_err())
    }

    /// A challenge for a visitor, and its bits.
    pub fn challenge(&self, queue: &QueueName, visitor: VisitorId, now: Timestamp) -> (String, u32) {
        let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let bits = self.settings.bits;
        (self.signer.mint(&ChallengeClaims { visitor, queue: queue.clone(), bits, expires_at }), bits)
    }

    /// Whose challenge for this queue `proof`, written `challenge.number`, solves.
    pub fn solved_by(&self, proof: &str, queue: &QueueName, now: Timestamp) -> Option<VisitorId> {
        let (challenge, number) = proof.rsplit_once('.')?;
        // Short, so that nobody has us hash long texts.
        if number.is_empty() || number.len() > 20 {
            return None;
        }
        let claims = self.signer.verify(challenge, now).ok()?;
        let hard_enough = claims.bits >= self.settings.bits && leading_zero_bits(&Sha256::digest(proof)) >= claims.bits;
        (claims.queue == *queue && hard_enough).then_some(claims.visitor)
    }
}

fn leading_zero_bits(hash: &[u8]) -> u32 {
    let whole = hash.iter().take_while(|byte| **byte == 0).count();
    u32::try_from(whole).unwrap_or(0) * 8 + hash.get(whole).map_or(0, |byte| byte.leading_zeros())
}

#[cfg(test)]
mod tests {
    use contract::clock::{Clock, ManualClock};

    use super::*;

    fn asking(above_joins_per_second: u32) -> ProofOfWork {
        let settings = ProofOfWorkSettings { bits: 8, above_joins_per_second };
        ProofOfWork::new(settings, KeyedSigner::new(&"0123456789abcdef0123456789abcdef".into()))
    }

    fn solve(challenge: &str, bits: u32) -> String {
        let proofs = (0_u64..).map(|number| format!("{challenge}.{number}"));
        proofs.into_iter().find(|proof| leading_zero_bits(&Sha256::digest(proof)) >= bits).unwrap()
    }

    #[test]
    fn a_solution_is_the_visitors_for_whom_the_challenge_was_made() {
        let (clock, work, queue) = (ManualClock::at_second(1_800_000_000), asking(0), "demo".parse().unwrap());
        let visitor = VisitorId::generate(&clock);
        let (challenge, bits) = work.challenge(&queue, visitor, clock.now());
        let proof = solve(&challenge, bits);
        assert_eq!(work.solved_by(&proof, &queue, clock.now()), Some(visitor));
        assert_eq!(work.solved_by(&proof, &"other".parse().unwrap(), clock.now()), None);
        clock.advance(LIFETIME);
        assert_eq!(work.solved_by(&proof, &queue, clock.now()), None);
    }

    #[test]
    fn what_solves_nothing_is_refused() {
        let (clock, work, queue) = (ManualClock::at_second(1_800_000_000), asking(0), "demo".parse().unwrap());
        let (challenge, bits) = work.challenge(&queue, VisitorId::generate(&clock), clock.now());
        let wrong = (0_u64..).map(|number| format!("{challenge}.{number}"));
        let wrong = wrong.into_iter().find(|proof| leading_zero_bits(&Sha256::digest(proof)) < bits).unwrap();
        for proof in [
            wrong,
            challenge.clone(),
            format!("{challenge}."),
            String::new(),
            format!("{challenge}.{}", "1".repeat(99)),
        ] {
            assert_eq!(work.solved_by(&proof, &queue, clock.now()), None, "{proof}");
        }
        let easier = ProofOfWork::new(
            ProofOfWorkSettings { bits: 9, above_joins_per_second: 0 },
            KeyedSigner::new(&"0123456789abcdef0123456789abcdef".into()),
        );
        assert_eq!(easier.solved_by(&solve(&challenge, bits), &queue, clock.now()), None, "a challenge of easier days");
    }

    #[test]
    fn a_proof_is_needed_above_the_rate_alone() {
        let work = asking(5);
        assert_eq!((0..7).map(|_| work.is_needed()).filter(|needed| *needed).count(), 2);
        assert!(asking(0).is_needed());
    }
}
