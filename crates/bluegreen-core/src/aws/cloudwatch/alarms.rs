//! CloudWatch's descriptions of alarms and of their past.

use aws_sdk_cloudwatch::types::{AlarmHistoryItem, CompositeAlarm, MetricAlarm, StateValue};
use serde_json::Value;

use super::{DESCRIBE_ALARMS, DESCRIBE_HISTORY, definition};
use crate::aws::classify::malformed;
use crate::aws::convert::{count, required, timestamp};
use crate::observe::{AlarmKind, AlarmSnapshot, AlarmState, StateChange};
use crate::ports::CallError;
use crate::text;

/// How much of CloudWatch's words for a state is kept.
const REASON_LIMIT: usize = 500;

/// A metric alarm.
pub(super) fn metric(alarm: &MetricAlarm) -> Result<AlarmSnapshot, CallError> {
    Ok(AlarmSnapshot {
        name: required(DESCRIBE_ALARMS, "AlarmName", alarm.alarm_name.clone())?,
        kind: AlarmKind::Metric,
        state: state(alarm.state_value.as_ref()),
        // The other timestamp moves with every refresh of the same state.
        transitioned_at: alarm.state_transitioned_timestamp.as_ref().and_then(timestamp),
        reason: text::line(alarm.state_reason.as_deref().unwrap_or_default(), REASON_LIMIT),
        definition: definition::metric(alarm),
        window_seconds: window_seconds(alarm),
        dimensions: dimensions(alarm),
    })
}

/// A composite alarm.
pub(super) fn composite(alarm: &CompositeAlarm) -> Result<AlarmSnapshot, CallError> {
    Ok(AlarmSnapshot {
        name: required(DESCRIBE_ALARMS, "AlarmName", alarm.alarm_name.clone())?,
        kind: AlarmKind::Composite,
        state: state(alarm.state_value.as_ref()),
        transitioned_at: alarm.state_transitioned_timestamp.as_ref().and_then(timestamp),
        reason: text::line(alarm.state_reason.as_deref().unwrap_or_default(), REASON_LIMIT),
        definition: definition::composite(alarm),
        window_seconds: 0,
        dimensions: Vec::new(),
    })
}

/// A past change of state; `None` for an item that is not one.
pub(super) fn change(item: &AlarmHistoryItem) -> Result<Option<StateChange>, CallError> {
    if item.history_item_type.as_ref().is_some_and(|kind| kind.as_str() != "StateUpdate") {
        return Ok(None);
    }
    let at = required(DESCRIBE_HISTORY, "Timestamp", item.timestamp.as_ref().and_then(timestamp))?;
    let data = required(DESCRIBE_HISTORY, "HistoryData", item.history_data.as_deref())?;
    let data: Option<Value> = serde_json::from_str(data).ok();
    let to = data.as_ref().and_then(|data| data.pointer("/newState/stateValue")).and_then(Value::as_str);
    // Skipped, an entry like this could be the one that turned red.
    let to = to.ok_or_else(|| malformed(DESCRIBE_HISTORY, "HistoryData without newState.stateValue"))?;
    Ok(Some(StateChange { at, to: named_state(to) }))
}

fn state(value: Option<&StateValue>) -> AlarmState {
    named_state(value.map_or("none", StateValue::as_str))
}

fn named_state(name: &str) -> AlarmState {
    match name {
        "OK" => AlarmState::Ok,
        "ALARM" => AlarmState::Alarm,
        "INSUFFICIENT_DATA" => AlarmState::InsufficientData,
        other => AlarmState::Unknown(text::line(other, 60)),
    }
}

/// Period × periods, where the period of an expression is that of its slowest metric.
fn window_seconds(alarm: &MetricAlarm) -> u64 {
    let queries = alarm.metrics.as_deref().unwrap_or_default().iter();
    let periods = queries.flat_map(|query| [query.period, query.metric_stat.as_ref().and_then(|stat| stat.period)]);
    let period = alarm.period.or_else(|| periods.flatten().max()).or(alarm.evaluation_interval).unwrap_or(0);
    u64::from(count(period)) * u64::from(count(alarm.evaluation_periods.unwrap_or(1)))
}

/// The values of all dimensions, of the alarm itself and of the metrics in its expression, each once.
fn dimensions(alarm: &MetricAlarm) -> Vec<String> {
    let own = alarm.dimensions.as_deref().unwrap_or_default().iter();
    let queries = alarm.metrics.as_deref().unwrap_or_default().iter();
    let metrics = queries.filter_map(|query| query.metric_stat.as_ref()?.metric.as_ref());
    let inside = metrics.flat_map(|metric| metric.dimensions.as_deref().unwrap_or_default());
    let mut values: Vec<String> = Vec::new();
    for value in own.chain(inside).filter_map(|dimension| dimension.value.as_ref()) {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    values
}
