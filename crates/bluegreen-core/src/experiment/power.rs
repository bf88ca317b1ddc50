//! How long an experiment has to run, from how its goals varied before.

use serde::Serialize;

use crate::spec::experiment::Design;

/// The chance of finding what is there, that durations are computed for.
const FOUND: f64 = 0.8;
/// How much longer a test takes that may be looked at at any time than one at a fixed end: measured, at 5 %.
const ANY_TIME: f64 = 1.9;
/// Minutes with data below which nothing is said.
const HISTORY_MIN: usize = 30;

/// What can be found in one goal, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Power {
    /// The goal.
    pub goal: String,
    /// The relative change that is to be found.
    pub detect: f64,
    /// The value per unit before, and units a minute; `None` where there is not enough history.
    pub before: Option<(f64, f64)>,
    /// After so many minutes it is found with a chance of 0.8.
    pub minutes: Option<f64>,
    /// The smallest relative change that is found until the expiry with that chance.
    pub smallest: Option<f64>,
}

/// The power of every goal, from minutes of the traffic that the experiment will split: a goal's count and what it is of,
/// oldest first, for each goal in order.
///
/// The variant with the least traffic counts. With cohorts the shares are not known, and equal ones are assumed.
pub fn power(design: &Design, history: &[Vec<(f64, f64)>]) -> Vec<Power> {
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let (others, tests) =
        ((design.variants.len() - 1) as f64, (design.goals.len() * (design.variants.len() - 1)) as f64);
    let shares = design.shares().unwrap_or_else(|| vec![1.0 / (others + 1.0); design.variants.len()]);
    let least = shares.iter().skip(1).copied().fold(1.0, f64::min);
    let spread = 1.0 / shares[0] + 1.0 / least;
    let needed = quantile(1.0 - design.alpha / tests / 2.0) + quantile(FOUND);
    let until = design.expiry.as_secs_f64() / 60.0;
    let one = |(goal, history): (&crate::spec::experiment::Goal, &Vec<(f64, f64)>)| {
        let found = variation(history);
        let scale = found.map(|(mean, _, variance)| ANY_TIME * needed * needed * variance * spread / (mean * mean));
        Power {
            goal: goal.metric.name.clone(),
            detect: goal.detect,
            before: found.map(|(mean, units, _)| (mean, units)),
            minutes: scale.map(|scale| scale / (goal.detect * goal.detect)),
            smallest: scale.map(|scale| (scale / until).sqrt()),
        }
    };
    design.goals.iter().zip(history).map(one).collect()
}

/// The mean per unit, the units a minute, and how much a minute's mean varies: by the differences between neighbours, so
/// that the time of day, which all variants share, plays no part.
fn variation(history: &[(f64, f64)]) -> Option<(f64, f64, f64)> {
    let minutes: Vec<(f64, f64)> = history.iter().copied().filter(|(_, all)| *all > 0.0).collect();
    if minutes.len() < HISTORY_MIN {
        return None;
    }
    let (count, all) = minutes.iter().fold((0.0, 0.0), |sum, minute| (sum.0 + minute.0, sum.1 + minute.1));
    let rates: Vec<f64> = minutes.iter().map(|(count, all)| count / all).collect();
    #[expect(clippy::cast_precision_loss, reason = "minutes are few")]
    let (pairs, length) = ((rates.len() - 1) as f64, rates.len() as f64);
    let variance = rates.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / (2.0 * pairs);
    let mean = count / all;
    (mean > 0.0).then_some((mean, all / length, variance))
}

/// The standard normal's quantile, for chances above one half.
fn quantile(chance: f64) -> f64 {
    let below = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if below(middle) < chance { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_normals() {
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((quantile(0.8) - 0.841_621_233_572_914).abs() < 1e-12);
    }

    #[test]
    fn a_known_variation_gives_the_textbooks_duration_times_the_price_of_looking() {
        let design = super::super::plan::tests::design();
        // Neighbours differ by 0.02 around 0.1: a standard deviation of a minute's mean of 0.01·√2.
        let history: Vec<(f64, f64)> =
            (0..100).map(|i| if i % 2 == 0 { (110.0, 1000.0) } else { (90.0, 1000.0) }).collect();
        let found = power(&design, std::slice::from_ref(&history));
        let variance = 0.02_f64.powi(2) / 2.0;
        let expected =
            1.9 * (1.959_964_f64 + 0.841_621).powi(2) * variance * 4.0 / (0.1 * design.goals[0].detect).powi(2);
        assert!((found[0].minutes.unwrap() / expected - 1.0).abs() < 1e-3, "{found:?} {expected}");
        assert_eq!(found[0].before, Some((0.1, 1000.0)));
        // A change of that size is what the same duration finds.
        let smallest = found[0].smallest.unwrap();
        let minutes = design.expiry.as_secs_f64() / 60.0;
        assert!((smallest / design.goals[0].detect).powi(2) * minutes / found[0].minutes.unwrap() - 1.0 < 1e-9);
        // The time of day is no variation between neighbours.
        let slow: Vec<(f64, f64)> = (0..100).map(|i| (100.0 + f64::from(i), 1000.0)).collect();
        assert!(power(&design, &[slow])[0].minutes < found[0].minutes);
    }

    #[test]
    fn without_history_nothing_is_promised() {
        let design = super::super::plan::tests::design();
        for history in [vec![], vec![(1.0, 10.0); 29], vec![(0.0, 10.0); 100], vec![(0.0, 0.0); 100]] {
            let found = power(&design, &[history]);
            assert_eq!((found[0].minutes, found[0].smallest), (None, None));
        }
    }
}
