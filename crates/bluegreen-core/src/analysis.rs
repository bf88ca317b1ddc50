//! The judge: many metrics, minute by minute, become one verdict.
//!
//! Pure: rows in, judgement out. [`judge`] folds all rows each time, so a restart costs nothing, a late point is simply
//! another row, and every verdict can be computed again from what was recorded. [`Evidence`] is that fold under way: a
//! further minute costs microseconds, however many there were.

mod assemble;
mod evidence;
mod judge;
mod rows;
mod source;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::duration;

pub use assemble::{Answers, ControlArm, queries};
pub use evidence::{Evidence, LateRow, MetricEvidence};
pub use judge::{Judgement, Verdict, Window, judge};
pub use rows::{Counts, Row, Rows, RowsError};
pub use source::{Bad, Source, Tally, requests};

/// What is judged, and how strictly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judge {
    /// The metrics. Those that decide share the whole weight by their own.
    pub metrics: Vec<Metric>,
    /// The chance of ever sending a release back that is as good as what it replaces: the whole release's, all looks,
    /// steps and metrics together.
    pub alpha: f64,
    /// The chance of calling a canary good that is [`Judge::not_worse_than`] times as bad.
    pub alpha_pass: f64,
    /// The ratio of failure rates that must be ruled out before a step is passed.
    pub not_worse_than: f64,
    /// A failure rate below which nobody minds, whatever the control's is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harmless: Option<f64>,
    /// A failure rate above which the canary goes back, whatever the control's is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The largest share of a minute's failures that may belong to one burst.
    pub burst_share: f64,
    /// Minutes from before the canary has been healthy for so long are not looked at.
    #[serde(with = "duration")]
    pub warm_up: Duration,
    /// A step is not passed with fewer requests of the canary.
    pub requests_min: f64,
    /// Whether a step may be passed before its time is over.
    pub pass_early: bool,
    /// So many minutes in which one metric was plainly broken are let pass.
    #[serde(default)]
    pub failure_limit: u32,
    /// For about how many minutes a release is looked at, where that is known beforehand: small regressions are found more
    /// often within them, and those that begin late a little later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<u32>,
}

impl Default for Judge {
    fn default() -> Self {
        Judge {
            metrics: vec![Metric::named("errors")],
            alpha: 0.01,
            alpha_pass: 0.05,
            not_worse_than: 2.0,
            harmless: None,
            limit: None,
            burst_share: 0.02,
            warm_up: Duration::from_secs(120),
            requests_min: 50.0,
            pass_early: false,
            failure_limit: 0,
            horizon: None,
        }
    }
}

impl Judge {
    /// A metric's part of the whole evidence: 0 where it decides nothing, because it is only shown or because its weight
    /// is none.
    fn weight(&self, metric: &Metric) -> f64 {
        let decides = |metric: &&Metric| !metric.dry_run && metric.weight > 0.0 && metric.weight.is_finite();
        let all: f64 = self.metrics.iter().filter(decides).map(|metric| metric.weight).sum();
        if decides(&metric) { metric.weight / all } else { 0.0 }
    }
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metric {
    /// Its name, as rows call it.
    pub name: String,
    /// Its part of the evidence, above 0.
    pub weight: f64,
    /// Whether it is only shown: it neither sends back nor holds up.
    #[serde(default)]
    pub dry_run: bool,
}

impl Metric {
    /// One that decides, with weight 1.
    pub fn named(name: impl Into<String>) -> Metric {
        Metric { name: name.into(), weight: 1.0, dry_run: false }
    }
}

#[cfg(test)]
mod tests;
