//! Every metric of the gateway. Children are looked up once, when it starts: counting is then one atomic addition.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::ids::QueueName;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

use service::remote_keys::KeyFetches;

use crate::{
    engine::EngineError,
    line::{QueueState, Stats},
    mirror::Census,
};

/// The gateway's metrics.
#[derive(Debug)]
pub struct Metrics {
    /// Of each queue.
    pub queues: BTreeMap<QueueName, Arc<QueueMetrics>>,
    /// Requests turned away because their address asked too often.
    pub rate_limited: RateLimitedMetrics,
    /// Fetches of the keys by which members' sites sign join tokens.
    pub key_fetches: KeyFetches,
    /// Requests forwarded by a neighbour that is no trusted proxy.
    pub untrusted_proxy: IntCounter,
    /// Changed settings that were not taken up.
    pub reloads_refused: IntCounter,
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
    /// Polls and streams refused: their visitor's place has left the line, and they asked the store too often.
    pub departed_refused: IntCounter,
    /// Streams open on this gateway.
    pub streams_open: IntGauge,
    /// Events written to streams by this gateway.
    pub events_sent: IntCounter,
    /// Visitors admitted by this gateway's own steps: the sum over gateways is the sum of admissions.
    pub admitted: IntCounter,
    /// How long a step takes.
    pub step_seconds: Histogram,
    waiting: IntGauge,
    invited: IntGauge,
    present: IntGauge,
    parked: IntGauge,
    ready: IntGauge,
    active: IntGauge,
    unclaimed: IntGauge,
    networks_held_back: IntGauge,
    arrived: IntGauge,
    no_shows: IntGauge,
    not_claimed: IntGauge,
    rate_per_second: Gauge,
    active_cap: IntGauge,
    /// 1 while this gateway's settings say something else than those in force.
    pub settings_differ: IntGauge,
    states: [(QueueState, IntGauge); QueueState::ALL.len()],
}

/// Refusals by what was asked for.
#[derive(Debug)]
pub struct RateLimitedMetrics {
    pub(crate) join: IntCounter,
    pub(crate) poll: IntCounter,
    pub(crate) stream: IntCounter,
    pub(crate) leave: IntCounter,
    pub(crate) verify: IntCounter,
    pub(crate) draw: IntCounter,
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
        let key_fetches = counters(
            registry,
            "member_key_fetches_total",
            "Fetches of the keys of members' sites, by outcome",
            &["outcome"],
        )?;
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
                leave: rate_limited.with_label_values(&["leave"]),
                verify: rate_limited.with_label_values(&["verify"]),
                draw: rate_limited.with_label_values(&["draw"]),
            },
            key_fetches: KeyFetches {
                succeeded: key_fetches.with_label_values(&["ok"]),
                failed: key_fetches.with_label_values(&["failed"]),
            },
            untrusted_proxy: counters(
                registry,
                "untrusted_proxy_requests_total",
                "Requests that a neighbour outside trusted_proxies forwarded: client networks cannot be told apart",
                &[],
            )?
            .with_label_values::<&str>(&[]),
            reloads_refused: counters(
                registry,
                "reloads_refused_total",
                "Changed settings files that were refused: the settings before them stay in force",
                &[],
            )?
            .with_label_values::<&str>(&[]),
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
    pub fn show(&self, stats: &Stats, census: Census) {
        let limits = stats.control.limits();
        self.waiting.set(whole(census.waiting));
        self.invited.set(whole(census.invited));
        self.present.set(whole(census.present));
        self.parked.set(whole(census.parked));
        self.ready.set(whole(stats.ready));
        self.active.set(whole(stats.active));
        self.unclaimed.set(whole(stats.unclaimed));
        self.networks_held_back.set(whole(stats.held_back));
        self.arrived.set(whole(stats.totals.arrived));
        self.no_shows.set(whole(stats.totals.no_shows));
        self.not_claimed.set(whole(stats.totals.not_claimed));
        self.rate_per_second.set(limits.rate_per_second);
        self.active_cap.set(whole(limits.cap));
        for (state, gauge) in &self.states {
            gauge.set(i64::from(*state == stats.state()));
        }
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
    departed_refused: IntCounterVec,
    streams_open: IntGaugeVec,
    events_sent: IntCounterVec,
    admitted: IntCounterVec,
    step_seconds: HistogramVec,
    waiting: IntGaugeVec,
    invited: IntGaugeVec,
    present: IntGaugeVec,
    parked: IntGaugeVec,
    ready: IntGaugeVec,
    active: IntGaugeVec,
    unclaimed: IntGaugeVec,
    networks_held_back: IntGaugeVec,
    arrived: IntGaugeVec,
    no_shows: IntGaugeVec,
    not_claimed: IntGaugeVec,
    rate_per_second: GaugeVec,
    active_cap: IntGaugeVec,
    settings_differ: IntGaugeVec,
    states: IntGaugeVec,
}

