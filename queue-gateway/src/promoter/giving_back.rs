//! A store that has lost a line is given it back by those who remember it.

use crate::{
    engine::{EngineError, MOST_HANDED_BACK},
    follower::Follower,
    line::{GatewayId, MemoryPage, Rejoined, Sequence, is_given_after},
};

/// Gives the store what this gateway remembers. Returns false where the store goes on without it, or nothing is remembered.
///
/// It is called in every step until the store has heard all gateways; what it knows already, it does not ask for again.
pub(super) async fn give_back(follower: &Follower, gateway: GatewayId) -> Result<bool, EngineError> {
    let Follower { engine, mirror, .. } = follower;
    let queue = follower.queue();
    let Some(memory) = mirror.memory(gateway) else { return Ok(false) };
    let known = (memory.extent.last_seq, memory.extent.last_invited);
    let wanted = engine.rejoin(queue, &memory).await?;
    let places = match wanted {
        Rejoined::Refused => return Ok(false),
        Rejoined::All => mirror.standing(),
        Rejoined::Since(last_seq, last_invited) if known.0 <= last_seq && known.1 <= last_invited => Vec::new(),
        Rejoined::Since(last_seq, last_invited) => {
            let is_news = |seq: &Sequence| is_given_after(*seq, (last_seq, last_invited));
            mirror.standing().into_iter().filter(is_news).collect()
        }
    };
    let is_first = !mirror.is_rejoining();
    mirror.set_rejoining();
    // They come after all places: nobody has both.
    let slots = if is_first || wanted == Rejoined::All { mirror.remembered_slots() } else { Vec::new() };
    if is_first {
        tracing::warn!(%queue, places = places.len(), slots = slots.len(), "the store has lost a line: giving it back");
    }
    let mut places = places.chunks(MOST_HANDED_BACK).peekable();
    let mut slots = slots.chunks(MOST_HANDED_BACK).peekable();
    let mut above = Sequence::FIRST;
    loop {
        let page = places.next();
        let through = if places.peek().is_some() { page.and_then(|page| page.last().copied()) } else { None };
        let through = through.unwrap_or(Sequence::LAST);
        let slots_of_page = if page.is_none() { slots.next().unwrap_or_default() } else { &[] };
        let page = MemoryPage {
            gateway,
            epoch: memory.epoch,
            log_head: memory.log_head,
            known,
            is_whole: wanted == Rejoined::All,
            above,
            through,
            places: page.unwrap_or_default().to_vec(),
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
