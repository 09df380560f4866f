use std::{collections::HashSet, sync::LazyLock};

use contract::tokens::ActiveSigner;
use secrecy::SecretString;

use super::*;

static KEY: LazyLock<SecretString> = LazyLock::new(ActiveSigner::generate_pem);

/// The documented file with its commented-out keys uncommented and its secrets given.
fn complete() -> String {
    DEFAULTS
        .lines()
        .map(|line| match line {
            "#waiting_secret = \"\"" => format!("waiting_secret = '{}'", "w".repeat(32)),
            "#service_key = \"\"" => format!("service_key = '{}'", "s".repeat(32)),
            "#operator_key = \"\"" => format!("operator_key = '{}'", "o".repeat(32)),
            "#active_key = \"\"" => format!("active_key = '''\n{}'''", KEY.expose_secret()),
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
        as_of: _,
        public_url: _,
        client_address_header: _,
        access: _,
        engine,
        redis: _,
        listen,
        operations: _,
        trusted_proxies: _,
        telemetry: _,
        secrets:
            Secrets {
                waiting_secret: _,
                further_waiting_secrets: _,
                active_key: _,
                further_active_keys: _,
                service_key: _,
                operator_key: _,
            },
        tokens:
            TokenSettings {
                issuer: _,
                audience: _,
                waiting_lifetime,
                active_lifetime: _,
                arrive_within,
                claim_within,
                claim_at_most,
                grace,
                come_back_within,
            },
        promotion: PromotionSettings { tick: _, idle_after: _ },
        streams: StreamSettings { max_streams: _, max_streams_per_network: _ },
        rate_limits: _,
        queues,
    } = settings;
    assert_eq!((engine, waiting_lifetime), (EngineChoice::Embedded, Duration::from_hours(1)));
    assert_eq!(come_back_within, Duration::from_secs(30));
    let minutes = [claim_within, claim_at_most, grace].map(|time| time.as_secs() / 60);
    assert_eq!((arrive_within, minutes), (Duration::from_secs(30), [3, 8, 5]));
    let QueueSettings {
        title,
        message,
        redirect_to,
        max_places,
        admission: _,
        identity,
        members,
        proof_of_work,
        invitations,
        schedule,
        lifetimes,
    } = &queues[&"demo".parse().unwrap()];
    assert_eq!(*max_places, super::queue::max_places(), "what is shown is what holds without the line");
    assert!(message.is_some());
    assert_eq!((title.as_deref(), redirect_to.as_str()), (Some("Spring concert"), "http://127.0.0.1:8081/"));

    assert_eq!((*identity, members.is_some(), proof_of_work.is_some()), (IdentityKind::Member, true, true));

    let InvitationSettings { share, presale } = invitations.unwrap();
    assert_eq!((share, presale), (0.2, Duration::from_mins(10)));
    let ScheduleSettings { opens_at, pre_queue, opening, beacon_source, closes_at } = schedule;
    assert!(opens_at.is_some() && closes_at.is_some() && beacon_source.is_some());
    assert_eq!(*opening, crate::line::Opening::Draw, "else beacon_source would be refused");
    assert_eq!(*pre_queue, ScheduleSettings::default().pre_queue, "what is shown is what holds without the line");
    let LifetimeSettings { active_lifetime, arrive_within, claim_within, claim_at_most, grace, come_back_within } =
        lifetimes;
    let all = [active_lifetime, arrive_within, claim_within, claim_at_most, grace, come_back_within];
    assert!(all.iter().all(|lifetime| lifetime.is_some()), "{lifetimes:?}");

    // The structs whose keys have defaults of their own would not notice a missing line.
    let shown: toml::Table = complete.parse().unwrap();
    let keys = |section: &str| shown[section].as_table().unwrap().keys().cloned().collect::<HashSet<_>>();
    let listener = [
        "address",
        "max_connections",
        "header_read_timeout",
        "max_header_bytes",
        "body_read_timeout",
        "max_body_bytes",
        "drain_deadline",
    ]
    .map(str::to_owned);
    let of_visitors = ["max_connections_per_network", "proxy_protocol_from"].map(str::to_owned);
    assert_eq!(keys("operations"), listener.clone().into());
    assert_eq!(keys("listen"), listener.into_iter().chain(of_visitors).collect());
    let redis = ["url", "pool_size", "command_timeout", "connect_timeout", "max_pending"];
    assert_eq!(keys("redis"), redis.map(str::to_owned).into());
    assert_eq!(keys("telemetry"), ["format", "filter"].map(str::to_owned).into());
    let limits = ["max_addresses", "join", "poll", "stream", "leave", "verify", "draw", "departed"];
    assert_eq!(keys("rate_limits"), limits.map(str::to_owned).into());
    assert!(listen.max_connections > settings.streams.max_streams, "streams must leave room for joins");
}

#[test]
fn without_secrets_and_queues_every_missing_key_is_named() {
    let message = faults("");
    for key in ["secrets.waiting_secret", "secrets.active_key", "secrets.service_key", "secrets.operator_key", "queues"]
    {
        assert!(message.contains(key), "{key} in:\n{message}");
    }
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let wrong = complete()
        .replace("public_url = \"http://127.0.0.1:8080\"", "public_url = 'ftp://x/'")
        .replace("tick = \"250ms\"", "tick = '1ms'")
        .replace("engine = \"embedded\"", "engine = 'mysql'")
        .replace("redirect_to = \"http://127.0.0.1:8081/\"", "redirect_to = 'javascript:alert(1)'")
        .replace("rate_per_second = 50", "rate_per_second = -1")
        .replace("claim_within = \"3m\"", "claim_within = '12m'")
        .replace("claim_at_most = \"8m\"", "claim_at_most = '11m'")
        .replace("arrive_within = \"30s\"", "arrive_within = '10ms'")
        .replace("grace = \"5m\"", "grace = '0s'")
        .replace("max_places = 2000000", "max_places = 0")
        .replace("pre_queue = \"15m\"", "pre_queue = '200h'")
        .replace("closes_at = \"2027-03-01T23:00:00+09:00\"", "closes_at = '2027-03-01T19:59:59+09:00'")
        .replace("opening = \"draw\"", "opening = 'fifo'")
        .replace("claim_at_most = \"15m\"", "claim_at_most = '1h'")
        .replace("issuer = \"queue-gateway\"", "isuer = 'x'");
    let message = faults(&wrong);
    for key in [
        "public_url",
        "promotion.tick",
        "engine: must be \"embedded\" or \"redis\"",
        "queues.demo.redirect_to",
        "queues.demo.admission.rate_per_second",
        "queues.demo.max_places",
        "queues.demo.schedule.pre_queue",
        "queues.demo.schedule.closes_at",
        "queues.demo.schedule.beacon_source",
        "queues.demo.lifetimes.active_lifetime",
        "tokens.active_lifetime",
        "tokens.claim_at_most",
        "tokens.arrive_within",
        "tokens.grace",
        "tokens.isuer",
    ] {
        assert!(message.contains(key), "{key} in:\n{message}");
    }
}

#[test]
fn keys_of_services_and_operators_must_differ_and_are_never_shown() {
    let same = complete().replace(&"o".repeat(32), &"s".repeat(32));
    let message = faults(&same);
    assert!(message.contains("secrets.operator_key"), "{message}");
    assert!(!message.contains("ssss"), "{message}");
    assert!(!format!("{:?}", load(&complete()).unwrap()).contains("ssss"));
}

#[test]
fn the_environment_goes_over_the_file() {
    let variable = ("QUEUE_GATEWAY__LISTEN__ADDRESS".to_owned(), "0.0.0.0:80".to_owned());
    let settings: Settings = settings::load_from(DEFAULTS, Some(&complete()), ENVIRONMENT_PREFIX, [variable]).unwrap();
    assert_eq!(settings.listen.address.port(), 80);
}

#[test]
fn only_addresses_that_a_browser_opens_as_a_page_are_taken() {
    for good in ["http://shop.test", "https://shop.test:8443/seats?x=1#y"] {
        assert!(is_address(good), "{good}");
    }
    for bad in ["", "javascript:alert(1)", "//evil.test", "shop.test", "ftp://shop.test", "http://"] {
        assert!(!is_address(bad), "{bad}");
    }
    assert!(is_origin("https://wait.test"));
    for bad in ["https://wait.test/", "https://wait.test/x", "https://wait.test?x"] {
        assert!(!is_origin(bad), "{bad}");
    }
}

#[test]
fn a_queue_has_lifetimes_of_its_own_where_it_names_them() {
    let file = complete();
    let lifetimes =
        |file: &str| load(file).unwrap().baselines(Timestamp::UNIX_EPOCH)[&"demo".parse().unwrap()].lifetimes;
    let all = load(&file).unwrap().tokens.lifetimes();
    let own = lifetimes(&file);
    assert_eq!((own.arrive, own.active), (Duration::from_secs(45), Duration::from_mins(20)));
    let one_less = file.replace("arrive_within = \"45s\"\n", "");
    assert_eq!(lifetimes(&one_less).arrive, all.arrive);
}

#[test]
fn a_draw_that_costs_nothing_is_known_as_one() {
    let queue = load(&complete()).unwrap().queues[&"demo".parse().unwrap()].clone();
    assert!(!queue.is_lottery_by_browsers(), "members draw, and prove work");
    let open = QueueSettings { identity: IdentityKind::Anonymous, proof_of_work: None, ..queue.clone() };
    assert!(open.is_lottery_by_browsers());
    let in_order = ScheduleSettings { opening: crate::line::Opening::Fifo, ..open.schedule.clone() };
    assert!(!QueueSettings { schedule: in_order, ..open }.is_lottery_by_browsers());
}

#[test]
fn an_instant_without_a_zone_is_refused() {
    let message = faults(&complete().replace("20:00:00+09:00", "20:00:00"));
    assert!(message.contains("opens_at"), "{message}");
}

#[test]
fn a_running_gateway_takes_up_rates_and_says_what_it_cannot() {
    let old = load(&complete()).unwrap();
    let faster = load(&complete().replace("rate_per_second = 50", "rate_per_second = 80")).unwrap();
    assert_eq!(old.needing_restart(&faster), [] as [&str; 0]);
    assert_ne!(old.baselines(Timestamp::UNIX_EPOCH), faster.baselines(Timestamp::UNIX_EPOCH));
    let later = load(&complete().replace("20:00:00+09:00", "21:00:00+09:00")).unwrap();
    assert_eq!(old.needing_restart(&later), [] as [&str; 0]);
    assert_ne!(old.baselines(Timestamp::UNIX_EPOCH), later.baselines(Timestamp::UNIX_EPOCH));
    let taken_too = complete()
        .replace("further_waiting_secrets = []", "further_waiting_secrets = ['a secret of thirty-two characters']");
    assert_eq!(old.needing_restart(&load(&taken_too).unwrap()), ["secrets"]);
    let other = complete()
        .replace("tick = \"250ms\"", "tick = '1s'")
        .replace(&"w".repeat(32), &"x".repeat(32))
        .replace("redis://127.0.0.1:6379", "redis://127.0.0.1:6380")
        .replace("[queues.demo", "[queues.other");
    assert_eq!(old.needing_restart(&load(&other).unwrap()), ["redis", "secrets", "promotion", "queues"]);
}

#[test]
fn the_age_of_settings_is_that_of_their_file_unless_variables_speak_of_queues_or_the_file_has_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let changed = |seconds| {
        file.as_file().set_modified(Timestamp::from_second(seconds).unwrap().into()).unwrap();
        last_changed(file.path())
    };
    assert_eq!(changed(1_700_000_000), Timestamp::from_second(1_700_000_000).ok());
    assert_eq!(changed(1), None, "as in an image that is built to be the same each time");
    assert_eq!(last_changed(Path::new("/nowhere")), None);
    let speaks = |name: &str| speaks_of_queues([name.to_owned()].into_iter());
    assert!(
        speaks("QUEUE_GATEWAY__QUEUES__DEMO__ADMISSION__RATE_PER_SECOND") && speaks("queue_gateway__tokens__grace")
    );
    assert!(!speaks("QUEUE_GATEWAY__LISTEN__ADDRESS") && !speaks("QUEUES__DEMO") && !speaks("PATH"));
}
