//! Where the counts of a metric come from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{LoadBalancerArn, MetricQuery, Series, TargetGroupArn};

/// Where one metric's counts come from, for each fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// The metric's name in the judge.
    pub metric: String,
    /// The canary's.
    pub canary: Tally,
    /// Stable's: the control, where there is no fleet for that alone.
    pub stable: Tally,
    /// The control fleet's, where there is one and the metric can tell it apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Tally>,
}

/// The counts of one fleet. Without a point of [`Tally::all`] there is no data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tally {
    /// Bad ones.
    pub bad: Bad,
    /// All of them.
    pub all: MetricQuery,
}

/// How bad ones are counted.
///
/// Where [`Tally::all`] has a point and a series here has none, that one counts 0: CloudWatch gets no zeros from most
/// sources. Zeros are put in here and not by metric math, whose `FILL` has nothing to fill in a series that is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bad {
    /// The sum of these.
    Sum(Vec<MetricQuery>),
    /// [`Tally::all`] without the sum of these good ones; never below 0.
    Rest(Vec<MetricQuery>),
}

impl Bad {
    /// The series that are counted, bad or good.
    pub fn queries(&self) -> &[MetricQuery] {
        let (Bad::Sum(queries) | Bad::Rest(queries)) = self;
        queries
    }
}

impl Tally {
    /// Answers with a 5xx status of a group's targets, and connections to them that failed, of all requests.
    ///
    /// `RequestCount` has every request for which a target was chosen. `HTTPCode_Target_5XX_Count` has only what
    /// targets answered themselves: for one that refuses connections the load balancer answers 502, which is counted
    /// for the load balancer and for no group. `TargetConnectionErrorCount` is what the group has of it. Neither has
    /// a point while nothing fails.
    pub fn errors(balancer: &LoadBalancerArn, group: &TargetGroupArn) -> Tally {
        let count = |name| of_group(balancer, group, name, "Sum");
        Tally {
            bad: Bad::Sum(vec![count("HTTPCode_Target_5XX_Count"), count("TargetConnectionErrorCount")]),
            all: requests(balancer, group),
        }
    }

    /// Requests of a group without a 2xx, 3xx or 4xx answer of its targets.
    ///
    /// Stricter than [`Tally::errors`]: it has the 502s and 504s that the load balancer made for a target that closed
    /// the connection or did not answer in time, which no metric has by group. What it counts too: upgrades to
    /// WebSockets (101), clients that went away, and for one minute a request whose answer came in the next one.
    pub fn lost(balancer: &LoadBalancerArn, group: &TargetGroupArn) -> Tally {
        let count = |name| of_group(balancer, group, name, "Sum");
        let answered = ["HTTPCode_Target_2XX_Count", "HTTPCode_Target_3XX_Count", "HTTPCode_Target_4XX_Count"];
        Tally { bad: Bad::Rest(answered.map(count).to_vec()), all: requests(balancer, group) }
    }

    /// Answers of a group that took longer than `threshold`, of all that were timed.
    ///
    /// `TargetResponseTime` is the time from the request's leaving the load balancer to the first byte of the answer,
    /// in seconds. `TC(T:)` is the number of its values above T; CloudWatch interpolates, so it need not be whole. The
    /// number of values is its `SampleCount`: a request without an answer has no time, so `RequestCount` may be more.
    pub fn latency(balancer: &LoadBalancerArn, group: &TargetGroupArn, threshold: Duration) -> Tally {
        let times = |statistic: &str| of_group(balancer, group, "TargetResponseTime", statistic);
        let slow = format!("TC({}:)", threshold.as_secs_f64());
        Tally { bad: Bad::Sum(vec![times(&slow)]), all: times("SampleCount") }
    }
}

/// Requests of one group for which a target was chosen. There is a point in every minute that had one.
pub fn requests(balancer: &LoadBalancerArn, group: &TargetGroupArn) -> MetricQuery {
    of_group(balancer, group, "RequestCount", "Sum")
}

/// A metric of one group behind one load balancer. The same name with one dimension less is another metric.
fn of_group(balancer: &LoadBalancerArn, group: &TargetGroupArn, name: &str, statistic: &str) -> MetricQuery {
    let dimensions = [("LoadBalancer", balancer.dimension()), ("TargetGroup", group.dimension())];
    MetricQuery::Series(Series {
        namespace: "AWS/ApplicationELB".to_owned(),
        name: name.to_owned(),
        dimensions: BTreeMap::from(dimensions.map(|(name, value)| (name.to_owned(), value.to_owned()))),
        statistic: statistic.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer() -> LoadBalancerArn {
        "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/50dc".parse().unwrap()
    }

    fn group() -> TargetGroupArn {
        "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/front/73e2".parse().unwrap()
    }

    fn shown(query: &MetricQuery) -> String {
        let MetricQuery::Series(series) = query else { panic!("{query:?}") };
        let dimensions: Vec<&str> = series.dimensions.values().map(String::as_str).collect();
        assert_eq!(dimensions, ["app/shop/50dc", "targetgroup/front/73e2"], "both, by the tails of their ARNs");
        format!("{} {}", series.name, series.statistic)
    }

    #[test]
    fn default_metrics_name_what_cloudwatch_has_by_group() {
        let all = |tally: &Tally| {
            let bad: Vec<String> = tally.bad.queries().iter().map(shown).collect();
            (bad.join(", "), shown(&tally.all))
        };
        let errors = Tally::errors(&balancer(), &group());
        assert!(matches!(errors.bad, Bad::Sum(_)));
        let expected = "HTTPCode_Target_5XX_Count Sum, TargetConnectionErrorCount Sum";
        assert_eq!(all(&errors), (expected.to_owned(), "RequestCount Sum".to_owned()));
        let lost = Tally::lost(&balancer(), &group());
        assert!(matches!(lost.bad, Bad::Rest(_)));
        let expected =
            "HTTPCode_Target_2XX_Count Sum, HTTPCode_Target_3XX_Count Sum, HTTPCode_Target_4XX_Count Sum".to_owned();
        assert_eq!(all(&lost), (expected, "RequestCount Sum".to_owned()));
        for (millis, expected) in [(800, "TC(0.8:)"), (2_000, "TC(2:)"), (1_001, "TC(1.001:)"), (90_100, "TC(90.1:)")] {
            let latency = Tally::latency(&balancer(), &group(), Duration::from_millis(millis));
            let expected = (format!("TargetResponseTime {expected}"), "TargetResponseTime SampleCount".to_owned());
            assert_eq!(all(&latency), expected);
        }
    }

    #[test]
    fn a_source_is_its_own_wire_form() {
        let lost = Tally::lost(&balancer(), &group());
        let source = Source {
            metric: "errors".into(),
            canary: Tally::errors(&balancer(), &group()),
            stable: lost,
            control: None,
        };
        let written = serde_json::to_value(&source).unwrap();
        assert_eq!(written["canary"]["bad"]["sum"][0]["series"]["name"], "HTTPCode_Target_5XX_Count");
        assert_eq!(serde_json::from_value::<Source>(written).unwrap(), source);
    }
}
