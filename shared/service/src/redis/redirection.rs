//! What a node of a Cluster says of keys that it does not have.

use fred::{error::Error, types::config::Server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The other node has the slot for good.
    Owner,
    /// The slot is on its way there: this call alone, and it has to say that it was sent.
    Ask,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) way: Way,
    pub(super) to: Server,
}

impl Redirection {
    /// Reads `MOVED 3999 10.0.0.7:6379`. A node that leaves the host out means its own.
    pub(super) fn told_by(error: &Error, from: &Server) -> Option<Self> {
        let mut words = error.details().split_ascii_whitespace();
        let way = match words.next()? {
            "MOVED" => Way::Owner,
            "ASK" => Way::Ask,
            _ => return None,
        };
        let (host, port) = words.nth(1)?.rsplit_once(':')?;
        let host = if host.is_empty() { from.host.to_string() } else { host.to_owned() };
        Some(Self { way, to: Server::new(host, port.parse().ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use fred::error::ErrorKind;

    use super::*;

    #[test]
    fn a_redirection_names_the_way_and_the_node() {
        let from = Server::new("10.0.0.1", 6379);
        for (details, way, host, port) in [
            ("MOVED 3999 10.0.0.7:6380", Way::Owner, "10.0.0.7", 6380),
            ("ASK 3999 redis-2.example:6379", Way::Ask, "redis-2.example", 6379),
            ("MOVED 3999 :6381", Way::Owner, "10.0.0.1", 6381),
            ("MOVED 3999 fd00::7:6379", Way::Owner, "fd00::7", 6379),
        ] {
            let told = Redirection::told_by(&Error::new(ErrorKind::Cluster, details), &from);
            assert_eq!(told, Some(Redirection { way, to: Server::new(host, port) }), "{details}");
        }
        for details in ["CLUSTERDOWN The cluster is down", "MOVED", "MOVED 1 nowhere", "TRYAGAIN", ""] {
            assert_eq!(Redirection::told_by(&Error::new(ErrorKind::Cluster, details), &from), None, "{details}");
        }
    }
}
