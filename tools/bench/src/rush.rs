//! The rush: many visitors join one queue at once, wait, and buy what there is. Some of them are ghosts.

mod afterwards;
mod archive;
mod arguments;
mod browser;
mod buyer;
mod crowd;
mod diary;
mod document;
mod first;
mod ghost;
mod jar;
mod line;
mod observer;
mod presence;
mod sale;
mod secrets;
mod shop;
mod stream;
mod token;
mod vanish;
mod verdict;
mod visit;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::client::Service;

pub use self::{
    arguments::{Arguments, Crowd, FirstKind, GhostKind, Promised},
    verdict::Verdict,
};
use self::{
    browser::Browser,
    buyer::Buyer,
    crowd::Part,
    observer::Observer,
    shop::Shop,
    visit::{Report, Visit},
};

/// Slots of those who do not come are free so long after their time: some ticks, and the longest time for which
/// somebody counts as present after a stream was closed.
const SETTLING: Duration = Duration::from_secs(15);

/// Everything that the visitors of a run share.
struct Rush {
    gateway: Service,
    queue: String,
    /// None where nobody shops.
    shop: Option<Shop>,
    alternate: bool,
    longest_wait: Duration,
    stay: Duration,
    away: Duration,
    dawdle: Duration,
    over: watch::Sender<bool>,
}

/// Prepares a sale and its buyers, sends all visitors at once, prints the verdict and returns it.
pub async fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    let gateway = Service::new(&arguments.gateway, arguments.patience());
    let parts = crowd::cast(&arguments, &mut rand::rng());
    let shop = if arguments.crowd.line_only { None } else { Some(open_shop(&arguments).await?) };
    let buyers = sign_up(shop.as_ref(), &parts).await?;
    let rush = Arc::new(Rush {
        gateway: gateway.clone(),
        queue: arguments.queue.clone(),
        shop,
        alternate: arguments.crowd.alternate,
        longest_wait: Duration::from_secs(arguments.wait),
        stay: Duration::from_secs_f64(arguments.crowd.stay.max(0.0)),
        away: Duration::from_secs(arguments.crowd.away),
        dawdle: Duration::from_secs_f64(arguments.crowd.dawdle.max(0.0)),
        over: watch::channel(false).0,
    });

    let observer = Observer::start(gateway, &arguments.queue, operator(&arguments)?).await?;
    let mut ghosts = first::come(&rush, &arguments).await.context("the ghosts that come first")?;
    let mut visits = send_all(&rush, parts, buyers, &observer).await?;
    ghosts.hang_up();
    let longest_arrival = verdict::longest_arrival(visits.iter().map(|visit| &visit.report));
    let seen = observer.stop(longest_arrival + SETTLING).await;
    afterwards::ask(&mut visits).await.context("asking those whose visit was over")?;
    let reports: Vec<Report> = visits.into_iter().map(|visit| visit.report).collect();

    let sold_at_server = match &rush.shop {
        Some(shop) => Some(sale::sold(&shop.ticketing, &shop.sale).await.context("cannot read the seats back")?),
        None => None,
    };
    let admitted_ghosts = ghosts.admitted().await.context("asking the ghosts that came first")?;
    if let Some(file) = &arguments.diaries {
        archive::write(file, &reports)?;
    }
    let verdict = Verdict::new(&arguments, &reports, &seen, sold_at_server, admitted_ghosts);
    verdict.print();
    Ok(verdict)
}

impl Rush {
    /// A browser that has been nowhere yet.
    fn browser(&self, number: usize, address: &str) -> Browser {
        let gateway = if self.alternate { self.gateway.in_turn(number) } else { self.gateway.clone() };
        Browser::new(gateway, &self.queue, address)
    }

    /// Returns when the run is over.
    async fn over(&self) {
        // The sender is ours: it cannot be gone.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

/// Sends all visitors at once and returns what became of them. Ghosts are not waited for, unless there is nobody else.
async fn send_all(
    rush: &Arc<Rush>,
    parts: Vec<Part>,
    buyers: Vec<Option<Buyer>>,
    observer: &Observer,
) -> anyhow::Result<Vec<Visit>> {
    let bar = progress("visiting", parts.len());
    let (mut people, mut ghosts) = (JoinSet::new(), JoinSet::new());
    for (number, (part, buyer)) in parts.into_iter().zip(buyers).enumerate() {
        let rush = Arc::clone(rush);
        let tasks = if part.role.is_waited_for() { &mut people } else { &mut ghosts };
        tasks.spawn(async move { visit::visit(&rush, number, part, buyer).await });
    }
    let mut visits = Vec::with_capacity(people.len() + ghosts.len());
    if people.is_empty() {
        let all = async {
            while let Some(visit) = ghosts.join_next().await {
                visits.push(visit.context("a ghost's task failed")?);
                bar.inc(1);
            }
            anyhow::Ok(())
        };
        timeout(rush.longest_wait, all).await.unwrap_or(Ok(()))?;
    }
    while let Some(visit) = people.join_next().await {
        visits.push(visit.context("a visitor's task failed")?);
        bar.inc(1);
    }
    // Before the ghosts are asked what became of them: questions are signs of presence, and may be answered by
    // admission.
    observer.note_totals().await?;
    rush.over.send_replace(true);
    while let Some(visit) = ghosts.join_next().await {
        visits.push(visit.context("a ghost's task failed")?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(visits)
}

async fn open_shop(arguments: &Arguments) -> anyhow::Result<Shop> {
    let ticketing = Service::new(&arguments.ticketing, arguments.patience());
    let sale = sale::open(&ticketing, arguments).await.context("cannot open a sale for the run")?;
    Ok(Shop { ticketing, sale })
}

fn operator(arguments: &Arguments) -> anyhow::Result<Option<observer::Operator>> {
    if arguments.operator.is_empty() {
        return Ok(None);
    }
    let key = match &arguments.operator_key {
        Some(key) => key.clone(),
        None => secrets::read(&arguments.secrets, "operator_key", "--operator-key")?,
    };
    let service = Service::new(&arguments.operator, arguments.patience());
    Ok(Some(observer::Operator::new(service, &arguments.queue, &key)))
}

/// Accounts with money in them for whoever shops, made before the clock starts: password hashing is not what a rush
/// measures.
async fn sign_up(shop: Option<&Shop>, parts: &[Part]) -> anyhow::Result<Vec<Option<Buyer>>> {
    const AT_ONCE: usize = 8;
    let Some(shop) = shop else { return Ok(vec![None; parts.len()]) };
    let run = uuid::Uuid::new_v4().simple().to_string();
    let gate = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let shoppers: Vec<usize> = (0..parts.len()).filter(|number| parts[*number].role.shops()).collect();
    let bar = progress("signing up", shoppers.len());
    let mut tasks = JoinSet::new();
    for number in shoppers {
        let (shop, gate, run) = (shop.clone(), Arc::clone(&gate), run[..10].to_owned());
        tasks.spawn(async move {
            let _turn = gate.acquire().await?;
            anyhow::Ok((number, Buyer::sign_up(&shop.ticketing, &run, number, shop.sale.price).await?))
        });
    }
    let mut buyers = vec![None; parts.len()];
    while let Some(signed_up) = tasks.join_next().await {
        let (number, buyer) = signed_up.context("a buyer's task failed")?.context("cannot sign a buyer up")?;
        buyers[number] = Some(buyer);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(buyers)
}

fn progress(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {bar:40} {pos}/{len} {elapsed}");
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)).with_message(what);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}
