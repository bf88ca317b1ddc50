//! The queries behind points, the minutes that they may cover, and what the answers say.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{Dimension, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use aws_sdk_cloudwatch::types::{ScanBy, StatusCode};
use jiff::Timestamp;

use super::{AwsMetrics, GET_METRIC_DATA};
use crate::aws::classify::{failure, malformed, own};
use crate::aws::convert::{date_time, timestamp};
use crate::model::{MetricQuery, Series};
use crate::ports::{CallError, ErrorClass, Points};

/// How many series one call may ask for.
const QUERIES_PER_CALL: usize = 500;

const MINUTE: i64 = 60;

/// The whole minutes inside `[from, to)`: a minute that has not ended would be counted low.
pub(super) fn closed_minutes(from: Timestamp, to: Timestamp) -> Option<(Timestamp, Timestamp)> {
    // The first second at or after `from`, since a fraction of a second belongs to a minute that began before.
    let first = from.as_second() + i64::from(from.subsec_nanosecond() > 0);
    let start = first.div_euclid(MINUTE) * MINUTE + if first.rem_euclid(MINUTE) > 0 { MINUTE } else { 0 };
    let end = to.as_second().div_euclid(MINUTE) * MINUTE;
    if start >= end {
        return None;
    }
    Some((Timestamp::from_second(start).ok()?, Timestamp::from_second(end).ok()?))
}

/// The queries of each call, every query once. An expression has a call of its own: its ids are its author's and may be
/// those of another one, and `METRICS()` means whatever else is asked for.
pub(super) fn calls(queries: &[MetricQuery]) -> Vec<Vec<&MetricQuery>> {
    let distinct: BTreeSet<&MetricQuery> = queries.iter().collect();
    let (plain, math): (Vec<_>, Vec<_>) =
        distinct.into_iter().partition(|query| matches!(query, MetricQuery::Series(_)));
    plain.chunks(QUERIES_PER_CALL).map(<[_]>::to_vec).chain(math.into_iter().map(|query| vec![query])).collect()
}

/// What is sent for one call, and the ids of the queries in it.
fn request(call: &[&MetricQuery]) -> (Vec<MetricDataQuery>, Vec<String>) {
    let mut sent = Vec::with_capacity(call.len());
    let mut ids = Vec::with_capacity(call.len());
    for (index, query) in call.iter().enumerate() {
        let mut id = format!("q{index}");
        match query {
            MetricQuery::Series(series) => sent.push(metric(&id, series, true)),
            MetricQuery::Math { expression, series } => {
                while series.contains_key(&id) {
                    id.push('q');
                }
                let math = MetricDataQuery::builder().id(&id).expression(expression).period(60).return_data(true);
                sent.push(math.build());
                sent.extend(series.iter().map(|(id, series)| metric(id, series, false)));
            }
        }
        ids.push(id);
    }
    (sent, ids)
}

fn metric(id: &str, series: &Series, returned: bool) -> MetricDataQuery {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(&series.namespace)
        .metric_name(&series.name)
        .set_dimensions(Some(series.dimensions.iter().map(dimension).collect()))
        .build();
    let stat = MetricStat::builder().metric(metric).period(60).stat(&series.statistic).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).return_data(returned).build()
}

impl AwsMetrics {
    /// One call with all of its pages: an answer for each query.
    pub(super) async fn ask(
        &self,
        call: &[&MetricQuery],
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<Result<Points, CallError>>, CallError> {
        let (sent, ids) = request(call);
        let asked = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(sent))
            .start_time(date_time(from))
            .end_time(date_time(to))
            .scan_by(ScanBy::TimestampAscending);
        let mut pages = asked.into_paginator().send();
        let mut found: BTreeMap<String, Gathered> = BTreeMap::new();
        let mut number = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(GET_METRIC_DATA, &error))?;
            number += 1;
            silent(page.messages())?;
            for result in page.metric_data_results.unwrap_or_default() {
                found.entry(result.id.clone().unwrap_or_default()).or_default().add(number, &result, (from, to));
            }
        }
        let missing = || Err(malformed(GET_METRIC_DATA, "a series is missing in the answer"));
        Ok(ids.iter().map(|id| found.remove(id).map_or_else(missing, Gathered::finish)).collect())
    }
}

/// What has come of one query so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    points: BTreeMap<Timestamp, f64>,
    /// The page that spoke of it last.
    page: u32,
    label: Option<String>,
    state: Option<StatusCode>,
    problem: Option<CallError>,
}

impl Gathered {
    /// Adds what a page says.
    pub(super) fn add(&mut self, page: u32, result: &MetricDataResult, window: (Timestamp, Timestamp)) {
        let label = result.label().map(str::to_owned);
        if self.page == page || (self.page > 0 && self.label != label) {
            let several = "the expression gives several time series, and one is needed";
            self.problem = Some(own(GET_METRIC_DATA, ErrorClass::Invalid, several));
        }
        (self.page, self.label) = (page, label);
        // A series is partial while pages follow; whatever its last page says counts.
        self.state.clone_from(&result.status_code);
        if let Err(problem) = self.read(result, window) {
            self.problem.get_or_insert(problem);
        }
    }

    fn read(&mut self, result: &MetricDataResult, (from, to): (Timestamp, Timestamp)) -> Result<(), CallError> {
        silent(result.messages())?;
        let (times, values) = (result.timestamps(), result.values());
        if times.len() != values.len() {
            let found = format!("a series has {} times and {} values", times.len(), values.len());
            return Err(malformed(GET_METRIC_DATA, &found));
        }
        for (time, value) in times.iter().zip(values) {
            let whole = |at: &Timestamp| *at >= from && *at < to && at.as_second().rem_euclid(MINUTE) == 0;
            let Some(at) = timestamp(time).filter(whole) else {
                return Err(malformed(
                    GET_METRIC_DATA,
                    &format!("{time:?} is none of the minutes that were asked for"),
                ));
            };
            if !value.is_finite() {
                return Err(malformed(GET_METRIC_DATA, &format!("the value of {at} is {value}")));
            }
            self.points.insert(at, *value);
        }
        Ok(())
    }

    /// The points, oldest first, if there is nothing wrong with them.
    pub(super) fn finish(self) -> Result<Points, CallError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        complete(self.state.as_ref())?;
        Ok(self.points.into_iter().collect())
    }
}

/// Fails unless a series is whole: half a count would read as less traffic.
pub(super) fn complete(state: Option<&StatusCode>) -> Result<(), CallError> {
    let (class, message) = match state {
        Some(StatusCode::Complete) => return Ok(()),
        Some(StatusCode::Forbidden) => (ErrorClass::Denied, "Forbidden: the metric may not be read"),
        Some(StatusCode::InternalError) => (ErrorClass::Unavailable, "InternalError: the metric could not be read"),
        Some(StatusCode::PartialData) => (ErrorClass::Unavailable, "PartialData: only a part of the metric was read"),
        _ => return Err(malformed(GET_METRIC_DATA, "a series came without a known status")),
    };
    Err(own(GET_METRIC_DATA, class, message))
}

/// Fails when there is a message: CloudWatch calls a series complete whose points it has dropped, such as those of a
/// division by zero, and says so here alone.
fn silent(messages: &[MessageData]) -> Result<(), CallError> {
    let Some(message) = messages.first() else { return Ok(()) };
    let text = format!("{}: {}", message.code().unwrap_or("message"), message.value().unwrap_or_default());
    Err(own(GET_METRIC_DATA, ErrorClass::Unavailable, &text))
}

#[cfg(test)]
mod tests;
