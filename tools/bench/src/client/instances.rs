//! The instances of a service, and when each was found gone.

use jiff::Timestamp;
use parking_lot::Mutex;

/// Addresses, each with its outages as its clients met them.
#[derive(Debug)]
pub(super) struct Instances(Vec<Instance>);

#[derive(Debug)]
struct Instance {
    base: String,
    outages: Mutex<Outages>,
}

#[derive(Debug, Default)]
struct Outages {
    /// When each began, ascending.
    began: Vec<Timestamp>,
    goes_on: bool,
}

impl Instances {
    pub(super) fn new(bases: &[String]) -> Self {
        let instance =
            |base: &String| Instance { base: base.trim_end_matches('/').to_owned(), outages: Mutex::default() };
        Self(bases.iter().map(instance).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn base(&self, number: usize) -> &str {
        &self.0[number].base
    }

    /// A connection was refused or lost. All until the next answer are one outage.
    pub(super) fn note_loss(&self, number: usize) {
        let mut outages = self.0[number].outages.lock();
        if !outages.goes_on {
            outages.goes_on = true;
            outages.began.push(Timestamp::now());
        }
    }

    /// It has answered.
    pub(super) fn note_answer(&self, number: usize) {
        self.0[number].outages.lock().goes_on = false;
    }

    /// When the first outage after `since` began.
    pub(super) fn lost_after(&self, number: usize, since: Timestamp) -> Option<Timestamp> {
        self.0[number].outages.lock().began.iter().copied().find(|began| *began > since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_begins_with_its_first_loss() {
        let instances = Instances::new(&["http://a".to_owned()]);
        let before = Timestamp::now();
        instances.note_loss(0);
        let began = instances.lost_after(0, before).unwrap();
        instances.note_loss(0);
        instances.note_answer(0);
        assert_eq!(instances.lost_after(0, before), Some(began));
        assert_eq!(instances.lost_after(0, began), None);
        instances.note_loss(0);
        assert!(instances.lost_after(0, began).is_some_and(|again| again > began));
    }
}
