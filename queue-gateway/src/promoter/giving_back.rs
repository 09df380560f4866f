//! A store that lacks a line, or the end of one, is given it back by those who remember it.

use crate::{
    engine::{EngineError, MOST_HANDED_BACK},
    follower::Follower,
    line::{GatewayId, MemoryPage, Rejoined, Sequence, is_given_after},
};

/// Gives the store what this gateway remembers. Returns false where the store goes on without it, or nothing is
/// remembered.
///
/// It is called in every step until the store has heard all gateways. One that was heard is asked for no more.
pub(super) async fn give_back(follower: &Follower, gateway: GatewayId) -> Result<bool, EngineError> {
    let Follower { engine, mirror, .. } = follower;
    let queue = follower.queue();
    let Some(memory) = mirror.memory(gateway) else { return Ok(false) };
    let known = (memory.extent.last_seq, memory.extent.last_invited);
    let wanted = engine.rejoin(queue, &memory).await?;
    let places = match wanted {
        Rejoined::Refused => return Ok(false),
        // Others are heard.
        Rejoined::Nothing => {
            mirror.set_told(true);
            return Ok(true);
        }
        Rejoined::All => mirror.standing(),
        Rejoined::Since(last_seq, last_invited) if known.0 <= last_seq && known.1 <= last_invited => Vec::new(),
        Rejoined::Since(last_seq, last_invited) => {
            let is_news = |seq: &Sequence| is_given_after(*seq, (last_seq, last_invited));
            mirror.standing().into_iter().filter(is_news).collect()
        }
    };
    let is_first = !mirror.is_rejoining();
    mirror.set_rejoining();
    let (slots, ended) = if wanted == Rejoined::All { mirror.slots() } else { Default::default() };
    if is_first {
        tracing::warn!(%queue, places = places.len(), slots = slots.len(), "the store may lack a line: giving it back");
    }
    let mut rest = MemoryPage {
        gateway,
        epoch: memory.epoch,
        log_head: memory.log_head,
        known,
        is_whole: wanted == Rejoined::All,
        above: Sequence::FIRST,
        through: Sequence::LAST,
        places: Vec::new(),
        slots: Vec::new(),
        ended: Vec::new(),
        is_last: false,
    };
    // Slots come before places, and what has ended last: who hands back half of it takes nobody's turn away.
    for slots in slots.chunks(MOST_HANDED_BACK) {
        let page = MemoryPage { through: rest.above, slots: slots.to_vec(), ..rest.clone() };
        if !engine.hand_back(queue, &page).await? {
            // Somebody before us remembers more: the next step asks again.
            return Ok(true);
        }
    }
    for places in places.chunks(MOST_HANDED_BACK) {
        let through = places.last().copied().unwrap_or(rest.above);
        let page = MemoryPage { through, places: places.to_vec(), ..rest.clone() };
        if !engine.hand_back(queue, &page).await? {
            return Ok(true);
        }
        rest.above = through;
    }
    let page = MemoryPage { ended, is_last: true, ..rest };
    if engine.hand_back(queue, &page).await? {
        mirror.set_told(true);
    }
    Ok(true)
}
