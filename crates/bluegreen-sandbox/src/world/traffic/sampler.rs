//! Random counts from a seed.
//!
//! Own samplers and not those of a crate: a seed must give the same run with every later version of the program, and a
//! crate may draw otherwise with any release. Both are exact: by inversion where few are expected, by Hörmann's
//! transformed rejection (PTRS and BTRS) where many are.

#![allow(clippy::many_single_char_names, reason = "the names that the literature has")]

use crate::seed::Sequence;

/// Draws from a seed, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Sampler(Sequence);

/// Below this many expected, counts are drawn by going through them one by one.
const FEW: f64 = 10.0;

impl Sampler {
    /// The draws that `seed` begins.
    pub(super) fn new(seed: u64) -> Sampler {
        Sampler(Sequence::new(seed))
    }

    /// A number of `[0, 1)`.
    #[allow(clippy::cast_precision_loss, reason = "53 bits")]
    pub(super) fn uniform(&mut self) -> f64 {
        (self.0.next_number() >> 11) as f64 * 2_f64.powi(-53)
    }

    /// A number of the normal distribution with mean 0 and deviation 1.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// How often something happens that is expected `mean` times.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        match mean {
            mean if mean.is_nan() || mean <= 0.0 => 0,
            mean if mean < FEW => self.few((-mean).exp(), |k| mean / k),
            mean => self.many_poisson(mean),
        }
    }

    /// How many of `trials` hit, each with `chance`.
    pub(super) fn binomial(&mut self, trials: u64, chance: f64) -> u64 {
        if trials == 0 || chance.is_nan() || chance <= 0.0 {
            return 0;
        }
        if chance >= 1.0 {
            return trials;
        }
        if chance > 0.5 {
            return trials - self.binomial(trials, 1.0 - chance);
        }
        let n = number(trials);
        if n * chance < FEW {
            let odds = chance / (1.0 - chance);
            let none = (n * (-chance).ln_1p()).exp();
            return self.few(none, |k| (n - k + 1.0) / k * odds).min(trials);
        }
        self.many_binomial(n, chance)
    }

    /// Inversion: `none` is the chance of 0, `ratio(k)` that of k over that of k - 1.
    fn few(&mut self, none: f64, ratio: impl Fn(f64) -> f64) -> u64 {
        let mut left = self.uniform();
        let (mut k, mut chance) = (0.0, none);
        // So far out that no sum of chances gets there but by rounding.
        while left >= chance && k < 1_000.0 {
            left -= chance;
            k += 1.0;
            chance *= ratio(k);
        }
        whole(k)
    }

    fn many_poisson(&mut self, mean: f64) -> u64 {
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let fast = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let (u, v) = (self.uniform() - 0.5, self.uniform());
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + mean + 0.43).floor();
            if us >= 0.07 && v <= fast {
                return whole(k);
            }
            if k < 0.0 || (us < 0.013 && v > us) {
                continue;
            }
            let left = (v * inverse_alpha / (a / (us * us) + b)).ln();
            if left <= k * mean.ln() - mean - ln_factorial(k) {
                return whole(k);
            }
        }
    }

    fn many_binomial(&mut self, n: f64, p: f64) -> u64 {
        let spread = (n * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let c = n * p + 0.5;
        let fast = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let odds = (p / (1.0 - p)).ln();
        let mode = ((n + 1.0) * p).floor();
        let top = ln_factorial(mode) + ln_factorial(n - mode);
        loop {
            let (u, v) = (self.uniform() - 0.5, self.uniform());
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + c).floor();
            if us >= 0.07 && v <= fast {
                return whole(k);
            }
            if k < 0.0 || k > n {
                continue;
            }
            let left = (v * alpha / (a / (us * us) + b)).ln();
            if left <= top - ln_factorial(k) - ln_factorial(n - k) + (k - mode) * odds {
                return whole(k);
            }
        }
    }
}

