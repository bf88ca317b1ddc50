//! Alarms and queries as answers show them.

use bluegreen_core::observe::{AlarmKind, AlarmState};

use crate::node;
use crate::wire::{Map, Node};
use crate::world::metrics::query::MetricQuery;
use crate::world::metrics::{MetricKey, Source};
use crate::world::{AlarmRecord, AlarmSpec, CompositeRule, LowSamples, MetricRule, Missing, Rule};

/// A state by its word.
pub(super) fn state(word: &str) -> AlarmState {
    match word {
        "OK" => AlarmState::Ok,
        "ALARM" => AlarmState::Alarm,
        "INSUFFICIENT_DATA" => AlarmState::InsufficientData,
        other => AlarmState::Unknown(other.to_owned()),
    }
}

/// A state's word.
pub(super) fn state_word(state: &AlarmState) -> &str {
    match state {
        AlarmState::Ok => "OK",
        AlarmState::Alarm => "ALARM",
        AlarmState::InsufficientData => "INSUFFICIENT_DATA",
        AlarmState::Unknown(other) => other,
    }
}

/// The word for an alarm's kind.
pub(super) fn kind(alarm: &AlarmRecord) -> &'static str {
    match alarm.kind {
        AlarmKind::Metric => "MetricAlarm",
        AlarmKind::Composite => "CompositeAlarm",
    }
}

/// An alarm.
pub(super) fn alarm(name: &str, arn: &str, alarm: &AlarmRecord) -> Node {
    let spec = alarm.spec.as_deref();
    let mut map = Map::new();
    map.put("AlarmName", name);
    map.put("AlarmArn", arn);
    map.put("AlarmDescription", spec.and_then(|spec| spec.description.clone()));
    map.put("AlarmConfigurationUpdatedTimestamp", spec.map_or(alarm.transitioned_at, |spec| spec.configured_at));
    map.put("ActionsEnabled", spec.is_none_or(|spec| spec.actions_enabled));
    let actions = |which: fn(&AlarmSpec) -> &Vec<String>| spec.map(which).cloned().unwrap_or_default();
    map.put("OKActions", actions(|spec| &spec.ok_actions));
    map.put("AlarmActions", actions(|spec| &spec.alarm_actions));
    map.put("InsufficientDataActions", actions(|spec| &spec.insufficient_data_actions));
    map.put("StateValue", state_word(&alarm.state));
    map.put("StateReason", &alarm.reason);
    map.put("StateReasonData", Some(alarm.reason_data.as_str()).filter(|data| !data.is_empty()));
    map.put("StateUpdatedTimestamp", alarm.updated_at);
    map.put("StateTransitionedTimestamp", alarm.transitioned_at);
    match (spec.map(|spec| &spec.rule), alarm.kind) {
        (Some(Rule::Metric(rule)), _) => metric(&mut map, rule),
        (Some(Rule::Composite(rule)), _) => composite(&mut map, rule),
        (None, AlarmKind::Metric) => scripted(&mut map, alarm),
        (None, AlarmKind::Composite) => {
            let parts: Vec<String> = alarm.children.iter().map(|child| format!("ALARM(\"{child}\")")).collect();
            map.put("AlarmRule", parts.join(" OR "));
        }
    }
    Node::Map(map)
}

fn metric(map: &mut Map, rule: &MetricRule) {
    map.put("EvaluationPeriods", rule.evaluation_periods);
    map.put("DatapointsToAlarm", rule.datapoints_to_alarm);
    map.put("Threshold", rule.threshold);
    map.put("ComparisonOperator", rule.comparison.word());
    map.put("TreatMissingData", rule.treat_missing.map(Missing::word));
    map.put("EvaluateLowSampleCountPercentile", rule.low_samples.map(LowSamples::word));
    if rule.math {
        map.put("Metrics", rule.queries.iter().map(query).collect::<Vec<_>>());
        return;
    }
    let Some(Source::Metric { key, period, stat, statistic, unit }) = rule.queries.first().map(|query| &query.source)
    else {
        return;
    };
    map.put("Namespace", &key.namespace);
    map.put("MetricName", &key.name);
    map.put("Dimensions", dimensions(key));
    map.put("Period", *period);
    map.put("Unit", unit.clone());
    map.put(if statistic.is_plain() { "Statistic" } else { "ExtendedStatistic" }, stat);
}

fn composite(map: &mut Map, rule: &CompositeRule) {
    map.put("AlarmRule", &rule.text);
    map.put("ActionsSuppressor", rule.suppressor.clone());
    map.put("ActionsSuppressorWaitPeriod", rule.suppressor_wait);
    map.put("ActionsSuppressorExtensionPeriod", rule.suppressor_extension);
}

/// An alarm without a definition looks like one over a metric that is named after what it says of itself, so that an
/// edit of that can be seen.
fn scripted(map: &mut Map, alarm: &AlarmRecord) {
    let name = |value: &String| match value.split('/').next() {
        Some("targetgroup") => "TargetGroup",
        Some("app") => "LoadBalancer",
        _ => "Dimension",
    };
    let dimensions: Vec<Node> =
        alarm.dimensions.iter().map(|value| node! { "Name": name(value), "Value": value }).collect();
    map.put("Namespace", "Sandbox/Scripted");
    map.put("MetricName", if alarm.definition.is_empty() { "scripted" } else { alarm.definition.as_str() });
    map.put("Dimensions", dimensions);
    map.put("Statistic", "Sum");
    map.put("Period", alarm.window_seconds.max(1));
    map.put("EvaluationPeriods", 1);
    map.put("Threshold", 1.0);
    map.put("ComparisonOperator", "GreaterThanOrEqualToThreshold");
}

/// A query, as it was put.
pub(super) fn query(query: &MetricQuery) -> Node {
    let (expression, stat) = match &query.source {
        Source::Expression { text, .. } => (Some(text.clone()), None),
        Source::Metric { key, period, stat, unit, .. } => {
            let stat = node! { "Metric": metric_node(key), "Period": *period, "Stat": stat, "Unit": unit.clone() };
            (None, Some(stat))
        }
    };
    node! {
        "Id": &query.id,
        "MetricStat": stat,
        "Expression": expression,
        "Label": query.label.clone(),
        "ReturnData": query.return_data,
        "Period": query.period,
        "AccountId": query.account.clone(),
    }
}

/// A metric by its three parts.
pub(super) fn metric_node(key: &MetricKey) -> Node {
    node! { "Namespace": &key.namespace, "MetricName": &key.name, "Dimensions": dimensions(key) }
}

fn dimensions(key: &MetricKey) -> Vec<Node> {
    key.dimensions.iter().map(|(name, value)| node! { "Name": name, "Value": value }).collect()
}
