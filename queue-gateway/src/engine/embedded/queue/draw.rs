//! The draw: numbers before the opening, places after it.

use super::Queue;
use crate::{
    engine::{MOST_NUMBERS_PER_PLACE, embedded::slots::instant},
    line::{Deal, Draw, LineChange, Opening, Sequence},
};

impl Queue {
    /// The sequence of a fresh place, or where a number of the draw stands.
    pub(super) fn next_sequence(&mut self, now: i64) -> Sequence {
        if self.last_seq == Sequence(0) {
            let numbers = self.control.would_number(instant(now));
            let source = self.control.baseline.schedule.beacon_source.clone().filter(|_| numbers);
            let settled = Some(if numbers { Opening::Draw } else { Opening::Fifo });
            self.control.draw = Draw { settled, source, ..self.control.draw.clone() };
        }
        self.last_seq.0 += 1;
        let gives_number = self.control.draw.has_numbers() && self.control.draw.numbers.is_none();
        if gives_number { Sequence::of_number(ordinal(self.last_seq)) } else { self.last_seq }
    }

    /// Whether there is no further number to be given.
    pub(super) fn all_numbers_are_given(&self) -> bool {
        let most = self.control.baseline.max_places.saturating_mul(MOST_NUMBERS_PER_PLACE);
        let draw = &self.control.draw;
        draw.has_numbers() && draw.numbers.is_none() && ordinal(self.last_seq) >= most
    }

    /// Fixes how many numbers take part in the draw, once the queue has opened.
    pub(super) fn close_numbers(&mut self, now: i64) {
        // Somebody may know of further numbers.
        if self.waits(now) {
            return;
        }
        let has_opened = self.control.opens_at().is_none_or(|opens_at| opens_at <= instant(now));
        let draw = &mut self.control.draw;
        if draw.has_numbers() && draw.numbers.is_none() && has_opened {
            draw.numbers = Some(ordinal(self.last_seq));
            draw.closed_at = Some(instant(now));
        }
    }

    pub(super) fn decide_draw(&mut self) {
        if self.draw_is_decided {
            return;
        }
        if let Some(lots) = self.control.decisive_lots() {
            self.draw_is_decided = true;
            // Whatever source is named from now on.
            self.control.draw.beacon = Some(lots.beacon.clone());
            self.log.append(LineChange::Drawn(lots));
        }
    }

    pub(in crate::engine::embedded) fn deal(&mut self, deal: &Deal, now: i64) -> u64 {
        let lots = self.control.draw.lots().filter(|_| self.draw_is_decided);
        let is_whole = !self.waits(now);
        let is_this_draw = is_whole && deal.epoch == self.epoch && lots.as_ref() == Some(&deal.lots);
        let numbers = deal.lots.numbers;
        if !is_this_draw || deal.first != self.dealt + 1 || deal.first > numbers {
            return self.dealt;
        }
        for (number, seq) in (deal.first..=numbers).zip(&deal.places) {
            self.places.deal(Sequence::of_number(number), *seq);
            self.dealt = number;
        }
        if self.dealt == numbers {
            self.note_time(now);
            self.accrue(now);
            self.control.draw.drawn_at = Some(instant(now));
            self.ready.uncover();
        }
        self.dealt
    }
}

fn ordinal(seq: Sequence) -> u64 {
    u64::try_from(seq.0).unwrap_or(0)
}
