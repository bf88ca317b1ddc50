//! Is traffic split as configured? Before anything is compared, who was compared has to be as planned.

use super::comparison::{Comparison, Guards};
use super::wealth::geometric;
use super::{Minute, weighted_mean};

/// Evidence that requests are not split by the weight, give or take 5 % of the odds: two e-processes, one for each side,
/// in which the weights take the place of the requests. An e-value of 1000 is the customary alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestSplit {
    too_many: Comparison,
    too_few: Comparison,
}

/// The odds that are tolerated on either side.
const TOLERANCE: f64 = 1.05;

impl Default for RequestSplit {
    fn default() -> Self {
        // Nearly every request is drawn on its own: bursts of a client's requests are small beside a minute's traffic.
        let guards = Guards { burst_share: 0.001, ..Guards::default() };
        let side = || Comparison::with_ratios(TOLERANCE, guards, &geometric(1.05, 50.0, 16));
        RequestSplit { too_many: side(), too_few: side() }
    }
}

impl RequestSplit {
    /// Adds one minute with the requests of both arms, while the canary's weight was `share` of all (between 0 and 1, both
    /// excluded), and returns ln E after it. Leave out minutes in which the weight changed.
    pub fn add(&mut self, canary: f64, control: f64, share: f64) -> f64 {
        let minute = Minute::new(canary, control, share, 1.0 - share);
        self.too_many.add(minute);
        self.too_few.add(minute.swapped());
        self.log_e()
    }

    /// ln E now.
    pub fn log_e(&self) -> f64 {
        weighted_mean(&[(0.5, self.too_many.log_e()), (0.5, self.too_few.log_e())])
    }

    /// Whether the canary gets less than its share, where anything is wrong at all.
    pub fn starved(&self) -> bool {
        self.too_few.log_e() > self.too_many.log_e()
    }
}

/// How firmly the prior of [`unit_split`] believes in the planned shares, in units.
const CONCENTRATION: f64 = 1000.0;

/// Evidence, as ln E, that units (users, sessions) are not assigned by `shares`: a Dirichlet mixture in closed form.
///
/// Each unit counts once, and is assigned on its own. `assigned` and `shares` go together, one for each arm; shares are
/// above 0 and add up to 1. `None` where they do not, or where a count is no count.
pub fn unit_split(assigned: &[f64], shares: &[f64]) -> Option<f64> {
    let sound = assigned.len() == shares.len()
        && shares.iter().all(|share| *share > 0.0 && *share < 1.0)
        && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9
        && assigned.iter().all(|count| count.is_finite() && *count >= 0.0);
    if !sound {
        return None;
    }
    let all: f64 = assigned.iter().sum();
    let arms = assigned.iter().zip(shares).map(|(count, share)| {
        let prior = CONCENTRATION * share;
        libm::lgamma(prior + count) - libm::lgamma(prior) - count * share.ln()
    });
    Some(arms.sum::<f64>() - (libm::lgamma(CONCENTRATION + all) - libm::lgamma(CONCENTRATION)))
}
