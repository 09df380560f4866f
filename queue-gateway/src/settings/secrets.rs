//! The secrets of a gateway.

use contract::tokens::{self, ActiveSigner};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::settings::{Faults, Validate};

/// The one before and the one to come, and some for those who change often.
const MOST_FURTHER_KEYS: usize = 4;

/// What must never be seen. Gateways of one system share them all. None has a default; one that is left out is empty
/// until the check, so that all that are missing are named together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// Signs waiting tokens.
    pub waiting_secret: SecretString,
    /// Taken, too, where a waiting secret is changed.
    pub further_waiting_secrets: Vec<SecretString>,
    /// Signs active tokens: an Ed25519 private key in PKCS#8 PEM.
    pub active_key: SecretString,
    /// Published and taken, too, where the key is changed.
    pub further_active_keys: Vec<SecretString>,
    /// Of the services that claim and release.
    pub service_key: SecretString,
    /// Of operators.
    pub operator_key: SecretString,
}

impl Secrets {
    /// All of them, to see whether any has changed.
    pub(super) fn exposed(&self) -> Vec<&str> {
        let single = [&self.waiting_secret, &self.active_key, &self.service_key, &self.operator_key];
        let lists = self.further_waiting_secrets.iter().chain(&self.further_active_keys);
        single.into_iter().chain(lists).map(ExposeSecret::expose_secret).collect()
    }
}

impl Validate for Secrets {
    fn validate(&self, at: &mut Faults) {
        for (key, secret) in [
            ("waiting_secret", &self.waiting_secret),
            ("service_key", &self.service_key),
            ("operator_key", &self.operator_key),
        ] {
            let long = secret.expose_secret().len() >= tokens::MIN_SECRET_BYTES;
            at.require(key, long, "must have at least 32 characters, drawn at random: openssl rand -hex 32");
        }
        let long = |secret: &SecretString| secret.expose_secret().len() >= tokens::MIN_SECRET_BYTES;
        let all_long = self.further_waiting_secrets.iter().all(long);
        at.require("further_waiting_secrets", all_long, "must have at least 32 characters each");
        for (key, count) in [
            ("further_waiting_secrets", self.further_waiting_secrets.len()),
            ("further_active_keys", self.further_active_keys.len()),
        ] {
            // Whoever brings a forged token has us try them all.
            at.within_range(key, count, 0..=MOST_FURTHER_KEYS);
        }
        let service = self.service_key.expose_secret();
        let two = service.is_empty() || service != self.operator_key.expose_secret();
        at.require("operator_key", two, "must not be the service_key: services are no operators");
        for (key, pem) in std::iter::once(("active_key", &self.active_key))
            .chain(self.further_active_keys.iter().map(|pem| ("further_active_keys", pem)))
        {
            if let Err(error) = ActiveSigner::from_pem(pem, "", "") {
                at.add(key, format!("{error}: openssl genpkey -algorithm ed25519"));
            }
        }
    }
}
