//! Pages of longer lists. Items and total are read one after the other: a row added in between may be counted only.

use super::{fault::Fault, row::Row};
use crate::store::{Page, PageRequest};

impl PageRequest {
    pub(super) fn limit(self) -> i64 {
        self.size.into()
    }

    pub(super) fn offset(self) -> i64 {
        i64::from(self.page) * i64::from(self.size)
    }
}

impl<T> Page<T> {
    /// The items with the row that counts all of them in its column `total`.
    pub(super) fn of(items: Vec<T>, total: Option<&Row>) -> Result<Self, Fault> {
        let total = total.map_or(Ok(0), |row| row.get::<i64>("total"))?;
        Ok(Self { items, total: u64::try_from(total).map_err(Fault::corrupt)? })
    }
}
