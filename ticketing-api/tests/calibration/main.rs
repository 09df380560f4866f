//! `ticketing-api calibrate` as people run it, against a real PostgreSQL server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
};

use contract::tokens::JoinSigner;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tempfile::NamedTempFile;
use testkit::Postgres;

const SCHEMAS: &str = "SELECT count(*) FROM pg_namespace WHERE nspname = 'ticketing_calibration'";

/// A settings file that names this database.
fn settings(url: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    let secret = "0123456789abcdef".repeat(3);
    let key = JoinSigner::generate_pem();
    let secrets =
        format!("session_secret = '{secret}'\nservice_key = '{secret}'\njoin_key = '''\n{}'''\n", key.expose_secret());
    write!(file, "[store]\nurl = '{url}'\n[secrets]\n{secrets}").unwrap();
    file
}

fn calibrate(settings: &NamedTempFile, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ticketing-api"))
        .arg("calibrate")
        .arg("--config")
        .arg(settings.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn output(child: Child) -> Output {
    tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap()
}

async fn count(url: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_durable_server_gives_settings_for_the_gateway_and_is_left_as_it_was() {
    // So few connections that the sweep ends after a few levels.
    let server = Postgres::options().durable().setting("max_connections", "10").start().await;
    let file = settings(&server.url());
    let output = output(calibrate(&file, &["--seconds", "1", "--objective-ms", "60000", "--queue", "spring"])).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("fsync on"), "the fingerprint: {text}");
    let settings: toml::Table = text.parse().expect("comments and settings, nothing else");
    let admission = &settings["queues"]["spring"]["admission"];
    assert_eq!(admission["mode"].as_str(), Some("measured"));
    assert!(admission["database_tps"].as_float().unwrap() > 0.0);
    assert_eq!(count(&server.url(), SCHEMAS).await, 0);
}

#[tokio::test]
async fn a_server_that_may_lose_commits_is_refused() {
    let database = Postgres::shared().await;
    let output = output(calibrate(&settings(&database.url()), &[])).await;
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("fsync = off") && error.contains("--allow-unsafe"), "{error}");
    assert_eq!(count(&database.url(), SCHEMAS).await, 0);
}

#[tokio::test]
async fn sqlite_is_refused() {
    let output = output(calibrate(&settings("sqlite:ticketing.db"), &[])).await;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("PostgreSQL"));
}

#[tokio::test]
async fn an_interrupted_run_drops_its_schema_and_admits_no_second_beside_it() {
    let database = Postgres::shared().await;
    let file = settings(&database.url());
    let first = calibrate(&file, &["--allow-unsafe"]);
    while count(&database.url(), SCHEMAS).await == 0 {
        tokio::task::yield_now().await;
    }
    let second = output(calibrate(&file, &["--allow-unsafe"])).await;
    assert!(String::from_utf8_lossy(&second.stderr).contains("another calibration"));

    assert!(Command::new("kill").args(["-INT", &first.id().to_string()]).status().unwrap().success());
    let first = output(first).await;
    assert!(!first.status.success());
    assert!(String::from_utf8_lossy(&first.stderr).contains("interrupted"));
    assert_eq!(count(&database.url(), SCHEMAS).await, 0);
}
