//! Row 8: hold, reserve and pay through our store against pgbench with the same statements.
//!
//! The statements are read from the server's log of one booking through our store. Each side has as many connections,
//! and a performance and members of its own for each measurement. Ours does besides what a service has to: it makes the
//! ids, hashes the names of locks, reads every row, decides, writes outcomes as JSON, and sets timeouts for statements.
//! The reference pays one round trip more a booking, for the values that must be new.

mod log;
mod pgbench;
mod sale;
mod script;
mod visit;

use std::{
    io::{Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use sqlx::{Connection, PgConnection};
use testkit::Postgres;
use ticketing_api::store::{self, StoreSettings, TicketStore};
use tokio::{task::JoinSet, time::Instant};

use self::{
    pgbench::Pgbench,
    sale::{SEATS, Sale},
    script::Script,
    visit::Visit,
};
use super::{
    Trial,
    row::{Bar, Row, median},
};

/// Connections of either side.
const CONNECTIONS: u32 = 8;

/// Bookings for the tables to grow by before statistics are taken of them.
const WARM_UP: Duration = Duration::from_secs(2);

pub(super) async fn measure(trial: Trial) -> anyhow::Result<Row> {
    // Each message of the log begins with the name under which a client has connected.
    let postgres = Postgres::options().durable().setting("log_line_prefix", "%a: ").start().await;
    let mut connection = PgConnection::connect(&postgres.url()).await?;
    let store = connect(postgres.url(), CONNECTIONS).await?;
    let first = Sale::open(&store, &mut connection, 0).await?;
    let pgbench = Arc::new(Pgbench::new(&postgres, record(&postgres, &first).await?)?);
    ours(&store, &first, WARM_UP).await?;
    let (mut our_rates, mut reference) = (Vec::new(), Vec::new());
    for round in (0..).take(trial.rounds) {
        let sale = Sale::open(&store, &mut connection, 2 * round + 1).await?;
        let (run, run_sale) = (Arc::clone(&pgbench), sale.clone());
        let outcome = tokio::task::spawn_blocking(move || run.run(&run_sale, trial.lasts)).await??;
        is_sold(&sale, &mut connection, outcome.transactions).await.context("pgbench")?;
        reference.push(outcome.rate);

        let sale = Sale::open(&store, &mut connection, 2 * round + 2).await?;
        // Connections of its own, as pgbench has: they plan their statements with the statistics of today.
        let fresh = connect(postgres.url(), CONNECTIONS).await?;
        let (bookings, rate) = ours(&fresh, &sale, trial.lasts).await?;
        is_sold(&sale, &mut connection, bookings).await.context("ours")?;
        our_rates.push(rate);
    }
    Ok(Row {
        number: 8,
        name: format!("hold, reserve, pay on PostgreSQL, {CONNECTIONS} connections; pgbench with the same statements"),
        ours: median(our_rates),
        reference: median(reference),
        unit: "/s",
        bar: Bar::AtLeast(1.0),
    })
}

async fn connect(url: String, connections: u32) -> anyhow::Result<Arc<dyn TicketStore>> {
    let settings = StoreSettings {
        url: url.into(),
        max_connections: connections,
        acquire_timeout_ms: 10_000,
        statement_timeout_ms: 10_000,
    };
    Ok(store::connect(&settings).await?)
}

/// The script that does what one booking through our store does, the last of the sale.
async fn record(postgres: &Postgres, sale: &Sale) -> anyhow::Result<Script> {
    let store = connect(format!("{}?options[log_statement]=all", postgres.url()), 1).await?;
    let mut log = std::fs::File::open(postgres.folder().join("server.log")).context("the server's log")?;
    log.seek(SeekFrom::End(0))?;
    let visit = Visit::new(sale, SEATS - 1);
    visit.book(&*store, sale).await?;
    // The server has written what it logs before it answers.
    let mut seen = String::new();
    log.read_to_string(&mut seen)?;
    Script::of(&log::statements(&seen, "ticketing-api: "), &visit, sale)
}

/// Books seat after seat on all connections; gives the number of bookings and how many there were a second.
async fn ours(store: &Arc<dyn TicketStore>, sale: &Sale, lasts: Duration) -> anyhow::Result<(u64, f64)> {
    let next = Arc::new(AtomicU32::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (store, sale, next) = (Arc::clone(store), sale.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut bookings = 0_u32;
            while start.elapsed() < lasts {
                let index = next.fetch_add(1, Ordering::Relaxed);
                ensure!(index < SEATS, "all {SEATS} seats were sold before the time was over: measure fewer seconds");
                Visit::new(&sale, index).book(&*store, &sale).await?;
                bookings += 1;
            }
            Ok(bookings)
        });
    }
    let mut bookings = 0;
    while let Some(own) = tasks.join_next().await {
        bookings += own.context("a buyer broke down")??;
    }
    Ok((bookings.into(), f64::from(bookings) / start.elapsed().as_secs_f64()))
}

/// Whether every booking that a side counts has sold a seat: what failed must not count as fast.
async fn is_sold(sale: &Sale, connection: &mut PgConnection, bookings: u64) -> anyhow::Result<()> {
    let sold = sale.sold(connection).await?;
    ensure!(sold == bookings && sold > 0, "{bookings} bookings sold {sold} of {SEATS} seats");
    Ok(())
}
