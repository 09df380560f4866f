//! One queue as this gateway follows it: who is there, what the log brings, and who must be told.
//!
//! The log is read by every step, and in between for requests that wait for what others may have been told already.

mod interest;
mod reading;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contract::ids::{QueueName, VisitorId};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;

pub use self::{
    interest::Interest,
    reading::{Readings, Stale},
};
use crate::{
    engine::{EngineError, QueueEngine},
    line::{
        ClientNetwork, LineChange, Sequence, Standing,
        presence::{JoinUnderWay, Presence},
    },
    mirror::{LOG_PAGE, Mirror, News},
    streams::QueueStreams,
};

/// Visitors whose standing is asked at the same time.
const ASKED_AT_ONCE: usize = 32;

/// A join under way.
#[derive(Debug)]
#[must_use]
pub struct Joining {
    presence: Arc<Mutex<Presence>>,
    join: JoinUnderWay,
}

impl Drop for Joining {
    fn drop(&mut self) {
        self.presence.lock().join_ends(self.join);
    }
}

/// One queue of this gateway.
#[derive(Debug)]
pub struct Follower {
    /// What the line is kept in.
    pub engine: Arc<dyn QueueEngine>,
    /// The copy of the line.
    pub mirror: Arc<Mirror>,
    /// Those who listen.
    pub streams: Arc<QueueStreams>,
    /// Those who are there. Whoever holds its lock does not read the copy of the line: the tick takes them the other
    /// way round.
    pub presence: Arc<Mutex<Presence>>,
    /// Whether anybody asks for it.
    pub interest: Interest,
    /// The store is another than the one that knows whom this gateway has reported.
    anew: AtomicBool,
}

impl Follower {
    /// Follows the queue of these streams in the store.
    pub fn new(engine: Arc<dyn QueueEngine>, streams: Arc<QueueStreams>) -> Self {
        let (mirror, presence) = (streams.mirror().clone(), streams.presence().clone());
        Self { engine, mirror, streams, presence, interest: Interest::default(), anew: AtomicBool::new(false) }
    }

    /// The name of the queue that is followed.
    pub fn queue(&self) -> &QueueName {
        self.mirror.queue()
    }

    /// Notes that a visitor has asked, is to ask again after `due_in`, and counts as present for `lasts`.
    pub fn heard(
        &self,
        visitor: VisitorId,
        seq: Sequence,
        network: Option<ClientNetwork>,
        due_in: Duration,
        lasts: Duration,
    ) {
        let seq = self.mirror.place(seq);
        self.presence.lock().heard(visitor, seq, network, due_in, lasts);
        // Their request may have begun long ago.
        self.interest.note();
    }

    /// Nobody stands at this place any more.
    pub fn forget_at(&self, seq: Sequence) {
        // While places are dealt, they may be known by their number here, or there.
        let number = self.mirror.number_of(seq).map(Sequence::of_number);
        let place = self.mirror.place(seq);
        let mut presence = self.presence.lock();
        for seq in [seq, place].into_iter().chain(number) {
            presence.forget_at(seq);
        }
    }

    /// Announces a join of somebody who is here, until what this returns is dropped.
    pub fn joining(&self) -> Joining {
        self.interest.note();
        // Before the lock: the tick asks who is present while it reads the line, and the two would wait for one
        // another.
        let newest = self.mirror.bookmark().newest;
        let join = self.presence.lock().join_begins(newest);
        Joining { presence: Arc::clone(&self.presence), join }
    }

    /// Whether the store has been another since the last call, so that everybody must be reported anew.
    pub(crate) fn take_anew(&self) -> bool {
        self.anew.swap(false, Ordering::Relaxed)
    }

    /// Reads the end of the log once.
    pub(crate) async fn read_on(&self) -> Result<(), EngineError> {
        loop {
            let bookmark = self.mirror.bookmark();
            let tail = self.engine.tail(self.queue(), bookmark.epoch, bookmark.after, LOG_PAGE).await?;
            let news = self.mirror.follow(&*self.engine, bookmark, tail).await?;
            self.tell(&news);
            match news {
                News::Overtaken => {}
                News::Unsettled => {
                    return Err(EngineError::Unavailable("the line changes while it is read".to_owned()));
                }
                _ => return Ok(()),
            }
        }
    }

    /// Tells those concerned what the log has brought. Positions are told by the tick.
    pub(crate) fn tell(&self, news: &News) {
        match news {
            News::Followed(changes) => {
                self.forget_departed(changes);
                self.streams.tell_admissions(changes);
            }
            News::NewEpoch | News::SetBack => {
                self.presence.lock().forget_all();
                self.anew.store(true, Ordering::Relaxed);
                self.streams.send_back();
            }
            News::Rebuilt | News::Rejoining | News::Overtaken | News::Unsettled => {}
        }
    }

    /// Asks the engine about visitors whom the log does not explain, and tells their streams.
    pub(crate) async fn settle(&self, lost: Vec<VisitorId>) -> Result<(), EngineError> {
        let queue = self.queue();
        let mut standings = stream::iter(lost)
            .map(|visitor| async move { (visitor, self.engine.status(queue, visitor).await) })
            .buffer_unordered(ASKED_AT_ONCE);
        while let Some((visitor, standing)) = standings.next().await {
            let standing = standing?;
            if !matches!(standing, Standing::Waiting { .. }) {
                self.presence.lock().forget(visitor);
            }
            self.streams.settle(visitor, standing);
        }
        Ok(())
    }

    fn forget_departed(&self, changes: &[LineChange]) {
        for change in changes {
            match change {
                LineChange::Admitted { visitor, .. } => self.presence.lock().forget(*visitor),
                LineChange::Departed { seq } => self.forget_at(*seq),
                _ => {}
            }
        }
    }
}
