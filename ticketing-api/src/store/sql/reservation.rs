//! Reading reservations.

use contract::ids::MemberId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    database::Database,
    fault::Fault,
    row::Row,
    statement::{Statement, statement},
    value::{Value, arguments},
};
use crate::{
    booking::{
        concert::PerformanceId,
        hold::HoldId,
        reservation::{Reservation, ReservationId},
        seat::PricedSeat,
        ticket::{Ticket, TicketId},
    },
    store::{Page, PageRequest},
};

/// Newest first, one row a seat.
pub(super) const BY_IDS: Statement = statement!(
    "SELECT r.id, r.hold, r.member, r.performance, r.amount, r.currency, r.state, r.expires_at, r.created_at,
            s.seat, s.grade, s.section, s.price, t.id AS ticket
     FROM reservations r JOIN reservation_seats s ON s.reservation = r.id
     LEFT JOIN tickets t ON t.reservation = r.id AND t.seat = s.seat AND t.state = 'live'
     WHERE r.id IN (SELECT id FROM " [ids "$1"] ") ORDER BY r.created_at DESC, r.id DESC, s.seat"
);

const OF_MEMBER: Statement =
    statement!("SELECT id FROM reservations WHERE member = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3");

const COUNT: Statement = statement!("SELECT count(*) AS total FROM reservations WHERE member = $1");

pub(super) async fn reservation(
    database: &Database,
    id: ReservationId,
    now: Timestamp,
) -> Result<Option<Reservation>, Fault> {
    let rows = database.rows(&BY_IDS, vec![Value::Ids(vec![id.0])]).await?;
    Ok(read_at(&rows, now)?.pop())
}

pub(super) async fn reservations(
    database: &Database,
    member: MemberId,
    page: PageRequest,
    now: Timestamp,
) -> Result<Page<Reservation>, Fault> {
    let ids = database.rows(&OF_MEMBER, arguments![member, page.limit(), page.offset()]).await?;
    let ids = ids.iter().map(|row| row.get("id")).collect::<Result<Vec<Uuid>, _>>()?;
    let rows = database.rows(&BY_IDS, arguments![ids]).await?;
    let total = database.row(&COUNT, arguments![member]).await?;
    Page::of(read_at(&rows, now)?, total.as_ref())
}

/// The reservations of rows that stand together, as they are at `now`.
fn read_at(rows: &[Row], now: Timestamp) -> Result<Vec<Reservation>, Fault> {
    let mut reservations = read(rows)?;
    for reservation in &mut reservations {
        reservation.state = reservation.state_at(now);
    }
    Ok(reservations)
}

/// The reservations of rows of [`BY_IDS`], as they are stored.
pub(super) fn read(rows: &[Row]) -> Result<Vec<Reservation>, Fault> {
    let id = |row: &Row| row.get::<Uuid>("id");
    let mut reservations = Vec::new();
    let mut rest = rows;
    while let Some(row) = rest.first() {
        let own = id(row)?;
        let count = rest.iter().take_while(|row| id(row).is_ok_and(|id| id == own)).count();
        let (seats, others) = rest.split_at(count);
        rest = others;
        reservations.push(Reservation {
            id: ReservationId(own),
            hold: HoldId(row.get("hold")?),
            member: MemberId(row.get("member")?),
            performance: PerformanceId(row.get("performance")?),
            seats: read_seats(seats)?,
            amount: row.money("amount")?,
            state: row.word("state")?,
            expires_at: row.instant("expires_at")?,
            created_at: row.instant("created_at")?,
            tickets: read_tickets(seats)?,
        });
    }
    Ok(reservations)
}

/// The seats of rows that may have one each.
pub(super) fn read_seats(rows: &[Row]) -> Result<Vec<PricedSeat>, Fault> {
    let mut seats = Vec::with_capacity(rows.len());
    for row in rows {
        if row.get::<Option<i64>>("seat")?.is_some() {
            seats.push(PricedSeat {
                number: row.seat("seat")?,
                grade: row.get("grade")?,
                section: row.get("section")?,
                price: row.money("price")?,
            });
        }
    }
    Ok(seats)
}

fn read_tickets(rows: &[Row]) -> Result<Vec<Ticket>, Fault> {
    let mut tickets = Vec::new();
    for row in rows {
        if let Some(id) = row.get("ticket")? {
            tickets.push(Ticket { id: TicketId(id), seat: row.seat("seat")? });
        }
    }
    Ok(tickets)
}
