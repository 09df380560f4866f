//! A queue at rest: nobody is here, asks for it or is at the site, and it costs next to nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::{Acquaintance, Promoter};
use crate::{
    engine::EngineError,
    follower::Follower,
    line::{GatewayId, Phase, Report, presence::Changes},
};

/// How often a queue at rest is looked at. Of a line that the store has lost meanwhile it learns as late, and nobody was
/// there; whoever comes back to a queue that goes on without it does so by the old token, as if all gateways had died.
const LOOKS_EVERY: Duration = Duration::from_mins(1);
/// A gateway with many queues looks at one of them at a time, and so at each more seldom: all of them together cost
/// hardly more than one in use.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1_200);
/// So do more gateways than these, for the same reason.
const LOOK_AS_OFTEN: u32 = 5;
/// The end of the log is read at each look, the queue in numbers at every fifth.
const LOOKS_A_COUNT: u32 = 5;

/// Between the first steps of two queues of one gateway: a thousand at once would keep the store from answering anybody.
const BETWEEN_STARTS: Duration = Duration::from_millis(5);

impl Promoter {
    /// A queue that nobody asks for yet waits for its turn to be stepped first.
    pub(super) async fn await_turn(&self, gateway: GatewayId) {
        let round = BETWEEN_STARTS * self.queues.saturating_sub(1);
        let _asked_or_not = tokio::time::timeout(round.mul_f64(turn_of(gateway)), self.follower.interest.asked()).await;
    }

    /// Tells the store that nobody is here.
    pub(super) async fn take_leave(&self, known: &mut Acquaintance) -> Result<(), EngineError> {
        known.phase = Phase::Ends;
        let bookmark = self.follower.mirror.bookmark();
        let farewell = Report { candidates: Vec::new(), ..self.report(known, Changes::nobody(), bookmark) };
        self.follower.engine.step(self.follower.queue(), &farewell).await.map(|_| ())
    }

    /// Whether nobody has been here, at the site, parked, or asked for the queue for long enough. Notes when anybody
    /// was last.
    pub(super) fn is_idle(&self, interested_at: &mut Option<Instant>) -> bool {
        let Follower { mirror, presence, interest, .. } = &*self.follower;
        // Slots are swept by steps, and operators watch them; and the time for coming back stands still during an
        // outage only while somebody steps.
        let at_the_site = mirror.stats().is_none_or(|stats| stats.active > 0) || mirror.census().parked > 0;
        if interest.take() || at_the_site || !presence.lock().is_nobody_expected() {
            *interested_at = Some(Instant::now());
        }
        mirror.is_current() && interested_at.is_none_or(|at| at.elapsed() >= self.idle_after)
    }

    /// Leaves the queue in peace until somebody asks. Then it begins anew.
    pub(super) async fn rest(&self, known: &mut Acquaintance) {
        if self.take_leave(known).await.is_ok() {
            // Nobody is to wait for gateways that may be gone by the next step.
            self.follower.mirror.forget_others();
            let looks_every = looks_every(self.queues, known.most_gateways);
            self.until_asked(looks_every, turn_of(known.gateway)).await;
        }
        *known = self.anew(known);
        self.follower.presence.lock().begin_anew();
    }

    /// The log is read before it returns: the first report says how far this gateway knows, and nobody is admitted
    /// beyond.
    async fn until_asked(&self, looks_every: Duration, turn: f64) {
        let Follower { mirror, interest, engine, .. } = &*self.follower;
        let mut looks = 0;
        let mut next = looks_every.mul_f64(turn);
        while tokio::time::timeout(next, interest.asked()).await.is_err() {
            looks += 1;
            next = looks_every;
            let is_read = self.follower.read_on().await.is_ok();
            if is_read && looks % LOOKS_A_COUNT != 0 {
                continue;
            }
            // What operators order is remembered, and shown. An outage is for those to tell who ask.
            let Ok(stats) = engine.stats(self.follower.queue()).await else { continue };
            if !is_read {
                // A store that answers and has no line to read waits for a step: claims and releases of slots do, too.
                break;
            }
            self.metrics.show(&stats, mirror.census());
        }
        // A store that was set back meanwhile, and has moved on, is not to be told from one that was not.
        if let Ok(stats) = engine.stats(self.follower.queue()).await {
            mirror.doubt_what_was_told_before(stats.now);
        }
        let _followed_by_the_step = self.follower.read_on().await;
    }
}

/// Of one of so many gateways with so many queues.
fn looks_every(queues: u32, gateways: u32) -> Duration {
    let by_turns = LOOKS_EVERY.max(BETWEEN_LOOKS * queues);
    by_turns * gateways.max(LOOK_AS_OFTEN) / LOOK_AS_OFTEN
}

/// When in a round of looks it is the turn of this one: ids are random, and another of each queue.
fn turn_of(gateway: GatewayId) -> f64 {
    let [.., high, low] = *gateway.0.as_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}
