//! A mixture of bettors with a share that is dealt out anew each minute.

use std::ops::Deref;

/// Bettors of the largest mixture: cash, sixteen alternatives, and one with a horizon.
const BETTORS_MAX: usize = 18;

/// A number for each bettor, cash first. Minutes are many, so they live without the heap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bets {
    values: [f64; BETTORS_MAX],
    count: usize,
}

impl FromIterator<f64> for Bets {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Bets {
        let mut bets = Bets { values: [0.0; BETTORS_MAX], count: 0 };
        for (place, number) in bets.values.iter_mut().zip(numbers) {
            *place = number;
            bets.count += 1;
        }
        bets
    }
}

impl Deref for Bets {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.values[..self.count]
    }
}

impl Bets {
    /// Gives the last bettor another number.
    pub(super) fn set_last(&mut self, value: f64) {
        self.values[self.count - 1] = value;
    }

    fn map(&self, change: impl Fn(f64) -> f64) -> Bets {
        self.iter().map(|value| change(*value)).collect()
    }

    fn zip(&self, other: &[f64], join: impl Fn(f64, f64) -> f64) -> Bets {
        self.iter().zip(other).map(|(left, right)| join(*left, *right)).collect()
    }
}

/// ln Σ exp(v), without overflow.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + values.map(|value| (value - most).exp()).sum::<f64>().ln()
}

/// `count` points from `low` to `high`, equally far apart in ratio.
pub(super) fn geometric(low: f64, high: f64, count: u32) -> Vec<f64> {
    let last = f64::from(count.max(2) - 1);
    (0..count).map(|index| low * (high / low).powf(f64::from(index) / last)).collect()
}

/// Weights that favour ratios near 1: proportional to `(ln ratio)^-½`, adding up to 1.
pub(super) fn favouring_small(ratios: &[f64]) -> Vec<f64> {
    let raw: Vec<f64> = ratios.iter().map(|ratio| ratio.ln().powf(-0.5)).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// Equal weights adding up to 1.
pub(super) fn equal(count: u8) -> Vec<f64> {
    vec![f64::from(count).recip(); count.into()]
}

/// The wealth of all bettors together. The first one holds cash: it never bets, and keeps the others' losses bounded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wealth {
    prior: Bets,
    shares: Bets,
    log_e: f64,
    log_e_max: f64,
}

/// What a minute would make of the wealth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// The log of the factor by which all of it grows.
    pub(super) growth: f64,
    /// What each bettor holds then, in parts that add up to `sum`.
    parts: Bets,
    sum: f64,
}

/// The part of all wealth that is dealt out anew each minute, so that a late regression is found as fast as an early one.
const REDEALT: f64 = 0.01;
/// Steps of the search for the tempering that meets a limit: far more than it takes.
const SEARCH_MAX: u32 = 100;

impl Wealth {
    /// `cash` goes to the first bettor, the rest to the others by `weights`, which add up to 1.
    pub(super) fn new(cash: f64, weights: &[f64]) -> Wealth {
        let prior: Bets = std::iter::once(cash).chain(weights.iter().map(|weight| (1.0 - cash) * weight)).collect();
        Wealth { prior, shares: prior, log_e: 0.0, log_e_max: 0.0 }
    }

    pub(super) fn log_e(&self) -> f64 {
        self.log_e
    }

    /// ln of what the last bettor holds.
    pub(super) fn log_held_last(&self) -> f64 {
        self.log_e + self.shares.last().map_or(f64::NEG_INFINITY, |share| share.ln())
    }

    pub(super) fn log_e_max(&self) -> f64 {
        self.log_e_max
    }

    /// The log of each bettor's share of the wealth, cash first.
    #[cfg(test)]
    pub(super) fn log_shares(&self) -> Vec<f64> {
        self.shares.iter().map(|share| share.ln()).collect()
    }

    /// What these log likelihood ratios (cash first) would do. Shares never fall below their part of what is dealt out,
    /// so none of the sums here can vanish.
    pub(super) fn outcome(&self, increments: &Bets) -> Outcome {
        let top = increments.iter().copied().fold(0.0, f64::max);
        let parts = self.shares.zip(increments, |share, increment| share * (increment - top).exp());
        let sum: f64 = parts.iter().sum();
        Outcome { growth: top + sum.ln(), parts, sum }
    }

    /// The same with all increments tempered by one factor, such that the wealth grows by `limit`, which is above 0 and
    /// below what it would grow by: else a burst would leave everything on one bettor.
    ///
    /// The growth is convex in the factor and 0 at 0, so there is one such factor, and Newton's steps from 1 approach it
    /// from above.
    pub(super) fn tempered(&self, increments: &Bets, limit: f64) -> Outcome {
        let mut factor = 1.0;
        let mut outcome = self.outcome(increments);
        for _ in 0..SEARCH_MAX {
            let slope = outcome.parts.iter().zip(increments.iter()).map(|(part, increment)| part * increment);
            let less = factor - (outcome.growth - limit) * outcome.sum / slope.sum::<f64>();
            if !(less > 0.0 && less < factor) {
                break;
            }
            factor = less;
            outcome = self.outcome(&increments.map(|increment| factor * increment));
        }
        Outcome { growth: limit, ..outcome }
    }

    /// Adds one minute.
    pub(super) fn take(&mut self, outcome: &Outcome) {
        self.log_e += outcome.growth;
        self.log_e_max = self.log_e_max.max(self.log_e);
        let kept = (1.0 - REDEALT) / outcome.sum;
        self.shares = outcome.parts.zip(&self.prior, |part, prior| kept * part + REDEALT * prior);
    }
}

/// The e-value of several metrics together, as a logarithm: the mean of their e-values by weight.
///
/// It is an e-value for "no metric has become worse" however the metrics depend on each other; their product would not
/// be. `metrics` holds pairs of weight and ln E; weights add up to 1. Without any metric there is no evidence: 0.
pub fn weighted_mean(metrics: &[(f64, f64)]) -> f64 {
    if metrics.is_empty() {
        return 0.0;
    }
    log_sum_exp(metrics.iter().map(|(weight, log_e)| weight.ln() + log_e))
}