impl PerQueue {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| counters(registry, name, help, &["queue"]);
        let gauge = |name, help| registered(registry, IntGaugeVec::new(named(name, help), &["queue"])?);
        let rate = named("rate_per_second", "Admissions per second in force: the operator's, else the settings'");
        let state = named("state", "1 for the state that the queue is in");
        let step = HistogramOpts::new(
            "queue_gateway_step_seconds",
            "Time that one step takes: report, admit, read what is new",
        )
        .buckets(REQUEST_BUCKETS.to_vec());
        Ok(Self {
            joins: counters(registry, "joins_total", "Joins, by whether the place is new", &["queue", "place"])?,
            polls: counter("polls_total", "Polls answered")?,
            departed_refused: counter(
                "departed_refused_total",
                "Polls and streams refused: their visitor's place has left the line, and they asked the store too often",
            )?,
            streams_open: gauge("streams_open", "Streams open on this gateway")?,
            events_sent: counter("stream_events_total", "Events written to streams by this gateway")?,
            admitted: counter("admitted_total", "Visitors admitted by steps of this gateway")?,
            step_seconds: registered(registry, HistogramVec::new(step, &["queue"])?)?,
            waiting: gauge("visitors_waiting", "Places not passed, or come back to; the same on every gateway")?,
            invited: gauge("visitors_invited", "Of those who wait, those in the priority lane")?,
            present: gauge("visitors_present", "Visitors present at any gateway; the same on every gateway")?,
            parked: gauge("visitors_parked", "Passed places that are kept for a while; the same on every gateway")?,
            ready: gauge("visitors_ready", "Present visitors near the front; the same on every gateway")?,
            active: gauge("visitors_active", "Live slots; the same on every gateway")?,
            unclaimed: gauge("slots_unclaimed", "Live slots that nobody has claimed; the same on every gateway")?,
            networks_held_back: gauge("networks_held_back", "Client networks whose visitors do not arrive")?,
            arrived: gauge("visitors_arrived", "Admitted visitors who came to the site, since the epoch began")?,
            no_shows: gauge("visitors_no_show", "Admitted visitors who did not come, since the epoch began")?,
            not_claimed: gauge("slots_not_claimed", "Slots that were not claimed in time, since the epoch began")?,
            rate_per_second: registered(registry, GaugeVec::new(rate, &["queue"])?)?,
            active_cap: gauge("active_cap", "Most active users in force: the operator's, else the settings'")?,
            settings_differ: gauge(
                "settings_differ",
                "1 while this gateway's settings of the queue say something else than those in force, which are newer",
            )?,
            states: registered(registry, IntGaugeVec::new(state, &["queue", "state"])?)?,
        })
    }

    fn of(&self, queue: &QueueName) -> QueueMetrics {
        let queue = queue.as_str();
        QueueMetrics {
            joins_new: self.joins.with_label_values(&[queue, "new"]),
            joins_same: self.joins.with_label_values(&[queue, "same"]),
            polls: self.polls.with_label_values(&[queue]),
            departed_refused: self.departed_refused.with_label_values(&[queue]),
            streams_open: self.streams_open.with_label_values(&[queue]),
            events_sent: self.events_sent.with_label_values(&[queue]),
            admitted: self.admitted.with_label_values(&[queue]),
            step_seconds: self.step_seconds.with_label_values(&[queue]),
            waiting: self.waiting.with_label_values(&[queue]),
            invited: self.invited.with_label_values(&[queue]),
            present: self.present.with_label_values(&[queue]),
            parked: self.parked.with_label_values(&[queue]),
            ready: self.ready.with_label_values(&[queue]),
            active: self.active.with_label_values(&[queue]),
            networks_held_back: self.networks_held_back.with_label_values(&[queue]),
            arrived: self.arrived.with_label_values(&[queue]),
            no_shows: self.no_shows.with_label_values(&[queue]),
            not_claimed: self.not_claimed.with_label_values(&[queue]),
            unclaimed: self.unclaimed.with_label_values(&[queue]),
            rate_per_second: self.rate_per_second.with_label_values(&[queue]),
            active_cap: self.active_cap.with_label_values(&[queue]),
            settings_differ: self.settings_differ.with_label_values(&[queue]),
            states: QueueState::ALL.map(|state| (state, self.states.with_label_values(&[queue, state.name()]))),
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
