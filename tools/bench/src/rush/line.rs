//! A visitor's wait: on a stream, or by asking again and again, through any number of cuts, until admitted.

use std::time::Duration;

use anyhow::bail;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    browser::{Browser, Told},
    diary::Diary,
    document::{Document, State},
    stream::{Events, Heard},
};

/// The server sends a ping every 15 s; a stream that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(40);
/// Somebody who is admitted tries the entrance so often.
const MOST_ENTRANCES: usize = 10;
/// Longer than any run.
const FOREVER: Duration = Duration::from_hours(7 * 24);

/// Somebody who waits in the line.
#[derive(Debug)]
pub(super) struct Waiter {
    /// What the visitor speaks through.
    pub(super) browser: Browser,
    /// What the visitor was told.
    pub(super) diary: Diary,
    habits: Habits,
    latest: Option<Document>,
    /// Who answered last, and when.
    answered: Option<(usize, Timestamp)>,
}

/// How a visitor waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Asks, instead of listening.
    pub(super) polls: bool,
    /// Opens the stream anew every few seconds, and asks once more when admitted, to be told by another gateway.
    pub(super) moves: bool,
    /// Takes at most so long to go to the site.
    pub(super) dawdles: Duration,
}

impl Waiter {
    /// Somebody who has not come yet.
    pub(super) fn new(browser: Browser, habits: Habits) -> Self {
        Self { browser, diary: Diary::default(), habits, latest: None, answered: None }
    }

    /// Comes by the page and takes a place.
    pub(super) async fn join(&mut self) -> anyhow::Result<()> {
        self.browser.come().await?;
        let told = self.browser.join().await?;
        self.note_answer(told);
        Ok(())
    }

    /// Whether the last word was an admission.
    pub(super) fn is_admitted(&self) -> bool {
        self.latest.as_ref().is_some_and(|document| document.slot().is_some())
    }

    /// Whether the last word was that there is no place any more.
    pub(super) fn has_lost(&self) -> bool {
        self.latest.as_ref().is_some_and(|document| document.state == State::Left)
    }

    /// Waits to be admitted; an error when the place is lost, or at `deadline`.
    pub(super) async fn wait(&mut self, deadline: Instant) -> anyhow::Result<()> {
        while !self.is_admitted() {
            if self.has_lost() {
                bail!("lost the place: {:?}", self.latest.as_ref().and_then(|document| document.reason.clone()));
            }
            if Instant::now() >= deadline {
                bail!("not admitted in time, last told: {:?}", self.latest);
            }
            if self.habits.polls {
                timeout_at(deadline, self.ask_again()).await.unwrap_or(Ok(()))?;
            } else {
                // At the deadline the stream is closed by being dropped.
                let _ = timeout_at(deadline, self.listen()).await;
            }
        }
        Ok(())
    }

    /// Waits, and then goes to the site: the active token with which the visitor arrives there.
    pub(super) async fn pass(&mut self, deadline: Instant) -> anyhow::Result<String> {
        self.wait(deadline).await?;
        sleep(self.habits.dawdles.mul_f64(rand::random())).await;
        for _ in 0..MOST_ENTRANCES {
            self.wait(deadline).await?;
            if self.habits.moves {
                self.ask().await?;
            }
            if !self.is_admitted() {
                continue;
            }
            if let Some(token) = self.browser.enter().await? {
                self.diary.note_arrival(Timestamp::now());
                return Ok(token);
            }
            // The page is where the entrance leads while the store is away; it asks, and tries again.
            sleep(Duration::from_secs(1)).await;
            self.ask().await?;
        }
        bail!("the entrance turned somebody away who is admitted, {MOST_ENTRANCES} times")
    }

    /// Asks where the visitor stands.
    pub(super) async fn ask(&mut self) -> anyhow::Result<()> {
        let told = self.browser.poll().await?;
        // Who only asks is present at the gateway that answered: its death is a gap.
        let before = self.answered.and_then(|(by, at)| self.browser.gateway().lost_after(by, at));
        if let Some(lost_at) = before.filter(|_| self.habits.polls) {
            self.diary.presence.lost(lost_at);
        }
        self.note_answer(told);
        Ok(())
    }

    /// Closes the tab, or goes elsewhere.
    pub(super) fn go_away(&mut self) {
        self.diary.presence.over();
    }

    async fn ask_again(&mut self) -> anyhow::Result<()> {
        let pause = self.latest.as_ref().map_or(1, |document| document.poll_after);
        sleep(Duration::from_secs(pause)).await;
        self.ask().await
    }

    /// Listens to one stream until it ends, or says that the wait is over.
    async fn listen(&mut self) {
        let stays = if self.habits.moves { Duration::from_millis(rand::random_range(2_000..6_000)) } else { FOREVER };
        let until = Instant::now() + stays;
        let has_heard = match self.browser.listen().await {
            Some(mut events) => self.hear(&mut events, until).await,
            None => false,
        };
        if self.is_admitted() || self.has_lost() {
            return;
        }
        self.diary.presence.lost(Timestamp::now());
        // Who was asked to come again at once has lost no stream.
        self.diary.reconnects += u32::from(has_heard);
        if Instant::now() < until {
            sleep(Duration::from_millis(rand::random_range(200..1_000))).await;
        }
    }

    /// Whether anything was said before the stream ended.
    async fn hear(&mut self, events: &mut Events, until: Instant) -> bool {
        let mut has_heard = false;
        while !self.is_admitted() && !self.has_lost() {
            let heard = timeout_at(until.min(Instant::now() + SILENCE), events.next()).await;
            match heard {
                Ok(Heard::Event(event)) => {
                    has_heard = true;
                    match Document::read(&event.data) {
                        Some(document) if matches!(event.name.as_str(), "position" | "admitted" | "closed") => {
                            self.note(document);
                        }
                        _ => self.diary.presence.seen(Timestamp::now()),
                    }
                }
                Ok(Heard::Cut) => {
                    self.browser.gateway().note_loss(events.from);
                    break;
                }
                Ok(Heard::End) | Err(_) => break,
            }
        }
        has_heard
    }

    fn note_answer(&mut self, told: Told) {
        self.answered = Some((told.by, Timestamp::now()));
        self.note(told.document);
    }

    fn note(&mut self, document: Document) {
        self.diary.note(&document, Timestamp::now());
        self.diary.order = self.browser.order().or(self.diary.order);
        self.latest = Some(document);
    }
}
