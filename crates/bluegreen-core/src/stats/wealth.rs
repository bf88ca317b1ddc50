//! A mixture of bettors with a share that is dealt out anew each minute.

/// Halvings of the search for the tempering that meets the growth cap: to the last bit of a double.
const HALVINGS: u32 = 60;

/// ln Σ exp(v), without overflow.
pub(super) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
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
    prior: Vec<f64>,
    shares: Vec<f64>,
    log_e: f64,
    log_e_max: f64,
}

/// The part of all wealth that is dealt out anew each minute, so that a late regression is found as fast as an early one.
const REDEALT: f64 = 0.01;

impl Wealth {
    /// `cash` goes to the first bettor, the rest to the others by `weights`, which add up to 1.
    pub(super) fn new(cash: f64, weights: &[f64]) -> Wealth {
        let bets = weights.iter().map(|weight| ((1.0 - cash) * weight).ln());
        let prior: Vec<f64> = std::iter::once(cash.ln()).chain(bets).collect();
        Wealth { shares: prior.clone(), prior, log_e: 0.0, log_e_max: 0.0 }
    }

    pub(super) fn log_e(&self) -> f64 {
        self.log_e
    }

    pub(super) fn log_e_max(&self) -> f64 {
        self.log_e_max
    }

    /// The log of each bettor's share of the wealth, cash first.
    #[cfg(test)]
    pub(super) fn log_shares(&self) -> &[f64] {
        &self.shares
    }

    /// By how much all wealth would grow with these log likelihood ratios (cash first), as a logarithm.
    pub(super) fn growth(&self, increments: &[f64]) -> f64 {
        self.tempered_growth(increments, 1.0)
    }

    fn tempered_growth(&self, increments: &[f64], temper: f64) -> f64 {
        log_sum_exp(self.shares.iter().zip(increments).map(move |(share, increment)| share + temper * increment))
    }

    /// Adds one minute. Where it would grow all wealth by more than `limit`, it is tempered until it grows it by just
    /// that, shares included: else a burst would leave everything on one bettor. Returns the tempering.
    pub(super) fn add(&mut self, increments: &[f64], limit: f64) -> f64 {
        let growth = self.growth(increments);
        let temper = if growth > limit { self.temper_to(increments, limit) } else { 1.0 };
        let won = growth.min(limit);
        self.log_e += won;
        self.log_e_max = self.log_e_max.max(self.log_e);
        let after: Vec<f64> =
            self.shares.iter().zip(increments).map(|(share, increment)| share + temper * increment).collect();
        let all = log_sum_exp(after.iter().copied());
        let (kept, dealt) = ((1.0 - REDEALT).ln(), REDEALT.ln());
        let mixed = after.iter().zip(&self.prior);
        self.shares =
            mixed.map(|(share, prior)| log_sum_exp([kept + share - all, dealt + prior].into_iter())).collect();
        temper
    }

    /// The growth is convex in the tempering and 0 at 0, so there is one point at which it meets a positive limit.
    fn temper_to(&self, increments: &[f64], limit: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.tempered_growth(increments, middle) > limit { high = middle } else { low = middle }
        }
        low
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
