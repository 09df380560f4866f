//! Password hashing: argon2id, off the async threads, and bounded in what runs and what waits.
//!
//! One hash costs some 20 ms of a core and 19 MiB. Unbounded, a crowd that logs in would take every core from those
//! who pay, and all memory: beyond the bound callers are told to come back.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use prometheus::IntGauge;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::settings::{Faults, Validate};
use tokio::sync::Semaphore;

use crate::metrics::PasswordMetrics;

/// How much hashing may go on.
#[derive(Clone, Debug, Deserialize)]
pub struct PasswordSettings {
    /// Hashes computed at once; each takes one core and 19 MiB.
    pub concurrent: usize,
    /// Log-ins and sign-ups that may wait for one of those; more are answered 503 with `Retry-After`.
    pub waiting: usize,
}

impl Validate for PasswordSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("concurrent", self.concurrent, 1..=1024);
        at.within_range("waiting", self.waiting, 0..=100_000);
    }
}

/// Why no hash was computed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// As many wait already as may.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The hash function or its thread failed.
    #[error("password hashing failed: {0}")]
    Failed(String),
}

/// Computes and compares password hashes.
#[derive(Debug)]
pub struct Passwords {
    admitted: Semaphore,
    running: Semaphore,
    /// A hash that no password of ours has.
    decoy: Arc<str>,
    metrics: PasswordMetrics,
}

impl Passwords {
    /// Computes one hash (of the decoy) at once, so that a broken hash function stops the start.
    pub fn new(settings: &PasswordSettings, metrics: PasswordMetrics) -> Result<Self, PasswordError> {
        Ok(Self {
            admitted: Semaphore::new(settings.concurrent + settings.waiting),
            running: Semaphore::new(settings.concurrent),
            decoy: hash_now(b"the password of nobody")?.into(),
            metrics,
        })
    }

    /// The hash of a new password, with a fresh salt, in PHC format.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.bounded(move || hash_now(password.expose_secret().as_bytes())).await
    }

    /// Whether the password fits the hash. Without a hash (nobody has this email) it takes the same time and never
    /// fits, so that answering times do not tell which emails have members.
    pub async fn verify(&self, password: SecretString, hash: Option<&str>) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| Arc::clone(&self.decoy), Arc::from);
        let fits = self
            .bounded(move || {
                let hash = PasswordHash::new(&hash).map_err(|error| PasswordError::Failed(error.to_string()))?;
                Ok(Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(fits && known)
    }

    async fn bounded<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<R, PasswordError> + Send + 'static,
    ) -> Result<R, PasswordError> {
        let Ok(_admitted) = self.admitted.try_acquire() else {
            self.metrics.refused.inc();
            return Err(PasswordError::Busy);
        };
        let _in_hand = InHand::new(&self.metrics.in_hand);
        // It fails only when the semaphore is closed, which nobody does.
        let _running = self.running.acquire().await.map_err(|_| PasswordError::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|error| PasswordError::Failed(error.to_string()))?
    }
}

/// Counts one in hand until it is dropped, also by a caller who went away.
struct InHand<'a>(&'a IntGauge);

impl<'a> InHand<'a> {
    fn new(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn hash_now(password: &[u8]) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        Argon2::default().hash_password(password).map_err(|error| PasswordError::Failed(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;
    use crate::metrics::Metrics;

    fn passwords(concurrent: usize, waiting: usize) -> Passwords {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        Passwords::new(&PasswordSettings { concurrent, waiting }, metrics.passwords).unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = passwords(2, 2);
        let hash = passwords.hash("right1!a".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("right1!a".into(), Some(&hash)).await.unwrap());
        assert!(!passwords.verify("wrong1!a".into(), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_the_decoys_password() {
        assert!(!passwords(1, 1).verify("the password of nobody".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn who_comes_when_all_waiting_places_are_taken_is_sent_away_at_once() {
        let passwords = passwords(1, 0);
        let _the_only_place = passwords.admitted.acquire().await.unwrap();
        assert!(matches!(passwords.hash("right1!a".into()).await, Err(PasswordError::Busy)));
    }
}
