//! A Redis master that dies with writes that its replica has not heard of: two gateways give them back.
//!
//! `FAILOVERS=20` kills twenty masters in a row, instead of one.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    env,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use contract::{
    clock::{Clock, ManualClock, SystemClock},
    ids::MemberId,
};
use serde_json::{Value, json};
use testkit::{Redis, RedisSentinel, Reply, Request, SseClient, eventually, eventually_some};
use tokio::{
    sync::{Semaphore, watch},
    task::{JoinSet, LocalSet},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::fixture::{CURRENT, Gateway, OPERATOR_KEY, SERVICE_KEY, TOKENS, assert_problem, settings_text};

const RATE: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(40);
/// Claims that are lost with each master; of some the admission is kept, of others it is lost too.
const LOST: usize = 8;
/// So many look around at the shop when the replica is cut off, and claim afterwards.
const LOOKING: usize = 3;
/// Nobody looks around for longer.
const LOOKS_AROUND: Duration = Duration::from_secs(10);
/// So many claims are looked at after each fail-over: the latest, which are in most danger.
const LOOKED_AT: usize = 40;

/// What became of a visitor.
#[derive(Debug)]
struct Told {
    /// Their waiting token, and the gateway that they were not at.
    token: String,
    elsewhere: usize,
    last_position: u64,
    /// Positions that were higher than one before.
    rose: Vec<(u64, u64)>,
    /// How often a stream closed that had told a place.
    closed: u64,
    /// The token of their turn, and what the shop was answered.
    admitted: Option<(String, u16)>,
}

/// A turn that the shop has claimed: whose waiting token it was, and the document that told of it.
#[derive(Clone, Debug)]
struct Turn {
    token: String,
    document: Value,
}

struct Site {
    gateways: [Gateway; 2],
    joining: Semaphore,
    /// Turns that the shop has claimed.
    claimed: RefCell<Vec<Turn>>,
    /// How many look around there.
    looking: Cell<usize>,
    /// How often the replica was cut off.
    cuts: watch::Sender<u32>,
    over: CancellationToken,
}

impl Site {
    async fn on(sentinel: &RedisSentinel) -> Self {
        let store = format!("engine = 'redis'\nredis.url = '{}'\nredis.command_timeout = '500ms'", sentinel.url());
        let admission = r#"{ mode = "fixed", rate_per_second = 0.0001, active_cap = 100000 }"#;
        let settings = settings_text(admission, &store).replace("tick = \"10ms\"", "tick = \"100ms\"");
        let clock = Arc::new(ManualClock::at_second(SystemClock.now().as_second()));
        let start = || Gateway::start(&settings, clock.clone(), None);
        Self {
            gateways: [start().await, start().await],
            joining: Semaphore::new(20),
            claimed: RefCell::default(),
            looking: Cell::default(),
            cuts: watch::Sender::new(0),
            over: CancellationToken::new(),
        }
    }

    async fn admit(&self, rate: f64) {
        let body = json!({"rate_per_second": rate});
        let admin = self.gateways[0].internal.patch("/v1/admin/queues/demo").bearer(OPERATOR_KEY).json(&body);
        assert_eq!(admin.send().await.status, 200);
    }

    async fn active(&self, gateway: usize) -> u64 {
        self.gateways[gateway].public_state().await["active"].as_u64().unwrap()
    }

    async fn until_whole(&self) {
        for gateway in &self.gateways {
            eventually("the line is whole again", async || gateway.public_state().await["state"] == "open").await;
            gateway.until_ready().await;
        }
    }

    /// Joins, as often as it takes; then waits with a stream until the turn has come, and goes to the shop.
    async fn visit(&self, nth: usize) -> Told {
        let (here, elsewhere) = (&self.gateways[nth % 2], 1 - nth % 2);
        let place = self.join(here).await;
        let token = place["waiting_token"].as_str().unwrap().to_owned();
        let last_position = place["position"].as_u64().unwrap();
        let mut told = Told { token, elsewhere, last_position, rose: Vec::new(), closed: 0, admitted: None };
        let authorization = format!("Bearer {}", told.token);
        while !self.over.is_cancelled() {
            let stream = eventually_some("a stream is opened", async || {
                let headers = [("authorization", authorization.as_str())];
                SseClient::connect(here.address, "/v1/queues/demo/stream", &headers).await.ok()
            });
            if self.listen(&mut stream.await, &mut told).await {
                let document = eventually_some("who was told so is admitted", async || {
                    let reply = here.visitors.get(CURRENT).bearer(&told.token).send().await;
                    (reply.status == 200).then(|| reply.json()).filter(|place| place["state"] == "admitted")
                })
                .await;
                if nth.is_multiple_of(3) {
                    self.look_around().await;
                }
                let turn = Turn { token: told.token.clone(), document };
                let shop = self.claim(&self.gateways[elsewhere], &turn).await;
                told.admitted = Some((here.slot(&turn.document), shop));
                self.claimed.borrow_mut().push(turn);
                return told;
            }
        }
        told
    }

    /// Until the replica is cut off, or for some seconds.
    async fn look_around(&self) {
        let mut cuts = self.cuts.subscribe();
        let before = *cuts.borrow();
        self.looking.set(self.looking.get() + 1);
        let _cut_or_not = timeout(LOOKS_AROUND, cuts.wait_for(|cuts| *cuts > before)).await;
        self.looking.set(self.looking.get() - 1);
    }

    async fn join(&self, here: &Gateway) -> Value {
        let _permit = self.joining.acquire().await;
        eventually_some("a join is taken", async || {
            let reply = here.visitors.post(TOKENS).send().await;
            assert!([201, 429, 503].contains(&reply.status.as_u16()), "{}", reply.text());
            (reply.status == 201).then(|| reply.json())
        })
        .await
    }

    /// Whether the visitor is admitted in the end.
    async fn listen(&self, stream: &mut SseClient, told: &mut Told) -> bool {
        let mut is_told = false;
        loop {
            let Some(event) = self.over.run_until_cancelled(stream.next_event(PATIENCE)).await else { return false };
            let Ok(event) = event else {
                // One that is opened during an outage may be asked to come again.
                told.closed += u64::from(is_told);
                return false;
            };
            let document: Value = serde_json::from_str(&event.data).unwrap_or_default();
            match (event.event.as_str(), document["position"].as_u64()) {
                ("admitted", _) => return true,
                ("position", Some(position)) => {
                    is_told = true;
                    if position > told.last_position {
                        told.rose.push((told.last_position, position));
                    }
                    told.last_position = position;
                }
                _ => {}
            }
        }
    }

    /// Whoever had claimed a turn has it, and gets no other.
    async fn assert_claimed(&self, turn: &Turn) {
        for gateway in &self.gateways {
            assert_eq!(self.claim(gateway, turn).await, 409, "it is another member's: {turn:?}");
            let again = answered(|| gateway.visitors.post(TOKENS).bearer(&turn.token)).await;
            let slot = gateway.slot(&turn.document);
            assert_eq!((again.status.as_u16(), gateway.slot(&again.json())), (200, slot), "{turn:?}");
        }
        let left = answered(|| self.gateways[0].visitors.delete(CURRENT).bearer(&turn.token)).await;
        assert_problem(&left, 409, "slot_claimed");
    }

    /// The shop claims the turn at a gateway for somebody.
    async fn claim(&self, gateway: &Gateway, turn: &Turn) -> u16 {
        let path = format!("/v1/active-tokens/{}/claim", gateway.slot(&turn.document));
        let body = json!({"holder": MemberId::generate(&SystemClock), "active_token": turn.document["active_token"]});
        let claim = || gateway.internal.post(&path).bearer(SERVICE_KEY).json(&body);
        answered(claim).await.status.as_u16()
    }
}

/// The answer to a request that is repeated, as clients do, while the store is away or the address asks too often.
async fn answered(request: impl Fn() -> Request) -> Reply {
    let is_answer = |reply: &Reply| ![429, 503].contains(&reply.status.as_u16());
    eventually_some("a request is answered", async || Some(request().send().await).filter(is_answer)).await
}

/// Every gateway has heard of all that is written by now: each begins a report once it has taken in the reply to the
/// last.
async fn until_the_gateways_have_heard(master: &Redis) {
    let reports = async || {
        let gateways = master.call(&["HGETALL", "wr:{demo}:gateways"]).await;
        let texts = gateways.elements().iter().filter_map(|text| text.text().map(str::to_owned)).collect::<Vec<_>>();
        let number = |gateway: &str| gateway.split(' ').nth(1).unwrap().parse::<u64>().unwrap();
        texts.chunks(2).map(|pair| (pair[0].clone(), number(&pair[1]))).collect::<BTreeMap<_, _>>()
    };
    let before = reports().await;
    assert_eq!(before.len(), 2);
    eventually_some("both gateways have made two more reports", async || {
        let now = reports().await;
        before.iter().all(|(id, number)| now.get(id).is_some_and(|now| *now >= number + 2)).then_some(())
    })
    .await;
}

/// What a master took along.
#[derive(Debug, Default)]
struct Lost {
    admissions: usize,
    claims: usize,
}

/// Kills the master with some admissions and claims that the replica has not heard of, and the gateways have.
async fn lose_the_last_writes(sentinel: &RedisSentinel, site: &Site) -> Lost {
    let old = sentinel.master_port().await.unwrap();
    let (masters, replicas): (Vec<&Redis>, Vec<&Redis>) =
        sentinel.servers().iter().partition(|server| server.port() == old);
    let (master, replica) = (masters[0], replicas[0]);
    eventually_some("some look around", async || (site.looking.get() >= LOOKING).then_some(())).await;
    let known = site.claimed.borrow().len();
    replica.stop();
    master.call(&["CLIENT", "KILL", "TYPE", "replica"]).await;
    site.cuts.send_modify(|cuts| *cuts += 1);
    let head = master.call(&["HGET", "wr:{demo}:meta", "log_head"]).await;
    let head = head.text().unwrap_or("0").to_owned();
    let enough = async || (site.claimed.borrow().len() >= known + LOST).then_some(());
    eventually_some("some claim their turns behind the replica's back", enough).await;
    until_the_gateways_have_heard(master).await;
    let unheard = master.call(&["XRANGE", "wr:{demo}:log", &format!("({head}-0"), "+"]).await;
    master.kill();
    replica.cont();
    sentinel.wait_for_promotion(old).await;
    master.restart().await;
    let entries: Vec<&str> =
        unheard.elements().iter().filter_map(|entry| entry.elements()[1].elements()[1].text()).collect();
    let of = |kind: &str| entries.iter().filter(|entry| entry.starts_with(kind)).count();
    Lost { admissions: of("admitted"), claims: of("claimed") }
}

async fn until_the_replica_follows(sentinel: &RedisSentinel) {
    let port = sentinel.master_port().await;
    for server in sentinel.servers().iter().filter(|server| Some(server.port()) != port) {
        eventually_some("the replica follows", async || {
            let info = server.call(&["INFO", "replication"]).await;
            let info = info.text()?;
            (info.contains("role:slave") && info.contains("master_link_status:up")).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_dies_with_unreplicated_admissions_takes_nobodys_turn_and_no_place() {
    let failovers = env::var("FAILOVERS").ok().map_or(1, |number| number.parse().unwrap());
    LocalSet::new().run_until(kill_masters(failovers)).await;
}

async fn kill_masters(failovers: u32) {
    let sentinel = RedisSentinel::start(1).await;
    let site = Rc::new(Site::on(&sentinel).await);
    let mut visits = JoinSet::new();
    let crowd = RATE as usize * (12 * failovers as usize);
    for nth in 0..crowd {
        let site = site.clone();
        visits.spawn_local(async move { site.visit(nth).await });
    }
    eventually("everybody stands in the line", async || site.gateways[0].public_state().await["waiting"] == crowd)
        .await;
    site.admit(f64::from(RATE)).await;
    let mut lost = Lost::default();
    for nth in 0..failovers {
        until_the_replica_follows(&sentinel).await;
        // Some come while the master dies.
        for more in 0..10 {
            let site = site.clone();
            let at = Duration::from_millis(100 * more);
            visits.spawn_local(async move {
                tokio::time::sleep(at).await;
                site.visit(usize::try_from(more).unwrap()).await
            });
        }
        let Lost { admissions, claims } = lose_the_last_writes(&sentinel, &site).await;
        lost = Lost { admissions: lost.admissions + admissions, claims: lost.claims + claims };
        let began = Instant::now();
        site.until_whole().await;
        eprintln!("fail-over {nth}: {lost:?} in all; open {:?} after the promotion", began.elapsed());
        let latest: Vec<Turn> = site.claimed.borrow().iter().rev().take(LOOKED_AT).cloned().collect();
        for turn in &latest {
            site.assert_claimed(turn).await;
        }
    }
    // It goes on by itself.
    let admitted = site.active(0).await;
    eventually("somebody is admitted", async || site.active(1).await > admitted).await;
    // Nor is anybody by credit that is left.
    site.admit(0.0).await;
    eventually_some("whoever is admitted has been to the shop", async || {
        let claimed = site.claimed.borrow().len() as u64;
        (site.active(0).await == claimed && site.active(1).await == claimed).then_some(())
    })
    .await;
    site.over.cancel();

    assert!(lost.admissions.min(lost.claims) >= 2 * failovers as usize, "{lost:?}");
    let mut turns: BTreeMap<String, String> = BTreeMap::new();
    while let Some(told) = visits.join_next().await {
        let told = told.unwrap();
        assert_eq!((told.closed, &told.rose), (0, &Vec::new()), "{told:?}");
        let poll = || site.gateways[told.elsewhere].visitors.get(CURRENT).bearer(&told.token);
        let now = answered(poll).await.json();
        match &told.admitted {
            Some((slot, shop)) => {
                assert_eq!(*shop, 200, "the shop is to let them in: {told:?}");
                assert_eq!(
                    (&now["state"], site.gateways[0].slot(&now)),
                    (&json!("admitted"), slot.clone()),
                    "{told:?}"
                );
                assert_eq!(turns.insert(slot.clone(), told.token), None);
            }
            None => assert_eq!(now["state"], "waiting", "{told:?}"),
        }
    }
    assert!(turns.len() as u64 >= admitted, "{} of {admitted}", turns.len());
    eprintln!("{} visitors, {} turns", crowd + 10 * failovers as usize, turns.len());
}
