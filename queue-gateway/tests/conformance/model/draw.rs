//! The draw in the model.

use jiff::Timestamp;
use queue_gateway::line::{Control, Deal, Draw, Drawn, Opening, Sequence};

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
    pub(crate) fn deal(&mut self, deal: &Deal) -> u64 {
        let Deal { epoch, lots, first, places } = deal;
        let (first, numbers) = (*first, lots.numbers);
        let is_this_draw = *epoch == self.epoch && self.control.draw.lots().as_ref() == Some(lots);
        if !self.draw_is_decided || !is_this_draw || first != self.dealt + 1 || first > numbers {
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
            for gateway in &mut self.gateways {
                (gateway.covers, gateway.newest) = (Sequence::FIRST, Sequence::FIRST);
            }
        }
        self.dealt
    }

    pub(super) fn close_numbers(&mut self) {
        let has_opened = self.now >= life::opens(&self.control);
        let draw = &mut self.control.draw;
        if draw.settled == Some(Opening::Draw) && draw.numbers.is_none() && has_opened {
            draw.numbers = Some(u64::try_from(self.last_seq).unwrap());
            draw.closed_at = Some(Timestamp::from_microsecond(self.now).unwrap());
        }
    }

    /// Whether who joins as the first of all now would get a number, or did.
    pub(super) fn draws(&self) -> bool {
        let Control { draw, baseline, opening_override, .. } = &self.control;
        let before_opening = self.now < life::opens(&self.control);
        let asked = opening_override.unwrap_or(baseline.schedule.opening) == Opening::Draw;
        draw.settled.map_or(before_opening && asked, |settled| settled == Opening::Draw)
    }

    pub(super) fn all_numbers_are_given(&self) -> bool {
        let draw = &self.control.draw;
        let open = draw.settled == Some(Opening::Draw) && draw.numbers.is_none();
        open && u64::try_from(self.last_seq).unwrap() >= 4 * self.control.baseline.max_places
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
        let draws = self.draws();
        self.last_seq += 1;
        if self.last_seq == 1 {
            self.control.draw.settled = Some(if draws { Opening::Draw } else { Opening::Fifo });
            self.control.draw.source = self.control.baseline.schedule.beacon_source.clone().filter(|_| draws);
        }
        let numbers = draws && self.control.draw.numbers.is_none();
        let seq = u64::try_from(self.last_seq).unwrap();
        if numbers { Sequence::of_number(seq) } else { Sequence(self.last_seq) }
    }
}
