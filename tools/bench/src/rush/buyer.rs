//! A member with an account, a session and money.

use anyhow::{Context, bail};
use http::StatusCode;
use serde_json::json;

use super::sale::expect;
use crate::client::{Call, Service};

/// Who buys.
#[derive(Clone, Debug)]
pub(super) struct Buyer {
    /// Their bearer token.
    pub(super) session: String,
}

impl Buyer {
    /// Signs a member up, logs them in and charges their wallet with `money` minor units. Each comes from an address of
    /// their own: the limits of one address are not what a rush measures.
    pub(super) async fn sign_up(ticketing: &Service, run: &str, number: usize, money: i64) -> anyhow::Result<Self> {
        let address = format!("10.{}.{}.{}", (number >> 16) & 255, (number >> 8) & 255, number & 255);
        let from = |call: Call| call.from_address(&address);
        let (email, password) = (format!("{run}.{number}@rush.test"), "rush-test-1!");
        // The run's own letters and a number in base 36 keep nicknames unique within ten characters.
        let nickname = format!("{}{}", &run[..5], base36(number));

        let member = json!({"email": email, "password": password, "nickname": nickname});
        let reply = ticketing.send(&from(Call::post("/v1/members", member))).await?;
        // A conflict is our own earlier attempt, whose answer was lost.
        if !matches!(reply.status, StatusCode::CREATED | StatusCode::CONFLICT) {
            bail!("signing up was answered with {} {}", reply.status, reply.body);
        }
        let credentials = json!({"email": email, "password": password});
        let call = from(Call::post("/v1/sessions", credentials));
        let session = expect(ticketing, &call, StatusCode::CREATED).await?;
        let session = session["access_token"].as_str().context("the session has no access_token")?.to_owned();
        let call = from(Call::post("/v1/wallet/charges", json!({"amount": money}))).bearer(&session).once();
        expect(ticketing, &call, StatusCode::CREATED).await?;
        Ok(Self { session })
    }
}

fn base36(mut number: usize) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]);
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.into_iter().rev().map(char::from).collect()
}
