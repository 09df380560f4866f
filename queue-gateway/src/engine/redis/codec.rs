//! Between the contract's values and what scripts take and reply. What no script of ours writes is `Corrupt`.

mod arguments;
pub(super) mod control;
mod histogram;
mod log_entry;
pub(super) mod memory;
mod network;

use std::{str::FromStr, time::Duration};

use fred::types::Value;
use jiff::Timestamp;

pub(super) use self::arguments::{above, change, count, id, join, micros, network, report, text};
use crate::{
    engine::EngineError,
    line::{
        Admission, Claim, Epoch, GatewayId, Histogram, History, JoinRefused, JoinReply, Joined, LinePage, LogIndex,
        LogPage, Lost, NoJoins, Progress, Revocation, Sequence, Standing, Stats, Step, Tail, Totals,
    },
};

/// Up to which number places are dealt.
pub(super) fn dealt(value: &Value) -> Result<u64, EngineError> {
    value.as_u64().ok_or_else(|| corrupt("how many places are dealt"))
}

/// How revoking a slot went.
pub(super) fn revocation(value: &Value) -> Result<Revocation, EngineError> {
    match value {
        Value::Integer(0) => Ok(Revocation::NotLive),
        Value::Integer(1) => Ok(Revocation::Ended),
        Value::Integer(2) => Ok(Revocation::Claimed),
        _ => Err(corrupt("how revoking a slot went")),
    }
}

/// Reads the elements of an array reply one after another.
pub(super) struct Reply(std::vec::IntoIter<Value>);

type Read<T> = Result<T, EngineError>;

fn corrupt(what: &str) -> EngineError {
    EngineError::Corrupt(format!("expected {what}"))
}

fn parsed<T: FromStr>(text: &str, what: &str) -> Read<T> {
    text.parse().map_err(|_| corrupt(what))
}

fn timestamp(micros: i64) -> Read<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| corrupt("a time in microseconds"))
}

fn string(value: Value) -> Read<String> {
    value.into_string().ok_or_else(|| corrupt("text"))
}

impl Reply {
    pub(super) fn new(value: Value) -> Read<Self> {
        match value {
            Value::Array(elements) => Ok(Self(elements.into_iter())),
            _ => Err(corrupt("an array")),
        }
    }

    fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    fn value(&mut self) -> Read<Value> {
        self.0.next().ok_or_else(|| corrupt("a longer array"))
    }

    fn array(&mut self) -> Read<Self> {
        Self::new(self.value()?)
    }

    /// The rest, each read by `read`.
    fn all<T>(self, read: impl FnMut(Value) -> Read<T>) -> Read<Vec<T>> {
        self.0.map(read).collect()
    }

    fn int(&mut self) -> Read<i64> {
        self.value()?.as_i64().ok_or_else(|| corrupt("an integer"))
    }

    fn count(&mut self) -> Read<u64> {
        u64::try_from(self.int()?).map_err(|_| corrupt("a count"))
    }

    fn time(&mut self) -> Read<Timestamp> {
        timestamp(self.int()?)
    }

    fn optional_text(&mut self) -> Read<Option<String>> {
        let value = self.value()?;
        if value.is_null() { Ok(None) } else { string(value).map(Some) }
    }

    fn text(&mut self) -> Read<String> {
        self.optional_text()?.ok_or_else(|| corrupt("text"))
    }

    /// A number that the store keeps as text.
    fn number<T: FromStr>(&mut self) -> Read<T> {
        parsed(&self.text()?, "a number")
    }

    fn optional_number<T: FromStr>(&mut self) -> Read<Option<T>> {
        self.optional_text()?.map(|text| parsed(&text, "a number")).transpose()
    }

    fn optional_instant(&mut self) -> Read<Option<Timestamp>> {
        self.optional_number()?.map(timestamp).transpose()
    }

    fn duration(&mut self) -> Read<Duration> {
        self.number().map(Duration::from_micros)
    }

    /// Each of so many joins: a fresh place as its sequence, a refusal as a number below 1, or all that there is to
    /// say.
    pub(super) fn joins(mut self, count: usize) -> Read<Vec<JoinReply>> {
        let epoch = Epoch(self.int()?);
        let joins = self.array()?.all(|value| match value {
            Value::Integer(0) => Ok(Err(JoinRefused::Full)),
            Value::Integer(-1) => Ok(Err(NoJoins::Scheduled.into())),
            Value::Integer(-2) => Ok(Err(NoJoins::Draining.into())),
            Value::Integer(-3) => Ok(Err(NoJoins::Closed.into())),
            Value::Integer(-4) => Ok(Err(JoinRefused::InvitationExpired)),
            Value::Integer(-6) => Ok(Err(NoJoins::Rejoining.into())),
            Value::Integer(-5) => Ok(Err(JoinRefused::InvitationUsed)),
            Value::Integer(seq) => {
                Ok(Ok(Joined { epoch, standing: Standing::Waiting { seq: Sequence(seq) }, fresh: true }))
            }
            joined => {
                let mut joined = Self::new(joined)?;
                let fresh = joined.int()? == 1;
                Ok(Ok(Joined { epoch, fresh, standing: joined.array()?.standing()? }))
            }
        })?;
        if joins.len() == count { Ok(joins) } else { Err(corrupt("a reply to each join")) }
    }

