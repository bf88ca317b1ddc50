//! Many runs in a few numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Rehearsal;
use super::run::Observed;
use crate::world::Ms;

/// What a rehearsal found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Runs of each half.
    pub runs: u32,
    /// Where all draws came from.
    pub seed: u64,
    /// What was assumed, a sentence each.
    pub assumptions: Vec<String>,
    /// The runs with a bad canary.
    pub bad: Canary,
    /// The runs with a canary that is as good as the old version.
    pub good: Good,
}

/// Releases of a bad version.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    /// Runs in which an alarm or the judge sent the release back.
    pub detected: Chance,
    /// Those that the judge did, where one is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_judge: Option<Chance>,
    /// Runs with a step that ended without enough evidence, where a judge is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<Chance>,
    /// Seconds from the canary's first traffic to the way back.
    pub detection_seconds: Option<Spread>,
    /// Seconds from the way back to the last request that was routed to the canary, over all that went back.
    pub rollback_seconds: Option<Spread>,
    /// Requests that the canary answered with an error, over all runs.
    pub harmed: Spread,
    /// How runs ended, in one word, and how many did.
    pub ends: BTreeMap<String, u32>,
}

/// Releases of a good version.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Good {
    /// Runs that went back although nothing was wrong with the version.
    pub false_rollbacks: Chance,
    /// Runs with a step that ended without enough evidence, where a judge is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<Chance>,
    /// Seconds from the beginning to the end, over those that were promoted.
    pub duration_seconds: Option<Spread>,
    /// How runs ended, in one word, and how many did.
    pub ends: BTreeMap<String, u32>,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chance {
    /// So many times.
    pub count: u32,
    /// In so many runs.
    pub of: u32,
    /// The share, 0 to 1.
    pub share: f64,
    /// The 95 % interval after Wilson.
    pub interval: [f64; 2],
}

/// How a number spreads over runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Half of the runs have no more.
    pub median: f64,
    /// Nine of ten have no more.
    pub p90: f64,
}

impl Chance {
    fn new(count: u32, of: u32) -> Chance {
        let (n, p) = (f64::from(of.max(1)), f64::from(count) / f64::from(of.max(1)));
        let z = 1.959_964_f64;
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        // At the ends the formula is exact, and its arithmetic is not.
        let low = if count == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if count == of { 1.0 } else { (middle + half).min(1.0) };
        Chance { count, of, share: p, interval: [low, high] }
    }
}

impl Spread {
    /// By the nearest rank; `None` without any number.
    fn of(mut all: Vec<u64>, scale: f64) -> Option<Spread> {
        all.sort_unstable();
        let rank = |percent: usize| all.get((all.len() * percent).div_ceil(100).max(1) - 1).copied();
        #[allow(clippy::cast_precision_loss, reason = "times and counts are far below 2^53")]
        let value = |number: u64| number as f64 / scale;
        Some(Spread { median: value(rank(50)?), p90: value(rank(90)?) })
    }

    fn seconds(all: impl Iterator<Item = Ms>) -> Option<Spread> {
        Spread::of(all.collect(), 1000.0)
    }
}

fn ends(all: &[Observed]) -> BTreeMap<String, u32> {
    let mut ends = BTreeMap::new();
    for run in all {
        *ends.entry(run.end.clone()).or_default() += 1;
    }
    ends
}

fn count(all: &[Observed], which: impl Fn(&&Observed) -> bool) -> Chance {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Chance::new(number(all.iter().filter(which).count()), number(all.len()))
}

impl Summary {
    pub(super) fn new(rehearsal: &Rehearsal, bad: &[Observed], good: &[Observed]) -> Summary {
        let nothing = Spread { median: 0.0, p90: 0.0 };
        let judged = rehearsal.judged().0.is_some();
        let inconclusive = |all: &[Observed]| judged.then(|| count(all, |run| run.inconclusive));
        Summary {
            runs: rehearsal.runs.max(1),
            seed: rehearsal.seed,
            assumptions: rehearsal.assumptions(),
            bad: Canary {
                detected: count(bad, |run| run.detected.is_some()),
                by_judge: judged.then(|| count(bad, |run| run.by_judge)),
                inconclusive: inconclusive(bad),
                detection_seconds: Spread::seconds(bad.iter().filter_map(|run| run.detected)),
                rollback_seconds: Spread::seconds(bad.iter().filter_map(|run| run.cleared)),
                harmed: Spread::of(bad.iter().map(|run| run.harmed).collect(), 1.0).unwrap_or(nothing),
                ends: ends(bad),
            },
            good: Good {
                false_rollbacks: count(good, |run| run.went_back),
                inconclusive: inconclusive(good),
                duration_seconds: Spread::seconds(good.iter().filter(|run| run.end == "Promoted").map(|run| run.took)),
                ends: ends(good),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 5e-5, "{found}, not {wanted}");
        let none = Chance::new(0, 1000);
        assert!(none.share <= 0.0 && none.interval[0] <= 0.0);
        close(none.interval[1], 0.003_83);
        let some = Chance::new(10, 100);
        close(some.interval[0], 0.055_23);
        close(some.interval[1], 0.174_37);
        let every = Chance::new(20, 20);
        assert!(every.interval[1] >= 1.0);
        close(every.interval[0], 0.838_87);
    }

    #[test]
    fn spreads_are_by_the_nearest_rank() {
        assert_eq!(Spread::of((1..=10).collect(), 1.0), Some(Spread { median: 5.0, p90: 9.0 }));
        assert_eq!(Spread::of(vec![7], 1.0), Some(Spread { median: 7.0, p90: 7.0 }));
        assert_eq!(Spread::of(Vec::new(), 1.0), None);
    }
}
