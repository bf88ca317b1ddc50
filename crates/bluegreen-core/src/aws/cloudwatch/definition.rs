//! What makes an alarm this alarm: a hash over everything that decides its state, and nothing that merely follows
//! from it. Actions, descriptions and mutes are left out: they change who hears of it, not when it is red.

use aws_sdk_cloudwatch::types::{
    CompositeAlarm, Dimension, EvaluationCriteria, EvaluationWindow, MetricAlarm, MetricDataQuery,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The hash of a metric alarm's definition, in hexadecimal.
pub(super) fn metric(alarm: &MetricAlarm) -> String {
    let metrics: Vec<Value> = alarm.metrics.as_deref().unwrap_or_default().iter().map(query).collect();
    hash(&json!({
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric_name,
        "Dimensions": dimensions(alarm.dimensions.as_deref()),
        "Statistic": alarm.statistic.as_ref().map(aws_sdk_cloudwatch::types::Statistic::as_str),
        "ExtendedStatistic": alarm.extended_statistic,
        "Period": alarm.period,
        "Unit": alarm.unit.as_ref().map(aws_sdk_cloudwatch::types::StandardUnit::as_str),
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison_operator.as_ref().map(aws_sdk_cloudwatch::types::ComparisonOperator::as_str),
        "TreatMissingData": alarm.treat_missing_data,
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile,
        "Metrics": metrics,
        "ThresholdMetricId": alarm.threshold_metric_id,
        "EvaluationInterval": alarm.evaluation_interval,
        "EvaluationWindow": alarm.evaluation_window.as_ref().map(window),
        "EvaluationCriteria": alarm.evaluation_criteria.as_ref().map(criteria),
        "WarmUpConfiguration": alarm.warm_up_configuration.as_ref().map(|warm_up| json!([
            warm_up.warm_up_period_duration_in_minutes,
            warm_up.only_start_evaluating_after_warm_up_period_ends,
        ])),
    }))
}

/// The hash of a composite alarm's definition, in hexadecimal.
pub(super) fn composite(alarm: &CompositeAlarm) -> String {
    hash(&json!({ "AlarmRule": alarm.alarm_rule }))
}

fn hash(definition: &Value) -> String {
    // The order of members is that of the source above, so the text is the same in every process.
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(definition.to_string()) {
        hex.push_str(&format!("{byte:02x}"));
    }
    hex
}

/// Sorted: AWS promises no order.
fn dimensions(dimensions: Option<&[Dimension]>) -> Vec<(Option<&str>, Option<&str>)> {
    let mut pairs: Vec<_> = dimensions.unwrap_or_default().iter().map(|pair| (pair.name(), pair.value())).collect();
    pairs.sort_unstable();
    pairs
}

fn query(query: &MetricDataQuery) -> Value {
    let stat = query.metric_stat.as_ref();
    let metric = stat.and_then(|stat| stat.metric.as_ref());
    json!({
        "Id": query.id,
        "Expression": query.expression,
        "Period": query.period,
        "ReturnData": query.return_data,
        "AccountId": query.account_id,
        "Namespace": metric.and_then(|metric| metric.namespace.as_ref()),
        "MetricName": metric.and_then(|metric| metric.metric_name.as_ref()),
        "Dimensions": dimensions(metric.and_then(|metric| metric.dimensions.as_deref())),
        "StatPeriod": stat.and_then(|stat| stat.period),
        "Stat": stat.and_then(|stat| stat.stat.as_ref()),
        "Unit": stat.and_then(|stat| stat.unit.as_ref()).map(aws_sdk_cloudwatch::types::StandardUnit::as_str),
    })
}

fn window(window: &EvaluationWindow) -> Value {
    match window {
        EvaluationWindow::SlidingWindow(_) => json!("sliding"),
        EvaluationWindow::WallClockWindow(window) => json!(["wall clock", window.timezone]),
        _ => json!("other"),
    }
}

fn criteria(criteria: &EvaluationCriteria) -> Value {
    match criteria {
        EvaluationCriteria::PromQlCriteria(prom) => json!([prom.query, prom.pending_period, prom.recovery_period]),
        _ => json!("other"),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::StateValue;

    use super::*;

    fn alarm() -> aws_sdk_cloudwatch::types::builders::MetricAlarmBuilder {
        let dimension = |name: &str| Dimension::builder().name(name).value(format!("{name}-value")).build();
        MetricAlarm::builder()
            .namespace("AWS/ApplicationELB")
            .metric_name("HTTPCode_Target_5XX_Count")
            .dimensions(dimension("LoadBalancer"))
            .dimensions(dimension("TargetGroup"))
            .period(60)
            .evaluation_periods(3)
            .threshold(5.0)
    }

    #[test]
    fn what_decides_the_state_decides_the_hash() {
        let base = metric(&alarm().build());
        assert_eq!(base.len(), 64);
        let changed = [
            alarm().threshold(6.0).build(),
            alarm().period(30).build(),
            alarm().evaluation_periods(4).build(),
            alarm().datapoints_to_alarm(1).build(),
            alarm().treat_missing_data("notBreaching").build(),
            alarm().metric_name("RequestCount").build(),
            alarm().dimensions(Dimension::builder().name("AvailabilityZone").value("a").build()).build(),
            alarm().metrics(MetricDataQuery::builder().id("m").expression("a+b").build()).build(),
        ];
        for alarm in &changed {
            assert_ne!(metric(alarm), base, "{alarm:?}");
        }
    }

    #[test]
    fn what_follows_from_it_does_not() {
        let red = alarm().state_value(StateValue::Alarm).state_reason("x").alarm_actions("y").alarm_description("z");
        assert_eq!(metric(&red.build()), metric(&alarm().build()));
        let mut turned = alarm().build();
        turned.dimensions.as_mut().unwrap().reverse();
        assert_eq!(metric(&turned), metric(&alarm().build()));
        let composite_of = |rule: &str| composite(&CompositeAlarm::builder().alarm_rule(rule).build());
        assert_ne!(composite_of("ALARM(a)"), composite_of("ALARM(b)"));
    }
}
