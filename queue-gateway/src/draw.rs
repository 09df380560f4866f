//! What is told of draws, and how anybody checks them. The draw itself is in [`crate::line`].

mod published;
mod receipt;
mod verify;

pub use self::{
    published::{CheckedDraw, Collected, Forged, Outcome, PublishedDraw, write_departed},
    receipt::{AUDIENCE, ReceiptClaims, ReceiptSigner, ReceiptVerifier},
    verify::{VerifyDraw, VerifyDrawError},
};
