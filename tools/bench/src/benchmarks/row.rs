//! One line of the table.

/// A figure of ours beside its reference.
#[derive(Debug)]
pub(super) struct Row {
    /// The row of the performance plan.
    pub(super) number: u8,
    /// What is measured.
    pub(super) name: String,
    /// Our median.
    pub(super) ours: f64,
    /// The reference's median.
    pub(super) reference: f64,
    /// Of both figures.
    pub(super) unit: &'static str,
    /// What the ratio must reach.
    pub(super) bar: Bar,
}

/// The bound of a ratio.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bar {
    /// Ours / reference, at least.
    AtLeast(f64),
    /// Ours / reference, at most.
    AtMost(f64),
}

impl Row {
    fn ratio(&self) -> f64 {
        self.ours / self.reference
    }

    fn passes(&self) -> bool {
        match self.bar {
            Bar::AtLeast(least) => self.ratio() >= least,
            Bar::AtMost(most) => self.ratio() <= most,
        }
    }

    /// The cells of the table.
    pub(super) fn cells(&self) -> [String; 7] {
        let bar = match self.bar {
            Bar::AtLeast(least) => format!(">= {least:.2}"),
            Bar::AtMost(most) => format!("<= {most:.2}"),
        };
        let figure = |value: f64| match value {
            large if large >= 100.0 => format!("{large:.0} {}", self.unit),
            small => format!("{small:.2} {}", self.unit),
        };
        let pass = if self.passes() { "yes" } else { "not yet" };
        [
            self.number.to_string(),
            self.name.clone(),
            figure(self.ours),
            figure(self.reference),
            format!("{:.2}", self.ratio()),
            bar,
            pass.to_owned(),
        ]
    }
}

/// The middle value; of an even number, the upper of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_holds_on_its_own_side() {
        let row = |ours, bar| Row { number: 1, name: String::new(), ours, reference: 2.0, unit: "/s", bar };
        assert!(row(1.0, Bar::AtLeast(0.5)).passes() && !row(0.9, Bar::AtLeast(0.5)).passes());
        assert!(row(2.5, Bar::AtMost(1.25)).passes() && !row(2.6, Bar::AtMost(1.25)).passes());
        assert!(!row(f64::NAN, Bar::AtMost(1.0)).passes(), "a figure that is missing passes nothing");
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
    }
}
