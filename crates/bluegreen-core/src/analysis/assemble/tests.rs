use std::time::Duration;

use super::*;
use crate::analysis::Verdict;
use crate::analysis::{Judge, Rows, Window, judge};
use crate::model::{LoadBalancerArn, TargetGroupArn};

fn balancer() -> LoadBalancerArn {
    "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/50dc".parse().unwrap()
}

fn group(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/73e2").parse().unwrap()
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + number * 60).unwrap()
}

fn source(tally: impl Fn(&TargetGroupArn) -> Tally) -> Source {
    let tally = |name: &str| tally(&group(name));
    Source { metric: "m".to_owned(), canary: tally("green"), stable: tally("blue"), control: None }
}

fn errors() -> Source {
    source(|group| Tally::errors(&balancer(), group))
}

/// What CloudWatch has: values by group, name of the metric and minute.
type World<'a> = &'a [(&'a str, &'a str, i64, f64)];

fn answered(sources: &[Source], world: World) -> Answers {
    let asked = queries(sources);
    let points = |query: &MetricQuery| {
        let MetricQuery::Series(series) = query else { panic!("{query:?}") };
        let of = |group: &str| series.dimensions["TargetGroup"].contains(&format!("/{group}/"));
        let is =
            |(group, name, _, _): &&(&str, &str, i64, f64)| of(group) && format!("{name}.").starts_with(&key(series));
        Ok(world.iter().filter(is).map(|(_, _, at, value)| (minute(*at), *value)).collect())
    };
    let answers = asked.iter().map(points).collect();
    Answers::new(asked, answers)
}

/// Names of the three metrics of errors are told apart by their last words, those of times by the statistic.
fn key(series: &crate::model::Series) -> String {
    let name = match (series.name.as_str(), series.statistic.as_str()) {
        ("TargetResponseTime", "SampleCount") => "timed",
        ("TargetResponseTime", _) => "slow",
        ("RequestCount", _) => "requests",
        ("TargetConnectionErrorCount", _) => "refused",
        (name, _) => &name["HTTPCode_Target_".len()..][..3],
    };
    format!("{name}.")
}

/// Rows as text: minute, then `bad/all` of the canary and of the control.
fn shown(rows: &[Row]) -> String {
    let arm = |arm: Option<Counts>| arm.map_or("-".to_owned(), |counts| format!("{}/{}", counts.bad, counts.all));
    let number = |row: &Row| (row.at.as_second() - minute(0).as_second()) / 60;
    let rows: Vec<String> =
        rows.iter().map(|row| format!("{}: {} {}", number(row), arm(row.canary), arm(row.control))).collect();
    rows.join(", ")
}

fn rows(source: &Source, world: World) -> Result<Vec<Row>, CallError> {
    answered(std::slice::from_ref(source), world).rows(source, |_| ControlArm::Stable, |_| Some(0.1))
}

#[test]
fn what_missing_points_mean() {
    let table: [(&str, World, &str); 9] = [
        ("nothing at all", &[], ""),
        ("no traffic on the canary", &[("blue", "requests", 0, 90.0)], "0: - 0/90"),
        ("no traffic on the control", &[("green", "requests", 0, 10.0)], "0: 0/10 -"),
        (
            "errors have points only where some happened",
            &[
                ("green", "requests", 0, 10.0),
                ("green", "requests", 1, 10.0),
                ("green", "5XX", 1, 2.0),
                ("green", "refused", 1, 1.0),
                ("blue", "requests", 0, 90.0),
                ("blue", "requests", 1, 90.0),
                ("blue", "5XX", 0, 4.0),
            ],
            "0: 0/10 4/90, 1: 3/10 0/90",
        ),
        (
            "half of the minutes",
            &[("green", "requests", 0, 10.0), ("green", "requests", 2, 10.0), ("blue", "requests", 0, 9.0)],
            "0: 0/10 0/9, 2: 0/10 -",
        ),
        (
            "more bad ones than requests, at the edge of a minute",
            &[("green", "requests", 0, 1.0), ("green", "5XX", 0, 3.0)],
            "0: 3/1 -",
        ),
        (
            "a bad one after the last request belongs to the next",
            &[
                ("green", "requests", 0, 5.0),
                ("green", "5XX", 1, 2.0),
                ("green", "requests", 2, 0.0),
                ("green", "5XX", 2, 1.0),
                ("green", "requests", 3, 4.0),
                ("green", "5XX", 3, 1.0),
                ("green", "requests", 4, 4.0),
            ],
            "0: 0/5 -, 2: 0/0 -, 3: 4/4 -, 4: 0/4 -",
        ),
        ("bad ones alone are no data", &[("green", "5XX", 0, 3.0), ("blue", "requests", 0, 9.0)], "0: - 0/9"),
        (
            "a billion requests",
            &[("green", "requests", 0, 1e9), ("green", "5XX", 0, 1e6), ("blue", "requests", 0, 9e9)],
            "0: 1000000/1000000000 0/9000000000",
        ),
    ];
    for (name, world, expected) in table {
        assert_eq!(shown(&rows(&errors(), world).unwrap()), expected, "{name}");
    }
}

#[test]
fn requests_without_an_answer_are_what_is_left() {
    let lost = source(|group| Tally::lost(&balancer(), group));
    let world: World = &[
        // Nothing was answered at all: none of the good series has a point.
        ("green", "requests", 0, 10.0),
        ("green", "requests", 1, 10.0),
        ("green", "2XX", 1, 6.0),
        ("green", "3XX", 1, 1.0),
        ("green", "4XX", 1, 1.0),
        // Answers of the minute before.
        ("green", "requests", 2, 5.0),
        ("green", "2XX", 2, 7.0),
    ];
    assert_eq!(shown(&rows(&lost, world).unwrap()), "0: 10/10 -, 1: 2/10 -, 2: 0/5 -");
}

