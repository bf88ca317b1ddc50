//! One verdict from all metrics, in the order of how bad the news is.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::evidence::Process;
use super::{Evidence, Judge, MetricEvidence, Row, Rows};
use crate::decide::{elapsed, later};

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
/// A canary that gets fewer requests than its weight for so many minutes on end gets none at all.
const SILENT_MINUTES_MIN: u32 = 4;
/// A step is not passed early before so many minutes with data.
const EARLY_MINUTES_MIN: u32 = 5;
/// The part of a step's minutes that must have data.
const COVERAGE_MIN: f64 = 0.8;
const MINUTE: Duration = Duration::from_secs(60);

/// Judges all rows. Rows of metrics that the judge does not know are left out.
pub fn judge(judge: &Judge, rows: &Rows, window: Window) -> Judgement {
    let mut evidence = Evidence::new(judge, window.healthy_since);
    let closed = |row: &&Row| later(row.at, MINUTE) <= window.until;
    rows.all().iter().filter(closed).for_each(|row| evidence.take(row));
    evidence.judgement(window)
}

/// The verdict of the evidence in a window.
pub(super) fn verdict(evidence: &Evidence, window: Window) -> Verdict {
    Case { evidence, judge: &evidence.judge, window }.verdict()
}

struct Case<'a> {
    evidence: &'a Evidence,
    judge: &'a Judge,
    window: Window,
}

/// What ln E has to reach at this chance of error. Nothing reaches it where that is no chance.
fn needed(alpha: f64) -> f64 {
    if alpha > 0.0 && alpha < 1.0 { -alpha.ln() } else { f64::INFINITY }
}

impl Case<'_> {
    fn deciding(&self) -> impl Iterator<Item = &Process> {
        self.evidence.metrics.iter().filter(|process| process.found.weight > 0.0)
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
        let (metric, at) =
            self.deciding().find_map(|process| Some((&process.found.metric, process.found.tripped_at?)))?;
        let why = format!("more than half of the canary's requests were bad in the minute of {at}");
        Some(Verdict::Fail { metric: metric.clone(), why })
    }

    fn worse(&self) -> Option<Verdict> {
        if self.evidence.worse() < needed(self.judge.alpha) {
            return None;
        }
        let weighed = |process: &&Process| process.found.weight.ln() + process.found.worse;
        let most = self.deciding().max_by(|left, right| weighed(left).total_cmp(&weighed(right)))?;
        let by = match most.ratio() {
            None => String::new(),
            Some((likeliest, low, _)) if likeliest.is_infinite() => format!(": at least {low:.1} times as often"),
            Some((likeliest, low, high)) => {
                format!(": {likeliest:.1} times as often as the control ({low:.1} to {high:.1})")
            }
        };
        let why = format!("the canary fails more often than the control{by}");
        Some(Verdict::Fail { metric: most.found.metric.clone(), why })
    }

    fn over_the_limit(&self) -> Option<Verdict> {
        let needed = needed(self.judge.alpha);
        let above = |process: &&Process| process.found.above_limit.is_some_and(|log_e| log_e >= needed);
        let metric = self.deciding().find(above)?.found.metric.clone();
        let limit = self.judge.limit.unwrap_or_default() * 100.0;
        let why = format!("the canary's failure rate is above the limit of {limit} %");
        Some(Verdict::Fail { metric, why })
    }

    fn wrong_split(&self) -> Option<Verdict> {
        let split = &self.evidence.split;
        if split.log_e() < SPLIT_LIMIT {
            return None;
        }
        if split.starved() && self.evidence.silent >= SILENT_MINUTES_MIN {
            let metric = self.evidence.metrics.first()?.found.metric.clone();
            return Some(Verdict::Fail { metric, why: "the canary has weight and gets no requests".to_owned() });
        }
        let side = if split.starved() { "fewer" } else { "more" };
        let why = format!("the canary gets {side} requests than its weight: nothing is passed");
        Some(if self.step_is_over() { Verdict::Inconclusive { why } } else { Verdict::Open { why } })
    }

    fn not_worse(&self, found: &MetricEvidence) -> bool {
        found.not_worse >= needed(self.judge.alpha_pass)
    }

    fn harmless(&self, found: &MetricEvidence) -> bool {
        found.harmless.is_some_and(|log_e| log_e >= needed(self.judge.alpha_pass))
    }

    fn passed_early(&self) -> Option<Verdict> {
        let good = |found: &MetricEvidence| self.not_worse(found) && found.minutes >= EARLY_MINUTES_MIN;
        let shown = self.deciding().all(|process| good(&process.found));
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
        if self.deciding().next().is_none() {
            return Verdict::Inconclusive { why: "no metric decides".to_owned() };
        }
        match self.deciding().find_map(|process| self.lacking(process)) {
            Some(why) => Verdict::Inconclusive { why },
            None => Verdict::Pass { early: false, why: "every metric is good enough".to_owned() },
        }
    }

    /// What keeps a metric from saying that this step is good. A harmless rate needs no control beside it.
    fn lacking(&self, process: &Process) -> Option<String> {
        let (found, least) = (&process.found, self.judge.requests_min);
        let (name, requests) = (&found.metric, found.canary_requests);
        if requests <= 0.0 || requests < least {
            return Some(format!("{name}: the canary had {requests:.0} requests, fewer than {least:.0}"));
        }
        let harmless = self.harmless(found);
        let (of_canary, of_both) = process.minutes_since(self.window.step_since);
        let seen = u32::try_from(if harmless { of_canary } else { of_both }).unwrap_or(u32::MAX);
        let expected = u32::try_from(self.window.step.as_secs() / 60).unwrap_or(u32::MAX);
        if f64::from(seen) < COVERAGE_MIN * f64::from(expected) {
            return Some(format!("{name}: {seen} of the step's {expected} minutes have data"));
        }
        let times = self.judge.not_worse_than;
        (!harmless && !self.not_worse(found)).then(|| format!("{name} cannot be told from {times} times as bad"))
    }
}

#[cfg(test)]
mod tests;
