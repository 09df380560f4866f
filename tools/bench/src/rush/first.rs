//! Ghosts that come before all visitors.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use anyhow::Context;
use tokio::{net::TcpStream, task::JoinSet};

use super::{
    Rush,
    arguments::{Arguments, FirstKind},
    browser::Browser,
    crowd,
    document::{Document, State},
    progress, vanish,
};

/// Joins at one time.
const AT_ONCE: usize = 64;
/// So many of those who only joined are asked at the end what became of them.
const QUESTIONED: usize = 200;

/// Ghosts in the line.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    /// Some of them, to be asked what became of their places.
    pub(super) witnesses: Vec<Browser>,
    /// Of those who listened and vanished.
    sockets: Vec<TcpStream>,
}

impl Ghosts {
    /// Closes the connections of those who vanished.
    pub(super) fn hang_up(&mut self) {
        self.sockets.clear();
    }

    /// How many of those who are asked were admitted at any time. Asking is a sign of presence, so each is asked once,
    /// and leaves then.
    pub(super) async fn admitted(&mut self) -> anyhow::Result<usize> {
        let mut admitted = 0;
        for witness in &mut self.witnesses {
            admitted += usize::from(was_admitted(&witness.poll().await?.document));
            witness.leave().await?;
        }
        Ok(admitted)
    }
}

/// Whether somebody who never came to the site has, or had, a slot.
pub(super) fn was_admitted(document: &Document) -> bool {
    match document.state {
        State::Admitted(_) => true,
        State::Left => document.reason.as_deref().is_some_and(|reason| !matches!(reason, "passed" | "left")),
        State::Waiting | State::Parked | State::Other(_) => false,
    }
}

/// Lets the ghosts come and returns when all have a place.
pub(super) async fn come(rush: &Arc<Rush>, arguments: &Arguments) -> anyhow::Result<Ghosts> {
    let crowd = &arguments.crowd;
    let (ghosts, addresses, kind) = (crowd.ghosts_first, crowd.ghost_addresses, crowd.ghosts_first_kind);
    let bar = progress("haunting", ghosts);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE.min(ghosts) {
        let (rush, next, bar) = (Arc::clone(rush), Arc::clone(&next), bar.clone());
        workers.spawn(async move {
            let mut own = Ghosts::default();
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= ghosts {
                    return anyhow::Ok(own);
                }
                let mut browser = rush.browser(number, &crowd::ghost_address(number, addresses));
                if kind == FirstKind::Stream {
                    browser.come().await?;
                }
                browser.join().await?;
                match kind {
                    FirstKind::Stream => own.sockets.push(vanish::listen_and_vanish(&browser).await?),
                    FirstKind::Join if number % ghosts.div_ceil(QUESTIONED) == 0 => own.witnesses.push(browser),
                    FirstKind::Join => {}
                }
                bar.inc(1);
            }
        });
    }
    let mut all = Ghosts::default();
    while let Some(own) = workers.join_next().await {
        let own = own.context("a ghost's task failed")?.context("a ghost could not join")?;
        all.witnesses.extend(own.witnesses);
        all.sockets.extend(own.sockets);
    }
    bar.finish_and_clear();
    Ok(all)
}
