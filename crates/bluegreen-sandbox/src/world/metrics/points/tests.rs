use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::analysis::{Answers, ControlArm, Source as Counted, Tally, queries, requests};
use bluegreen_core::model::TargetGroupArn;

use super::*;
use crate::scenario::Scenario;
use crate::world::metrics::{RequestSample, Summary, whole};

impl World {
    /// Requests of a group over the whole minutes in `[from, to)`; `None` without any.
    pub(crate) fn requests(&self, group: &TargetGroupArn, from: Timestamp, to: Timestamp) -> Option<u64> {
        let balancer = self.state.group(group.as_str())?.load_balancers.first()?.clone();
        let points = self.points(&requests(&balancer, group), (from, to), self.now).unwrap();
        (!points.is_empty()).then(|| whole(points.iter().map(|(_, count)| count).sum()))
    }
}

/// A world that makes up no requests, at its first second.
fn world() -> World {
    let mut world = Scenario::shop().world();
    world.config.requests = RequestModel::Recorded;
    world
}

fn series(name: &str, statistic: &str) -> model::Series {
    let dimensions = BTreeMap::from([("TargetGroup".to_owned(), "targetgroup/green/1".to_owned())]);
    let (namespace, name, statistic) = ("Shop".to_owned(), name.to_owned(), statistic.to_owned());
    model::Series { namespace, name, dimensions, statistic }
}

fn put(world: &mut World, minute: Second, values: &[f64]) {
    let mut summary = Summary::default();
    for value in values {
        summary.add(*value, 1.0);
    }
    let key = MetricKey::new("Shop", "Time", &[("TargetGroup", "targetgroup/green/1")]);
    world.put_metric(&key, world.second(0) + minute * 60, 60, "Seconds", summary);
}

fn values(world: &World, query: &model::MetricQuery) -> Result<Vec<f64>, ErrorClass> {
    let window = (world.timestamp(0), world.timestamp(3_600_000));
    let points = world.points(query, window, world.now_ms()).map_err(|(class, _)| class)?;
    Ok(points.into_iter().map(|(_, value)| value).collect())
}

#[test]
fn a_metric_of_ones_own_has_every_statistic_once_its_points_are_in() {
    let mut world = world();
    put(&mut world, 1, &[0.1, 0.5, 0.9, 2.0]);
    let plain = |statistic: &str| model::MetricQuery::Series(series("Time", statistic));
    assert_eq!(values(&world, &plain("Sum")), Ok(vec![]), "not yet");
    world.advance_to(world.now_ms() + world.config.metric_delay);
    put(&mut world, 2, &[3.0]);
    for (statistic, expected) in
        [("Sum", 3.5), ("SampleCount", 4.0), ("TC(0.5:)", 2.0), ("TC(:0.5)", 2.0), ("PR(0.5:)", 50.0), ("p50", 0.7)]
    {
        assert_eq!(values(&world, &plain(statistic)), Ok(vec![expected]), "{statistic}: the late minute is not in");
    }
    world.advance_to(world.now_ms() + world.config.metric_delay);
    assert_eq!(values(&world, &plain("SampleCount")), Ok(vec![4.0, 1.0]));
    assert_eq!(values(&world, &plain("TC(5:3)")), Err(ErrorClass::Invalid));
    assert_eq!(values(&world, &model::MetricQuery::Series(series("Absent", "Sum"))), Ok(vec![]));
}

#[test]
fn half_of_a_minute_may_come_late() {
    let mut world = world();
    world.config.metric_late = 30_000;
    let key = MetricKey::new("Shop", "Time", &[("TargetGroup", "targetgroup/green/1")]);
    let now = world.now_ms();
    world.record(&key, now, 3.0, 8.0, "Seconds");
    let seen = |world: &World| {
        ["SampleCount", "Sum", "TC(2:)", "p50"]
            .map(|statistic| values(world, &model::MetricQuery::Series(series("Time", statistic))).unwrap())
            .concat()
    };
    let closed = (now / 60_000 + 1) * 60_000 + world.config.metric_delay;
    for (at, expected) in
        [(closed - 1, vec![]), (closed, vec![4.0, 12.0, 4.0, 3.0]), (closed + 30_000, vec![8.0, 24.0, 8.0, 3.0])]
    {
        world.advance_to(at);
        assert_eq!(seen(&world), expected, "at {at}");
    }
}

#[test]
fn an_expression_gives_one_series_or_fails() {
    let mut world = world();
    put(&mut world, 0, &[1.0, 2.0]);
    world.advance_to(world.now_ms() + world.config.metric_delay);
    let math = |expression: &str| model::MetricQuery::Math {
        expression: expression.to_owned(),
        series: BTreeMap::from([
            ("n".to_owned(), series("Time", "SampleCount")),
            ("s".to_owned(), series("Time", "Sum")),
        ]),
    };
    assert_eq!(values(&world, &math("s / n")), Ok(vec![1.5]));
    for wrong in ["s +", "s / m", "[n, s]", "5"] {
        assert_eq!(values(&world, &math(wrong)), Err(ErrorClass::Invalid), "{wrong}");
    }
}

#[test]
fn requests_become_the_rows_of_the_default_metrics() {
    let mut world = world();
    let (balancer, groups) = (Scenario::shop().load_balancer(), Scenario::shop().groups());
    let good = RequestSample {
        balancer: balancer.clone(),
        group: Some(groups.green.clone()),
        target_status: Some(200),
        balancer_status: None,
        latency: Some(0.2),
        connection_error: false,
        fail_open: false,
    };
    let slow = RequestSample { latency: Some(0.9), ..good.clone() };
    let failed = RequestSample { target_status: Some(500), ..good.clone() };
    let refused = RequestSample {
        target_status: None,
        balancer_status: Some(502),
        latency: None,
        connection_error: true,
        ..good.clone()
    };
    // The target closes the connection in place of an answer: that is in no metric of the group.
    let cut = RequestSample { connection_error: false, ..refused.clone() };
    for sample in [&good, &slow, &failed, &refused, &cut] {
        world.record_request(sample);
        world.record_request(&RequestSample { group: Some(groups.blue.clone()), ..good.clone() });
    }
    world.advance_to(world.now_ms() + 120_000);
    let source = |tally: &dyn Fn(&TargetGroupArn) -> Tally| {
        let (canary, stable) = (tally(&groups.green), tally(&groups.blue));
        Counted { metric: "m".to_owned(), canary, stable, control: None }
    };
    let threshold = Duration::from_millis(500);
    let cases: [(Counted, f64, f64); 3] = [
        (source(&|group| Tally::errors(&balancer, group)), 2.0, 5.0),
        (source(&|group| Tally::lost(&balancer, group)), 3.0, 5.0),
        (source(&|group| Tally::latency(&balancer, group, threshold)), 1.0, 3.0),
    ];
    for (source, bad, all) in cases {
        let asked = queries([&source]);
        let window = (world.timestamp(0), world.now());
        let answer = |query| Ok(world.points(query, window, world.now_ms()).unwrap());
        let answers = Answers::new(asked.clone(), asked.iter().map(answer).collect());
        let rows = answers.rows(&source, |_| ControlArm::Stable, |_| None).unwrap();
        assert_eq!(rows.len(), 1);
        let (canary, control) = (rows[0].canary.unwrap(), rows[0].control.unwrap());
        assert_eq!(((canary.bad, canary.all), (control.bad, control.all)), ((bad, all), (0.0, 5.0)));
    }
}
