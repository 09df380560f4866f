//! What is told of draws, and how anybody checks them. The draw itself is in [`crate::line`].

mod published;
mod receipt;
mod verify;
mod view;

pub use self::{
    published::{CheckedDraw, Collected, Forged, Outcome, PublishedDraw},
    receipt::{AUDIENCE, ReceiptClaims, ReceiptSigner, ReceiptVerifier},
    verify::{VerifyDraw, VerifyDrawError},
    view::DrawView,
};
