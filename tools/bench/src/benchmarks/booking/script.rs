//! The other side: a booking that the server saw, as a script for pgbench.
//!
//! What has to be new in every booking becomes a variable that the script's first statement or pgbench fills; all else
//! is passed as it was seen. So the script cannot drift from the code, and its statements have as many parameters.

use anyhow::{Context, ensure};
use ticketing_api::booking::ticket::TicketId;
use uuid::Uuid;

use super::{log::Statement, sale::Sale, visit::Visit};

/// What the server makes anew for each booking. The ids of members, tokens, reservations and payments ascend, as those
/// do that begin with the time; the ids of holds and tickets and the keys are random, as hashes are.
const FRESH: &str = r"\set i :i + 1
\set n :first + :i * :connections + :client_id
\set hold_lock random(1, 9000000000000000000)
\set key_lock random(1, 9000000000000000000)
SELECT lpad(to_hex(:n::bigint), 32, '0') AS id, '{' || (:n::bigint - :first::bigint + 1) || '}' AS seats,
       gen_random_uuid() AS hold, '{' || gen_random_uuid() || '}' AS tickets,
       gen_random_uuid() AS hold_key, gen_random_uuid() AS reserve_key, gen_random_uuid() AS pay_key,
       now AS held_at, now + 1 AS reserved_at, now + 2 AS paid_at, now + 300000000 AS expires_at
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS fresh \gset
";

/// A script with the values that it shares with the booking it was made from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Uses the variables `i` (to start at -1), `first`, `connections` and `performance` besides.
    pub(super) text: String,
    /// Further variables with their values.
    pub(super) constants: Vec<(String, String)>,
}

impl Script {
    /// From what the server saw of `visit`.
    pub(super) fn of(statements: &[Statement], visit: &Visit, sale: &Sale) -> anyhow::Result<Self> {
        let fresh = fresh(visit, sale);
        for (value, name) in &fresh {
            let is_sent = statements.iter().any(|statement| statement.parameters.contains(&Some(value.clone())));
            ensure!(is_sent, "the log shows no booking that sends {name} = {value}");
        }
        let mut script = Self { text: FRESH.to_owned(), constants: Vec::new() };
        for statement in statements {
            script.add(statement, &fresh)?;
        }
        Ok(script)
    }

    fn add(&mut self, statement: &Statement, fresh: &[(String, &str)]) -> anyhow::Result<()> {
        let mut parts = statement.text.split('$');
        self.text.extend(parts.next());
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = part.split_at(digits);
            let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let parameter = index.and_then(|index| statement.parameters.get(index));
            let parameter = parameter.with_context(|| format!("${number} was not logged: {}", statement.text))?;
            match parameter {
                None => self.text.push_str("NULL"),
                Some(value) => {
                    let name = match fresh.iter().find(|(known, _)| known == value) {
                        Some((_, name)) => (*name).to_owned(),
                        None => lock(&self.text).map_or_else(|| self.constant(value), str::to_owned),
                    };
                    self.text.extend([":", &name, cast(value)]);
                }
            }
            self.text.push_str(rest);
        }
        self.text.push_str(";\n");
        Ok(())
    }

    /// The variable that has this value throughout.
    fn constant(&mut self, value: &str) -> String {
        if let Some((name, _)) = self.constants.iter().find(|(_, known)| known == value) {
            return name.clone();
        }
        let name = format!("constant_{}", self.constants.len() + 1);
        self.constants.push((name.clone(), value.to_owned()));
        name
    }
}