#[test]
fn times_are_skipped_where_none_was_taken() {
    let slow = source(|group| Tally::latency(&balancer(), group, Duration::from_millis(800)));
    let world: World = &[
        ("green", "requests", 0, 10.0),
        ("green", "timed", 1, 9.0),
        ("green", "slow", 1, 2.25),
        ("blue", "timed", 1, 90.0),
    ];
    assert_eq!(shown(&rows(&slow, world).unwrap()), "1: 2.25/9 0/90", "an interpolated count stays as it is");
}

#[test]
fn values_that_are_no_counts_fail_their_metric_alone() {
    let slow = source(|group| Tally::latency(&balancer(), group, Duration::from_secs(1)));
    for value in [-1.0, f64::NAN, f64::INFINITY] {
        let sources = [errors(), slow.clone()];
        let answers = answered(&sources, &[("green", "requests", 0, 10.0), ("blue", "slow", 3, value)]);
        let rows = |source| answers.rows(source, |_| ControlArm::Stable, |_| None);
        assert_eq!(shown(&rows(&sources[0]).unwrap()), "0: 0/10 -");
        let error = rows(&sources[1]).unwrap_err();
        assert_eq!(error.class, ErrorClass::Malformed);
        assert!(error.message.starts_with(&format!("TC(1:) of TargetResponseTime is {value} in")), "{error}");
    }
}

#[test]
fn a_query_that_failed_fails_its_metric_alone() {
    let sources = [errors(), source(|group| Tally::lost(&balancer(), group))];
    let asked = queries(&sources);
    assert_eq!(asked.len(), 12, "requests of a group are asked for once: {asked:?}");
    let denied = CallError {
        operation: "cloudwatch:GetMetricData".to_owned(),
        class: ErrorClass::Denied,
        message: "Forbidden".to_owned(),
    };
    let answer = |query: &MetricQuery| match format!("{query:?}").contains("3XX") {
        true => Err(denied.clone()),
        false => Ok(vec![(minute(0), 1.0)]),
    };
    let mut given: Vec<_> = asked.iter().map(answer).collect();
    let answers = Answers::new(asked.clone(), given.clone());
    let rows = |answers: &Answers, source| answers.rows(source, |_| ControlArm::Stable, |_| None);
    assert_eq!(shown(&rows(&answers, &sources[0]).unwrap()), "0: 2/1 2/1");
    assert_eq!(rows(&answers, &sources[1]), Err(denied));
    given.clear();
    let silent = rows(&Answers::new(asked, given), &sources[0]);
    assert_eq!(silent.unwrap_err().class, ErrorClass::Malformed, "no answer is no answer of nothing");
}

#[test]
fn the_control_is_chosen_by_the_minute() {
    let mut chosen = errors();
    chosen.control = Some(Tally::errors(&balancer(), &group("fresh")));
    let mut world = Vec::new();
    for (name, count) in [("green", 10.0), ("blue", 80.0), ("fresh", 9.0)] {
        world.extend([(name, "requests", 0, count), (name, "requests", 1, count)]);
    }
    let of_minute = |at| if at < minute(1) { ControlArm::Stable } else { ControlArm::Control };
    let share = |at| (at < minute(1)).then_some(0.125);
    let rows = |source: &Source| answered(std::slice::from_ref(source), &world).rows(source, of_minute, share).unwrap();
    assert_eq!(shown(&rows(&chosen)), "0: 0/10 0/80, 1: 0/10 0/9");
    assert_eq!(rows(&chosen).iter().map(|row| row.share).collect::<Vec<_>>(), [Some(0.125), None]);
    assert_eq!(shown(&rows(&errors())), "0: 0/10 0/80, 1: 0/10 0/80", "a metric that cannot tell it apart");
}

#[test]
fn a_late_point_is_a_row_more_and_no_data_never_passes() {
    let all: Vec<_> =
        (0..30).flat_map(|at| [("green", "requests", at, 100.0), ("blue", "requests", at, 900.0)]).collect();
    let window =
        Window { healthy_since: minute(0), step_since: minute(0), step: Duration::from_secs(1_800), until: minute(30) };
    let settings = Judge { metrics: vec![crate::analysis::Metric::named("m")], ..Judge::default() };
    let verdict = |rows: &[Row]| judge(&settings, &Rows::new(rows.to_vec()), window).verdict;
    let early = rows(&errors(), &all[..40]).unwrap();
    let late = rows(&errors(), &all).unwrap();
    assert_eq!((early.len(), late.len()), (20, 30));
    assert_eq!(&late[..20], &early[..]);
    assert!(matches!(verdict(&early), Verdict::Inconclusive { .. }), "half of the minutes");
    assert!(matches!(verdict(&[]), Verdict::Inconclusive { .. }), "no data");
    let silent = rows(&errors(), &[("green", "requests", 29, 100.0)]).unwrap();
    assert!(matches!(verdict(&silent), Verdict::Inconclusive { .. }), "no control");
    let unused: Vec<_> = (0..30).map(|at| ("blue", "requests", at, 900.0)).collect();
    assert!(
        matches!(verdict(&rows(&errors(), &unused).unwrap()), Verdict::Fail { .. }),
        "it has weight and no request"
    );
}
