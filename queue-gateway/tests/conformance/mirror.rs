//! The line as a gateway knows it: from sequences and the log alone.

use std::collections::{BTreeMap, BTreeSet};

use contract::ids::{ActiveTokenId, MemberId};
use queue_gateway::line::{Draw, Drawn, LineChange, LogIndex, Sequence, Stats};

#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) line: BTreeSet<Sequence>,
    /// Passed, and ready.
    pub(crate) front: BTreeSet<Sequence>,
    /// The slots that have not ended: the places that their visitors had, and who has claimed them.
    pub(crate) slots: BTreeMap<ActiveTokenId, (Sequence, Option<MemberId>)>,
    pub(crate) head: LogIndex,
    watermark: Sequence,
    invited_watermark: Sequence,
    expired_through: Sequence,
    last_seq: i64,
    pub(crate) drawn: Option<Drawn>,
}

impl Mirror {
    /// Of a queue that has just begun.
    pub(crate) fn begin() -> Self {
        Self {
            line: BTreeSet::new(),
            front: BTreeSet::new(),
            slots: BTreeMap::new(),
            head: LogIndex(0),
            watermark: Sequence::FIRST,
            invited_watermark: Sequence::FIRST,
            expired_through: Sequence::FIRST,
            last_seq: 0,
            drawn: None,
        }
    }

    /// Takes in the entries that led to `stats`. Each must fit what the line was: replay that forgives would hide
    /// faults.
    pub(crate) fn follow(&mut self, entries: &[LineChange], stats: &Stats) {
        let draw = &stats.control.draw;
        self.line.extend((self.last_seq + 1..=stats.last_seq.0).map(|seq| number_or_place(draw, seq)));
        self.last_seq = stats.last_seq.0;
        for entry in entries {
            self.apply(entry);
        }
        self.head = LogIndex(self.head.0 + entries.len() as u64);
        assert_eq!(self.head, stats.log_head);
        assert_eq!((self.watermark, self.expired_through), (stats.watermark, stats.expired_through));
        assert_eq!(self.invited_watermark, stats.invited_watermark);
    }

    /// Places are dealt up to this number.
    pub(crate) fn deal(&mut self, dealt: u64) {
        let Some(drawn) = &self.drawn else { return };
        let place = |seq: Sequence| match seq.number() {
            Some(number) if number <= dealt => drawn.place_in_line(seq),
            _ => seq,
        };
        self.line = self.line.iter().copied().map(place).collect();
    }

    /// The line with everybody at their place, dealt or not.
    pub(crate) fn as_drawn(&self, line: &BTreeSet<Sequence>) -> BTreeSet<Sequence> {
        let place = |seq: &Sequence| self.drawn.as_ref().map_or(*seq, |drawn| drawn.place_in_line(*seq));
        line.iter().map(place).collect()
    }

    fn apply(&mut self, entry: &LineChange) {
        match entry {
            LineChange::Admitted { seq, admission, .. } => {
                assert_eq!(self.slots.insert(admission.token, (*seq, None)), None, "{entry:?} comes twice");
            }
            LineChange::Claimed { token, seq, holder, .. } => {
                // Or has readmitted them.
                let before = self.slots.insert(*token, (*seq, Some(*holder)));
                assert!(before.is_none_or(|before| before == (*seq, None)), "{entry:?} was {before:?}");
            }
            LineChange::Returned { seq, token } => {
                assert_eq!(self.slots.remove(token), Some((*seq, None)), "{entry:?} was not admitted");
            }
            LineChange::Ended { seq, token } => {
                assert_eq!(self.slots.remove(token).map(|slot| slot.0), Some(*seq), "{entry:?} was not admitted");
            }
            _ => {}
        }
        match entry {
            LineChange::Claimed { .. } | LineChange::Ended { .. } => {}
            LineChange::Invited { seq } => {
                assert!(
                    seq.is_invited() && !seq.is_restored() && self.line.insert(*seq),
                    "{entry:?} is no fresh place"
                );
            }
            LineChange::Admitted { seq, .. } if seq.is_invited() => {
                // Who goes straight in was never in the line.
                let is_new = *seq > self.invited_watermark;
                assert!(self.line.remove(seq) || is_new, "{entry:?} was not in the line");
                self.invited_watermark = self.invited_watermark.max(*seq);
            }
            LineChange::Admitted { seq, .. } => {
                assert!(self.line.remove(seq), "{entry:?} was not in the line");
                self.front.remove(seq);
                assert!(self.front.is_empty() || *seq <= self.watermark, "{entry:?} overtakes {:?}", self.front);
                self.watermark = self.watermark.max(*seq);
            }
            LineChange::Departed { seq } => {
                assert!(self.line.remove(seq), "{entry:?} was not in the line");
                self.front.remove(seq);
            }
            LineChange::Drawn(lots) => {
                assert!(self.drawn.is_none(), "{entry:?} comes twice");
                self.drawn = Some(lots.draw());
            }
            LineChange::Restored { seq } | LineChange::Returned { seq, .. } => {
                assert!(self.line.insert(*seq), "{entry:?} was in the line");
            }
            LineChange::Ready { seq } => {
                assert!(self.line.contains(seq) && *seq <= self.watermark, "{entry:?} was not passed");
                assert!(self.front.insert(*seq), "{entry:?} was ready");
            }
            LineChange::Away { seq } => assert!(self.front.remove(seq), "{entry:?} was not ready"),
            LineChange::Expired { through, kept } => {
                assert!(self.expired_through < *through && *through <= self.watermark, "{entry:?}");
                let (after, kept): (_, BTreeSet<Sequence>) = (self.expired_through, kept.iter().copied().collect());
                let stays = |seq: &Sequence| *seq <= after || *seq > *through || kept.contains(seq);
                assert!(kept.is_subset(&self.line), "{entry:?} keeps somebody who was not in the line");
                assert!(self.front.iter().all(stays), "{entry:?} loses somebody who is ready: {:?}", self.front);
                self.line.retain(stays);
                self.expired_through = *through;
            }
        }
    }
}

/// Where somebody stands at first to whom the store has issued this sequence.
pub(crate) fn number_or_place(draw: &Draw, seq: i64) -> Sequence {
    let number = u64::try_from(seq).unwrap();
    let is_number = draw.has_numbers() && draw.numbers.is_none_or(|numbers| number <= numbers);
    if is_number { Sequence::of_number(number) } else { Sequence(seq) }
}