/// The values that are new in every booking, and the variables that have them.
fn fresh(visit: &Visit, sale: &Sale) -> Vec<(String, &'static str)> {
    let [held_at, reserved_at, paid_at] = visit.instants.map(|instant| instant.as_microsecond().to_string());
    let [hold_key, reserve_key, pay_key] = visit.keys.clone();
    vec![
        (sale.performance.to_string(), "performance"),
        // In tables of their own, these may be the same.
        (visit.member.to_string(), "id"),
        (visit.token.to_string(), "id"),
        (visit.reservation.to_string(), "id"),
        (visit.payment.to_string(), "id"),
        (visit.hold.to_string(), "hold"),
        (format!("{{{}}}", TicketId::of(visit.payment, visit.seat)), "tickets"),
        (format!("{{{}}}", visit.seat.0), "seats"),
        (hold_key, "hold_key"),
        (reserve_key, "reserve_key"),
        (pay_key, "pay_key"),
        (held_at, "held_at"),
        (reserved_at, "reserved_at"),
        (paid_at, "paid_at"),
        (visit.expires_at.as_microsecond().to_string(), "expires_at"),
    ]
}

/// The variable of the advisory lock that is taken at the end of `text`. Constant, it would keep all others waiting.
fn lock(text: &str) -> Option<&'static str> {
    if text.ends_with("pg_try_advisory_xact_lock(") {
        Some("key_lock")
    } else {
        text.ends_with("pg_advisory_xact_lock(").then_some("hold_lock")
    }
}

/// Says what our driver says by declaring types, where the server could not guess.
fn cast(value: &str) -> &'static str {
    let elements = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let all = |is: fn(&str) -> bool| elements.is_some_and(|elements| elements.split(',').all(is));
    if value.parse::<i64>().is_ok() {
        "::bigint"
    } else if all(|element| element.parse::<i64>().is_ok()) {
        "::bigint[]"
    } else if all(|element| element.parse::<Uuid>().is_ok()) {
        "::uuid[]"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use contract::{clock::SystemClock, ids::QueueName};
    use ticketing_api::booking::concert::PerformanceId;

    use super::*;

    fn sale() -> Sale {
        let queue = QueueName::try_from("bench".to_owned()).unwrap();
        Sale { performance: PerformanceId::generate(&SystemClock), queue, first: 1_000_000 }
    }

    #[test]
    fn what_must_be_new_is_a_variable_and_the_rest_is_passed_as_seen() {
        let sale = sale();
        let visit = Visit::new(&sale, 6);
        let mut statements = vec![Statement {
            text: "SELECT pg_try_advisory_xact_lock($2), pg_advisory_xact_lock($2), $1, $3, $3, $4".to_owned(),
            parameters: vec![
                Some(visit.payment.to_string()),
                Some("77".to_owned()),
                Some("{\"a\":1}".to_owned()),
                None,
            ],
        }];
        assert!(Script::of(&statements, &visit, &sale).is_err(), "a booking sends much else");
        statements.extend(
            fresh(&visit, &sale)
                .into_iter()
                .map(|(value, _)| Statement { text: "SELECT $1".to_owned(), parameters: vec![Some(value)] }),
        );
        let script = Script::of(&statements, &visit, &sale).unwrap();
        let text = script.text.strip_prefix(FRESH).unwrap();
        assert_eq!(
            text.lines().next().unwrap(),
            "SELECT pg_try_advisory_xact_lock(:key_lock::bigint), pg_advisory_xact_lock(:hold_lock::bigint), :id, \
             :constant_1, :constant_1, NULL;"
        );
        for expected in ["SELECT :seats::bigint[];", "SELECT :tickets::uuid[];", "SELECT :paid_at::bigint;"] {
            assert!(text.lines().any(|line| line == expected), "{expected}");
        }
        assert_eq!(script.constants, [("constant_1".to_owned(), "{\"a\":1}".to_owned())]);
    }

    #[test]
    fn a_parameter_that_was_not_logged_is_an_error() {
        let mut script = Script { text: String::new(), constants: Vec::new() };
        let statement = |text: &str| Statement { text: text.to_owned(), parameters: vec![None] };
        script.add(&statement("SELECT $1"), &[]).unwrap();
        assert!(script.add(&statement("SELECT $2"), &[]).is_err());
        assert!(script.add(&statement("SELECT $0"), &[]).is_err());
        assert!(script.add(&statement("SELECT '$'"), &[]).is_err());
    }
}
