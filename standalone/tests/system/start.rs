//! Starting and stopping.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::process::{System, command};

fn refusal(settings: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    fs::write(&file, format!("data = '{}'\n{settings}", folder.path().join("data").display())).unwrap();
    let output = command(&file).output().unwrap();
    assert!(!output.status.success(), "started with {settings}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_bad_setting_stops_the_start_and_is_named() {
    let message =
        refusal("[queue_gateway.queues.demo.admission]\nmode = 'fixed'\nrate_per_second = -3\nactive_cap = 1");
    assert!(message.contains("queues.demo.admission.rate_per_second"), "{message}");
    let message = refusal("[ticketing_api.booking]\nmax_seats_per_member = 0\nhold_fro = '5m'");
    assert!(message.contains("booking.max_seats_per_member") && message.contains("booking.hold_fro"), "{message}");
    let message = refusal("dta = 'x'");
    assert!(message.contains("dta"), "{message}");
}

#[tokio::test]
async fn the_secrets_are_for_their_owner_alone() {
    let system = System::start(10.0).await;
    let mode = fs::metadata(system.secrets_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_polite_stop_ends_well() {
    let system = System::start(10.0).await;
    assert!(system.terminate().success());
}
