//! The seats of a performance.

use jiff::Timestamp;

use super::{
    database::Database,
    fault::Fault,
    row::Row,
    statement::{Statement, statement},
    value::arguments,
};
use crate::booking::{
    concert::PerformanceId,
    seat::{SeatState, SeatView},
};

const SEATS: Statement = statement!(
    "SELECT s.number, s.grade, s.section, s.price, p.currency, s.blocked, k.hold AS claimed_by, k.expires_at AS claimed_until
     FROM performances p JOIN seats s ON s.performance = p.id
     LEFT JOIN seat_claims k ON k.performance = s.performance AND k.seat = s.number
     WHERE p.id = $1 ORDER BY s.number"
);

pub(super) async fn seats(
    database: &Database,
    id: PerformanceId,
    now: Timestamp,
) -> Result<Option<Vec<SeatView>>, Fault> {
    let rows = database.rows(&SEATS, arguments![id]).await?;
    // A performance has at least one seat.
    (!rows.is_empty()).then(|| rows.iter().map(|row| read(row, now)).collect()).transpose()
}

fn read(row: &Row, now: Timestamp) -> Result<SeatView, Fault> {
    Ok(SeatView {
        number: row.seat("number")?,
        grade: row.get("grade")?,
        section: row.get("section")?,
        price: row.money("price")?,
        state: state(row, now)?,
    })
}

/// The state of a seat by its columns `blocked`, `claimed_by` and `claimed_until`. A claim past its time is none; one
/// without a time is for good.
pub(super) fn state(row: &Row, now: Timestamp) -> Result<SeatState, Fault> {
    let claimed: Option<uuid::Uuid> = row.get("claimed_by")?;
    let until: Option<i64> = row.get("claimed_until")?;
    Ok(match (claimed, until) {
        (Some(_), None) => SeatState::Sold,
        _ if row.get("blocked")? => SeatState::Blocked,
        (Some(_), Some(until)) if until > now.as_microsecond() => SeatState::Held,
        _ => SeatState::Available,
    })
}
