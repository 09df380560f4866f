//! What one gateway told, the other does not take back.

use testkit::Redis;

use crate::system::{Line, System, assert_kept};

#[tokio::test(flavor = "multi_thread")]
async fn visitors_whose_every_request_meets_the_other_gateway_see_no_position_rise() {
    let redis = Redis::start().await;
    let line = Line { gateways: 2, rate: 20, cap: 500, arrive_within: 30 };
    let system = System::start(line, Some(redis.url())).await;
    assert_kept(&system.rush("--visitors 300 --alternate --poll 0.4 --leave 0.2 --stay 0.5").await, None).await;
}
