//! The evidence of one metric.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::analysis::{Counts, Judge, Metric, Row};
use crate::stats::{
    Absolute, Comparison, Guards, Minute, NonInferiority, RatioInterval, is_count, log_sum_exp, tripped,
};

/// The evidence of one metric, all of it as natural logarithms of e-values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricEvidence {
    /// The metric's name.
    pub metric: String,
    /// Its part of the whole, from 0 to 1; 0 where it is only shown.
    pub weight: f64,
    /// That the canary is worse than the control, at its largest so far.
    pub worse: f64,
    /// That it is not [`Judge::not_worse_than`] times as bad, at its largest so far.
    pub not_worse: f64,
    /// That its rate is below [`Judge::harmless`], where that is set.
    pub harmless: Option<f64>,
    /// That its rate is above [`Judge::limit`], where that is set.
    pub above_limit: Option<f64>,
    /// The minute in which it was plainly broken once more than [`Judge::failure_limit`] lets pass.
    pub tripped_at: Option<Timestamp>,
    /// How many times as often the canary fails: the likeliest ratio, and an interval at 95 % for all times at once.
    /// Infinite ends (`null` in JSON) where the control had no failure; nothing where neither arm had any.
    #[serde(default, deserialize_with = "open_interval")]
    pub ratio: Option<(f64, f64, f64)>,
    /// Since when it has been getting worse: the minute after the evidence was last at its lowest.
    pub onset: Option<Timestamp>,
    /// Requests of the canary that were looked at.
    pub canary_requests: f64,
    /// Bad ones among them.
    pub canary_bad: f64,
    /// Requests of the control.
    pub control_requests: f64,
    /// Bad ones among them.
    pub control_bad: f64,
    /// Minutes in which both arms had requests.
    pub minutes: u32,
}

/// JSON has no infinity: it is written as `null`.
fn open_interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(f64, f64, f64)>, D::Error> {
    let found = Option::<(Option<f64>, f64, Option<f64>)>::deserialize(from)?;
    let end = |end: Option<f64>| end.unwrap_or(f64::INFINITY);
    Ok(found.map(|(likeliest, low, high)| (end(likeliest), low, end(high))))
}

/// The chance of the interval that is shown.
const SHOWN_ALPHA: f64 = 0.05;

/// One metric's tests, under way.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::analysis) struct Process {
    /// All but the interval, which takes longer than everything else together.
    pub(in crate::analysis) found: MetricEvidence,
    pub(super) newest: Option<Timestamp>,
    worse: Comparison,
    not_worse: NonInferiority,
    harmless: Option<Absolute>,
    above_limit: Option<Absolute>,
    /// Minutes in which the canary had requests, and whether the control had some too.
    seen: Vec<(Timestamp, bool)>,
    canary_spill: f64,
    control_spill: f64,
    lowest: f64,
    broken: u32,
    broken_max: u32,
}

impl Process {
    pub(super) fn new(judge: &Judge, metric: &Metric) -> Process {
        let guards = Guards { burst_share: judge.burst_share, ..Guards::default() };
        Process {
            found: MetricEvidence::none(&metric.name, judge.weight(metric)),
            newest: None,
            worse: judge.comparison(metric, guards),
            not_worse: NonInferiority::new(judge.not_worse_than, guards),
            harmless: judge.harmless.and_then(Absolute::below),
            above_limit: judge.limit.and_then(Absolute::above),
            seen: Vec::new(),
            canary_spill: 0.0,
            control_spill: 0.0,
            lowest: 0.0,
            broken: 0,
            broken_max: judge.failure_limit,
        }
    }

    /// Adds a row that is later than all before. What is not `warm` yet only counts as seen.
    pub(super) fn add(&mut self, row: &Row, warm: bool) {
        self.newest = Some(row.at);
        let canary = row.canary.and_then(|counts| within(counts, &mut self.canary_spill));
        let control = row.control.and_then(|counts| within(counts, &mut self.control_spill));
        if let Some(canary) = canary {
            self.seen.push((row.at, control.is_some()));
            if warm {
                self.add_canary(canary);
            }
        }
        if let Some(control) = control.filter(|_| warm) {
            self.found.control_requests += control.all;
            self.found.control_bad += control.bad;
        }
        if let (Some(canary), Some(control), true) = (canary, control, warm) {
            self.add_both(row.at, Minute::new(canary.bad, control.bad, canary.all, control.all));
        }
        self.found.worse = self.worse.log_e_max();
        self.found.not_worse = self.not_worse.log_e_max();
        self.found.harmless = self.harmless.as_ref().map(Absolute::log_e_max);
        self.found.above_limit = self.above_limit.as_ref().map(Absolute::log_e_max);
    }

