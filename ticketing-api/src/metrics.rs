//! Every metric of this service, with its help text and its unit.

mod jobs;

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector};
use service::remote_keys::KeyFetches;

pub use self::jobs::JobMetrics;

/// All metrics. Clones share their values.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Requests at the edge.
    pub http: HttpMetrics,
    /// Holds, reservations and payments.
    pub sales: SalesMetrics,
    /// Password hashing.
    pub passwords: PasswordMetrics,
    /// Calls to the gateway.
    pub gateway: GatewayMetrics,
    /// Background work.
    pub jobs: JobMetrics,
}

/// A metric's name is taken, or not a name: a defect of this file.
pub type MetricsError = prometheus::Error;

impl Metrics {
    /// Registers all metrics.
    pub fn register(registry: &Registry) -> Result<Self, MetricsError> {
        let register = Registering(registry);
        Ok(Self {
            http: HttpMetrics::new(&register)?,
            sales: SalesMetrics::new(&register)?,
            passwords: PasswordMetrics::new(&register)?,
            gateway: GatewayMetrics::new(&register)?,
            jobs: JobMetrics::new(&register)?,
        })
    }
}

/// Makes metrics and registers them.
struct Registering<'a>(&'a Registry);

impl Registering<'_> {
    fn add<C: Collector + Clone + 'static>(&self, metric: Result<C, MetricsError>) -> Result<C, MetricsError> {
        let metric = metric?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, MetricsError> {
        self.add(IntCounter::new(name, help))
    }

    /// Counters by the values of one label. All values are there from the start: a rate that begins with the first
    /// failure cannot show it.
    fn counters(&self, name: &str, help: &str, label: &str, values: &[&str]) -> Result<IntCounterVec, MetricsError> {
        let counters = self.add(IntCounterVec::new(Opts::new(name, help), &[label]))?;
        for value in values {
            counters.get_metric_with_label_values(&[value])?;
        }
        Ok(counters)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, MetricsError> {
        self.add(IntGauge::new(name, help))
    }
}

/// Requests by route, and how long they took.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// Requests turned away because their address asked too often.
    pub rate_limited: RateLimitedMetrics,
}

/// Refusals by what was asked for.
#[derive(Clone, Debug)]
pub struct RateLimitedMetrics {
    /// Sign-ups.
    pub sign_up: IntCounter,
    /// Log-ins.
    pub log_in: IntCounter,
    /// Reports that a visitor has come.
    pub arrival: IntCounter,
    /// Join tokens.
    pub join_token: IntCounter,
}

impl HttpMetrics {
    fn new(register: &Registering<'_>) -> Result<Self, MetricsError> {
        let seconds =
            HistogramOpts::new("ticketing_http_request_duration_seconds", "From a request's head to its reply's.")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let rate_limited = register.counters(
            "ticketing_rate_limited_total",
            "Requests refused because of their address, by call.",
            "call",
            &["sign_up", "log_in", "arrival", "join_token"],
        )?;
        Ok(Self {
            requests: register.add(IntCounterVec::new(
                Opts::new("ticketing_http_requests_total", "Requests answered, by route pattern."),
                &["method", "route", "status"],
            ))?,
            seconds: register.add(HistogramVec::new(seconds, &["method", "route"]))?,
            rate_limited: RateLimitedMetrics {
                sign_up: rate_limited.with_label_values(&["sign_up"]),
                log_in: rate_limited.with_label_values(&["log_in"]),
                arrival: rate_limited.with_label_values(&["arrival"]),
                join_token: rate_limited.with_label_values(&["join_token"]),
            },
        })
    }

    /// Counts an answered request. The route is the pattern, never the address: labels must stay few.
    pub fn answered(&self, method: &str, route: &str, status: &str, took: Duration) {
        self.requests.with_label_values(&[method, route, status]).inc();
        self.seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }
}

/// Outcomes of a call that was not decided anew.
const REPEATED_OR_FAILED: [&str; 4] = ["replayed", "key_reused", "in_progress", "error"];

/// Bookings by outcome, and which layer refused taken seats.
#[derive(Clone, Debug)]
pub struct SalesMetrics {
    holds: IntCounterVec,
    reservations: IntCounterVec,
    payments: IntCounterVec,
    leavings: IntCounterVec,
    seats_taken: IntCounterVec,
    fast_store_errors: IntCounter,
    fast_store_up: IntGauge,
}

