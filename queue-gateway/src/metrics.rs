//! Every metric of the gateway. Children are looked up once, when it starts: counting is then one atomic addition.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::ids::QueueName;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

use crate::engine::EngineError;
use crate::line::Stats;

/// The gateway's metrics.
#[derive(Debug)]
pub struct Metrics {
    /// Of each queue.
    pub queues: BTreeMap<QueueName, Arc<QueueMetrics>>,
    /// Requests turned away because their address asked too often.
    pub rate_limited: RateLimitedMetrics,
    engine_errors: EngineErrorMetrics,
    http_requests: IntCounterVec,
    http_seconds: HistogramVec,
}

/// The metrics of one queue.
#[derive(Debug)]
pub struct QueueMetrics {
    /// Joins that gave a new place.
    pub joins_new: IntCounter,
    /// Joins of visitors who had their place already.
    pub joins_same: IntCounter,
    /// Polls answered.
    pub polls: IntCounter,
    /// Streams open on this gateway.
    pub streams_open: IntGauge,
    /// Events written to streams by this gateway.
    pub events_sent: IntCounter,
    /// Visitors admitted by this gateway's own steps: the sum over gateways is the sum of admissions.
    pub admitted: IntCounter,
    /// How long a promotion step takes.
    pub promote_seconds: Histogram,
    waiting: IntGauge,
    active: IntGauge,
    connected: IntGauge,
    unclaimed: IntGauge,
    rate_per_second: Gauge,
    active_cap: IntGauge,
    paused: IntGauge,
}

/// Refusals by what was asked for.
#[derive(Debug)]
pub struct RateLimitedMetrics {
    /// Joins.
    pub join: IntCounter,
    /// Polls.
    pub poll: IntCounter,
    /// Streams.
    pub stream: IntCounter,
}

#[derive(Debug)]
struct EngineErrorMetrics {
    not_configured: IntCounter,
    unavailable: IntCounter,
    corrupt: IntCounter,
}

/// The metrics of one route.
#[derive(Clone, Debug)]
pub struct RouteMetrics {
    /// By class of status: 1xx to 5xx.
    by_class: [IntCounter; 5],
    seconds: Histogram,
}

impl Metrics {
    /// Registers everything, for these queues. Fails when a name is taken in this registry.
    pub fn register<'a>(
        registry: &Registry,
        queues: impl IntoIterator<Item = &'a QueueName>,
    ) -> Result<Self, prometheus::Error> {
        let per_queue = PerQueue::register(registry)?;
        let rate_limited =
            counters(registry, "rate_limited_total", "Requests refused because of their address, by call", &["call"])?;
        let engine_errors =
            counters(registry, "engine_errors_total", "Steps that the queue store could not do, by kind", &["kind"])?;
        let seconds = HistogramOpts::new(
            "queue_gateway_http_request_seconds",
            "Time from a request's head to its response's head, by route",
        )
        .buckets(REQUEST_BUCKETS.to_vec());
        Ok(Self {
            queues: queues.into_iter().map(|name| (name.clone(), Arc::new(per_queue.of(name)))).collect(),
            rate_limited: RateLimitedMetrics {
                join: rate_limited.with_label_values(&["join"]),
                poll: rate_limited.with_label_values(&["poll"]),
                stream: rate_limited.with_label_values(&["stream"]),
            },
            engine_errors: EngineErrorMetrics {
                not_configured: engine_errors.with_label_values(&["not_configured"]),
                unavailable: engine_errors.with_label_values(&["unavailable"]),
                corrupt: engine_errors.with_label_values(&["corrupt"]),
            },
            http_requests: counters(
                registry,
                "http_requests_total",
                "Requests answered, by route and class of status",
                &["route", "status"],
            )?,
            http_seconds: registered(registry, HistogramVec::new(seconds, &["route"])?)?,
        })
    }

    /// Counts a step that failed.
    pub fn engine_error(&self, error: &EngineError) {
        match error {
            EngineError::NotConfigured(_) => self.engine_errors.not_configured.inc(),
            EngineError::Unavailable(_) => self.engine_errors.unavailable.inc(),
            EngineError::Corrupt(_) => self.engine_errors.corrupt.inc(),
        }
    }

    /// The metrics of one route, named by its template.
    pub fn route(&self, route: &str) -> RouteMetrics {
        let of_class = |class| self.http_requests.with_label_values(&[route, class]);
        RouteMetrics {
            by_class: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(of_class),
            seconds: self.http_seconds.with_label_values(&[route]),
        }
    }
}

impl QueueMetrics {
    /// Shows a queue's numbers, as the store last gave them.
    pub fn show(&self, stats: &Stats) {
        let limits = stats.control.limits();
        self.waiting.set(whole(stats.waiting));
        self.active.set(whole(stats.active));
        self.connected.set(whole(stats.connected));
        self.unclaimed.set(whole(stats.unclaimed_total));
        self.rate_per_second.set(limits.rate_per_second);
        self.active_cap.set(whole(limits.cap));
        self.paused.set(i64::from(stats.control.paused));
    }
}

