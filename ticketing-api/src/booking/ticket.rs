//! Tickets: what a payment was for.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{payment::PaymentId, seat::SeatNumber};

contract::typed_id! {
    /// A ticket.
    TicketId;
}

impl TicketId {
    /// The id of the ticket for a seat that a payment bought (`UUIDv8`: a hash of both).
    ///
    /// It follows from what the payment carries, so a payment that is carried out again gives the same tickets.
    pub fn of(payment: PaymentId, seat: SeatNumber) -> Self {
        let digest = Sha256::new().chain_update(payment.0.as_bytes()).chain_update(seat.0.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// The right to one seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Its seat.
    pub seat: SeatNumber,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_ticket_follows_from_its_payment_and_seat() {
        let payment = PaymentId(Uuid::from_u128(7));
        let id = TicketId::of(payment, SeatNumber(1));
        assert_eq!(id, TicketId::of(payment, SeatNumber(1)));
        assert_ne!(id, TicketId::of(payment, SeatNumber(2)));
        assert_ne!(id, TicketId::of(PaymentId(Uuid::from_u128(8)), SeatNumber(1)));
        assert_eq!(id.0.get_version_num(), 8);
    }
}
