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
use super::dispersion::{Past, Split};
use super::horizon::Horizon;
use super::ratio::{self, RatioInterval};
use super::wealth::{Bets, Wealth, favouring_small, geometric};

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
    /// What the bettors believe in, as multiples of `theta0`; cash believes in just that.
    ratios: Bets,
    log_ratios: Bets,
    guards: Guards,
    wealth: Wealth,
    past: Past,
    /// The last bettor's, where there is one with a horizon.
    horizon: Option<Horizon>,
}

/// The part of the wealth that never bets.
const CASH: f64 = 0.25;
/// The same beside a bettor with a horizon, and that bettor's part.
const WITH_HORIZON: (f64, f64) = (0.05, 0.2);

impl Comparison {
    /// Evidence that the canary fails more than `theta0` times as often as the control; 1 for "more often at all".
    pub fn new(theta0: f64, guards: Guards) -> Comparison {
        Comparison::with_ratios(theta0, guards, &geometric(1.5, 256.0, 16))
    }

    /// `ratios`: the alternatives, as multiples of `theta0`, all above 1.
    pub(super) fn with_ratios(theta0: f64, guards: Guards, ratios: &[f64]) -> Comparison {
        let wealth = Wealth::new(CASH, &favouring_small(ratios));
        let ratios: Bets = std::iter::once(1.0).chain(ratios.iter().copied()).collect();
        let log_ratios = ratios.iter().map(|ratio| ratio.ln()).collect();
        Comparison { theta0, ratios, log_ratios, guards, wealth, past: Past::default(), horizon: None }
    }

    /// The same evidence for a release that is looked at for about so many minutes and wants ln E to reach `goal`: one more
    /// bettor aims at that, with most of the cash.
    ///
    /// Small regressions are found more often within that time, and none later; one that begins late is found a little
    /// later. Measured in `docs/internals/judge-measured.md`.
    pub fn with_horizon(minutes: u32, goal: f64, guards: Guards) -> Comparison {
        let (cash, part) = WITH_HORIZON;
        let ratios = geometric(1.5, 256.0, 16);
        let rest = 1.0 - part / (1.0 - cash);
        let mut weights: Vec<f64> = favouring_small(&ratios).into_iter().map(|weight| weight * rest).collect();
        weights.push(1.0 - rest);
        let horizon = Horizon::new(minutes, goal, guards.burst_share);
        let ratios: Bets = std::iter::once(1.0).chain(ratios).chain(std::iter::once(1.0)).collect();
        let log_ratios = ratios.iter().map(|ratio| ratio.ln()).collect();
        let wealth = Wealth::new(cash, &weights);
        let horizon = Some(horizon);
        Comparison { theta0: 1.0, ratios, log_ratios, guards, wealth, past: Past::default(), horizon }
    }

    /// Adds one closed minute and returns ln E after it.
    pub fn add(&mut self, minute: Minute) -> f64 {
        if !minute.is_evidence() {
            return self.log_e();
        }
        if let Some(horizon) = &self.horizon {
            let ratio = horizon.ratio(self.wealth.log_held_last());
            self.ratios.set_last(ratio);
            self.log_ratios.set_last(ratio.ln());
        }
        let dispersion = if self.guards.dispersion { self.past.dispersion() } else { 1.0 };
        let increments = self.increments(minute, dispersion);
        let outcome = self.wealth.outcome(&increments);
        match self.limit(minute, dispersion, outcome.growth) {
            Some(limit) => self.wealth.take(&self.wealth.tempered(&increments, limit)),
            None => self.wealth.take(&outcome),
        }
        let share = minute.canary / (minute.canary + minute.control);
        let temper = self.temper(minute.bad(), dispersion);
        if let Some(horizon) = &mut self.horizon {
            horizon.push(temper, minute.bad(), share);
        }
        self.past.push(Split { canary_bad: minute.canary_bad, bad: minute.bad(), share, temper });
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

    /// The interval for the ratio of failure rates at `1 - alpha`, from the minutes so far and tempered as their bets were.
    /// `None` without any failure, and for an `alpha` that is no chance.
    pub fn interval(&self, alpha: f64) -> Option<RatioInterval> {
        ratio::interval(self.past.minutes(), alpha)
    }

    #[cfg(test)]
    pub(super) fn log_shares(&self) -> Vec<f64> {
        self.wealth.log_shares()
    }

    fn increments(&self, minute: Minute, dispersion: f64) -> Bets {
        let (temper, bad) = (self.temper(minute.bad(), dispersion), minute.bad());
        let exposed = self.theta0 * minute.canary;
        let at_null = (minute.control + exposed).ln();
        let bet = |(ratio, log_ratio): (&f64, &f64)| {
            temper * (minute.canary_bad * log_ratio + bad * (at_null - (minute.control + ratio * exposed).ln()))
        };
        let mut bets: Bets = self.ratios.iter().zip(self.log_ratios.iter()).map(bet).collect();
        if let (Some(horizon), Some(last)) = (&self.horizon, bets.last().copied()) {
            bets.set_last(last * horizon.temper(temper, bad) / temper);
        }
        bets
    }

    /// What a minute with so many failures counts for: as if that many of them had come together.
    fn temper(&self, bad: f64, dispersion: f64) -> f64 {
        let together = 1.0 + (bad - 1.0).max(0.0) * self.guards.burst_share;
        self.guards.burst_size.max(together).max(dispersion).recip()
    }

    /// What a minute that grows by `growth` may grow by, where that is less: the cap, or the growth that a single failure
    /// of the canary would have had, since at low traffic single failures are all the evidence that there is.
    fn limit(&self, minute: Minute, dispersion: f64, growth: f64) -> Option<f64> {
        let cap = self.guards.cap?.ln();
        if growth <= cap || minute.canary_bad <= 1.0 {
            return None;
        }
        let single = Minute { canary_bad: 1.0, ..minute };
        let limit = cap.max(self.wealth.outcome(&self.increments(single, dispersion)).growth);
        (growth > limit).then_some(limit)
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
        NonInferiority(Comparison::with_ratios(theta1.recip(), guards, &geometric(1.15, 16.0, 12)))
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
