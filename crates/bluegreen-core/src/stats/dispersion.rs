//! How much more the past minutes vary than independent failures would.

/// One past minute, given how many failures there were in all: the canary's, all, and the canary's share of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) canary_bad: f64,
    pub(super) bad: f64,
    pub(super) share: f64,
}

/// So many minutes' worth of belief in no overdispersion at all.
const BELIEF: f64 = 3.0;

/// The estimate, 1 or more. Residuals are around the fitted ratio, so that a steady regression does not inflate it.
pub(super) fn estimate(past: &[Split]) -> f64 {
    if past.is_empty() {
        return 1.0;
    }
    let ratio = fitted_ratio(past);
    let (mut squares, mut weights, mut heaviest) = (0.0, 0.0, 0.0_f64);
    for minute in past {
        let chance = ratio * minute.share / (1.0 - minute.share + ratio * minute.share);
        let variance = minute.bad * chance * (1.0 - chance);
        if variance <= 0.0 {
            continue;
        }
        let weight = variance.min(1.0);
        squares += weight * (minute.canary_bad - minute.bad * chance).powi(2) / variance;
        weights += weight;
        heaviest = heaviest.max(weight);
    }
    // Fitting the ratio costs one degree of freedom.
    ((BELIEF + squares) / (BELIEF + (weights - heaviest.min(1.0)).max(0.0))).max(1.0)
}

/// The canary's failures over the control's, each per request that it had, half a failure added to both.
fn fitted_ratio(past: &[Split]) -> f64 {
    let sum = |part: fn(&Split) -> f64| past.iter().map(part).sum::<f64>();
    let canary = (sum(|m| m.canary_bad) + 0.5) / (sum(|m| m.bad * m.share) + 0.5);
    let control = (sum(|m| m.bad - m.canary_bad) + 0.5) / (sum(|m| m.bad * (1.0 - m.share)) + 0.5);
    canary / control
}
