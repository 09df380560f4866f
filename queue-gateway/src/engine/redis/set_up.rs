//! What Redis servers tell of their own set-up, and what of that puts the line at risk.

use fred::{error::Error, types::InfoKind};
use service::redis::Connections;

use crate::engine::Risk;

/// What must be asked for.
const SECTIONS: [InfoKind; 4] = [InfoKind::Memory, InfoKind::Persistence, InfoKind::Replication, InfoKind::Cluster];
/// Whether a Cluster stops as soon as some of its slots have nobody.
const FULL_COVERAGE: &str = "cluster-require-full-coverage";

/// Asks all servers that keep lines. Those that do not answer are passed over, unless none does.
pub(super) async fn look(connections: &Connections) -> Result<Vec<Risk>, Error> {
    let mut found = of_all(connections.info(&SECTIONS).await)?;
    if found.is_cluster {
        // Where nobody may ask for settings, as with many who run Redis for others, this is not told.
        let settings = connections.setting(FULL_COVERAGE).await;
        if settings.iter().flatten().any(|value| value == "yes") {
            found.risks.push(Risk::StopsWhole);
        }
    }
    Ok(found.risks)
}

#[derive(Debug, Default)]
struct Found {
    risks: Vec<Risk>,
    is_cluster: bool,
}

/// What all servers together tell, each risk once.
fn of_all(told: Vec<Result<String, Error>>) -> Result<Found, Error> {
    let (mut found, mut failure) = (Found::default(), None);
    let mut answered = false;
    for reply in told {
        let risks = match reply {
            Ok(info) => {
                found.is_cluster |= field(&info, "cluster_enabled") == Some("1");
                risks(&info)
            }
            Err(error) if is_forbidden(&error) => vec![Risk::Hidden],
            Err(error) => {
                failure = Some(error);
                continue;
            }
        };
        answered = true;
        for risk in risks {
            if !found.risks.contains(&risk) {
                found.risks.push(risk);
            }
        }
    }
    match failure {
        Some(error) if !answered => Err(error),
        _ => Ok(found),
    }
}

/// The user's rights, or whoever runs the server, keep us from looking.
fn is_forbidden(error: &Error) -> bool {
    ["NOPERM", "ERR unknown command"].iter().any(|refusal| error.details().starts_with(refusal))
}

fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// The risks that a reply to `INFO` tells of. What a server does not tell, as some that others run do not, is no risk
/// here.
fn risks(info: &str) -> Vec<Risk> {
    let field = |name| field(info, name);
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
    use fred::error::ErrorKind;

    use super::*;

    #[test]
    fn the_risks_of_all_servers_are_told_once() {
        let forgets = || Ok("aof_enabled:0\r\ncluster_enabled:1\r\n".to_owned());
        let away = || Err(Error::new(ErrorKind::Timeout, "no answer"));
        let refused =
            || Err(Error::new(ErrorKind::Unknown, "NOPERM this user has no permissions to run the 'info' command"));
        let found = of_all(vec![forgets(), away(), forgets(), Ok("aof_enabled:1\r\n".to_owned())]).unwrap();
        assert_eq!((found.risks, found.is_cluster), (vec![Risk::Forgets], true));
        assert_eq!(of_all(vec![refused(), away()]).unwrap().risks, [Risk::Hidden]);
        assert!(of_all(vec![away(), away()]).is_err());
    }

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
