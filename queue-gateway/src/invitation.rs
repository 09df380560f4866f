//! Invitations: whoever brings one gets a place in the priority lane, once.
//!
//! The gateway signs them for operators, who send them to whom they like, and reads them alone. Which were used is the
//! store's to know.

use contract::{
    ids::QueueName,
    tokens::{KeyedClaims, KeyedSigner, TokenError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::line::{Invitation, InvitationId};

/// Signs and reads invitations; the instances of a gateway share the secret.
pub type InvitationSigner = KeyedSigner<InvitationClaims>;

/// What an invitation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationClaims {
    /// The queue that it is for.
    pub queue: QueueName,
    /// By this stores remember whether it was used.
    #[serde(rename = "jti")]
    pub id: Uuid,
    /// From then on it gives no place.
    #[serde(rename = "exp", with = "jiff::fmt::serde::timestamp::second::required")]
    pub expires_at: Timestamp,
}

impl KeyedClaims for InvitationClaims {
    const KIND: &'static str = "invitation+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// The invitation that a text is for this queue.
///
/// # Errors
/// `WrongAudience` for one to another queue, else as [`KeyedSigner::verify`].
pub fn read(
    signer: &InvitationSigner,
    text: &str,
    queue: &QueueName,
    now: Timestamp,
) -> Result<Invitation, TokenError> {
    let InvitationClaims { queue: invited_to, id, expires_at } = signer.verify(text, now)?;
    if invited_to != *queue {
        return Err(TokenError::WrongAudience);
    }
    Ok(Invitation { id: InvitationId(id), expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_invitation_is_for_one_queue_until_it_expires() {
        let signer = InvitationSigner::new(&"a secret of at least thirty-two bytes".into());
        let (demo, other): (QueueName, QueueName) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let (id, expires_at) = (Uuid::from_u128(7), second(1_800_000_000));
        let text = signer.mint(&InvitationClaims { queue: demo.clone(), id, expires_at });
        let invitation = Invitation { id: InvitationId(id), expires_at };
        assert_eq!(read(&signer, &text, &demo, second(1_799_999_999)), Ok(invitation));
        assert_eq!(read(&signer, &text, &demo, expires_at), Err(TokenError::Expired));
        assert_eq!(read(&signer, &text, &other, second(0)), Err(TokenError::WrongAudience));
        let forger = InvitationSigner::new(&"another secret, also of thirty-two bytes".into());
        assert_eq!(read(&forger, &text, &demo, second(0)), Err(TokenError::BadSignature));
    }
}
