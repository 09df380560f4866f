//! What a process says about itself: its log and its metrics.

use std::io::IsTerminal;

use prometheus::{Encoder, Registry, TextEncoder};
use serde::Deserialize;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{Faults, Validate};

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TelemetrySettings {
    /// Text for people, JSON for collectors.
    pub format: LogFormat,
    /// Which events are logged, such as `info` or `info,queue_gateway=debug`.
    pub filter: String,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line an event.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Validate for TelemetrySettings {
    fn validate(&self, at: &mut Faults) {
        if let Err(error) = EnvFilter::builder().parse(&self.filter) {
            at.add("filter", format!("is not a log filter: {error}"));
        }
    }
}

/// Starts the log, on standard error: standard output belongs to what a command prints as its result.
/// Only the first call in a process has an effect, so that every test may call it.
pub fn init(settings: &TelemetrySettings) {
    let filter = EnvFilter::builder().parse_lossy(&settings.filter);
    // Colours are for eyes: in a file or a collector they are noise between the words.
    let log = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    let _already_started = match settings.format {
        LogFormat::Text => registry.with(log).try_init(),
        LogFormat::Json => registry.with(log.json().flatten_event(true)).try_init(),
    };
}

/// A registry of metrics that starts with those of the process: memory, descriptors, CPU time, start time.
pub fn metrics_registry() -> Registry {
    let registry = Registry::new();
    #[cfg(target_os = "linux")]
    {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        if let Err(error) = registry.register(Box::new(process)) {
            tracing::warn!(%error, "the metrics of the process are left out");
        }
    }
    registry
}

/// The media type of [`render`]'s text.
pub const METRICS_MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// All metrics in Prometheus' text format. A metric that cannot be written is left out and logged:
/// the others are needed most when something is wrong.
pub fn render(registry: &Registry) -> String {
    let mut text = Vec::new();
    for family in registry.gather() {
        let start = text.len();
        if let Err(error) = TextEncoder::new().encode(&[family], &mut text) {
            tracing::warn!(%error, "a metric cannot be rendered");
            text.truncate(start);
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_may_be_started_twice() {
        for format in [LogFormat::Text, LogFormat::Json] {
            init(&TelemetrySettings { format, filter: "warn".to_owned() });
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let settings = TelemetrySettings { filter: "info,=".to_owned(), ..TelemetrySettings::default() };
        assert_eq!(Faults::of(&settings)[0].key, "filter");
        assert!(Faults::of(&TelemetrySettings::default()).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_and_our_own_counters_are_rendered() {
        let registry = metrics_registry();
        let counter = prometheus::IntCounter::new("joins_total", "Joins.").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        counter.inc();

        let text = render(&registry);
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        assert!(text.contains("# TYPE joins_total counter\njoins_total 1\n"), "{text}");
    }
}
