//! What an alarm evaluates, and what it is told to do.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rule::CompositeRule;
use crate::world::metrics::{MetricQuery, Source, query};

/// An alarm as somebody put it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSpec {
    /// What it says about itself.
    pub description: Option<String>,
    /// Whether its actions would be done. The sandbox never does them.
    pub actions_enabled: bool,
    /// What to do on `OK`.
    pub ok_actions: Vec<String>,
    /// What to do on `ALARM`.
    pub alarm_actions: Vec<String>,
    /// What to do on `INSUFFICIENT_DATA`.
    pub insufficient_data_actions: Vec<String>,
    /// When it was put.
    pub configured_at: Timestamp,
    /// What decides its state.
    pub rule: Rule,
}

/// What decides an alarm's state.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// A metric, or an expression over some.
    Metric(MetricRule),
    /// Other alarms.
    Composite(CompositeRule),
}

/// A threshold over a metric or an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRule {
    /// What is looked at: one metric, or several queries of which one returns data.
    pub queries: Vec<MetricQuery>,
    /// Whether it was put with `Metrics`, and not with a metric of its own.
    pub math: bool,
    /// N, at least 1.
    pub evaluation_periods: u32,
    /// M; N where it was left out.
    pub datapoints_to_alarm: Option<u32>,
    /// How points are compared with the threshold.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
    /// What missing points count as; `missing` where it was left out.
    pub treat_missing: Option<Missing>,
    /// What becomes of percentiles of few values: `evaluate` or `ignore`; the first where it was left out.
    pub low_samples: Option<LowSamples>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $(#[doc = concat!("`", $word, "`.")] $variant),* }

        impl $name {
            /// Every word, in AWS's order.
            pub const WORDS: &[&str] = &[$($word),*];

            /// By its word.
            pub fn parse(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }

            /// Its word.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }
    };
}

words! {
    /// How points are compared with a threshold.
    Comparison {
        GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        Greater = "GreaterThanThreshold",
        Less = "LessThanThreshold",
        LessOrEqual = "LessThanOrEqualToThreshold",
    }
}

words! {
    /// What missing points count as.
    Missing { Breaching = "breaching", NotBreaching = "notBreaching", Ignore = "ignore", Missing = "missing" }
}

words! {
    /// What becomes of percentiles of few values.
    LowSamples { Evaluate = "evaluate", Ignore = "ignore" }
}

impl Comparison {
    /// Whether a point is on the wrong side.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::GreaterOrEqual => value >= threshold,
            Comparison::Greater => value > threshold,
            Comparison::Less => value < threshold,
            Comparison::LessOrEqual => value <= threshold,
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Comparison::GreaterOrEqual => "greater than or equal to",
            Comparison::Greater => "greater than",
            Comparison::Less => "less than",
            Comparison::LessOrEqual => "less than or equal to",
        }
    }
}

impl MetricRule {
    /// M.
    pub fn to_alarm(&self) -> u32 {
        self.datapoints_to_alarm.unwrap_or(self.evaluation_periods).clamp(1, self.evaluation_periods.max(1))
    }

    /// What missing points count as.
    pub fn missing(&self) -> Missing {
        self.treat_missing.unwrap_or(Missing::Missing)
    }

    /// The period in seconds; that of the slowest metric of an expression.
    pub fn period(&self) -> u32 {
        query::period(&self.queries)
    }

    /// The query whose points are compared.
    pub fn compared(&self) -> Option<&MetricQuery> {
        self.queries.iter().find(|query| query.returns())
    }

    /// Values of the dimensions of everything it looks at, each once.
    pub fn dimensions(&self) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for query in &self.queries {
            let Source::Metric { key, .. } = &query.source else { continue };
            for (_, value) in &key.dimensions {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
        values
    }
}

impl AlarmSpec {
    /// What decides the state, hashed: actions and descriptions do not.
    pub fn definition(&self) -> String {
        let text = match &self.rule {
            Rule::Composite(rule) => rule.text.clone(),
            Rule::Metric(rule) => format!("{rule:?}"),
        };
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text) {
            hex.push_str(&format!("{byte:02x}"));
        }
        hex
    }

    /// As the history shows it.
    pub(super) fn document(&self, name: &str, arn: &str) -> Value {
        let mut document = json!({
            "alarmName": name,
            "alarmArn": arn,
            "alarmDescription": self.description,
            "actionsEnabled": self.actions_enabled,
            "okActions": self.ok_actions,
            "alarmActions": self.alarm_actions,
            "insufficientDataActions": self.insufficient_data_actions,
        });
        let more = match &self.rule {
            Rule::Composite(rule) => json!({ "alarmRule": rule.text }),
            Rule::Metric(rule) => json!({
                "evaluationPeriods": rule.evaluation_periods,
                "datapointsToAlarm": rule.datapoints_to_alarm,
                "threshold": rule.threshold,
                "comparisonOperator": rule.comparison.word(),
                "treatMissingData": rule.treat_missing.map(Missing::word),
                "evaluateLowSampleCountPercentile": rule.low_samples.map(LowSamples::word),
                "metrics": rule.queries.iter().map(query_document).collect::<Vec<_>>(),
            }),
        };
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
            document.retain(|_, value| !value.is_null());
        }
        document
    }
}

fn query_document(query: &MetricQuery) -> Value {
    match &query.source {
        Source::Expression { text, .. } => {
            json!({ "id": query.id, "expression": text, "returnData": query.returns() })
        }
        Source::Metric { key, period, stat, .. } => json!({
            "id": query.id,
            "returnData": query.returns(),
            "metricStat": {
                "metric": {
                    "namespace": key.namespace,
                    "metricName": key.name,
                    "dimensions": key.dimensions.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
                },
                "period": period,
                "stat": stat,
            },
        }),
    }
}
