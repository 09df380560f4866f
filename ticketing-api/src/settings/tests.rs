use std::collections::HashSet;

use super::*;

/// The documented file with its commented-out keys uncommented and its secrets given.
fn complete() -> String {
    DEFAULTS
        .lines()
        .map(|line| match line {
            "#session_secret = \"\"" => format!("session_secret = '{}'", "s".repeat(32)),
            "#service_key = \"\"" => format!("service_key = '{}'", "k".repeat(32)),
            "#join_key = ''''''" => format!("join_key = '''\n{}'''", JoinSigner::generate_pem().expose_secret()),
            "#password = \"\"" => "password = 'sesame1!'".to_owned(),
            _ => uncommented(line).unwrap_or(line).to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Prose begins with `# `, a key that is commented out with `#`.
fn uncommented(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()))
}

fn load(file: &str) -> Result<Settings, SettingsError> {
    settings::load_from(DEFAULTS, Some(file), ENVIRONMENT_PREFIX, [])
}

fn faults(file: &str) -> String {
    load(file).unwrap_err().to_string()
}

#[test]
fn the_documented_file_shows_every_key() {
    let complete = complete();
    let settings = load(&complete).unwrap();
    // Destructured without `..`: a new key does not compile here until somebody has looked at the file.
    let Settings {
        public_url: _,
        demo,
        trusted_proxies: _,
        request_timeout: _,
        listen: _,
        operations: _,
        telemetry: _,
        secrets: Secrets { session_secret: _, service_key: _, join_key: _ },
        store: StoreSettings { url: _, max_connections: _, acquire_timeout_ms: _, statement_timeout_ms: _ },
        fast_store: FastStoreSettings { engine: _, redis: _ },
        gateway:
            GatewaySettings {
                internal_url: _,
                public_url: _,
                member_queues: _,
                issuer: _,
                audience: _,
                timeout: _,
                key_refresh: _,
                key_refresh_pause: _,
            },
        join_tokens: JoinTokenSettings { issuer: _, audience: _ },
        sessions: SessionSettings { lifetime },
        passwords: PasswordSettings { concurrent: _, waiting: _ },
        booking: BookingSettings { hold_for, max_seats_per_member },
        wallet: WalletSettings { currency: _, max_charge: _ },
        rate_limits: RateLimitSettings { max_addresses: _, sign_up: _, log_in: _, arrival: _, join_token: _ },
        jobs: _,
        admin,
    } = settings;
    assert_eq!((demo, hold_for, max_seats_per_member), (false, Duration::from_mins(5), 4));
    assert_eq!(lifetime, Duration::from_hours(1));
    assert!(admin.is_some());

    // The structs whose keys have defaults of their own would not notice a missing line.
    let shown: toml::Table = complete.parse().unwrap();
    let keys = |section: &str| shown[section].as_table().unwrap().keys().cloned().collect::<HashSet<_>>();
    for section in ["listen", "operations"] {
        let expected = [
            "address",
            "max_connections",
            "header_read_timeout",
            "max_header_bytes",
            "body_read_timeout",
            "max_body_bytes",
            "drain_deadline",
        ];
        assert_eq!(keys(section), expected.map(str::to_owned).into(), "{section}");
    }
    let redis: HashSet<_> = shown["fast_store"]["redis"].as_table().unwrap().keys().map(String::as_str).collect();
    assert_eq!(redis, ["url", "pool_size", "command_timeout", "connect_timeout", "max_pending"].into());
    assert_eq!(keys("telemetry"), ["format", "filter"].map(str::to_owned).into());
}

#[test]
fn without_secrets_every_missing_key_is_named() {
    let message = faults("");
    for key in ["secrets.session_secret: is missing", "secrets.service_key: is missing", "secrets.join_key: is missing"]
    {
        assert!(message.contains(key), "{key} in:\n{message}");
    }
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let wrong = complete()
        .replace("public_url = \"http://127.0.0.1:8081\"", "public_url = 'ftp://x'")
        .replace("url = \"sqlite:ticketing.db\"", "url = 'mysql://x'")
        .replace("engine = \"embedded\"", "engine = 'redis'")
        .replace("url = \"redis://127.0.0.1:6379\"", "url = 'nonsense'")
        .replace("hold_for = \"5m\"", "hold_for = '0s'")
        .replace("currency = \"KRW\"", "currency = 'won'")
        .replace("BEGIN PRIVATE KEY", "BEGIN NOTHING")
        .replace("issuer = \"queue-gateway\"", "isuer = 'x'")
        .replace("sesame1!", "sesame");
    let message = faults(&wrong);
    for key in [
        "public_url",
        "store.url",
        "fast_store.redis.url",
        "booking.hold_for",
        "wallet.currency",
        "gateway.isuer",
        "secrets.join_key",
        "admin.password",
    ] {
        assert!(message.contains(key), "{key} in:\n{message}");
    }
    assert!(!message.contains("sesame"), "{message}");
}

#[test]
fn the_environment_goes_over_the_file_and_secrets_are_never_shown() {
    let variable = ("TICKETING_API__LISTEN__ADDRESS".to_owned(), "0.0.0.0:80".to_owned());
    let settings: Settings = settings::load_from(DEFAULTS, Some(&complete()), ENVIRONMENT_PREFIX, [variable]).unwrap();
    assert_eq!(settings.listen.address.port(), 80);
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("ssss") && !shown.contains("kkkk") && !shown.contains("PRIVATE") && !shown.contains("sesame"),
        "{shown}"
    );
}

#[test]
fn only_origins_are_taken_as_our_own_address() {
    assert!(is_origin("https://tickets.test") && is_origin("http://127.0.0.1:8081"));
    for bad in ["", "tickets.test", "https://tickets.test/", "https://tickets.test/x", "ftp://x", "http://"] {
        assert!(!is_origin(bad), "{bad}");
    }
}
