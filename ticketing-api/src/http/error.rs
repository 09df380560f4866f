//! The one place where refusals and failures become problem documents. The codes are stable: clients branch on them.

use std::time::Duration;

use axum::http::StatusCode;
use rand::Rng as _;
use service::problem::Problem;

use crate::{
    access::AccessError,
    accounts::AccountError,
    booking::{
        hold::{Hold, HoldOutcome, ReleaseOutcome},
        leaving::{GivenBack, LeaveRefusal},
        member::SignUpRule,
        money::Currency,
        payment::{Payment, PaymentOutcome},
        reservation::{Reservation, ReservationState, ReserveOutcome},
        seat::{InvalidSelection, SeatNumber},
        wallet::{ChargeOutcome, Wallet},
    },
    gateway::ActiveTokenError,
    passwords::PasswordError,
    sessions::SessionError,
    store::{Once, StoreError},
};

fn problem(status: StatusCode, code: &'static str, title: &'static str) -> Problem {
    Problem::new(status, code, title)
}

/// Try again, but not all at once.
#[expect(clippy::disallowed_methods, reason = "no test depends on which of the pauses it is")]
fn unavailable(code: &'static str, title: &'static str) -> Problem {
    let pause = Duration::from_secs(rand::rng().random_range(1..=3));
    problem(StatusCode::SERVICE_UNAVAILABLE, code, title).retry_after(pause)
}

fn unauthorized(code: &'static str, title: &'static str) -> Problem {
    problem(StatusCode::UNAUTHORIZED, code, title)
}

fn forbidden(code: &'static str, title: &'static str) -> Problem {
    problem(StatusCode::FORBIDDEN, code, title)
}

fn not_found(code: &'static str, title: &'static str) -> Problem {
    problem(StatusCode::NOT_FOUND, code, title)
}

fn conflict(code: &'static str, title: &'static str) -> Problem {
    problem(StatusCode::CONFLICT, code, title)
}

fn gone(code: &'static str, title: &'static str) -> Problem {
    problem(StatusCode::GONE, code, title)
}

fn rule(code: &'static str, title: &'static str) -> Problem {
    problem(StatusCode::UNPROCESSABLE_ENTITY, code, title)
}

fn with_seats(problem: Problem, seats: &[SeatNumber]) -> Problem {
    problem.member("seats", seats.iter().map(|seat| seat.0).collect::<Vec<_>>())
}

/// Outages are logged once by the job that watches the database; a line for each request would only bury it.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => {
                tracing::debug!(%error, "a request failed because the database is unavailable");
                unavailable("database_unavailable", "The ticket office cannot reach its books at the moment")
            }
            StoreError::Unknown(_) => {
                tracing::warn!(%error, "a request's outcome is unknown");
                unavailable("outcome_unknown", "The connection to the database was lost at the last moment")
                    .detail("repeat the call with the same Idempotency-Key to learn what became of it")
            }
            StoreError::Corrupt(_) => {
                tracing::error!(%error, "a request met unreadable data");
                Self::internal()
            }
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Token(ActiveTokenError::Invalid(reason)) => {
                unauthorized("active_token_invalid", "The active token is not valid").detail(reason.to_string())
            }
            AccessError::Token(ActiveTokenError::Expired) => {
                gone("active_token_expired", "The active token has expired")
            }
            // The outage was logged where it was met, once.
            AccessError::Token(ActiveTokenError::KeysUnavailable) | AccessError::Gateway(_) => gateway_unavailable(),
            AccessError::Consumed => active_token_consumed(),
            AccessError::Left => active_token_left(),
            AccessError::HeldByAnother => held_by_another(),
            AccessError::NotLoggedIn => session_required(),
            AccessError::Gone => {
                gone("active_token_gone", "The turn has passed: the active token was not used in time")
                    .member("reason", "not_used_in_time")
            }
            AccessError::Store(error) => error.into(),
        }
    }
}

fn gateway_unavailable() -> Problem {
    unavailable("gateway_unavailable", "The waiting room cannot be asked about the active token at the moment")
}

fn active_token_consumed() -> Problem {
    gone("active_token_consumed", "The active token has been used for a payment")
}

fn held_by_another() -> Problem {
    forbidden("active_token_held_by_another", "The active token belongs to another member")
}

fn active_token_left() -> Problem {
    gone("active_token_gone", "The turn was given back").member("reason", "left")
}

fn wrong_queue() -> Problem {
    forbidden("active_token_wrong_queue", "The active token is for another queue than this concert's")
}

/// The call needs an active token.
pub(super) fn active_token_required() -> Problem {
    unauthorized("active_token_required", "This call needs an active token from the waiting room")
        .detail("send it in the Active-Token header")
}

/// No member has claimed this token here.
pub(super) fn active_token_not_claimed() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "active_token_not_claimed", "No member has claimed this token")
        .detail("the gateway revokes it")
}

