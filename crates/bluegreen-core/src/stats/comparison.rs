//! Does the canary fail more often than the control? An e-process on two counts an arm and minute.
//!
//! For one alternative "the canary fails θ times as often as the control", against the null "at most θ₀ times", a minute
//! with `x` bad of `n` canary requests, and `K` bad requests in both arms, multiplies the wealth by
//!
//! ```text
//! exp ℓ_θ,   ℓ_θ = x·ln(θ/θ₀) + K·ln((m + θ₀·n) / (m + θ·n)),   m: the control's requests
//! ```
//!
//! whose mean is at most 1 under the null, for any base rate, any split and any per-request score between 0 and 1 (proof
//! in `docs/internals/judge.md`). The base rate cancels, so a dependency that fails in both arms is no evidence.

use super::Minute;
use super::dispersion::{Split, estimate};
use super::wealth::{Wealth, favouring_small, geometric};

/// ln of the likelihood ratio of one minute for the ratio `theta` against `theta0`; 0 where an arm had no request.
pub fn increment(minute: Minute, theta: f64, theta0: f64) -> f64 {
    if !minute.is_evidence() {
        return 0.0;
    }
    let exposure = |ratio: f64| (minute.control + ratio * minute.canary).ln();
    minute.canary_bad * (theta / theta0).ln() + minute.bad() * (exposure(theta0) - exposure(theta))
}

/// What keeps one burst of failures from deciding. Each only ever makes bets smaller, or chooses them from the past, so
/// the guarantee stands whatever they are set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guards {
    /// The largest share of a minute's failures that may belong to one burst, from 0.
    pub burst_share: f64,
    /// So many failures at least come together, from 1.
    pub burst_size: f64,
    /// Whether the variation of past minutes tempers the bets too.
    pub dispersion: bool,
    /// By what factor one minute may grow the wealth at most; `None` for no cap.
    pub cap: Option<f64>,
}

impl Default for Guards {
    fn default() -> Self {
        Guards { burst_share: 0.02, burst_size: 1.0, dispersion: true, cap: Some(5.0) }
    }
}

impl Guards {
    /// None: exact for independent requests, and easily fooled by bursts.
    pub const OFF: Guards = Guards { burst_share: 0.0, burst_size: 1.0, dispersion: false, cap: None };
}

/// The e-process. Add minutes strictly in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    theta0: f64,
    ratios: Vec<f64>,
    guards: Guards,
    wealth: Wealth,
    past: Vec<Split>,
}

/// The part of the wealth that never bets.
const CASH: f64 = 0.25;

impl Comparison {
    /// Evidence that the canary fails more than `theta0` times as often as the control; 1 for "more often at all".
    pub fn new(theta0: f64, guards: Guards) -> Comparison {
        Comparison::with_ratios(theta0, guards, geometric(1.5, 256.0, 16))
    }

    /// `ratios`: the alternatives, as multiples of `theta0`, all above 1.
    pub(super) fn with_ratios(theta0: f64, guards: Guards, ratios: Vec<f64>) -> Comparison {
        let wealth = Wealth::new(CASH, &favouring_small(&ratios));
        Comparison { theta0, ratios, guards, wealth, past: Vec::new() }
    }

    /// Adds one closed minute and returns ln E after it.
    pub fn add(&mut self, minute: Minute) -> f64 {
        if !minute.is_evidence() {
            return self.log_e();
        }
        let dispersion = if self.guards.dispersion { estimate(&self.past) } else { 1.0 };
        let share = minute.canary / (minute.canary + minute.control);
        self.past.push(Split { canary_bad: minute.canary_bad, bad: minute.bad(), share });
        let increments = self.increments(minute, dispersion);
        let limit = self.limit(minute, dispersion);
        self.wealth.add(&increments, limit);
        self.log_e()
    }

    /// ln E now.
    pub fn log_e(&self) -> f64 {
        self.wealth.log_e()
    }

    /// The largest ln E so far: what is decided upon, since a crossing is a crossing.
    pub fn log_e_max(&self) -> f64 {
        self.wealth.log_e_max()
    }

    #[cfg(test)]
    pub(super) fn log_shares(&self) -> &[f64] {
        self.wealth.log_shares()
    }

    fn increments(&self, minute: Minute, dispersion: f64) -> Vec<f64> {
        let temper = self.temper(minute.bad(), dispersion);
        let bets = self.ratios.iter().map(|ratio| temper * increment(minute, self.theta0 * ratio, self.theta0));
        std::iter::once(0.0).chain(bets).collect()
    }

    /// What a minute with so many failures counts for: as if that many of them had come together.
    pub(super) fn temper(&self, bad: f64, dispersion: f64) -> f64 {
        let together = 1.0 + (bad - 1.0).max(0.0) * self.guards.burst_share;
        self.guards.burst_size.max(together).max(dispersion).recip()
    }

    /// The cap, or the growth that a single failure of the canary would have had: at low traffic single failures are all
    /// the evidence that there is.
    fn limit(&self, minute: Minute, dispersion: f64) -> f64 {
        let Some(cap) = self.guards.cap else { return f64::INFINITY };
        let single = Minute { canary_bad: minute.canary_bad.min(1.0), ..minute };
        cap.ln().max(self.wealth.growth(&self.increments(single, dispersion)))
    }
}

/// Evidence that the canary does *not* fail `theta1` times as often as the control: the same process with the arms'
/// parts exchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct NonInferiority(Comparison);

impl NonInferiority {
    /// A cap, where there is one, is 2: an e-value of 20 then takes at least five good minutes.
    pub fn new(theta1: f64, guards: Guards) -> NonInferiority {
        let guards = Guards { cap: guards.cap.map(|_| 2.0), ..guards };
        NonInferiority(Comparison::with_ratios(theta1.recip(), guards, geometric(1.15, 16.0, 12)))
    }

    /// Adds one closed minute, canary and control in their own places, and returns ln E after it.
    pub fn add(&mut self, minute: Minute) -> f64 {
        self.0.add(minute.swapped())
    }

    /// ln E now.
    pub fn log_e(&self) -> f64 {
        self.0.log_e()
    }

    /// The largest ln E so far.
    pub fn log_e_max(&self) -> f64 {
        self.0.log_e_max()
    }
}
