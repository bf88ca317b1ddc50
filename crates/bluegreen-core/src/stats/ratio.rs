//! By how much the canary fails more often: an interval that is right at all times at once.
//!
//! Given `K` failures in all, the canary's are binomial with odds `θ·π/(1-π)`. The likelihood over all minutes is
//! compared with its mean under a normal prior on `ln θ`; by Ville's inequality the ratios whose likelihood is less than
//! `α` of that mean contain the true one, ever, with chance `α` at most.

use super::comparison::{Comparison, Guards};
use super::{Minute, dispersion};

/// The canary's failure ratio: canary's rate over control's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioInterval {
    /// The lower end; 0 where the canary had no failure.
    pub low: f64,
    /// The likeliest ratio.
    pub likeliest: f64,
    /// The upper end; infinite where the control had no failure.
    pub high: f64,
    /// ln of the likelihood's mean under the prior.
    pub log_evidence: f64,
}

/// One minute's part of the likelihood, tempered.
struct Term {
    canary_bad: f64,
    bad: f64,
    share: f64,
}

/// The spread of the prior on ln θ.
const SPREAD: f64 = 1.0;
/// Beyond this many natural units below its peak, the integrand adds nothing to a double.
const DROP: f64 = 40.0;
/// Trapezoids of the integral.
const STEPS: u32 = 512;
/// Where ratios end: e^±60 is no ratio that one meets.
const EDGE: f64 = 60.0;
/// Steps of the searches: to the last bits of a double.
const ROUNDS: u32 = 200;

/// The interval at `1 - alpha` after these minutes, tempered by these guards (the cap plays no part here).
/// `None` without one minute of evidence, and for an `alpha` that is no chance.
pub fn ratio_interval(minutes: &[Minute], alpha: f64, guards: Guards) -> Option<RatioInterval> {
    let terms = terms(minutes, guards);
    if terms.is_empty() || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let likelihood = |u: f64| -> f64 {
        terms.iter().map(|term| term.canary_bad * u - term.bad * (term.share * u.exp_m1()).ln_1p()).sum()
    };
    let log_evidence = evidence(&likelihood);
    let likeliest = peak(&likelihood);
    let threshold = log_evidence + alpha.ln();
    let canary: f64 = terms.iter().map(|term| term.canary_bad).sum();
    let all: f64 = terms.iter().map(|term| term.bad).sum();
    let end = |far: f64| crossing(&likelihood, threshold, likeliest, far).exp();
    let low = if canary > 0.0 { end(-EDGE) } else { 0.0 };
    let high = if all > canary { end(EDGE) } else { f64::INFINITY };
    Some(RatioInterval { low, likeliest: likeliest.exp(), high, log_evidence })
}

fn terms(minutes: &[Minute], guards: Guards) -> Vec<Term> {
    let process = Comparison::new(1.0, guards);
    let mut past = Vec::new();
    let mut terms = Vec::new();
    for minute in minutes.iter().filter(|minute| minute.is_evidence()) {
        let spread = if guards.dispersion { dispersion::estimate(&past) } else { 1.0 };
        let temper = process.temper(minute.bad(), spread);
        let share = minute.canary / (minute.canary + minute.control);
        past.push(dispersion::Split { canary_bad: minute.canary_bad, bad: minute.bad(), share });
        terms.push(Term { canary_bad: temper * minute.canary_bad, bad: temper * minute.bad(), share });
    }
    terms
}

/// ln ∫ L(u) φ(u) du.
fn evidence(likelihood: &impl Fn(f64) -> f64) -> f64 {
    let integrand = |u: f64| likelihood(u) - u * u / (2.0 * SPREAD * SPREAD);
    let top = peak(&integrand);
    let height = integrand(top);
    let (low, high) = (crossing(&integrand, height - DROP, top, -EDGE), crossing(&integrand, height - DROP, top, EDGE));
    let step = (high - low) / f64::from(STEPS);
    let at = |index: u32| (integrand(low + step * f64::from(index)) - height).exp();
    let inner: f64 = (1..STEPS).map(at).sum();
    let area = step * (inner + f64::midpoint(at(0), at(STEPS)));
    height + area.ln() - (SPREAD * (2.0 * std::f64::consts::PI).sqrt()).ln()
}

/// Where a concave function is largest, by golden section.
fn peak(f: &impl Fn(f64) -> f64) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-EDGE, EDGE);
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (f(left), f(right));
    for _ in 0..ROUNDS {
        if at_left < at_right {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = f(right);
        } else {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = f(left);
        }
    }
    f64::midpoint(low, high)
}

/// Where a concave function with its peak at `top` comes down to `level`, on the side of `far`.
fn crossing(f: &impl Fn(f64) -> f64, level: f64, top: f64, far: f64) -> f64 {
    if f(far) > level {
        return far;
    }
    let (mut inside, mut outside) = (top, far);
    for _ in 0..ROUNDS {
        let middle = f64::midpoint(inside, outside);
        if f(middle) > level { inside = middle } else { outside = middle }
    }
    f64::midpoint(inside, outside)
}
