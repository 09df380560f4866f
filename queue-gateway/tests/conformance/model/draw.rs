//! The draw in the model.

use jiff::Timestamp;
use queue_gateway::line::{Draw, Drawn, Opening, Sequence};

use super::{Model, life};

impl Model {
    pub(crate) fn draw(&self) -> &Draw {
        &self.control.draw
    }

    /// Up to which number places are dealt.
    pub(crate) fn dealt(&self) -> u64 {
        self.dealt
    }

    pub(crate) fn is_drawn(&self) -> bool {
        self.control.draw.drawn_at.is_some()
    }

    /// What is to be dealt, once the log has decided it.
    pub(crate) fn drawn(&self) -> Option<Drawn> {
        self.draw_is_decided.then(|| self.control.draw.lots().unwrap().draw())
    }

    /// Predicts a deal.
    pub(crate) fn deal(&mut self, first: u64, places: &[Sequence]) -> u64 {
        let numbers = self.control.draw.numbers.unwrap_or(0);
        if !self.draw_is_decided || first != self.dealt + 1 || first > numbers {
            return self.dealt;
        }
        for (number, place) in (first..=numbers).zip(places) {
            let number_at = Sequence::of_number(number).0;
            if let Some(person) = self.people.iter_mut().find(|person| person.place == Some(number_at)) {
                person.place = Some(place.0);
            }
            self.dealt = number;
        }
        if self.dealt == numbers {
            self.note_time();
            self.allowance.settle(self.now, &self.control);
            self.control.draw.drawn_at = Some(Timestamp::from_microsecond(self.now).unwrap());
        }
        self.dealt
    }

    pub(super) fn close_numbers(&mut self) {
        if self.control.draw.numbering && self.control.draw.numbers.is_none() && self.now >= life::opens(&self.control)
        {
            self.control.draw.numbers = Some(u64::try_from(self.last_seq).unwrap());
        }
    }

    pub(super) fn decide_draw(&mut self) -> bool {
        let lots = self.control.decisive_lots().filter(|_| !self.draw_is_decided);
        if let Some(lots) = &lots {
            self.control.draw.beacon = Some(lots.beacon.clone());
            self.draw_is_decided = true;
        }
        lots.is_some()
    }

    pub(super) fn next_sequence(&mut self) -> Sequence {
        let before_opening = self.now < life::opens(&self.control);
        self.last_seq += 1;
        if self.last_seq == 1 && before_opening && self.control.opening() == Opening::Draw {
            self.control.draw.numbering = true;
        }
        let numbers = self.control.draw.numbering && self.control.draw.numbers.is_none();
        let seq = u64::try_from(self.last_seq).unwrap();
        if numbers { Sequence::of_number(seq) } else { Sequence(self.last_seq) }
    }
}