/// The logarithm of k!, by Stirling's series above a few.
fn ln_factorial(k: f64) -> f64 {
    if k < 10.0 {
        return (2..=whole(k)).map(|i| number(i).ln()).sum();
    }
    let x = k + 1.0;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1_260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series
}

#[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole and never negative")]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 40_000;

    /// Mean and variance of many draws must be as they should within five deviations of their own.
    fn check(mut next: impl FnMut() -> u64, mean: f64, variance: f64, what: &str) {
        let draws: Vec<f64> = (0..DRAWS).map(|_| number(next())).collect();
        let count = f64::from(DRAWS);
        let found = draws.iter().sum::<f64>() / count;
        let spread = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        assert!((found - mean).abs() < 5.0 * (variance / count).sqrt() + 1e-12, "{what}: mean {found}, not {mean}");
        // The fourth moment of either distribution is about 3 v² + v.
        let tolerance = 5.0 * ((2.0 * variance * variance + variance) / count).sqrt();
        assert!((spread - variance).abs() < tolerance + 1e-12, "{what}: variance {spread}, not {variance}");
    }

    #[test]
    fn counts_have_their_mean_and_variance() {
        let mut sampler = Sampler::new(7);
        for mean in [0.01, 0.5, 9.9, 10.0, 30.0, 3_000.0, 1e6] {
            check(|| sampler.poisson(mean), mean, mean, &format!("poisson {mean}"));
        }
        for (n, p) in [
            (10, 0.3),
            (1_000, 0.001),
            (1_000, 0.01),
            (3_000, 0.01),
            (3_000, 0.5),
            (50, 0.9),
            (100_000, 0.0003),
            (40, 0.4),
        ] {
            let expected = number(n) * p;
            check(|| sampler.binomial(n, p), expected, expected * (1.0 - p), &format!("binomial {n} {p}"));
        }
        let normals: Vec<f64> = (0..DRAWS).map(|_| sampler.normal()).collect();
        let square = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(DRAWS);
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }

    /// Chances of every count against the formula, by χ² over the counts that are expected at least 20 times.
    #[test]
    fn counts_have_their_distribution() {
        let mut sampler = Sampler::new(11);
        for (n, p) in [(20_u64, 0.2), (200, 0.1), (100, 0.45)] {
            let mut seen = vec![0.0; usize::try_from(n).unwrap() + 1];
            (0..DRAWS).for_each(|_| seen[usize::try_from(sampler.binomial(n, p)).unwrap()] += 1.0);
            let chance = |k: u64| {
                let ways = ln_factorial(number(n)) - ln_factorial(number(k)) - ln_factorial(number(n - k));
                (ways + number(k) * p.ln() + number(n - k) * (1.0 - p).ln()).exp()
            };
            let expected: Vec<f64> = (0..=n).map(|k| chance(k) * f64::from(DRAWS)).collect();
            let cells: Vec<(f64, f64)> = seen.into_iter().zip(expected).filter(|(_, e)| *e >= 20.0).collect();
            let chi: f64 = cells.iter().map(|(s, e)| (s - e).powi(2) / e).sum();
            let free = number(cells.len() as u64);
            assert!(chi < free + 4.0 * (2.0 * free).sqrt(), "{n} {p}: {chi} with {free}");
        }
    }

    #[test]
    fn what_cannot_happen_does_not_and_seeds_repeat() {
        let mut sampler = Sampler::new(1);
        assert_eq!((sampler.poisson(0.0), sampler.poisson(f64::NAN), sampler.poisson(-1.0)), (0, 0, 0));
        assert_eq!((sampler.binomial(0, 0.5), sampler.binomial(9, 0.0), sampler.binomial(9, 1.0)), (0, 0, 9));
        assert!((0..10_000).all(|_| sampler.binomial(25, 0.49) <= 25));
        let run = |seed| {
            let mut sampler = Sampler::new(seed);
            (0..50).map(|_| sampler.poisson(100.0) + sampler.binomial(1_000, 0.1)).collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
