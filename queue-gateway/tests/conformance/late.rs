//! A gateway that comes late: reads the line and its front page by page while both change, and then the log from
//! before.

use std::collections::BTreeSet;

use contract::ids::QueueName;
use queue_gateway::engine::QueueEngine;
use queue_gateway::line::{LineChange, LogPage, Sequence, Stats};

use crate::mirror::{Mirror, number_or_place};

const PAGE: usize = 3;

pub(crate) struct LateGateway {
    began: Stats,
    line: BTreeSet<Sequence>,
    front: BTreeSet<Sequence>,
    above: Option<Sequence>,
    line_is_read: bool,
}

impl LateGateway {
    pub(crate) fn begin(stats: Stats) -> Self {
        Self { began: stats, line: BTreeSet::new(), front: BTreeSet::new(), above: None, line_is_read: false }
    }

    /// Reads one more page; true when that was the last.
    pub(crate) async fn read_on(&mut self, engine: &dyn QueueEngine, queue: &QueueName) -> bool {
        let page = if self.line_is_read {
            engine.front(queue, self.above, PAGE).await.unwrap().places
        } else {
            engine.line(queue, self.above, PAGE).await.unwrap().places
        };
        let is_last = page.len() < PAGE;
        self.above = page.last().copied().filter(|_| !is_last);
        if self.line_is_read {
            self.front.extend(page);
            return is_last;
        }
        self.line.extend(page);
        self.line_is_read = is_last;
        false
    }

    /// Replays the log since before the first page; what a page has already seen does no harm.
    pub(crate) async fn catch_up(
        mut self,
        engine: &dyn QueueEngine,
        queue: &QueueName,
        mirror: &Mirror,
    ) -> (BTreeSet<Sequence>, BTreeSet<Sequence>) {
        let draw = engine.stats(queue).await.unwrap().control.draw;
        let tail = engine.tail(queue, self.began.epoch, self.began.log_head, usize::MAX).await.unwrap();
        self.line.extend((self.began.last_seq.0 + 1..=tail.last_seq.0).map(|seq| number_or_place(&draw, seq)));
        self.line = mirror.as_drawn(&self.line);
        let LogPage::Entries(entries) = tail.page else { panic!("a gap") };
        for entry in entries {
            match entry {
                LineChange::Admitted { seq, .. } | LineChange::Departed { seq } => {
                    let at = mirror.drawn.as_ref().map_or(seq, |drawn| drawn.place_in_line(seq));
                    self.line.remove(&at);
                    self.front.remove(&at);
                }
                LineChange::Drawn(_) | LineChange::Claimed { .. } | LineChange::Ended { .. } => {}
                LineChange::Invited { seq } | LineChange::Restored { seq } | LineChange::Returned { seq, .. } => {
                    self.line.insert(seq);
                    self.front.remove(&seq);
                }
                LineChange::Ready { seq } => {
                    self.front.insert(seq);
                }
                LineChange::Away { seq } => {
                    self.front.remove(&seq);
                }
                LineChange::Expired { through, kept } => {
                    let after = self.began.expired_through;
                    self.line.retain(|seq| *seq <= after || *seq > through || kept.contains(seq));
                    self.began.expired_through = through;
                }
            }
        }
        (self.line, self.front)
    }
}
