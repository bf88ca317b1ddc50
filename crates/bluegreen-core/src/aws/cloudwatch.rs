//! Alarms and request counts, from CloudWatch.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, HistoryItemType, ScanBy, StatusCode};
use jiff::Timestamp;

use super::classify::{failure, malformed, own};
use super::convert::date_time;
use crate::model::{LoadBalancerArn, MetricQuery, TargetGroupArn};
use crate::observe::{AlarmSnapshot, StateChange};
use crate::ports::{Alarms, CallError, ErrorClass, Metrics, Points};

mod alarms;
mod definition;
mod requests;

const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";
const DESCRIBE_HISTORY: &str = "cloudwatch:DescribeAlarmHistory";
const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";

/// How many alarms one call may name.
const NAMES_PER_CALL: usize = 100;

/// How many series one call may ask for.
const QUERIES_PER_CALL: usize = 500;

/// The families asked for. They must be named: left out, AWS answers with metric alarms alone and is silent about
/// composite ones, even when they are asked for by name.
const ALARM_TYPES: [AlarmType; 2] = [AlarmType::CompositeAlarm, AlarmType::MetricAlarm];

/// [`Alarms`] over CloudWatch.
#[derive(Clone, Debug)]
pub struct AwsAlarms {
    client: Client,
}

impl AwsAlarms {
    /// Over a client for reads.
    pub fn new(client: Client) -> Self {
        AwsAlarms { client }
    }
}

#[async_trait]
impl Alarms for AwsAlarms {
    async fn read(&self, names: &[String]) -> Result<Vec<AlarmSnapshot>, CallError> {
        let mut seen = Vec::with_capacity(names.len());
        for names in names.chunks(NAMES_PER_CALL) {
            let call = self.client.describe_alarms().set_alarm_names(Some(names.to_vec()));
            let call = call.set_alarm_types(Some(ALARM_TYPES.to_vec())).max_records(100);
            let mut pages = call.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failure(DESCRIBE_ALARMS, &error))?;
                for alarm in page.metric_alarms.unwrap_or_default() {
                    seen.push(alarms::metric(&alarm)?);
                }
                for alarm in page.composite_alarms.unwrap_or_default() {
                    seen.push(alarms::composite(&alarm)?);
                }
            }
        }
        // Only what was asked for, each once, in the order asked for.
        let asked = names.iter().filter_map(|name| seen.iter().find(|alarm: &&AlarmSnapshot| alarm.name == *name));
        Ok(asked.cloned().collect())
    }

    async fn history(&self, name: &str, since: Timestamp) -> Result<Vec<StateChange>, CallError> {
        let call = self
            .client
            .describe_alarm_history()
            .alarm_name(name)
            .set_alarm_types(Some(ALARM_TYPES.to_vec()))
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(date_time(since))
            .scan_by(ScanBy::TimestampAscending)
            .max_records(100);
        let mut pages = call.into_paginator().send();
        let mut changes = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(DESCRIBE_HISTORY, &error))?;
            for item in page.alarm_history_items.unwrap_or_default() {
                changes.extend(alarms::change(&item)?.filter(|change| change.at >= since));
            }
        }
        changes.sort_by_key(|change: &StateChange| change.at);
        Ok(changes)
    }
}

/// [`Metrics`] over CloudWatch.
#[derive(Clone, Debug)]
pub struct AwsMetrics {
    client: Client,
}

impl AwsMetrics {
    /// Over a client for reads.
    pub fn new(client: Client) -> Self {
        AwsMetrics { client }
    }

    /// Sums by query id, over all pages; `None` for a series without points.
    async fn sums(
        &self,
        load_balancer: &LoadBalancerArn,
        groups: &[TargetGroupArn],
        (from, to): (Timestamp, Timestamp),
    ) -> Result<BTreeMap<String, Option<f64>>, CallError> {
        let call = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(requests::queries(load_balancer, groups)))
            .start_time(date_time(from))
            .end_time(date_time(to));
        let mut pages = call.into_paginator().send();
        let (mut sums, mut states) = (BTreeMap::new(), BTreeMap::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(GET_METRIC_DATA, &error))?;
            for result in page.metric_data_results.unwrap_or_default() {
                let Some(id) = result.id else { continue };
                let sum: &mut Option<f64> = sums.entry(id.clone()).or_default();
                if let Some(values) = result.values.filter(|values| !values.is_empty()) {
                    *sum = Some(sum.unwrap_or(0.0) + values.iter().sum::<f64>());
                }
                states.insert(id, result.status_code);
            }
        }
        // A series is partial while pages follow; whatever its last page says counts.
        for state in states.into_values() {
            complete(state.as_ref())?;
        }
        Ok(sums)
    }
}

/// Fails unless a series is whole: half a count would read as less traffic.
fn complete(state: Option<&StatusCode>) -> Result<(), CallError> {
    let (class, message) = match state {
        Some(StatusCode::Complete) => return Ok(()),
        Some(StatusCode::Forbidden) => (ErrorClass::Denied, "Forbidden: the metric may not be read"),
        Some(StatusCode::InternalError) => (ErrorClass::Unavailable, "InternalError: the metric could not be read"),
        Some(StatusCode::PartialData) => (ErrorClass::Unavailable, "PartialData: only a part of the metric was read"),
        _ => return Err(malformed(GET_METRIC_DATA, "a series came without a known status")),
    };
    Err(own(GET_METRIC_DATA, class, message))
}

#[async_trait]
impl Metrics for AwsMetrics {
    async fn requests(
        &self,
        load_balancer: &LoadBalancerArn,
        groups: &[TargetGroupArn],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Option<u64>>, CallError> {
        let Some(window) = requests::closed_minutes(from, to) else { return Ok(vec![None; groups.len()]) };
        let mut counts = Vec::with_capacity(groups.len());
        for groups in groups.chunks(QUERIES_PER_CALL) {
            let sums = self.sums(load_balancer, groups, window).await?;
            for index in 0..groups.len() {
                let sum = sums.get(&requests::id(index));
                let sum = sum.ok_or_else(|| malformed(GET_METRIC_DATA, "a series is missing in the answer"))?;
                counts.push(sum.map(requests::whole));
            }
        }
        Ok(counts)
    }

    async fn points(
        &self,
        _queries: &[MetricQuery],
        _from: Timestamp,
        _to: Timestamp,
    ) -> Result<Vec<Result<Points, CallError>>, CallError> {
        Err(malformed(GET_METRIC_DATA, "to be written"))
    }
}

#[cfg(test)]
mod tests;
