//! Points: taken in, and asked for.

use jiff::{SignedDuration, Timestamp};

use super::page::page;
use super::parse::{dimensions, queries, required, unit, word};
use super::{Context, bad_combination, bad_value, validation};
use crate::node;
use crate::wire::{ApiError, Input, Node};
use crate::world::metrics::query::{Points, Run, period};
use crate::world::metrics::{MetricKey, MetricQuery, NO_UNIT, Second, Source, Summary, Window};

/// Metrics in one request.
const RECORDS: usize = 1_000;

/// Different values in one record.
const VALUES: usize = 150;

/// Queries in one request.
const QUERIES: usize = 500;

/// Points in one answer.
const POINTS: i64 = 100_800;

pub(super) fn put(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let namespace = required(input, "Namespace", 255)?;
    if namespace.starts_with("AWS/") {
        return Err(bad_value(format!("The value {namespace} for parameter Namespace is invalid: AWS/ is reserved.")));
    }
    if input.has("EntityMetricData") {
        return Err(validation("EntityMetricData is not supported by the sandbox; use MetricData"));
    }
    let records = input.required_list("MetricData")?;
    if records.len() > RECORDS {
        return Err(validation(format!("MetricData must have at most {RECORDS} metrics, and has {}", records.len())));
    }
    // All of them are understood before the first is kept.
    let mut points = Vec::with_capacity(records.len());
    for record in &records {
        points.push(point(context, namespace, record)?);
    }
    for (key, at, resolution, unit, summary) in points {
        context.world.put_metric(&key, at, resolution, &unit, summary);
    }
    Ok(node! {})
}

type NewPoint = (MetricKey, Second, u32, String, Summary);

fn point(context: &Context<'_>, namespace: &str, record: &Input) -> Result<NewPoint, ApiError> {
    let now = context.world.now();
    let at = record.time("Timestamp")?.unwrap_or(now);
    let hours = SignedDuration::from_hours;
    if at.duration_since(now) > hours(2) || now.duration_since(at) > hours(14 * 24) {
        let name = record.at("Timestamp");
        return Err(bad_value(format!(
            "The parameter {name} must specify a time within the past two weeks and no more than two hours in the future."
        )));
    }
    let resolution = match record.int("StorageResolution")? {
        None | Some(60) => 60,
        Some(1) => 1,
        Some(other) => {
            let name = record.at("StorageResolution");
            return Err(bad_value(format!("The value {other} for parameter {name} must be 1 or 60.")));
        }
    };
    let name = required(record, "MetricName", 255)?.to_owned();
    let key = MetricKey { namespace: namespace.to_owned(), name, dimensions: dimensions(record)? };
    let unit = unit(record)?.unwrap_or_else(|| NO_UNIT.to_owned());
    Ok((key, at.as_second(), resolution, unit, summary(record)?))
}

fn summary(record: &Input) -> Result<Summary, ApiError> {
    let ways = ["Value", "Values", "StatisticValues"].into_iter().filter(|way| record.has(way)).count();
    if ways != 1 {
        let name = record.at("MetricName");
        return Err(bad_combination(format!("The record of {name} must have one of Value, Values, StatisticValues.")));
    }
    let plain = |value: f64, name: &str| match value.is_finite() && value.abs() <= 2_f64.powi(360) {
        true => Ok(value),
        false => Err(bad_value(format!("The value {value} for parameter {} is invalid.", record.at(name)))),
    };
    if let Some(value) = record.float("Value")? {
        return Ok(Summary::of(plain(value, "Value")?, 1.0));
    }
    if let Some(set) = record.map("StatisticValues")? {
        let number = |name: &str| plain(set.required_float(name)?, name);
        let (count, sum) = (number("SampleCount")?, number("Sum")?);
        let (min, max) = (number("Minimum")?, number("Maximum")?);
        if count <= 0.0 || min > max {
            let name = record.at("StatisticValues");
            return Err(bad_value(format!(
                "{name} must have a positive SampleCount and a Minimum of at most its Maximum."
            )));
        }
        return Ok(Summary::opaque(count, sum, min, max));
    }
    let values = record.floats("Values")?.unwrap_or_default();
    let counts = record.floats("Counts")?.unwrap_or_else(|| vec![1.0; values.len()]);
    if values.is_empty() || values.len() > VALUES || values.len() != counts.len() {
        let name = record.at("Values");
        return Err(bad_value(format!("{name} must have 1 to {VALUES} values, and Counts as many as Values.")));
    }
    let mut summary = Summary::default();
    for (value, count) in values.into_iter().zip(counts) {
        if count.is_nan() || count < 0.0 {
            return Err(bad_value(format!("{} must not be negative.", record.at("Counts"))));
        }
        summary.add(plain(value, "Values")?, plain(count, "Counts")?);
    }
    Ok(summary)
}

