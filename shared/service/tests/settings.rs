//! How settings are read, and what is said when they are wrong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::{
    accept::ListenSettings,
    client_address::TrustedProxies,
    settings::{Changes, Faults, SettingsError, Validate, load, load_from, watch},
};

const DEFAULTS: &str = r#"
name = "gateway"
secret = "a default"

[listen]
address = "127.0.0.1:8080"
header_read_timeout = "10s"

[limits]
per_second = 5
strict = true
trusted = []

[queues.demo]
rate_per_second = 20.0
"#;

#[derive(Debug, Deserialize)]
struct Gateway {
    name: String,
    secret: SecretString,
    listen: ListenSettings,
    limits: Limits,
    queues: BTreeMap<String, Queue>,
}

#[derive(Debug, Deserialize)]
struct Limits {
    per_second: u32,
    strict: bool,
    trusted: TrustedProxies,
    burst: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Queue {
    rate_per_second: f64,
}

impl Validate for Gateway {
    fn validate(&self, at: &mut Faults) {
        at.not_blank("name", &self.name);
        at.section("listen", &self.listen);
        at.within("queues", |at| {
            for (name, queue) in &self.queues {
                at.section(name, queue);
            }
        });
    }
}

impl Validate for Queue {
    fn validate(&self, at: &mut Faults) {
        at.positive("rate_per_second", self.rate_per_second);
    }
}

fn read(file: &str, environment: &[(&str, &str)]) -> Result<Gateway, SettingsError> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_from(DEFAULTS, Some(file), "GATEWAY", environment)
}

fn refused(file: &str, environment: &[(&str, &str)]) -> String {
    read(file, environment).unwrap_err().to_string()
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let settings = read(
        "name = 'from the file'\n[limits]\nper_second = 7\n[queues.demo]\nrate_per_second = 3",
        &[("GATEWAY__LIMITS__PER_SECOND", "9"), ("gateway__limits__strict", "false"), ("UNRELATED__X", "1")],
    )
    .unwrap();
    assert_eq!(
        (settings.name.as_str(), settings.limits.per_second, settings.limits.strict),
        ("from the file", 9, false)
    );
    assert!((settings.queues["demo"].rate_per_second - 3.0).abs() < f64::EPSILON);
    assert_eq!(settings.listen.header_read_timeout, Duration::from_secs(10));
    assert_eq!(settings.listen.max_connections, ListenSettings::default().max_connections);
}

#[test]
fn lists_and_new_queues_come_from_the_environment_too() {
    let settings = read(
        "",
        &[
            ("GATEWAY__LIMITS__TRUSTED", r#"["10.0.0.0/8"]"#),
            ("GATEWAY__LIMITS__BURST", "4"),
            ("GATEWAY__QUEUES__SPRING__RATE_PER_SECOND", "1.5"),
        ],
    )
    .unwrap();
    assert!(settings.limits.trusted.contains("10.1.2.3".parse().unwrap()));
    assert_eq!(settings.limits.burst, Some(4));
    assert_eq!(settings.queues.len(), 2);
}

#[test]
fn a_secret_of_digits_keeps_its_zeros_and_is_never_printed() {
    let settings = read("", &[("GATEWAY__SECRET", "00123")]).unwrap();
    assert_eq!(settings.secret.expose_secret(), "00123");
    assert!(!format!("{settings:?}").contains("00123"));
}

#[test]
fn unknown_keys_are_refused_by_their_full_name() {
    let message = refused(
        "[queues.demo]\nrate = 3\n[limits]\nper_secnd = 1\n[listne]\nport = 1",
        &[("GATEWAY__LIMITS__BRUST", "1")],
    );
    for key in ["queues.demo.rate: is not", "limits.per_secnd: is not", "listne: is not", "limits.brust: is not"] {
        assert!(message.contains(key), "{message}");
    }
    assert!(message.contains("(environment variable GATEWAY__LIMITS__BRUST)"), "{message}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let message = refused(
        "name = ' '\ntypo = 1\n[limits]\nper_second = 'fast'\nstrict = 'maybe'\n[listen]\nmax_connections = 0\n\
         [queues.demo]\nrate_per_second = -3",
        &[],
    );
    let expected = [
        "6 settings are wrong:",
        "typo: is not a known setting",
        "limits.per_second: expected an integer, is a text",
        "limits.strict: expected a boolean, is a text",
        "name: must not be empty",
        "listen.max_connections: must be from 1 to ",
        "queues.demo.rate_per_second: must be more than 0, is -3",
    ];
    for part in expected {
        assert!(message.contains(part), "{part} is not in:\n{message}");
    }
}

#[test]
fn a_single_fault_is_one_sentence() {
    assert_eq!(
        refused("[queues.demo]\nrate_per_second = nan", &[]),
        "one setting is wrong: queues.demo.rate_per_second: must be more than 0, is NaN"
    );
    assert_eq!(refused("[queues.spring]", &[]), "one setting is wrong: queues.spring.rate_per_second: is missing");
}

#[test]
fn no_error_repeats_text_that_may_be_a_secret() {
    for file in
        ["limits = 'hunter2'", "secret = 'hunter2", "secret = ['hunter2']", "queues.demo = 'hunter2'", "hunter2"]
    {
        let message = refused(file, &[]);
        assert!(!message.contains("hunter2"), "{file}: {message}");
    }
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let message = refused("name = 'x'\n[limits\n", &[]);
    assert!(message.starts_with("the settings file is not valid TOML") && message.ends_with("(line 2)"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = std::path::Path::new("no/such/settings.toml");
    let message = load::<Gateway>(DEFAULTS, Some(missing), "GATEWAY_FOR_TESTS").unwrap_err().to_string();
    assert!(message.starts_with("cannot read the settings file no/such/settings.toml"), "{message}");
}

#[test]
fn a_file_that_is_not_toml_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.toml");
    std::fs::write(&file, "[limits").unwrap();
    let message = load::<Gateway>(DEFAULTS, Some(&file), "GATEWAY_FOR_TESTS").unwrap_err().to_string();
    assert!(message.starts_with(&format!("the settings file {} is not valid TOML", file.display())), "{message}");
}

#[tokio::test]
async fn a_changed_file_is_reloaded_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[limits]\nper_second = 1");
    let current = load::<Gateway>(DEFAULTS, Some(&file), "GATEWAY_FOR_TESTS").unwrap();
    let Changes { mut settings, mut refused } = watch(DEFAULTS, &file, "GATEWAY_FOR_TESTS", current).unwrap();
    assert_eq!(settings.borrow().limits.per_second, 1);

    write("[limits]\nper_second = 2");
    settings.changed().await.unwrap();
    assert_eq!(settings.borrow_and_update().limits.per_second, 2);

    // Replaced by a rename, as editors do; the bad text before it must leave no trace.
    write("[limits]\nper_second = 'fast'");
    let is_refused = refused.wait_for(|refused| *refused == 1);
    tokio::time::timeout(Duration::from_secs(30), is_refused).await.expect("the bad text is looked at").unwrap();
    assert!(!settings.has_changed().unwrap());
    let replacement = folder.path().join("gateway.toml.new");
    std::fs::write(&replacement, "[limits]\nper_second = 3").unwrap();
    std::fs::rename(&replacement, &file).unwrap();
    settings.changed().await.unwrap();
    assert_eq!(settings.borrow_and_update().limits.per_second, 3);
}
