//! Alarms and metrics, from CloudWatch.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, HistoryItemType, ScanBy};
use jiff::Timestamp;

use super::classify::{failure, malformed};
use super::convert::date_time;
use crate::model::MetricQuery;
use crate::observe::{AlarmSnapshot, StateChange};
use crate::ports::{Alarms, CallError, ErrorClass, Metrics, Points};

mod alarms;
mod definition;
mod points;

const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";
const DESCRIBE_HISTORY: &str = "cloudwatch:DescribeAlarmHistory";
const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";

/// How many alarms one call may name.
const NAMES_PER_CALL: usize = 100;

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
}

#[async_trait]
impl Metrics for AwsMetrics {
    async fn points(
        &self,
        queries: &[MetricQuery],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Result<Points, CallError>>, CallError> {
        let Some(window) = points::closed_minutes(from, to) else { return Ok(vec![Ok(Points::new()); queries.len()]) };
        let mut found = BTreeMap::new();
        let mut calls = points::calls(queries);
        while let Some(mut call) = calls.pop() {
            match self.ask(&call, window).await {
                Ok(answers) => found.extend(call.into_iter().zip(answers)),
                // One query that AWS does not take has all of its call refused; the others are asked without it.
                Err(error) if error.class == ErrorClass::Invalid => {
                    let rest = call.split_off(call.len() / 2);
                    match call.is_empty() {
                        true => found.extend(rest.into_iter().map(|query| (query, Err(error.clone())))),
                        false => calls.extend([call, rest]),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let missing = || Err(malformed(GET_METRIC_DATA, "a query was not sent"));
        Ok(queries.iter().map(|query| found.get(query).cloned().unwrap_or_else(missing)).collect())
    }
}

#[cfg(test)]
mod tests;
