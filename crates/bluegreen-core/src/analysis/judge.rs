//! One verdict from all metrics, in the order of how bad the news is.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::evidence::split;
use super::{Judge, MetricEvidence, Row, Rows};
use crate::decide::elapsed;
use crate::stats::weighted_mean;

/// What the evidence says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Verdict {
    /// The canary is worse: go back.
    Fail {
        /// The metric that says so most.
        metric: String,
        /// In a sentence.
        why: String,
    },
    /// It is good enough for the step.
    Pass {
        /// Whether the step's time was not over.
        early: bool,
        /// In a sentence.
        why: String,
    },
    /// The step's time is over, and there is not enough evidence either way.
    Inconclusive {
        /// What is missing.
        why: String,
    },
    /// The step is under way, and nothing is decided.
    Open {
        /// What is waited for.
        why: String,
    },
}

/// The part of a release that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Since when the canary is healthy: the warm-up begins here.
    pub healthy_since: Timestamp,
    /// When the step under way began.
    pub step_since: Timestamp,
    /// How long it lasts.
    pub step: Duration,
    /// The end of the newest minute that is closed and complete.
    pub until: Timestamp,
}

/// A verdict with all that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// ln E of all deciding metrics together, at its largest so far: [`Judge::alpha`] sends back at -ln α.
    pub worse: f64,
    /// ln E that the split is not as configured.
    pub split: f64,
    /// Each metric's own.
    pub metrics: Vec<MetricEvidence>,
}

/// ln of the e-value at which a split is called wrong.
const SPLIT_LIMIT: f64 = 6.907_755_278_982_137;
/// A step is not passed early before so many minutes with data.
const EARLY_MINUTES_MIN: u32 = 5;
/// The part of a step's minutes that must have data.
const COVERAGE_MIN: f64 = 0.8;
const MINUTE: Duration = Duration::from_secs(60);

/// Judges all rows. Rows of metrics that the judge does not know are left out.
pub fn judge(judge: &Judge, rows: &Rows, window: Window) -> Judgement {
    let begin = crate::decide::later(window.healthy_since, judge.warm_up);
    let looked_at = |row: &&Row| row.at >= begin && crate::decide::later(row.at, MINUTE) <= window.until;
    let all: f64 = judge.metrics.iter().filter(|metric| !metric.dry_run).map(|metric| metric.weight).sum();
    let metrics: Vec<MetricEvidence> = judge
        .metrics
        .iter()
        .map(|metric| {
            let weight = if metric.dry_run { 0.0 } else { metric.weight / all };
            judge.evidence(&metric.name, weight, rows.of(&metric.name).filter(looked_at))
        })
        .collect();
    let first = judge.metrics.first().map_or("", |metric| metric.name.as_str());
    let (split, starved) = split(rows.of(first).filter(looked_at));
    let worse = together(&metrics);
    let case = Case { judge, metrics: &metrics, rows, window, worse, split, starved };
    Judgement { verdict: case.verdict(), worse, split, metrics }
}

/// The largest weighted mean that the deciding metrics' evidence has had at any minute.
fn together(metrics: &[MetricEvidence]) -> f64 {
    let deciding: Vec<&MetricEvidence> = metrics.iter().filter(|metric| metric.weight > 0.0).collect();
    let mut times: Vec<Timestamp> = deciding.iter().flat_map(|metric| metric.path.iter().map(|(at, _)| *at)).collect();
    times.sort_unstable();
    times.dedup();
    let mut at = vec![0_usize; deciding.len()];
    let mut most = 0.0_f64;
    for time in times {
        let mut parts = Vec::with_capacity(deciding.len());
        for (next, metric) in at.iter_mut().zip(&deciding) {
            while metric.path.get(*next).is_some_and(|(seen, _)| *seen <= time) {
                *next += 1;
            }
            let log_e = next.checked_sub(1).map_or(0.0, |index| metric.path[index].1);
            parts.push((metric.weight, log_e));
        }
        most = most.max(weighted_mean(&parts));
    }
    most
}

struct Case<'a> {
    judge: &'a Judge,
    metrics: &'a [MetricEvidence],
    rows: &'a Rows,
    window: Window,
    worse: f64,
    split: f64,
    starved: bool,
}

