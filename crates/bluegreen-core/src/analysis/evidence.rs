//! What the rows of one metric say.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Judge, Row};
use crate::stats::{
    Absolute, Comparison, Guards, NonInferiority, RatioInterval, RequestSplit, ratio_interval, tripped,
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
    /// How many times as often the canary fails: the likeliest ratio, and an interval at 95 % for all times at once, whose
    /// upper end is infinite (`null` in JSON) where the control had no failure.
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
    /// Minutes in which both arms gave data.
    pub minutes: u32,
    #[serde(skip)]
    pub(super) path: Vec<(Timestamp, f64)>,
}

/// JSON has no infinity: it is written as `null`.
fn open_interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(f64, f64, f64)>, D::Error> {
    let found = Option::<(f64, f64, Option<f64>)>::deserialize(from)?;
    Ok(found.map(|(likeliest, low, high)| (likeliest, low, high.unwrap_or(f64::INFINITY))))
}

/// The chance of the interval that is shown.
const SHOWN_ALPHA: f64 = 0.05;

impl Judge {
    pub(super) fn guards(&self) -> Guards {
        Guards { burst_share: self.burst_share, ..Guards::default() }
    }

    /// The evidence of `rows`, which are one metric's from the end of the warm-up on, oldest first.
    pub(super) fn evidence<'a>(
        &self,
        metric: &str,
        weight: f64,
        rows: impl Iterator<Item = &'a Row>,
    ) -> MetricEvidence {
        let mut worse = Comparison::new(1.0, self.guards());
        let mut not_worse = NonInferiority::new(self.not_worse_than, self.guards());
        let mut harmless = self.harmless.and_then(Absolute::below);
        let mut above = self.limit.and_then(Absolute::above);
        let mut found = MetricEvidence::none(metric, weight);
        let mut both = Vec::new();
        let (mut lowest, mut broken) = (0.0, 0);
        for row in rows {
            if let Some(canary) = row.canary {
                harmless.as_mut().map(|process| process.add(canary.bad, canary.all));
                above.as_mut().map(|process| process.add(canary.bad, canary.all));
            }
            let Some(minute) = row.minute() else { continue };
            let log_e = worse.add(minute);
            not_worse.add(minute);
            if log_e <= lowest {
                (lowest, found.onset) = (log_e, None);
            } else if found.onset.is_none() {
                found.onset = Some(row.at);
            }
            if tripped(minute) {
                broken += 1;
                found.tripped_at = found.tripped_at.or((broken > self.failure_limit).then_some(row.at));
            }
            found.count(minute.canary_bad, minute.canary, minute.control_bad, minute.control);
            found.path.push((row.at, log_e));
            both.push(minute);
        }
        found.worse = worse.log_e_max();
        found.not_worse = not_worse.log_e_max();
        found.harmless = harmless.map(|process| process.log_e_max());
        found.above_limit = above.map(|process| process.log_e_max());
        let interval = ratio_interval(&both, SHOWN_ALPHA, self.guards());
        found.ratio = interval.map(|RatioInterval { low, likeliest, high, .. }| (likeliest, low, high));
        found
    }
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
            path: Vec::new(),
        }
    }

    fn count(&mut self, canary_bad: f64, canary: f64, control_bad: f64, control: f64) {
        self.canary_bad += canary_bad;
        self.canary_requests += canary;
        self.control_bad += control_bad;
        self.control_requests += control;
        self.minutes += 1;
    }
}

/// Evidence, as ln E, that requests are not split as configured, and whether the canary is the one that lacks them.
pub(super) fn split<'a>(rows: impl Iterator<Item = &'a Row>) -> (f64, bool) {
    let mut process = RequestSplit::default();
    for row in rows {
        let (Some(share), Some(control)) = (row.share, row.control) else { continue };
        if !(share > 0.0 && share < 1.0) {
            continue;
        }
        // A canary without any data while the control has some, and while it has weight, got no request.
        let canary = row.canary.map_or(0.0, |canary| canary.all);
        process.add(canary, control.all, share);
    }
    (process.log_e(), process.starved())
}
