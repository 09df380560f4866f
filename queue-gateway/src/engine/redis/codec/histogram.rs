//! Histograms as the store keeps them for the gateways, unread: `first width count,count...`.

use super::{Read, corrupt, parsed};
use crate::line::Histogram;

pub(super) fn write(histogram: &Histogram) -> String {
    let counts: Vec<String> = histogram.counts.iter().map(u64::to_string).collect();
    format!("{} {} {}", histogram.first, histogram.width, counts.join(","))
}

pub(super) fn read(text: &str) -> Read<Histogram> {
    let mut fields = text.splitn(3, ' ');
    let mut field = || fields.next().ok_or_else(|| corrupt("a histogram"));
    let (first, width, counts) = (parsed(field()?, "a place")?, parsed(field()?, "a width")?, field()?);
    let counts = counts.split(',').filter(|_| !counts.is_empty()).map(|count| parsed(count, "a count"));
    Ok(Histogram { first, width, counts: counts.collect::<Read<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    #[test]
    fn histograms_read_back() {
        let some = Histogram { first: -7, width: 1_000, counts: vec![3, 0, 12] };
        assert_eq!(write(&some), "-7 1000 3,0,12");
        for histogram in [some, Histogram::default()] {
            assert_eq!(read(&write(&histogram)).unwrap(), histogram);
        }
    }

    #[test]
    fn anything_else_is_corrupt() {
        for text in ["", "1", "1 2", "x 2 3", "1 2 3,", "1 2 3 4", "1 -2 3"] {
            assert!(matches!(read(text), Err(EngineError::Corrupt(_))), "{text:?}");
        }
    }
}
