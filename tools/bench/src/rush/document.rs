//! The document that joins, polls and streams carry, as far as a visitor reads it.

use jiff::Timestamp;
use serde_json::Value;

/// Where a visitor stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// What is true of the visitor.
    pub(super) state: State,
    /// Places before this one, and one.
    pub(super) position: Option<u64>,
    /// The estimate, in seconds.
    pub(super) wait: Option<Estimate>,
    /// When to ask again, in seconds.
    pub(super) poll_after: u64,
    /// Why the visitor is parked, or has no place.
    pub(super) reason: Option<String>,
    /// The last that was known: the store could not be asked.
    pub(super) refreshing: bool,
}

/// What is true of a visitor.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// In the line.
    Waiting,
    /// Passed, and not let in yet.
    Parked,
    /// Holds a slot.
    Admitted(Slot),
    /// Has no place.
    Left,
    /// A word that this program does not know.
    Other(String),
}

/// A slot as its visitor sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    /// Opens the shop. The same slot always has the same token.
    pub(super) token: String,
    /// The slot is kept so long without an arrival; none after the arrival.
    pub(super) arrive_before: Option<Timestamp>,
    /// When the token ends.
    pub(super) expires_at: Timestamp,
}

/// How long it will take: as likely as not, and nine times in ten, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) p50: u64,
    pub(super) p90: u64,
}

impl Document {
    /// Reads a document; none where it is no document, or an admission without its token.
    pub(super) fn read(json: &Value) -> Option<Self> {
        let instant = |name: &str| json[name].as_str().and_then(|text| text.parse().ok());
        let state = match json["state"].as_str()? {
            "waiting" => State::Waiting,
            "parked" => State::Parked,
            "left" => State::Left,
            "admitted" => State::Admitted(Slot {
                token: json["active_token"].as_str()?.to_owned(),
                arrive_before: instant("arrive_before"),
                expires_at: instant("expires_at")?,
            }),
            other => State::Other(other.to_owned()),
        };
        let wait = &json["wait_seconds"];
        let wait = wait["p50"].as_u64().zip(wait["p90"].as_u64()).map(|(p50, p90)| Estimate { p50, p90 });
        Some(Self {
            state,
            position: json["position"].as_u64(),
            wait,
            poll_after: json["poll_after_seconds"].as_u64().unwrap_or(5),
            reason: json["reason"].as_str().map(str::to_owned),
            refreshing: json["refreshing"] == true,
        })
    }

    /// The slot of an admitted visitor.
    pub(super) fn slot(&self) -> Option<&Slot> {
        if let State::Admitted(slot) = &self.state { Some(slot) } else { None }
    }

    /// Present, and not let in because too few visitors of the network come to the shop.
    pub(super) fn is_held_back(&self) -> bool {
        self.reason.as_deref() == Some("network_held_back")
    }
}

#[cfg(test)]
impl Document {
    /// Somebody in the line.
    pub(super) fn waiting_at(position: u64) -> Self {
        let json = serde_json::json!({"state": "waiting", "position": position});
        Self::read(&json).expect("a document")
    }

    /// Somebody admitted whose slot is kept for 30 s.
    pub(super) fn admitted(token: &str, at: Timestamp) -> Self {
        let after = |seconds| at + jiff::SignedDuration::from_secs(seconds);
        let json = serde_json::json!({
            "state": "admitted", "active_token": token, "arrive_before": after(30), "expires_at": after(600),
        });
        Self::read(&json).expect("a document")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_visitor_reads_where_they_stand() {
        let waiting = json!({
            "state": "parked", "position": 3, "wait_seconds": {"p50": 4, "p90": 9}, "poll_after_seconds": 2,
            "reason": "network_held_back", "refreshing": true,
        });
        let waiting = Document::read(&waiting).unwrap();
        assert_eq!((waiting.state.clone(), waiting.position, waiting.poll_after), (State::Parked, Some(3), 2));
        assert_eq!(waiting.wait, Some(Estimate { p50: 4, p90: 9 }));
        assert!(waiting.is_held_back() && waiting.refreshing);
        assert_eq!(Document::read(&json!({"state": "admitted"})), None, "an admission without its token");
        assert_eq!(Document::read(&json!({"code": "queue_not_found"})), None);
    }
}
