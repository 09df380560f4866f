//! Between the contract's values and what scripts take and reply. What no script of ours writes is `Corrupt`.

use std::{fmt::Display, str::FromStr, time::Duration};

use contract::ids::{ActiveTokenId, VisitorId};
use fred::types::Value;
use jiff::Timestamp;
use uuid::Uuid;

use crate::engine::EngineError;
use crate::line::{
    Admission, AdmissionLimits, Baseline, Claim, Control, Departures, Epoch, Joined, Lifetimes, LineChange, LinePage,
    LogIndex, Promotion, Sequence, Standing, Stats,
};

/// Ids travel and are stored as 32 hexadecimal digits: they hold no separator of ours, and are the shortest readable form.
pub(super) fn id(uuid: Uuid) -> Value {
    Value::from(uuid.simple().to_string())
}

/// Numbers travel as decimal text; floats in the shortest form that reads back as the same number.
pub(super) fn text(value: impl Display) -> Value {
    Value::from(value.to_string())
}

/// Redis takes counts as signed numbers, and nobody reads a longer page.
pub(super) fn count(limit: usize) -> Value {
    text(u32::try_from(limit).unwrap_or(u32::MAX))
}

/// Whole microseconds.
pub(super) fn micros(duration: Duration) -> Value {
    text(duration.as_micros())
}