impl RouteMetrics {
    /// Counts one answered request.
    pub fn answered(&self, status: http::StatusCode, seconds: f64) {
        // Status codes lie between 100 and 999; what is above 5xx is nobody's fault but ours.
        let class = usize::from(status.as_u16() / 100 - 1).min(self.by_class.len() - 1);
        self.by_class[class].inc();
        self.seconds.observe(seconds);
    }
}

/// The families whose children are per queue.
struct PerQueue {
    joins: IntCounterVec,
    polls: IntCounterVec,
    streams_open: IntGaugeVec,
    events_sent: IntCounterVec,
    admitted: IntCounterVec,
    promote_seconds: HistogramVec,
    waiting: IntGaugeVec,
    active: IntGaugeVec,
    connected: IntGaugeVec,
    unclaimed: IntGaugeVec,
    rate_per_second: GaugeVec,
    active_cap: IntGaugeVec,
    paused: IntGaugeVec,
}

impl PerQueue {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| counters(registry, name, help, &["queue"]);
        let gauge = |name, help| registered(registry, IntGaugeVec::new(named(name, help), &["queue"])?);
        let rate = named("rate_per_second", "Admissions per second in force: the operator's, else the settings'");
        let promote =
            HistogramOpts::new("queue_gateway_promote_seconds", "Time that one promotion step takes in the store")
                .buckets(REQUEST_BUCKETS.to_vec());
        Ok(Self {
            joins: counters(registry, "joins_total", "Joins, by whether the place is new", &["queue", "place"])?,
            polls: counter("polls_total", "Polls answered")?,
            streams_open: gauge("streams_open", "Streams open on this gateway")?,
            events_sent: counter("stream_events_total", "Events written to streams by this gateway")?,
            admitted: counter("admitted_total", "Visitors admitted by steps of this gateway")?,
            promote_seconds: registered(registry, HistogramVec::new(promote, &["queue"])?)?,
            waiting: gauge("visitors_waiting", "Visitors in the line; the same on every gateway")?,
            active: gauge("visitors_active", "Live slots; the same on every gateway")?,
            connected: gauge("visitors_connected", "Visitors with a stream open; the same on every gateway")?,
            unclaimed: gauge("slots_unclaimed", "Slots that ran out unclaimed since the queue's epoch began")?,
            rate_per_second: registered(registry, GaugeVec::new(rate, &["queue"])?)?,
            active_cap: gauge("active_cap", "Most active users in force: the operator's, else the settings'")?,
            paused: gauge("paused", "1 while admission is paused")?,
        })
    }

    fn of(&self, queue: &QueueName) -> QueueMetrics {
        let queue = queue.as_str();
        QueueMetrics {
            joins_new: self.joins.with_label_values(&[queue, "new"]),
            joins_same: self.joins.with_label_values(&[queue, "same"]),
            polls: self.polls.with_label_values(&[queue]),
            streams_open: self.streams_open.with_label_values(&[queue]),
            events_sent: self.events_sent.with_label_values(&[queue]),
            admitted: self.admitted.with_label_values(&[queue]),
            promote_seconds: self.promote_seconds.with_label_values(&[queue]),
            waiting: self.waiting.with_label_values(&[queue]),
            active: self.active.with_label_values(&[queue]),
            connected: self.connected.with_label_values(&[queue]),
            unclaimed: self.unclaimed.with_label_values(&[queue]),
            rate_per_second: self.rate_per_second.with_label_values(&[queue]),
            active_cap: self.active_cap.with_label_values(&[queue]),
            paused: self.paused.with_label_values(&[queue]),
        }
    }
}

/// From a poll answered in memory to a store that is about to be given up.
const REQUEST_BUCKETS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

fn named(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("queue_gateway")
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    registered(registry, IntCounterVec::new(named(name, help), labels)?)
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_help_and_a_prefix() {
        let registry = Registry::new();
        let queue: QueueName = "demo".parse().unwrap();
        let metrics = Metrics::register(&registry, [&queue]).unwrap();
        metrics.route("/v1/verify").answered(http::StatusCode::UNAUTHORIZED, 0.001);
        metrics.engine_error(&EngineError::Unavailable(String::new()));
        let families = registry.gather();
        assert!(families.len() >= 15, "{} families", families.len());
        for family in &families {
            assert!(family.name().starts_with("queue_gateway_"), "{}", family.name());
            assert!(!family.help().is_empty(), "{}", family.name());
        }
        let text = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
        assert!(text.contains(r#"http_requests_total{route="/v1/verify",status="4xx"} 1"#), "{text}");
        assert!(text.contains(r#"engine_errors_total{kind="unavailable"} 1"#), "{text}");
    }
}