/// The call needs a member.
pub(super) fn session_required() -> Problem {
    unauthorized("session_required", "This call needs a member who is logged in")
        .detail("send the access token as Authorization: Bearer")
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Invalid => unauthorized("session_invalid", "The access token is not valid"),
            SessionError::Expired => unauthorized("session_expired", "The session has expired: log in again"),
        }
    }
}

/// The call is for administrators.
pub(super) fn admin_required() -> Problem {
    forbidden("admin_required", "This call is for administrators")
}

/// Email or password were wrong; which one is not told.
pub(super) fn invalid_credentials() -> Problem {
    unauthorized("invalid_credentials", "Email and password do not belong together")
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => error.into(),
            AccountError::Password(PasswordError::Busy) => {
                unavailable("too_many_log_ins", "Too many are logging in or signing up at the moment")
            }
            AccountError::Password(PasswordError::Failed(error)) => {
                tracing::error!(error, "password hashing failed");
                Self::internal()
            }
        }
    }
}

/// The sign-up breaks rules.
pub(super) fn sign_up_refused(broken: &[SignUpRule]) -> Problem {
    rules_broken("invalid_sign_up", "The sign-up breaks a rule", broken)
}

/// What was sent breaks these rules.
pub(super) fn rules_broken(code: &'static str, title: &'static str, broken: &[impl ToString]) -> Problem {
    let sentences: Vec<String> = broken.iter().map(ToString::to_string).collect();
    rule(code, title).detail(sentences.join("; ")).member("rules", sentences)
}

/// Another member has the email.
pub(super) fn email_taken() -> Problem {
    conflict("email_taken", "Another member has this email")
}

/// Another member has the nickname.
pub(super) fn nickname_taken() -> Problem {
    conflict("nickname_taken", "Another member has this nickname")
}

/// No such member any more: their session outlived them.
pub(super) fn member_not_found() -> Problem {
    not_found("member_not_found", "There is no such member")
}

/// No such concert.
pub(super) fn concert_not_found() -> Problem {
    not_found("concert_not_found", "There is no such concert")
}

/// No such performance.
pub(super) fn performance_not_found() -> Problem {
    not_found("performance_not_found", "There is no such performance")
}

/// No such reservation.
pub(super) fn reservation_not_found() -> Problem {
    not_found("reservation_not_found", "There is no such reservation")
}

/// Somebody else's reservation.
pub(super) fn reservation_of_another() -> Problem {
    forbidden("not_your_reservation", "The reservation belongs to another member")
}

/// The seats are no selection.
pub(super) fn selection_refused(error: InvalidSelection) -> Problem {
    let code = match error {
        InvalidSelection::Empty => "no_seats",
        InvalidSelection::Repeated(_) => "duplicate_seats",
    };
    rule(code, "The seats cannot be held like this").detail(error.to_string())
}

/// The query asks for a page that cannot be.
pub(super) fn invalid_page(detail: &'static str) -> Problem {
    problem(StatusCode::BAD_REQUEST, "invalid_query", "The query cannot be read").detail(detail)
}

/// The call must carry a key.
pub(super) fn key_required() -> Problem {
    problem(StatusCode::BAD_REQUEST, "idempotency_key_required", "This call needs an Idempotency-Key header")
        .detail("send a fresh random key, and the same one when the call is repeated")
}

/// The key is not one.
pub(super) fn key_invalid() -> Problem {
    problem(StatusCode::BAD_REQUEST, "idempotency_key_invalid", "The Idempotency-Key cannot be used")
        .detail("send one key, of 1 to 255 visible ASCII characters")
}

/// The body does not fit, as serde says it.
pub(super) fn invalid_body(detail: String) -> Problem {
    problem(StatusCode::BAD_REQUEST, "invalid_body", "The body is not what this operation takes").detail(detail)
}

/// The outcome of a call under a key, the first time and every time after.
pub(super) fn once<T>(once: Once<T>) -> Result<T, Problem> {
    match once {
        Once::Done(outcome) | Once::Replayed(outcome) => Ok(outcome),
        Once::KeyReused => Err(rule("idempotency_key_reused", "The Idempotency-Key belongs to another request")),
        Once::InProgress => Err(conflict("idempotency_in_progress", "The first call with this key has not ended yet")
            .retry_after(Duration::from_secs(1))),
    }
}

/// The request took longer than one may.
pub(super) fn took_too_long() -> Problem {
    unavailable("request_timeout", "The request could not be answered in time")
}

/// The hold, or why there is none.
pub(super) fn held(outcome: HoldOutcome) -> Result<Hold, Problem> {
    Err(match outcome {
        HoldOutcome::Held(hold) => return Ok(hold),
        HoldOutcome::SeatsTaken(seats) => with_seats(conflict("seats_taken", "Seats are held or sold already"), &seats),
        HoldOutcome::UnknownSeats(seats) => {
            with_seats(rule("unknown_seats", "The performance has no such seats"), &seats)
        }
        HoldOutcome::SeatsBlocked(seats) => with_seats(conflict("seats_blocked", "Seats are not for sale"), &seats),
        HoldOutcome::TooManySeats { limit } => {
            rule("too_many_seats", "A member cannot have so many seats of one performance").member("limit", limit)
        }
        HoldOutcome::PerformanceUnknown => performance_not_found(),
        HoldOutcome::SaleNotOpen => conflict("sale_not_open", "The sale has not opened yet"),
        HoldOutcome::SaleClosed => conflict("sale_closed", "The sale is over"),
        HoldOutcome::WrongQueue => wrong_queue(),
        HoldOutcome::TokenConsumed => active_token_consumed(),
        HoldOutcome::TokenLeft => active_token_left(),
    })
}

