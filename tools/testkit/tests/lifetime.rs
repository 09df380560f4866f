//! Nothing outlives its guard, a panic, or the test process.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Browser, Postgres, Redis};

/// Set in the process that [`servers_end_with_a_test_process_that_is_killed`] starts and kills.
const VICTIM: &str = "TESTKIT_LIFETIME_VICTIM";

/// Whether a process runs whose command line names this folder. A zombie has none.
fn anybody_runs_in(folder: &Path) -> bool {
    let output = Command::new("ps").args(["-A", "-ww", "-o", "args="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).contains(folder.to_str().unwrap())
}

fn assert_gone(folder: &Path) {
    assert!(!anybody_runs_in(folder), "a process outlived its guard");
    assert!(!folder.exists(), "a folder outlived its guard");
}

#[tokio::test]
async fn a_dropped_guard_leaves_no_process_and_no_folder() {
    let (redis, postgres) = (Redis::start().await, Postgres::start().await);
    let folders = [redis.folder().to_owned(), postgres.folder().to_owned()];
    assert!(folders.iter().all(|folder| anybody_runs_in(folder)));
    // Dropped while stopped, and with a client whose backend is another process.
    let _client = sqlx_connect(&postgres).await;
    redis.stop();
    postgres.stop();
    drop((redis, postgres));
    for folder in folders {
        assert_gone(&folder);
    }
}

async fn sqlx_connect(postgres: &Postgres) -> sqlx::postgres::PgConnection {
    <sqlx::postgres::PgConnection as sqlx::Connection>::connect(&postgres.url()).await.unwrap()
}

#[tokio::test]
async fn a_killed_server_that_is_never_restarted_leaves_no_folder() {
    let redis = Redis::start().await;
    let folder = redis.folder().to_owned();
    redis.kill();
    assert!(!anybody_runs_in(&folder));
    drop(redis);
    assert_gone(&folder);
}

#[test]
fn servers_end_with_a_thread_that_panics() {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let redis = Redis::start().await;
            tell.send(redis.folder().to_owned()).unwrap();
            panic!("this panic is part of the test");
        });
    });
    let folder = told.recv().unwrap();
    assert!(thread.join().is_err());
    assert_gone(&folder);
}

#[tokio::test]
async fn a_browser_shows_a_page_and_ends_with_its_guard() {
    let browser = Browser::start().await;
    browser.client().goto("data:text/html,<title>Waiting room</title><h1>Hello</h1>").await.unwrap();
    assert_eq!(browser.client().title().await.unwrap(), "Waiting room");
    let folder = browser.folder().to_owned();
    let picture = tempfile::NamedTempFile::new().unwrap();
    browser.screenshot(picture.path()).await.unwrap();
    assert!(std::fs::read(picture.path()).unwrap().starts_with(b"\x89PNG"));
    assert!(anybody_runs_in(&folder));
    drop(browser);
    assert_gone(&folder);
}

#[tokio::test]
async fn servers_end_with_a_test_process_that_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        return hold_servers().await;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "servers_end_with_a_test_process_that_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    // The test harness may have written to the same line before.
    let folders: Vec<PathBuf> = lines
        .map_while(Result::ok)
        .filter_map(|line| Some(PathBuf::from(line.split_once("holding ")?.1)))
        .take(4)
        .collect();
    assert!(folders.len() == 4 && folders.iter().all(|folder| anybody_runs_in(folder)));
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Nobody waits for the supervisors, so their end is only seen, within a bound that no machine needs.
    for folder in folders {
        for _ in 0..400 {
            if !folder.exists() && !anybody_runs_in(&folder) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_gone(&folder);
    }
}

#[expect(clippy::print_stdout, reason = "the killing process reads it")]
async fn hold_servers() {
    let redis = Redis::start().await;
    // The hardest case: orphaned groups with stopped members are hung up by the kernel.
    redis.stop();
    let shared = Redis::shared().await;
    let postgres = Postgres::shared().await;
    let browser = Browser::start().await;
    for folder in [redis.folder(), shared.folder(), postgres.server().folder(), browser.folder()] {
        println!("holding {}", folder.display());
    }
    std::future::pending::<()>().await;
}
