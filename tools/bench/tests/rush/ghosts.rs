//! Ghosts: places, tabs and turns that nobody stands behind.

use testkit::Redis;

use crate::system::{Line, System, assert_kept};

/// With time enough for whoever comes, and so little that a ghost's slot is soon another's.
const LINE: Line = Line { gateways: 1, rate: 40, cap: 500, arrive_within: 2 };

#[tokio::test(flavor = "multi_thread")]
async fn joins_without_clients_slow_nobody_down() {
    let system = System::start(LINE, None).await;
    for addresses in [1, 100] {
        let crowd = format!("--ghosts-first 500 --ghost-addresses {addresses} --visitors 400 --least-rate 0.9");
        assert_kept(&system.rush(&crowd).await, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_who_vanish_without_a_word_free_their_slots() {
    let redis = Redis::start().await;
    let system = System::start(Line { gateways: 2, ..LINE }, Some(redis.url())).await;
    assert_kept(&system.rush("--ghosts-first 100 --ghosts-first-kind stream --visitors 200").await, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_the_tab_frees_the_slot_and_who_comes_back_is_next() {
    let redis = Redis::start().await;
    // Longer than the pause between two polls: whoever has just asked another gateway is admitted before the store
    // knows.
    let system = System::start(Line { gateways: 2, arrive_within: 5, ..LINE }, Some(redis.url())).await;
    let crowd = "--visitors 400 --ghosts 0.3 --ghost-kinds join,close,return --away 13 --poll 0.2";
    assert_kept(&system.rush(crowd).await, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_behind_one_address_is_admitted_at_the_full_rate_although_a_third_does_not_arrive() {
    let system = System::start(LINE, None).await;
    let crowd = "--visitors 600 --from-one-address --ghosts 0.3 --ghost-kinds no-show --least-rate 0.9";
    assert_kept(&system.rush(crowd).await, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_never_arrives_holds_one_slot_at_a_time_after_its_first_eight() {
    let system = System::start(LINE, None).await;
    let crowd = "--visitors 20 --from-one-address --ghosts 1 --ghost-kinds no-show --wait 40";
    assert_kept(&system.rush(crowd).await, None).await;
}
