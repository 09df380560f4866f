//! A part of a queue's streams under one lock.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use contract::ids::{MemberId, VisitorId};
use tokio::time::Instant;

use super::latest::{Kind, Latest};
use crate::{
    documents::PlaceNotice,
    line::{ClientNetwork, Sequence, estimate::WaitRange},
};

/// Tabs that one visitor may leave open without sharing a stream. More are refused: each costs as much as a visitor.
const STREAMS_PER_VISITOR: usize = 4;

/// One stream as the tick sees it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: Sequence,
    /// The member who the visitor is, in a queue of members.
    pub(super) member: Option<MemberId>,
    /// Where the visitor comes from.
    pub(super) network: Option<ClientNetwork>,
    /// What the visitor was told of the queue: a countdown runs to it.
    pub(super) notice: PlaceNotice,
    /// The position last shown; what is shown next is never higher.
    pub(super) shown: u64,
    /// The estimate last shown.
    pub(super) wait: Option<WaitRange>,
    /// When the stream was last told anything.
    pub(super) told_at: Instant,
    /// When the stream is to be opened anew.
    pub(super) ends_at: Instant,
    pub(super) latest: Arc<Latest>,
}

/// Streams by visitor, so that an admission finds its own without a search.
#[derive(Debug, Default)]
pub(super) struct Shard(HashMap<VisitorId, Vec<Entry>>);

impl Shard {
    /// Adds a stream; false when the visitor has too many.
    pub(super) fn insert(&mut self, visitor: VisitorId, entry: Entry) -> bool {
        // Nearly everybody has one stream: an exact vector instead of the usual four.
        let streams = self.0.entry(visitor).or_insert_with(|| Vec::with_capacity(1));
        let room = streams.len() < STREAMS_PER_VISITOR;
        if room {
            streams.push(entry);
        }
        room
    }

    pub(super) fn remove(&mut self, visitor: VisitorId, latest: &Arc<Latest>) {
        if let Some(streams) = self.0.get_mut(&visitor) {
            streams.retain(|entry| !Arc::ptr_eq(&entry.latest, latest));
            if streams.is_empty() {
                self.0.remove(&visitor);
            }
        }
        self.give_back();
    }

    /// Takes out all streams of a visitor.
    pub(super) fn take(&mut self, visitor: VisitorId) -> Vec<Arc<Latest>> {
        self.0.remove(&visitor).into_iter().flatten().map(|entry| entry.latest).collect()
    }

    /// Takes out all streams.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Arc<Latest>> {
        std::mem::take(&mut self.0).into_values().flatten().map(|entry| entry.latest)
    }

    /// Takes out the streams of visitors until at least `least` streams are out, or none is left.
    pub(super) fn take_some(&mut self, least: usize) -> Vec<Arc<Latest>> {
        let mut some = Vec::new();
        while some.len() < least
            && let Some(visitor) = self.0.keys().next().copied()
        {
            some.extend(self.take(visitor));
        }
        some
    }

    /// How many streams there are.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Takes out the streams that were to end before `now`.
    pub(super) fn take_older_than(&mut self, now: Instant) -> Vec<Arc<Latest>> {
        let mut old = Vec::new();
        self.0.retain(|_, streams| {
            old.extend(streams.extract_if(.., |entry| entry.ends_at <= now).map(|entry| entry.latest));
            !streams.is_empty()
        });
        old
    }

    pub(super) fn of(&mut self, visitor: VisitorId) -> impl Iterator<Item = &mut Entry> {
        self.0.get_mut(&visitor).into_iter().flatten()
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = (VisitorId, &mut Entry)> {
        self.0.iter_mut().flat_map(|(visitor, streams)| streams.iter_mut().map(|entry| (*visitor, entry)))
    }

    /// After a rush the table is large and empty.
    fn give_back(&mut self) {
        if self.0.capacity() > 1024 && self.0.len() < self.0.capacity() / 8 {
            self.0.shrink_to(self.0.len() * 2);
        }
    }
}

impl Entry {
    /// Hands a frame to the reader.
    pub(super) fn tell(&mut self, kind: Kind, frame: Bytes, now: Instant) {
        self.latest.put(kind, frame);
        self.told_at = now;
    }
}
