//! What is asked of CloudWatch, minute by minute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One metric of CloudWatch with a statistic of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Series {
    /// Such as `AWS/ApplicationELB`.
    pub namespace: String,
    /// The metric's name.
    pub name: String,
    /// All of its dimensions: every set of dimensions is a metric of its own.
    pub dimensions: BTreeMap<String, String>,
    /// As `GetMetricData` takes it: `Sum`, `SampleCount`, `TC(0.8:)`.
    pub statistic: String,
}

/// One time series in whole minutes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum MetricQuery {
    /// A metric.
    Series(Series),
    /// Metric math over metrics, by the ids that the expression uses.
    Math {
        /// The expression, as CloudWatch takes it. It gives one time series.
        expression: String,
        /// The metrics in it. An id begins with a lower-case letter.
        series: BTreeMap<String, Series>,
    },
}

impl MetricQuery {
    /// What it is, for messages: `Sum of RequestCount`, or the expression.
    pub fn name(&self) -> String {
        match self {
            MetricQuery::Series(series) => format!("{} of {}", series.statistic, series.name),
            MetricQuery::Math { expression, .. } => expression.clone(),
        }
    }
}
