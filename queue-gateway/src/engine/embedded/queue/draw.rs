//! The draw: numbers before the opening, places after it.

use super::Queue;
use crate::{
    engine::embedded::slots::instant,
    line::{Draw, LineChange, Opening, Sequence},
};

impl Queue {
    /// The sequence of a fresh place, or where a number of the draw stands.
    pub(super) fn next_sequence(&mut self, now: i64) -> Sequence {
        let is_first = self.last_seq == Sequence(0);
        self.last_seq.0 += 1;
        let is_before_opening = self.control.opens_at().is_some_and(|opens_at| instant(now) < opens_at);
        if is_first && is_before_opening && self.control.opening() == Opening::Draw {
            self.control.draw.numbering = true;
        }
        let Draw { numbering, numbers, .. } = &self.control.draw;
        if *numbering && numbers.is_none() { Sequence::of_number(ordinal(self.last_seq)) } else { self.last_seq }
    }

    /// Fixes how many numbers take part in the draw, once the queue has opened.
    pub(super) fn close_numbers(&mut self, now: i64) {
        let has_opened = self.control.opens_at().is_none_or(|opens_at| opens_at <= instant(now));
        let draw = &mut self.control.draw;
        if draw.numbering && draw.numbers.is_none() && has_opened {
            draw.numbers = Some(ordinal(self.last_seq));
        }
    }

    pub(super) fn decide_draw(&mut self) {
        if let Some(lots) = self.control.decisive_lots().filter(|_| !self.draw_is_decided) {
            self.draw_is_decided = true;
            // Whatever source is named from now on.
            self.control.draw.beacon = Some(lots.beacon.clone());
            self.log.append(LineChange::Drawn(lots));
        }
    }

    pub(in crate::engine::embedded) fn deal(&mut self, first: u64, places: &[Sequence], now: i64) -> u64 {
        let numbers = self.control.draw.numbers.filter(|_| self.draw_is_decided).unwrap_or(0);
        if first != self.dealt + 1 || first > numbers {
            return self.dealt;
        }
        for (number, seq) in (first..=numbers).zip(places) {
            self.places.deal(Sequence::of_number(number), *seq);
            self.dealt = number;
        }
        if self.dealt == numbers {
            self.note_time(now);
            self.accrue(now);
            self.control.draw.drawn_at = Some(instant(now));
        }
        self.dealt
    }
}

fn ordinal(seq: Sequence) -> u64 {
    u64::try_from(seq.0).unwrap_or(0)
}