impl Case<'_> {
    fn deciding(&self) -> impl Iterator<Item = &MetricEvidence> {
        self.metrics.iter().filter(|metric| metric.weight > 0.0)
    }

    fn verdict(&self) -> Verdict {
        self.broken()
            .or_else(|| self.worse())
            .or_else(|| self.over_the_limit())
            .or_else(|| self.wrong_split())
            .or_else(|| self.passed_early())
            .unwrap_or_else(|| self.end_of_step())
    }

    fn broken(&self) -> Option<Verdict> {
        let (metric, at) = self.deciding().find_map(|metric| Some((metric, metric.tripped_at?)))?;
        let why = format!("at least half of the canary's requests were bad in the minute of {at}");
        Some(Verdict::Fail { metric: metric.metric.clone(), why })
    }

    fn worse(&self) -> Option<Verdict> {
        if self.worse < -self.judge.alpha.ln() {
            return None;
        }
        let weighed = |metric: &&MetricEvidence| metric.weight.ln() + metric.worse;
        let most = self.deciding().max_by(|left, right| weighed(left).total_cmp(&weighed(right)))?;
        let ratio = most.ratio.map_or_else(String::new, |(likeliest, low, high)| {
            format!(": {likeliest:.1} times as often as the control ({low:.1} to {high:.1})")
        });
        let why = format!("the canary fails more often than the control{ratio}");
        Some(Verdict::Fail { metric: most.metric.clone(), why })
    }

    fn over_the_limit(&self) -> Option<Verdict> {
        let needed = -self.judge.alpha.ln();
        let metric = self.deciding().find(|metric| metric.above_limit.is_some_and(|log_e| log_e >= needed))?;
        let limit = self.judge.limit.unwrap_or_default() * 100.0;
        let why = format!("the canary's failure rate is above the limit of {limit} %");
        Some(Verdict::Fail { metric: metric.metric.clone(), why })
    }

    fn wrong_split(&self) -> Option<Verdict> {
        if self.split < SPLIT_LIMIT {
            return None;
        }
        let metric = self.metrics.first()?.metric.clone();
        let no_traffic = self.metrics.first().is_some_and(|metric| metric.canary_requests <= 0.0);
        if self.starved && no_traffic {
            return Some(Verdict::Fail { metric, why: "the canary has weight and gets no requests".to_owned() });
        }
        let side = if self.starved { "fewer" } else { "more" };
        Some(Verdict::Open { why: format!("the canary gets {side} requests than its weight: nothing is passed") })
    }

    fn not_worse(&self, metric: &MetricEvidence) -> bool {
        metric.not_worse >= -self.judge.alpha_pass.ln()
    }

    fn passed_early(&self) -> Option<Verdict> {
        let shown = self.deciding().all(|metric| self.not_worse(metric) && metric.minutes >= EARLY_MINUTES_MIN);
        if !self.judge.pass_early || !shown || self.deciding().next().is_none() || self.step_is_over() {
            return None;
        }
        let why = format!("no metric is {} times as bad", self.judge.not_worse_than);
        Some(Verdict::Pass { early: true, why })
    }

    fn step_is_over(&self) -> bool {
        elapsed(self.window.step_since, self.window.until) >= self.window.step
    }

    fn end_of_step(&self) -> Verdict {
        if !self.step_is_over() {
            return Verdict::Open { why: "the step to end, or evidence before that".to_owned() };
        }
        if let Some(why) = self.deciding().find_map(|metric| self.lacking(metric)) {
            return Verdict::Inconclusive { why };
        }
        let needed = -self.judge.alpha_pass.ln();
        let good =
            |metric: &MetricEvidence| self.not_worse(metric) || metric.harmless.is_some_and(|log_e| log_e >= needed);
        match self.deciding().find(|metric| !good(metric)) {
            None if self.deciding().next().is_none() => Verdict::Inconclusive { why: "no metric decides".to_owned() },
            None => Verdict::Pass { early: false, why: "every metric is good enough".to_owned() },
            Some(metric) => {
                let times = self.judge.not_worse_than;
                let why = format!("{} cannot be told from {times} times as bad", metric.metric);
                Verdict::Inconclusive { why }
            }
        }
    }

    /// What keeps a metric from saying anything about this step.
    fn lacking(&self, metric: &MetricEvidence) -> Option<String> {
        let name = &metric.metric;
        if metric.canary_requests < self.judge.requests_min {
            let (found, least) = (metric.canary_requests, self.judge.requests_min);
            return Some(format!("{name}: the canary had {found:.0} requests, fewer than {least:.0}"));
        }
        let in_step = |row: &&Row| row.at >= self.window.step_since && row.minute().is_some();
        let found = u32::try_from(self.rows.of(name).filter(in_step).count()).unwrap_or(u32::MAX);
        let expected = self.window.step.as_secs() / 60;
        let expected = u32::try_from(expected).unwrap_or(u32::MAX);
        (f64::from(found) < COVERAGE_MIN * f64::from(expected))
            .then(|| format!("{name}: {found} of the step's {expected} minutes have data"))
    }
}

#[cfg(test)]
mod tests;
