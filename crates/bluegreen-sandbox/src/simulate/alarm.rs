//! What an alarm of the spec looks at: the world knows its name alone.

use std::str::FromStr;
use std::time::Duration;

use bluegreen_core::model::TargetGroupArn;
use serde_json::json;

use crate::services::call;
use crate::wire::{ApiError, Service};
use crate::world::World;

/// An alarm over the share of errors among each group's answers: red when in either group it is higher than the
/// threshold in enough of the last periods. A period without requests counts as good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlarmModel {
    /// The threshold in percent.
    pub percent: f64,
    /// So many periods must be bad.
    pub bad: u32,
    /// Among so many.
    pub of: u32,
    /// Seconds of one period: a multiple of 60, or 1, 5, 10, 20 or 30 where metrics come that fast.
    pub period: u32,
}

/// Periods of less than a minute, in seconds.
const FAST: [u32; 5] = [1, 5, 10, 20, 30];

/// The text is no alarm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no alarm: expected errors>PERCENT%, with M/NxSECONDSs after a colon where 1/1x60s is not meant, such as \
     errors>5% or errors>5%:3/5x60s; SECONDS is 1, 5, 10, 20, 30 or a multiple of 60"
)]
pub struct AlarmModelError(String);

impl Default for AlarmModel {
    fn default() -> Self {
        AlarmModel { percent: 1.0, bad: 1, of: 1, period: 60 }
    }
}

impl FromStr for AlarmModel {
    type Err = AlarmModelError;

    fn from_str(text: &str) -> Result<AlarmModel, AlarmModelError> {
        read(text).ok_or_else(|| AlarmModelError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<AlarmModel> {
    let compact: String = text.split_whitespace().collect();
    let (share, periods) =
        compact.split_once(':').map_or((compact.as_str(), None), |(share, rest)| (share, Some(rest)));
    let percent: f64 = share.strip_prefix("errors>")?.strip_suffix('%')?.parse().ok()?;
    let mut alarm = AlarmModel { percent, ..AlarmModel::default() };
    if let Some(periods) = periods {
        let (counts, period) = periods.split_once('x')?;
        let (bad, of) = counts.split_once('/')?;
        (alarm.bad, alarm.of) = (bad.parse().ok()?, of.parse().ok()?);
        alarm.period = period.strip_suffix('s')?.parse().ok()?;
    }
    let sound = (0.0..100.0).contains(&alarm.percent)
        && (1..=alarm.of).contains(&alarm.bad)
        && (FAST.contains(&alarm.period) || alarm.period > 0 && alarm.period.is_multiple_of(60))
        // AWS allows a day.
        && alarm.of.checked_mul(alarm.period).is_some_and(|seconds| seconds <= 86_400);
    sound.then_some(alarm)
}

impl AlarmModel {
    /// In a sentence.
    pub(super) fn words(&self, late: Duration) -> String {
        let AlarmModel { percent, bad, of, period } = self;
        let late = bluegreen_core::model::duration::format(late);
        format!(
            "each is modelled as more than {percent} % errors in either group, in {bad} of {of} periods of {period} s, \
             published {late} late"
        )
    }

    /// Puts it into a world as a client would.
    pub(super) fn put(&self, world: &mut World, name: &str, groups: [&TargetGroupArn; 2]) -> Result<(), ApiError> {
        let balancer = world.state().balancers.keys().next().map(|arn| arn.dimension().to_owned());
        let dimensions = |group: &TargetGroupArn| json!([{"Name": "LoadBalancer", "Value": balancer}, {"Name": "TargetGroup", "Value": group.dimension()}]);
        let mut queries = vec![json!({"Id": "worst", "ReturnData": true, "Expression": "MAX([share0, share1])"})];
        for (index, group) in groups.into_iter().enumerate() {
            let share = format!("100 * FILL(errors{index}, 0) / requests{index}");
            queries.push(json!({"Id": format!("share{index}"), "ReturnData": false, "Expression": share}));
            for (id, metric) in [("errors", "HTTPCode_Target_5XX_Count"), ("requests", "RequestCount")] {
                let metric = json!({
                    "Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions(group)
                });
                queries.push(json!({"Id": format!("{id}{index}"), "ReturnData": false,
                    "MetricStat": {"Metric": metric, "Period": self.period, "Stat": "Sum"}}));
            }
        }
        let input = json!({
            "AlarmName": name, "Metrics": queries, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": self.percent, "EvaluationPeriods": self.of, "DatapointsToAlarm": self.bad,
            "TreatMissingData": "notBreaching"
        });
        call(world, "rehearsal", Service::CloudWatch, "PutMetricAlarm", input).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_read() {
        let alarm = |text: &str| text.parse::<AlarmModel>().ok();
        assert_eq!(alarm("errors>1%"), Some(AlarmModel::default()));
        assert_eq!(alarm("errors > 0.5% : 3/5x60s"), Some(AlarmModel { percent: 0.5, bad: 3, of: 5, period: 60 }));
        let wrong = ["", "errors", "errors>5", "latency>5%", "errors>5%:", "errors>5%:2/1x60s", "errors>5%:0/1x60s"];
        for text in wrong.into_iter().chain(["errors>-1%", "errors>100%", "errors>5%:1/1x31s", "errors>5%:1/9999x60s"])
        {
            assert_eq!(alarm(text), None, "{text}");
        }
    }
}
