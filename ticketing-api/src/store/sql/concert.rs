//! Concerts and their performances.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    database::Database,
    fault::Fault,
    row::Row,
    session::Session,
    statement::{Statement, statement},
    transact::{Recorded, Transaction, Verdict},
    value::arguments,
};
use crate::{
    booking::concert::{Concert, ConcertId, ConcertSummary, NewConcert, NewPerformance, Performance, PerformanceId},
    store::{Page, PageRequest},
};

const INSERT: Statement = statement!(
    "INSERT INTO concerts (id, title, place, category, queue, first_starts_at, performances, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);

const INSERT_PERFORMANCE: Statement = statement!(
    "INSERT INTO performances (id, concert, starts_at, sale_opens_at, sale_closes_at, seats, currency)
     VALUES ($1, $2, $3, $4, $5, $6, $7)"
);

const INSERT_SEATS: Statement = statement!(
    "WITH RECURSIVE block (number) AS (
         SELECT CAST($2 AS BIGINT) UNION ALL SELECT number + 1 FROM block WHERE number < $3
     )
     INSERT INTO seats (performance, number, grade, section, price, blocked)
     SELECT $1, number, $4, $5, $6, FALSE FROM block"
);

const LIST: Statement = statement!(
    "SELECT id, title, place, category, queue, first_starts_at, performances
     FROM concerts ORDER BY first_starts_at, id LIMIT $1 OFFSET $2"
);

const COUNT: Statement = statement!("SELECT count(*) AS total FROM concerts");

const BY_ID: Statement = statement!(
    "SELECT c.title, c.place, c.category, c.queue,
            p.id, p.concert, p.starts_at, p.sale_opens_at, p.sale_closes_at, p.seats, p.currency
     FROM concerts c JOIN performances p ON p.concert = c.id WHERE c.id = $1 ORDER BY p.starts_at, p.id"
);

const PERFORMANCE: Statement = statement!(
    "SELECT c.title, c.queue, p.id, p.concert, p.starts_at, p.sale_opens_at, p.sale_closes_at, p.seats, p.currency
     FROM performances p JOIN concerts c ON c.id = p.concert WHERE p.id = $1"
);

impl Recorded for NewConcert {
    fn now(&self) -> Timestamp {
        self.now
    }
}

#[async_trait]
impl Transaction for NewConcert {
    type Outcome = Concert;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<Concert>, Fault> {
        let first = self.performances.iter().map(|performance| performance.starts_at).min();
        let first = first.ok_or_else(|| Fault::corrupt("a concert without performances"))?;
        let count = i64::try_from(self.performances.len()).map_err(Fault::corrupt)?;
        let (title, place, category) = (self.title.as_str(), self.place.as_str(), self.category.as_str());
        let concert = arguments![self.id, title, place, category, &self.queue, first, count, self.now];
        session.execute(&INSERT, concert).await?;
        for performance in &self.performances {
            insert_performance(session, self.id, performance).await?;
        }
        let rows = session.rows(&BY_ID, arguments![self.id]).await?;
        let concert = read(self.id, &rows)?.ok_or_else(|| Fault::corrupt("a concert vanished while it was created"))?;
        Ok(Verdict::Keep(concert))
    }
}

async fn insert_performance(session: &mut Session, concert: ConcertId, new: &NewPerformance) -> Result<(), Fault> {
    let blocks = &new.seats.0;
    let currency = blocks.first().ok_or_else(|| Fault::corrupt("a performance without seats"))?.price.currency;
    let (starts, opens, closes) = (new.starts_at, new.sale_opens_at, new.sale_closes_at);
    let performance = arguments![new.id, concert, starts, opens, closes, new.seats.seats(), currency];
    session.execute(&INSERT_PERFORMANCE, performance).await?;
    for block in blocks {
        let (grade, section) = (block.grade.as_str(), block.section.as_str());
        let seats = arguments![new.id, block.first.0, block.last.0, grade, section, block.price.amount];
        session.execute(&INSERT_SEATS, seats).await?;
    }
    Ok(())
}

pub(super) async fn concerts(database: &Database, page: PageRequest) -> Result<Page<ConcertSummary>, Fault> {
    let rows = database.rows(&LIST, arguments![page.limit(), page.offset()]).await?;
    let items = rows.iter().map(read_summary).collect::<Result<_, Fault>>()?;
    let total = database.row(&COUNT, vec![]).await?;
    Page::of(items, total.as_ref())
}

pub(super) async fn concert(database: &Database, id: ConcertId) -> Result<Option<Concert>, Fault> {
    read(id, &database.rows(&BY_ID, arguments![id]).await?)
}

pub(super) async fn performance(database: &Database, id: PerformanceId) -> Result<Option<Performance>, Fault> {
    database.row(&PERFORMANCE, arguments![id]).await?.as_ref().map(read_performance).transpose()
}

/// The concert whose performances these rows are; each carries the concert's own columns.
fn read(id: ConcertId, rows: &[Row]) -> Result<Option<Concert>, Fault> {
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Concert {
        id,
        title: row.get("title")?,
        place: row.get("place")?,
        category: row.get("category")?,
        queue: row.queue("queue")?,
        performances: rows.iter().map(read_performance).collect::<Result<_, Fault>>()?,
    }))
}

fn read_summary(row: &Row) -> Result<ConcertSummary, Fault> {
    Ok(ConcertSummary {
        id: ConcertId(row.get("id")?),
        title: row.get("title")?,
        place: row.get("place")?,
        category: row.get("category")?,
        queue: row.queue("queue")?,
        first_starts_at: row.instant("first_starts_at")?,
        performances: row.count("performances")?,
    })
}

fn read_performance(row: &Row) -> Result<Performance, Fault> {
    Ok(Performance {
        id: PerformanceId(row.get("id")?),
        concert: ConcertId(row.get("concert")?),
        title: row.get("title")?,
        queue: row.queue("queue")?,
        starts_at: row.instant("starts_at")?,
        sale_opens_at: row.instant("sale_opens_at")?,
        sale_closes_at: row.instant("sale_closes_at")?,
        seats: row.count("seats")?,
        currency: row.currency()?,
    })
}
