//! The queries behind request counts, and the minutes that they may cover.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use jiff::Timestamp;

use crate::model::{LoadBalancerArn, TargetGroupArn};

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

/// One query for each group, with ids by position. Both dimensions are named: every set of dimensions is a metric of
/// its own.
pub(super) fn queries(load_balancer: &LoadBalancerArn, groups: &[TargetGroupArn]) -> Vec<MetricDataQuery> {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let query = |(index, group): (usize, &TargetGroupArn)| {
        let metric = Metric::builder()
            .namespace("AWS/ApplicationELB")
            .metric_name("RequestCount")
            .dimensions(dimension("LoadBalancer", load_balancer.dimension()))
            .dimensions(dimension("TargetGroup", group.dimension()))
            .build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
        MetricDataQuery::builder().id(id(index)).metric_stat(stat).return_data(true).build()
    };
    groups.iter().enumerate().map(query).collect()
}

/// The id of the query at `index`.
pub(super) fn id(index: usize) -> String {
    format!("q{index}")
}

/// A sum of counts as a number; counts are whole and never negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn whole(sum: f64) -> u64 {
    sum.round().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(from: &str, to: &str) -> Option<(String, String)> {
        let window = closed_minutes(from.parse().unwrap(), to.parse().unwrap())?;
        Some((window.0.to_string(), window.1.to_string()))
    }

    #[test]
    fn only_whole_minutes_count() {
        let whole = Some(("2026-11-23T06:01:00Z".to_owned(), "2026-11-23T06:03:00Z".to_owned()));
        assert_eq!(minutes("2026-11-23T06:00:00.001Z", "2026-11-23T06:03:59.9Z"), whole);
        assert_eq!(minutes("2026-11-23T06:01:00Z", "2026-11-23T06:03:00Z"), whole);
        assert_eq!(minutes("2026-11-23T06:00:30Z", "2026-11-23T06:01:59Z"), None);
        assert_eq!(minutes("2026-11-23T06:05:00Z", "2026-11-23T06:01:00Z"), None);
    }

    #[test]
    fn queries_name_both_dimensions_by_their_arn_tails() {
        let balancer =
            "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/50dc".parse().unwrap();
        let group = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/front/73e2".parse().unwrap();
        let queries = queries(&balancer, &[group]);
        let stat = queries[0].metric_stat().unwrap();
        let dimensions: Vec<_> =
            stat.metric().unwrap().dimensions().iter().map(|d| (d.name().unwrap(), d.value().unwrap())).collect();
        assert_eq!(dimensions, [("LoadBalancer", "app/shop/50dc"), ("TargetGroup", "targetgroup/front/73e2")]);
        assert_eq!((stat.period(), stat.stat(), queries[0].id()), (Some(60), Some("Sum"), Some("q0")));
    }

    #[test]
    fn sums_are_whole() {
        assert_eq!((whole(2.0), whole(1e15), whole(-1.0), whole(f64::NAN)), (2, 1_000_000_000_000_000, 0, 0));
    }
}