impl SalesMetrics {
    fn new(register: &Registering<'_>) -> Result<Self, MetricsError> {
        let fast_store_up = register
            .gauge("ticketing_fast_store_up", "1 while the fast store answers, 0 while holds do without it.")?;
        fast_store_up.set(1);
        Ok(Self {
            holds: register.counters(
                "ticketing_holds_total",
                "Attempts to hold seats.",
                "outcome",
                &[&["held", "seats_taken", "refused"], &REPEATED_OR_FAILED[..]].concat(),
            )?,
            reservations: register.counters(
                "ticketing_reservations_total",
                "Attempts to reserve.",
                "outcome",
                &[&["reserved", "hold_expired", "refused"], &REPEATED_OR_FAILED[..]].concat(),
            )?,
            payments: register.counters(
                "ticketing_payments_total",
                "Attempts to pay.",
                "outcome",
                &[&["completed", "insufficient", "expired", "refused"], &REPEATED_OR_FAILED[..]].concat(),
            )?,
            leavings: register.counters(
                "ticketing_leavings_total",
                "Attempts to give a turn back.",
                "outcome",
                &["left", "refused", "error"],
            )?,
            seats_taken: register.counters(
                "ticketing_seats_taken_total",
                "Holds refused for taken seats, by the layer that refused: fast_store or database.",
                "layer",
                &["fast_store", "database"],
            )?,
            fast_store_errors: register
                .counter("ticketing_fast_store_errors_total", "Calls that the fast store did not answer.")?,
            fast_store_up,
        })
    }

    /// Counts an attempt to hold.
    pub fn hold(&self, outcome: &str) {
        self.holds.with_label_values(&[outcome]).inc();
    }

    /// Counts an attempt to reserve.
    pub fn reservation(&self, outcome: &str) {
        self.reservations.with_label_values(&[outcome]).inc();
    }

    /// Counts an attempt to pay.
    pub fn payment(&self, outcome: &str) {
        self.payments.with_label_values(&[outcome]).inc();
    }

    /// Counts an attempt to give a turn back.
    pub fn leaving(&self, outcome: &str) {
        self.leavings.with_label_values(&[outcome]).inc();
    }

    /// Counts taken seats that were refused before the database was touched.
    pub fn taken_in_fast_store(&self) {
        self.seats_taken.with_label_values(&["fast_store"]).inc();
    }

    /// Counts taken seats that the database's claim refused.
    pub fn taken_in_database(&self) {
        self.seats_taken.with_label_values(&["database"]).inc();
    }

    /// The fast store answered, or did not.
    pub fn fast_store(&self, answered: bool) {
        self.fast_store_up.set(i64::from(answered));
        self.fast_store_errors.inc_by(u64::from(!answered));
    }
}

/// Password hashing: who computes or waits, and who was sent away.
#[derive(Clone, Debug)]
pub struct PasswordMetrics {
    /// Being computed or waited for.
    pub in_hand: IntGauge,
    /// Sent away because as many waited as may.
    pub refused: IntCounter,
}

impl PasswordMetrics {
    fn new(register: &Registering<'_>) -> Result<Self, MetricsError> {
        Ok(Self {
            in_hand: register.gauge("ticketing_password_hashes", "Password hashes being computed or waited for.")?,
            refused: register.counter(
                "ticketing_password_hashes_refused_total",
                "Log-ins and sign-ups sent away because as many waited as may.",
            )?,
        })
    }
}

/// Calls to the gateway.
#[derive(Clone, Debug)]
pub struct GatewayMetrics {
    claims: IntCounterVec,
    log_in_claims: IntCounterVec,
    arrivals: IntCounterVec,
    /// Fetches of the gateway's keys.
    pub key_fetches: KeyFetches,
}

impl GatewayMetrics {
    fn new(register: &Registering<'_>) -> Result<Self, MetricsError> {
        let key_fetches = register.counters(
            "ticketing_gateway_key_fetches_total",
            "Fetches of the gateway's public keys.",
            "outcome",
            &["ok", "failed"],
        )?;
        Ok(Self {
            claims: register.counters(
                "ticketing_gateway_claims_total",
                "Claims of active tokens.",
                "outcome",
                &["granted", "held_by_another", "gone", "unavailable"],
            )?,
            log_in_claims: register.counters(
                "ticketing_log_in_claims_total",
                "Active tokens sent along with a log-in, by whether they were the member's from then on.",
                "outcome",
                &["claimed", "refused", "unavailable"],
            )?,
            arrivals: register.counters(
                "ticketing_gateway_arrivals_total",
                "Signs of life reported to the gateway.",
                "outcome",
                &["counted", "gone", "unavailable"],
            )?,
            key_fetches: KeyFetches {
                succeeded: key_fetches.with_label_values(&["ok"]),
                failed: key_fetches.with_label_values(&["failed"]),
            },
        })
    }

    /// Counts a claim.
    pub fn claim(&self, outcome: &str) {
        self.claims.with_label_values(&[outcome]).inc();
    }

    /// Counts an active token that came with a log-in.
    pub fn log_in_claim(&self, outcome: &str) {
        self.log_in_claims.with_label_values(&[outcome]).inc();
    }

    /// Counts a sign of life.
    pub fn arrival(&self, outcome: &str) {
        self.arrivals.with_label_values(&[outcome]).inc();
    }
}