/// A partial change of one field: leave, clear, or set.
#[expect(clippy::option_option, reason = "the three cases of the contract's partial change")]
pub(super) fn change(change: Option<Option<impl Display>>) -> Value {
    match change {
        None => text(""),
        Some(None) => text("-"),
        Some(Some(value)) => text(format_args!("={value}")),
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

impl Reply {
    pub(super) fn new(value: Value) -> Read<Self> {
        match value {
            Value::Array(elements) => Ok(Self(elements.into_iter())),
            _ => Err(corrupt("an array")),
        }
    }

    fn value(&mut self) -> Read<Value> {
        self.0.next().ok_or_else(|| corrupt("a longer array"))
    }

    fn array(&mut self) -> Read<Self> {
        Self::new(self.value()?)
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
        if value.is_null() { Ok(None) } else { value.into_string().map(Some).ok_or_else(|| corrupt("text")) }
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

    fn duration(&mut self) -> Read<Duration> {
        self.number().map(Duration::from_micros)
    }

    pub(super) fn standing(mut self) -> Read<Standing> {
        match self.int()? {
            0 => Ok(Standing::Absent),
            1 => Ok(Standing::Waiting { seq: Sequence(self.int()?) }),
            2 => {
                let token = parsed(&self.text()?, "a token id")?;
                let slot = self.text()?;
                let (seq, _, admission) = slot_fields(token, &mut slot.split(' '))?;
                Ok(Standing::Admitted { seq, admission })
            }
            _ => Err(corrupt("a standing")),
        }
    }

    pub(super) fn joined(mut self) -> Read<Joined> {
        let epoch = Epoch(self.int()?);
        let fresh = self.int()? == 1;
        Ok(Joined { epoch, fresh, standing: self.array()?.standing()? })
    }

    pub(super) fn promotion(mut self) -> Read<Promotion> {
        Ok(Promotion { admitted: self.count()?, stats: self.array()?.stats()? })
    }

    pub(super) fn claim(mut self) -> Read<Claim> {
        match self.int()? {
            0 => Ok(Claim::Gone),
            1 => Ok(Claim::Bound { expires_at: self.time()? }),
            2 => Ok(Claim::HeldByAnother),
            _ => Err(corrupt("a claim")),
        }
    }

    pub(super) fn stats(mut self) -> Read<Stats> {
        Ok(Stats {
            epoch: Epoch(self.int()?),
            last_seq: Sequence(self.int()?),
            log_head: LogIndex(self.count()?),
            waiting: self.count()?,
            active: self.count()?,
            connected: self.count()?,
            admitted_total: self.count()?,
            unclaimed_total: self.count()?,
            now: self.time()?,
            control: self.array()?.control()?,
        })
    }

    pub(super) fn control(mut self) -> Read<Control> {
        Ok(Control {
            revision: self.number()?,
            baseline: Baseline {
                limits: AdmissionLimits { rate_per_second: self.number()?, cap: self.number()? },
                lifetimes: Lifetimes { claim: self.duration()?, active: self.duration()? },
            },
            rate_override: self.optional_number()?,
            cap_override: self.optional_number()?,
            paused: self.text()? == "1",
            message: self.optional_text()?,
        })
    }

    pub(super) fn departures(self) -> Read<Departures> {
        let entry = |value: Value| line_change(&value.into_string().ok_or_else(|| corrupt("a log entry"))?);
        self.0.map(entry).collect::<Read<_>>().map(Departures::Entries)
    }

    pub(super) fn line(self) -> Read<LinePage> {
        let sequence = |value: Value| value.as_i64().map(Sequence).ok_or_else(|| corrupt("a sequence"));
        Ok(LinePage { waiting: self.0.map(sequence).collect::<Read<_>>()? })
    }
}

fn line_change(entry: &str) -> Read<LineChange> {
    let mut fields = entry.split(' ');
    match fields.next() {
        Some("A") => {
            let token = parsed(next(&mut fields)?, "a token id")?;
            let (seq, visitor, admission) = slot_fields(token, &mut fields)?;
            Ok(LineChange::Admitted { seq, visitor, admission })
        }
        Some("D") => Ok(LineChange::Departed { seq: sequence(&mut fields)? }),
        Some("R") => Ok(LineChange::Restored { seq: sequence(&mut fields)? }),
        _ => Err(corrupt("a log entry")),
    }
}

/// `visitor seq admitted_at claim_before expires_at`, as slots and log entries carry them.
fn slot_fields<'a>(
    token: ActiveTokenId,
    fields: &mut impl Iterator<Item = &'a str>,
) -> Read<(Sequence, VisitorId, Admission)> {
    let visitor = parsed(next(fields)?, "a visitor id")?;
    let seq = sequence(fields)?;
    let mut time = || timestamp(parsed(next(fields)?, "a time in microseconds")?);
    let (admitted_at, claim_before, expires_at) = (time()?, time()?, time()?);
    Ok((seq, visitor, Admission { token, claim_before, expires_at, admitted_at }))
}

fn sequence<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Read<Sequence> {
    parsed(next(fields)?, "a sequence").map(Sequence)
}

fn next<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Read<&'a str> {
    fields.next().ok_or_else(|| corrupt("more fields"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_entries_read_back() {
        let token = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let visitor = "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap();
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let entry = "A 01890a5dac96774bbcceb302099a8057 01890a5dac96774bbcceb302099a8058 -7 1000000 31000000 61000000";
        assert_eq!(
            line_change(entry).unwrap(),
            LineChange::Admitted {
                seq: Sequence(-7),
                visitor,
                admission: Admission {
                    token,
                    admitted_at: at(1_000_000),
                    claim_before: at(31_000_000),
                    expires_at: at(61_000_000),
                },
            }
        );
        assert_eq!(line_change("D 12").unwrap(), LineChange::Departed { seq: Sequence(12) });
        assert_eq!(line_change("R -12").unwrap(), LineChange::Restored { seq: Sequence(-12) });
    }

    #[test]
    fn anything_else_is_corrupt() {
        for entry in ["", "X 1", "D", "D x", "A 1 2 3 4 5 6", "A 01890a5dac96774bbcceb302099a8057"] {
            assert!(matches!(line_change(entry), Err(EngineError::Corrupt(_))), "{entry:?}");
        }
        assert!(matches!(Reply::new(Value::Integer(1)), Err(EngineError::Corrupt(_))));
    }
}
