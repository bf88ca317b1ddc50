//! By how much the canary fails more often: an interval that is right at all times at once.
//!
//! Given `K` failures in all, the canary's are binomial with odds `θ·π/(1-π)`. The likelihood over all minutes is
//! compared with its mean under a normal prior on `ln θ`; by Ville's inequality the ratios whose likelihood is less than
//! `α` of that mean contain the true one, ever, with chance `α` at most.

use super::Minute;
use super::comparison::{Comparison, Guards};
use super::dispersion::Split;

/// The canary's failure ratio: canary's rate over control's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioInterval {
    /// The lower end; 0 where the canary had no failure.
    pub low: f64,
    /// The likeliest ratio; 0 where the canary had no failure, infinite where only the canary had some.
    pub likeliest: f64,
    /// The upper end; infinite where the control had no failure.
    pub high: f64,
    /// ln of the likelihood's mean under the prior.
    pub log_evidence: f64,
}

/// The spread of the prior on ln θ.
const SPREAD: f64 = 1.0;
/// Beyond this many natural units below its peak, the integrand adds nothing to a double.
const DROP: f64 = 40.0;
/// Trapezoids of the integral.
const STEPS: u32 = 512;
/// Where ratios end: e^±60 is no ratio that one meets.
const EDGE: f64 = 60.0;
/// Steps of a search, at most: a double has no more bits than that to settle.
const ROUNDS: u32 = 200;

/// The interval at `1 - alpha` after these minutes, tempered by these guards (the cap plays no part here).
/// `None` without any failure, and for an `alpha` that is no chance.
pub fn ratio_interval(minutes: &[Minute], alpha: f64, guards: Guards) -> Option<RatioInterval> {
    let mut process = Comparison::new(1.0, guards);
    for minute in minutes {
        process.add(*minute);
    }
    process.interval(alpha)
}

/// The same from the minutes with failures, each of which knows what tempers it.
pub(super) fn interval(minutes: &[Split], alpha: f64) -> Option<RatioInterval> {
    if minutes.is_empty() || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let likelihood = Likelihood(minutes);
    let log_evidence = likelihood.log_evidence();
    let peak = likelihood.peak(0.0);
    let end = |far: f64| crossing(|u| likelihood.log(u), log_evidence + alpha.ln(), peak, far).exp();
    let of_canary = minutes.iter().any(|minute| minute.canary_bad > 0.0);
    let of_control = minutes.iter().any(|minute| minute.bad > minute.canary_bad);
    let (low, likeliest, high) = match (of_canary, of_control) {
        (false, _) => (0.0, 0.0, end(EDGE)),
        (true, false) => (end(-EDGE), f64::INFINITY, f64::INFINITY),
        (true, true) => (end(-EDGE), peak.exp(), end(EDGE)),
    };
    Some(RatioInterval { low, likeliest, high, log_evidence })
}

/// The likelihood of u = ln θ, tempered.
struct Likelihood<'a>(&'a [Split]);

impl Likelihood<'_> {
    fn log(&self, u: f64) -> f64 {
        let excess = u.exp_m1();
        let part = |minute: &Split| minute.canary_bad * u - minute.bad * (minute.share * excess).ln_1p();
        self.0.iter().map(|minute| minute.temper * part(minute)).sum()
    }

    fn slope(&self, u: f64) -> f64 {
        let (theta, excess) = (u.exp(), u.exp_m1());
        let expected = |minute: &Split| minute.bad * minute.share * theta / (1.0 + minute.share * excess);
        self.0.iter().map(|minute| minute.temper * (minute.canary_bad - expected(minute))).sum()
    }

    /// Where it is largest, under a normal prior of this precision (0 for none): it is concave.
    fn peak(&self, precision: f64) -> f64 {
        let (mut rising, mut falling) = (-EDGE, EDGE);
        for _ in 0..ROUNDS {
            let middle = f64::midpoint(rising, falling);
            if middle <= rising || middle >= falling {
                break;
            }
            if self.slope(middle) > precision * middle { rising = middle } else { falling = middle }
        }
        f64::midpoint(rising, falling)
    }

    /// ln ∫ L(u) φ(u) du.
    fn log_evidence(&self) -> f64 {
        let integrand = |u: f64| self.log(u) - u * u / (2.0 * SPREAD * SPREAD);
        let top = self.peak((SPREAD * SPREAD).recip());
        let height = integrand(top);
        let end = |far: f64| crossing(integrand, height - DROP, top, far);
        let (low, high) = (end(-EDGE), end(EDGE));
        let step = (high - low) / f64::from(STEPS);
        let at = |index: u32| (integrand(low + step * f64::from(index)) - height).exp();
        let inner: f64 = (1..STEPS).map(at).sum();
        let area = step * (inner + f64::midpoint(at(0), at(STEPS)));
        height + area.ln() - (SPREAD * (2.0 * std::f64::consts::PI).sqrt()).ln()
    }
}

/// Where a concave function with its peak at `top` comes down to `level`, on the side of `far`.
fn crossing(f: impl Fn(f64) -> f64, level: f64, top: f64, far: f64) -> f64 {
    if f(far) > level {
        return far;
    }
    let (mut inside, mut outside) = (top, far);
    for _ in 0..ROUNDS {
        let middle = f64::midpoint(inside, outside);
        if (middle - inside) * (middle - outside) >= 0.0 {
            break;
        }
        if f(middle) > level { inside = middle } else { outside = middle }
    }
    f64::midpoint(inside, outside)
}
