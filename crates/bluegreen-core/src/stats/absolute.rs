//! One arm against a limit: for a canary without a control, and for rates that nobody minds.
//!
//! With the failure chance at the limit `p`, a minute with `x` bad of `n` requests multiplies the wealth of the bettor on
//! `r·p` by `r^x · ((1 - r·p)/(1 - p))^(n - x)`, whose mean is at most 1 on the null's side of the limit.

use super::is_count;
use super::wealth::{Bets, Wealth, equal, favouring_small, geometric};

/// Which side of the limit the evidence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// Evidence that a failure rate is above, or below, a limit. Minutes are added in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Absolute {
    limit: f64,
    side: Side,
    /// What the bettors believe in, as multiples of the limit; cash believes in just that.
    ratios: Bets,
    wealth: Wealth,
}

/// The largest share of a minute's failures that may belong to one burst.
const BURST_SHARE: f64 = 0.02;
/// By what factor one minute may speak against the canary.
const CAP: f64 = 5.0;
/// No bettor bets on a rate above this.
const RATE_MAX: f64 = 0.95;

impl Absolute {
    /// Evidence that the rate is above `limit` (between 0 and 1): the guard where there is no control, and beside the
    /// comparison, for a canary that drags the control down with it. `None` for a limit outside.
    pub fn above(limit: f64) -> Option<Absolute> {
        let mut ratios = geometric(1.5, 256.0, 16);
        ratios.retain(|ratio| ratio * limit <= RATE_MAX);
        if !(limit > 0.0 && limit < 1.0) || ratios.is_empty() {
            return None;
        }
        let wealth = Wealth::new(0.25, &favouring_small(&ratios));
        Some(Absolute { limit, side: Side::Above, ratios: with_cash(ratios), wealth })
    }

    /// Evidence that the rate is below `limit` (between 0 and 1): a rate that nobody minds. `None` for a limit outside.
    pub fn below(limit: f64) -> Option<Absolute> {
        if !(limit > 0.0 && limit < 1.0) {
            return None;
        }
        let ratios = with_cash(vec![0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85]);
        let wealth = Wealth::new(0.1, &equal(8));
        Some(Absolute { limit, side: Side::Below, ratios, wealth })
    }

    /// Adds one closed minute, `bad` of `requests`, and returns ln E after it. Without requests nothing changes.
    pub fn add(&mut self, bad: f64, requests: f64) -> f64 {
        if !(is_count(bad) && is_count(requests) && requests > 0.0) {
            return self.log_e();
        }
        // Failures at the border of a minute may be counted in the next one: never more of them than requests.
        let bad = bad.min(requests);
        let increments = self.increments(bad, requests);
        let outcome = self.wealth.outcome(&increments);
        match self.growth_limit(bad, requests, outcome.growth) {
            Some(limit) => self.wealth.take(&self.wealth.tempered(&increments, limit)),
            None => self.wealth.take(&outcome),
        }
        self.log_e()
    }

    /// ln E now.
    pub fn log_e(&self) -> f64 {
        self.wealth.log_e()
    }

    /// The largest ln E so far.
    pub fn log_e_max(&self) -> f64 {
        self.wealth.log_e_max()
    }

    fn increments(&self, bad: f64, requests: f64) -> Bets {
        let temper = match self.side {
            Side::Above => (1.0 + (bad - 1.0).max(0.0) * BURST_SHARE).recip(),
            Side::Below => 1.0,
        };
        let good = requests - bad;
        let at_limit = (-self.limit).ln_1p();
        let bet = |ratio: &f64| temper * (bad * ratio.ln() + good * ((-ratio * self.limit).ln_1p() - at_limit));
        self.ratios.iter().map(bet).collect()
    }

    /// As in the comparison: what a minute may grow by, where that is less than `growth`.
    fn growth_limit(&self, bad: f64, requests: f64, growth: f64) -> Option<f64> {
        if self.side == Side::Below || growth <= CAP.ln() || bad <= 1.0 {
            return None;
        }
        let limit = CAP.ln().max(self.wealth.outcome(&self.increments(1.0, requests)).growth);
        (growth > limit).then_some(limit)
    }
}

fn with_cash(ratios: Vec<f64>) -> Bets {
    std::iter::once(1.0).chain(ratios).collect()
}
