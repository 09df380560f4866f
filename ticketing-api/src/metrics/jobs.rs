//! Metrics of background work.

use std::time::Duration;

use prometheus::{GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use super::{MetricsError, Registering};
use crate::store::Connections;

/// Background work: whether it goes on, and what it did.
#[derive(Clone, Debug)]
pub struct JobMetrics {
    last_success: GaugeVec,
    failures: IntCounterVec,
    swept: IntCounterVec,
    sweep_lag: Histogram,
    deliveries: IntCounterVec,
    repeated_claims: IntCounterVec,
    /// Messages that the last look into the outbox found due.
    pub outbox_due: IntGauge,
    /// Rows of ended traffic that were dropped.
    pub forgotten: IntCounter,
    /// 1 while the database answers.
    pub database_up: IntGauge,
    connections: IntGaugeVec,
}

impl JobMetrics {
    pub(super) fn new(register: &Registering<'_>) -> Result<Self, MetricsError> {
        let lag =
            HistogramOpts::new("ticketing_sweep_lag_seconds", "From a hold's or reservation's deadline to its sweep.")
                .buckets(vec![0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0]);
        let last_success =
            Opts::new("ticketing_job_last_success_timestamp_seconds", "When a job last did its work, in Unix time.");
        Ok(Self {
            // Not "job": Prometheus gives that label its own meaning.
            last_success: register.add(GaugeVec::new(last_success, &["task"]))?,
            failures: register.counters(
                "ticketing_job_failures_total",
                "Runs of a job that failed.",
                "task",
                &["expiry", "outbox", "claims", "housekeeping", "database_health"],
            )?,
            swept: register.counters(
                "ticketing_swept_total",
                "Bookings ended at their deadline.",
                "kind",
                &["hold", "reservation"],
            )?,
            sweep_lag: register.add(Histogram::with_opts(lag))?,
            deliveries: register.counters(
                "ticketing_outbox_deliveries_total",
                "Attempts to deliver an outbox message.",
                "outcome",
                &["delivered", "failed"],
            )?,
            repeated_claims: register.counters(
                "ticketing_repeated_claims_total",
                "Claims that the gateway was told again, in case that its store had forgotten them.",
                "outcome",
                &["granted", "held_by_another", "gone", "unavailable"],
            )?,
            outbox_due: register
                .gauge("ticketing_outbox_due", "Messages found due by the last look into the outbox.")?,
            forgotten: register
                .counter("ticketing_forgotten_rows_total", "Rows of ended traffic that were dropped.")?,
            database_up: register.gauge("ticketing_database_up", "1 while the database answers the health check.")?,
            connections: register.add(IntGaugeVec::new(
                Opts::new("ticketing_database_connections", "Connections to the database at the last health check."),
                &["state"],
            ))?,
        })
    }

    /// The connections to the database right now.
    pub fn connections(&self, Connections { idle, busy }: Connections) {
        for (state, count) in [("idle", idle), ("busy", busy)] {
            self.connections.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// A job did its work.
    #[expect(clippy::cast_precision_loss, reason = "a Unix time in seconds has 31 bits")]
    pub fn succeeded(&self, job: &str, now: jiff::Timestamp) {
        self.last_success.with_label_values(&[job]).set(now.as_second() as f64);
    }

    /// A job could not do its work.
    pub fn failed(&self, job: &str) {
        self.failures.with_label_values(&[job]).inc();
    }

    /// The gateway was told again of a claim.
    pub fn repeated_claim(&self, outcome: &str) {
        self.repeated_claims.with_label_values(&[outcome]).inc();
    }

    /// A hold or a reservation was ended so long after its deadline.
    pub fn swept(&self, kind: &str, lag: Duration) {
        self.swept.with_label_values(&[kind]).inc();
        self.sweep_lag.observe(lag.as_secs_f64());
    }

    /// An outbox message was delivered, or not.
    pub fn delivery(&self, succeeded: bool) {
        self.deliveries.with_label_values(&[if succeeded { "delivered" } else { "failed" }]).inc();
    }
}
