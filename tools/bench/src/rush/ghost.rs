//! Those who are not there when it matters.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, timeout};

use super::{Rush, arguments::GhostKind, first, line::Waiter, vanish, visit::Outcome};

/// How much later than its time a slot may be seen by the visitor who did not come to the site: some ticks, and a
/// request.
const LATE: SignedDuration = SignedDuration::from_secs(2);

/// Plays a ghost's part to its end, or until the run is over.
pub(super) async fn haunt(rush: &Rush, kind: GhostKind, waiter: &mut Waiter) -> anyhow::Result<Outcome> {
    match kind {
        GhostKind::Join => {
            waiter.browser.join().await?;
            rush.over().await;
            // The question is a sign of presence: it comes last, and the place is given up then.
            let admitted = first::was_admitted(&waiter.browser.poll().await?.document);
            waiter.browser.leave().await?;
            return Ok(Outcome::Haunted { overstayed: 0, admitted });
        }
        GhostKind::Stream => {
            waiter.browser.come().await?;
            waiter.browser.join().await?;
            let socket = vanish::listen_and_vanish(&waiter.browser).await?;
            rush.over().await;
            drop(socket);
        }
        GhostKind::Close | GhostKind::Return => {
            waiter.join().await?;
            look_in(waiter).await;
        }
        GhostKind::NoShow => {
            waiter.join().await?;
            let overstayed = tokio::select! {
                overstayed = never_arrive(waiter) => overstayed?,
                () = rush.over() => 0,
            };
            waiter.go_away();
            waiter.browser.leave().await?;
            return Ok(Outcome::Haunted { overstayed, admitted: false });
        }
    }
    Ok(Outcome::Haunted { overstayed: 0, admitted: false })
}

/// Has a tab open for some seconds.
pub(super) async fn look_in(waiter: &mut Waiter) {
    let open = Duration::from_millis(rand::random_range(1_000..3_000));
    // Whatever the gateway says, the tab is closed.
    let _ = timeout(open, waiter.wait(Instant::now() + open)).await;
    waiter.go_away();
}

/// Is admitted again and again without coming to the site, until the place is gone. Returns how often the slot was
/// still there when its time was over.
async fn never_arrive(waiter: &mut Waiter) -> anyhow::Result<u32> {
    const FOREVER: Duration = Duration::from_hours(7 * 24);
    let mut overstayed = 0;
    while !waiter.has_lost() {
        if !waiter.is_admitted() {
            // A place that is lost is how this ends.
            let _ = waiter.wait(Instant::now() + FOREVER).await;
            continue;
        }
        let before = waiter.diary.turn().and_then(|turn| turn.arrive_before);
        let left = before.map_or(SignedDuration::ZERO, |before| before.duration_since(Timestamp::now()));
        sleep(Duration::try_from(left).unwrap_or_default() + Duration::from_millis(1_500)).await;
        waiter.ask().await?;
        let deadline = waiter.diary.turn().and_then(|turn| turn.arrive_before);
        // Deadlines move while the store is away: only one that is past in earnest is counted.
        let past = deadline.is_some_and(|before| Timestamp::now().duration_since(before) > LATE);
        overstayed += u32::from(waiter.is_admitted() && past);
    }
    Ok(overstayed)
}