    fn add_canary(&mut self, canary: Counts) {
        for process in [&mut self.harmless, &mut self.above_limit].into_iter().flatten() {
            process.add(canary.bad, canary.all);
        }
        self.found.canary_requests += canary.all;
        self.found.canary_bad += canary.bad;
    }

    fn add_both(&mut self, at: Timestamp, minute: Minute) {
        let log_e = self.worse.add(minute);
        self.not_worse.add(minute);
        if log_e <= self.lowest {
            (self.lowest, self.found.onset) = (log_e, None);
        } else if self.found.onset.is_none() {
            self.found.onset = Some(at);
        }
        if tripped(minute) {
            self.broken += 1;
            let beyond = self.broken > self.broken_max;
            self.found.tripped_at = self.found.tripped_at.or(beyond.then_some(at));
        }
        self.found.minutes += 1;
    }

    /// How many minutes since then had requests of the canary, and of both arms.
    pub(in crate::analysis) fn minutes_since(&self, since: Timestamp) -> (usize, usize) {
        let seen = &self.seen[self.seen.partition_point(|(at, _)| *at < since)..];
        (seen.len(), seen.iter().filter(|(_, both)| *both).count())
    }

    /// By how much the canary fails more often: the likeliest ratio, and the ends of the interval.
    pub(in crate::analysis) fn ratio(&self) -> Option<(f64, f64, f64)> {
        let interval = self.worse.interval(SHOWN_ALPHA);
        interval.map(|RatioInterval { low, likeliest, high, .. }| (likeliest, low, high))
    }

    /// All of it.
    pub(super) fn evidence(&self) -> MetricEvidence {
        MetricEvidence { ratio: self.ratio(), ..self.found.clone() }
    }
}

impl Judge {
    /// Alone, a metric has to reach the whole evidence with its part of the weight.
    fn comparison(&self, metric: &Metric, guards: Guards) -> Comparison {
        let Some(minutes) = self.horizon else { return Comparison::new(1.0, guards) };
        let weight = Some(self.weight(metric)).filter(|weight| *weight > 0.0).unwrap_or(1.0);
        Comparison::with_horizon(minutes, -(self.alpha * weight).ln(), guards)
    }
}

/// The counts of one arm as far as they can be used: a counter that was set back, or no request, is no data.
///
/// An answer may be counted in the minute after its request, so bad ones beyond all belong to the next minute; what that
/// has no room for either is no boundary any more, and dropped.
fn within(counts: Counts, spill: &mut f64) -> Option<Counts> {
    if !(is_count(counts.bad) && is_count(counts.all)) {
        return None;
    }
    let bad = (counts.bad + *spill).min(counts.all);
    *spill = (counts.bad - counts.all).max(0.0);
    (counts.all > 0.0).then_some(Counts { bad, all: counts.all })
}

/// The mean of the deciding metrics' evidence now. An e-value for "none has become worse", however they depend on each
/// other.
pub(super) fn together(metrics: &[Process]) -> f64 {
    let deciding = metrics.iter().filter(|process| process.found.weight > 0.0);
    let mean = log_sum_exp(deciding.map(|process| process.found.weight.ln() + process.worse.log_e()));
    // Without any that decides there is no evidence.
    mean.max(f64::MIN)
}

impl MetricEvidence {
    fn none(metric: &str, weight: f64) -> MetricEvidence {
        MetricEvidence {
            metric: metric.to_owned(),
            weight,
            worse: 0.0,
            not_worse: 0.0,
            harmless: None,
            above_limit: None,
            tripped_at: None,
            ratio: None,
            onset: None,
            canary_requests: 0.0,
            canary_bad: 0.0,
            control_requests: 0.0,
            control_bad: 0.0,
            minutes: 0,
        }
    }
}
