//! The time that Redis spends in scripts, during which it serves nobody else.

use std::time::Duration;

use testkit::{Redis, RedisValue};
use tokio::time::Instant;

/// Milliseconds that scripts ran while something was done, and how long that took.
pub(super) async fn during<T>(redis: &Redis, work: impl Future<Output = T>) -> (T, f64, Duration) {
    let (before, began) = (total(redis).await, Instant::now());
    let done = work.await;
    (done, total(redis).await - before, began.elapsed())
}

/// Milliseconds that scripts have run.
async fn total(redis: &Redis) -> f64 {
    let reply = redis.call(&["INFO", "commandstats"]).await;
    let micros = reply.text().and_then(|info| {
        let line = info.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:"))?;
        line.split(',').find_map(|field| field.strip_prefix("usec=")?.parse::<f64>().ok())
    });
    micros.map_or(f64::NAN, |micros| micros / 1_000.0)
}

/// Has Redis remember how long each script runs that takes a millisecond or more.
pub(super) async fn watch(redis: &Redis) {
    for command in [
        &["CONFIG", "SET", "slowlog-log-slower-than", "1000"][..],
        &["CONFIG", "SET", "slowlog-max-len", "10000"],
        &["SLOWLOG", "RESET"],
    ] {
        redis.call(command).await;
    }
}

/// The milliseconds of the longest script since Redis was told to watch; zero where none took one.
pub(super) async fn longest(redis: &Redis) -> f64 {
    let reply = redis.call(&["SLOWLOG", "GET", "-1"]).await;
    let of_script = |entry: &RedisValue| {
        // Number, time, microseconds, the command with its arguments, and who sent it.
        let [_, _, RedisValue::Integer(micros), command, ..] = entry.elements() else { return None };
        let name = command.elements().first()?.text()?;
        name.eq_ignore_ascii_case("evalsha").then_some(*micros)
    };
    let micros = reply.elements().iter().filter_map(of_script).max().unwrap_or(0);
    Duration::from_micros(micros.unsigned_abs()).as_secs_f64() * 1_000.0
}
