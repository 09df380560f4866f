//! A great opening by draw as anybody can check it: from the published data alone, against what everybody is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use queue_gateway::draw::{Forged, PublishedDraw, VerifyDraw, VerifyDrawError};
use queue_gateway::line::{AdmissionLimits, ControlChange, DrawSecret, Sequence, Standing, Standpoint};

use crate::{
    drawing::{OPENS_IN, assert_exact},
    world::{Gateway, TICK, Visitor, World},
};

/// How many of those with lower places are still in the line, by the published data; `None` for a number that is not.
type Outcomes = BTreeMap<u64, Option<u64>>;

/// What `queue-gateway verify-draw` says of the numbers 1 to `numbers`.
fn verify(published: &PublishedDraw, noted: &str, numbers: u64) -> Result<Outcomes, VerifyDrawError> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("draw.json");
    std::fs::write(&data, serde_json::to_vec(published).unwrap()).unwrap();
    let number = (1..=numbers).collect();
    let mut answer = Vec::new();
    let check = VerifyDraw { data, commitment: Some(noted.to_owned()), receipt: Vec::new(), keys: None, number };
    check.run(&mut answer)?;
    let answer = String::from_utf8(answer).unwrap();
    let outcome = |line: &str| {
        let words: Vec<&str> =
            line.strip_prefix("Number ")?.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
        let ahead = if line.ends_with("is no longer in the line.") { None } else { Some(words[4].parse().unwrap()) };
        Some((words[0].parse().unwrap(), ahead))
    };
    Ok(answer.lines().filter_map(outcome).collect())
}

/// The numbers of whom a gateway says something else than the published data: a place in the line, or before how many.
fn contradicted(gateway: &Gateway, outcomes: &Outcomes) -> Vec<u64> {
    let told = |number| gateway.position(Sequence::of_number(number)).map(|position| position - 1);
    outcomes.iter().filter(|(number, ahead)| told(**number) != **ahead).map(|(number, _)| *number).collect()
}

/// What is published, but for the bit of a number.
fn with_wrong_bit(published: &PublishedDraw, number: u64) -> PublishedDraw {
    let mut bits = BASE64_STANDARD.decode(published.departed.as_ref().unwrap()).unwrap();
    let bit = usize::try_from(number - 1).unwrap();
    bits[bit / 8] ^= 1 << (bit % 8);
    PublishedDraw { departed: Some(BASE64_STANDARD.encode(bits)), ..published.clone() }
}

/// The figures of a great opening: 100,000 numbers, two gateways, and joins while it happens.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_numbers_are_drawn_alike_and_anybody_can_check_it() {
    let limits = AdmissionLimits { rate_per_second: 0.0, cap: 10_000 };
    let world = World::opening_by_beacon(limits, OPENS_IN, Some("drand round 4242")).await;
    let gateways = [world.gateway().await, world.gateway().await];
    let noted = gateways[0].publish_draw().commitment;
    let crowd = world.ghosts(100_000).await;
    for leaver in crowd.iter().step_by(1_009) {
        world.leave(*leaver).await;
    }
    world.until_about_to_open().await;
    let undecided = gateways[1].publish_draw();
    assert_eq!((undecided.n, &undecided.secret, &undecided.departed), (None, &None, &None));
    assert!(matches!(verify(&undecided, &noted, 0), Err(VerifyDrawError::Forged(Forged::NotDecided))));
    let mut later = Vec::new();
    // While it opens: some get numbers still, the others places behind.
    for _ in 0..40 {
        later.push(world.ghost().await);
        tokio::time::sleep(TICK / 10).await;
    }
    let beacon = ControlChange { beacon: Some("0xfeed".to_owned()), ..ControlChange::default() };
    world.order(beacon).await;
    // While the places are dealt.
    for _ in 0..40 {
        later.push(world.ghost().await);
        tokio::time::sleep(TICK / 10).await;
    }
    world.until_drawn().await;
    later.push(world.ghost().await);
    world.tick().await;
    let numbers = world.stats().await.control.draw.numbers.unwrap();
    assert!((100_001..100_040).contains(&numbers), "some joined before the opening, some after: {numbers}");

    let drawn = gateways[0].mirror.drawn().unwrap();
    assert_eq!(gateways[1].mirror.drawn().as_deref(), Some(&*drawn));
    let some: Vec<Visitor> = crowd.iter().step_by(97).chain(&later).copied().collect();
    for gateway in &gateways {
        assert_exact(&world, gateway, &some).await;
    }
    for visitor in some.iter().filter(|visitor| visitor.place.seq.number().is_some()) {
        let Standing::Waiting { seq } = world.standing(*visitor).await else { continue };
        assert_eq!(seq, drawn.place_in_line(visitor.place.seq));
    }

    let published = gateways[0].publish_draw();
    assert_eq!(published, gateways[1].publish_draw());
    let outcomes = verify(&published, &noted, numbers).unwrap();
    assert_eq!(outcomes.len() as u64, numbers);
    for gateway in &gateways {
        assert_eq!(
            contradicted(gateway, &outcomes),
            Vec::<u64>::new(),
            "everybody is told what follows from the published data"
        );
        let mut behind = outcomes.values().flatten().count() as u64;
        for visitor in later.iter().filter(|visitor| visitor.place.seq.number().is_none()) {
            behind += 1;
            assert_eq!(gateway.position(visitor.place.seq), Some(behind), "whoever came later is behind all numbers");
        }
    }
    find_forgeries(&gateways[0], &published, &noted);
    park_some(&world, &gateways, &crowd, &noted).await;
}

