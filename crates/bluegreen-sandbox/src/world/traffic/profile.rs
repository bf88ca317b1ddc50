//! How a revision answers requests, where requests are drawn.

use std::sync::LazyLock;

use super::sampler::Sampler;
use crate::world::metrics::Summary;

/// How a revision answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Profile {
    /// The share of its answers that are 5xx, 0 to 1.
    pub error_rate: f64,
    /// The share of connections that it refuses, 0 to 1: the load balancer answers 502 for it.
    pub refused: f64,
    /// How long it takes; `None` draws no latencies, and there is no metric of them.
    pub latency: Option<Latency>,
}

impl Profile {
    /// One that fails at this rate and whose latencies nobody looks at.
    pub fn failing(error_rate: f64) -> Profile {
        Profile { error_rate, ..Profile::default() }
    }
}

/// How long answers take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Log-normal.
    LogNormal {
        /// Half of the answers are faster.
        median: f64,
        /// The deviation of the logarithm: 0.5 puts the 99th percentile at 3.2 medians.
        sigma: f64,
    },
    /// Mostly fast, and sometimes slow.
    TwoPoint {
        /// How long a fast one takes.
        fast: f64,
        /// How long a slow one takes.
        slow: f64,
        /// The share of slow ones, 0 to 1.
        slow_share: f64,
    },
}

/// So few are drawn one by one.
const FEW: u64 = 40;

/// The normal distribution in steps of a tenth of its deviation: each step's middle, and the chance of being in it for
/// whoever is in none before it.
static STEPS: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let steps: Vec<(f64, f64)> =
        (-40..45).map(|step| f64::from(step) / 10.0).map(|low| (low + 0.05, below(low + 0.1) - below(low))).collect();
    let total: f64 = steps.iter().map(|(_, chance)| chance).sum();
    let mut left = total;
    let mut conditional = Vec::with_capacity(steps.len());
    for (middle, chance) in steps {
        conditional.push((middle, (chance / left).min(1.0)));
        left -= chance;
    }
    if let Some(last) = conditional.last_mut() {
        last.1 = 1.0;
    }
    conditional
});

impl Latency {
    /// Draws `count` latencies. Many are drawn by how many fall into each step: that has the same distribution as
    /// drawing each, to a step's width, and takes the same time for a thousand as for a million.
    pub(super) fn draw(&self, count: u64, sampler: &mut Sampler, into: &mut Summary) {
        match *self {
            Latency::TwoPoint { fast, slow, slow_share } => {
                let slow_ones = sampler.binomial(count, slow_share);
                into.add(fast, number(count - slow_ones));
                into.add(slow, number(slow_ones));
            }
            Latency::LogNormal { median, sigma } if count <= FEW => {
                for _ in 0..count {
                    into.add(median * (sigma * sampler.normal()).exp(), 1.0);
                }
            }
            Latency::LogNormal { median, sigma } => {
                let mut left = count;
                for (middle, chance) in STEPS.iter() {
                    let here = sampler.binomial(left, *chance);
                    into.add(median * (sigma * middle).exp(), number(here));
                    left -= here;
                }
            }
        }
    }
}

/// The chance that a normal number is below `z`, by the formula 7.1.26 of Abramowitz and Stegun: to 1.5e-7.
fn below(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * series * (-x * x).exp();
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::metrics::Statistic;

    fn drawn(latency: Latency, count: u64, times: u64) -> Summary {
        let mut summary = Summary::default();
        let mut sampler = Sampler::new(5);
        (0..times).for_each(|_| latency.draw(count, &mut sampler, &mut summary));
        summary
    }

    fn value(summary: &Summary, statistic: &str) -> f64 {
        Statistic::parse(statistic).unwrap().of(summary).unwrap()
    }

    #[test]
    fn log_normal_latencies_have_their_percentiles_few_or_many() {
        let latency = Latency::LogNormal { median: 0.1, sigma: 0.5 };
        for (count, times) in [(100_000, 1), (40, 2_500)] {
            let summary = drawn(latency, count, times);
            assert!((summary.count() - 100_000.0).abs() < 1e-6);
            for (statistic, z) in [("p50", 0.0), ("p90", 1.2816), ("p99", 2.3263), ("p10", -1.2816)] {
                let (found, expected) = (value(&summary, statistic), 0.1 * (0.5_f64 * z).exp());
                assert!((found / expected - 1.0).abs() < 0.06, "{count} {statistic}: {found}, not {expected}");
            }
            let mean = 0.1 * (0.125_f64).exp();
            assert!((value(&summary, "Average") / mean - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn two_point_latencies_have_two_values() {
        let summary = drawn(Latency::TwoPoint { fast: 0.05, slow: 2.0, slow_share: 0.02 }, 10_000, 1);
        assert_eq!(summary.values().map(<[_]>::len), Some(2));
        let slow = summary.values().unwrap()[1].1;
        assert!((150.0..250.0).contains(&slow), "{slow}");
    }

    #[test]
    fn the_normal_distribution_is_known() {
        for (z, chance) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.959_964, 0.025), (3.0, 0.998_650_1)] {
            assert!((below(z) - chance).abs() < 2e-7, "{z}: {}", below(z));
        }
    }
}
