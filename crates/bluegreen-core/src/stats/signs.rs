//! For gauges and ready-made percentiles, which cannot be counted: one bet a minute on which arm is worse.

use super::wealth::{Wealth, equal};

/// Evidence that the canary is worse in more than half of the minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct SignBets {
    wealth: Wealth,
}

/// The chances of "worse" that are bet on.
const CHANCES: [f64; 5] = [0.6, 0.7, 0.8, 0.9, 0.97];

impl Default for SignBets {
    fn default() -> Self {
        SignBets { wealth: Wealth::new(0.1, &equal(5)) }
    }
}

impl SignBets {
    /// Adds one minute in which both arms had a value, and returns ln E after it. `worse` is decided with a margin, so
    /// that for equal arms it is no likelier than its opposite.
    pub fn add(&mut self, worse: bool) -> f64 {
        let bet = |chance: f64| (2.0 * if worse { chance } else { 1.0 - chance }).ln();
        let increments = std::iter::once(0.0).chain(CHANCES.into_iter().map(bet)).collect();
        self.wealth.take(&self.wealth.outcome(&increments));
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
}
