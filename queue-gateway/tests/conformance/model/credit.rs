//! How many admissions there may be: by windows, never by adding up credit. The invited are let in whenever anybody is.

use queue_gateway::line::{Control, Lane};

use super::life;

/// What was admitted when, and what the rate allowed up to then.
#[derive(Debug)]
pub(super) struct Allowance {
    at: i64,
    /// Admissions that the rate would have made by now, since the queue began.
    allowed: f64,
    /// At which of them each admission was, and the burst then.
    admissions: Vec<(f64, f64)>,
    /// What there is at least, as far as one admission.
    settled_at: i64,
    at_least: f64,
}

/// Slack for sums of fractions.
const TINY: f64 = 1e-6;
/// What is certainly one whole admission.
const WHOLE: f64 = 1.001;

impl Allowance {
    pub(super) fn opening(now: i64) -> Self {
        Self { at: now, allowed: 0.0, admissions: Vec::new(), settled_at: now, at_least: WHOLE }
    }

    /// The clock shows `now`; when it was set back, that is no time.
    pub(super) fn time_passes(&mut self, now: i64, control: &Control) {
        self.allowed +=
            seconds(life::admitting(control, Lane::Invited, self.at, now)) * control.limits().rate_per_second;
        self.at = now;
    }

    /// A step, or a change of what governs: credit is settled for the time until now.
    pub(super) fn settle(&mut self, now: i64, control: &Control) {
        let rate = rate(control, now);
        let admitting = seconds(life::admitting(control, Lane::Invited, self.settled_at, now));
        let before = if life::admits(control, Lane::Invited, self.settled_at) { self.at_least } else { 0.0 };
        self.at_least = if rate > 0.0 { (before + admitting * rate).min(WHOLE) } else { 0.0 };
        self.settled_at = now;
    }

    pub(super) fn at_least_one(&self, now: i64, control: &Control) -> bool {
        rate(control, now) > 0.0 && life::admits(control, Lane::Invited, self.settled_at) && self.at_least >= WHOLE
    }

    pub(super) fn admit(&mut self, now: i64, control: &Control) {
        self.admissions.push((self.allowed, control.limits().burst()));
        (self.settled_at, self.at_least) = (now, 0.0);
    }

    /// Every window that ends now holds no more than the rate allows in it, and one burst.
    pub(super) fn check(&self) {
        let mut admitted = 0.0;
        for (from, burst) in self.admissions.iter().rev() {
            admitted += 1.0;
            let most = self.allowed - from + burst;
            assert!(admitted <= most + TINY, "{admitted} admissions in a window that allows {most}");
        }
    }
}

fn rate(control: &Control, now: i64) -> f64 {
    if life::admits(control, Lane::Invited, now) { control.limits().rate_per_second } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred seconds in microseconds")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
