//! Entries of the log as the store has them: a word for what happened, and fields after it.

use std::str::{FromStr, Split};

use contract::ids::ActiveTokenId;
use jiff::Timestamp;

use super::{Read, corrupt, parsed, timestamp};
use crate::line::{Admission, DrawSecret, LineChange, Lots, Progress, Sequence};

type Fields<'a> = Split<'a, char>;

pub(super) fn read(entry: &str) -> Read<LineChange> {
    if let Some(lots) = entry.strip_prefix("drawn ") {
        return drawn(lots);
    }
    let mut fields = entry.split(' ');
    let change = match fields.next() {
        Some("admitted") => admitted(&mut fields)?,
        Some("invited") => LineChange::Invited { seq: sequence(&mut fields)? },
        Some("departed") => LineChange::Departed { seq: sequence(&mut fields)? },
        Some("restored") => LineChange::Restored { seq: sequence(&mut fields)? },
        Some("claimed") => claimed(&mut fields)?,
        Some("returned") => LineChange::Returned { seq: sequence(&mut fields)?, token: token(&mut fields)? },
        Some("ended") => LineChange::Ended { seq: sequence(&mut fields)?, token: token(&mut fields)? },
        Some("ready") => LineChange::Ready { seq: sequence(&mut fields)? },
        Some("away") => LineChange::Away { seq: sequence(&mut fields)? },
        Some("expired") => LineChange::Expired {
            through: sequence(&mut fields)?,
            kept: fields.by_ref().map(|field| parsed(field, "a sequence").map(Sequence)).collect::<Read<_>>()?,
        },
        _ => return Err(corrupt("a log entry")),
    };
    if fields.next().is_some() { Err(corrupt("fewer fields")) } else { Ok(change) }
}

/// The beacon is the rest of the entry, whatever it holds.
fn drawn(lots: &str) -> Read<LineChange> {
    let mut fields = lots.splitn(3, ' ');
    let mut field = || fields.next().ok_or_else(|| corrupt("more fields"));
    let numbers = parsed(field()?, "how many numbers")?;
    let secret = DrawSecret::from_hex(field()?).ok_or_else(|| corrupt("the secret of a draw"))?;
    Ok(LineChange::Drawn(Lots { numbers, secret, beacon: field()?.to_owned() }))
}

fn admitted(fields: &mut Fields<'_>) -> Read<LineChange> {
    let (token, visitor) = (token(fields)?, field(fields, "a visitor id")?);
    let seq = sequence(fields)?;
    let mut time = || time(fields);
    let (admitted_at, arrive_before, claim_before, expires_at) = (time()?, time()?, time()?, time()?);
    let progress = Progress::Admitted;
    let admission = Admission { token, admitted_at, arrive_before, claim_before, expires_at, progress };
    Ok(LineChange::Admitted { seq, visitor, admission })
}

fn claimed(fields: &mut Fields<'_>) -> Read<LineChange> {
    Ok(LineChange::Claimed {
        token: token(fields)?,
        visitor: field(fields, "a visitor id")?,
        seq: sequence(fields)?,
        admitted_at: time(fields)?,
        expires_at: time(fields)?,
        holder: field(fields, "a member id")?,
    })
}

fn token(fields: &mut Fields<'_>) -> Read<ActiveTokenId> {
    field(fields, "a token id")
}

fn time(fields: &mut Fields<'_>) -> Read<Timestamp> {
    timestamp(field(fields, "a time in microseconds")?)
}

fn sequence(fields: &mut Fields<'_>) -> Read<Sequence> {
    field(fields, "a sequence").map(Sequence)
}

fn field<T: FromStr>(fields: &mut Fields<'_>, what: &str) -> Read<T> {
    parsed(fields.next().ok_or_else(|| corrupt("more fields"))?, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    #[test]
    fn an_admission_reads_back() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let entry = "admitted 01890a5dac96774bbcceb302099a8057 01890a5dac96774bbcceb302099a8058 -7 1000000 31000000 \
                     211000000 601000000";
        let change = LineChange::Admitted {
            seq: Sequence(-7),
            visitor: "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap(),
            admission: Admission {
                token: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
                admitted_at: at(1_000_000),
                arrive_before: at(31_000_000),
                claim_before: at(211_000_000),
                expires_at: at(601_000_000),
                progress: Progress::Admitted,
            },
        };
        assert_eq!(read(entry).unwrap(), change);
    }

    #[test]
    fn a_claim_reads_back() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let entry = "claimed 01890a5dac96774bbcceb302099a8057 01890a5dac96774bbcceb302099a8058 -7 1000000 601000000 \
                     01890a5dac96774bbcceb302099a8059";
        let change = LineChange::Claimed {
            token: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            visitor: "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap(),
            seq: Sequence(-7),
            admitted_at: at(1_000_000),
            expires_at: at(601_000_000),
            holder: "01890a5d-ac96-774b-bcce-b302099a8059".parse().unwrap(),
        };
        assert_eq!(read(entry).unwrap(), change);
    }

    #[test]
    fn the_other_changes_read_back() {
        let seq = Sequence(12);
        let token = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(read("invited 12").unwrap(), LineChange::Invited { seq });
        assert_eq!(read("departed 12").unwrap(), LineChange::Departed { seq });
        assert_eq!(read("restored -12").unwrap(), LineChange::Restored { seq: Sequence(-12) });
        assert_eq!(read("returned 12 01890a5dac96774bbcceb302099a8057").unwrap(), LineChange::Returned { seq, token });
        assert_eq!(read("ended 12 01890a5dac96774bbcceb302099a8057").unwrap(), LineChange::Ended { seq, token });
        assert_eq!(read("ready 12").unwrap(), LineChange::Ready { seq });
        assert_eq!(read("away 12").unwrap(), LineChange::Away { seq });
        assert_eq!(read("expired 12").unwrap(), LineChange::Expired { through: seq, kept: vec![] });
        let kept = vec![Sequence(-3), Sequence(7)];
        assert_eq!(read("expired 12 -3 7").unwrap(), LineChange::Expired { through: seq, kept });
    }

    #[test]
    fn a_draw_reads_back_whatever_its_beacon() {
        let secret = DrawSecret([0xab; 32]);
        for beacon in ["", " ", "drand 4242: 0xff", "\u{d45c}"] {
            let lots = Lots { numbers: 7, secret, beacon: beacon.to_owned() };
            let entry = format!("drawn 7 {} {beacon}", secret.to_hex());
            assert_eq!(read(&entry).unwrap(), LineChange::Drawn(lots));
        }
    }

    #[test]
    fn anything_else_is_corrupt() {
        for entry in [
            "",
            "vanished 1",
            "departed",
            "departed x",
            "departed 1 2",
            "expired",
            "expired 1 x",
            "drawn",
            "drawn 7 ab ",
            "drawn x",
            "admitted 1 2 3 4 5 6 7",
            "admitted 01890a5dac96774bbcceb302099a8057",
            "claimed 01890a5dac96774bbcceb302099a8057 01890a5dac96774bbcceb302099a8058 1 1 1",
            "ended 1",
            "returned 1",
        ] {
            assert!(matches!(read(entry), Err(EngineError::Corrupt(_))), "{entry:?}");
        }
    }
}
