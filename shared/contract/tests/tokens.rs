//! What a token must withstand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "tokens/active.rs"]
mod active;
#[path = "tokens/join.rs"]
mod join;
#[path = "tokens/keyed.rs"]
mod keyed;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;

/// Any instant that a token may carry.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A token with the given parts.
fn assemble(header: &str, payload: &str, signature: &[u8]) -> String {
    [header.as_bytes(), payload.as_bytes(), signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

/// The decoded payload of a token.
fn payload_of(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The token with one character replaced by another one of its alphabet.
fn altered(token: &str, at: usize, shift: u8) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = token.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = match ALPHABET.iter().position(|c| *c == bytes[at]) {
        Some(index) => ALPHABET[(index + 1 + usize::from(shift % 63)) % 64],
        None => b'A',
    };
    String::from_utf8(bytes).unwrap()
}
