//! Gateways whose settings are of different ages, on one real Redis.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use contract::clock::ManualClock;
use jiff::Timestamp;
use testkit::{Redis, eventually};

use crate::fixture::{Gateway, ONE_PER_SECOND, OPERATOR_KEY, settings_text};

/// A settings file in a folder of its own, as each machine has one.
struct File(tempfile::TempDir);

impl File {
    /// Last changed in this second.
    fn of(redis: &Redis, rate: &str, changed_at: i64) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(redis, rate);
        let written = std::fs::File::options().write(true).open(file.path()).unwrap();
        written.set_modified(Timestamp::from_second(changed_at).unwrap().into()).unwrap();
        file
    }

    fn write(&self, redis: &Redis, rate: &str) {
        let store = format!("engine = 'redis'\nredis.url = '{}'", redis.url());
        let admission = ONE_PER_SECOND.replace("rate_per_second = 1,", &format!("rate_per_second = {rate},"));
        std::fs::write(self.path(), settings_text(&admission, &store)).unwrap();
    }

    fn path(&self) -> PathBuf {
        Path::join(self.0.path(), "queue-gateway.toml")
    }

    async fn start(&self) -> Gateway {
        Gateway::of_file(&self.path(), Arc::new(ManualClock::at_second(1_800_000_000))).await
    }
}

impl Gateway {
    async fn until_rate(&self, rate: f64) {
        eventually("the rate is in force", async || self.public_state().await["rate_per_second"] == rate).await;
    }

    /// Whether it shows that its settings are not those in force.
    async fn until_differs(&self, differs: bool) {
        let metric = r#"queue_gateway_settings_differ{queue="demo"}"#;
        eventually("it tells", async || self.metric(metric).await == u64::from(differs)).await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_restarted_with_an_old_file_overwrites_nothing() {
    let redis = Redis::start().await;
    let (changed, old) = (File::of(&redis, "1", 1_700_000_000), File::of(&redis, "1", 1_700_000_000));
    let (one, other) = (changed.start().await, old.start().await);
    changed.write(&redis, "7.5");
    one.until_rate(7.5).await;
    other.until_rate(7.5).await;
    drop(other);
    let other = old.start().await;
    other.until_differs(true).await;
    one.until_differs(false).await;
    one.step().await;
    for gateway in [&one, &other] {
        gateway.until_rate(7.5).await;
    }
    let record = one.internal.get("/v1/admin/queues/demo/changes").bearer(OPERATOR_KEY).send().await.json();
    assert_eq!(record["changes"].as_array().unwrap().len(), 1, "{record}");
    // A former file that is put back is a change like any other, whatever its age.
    old.write(&redis, "3");
    one.until_rate(3.0).await;
    other.until_differs(false).await;
}

#[tokio::test]
async fn gateways_that_are_restarted_one_by_one_with_a_new_file_put_it_in_force() {
    let redis = Redis::start().await;
    let before = File::of(&redis, "1", 1_700_000_000);
    let (one, other) = (before.start().await, before.start().await);
    one.until_rate(1.0).await;
    let after = File::of(&redis, "4", 1_700_000_100);
    drop(one);
    let one = after.start().await;
    other.until_rate(4.0).await;
    // One that dies and is started again before its own turn has the old file still.
    drop(other);
    let other = before.start().await;
    other.until_differs(true).await;
    drop(other);
    let other = after.start().await;
    other.until_differs(false).await;
    for gateway in [&one, &other] {
        gateway.until_rate(4.0).await;
    }
}
