//! A store that has lost a line is given it back by those who remember it.

use crate::{
    engine::{EngineError, MOST_HANDED_BACK},
    follower::Follower,
    line::{GatewayId, MemoryPage, Rejoined, Sequence},
    mirror::Remembered,
};

/// Gives the store what this gateway remembers. Returns false where the store goes on without it, or nothing is remembered.
///
/// It is called in every step until the store has heard all gateways; what it knows already, it does not ask for again.
pub(super) async fn give_back(follower: &Follower, gateway: GatewayId) -> Result<bool, EngineError> {
    let Follower { engine, mirror, .. } = follower;
    let queue = follower.queue();
    let Some(Remembered { memory, places, slots }) = mirror.remembered(gateway) else { return Ok(false) };
    let Rejoined::Wanted { above } = engine.rejoin(queue, &memory).await? else { return Ok(false) };
    if !mirror.is_rejoining() {
        tracing::warn!(%queue, places = places.len(), slots = slots.len(), "the store has lost a line: giving it back");
    }
    mirror.set_rejoining();
    let wanted = &places[places.partition_point(|seq| *seq <= above)..];
    let mut places = wanted.chunks(MOST_HANDED_BACK).peekable();
    let mut slots = slots.chunks(MOST_HANDED_BACK).peekable();
    let mut above = above;
    loop {
        let page = places.next().unwrap_or_default();
        let slots_of_page = slots.next().unwrap_or_default();
        // The last of the places ends with the line, so that nobody stands beyond who is not remembered.
        let through = if places.peek().is_some() { page.last().copied() } else { None }.unwrap_or(Sequence::LAST);
        let page = MemoryPage {
            gateway,
            epoch: memory.epoch,
            log_head: memory.log_head,
            above,
            through,
            places: page.to_vec(),
            slots: slots_of_page.to_vec(),
            is_last: places.peek().is_none() && slots.peek().is_none(),
        };
        let is_taken = engine.hand_back(queue, &page).await?;
        // Who is not believed has somebody before them who remembers more: the next step asks again.
        if page.is_last || !is_taken {
            return Ok(true);
        }
        above = through;
    }
}