/// The hold that was given up, or why not.
pub(super) fn released(outcome: ReleaseOutcome) -> Result<Hold, Problem> {
    Err(match outcome {
        ReleaseOutcome::Released(hold) => return Ok(hold),
        ReleaseOutcome::HoldUnknown => hold_not_found(),
        ReleaseOutcome::NotYours => hold_of_another(),
        ReleaseOutcome::AlreadyReserved => already_reserved(),
        ReleaseOutcome::HoldExpired => hold_expired(),
    })
}

/// The reservation, or why there is none.
pub(super) fn reserved(outcome: ReserveOutcome) -> Result<Reservation, Problem> {
    Err(match outcome {
        ReserveOutcome::Reserved(reservation) => return Ok(reservation),
        ReserveOutcome::HoldUnknown => hold_not_found(),
        ReserveOutcome::NotYours => hold_of_another(),
        ReserveOutcome::HoldExpired => hold_expired(),
        ReserveOutcome::AlreadyReserved => already_reserved(),
        ReserveOutcome::WrongQueue => wrong_queue(),
        ReserveOutcome::TokenConsumed => active_token_consumed(),
        ReserveOutcome::TokenLeft => active_token_left(),
    })
}

/// What became free, or why the turn was not given back.
pub(super) fn left(outcome: Result<GivenBack, LeaveRefusal>) -> Result<GivenBack, Problem> {
    outcome.map_err(|refusal| match refusal {
        LeaveRefusal::NotLoggedIn => session_required(),
        LeaveRefusal::HeldByAnother => held_by_another(),
    })
}

/// The completed payment, or why there is none.
pub(super) fn paid(outcome: PaymentOutcome) -> Result<Payment, Problem> {
    Err(match outcome {
        PaymentOutcome::Completed(payment) => return Ok(payment),
        PaymentOutcome::Insufficient { payment, balance } => {
            problem(StatusCode::PAYMENT_REQUIRED, "insufficient_balance", "There is too little in the wallet")
                .detail(format!("the price is {}, the wallet has {balance}", payment.amount))
                .member("payment_id", payment.id.to_string())
                .member("amount", payment.amount.amount)
                .member("balance", balance.amount)
                .member("currency", balance.currency.as_str())
        }
        PaymentOutcome::ReservationUnknown => reservation_not_found(),
        PaymentOutcome::NotYours => reservation_of_another(),
        PaymentOutcome::Expired => gone("reservation_expired", "The reservation was not paid in time"),
        PaymentOutcome::NotAwaitingPayment { state: ReservationState::Confirmed } => {
            conflict("already_paid", "The reservation has been paid")
        }
        PaymentOutcome::NotAwaitingPayment { .. } => {
            conflict("not_awaiting_payment", "The reservation is not to be paid any more")
        }
        PaymentOutcome::WrongCurrency { wallet } => wrong_currency(wallet),
        PaymentOutcome::WrongQueue => wrong_queue(),
        PaymentOutcome::TokenConsumed => active_token_consumed(),
        PaymentOutcome::TokenLeft => active_token_left(),
    })
}

/// The wallet after a charge, or why there was none.
pub(super) fn charged(outcome: ChargeOutcome) -> Result<Wallet, Problem> {
    Err(match outcome {
        ChargeOutcome::Charged(wallet) => return Ok(wallet),
        ChargeOutcome::WalletUnknown => member_not_found(),
        ChargeOutcome::NotPositive => rule("amount_not_positive", "A charge adds more than nothing"),
        ChargeOutcome::WrongCurrency { wallet } => wrong_currency(wallet),
        ChargeOutcome::LimitExceeded { limit } => {
            rule("wallet_full", "The wallet would hold more than it may").member("limit", limit)
        }
    })
}

/// The charge is larger than one may be.
pub(super) fn charge_too_large(limit: i64) -> Problem {
    rule("charge_too_large", "A single charge cannot add so much").member("limit", limit)
}

fn wrong_currency(wallet: Currency) -> Problem {
    rule("wrong_currency", "The wallet is in another currency").member("wallet_currency", wallet.as_str())
}

fn hold_not_found() -> Problem {
    not_found("hold_not_found", "There is no such hold")
}

fn hold_of_another() -> Problem {
    forbidden("not_your_hold", "The hold belongs to another member")
}

fn hold_expired() -> Problem {
    gone("hold_expired", "The hold has ended: its seats are free again")
}

fn already_reserved() -> Problem {
    conflict("already_reserved", "The hold has become a reservation")
}