/// The window of a request, with its first second moved down to where a period can begin.
pub(super) fn window(input: &Input, finest: u32) -> Result<Window, ApiError> {
    let (start, end) = (input.required_time("StartTime")?, input.required_time("EndTime")?);
    if start >= end {
        return Err(validation("The parameter StartTime must be less than the parameter EndTime."));
    }
    let step = Second::from(finest.clamp(1, 60));
    // The end is excluded: a fraction of a second belongs to the second that it has begun.
    let to = end.as_millisecond().div_euclid(1_000) + i64::from(end.as_millisecond().rem_euclid(1_000) > 0);
    Ok(Window { from: start.as_millisecond().div_euclid(1_000).div_euclid(step) * step, to })
}

pub(super) fn get(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let queries = queries(input, "MetricDataQueries", context.world, false)?;
    if queries.is_empty() || queries.len() > QUERIES {
        return Err(validation(format!(
            "MetricDataQueries must have 1 to {QUERIES} queries, and has {}",
            queries.len()
        )));
    }
    if !queries.iter().any(MetricQuery::returns) {
        return Err(validation("At least one of the metric data queries must return data."));
    }
    let finest = queries.iter().filter_map(MetricQuery::own_period).min().unwrap_or_else(|| period(&queries));
    let window = window(input, finest)?;
    let descending =
        word(input, "ScanBy", &["TimestampDescending", "TimestampAscending"])? != Some("TimestampAscending");
    let most = input.int_within("MaxDatapoints", 1, POINTS)?.unwrap_or(POINTS);
    let seen_at = context.world.now_ms().saturating_sub(context.stale.unwrap_or(0));
    let mut run = Run::new(&queries, context.world.metrics(), window, seen_at);
    let mut series: Vec<(String, String, Points)> = Vec::new();
    for query in queries.iter().filter(|query| query.returns()) {
        let all = run.points(query).map_err(|error| validation(error.to_string()))?;
        let several = all.len() > 1;
        for (id, mut points) in all {
            let label = if several { id } else { label(query) };
            if context.partial {
                let older = points.len() / 2;
                points = points.into_iter().take(older).collect();
            }
            series.push((query.id.clone(), label, points));
        }
    }
    let total = series.iter().map(|(_, _, points)| points.len()).sum();
    let (range, next) = page(context.world, input, total, usize::try_from(most).unwrap_or(usize::MAX))?;
    let mut passed = 0;
    let mut results = Vec::new();
    for (id, label, points) in &series {
        let ordered: Vec<(&Second, &f64)> =
            if descending { points.iter().rev().collect() } else { points.iter().collect() };
        let first = range.start.saturating_sub(passed).min(ordered.len());
        let last = range.end.saturating_sub(passed).min(ordered.len());
        passed += ordered.len();
        let shown = &ordered[first..last];
        let times: Vec<Node> = shown.iter().map(|(at, _)| moment(**at)).collect();
        let values: Vec<f64> = shown.iter().map(|(_, value)| **value).collect();
        let status = if last < ordered.len() || context.partial { "PartialData" } else { "Complete" };
        results.push(node! { "Id": id, "Label": label, "Timestamps": times, "Values": values, "StatusCode": status });
    }
    Ok(node! { "MetricDataResults": results, "NextToken": next, "Messages": Vec::<Node>::new() })
}

/// The label of a series: what was asked for, or the metric's name.
fn label(query: &MetricQuery) -> String {
    let own = match &query.source {
        Source::Metric { key, .. } => &key.name,
        Source::Expression { .. } => &query.id,
    };
    query.label.as_ref().unwrap_or(own).clone()
}

/// A second as a moment.
pub(super) fn moment(at: Second) -> Node {
    Node::Time(Timestamp::from_second(at).unwrap_or_default())
}
