//! CloudWatch: metrics and alarms.
//!
//! Errors have the codes of the query protocol, which every client is told beside its own.

use super::Context;
use crate::wire::{ApiError, Node, Request};

mod alarms;
mod data;
mod describe;
mod history;
mod list;
mod page;
mod parse;
mod render;

/// The answer to a request.
pub(super) fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    let input = &request.input;
    match request.operation.as_str() {
        "PutMetricData" => data::put(context, input),
        "GetMetricData" => data::get(context, input),
        "GetMetricStatistics" => list::statistics(context, input),
        "ListMetrics" => list::metrics(context, input),
        "PutMetricAlarm" => alarms::put_metric(context, input),
        "PutCompositeAlarm" => alarms::put_composite(context, input),
        "DescribeAlarms" => describe::alarms(context, input),
        "DescribeAlarmsForMetric" => describe::for_metric(context, input),
        "DescribeAlarmHistory" => history::history(context, input),
        "SetAlarmState" => alarms::set_state(context, input),
        "DeleteAlarms" => alarms::delete(context, input),
        "EnableAlarmActions" => alarms::actions(context, input, true),
        "DisableAlarmActions" => alarms::actions(context, input, false),
        "TagResource" => alarms::tag(context, input),
        "UntagResource" => alarms::untag(context, input),
        "ListTagsForResource" => alarms::tags(context, input),
        operation => Err(ApiError::not_implemented(request.service, operation)),
    }
}

/// A value that its parameter does not take.
fn validation(text: impl Into<String>) -> ApiError {
    ApiError::sender("ValidationError", text)
}

/// A value that is wrong for this caller or at this time.
fn bad_value(text: impl Into<String>) -> ApiError {
    ApiError::sender("InvalidParameterValue", text)
}

/// Parameters that do not go together.
fn bad_combination(text: impl Into<String>) -> ApiError {
    ApiError::sender("InvalidParameterCombination", text)
}

/// An alarm or another resource that is not there.
fn not_found(text: impl Into<String>) -> ApiError {
    ApiError::sender("ResourceNotFound", text).with_status(404)
}

#[cfg(test)]
mod tests;
