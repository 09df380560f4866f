//! A gateway on a Cluster of which one node is dead: its work for the queues of the others goes on.

use std::{path::Path, sync::Arc};

use contract::{
    clock::{Clock, ManualClock, SystemClock},
    ids::ActiveTokenId,
};
use serde_json::json;
use testkit::{RedisCluster, Reply, eventually};

use crate::fixture::{Gateway, OPERATOR_KEY, SERVICE_KEY, assert_problem, settings_text};

/// Whoever comes goes straight in, at the speed of a test.
const AT_ONCE: &str = r#"{ mode = "fixed", rate_per_second = 1000, active_cap = 10 }"#;

/// A Cluster that goes on without one of its nodes, and a queue that comes before demo by name and lives on another
/// node.
async fn cluster_and_early_queue() -> (RedisCluster, String) {
    let cluster = RedisCluster::start(3, 0).await;
    cluster.allow_gaps().await;
    let of_demo = cluster.owner_of("demo").await;
    for name in (1..).map(|number| format!("autumn-{number}")) {
        if cluster.owner_of(&name).await != of_demo {
            return (cluster, name);
        }
    }
    unreachable!("one of the names lies elsewhere")
}

async fn gateway_on(cluster: &RedisCluster, early: &str, file: &Path) -> (Gateway, String) {
    let text = settings_text(
        AT_ONCE,
        &format!(
            "queues.{early} = {{ redirect_to = 'https://shop.test/autumn', admission = {AT_ONCE} }}
             engine = 'redis'
             redis.url = '{}'
             redis.command_timeout = '500ms'",
            cluster.url()
        ),
    );
    std::fs::write(file, &text).unwrap();
    let clock = Arc::new(ManualClock::at_second(SystemClock.now().as_second()));
    let gateway = Gateway::start(&text, clock, Some(file)).await;
    (gateway, text)
}

async fn release(gateway: &Gateway, id: &str, body: &serde_json::Value) -> Reply {
    let path = format!("/v1/active-tokens/{id}/release");
    gateway.internal.post(&path).bearer(SERVICE_KEY).json(body).send().await
}

async fn revoke(gateway: &Gateway, id: &str, body: &serde_json::Value) -> Reply {
    let path = format!("/v1/admin/active-tokens/{id}/revoke");
    gateway.internal.post(&path).bearer(OPERATOR_KEY).json(body).send().await
}

async fn readiness(gateway: &Gateway) -> Reply {
    gateway.internal.get("/readyz").send().await
}

#[tokio::test]
async fn a_gateway_goes_on_with_the_queues_of_the_other_nodes() {
    let (cluster, early) = cluster_and_early_queue().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue-gateway.toml");
    let (gateway, text) = gateway_on(&cluster, &early, &file).await;
    let dead = &cluster.masters()[cluster.owner_of(&early).await];
    dead.kill();

    eventually("the queue is said to be behind", async || readiness(&gateway).await.text().contains(&early)).await;
    let ready = readiness(&gateway).await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    let behind = ready.text().lines().find(|line| line.contains("has not answered")).unwrap().to_owned();
    assert!(!behind.contains("demo"), "{behind}");

    let active = async |count: u64| {
        let what = format!("{count} are active");
        eventually(&what, async || gateway.public_state().await["active"] == count).await;
    };
    let admitted = async || gateway.slot(&gateway.admitted_visitor().await.1);
    let (first, second, third) = (admitted().await, admitted().await, admitted().await);
    active(3).await;
    assert_eq!(release(&gateway, &first, &json!({"queue": "demo"})).await.status, 204);
    assert_eq!(release(&gateway, &second, &json!({})).await.status, 204, "the slot was found");
    assert_eq!(revoke(&gateway, &third, &json!({})).await.status, 204, "here too");
    active(0).await;
    // Of a slot that is nowhere else it cannot be said that it is not with the dead.
    assert_problem(&release(&gateway, &first, &json!({})).await, 503, "store_unavailable");
    assert_problem(&revoke(&gateway, &first, &json!({})).await, 503, "store_unavailable");
    assert_eq!(release(&gateway, &first, &json!({"queue": "demo"})).await.status, 204);
    let unknown = ActiveTokenId::generate(&*gateway.clock).to_string();
    assert_problem(&revoke(&gateway, &unknown, &json!({"queue": "demo"})).await, 404, "token_not_found");
    assert_problem(&revoke(&gateway, &unknown, &json!({"queue": "spring"})).await, 404, "queue_not_found");

    for cap in [20, 30] {
        std::fs::write(&file, text.replace("active_cap = 10", &format!("active_cap = {cap}"))).unwrap();
        eventually("the new settings are in force", async || gateway.public_state().await["active_cap"] == cap).await;
    }
    dead.restart().await;
    gateway.until_ready().await;
    let shown = format!("/v1/queues/{early}");
    eventually("the settings have come there too", async || {
        gateway.visitors.get(&shown).send().await.json()["active_cap"] == 30
    })
    .await;
}