/// Nobody can publish anything else without being found out.
fn find_forgeries(gateway: &Gateway, published: &PublishedDraw, noted: &str) {
    let numbers = published.n.unwrap();
    let verify = |forged: PublishedDraw| verify(&forged, noted, numbers);
    let contradicted = |forged: PublishedDraw| contradicted(gateway, &verify(forged).unwrap());

    let other = DrawSecret([7; 32]);
    let forged = PublishedDraw { secret: Some(other.to_hex()), ..published.clone() };
    assert!(matches!(verify(forged.clone()), Err(VerifyDrawError::Forged(Forged::OtherSecret(_)))));
    let forged = PublishedDraw { commitment: hex::encode(other.commitment()), ..forged };
    assert!(matches!(verify(forged), Err(VerifyDrawError::OtherCommitment { .. })), "with a commitment that fits");

    // The bits have room for all of these counts: only the places give them away.
    let fewer = PublishedDraw { n: Some(numbers - 1), ..published.clone() };
    assert!(matches!(verify(fewer.clone()), Err(VerifyDrawError::NotAmong(number)) if number == numbers));
    let of_all_but_one = self::verify(&fewer, noted, numbers - 1).unwrap();
    assert!(self::contradicted(gateway, &of_all_but_one).len() > 99_000, "and all others have other places");
    let more = contradicted(PublishedDraw { n: Some(numbers + 1), ..published.clone() });
    assert!(more.len() > 99_000, "{}", more.len());
    let beacon = contradicted(PublishedDraw { beacon: Some("0xbeef".to_owned()), ..published.clone() });
    assert!(beacon.len() > 99_000, "{}", beacon.len());
    let unnamed = PublishedDraw { beacon_source: None, ..published.clone() };
    assert!(matches!(verify(unnamed), Err(VerifyDrawError::Forged(Forged::UnnamedBeacon))));

    let drawn = gateway.mirror.drawn().unwrap();
    let in_line = |number: &u64| gateway.position(Sequence::of_number(*number)).is_some();
    let mut places = (1..=numbers).rev().filter_map(|place| drawn.number_at(place));
    let last = places.find(in_line).unwrap();
    assert_eq!(contradicted(with_wrong_bit(published, last)), [last], "whoever is said to be gone knows better");
    let first = (1..=numbers).filter_map(|place| drawn.number_at(place)).find(in_line).unwrap();
    assert!(contradicted(with_wrong_bit(published, first)).len() > 99_000, "and whoever counts those before them");
    let left = (1..=numbers).find(|number| !in_line(number)).unwrap();
    assert!(contradicted(with_wrong_bit(published, left)).contains(&left), "one who is gone, and is said to be there");
}

/// The line moves on past some who are not there: their places are kept, and the published data say so.
async fn park_some(world: &World, gateways: &[Gateway; 2], crowd: &[Visitor], noted: &str) {
    let drawn = gateways[0].mirror.drawn().unwrap();
    let number_at = |place| drawn.number_at(place).unwrap();
    let visitor_of = |number: u64| crowd.get(usize::try_from(number - 1).unwrap());
    let waiting = |visitor: &&Visitor| gateways[0].position(visitor.place.seq).is_some();
    let present = (20..).filter_map(|place| Some((place, visitor_of(number_at(place)).filter(waiting)?)));
    let present: Vec<(u64, &Visitor)> = present.take(3).collect();
    let _streams: Vec<_> = present.iter().map(|(_, visitor)| gateways[0].listener(**visitor)).collect();
    let rate = ControlChange { rate_per_second: Some(Some(10.0)), ..ControlChange::default() };
    world.order(rate).await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    let published = gateways[1].publish_draw();
    let outcomes = verify(&published, noted, drawn.len()).unwrap();
    for (place, _) in &present {
        assert_eq!(outcomes[&number_at(*place)], None, "they went in");
    }
    let passed = (1..present[2].0).map(number_at);
    let parked: BTreeSet<u64> = passed.filter(|number| outcomes[number].is_some()).collect();
    assert!(parked.len() > 15, "nobody is said to be gone who is only away: {}", parked.len());
    for (number, ahead) in &outcomes {
        for gateway in gateways {
            let told = gateway.mirror.look_up(Sequence::of_number(*number)).map(|(point, _)| point);
            let expected = ahead.map(|ahead| {
                let parked_too = parked.contains(number);
                // Nobody goes before who was passed and is not there; whoever was is next when they come.
                let position = if parked_too { 1 } else { ahead + 1 - parked.len() as u64 };
                Standpoint { position, parked: parked_too }
            });
            assert_eq!(told, expected, "number {number}");
        }
    }
}
