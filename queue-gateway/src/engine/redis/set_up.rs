//! What a Redis server tells of its own set-up, and what of that puts the line at risk.

use fred::types::InfoKind;

use crate::engine::Risk;

/// What must be asked for.
pub(super) const SECTIONS: [InfoKind; 3] = [InfoKind::Memory, InfoKind::Persistence, InfoKind::Replication];

/// The risks that replies to `INFO` tell of. What a server does not tell, as some that others run do not, is no risk here.
pub(super) fn risks(info: &str) -> Vec<Risk> {
    let field = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
    let is_limited = field("maxmemory").is_some_and(|bytes| bytes != "0");
    let evicts = is_limited && field("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
    let forgets = field("aof_enabled") == Some("0");
    let has_replicas = field("role") == Some("master") && field("connected_slaves").is_some_and(|count| count != "0");
    // Told only where both of its settings are there.
    let writes_alone = has_replicas && field("min_slaves_good_slaves").is_none();
    let found = [(evicts, Risk::Evicts), (forgets, Risk::Forgets), (writes_alone, Risk::WritesAlone)];
    found.into_iter().filter_map(|(is_there, risk)| is_there.then_some(risk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_set_up_with_care_is_no_risk() {
        let info = "# Memory\r\nmaxmemory:1000000\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n\
                    # Replication\r\nrole:master\r\nconnected_slaves:1\r\nmin_slaves_good_slaves:1\r\n";
        assert_eq!(risks(info), []);
        assert_eq!(risks(""), [], "a server that tells nothing");
        assert_eq!(risks("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"), [], "nothing is evicted without a limit");
        assert_eq!(risks("role:slave\r\nconnected_slaves:1\r\n"), []);
    }

    #[test]
    fn each_risk_is_told() {
        assert_eq!(risks("maxmemory:9\r\nmaxmemory_policy:volatile-ttl\r\n"), [Risk::Evicts]);
        assert_eq!(risks("aof_enabled:0\r\n"), [Risk::Forgets]);
        assert_eq!(risks("role:master\r\nconnected_slaves:2\r\n"), [Risk::WritesAlone]);
    }
}