    pub(super) fn standing(mut self) -> Read<Standing> {
        match self.int()? {
            0 => Ok(Standing::Absent { lost: self.optional_text()?.map(|reason| lost(&reason)).transpose()? }),
            1 => Ok(Standing::Waiting { seq: Sequence(self.int()?) }),
            2 => {
                let seq = Sequence(self.int()?);
                let token = parsed(&self.text()?, "a token id")?;
                let mut times = self.array()?;
                let admission = Admission {
                    token,
                    admitted_at: times.time()?,
                    arrive_before: times.time()?,
                    claim_before: times.time()?,
                    expires_at: times.time()?,
                    progress: match self.int()? {
                        0 => Progress::Admitted,
                        1 => Progress::Arrived,
                        2 => Progress::Claimed,
                        _ => return Err(corrupt("a progress")),
                    },
                };
                Ok(Standing::Admitted { seq, admission })
            }
            _ => Err(corrupt("a standing")),
        }
    }

    pub(super) fn claim(mut self) -> Read<Claim> {
        match self.int()? {
            0 => Ok(Claim::Gone),
            1 => Ok(Claim::Bound { expires_at: self.time()? }),
            2 => Ok(Claim::HeldByAnother),
            _ => Err(corrupt("a claim")),
        }
    }

    pub(super) fn step(mut self) -> Read<Step> {
        Ok(Step {
            admitted: self.count()?,
            known: self.int()? == 1,
            previous: u64::try_from(self.int()?).ok(),
            horizon: Sequence(self.int()?),
            withheld: self.count()?,
            held_back: self
                .array()?
                .all(|value| network::read(&string(value)?).ok_or_else(|| corrupt("a client network")))?,
            present: self.array()?.present()?,
            tail: self.array()?.tail()?,
            stats: self.array()?.stats()?,
        })
    }

    /// Each live gateway, and who is present there.
    fn present(mut self) -> Read<Vec<(GatewayId, Histogram)>> {
        let mut present = Vec::new();
        while !self.is_over() {
            let gateway = GatewayId(parsed(&self.text()?, "a gateway")?);
            present.push((gateway, histogram::read(&self.text()?)?));
        }
        Ok(present)
    }

    pub(super) fn tail(mut self) -> Read<Tail> {
        Ok(Tail {
            epoch: Epoch(self.int()?),
            history: History(self.int()?),
            last_seq: Sequence(self.int()?),
            log_head: LogIndex(self.count()?),
            rejoining: self.int()? == 1,
            page: match self.value()? {
                Value::Integer(0) => LogPage::Gap,
                entries => LogPage::Entries(Self::new(entries)?.all(|value| log_entry::read(&string(value)?))?),
            },
        })
    }

    pub(super) fn stats(mut self) -> Read<Stats> {
        Ok(Stats {
            epoch: Epoch(self.int()?),
            history: History(self.int()?),
            last_seq: Sequence(self.int()?),
            log_head: LogIndex(self.count()?),
            watermark: Sequence(self.int()?),
            expired_through: Sequence(self.int()?),
            last_invited: Sequence::of_invited(self.count()?),
            invited_watermark: Sequence(self.int()?),
            active: self.count()?,
            unclaimed: self.count()?,
            ready: self.count()?,
            ready_invited: self.count()?,
            held_back: self.count()?,
            totals: self.array()?.totals()?,
            now: self.time()?,
            control: self.array()?.control()?,
        })
    }

    fn totals(mut self) -> Read<Totals> {
        Ok(Totals {
            admitted: self.count()?,
            admitted_invited: self.count()?,
            arrived: self.count()?,
            no_shows: self.count()?,
            not_claimed: self.count()?,
        })
    }

    pub(super) fn line(self) -> Read<LinePage> {
        let places = self.all(|value| value.as_i64().map(Sequence).ok_or_else(|| corrupt("a sequence")))?;
        Ok(LinePage { places })
    }
}

fn lost(reason: &str) -> Read<Lost> {
    match reason {
        "left" => Ok(Lost::Left),
        "no_show" => Ok(Lost::NoShow),
        "not_claimed" => Ok(Lost::NotClaimed),
        "passed" => Ok(Lost::Passed),
        "ended" => Ok(Lost::Ended),
        "released" => Ok(Lost::Released),
        "revoked" => Ok(Lost::Revoked),
        _ => Err(corrupt("why a place was lost")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_corrupt<T>(read: &Read<T>) -> bool {
        matches!(read, Err(EngineError::Corrupt(_)))
    }

    #[test]
    fn a_reply_of_another_shape_is_corrupt() {
        assert!(is_corrupt(&Reply::new(Value::Integer(1))));
        let reply = |elements: Vec<Value>| Reply::new(Value::Array(elements)).unwrap();
        assert!(is_corrupt(&reply(vec![]).standing()));
        assert!(is_corrupt(&reply(vec![Value::Integer(3)]).standing()));
        assert!(is_corrupt(&reply(vec![Value::Integer(0), text("eaten")]).standing()));
        assert!(is_corrupt(&reply(vec![Value::Integer(1), text("x")]).standing()));
        assert!(is_corrupt(&reply(vec![Value::Integer(9)]).claim()));
        assert!(is_corrupt(
            &reply(vec![Value::Integer(1), Value::Integer(0), Value::Integer(1), Value::Integer(-1)]).tail()
        ));
        assert!(is_corrupt(&reply(vec![text("many")]).control()));
        assert!(is_corrupt(&reply(vec![Value::Integer(1), Value::Array(vec![Value::Integer(7)])]).joins(2)));
        assert!(is_corrupt(&reply(vec![Value::Integer(1), Value::Array(vec![text("7")])]).joins(1)));
    }

    #[test]
    fn whoever_is_absent_may_have_lost_a_place() {
        let absent = |reason: Value| Reply::new(Value::Array(vec![Value::Integer(0), reason])).unwrap().standing();
        assert_eq!(absent(Value::Null).unwrap(), Standing::UNKNOWN);
        assert_eq!(absent(text("no_show")).unwrap(), Standing::Absent { lost: Some(Lost::NoShow) });
    }
}
