//! Join tokens: this site's word to a gateway on which of its members wants a place in a queue.

use contract::{
    clock::SharedClock,
    ids::{MemberId, QueueName},
    tokens::{JoinClaims, JoinSigner, JwkSet, KeyError},
};
use secrecy::SecretString;
use serde::Deserialize;
use service::settings::{Faults, Validate};

/// What join tokens say of where they come from and where they go.
#[derive(Clone, Debug, Deserialize)]
pub struct JoinTokenSettings {
    /// Their `iss`.
    pub issuer: String,
    /// Their `aud`.
    pub audience: String,
}

impl Validate for JoinTokenSettings {
    fn validate(&self, at: &mut Faults) {
        at.not_blank("issuer", &self.issuer);
        at.not_blank("audience", &self.audience);
    }
}

/// Signs join tokens.
#[derive(Debug)]
pub struct JoinTokens {
    signer: JoinSigner,
    clock: SharedClock,
}

impl JoinTokens {
    /// Signs with an Ed25519 private key in PKCS#8 PEM.
    pub fn new(key: &SecretString, settings: &JoinTokenSettings, clock: SharedClock) -> Result<Self, KeyError> {
        let signer = JoinSigner::from_pem(key, settings.issuer.as_str(), settings.audience.as_str())?;
        Ok(Self { signer, clock })
    }

    /// A token that gives this member a place in this queue, for two minutes.
    pub fn mint(&self, queue: QueueName, member: MemberId) -> String {
        self.signer.mint(&JoinClaims::new(queue, member, self.clock.now()))
    }

    /// The public key, for the gateways.
    pub fn jwks(&self) -> JwkSet {
        self.signer.jwks()
    }
}
