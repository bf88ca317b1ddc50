use proptest::prelude::*;

use super::*;
use crate::scenario::Scenario;
use crate::world::Config;

fn world(period: Ms, delay: Ms) -> World {
    let mut config = Config::fast(1);
    config.metric_period = period;
    config.metric_delay = delay;
    config.requests = crate::world::RequestModel::Recorded;
    World::new(config)
}

fn key(name: &str) -> MetricKey {
    MetricKey::new("Shop", name, &[("b", "2"), ("a", "1")])
}

fn sums(world: &World, key: &MetricKey, period: u32, from: Ms, to: Ms) -> Vec<(Second, f64)> {
    let ask = Ask { key, unit: None, period, from: world.second(from), to: world.second(to) };
    let start = world.second(0);
    world.metrics().periods(&ask, world.now_ms()).into_iter().map(|(at, summary)| (at - start, summary.sum())).collect()
}

#[test]
fn a_point_is_seen_some_time_after_its_period_has_closed() {
    let mut world = world(60_000, 20_000);
    world.advance_to(61_000);
    world.record(&key("m"), 61_000, 2.0, 3.0, "Count");
    for (until, seen) in [(119_999, vec![]), (139_999, vec![]), (140_000, vec![(60, 6.0)])] {
        world.advance_to(until);
        assert_eq!(sums(&world, &key("m"), 60, 0, 300_000), seen, "{until}");
    }
    let start = world.second(0);
    world.put_metric(&key("own"), start + 130, 60, "Count", Summary::of(7.0, 1.0));
    world.advance_to(159_999);
    assert_eq!(sums(&world, &key("own"), 60, 0, 300_000), vec![]);
    world.advance_to(160_000);
    assert_eq!(sums(&world, &key("own"), 60, 0, 300_000), vec![(120, 7.0)], "without waiting for the minute's end");
}

#[test]
fn series_are_told_apart_by_all_dimensions_whatever_their_order() {
    let mut world = world(1_000, 0);
    world.record(&MetricKey::new("Shop", "m", &[("a", "1"), ("b", "2")]), 0, 1.0, 1.0, "Count");
    world.record(&MetricKey::new("Shop", "m", &[("a", "1")]), 0, 5.0, 1.0, "Count");
    world.advance_to(1_000);
    assert_eq!(sums(&world, &key("m"), 60, 0, 60_000), vec![(0, 1.0)]);
    assert_eq!(sums(&world, &MetricKey::new("Shop", "m", &[]), 60, 0, 60_000), vec![]);
    assert_eq!(world.metrics().keys(world.now_ms(), 0).count(), 2);
    assert_eq!(world.metrics().keys(0, 0).count(), 0, "not before they can be seen");
}

#[test]
fn units_can_be_asked_for_and_minutes_do_not_answer_for_seconds() {
    let mut world = world(60_000, 0);
    let start = world.second(0);
    world.put_metric(&key("m"), start + 5, 60, "Count", Summary::of(1.0, 1.0));
    world.put_metric(&key("m"), start + 6, 1, "Seconds", Summary::of(10.0, 1.0));
    let ask = |unit, period| {
        let key = key("m");
        let ask = Ask { key: &key, unit, period, from: start, to: start + 60 };
        world.metrics().periods(&ask, 0).iter().map(|(at, summary)| (at - start, summary.sum())).collect::<Vec<_>>()
    };
    assert_eq!(ask(None, 60), [(0, 11.0)]);
    assert_eq!(ask(Some("Count"), 60), [(0, 1.0)]);
    assert_eq!(ask(Some("Bytes"), 60), []);
    assert_eq!(ask(None, 10), [(0, 10.0)], "a point of a minute has no seconds");
    assert_eq!(ask(None, 1), [(6, 10.0)]);
}

#[test]
fn fine_points_grow_coarse_and_old_ones_go() {
    let mut store = Store::default();
    let key = key("m");
    let point = |at| Point { at, resolution: 1, visible: 0, unit: NO_UNIT.to_owned(), summary: Summary::of(1.0, 1.0) };
    for at in 0..20_000 {
        store.put(&key, point(at));
    }
    let buckets = &store.series[&key].units[NO_UNIT];
    assert!(buckets.len() < 4_000, "{}", buckets.len());
    let ask = Ask { key: &key, unit: None, period: 60, from: 0, to: 20_040 };
    let total: f64 = store.periods(&ask, 0).iter().map(|(_, summary)| summary.sum()).sum();
    assert!((total - 20_000.0).abs() < 1e-9, "{total}");
    store.put(&key, point(20_000 + KEPT));
    assert_eq!(store.series[&key].units[NO_UNIT].len(), 1);
}

#[test]
fn the_number_of_series_is_bounded() {
    let mut store = Store::default();
    for number in 0..=SERIES {
        let at = Second::try_from(number).unwrap();
        let point = Point { at, resolution: 60, visible: 0, unit: String::new(), summary: Summary::of(1.0, 1.0) };
        store.put(&MetricKey::new("Shop", &format!("m{number}"), &[]), point);
    }
    assert_eq!(store.series.len(), SERIES);
    assert!(!store.series.contains_key(&MetricKey::new("Shop", "m0", &[])), "the quietest one went");
}

fn sample(status: u16) -> RequestSample {
    let scenario = Scenario::shop();
    RequestSample {
        balancer: scenario.load_balancer(),
        group: Some(scenario.groups().green),
        target_status: Some(status),
        balancer_status: None,
        latency: Some(0.25),
        connection_error: false,
        fail_open: false,
    }
}

fn metric(world: &World, name: &str, dimensions: &[(&str, &str)]) -> Option<f64> {
    let key = MetricKey::new("AWS/ApplicationELB", name, dimensions);
    let found = sums(world, &key, 60, 0, 600_000);
    (!found.is_empty()).then(|| found.iter().map(|(_, sum)| sum).sum())
}

#[test]
fn requests_become_the_metrics_of_group_and_load_balancer() {
    let mut world = world(60_000, 1_000);
    for status in [200, 204, 302, 404, 503, 500] {
        world.record_request(&sample(status));
    }
    let dead = RequestSample {
        target_status: None,
        balancer_status: Some(502),
        latency: None,
        connection_error: true,
        ..sample(0)
    };
    world.record_request(&dead);
    let nobody = RequestSample { connection_error: false, balancer_status: Some(503), ..dead.clone() };
    world.record_request(&nobody);
    world.record_request(&RequestSample { group: None, ..nobody.clone() });
    world.advance_to(60_999);
    let (group, balancer) = (sample(0).group.unwrap(), sample(0).balancer);
    let both = [("TargetGroup", group.dimension()), ("LoadBalancer", balancer.dimension())];
    assert_eq!(metric(&world, "RequestCount", &both), None, "not yet");
    world.advance_to(61_000);
    for (name, of_group, of_balancer) in [
        ("RequestCount", Some(7.0), Some(7.0)),
        ("HTTPCode_Target_2XX_Count", Some(2.0), Some(2.0)),
        ("HTTPCode_Target_3XX_Count", Some(1.0), Some(1.0)),
        ("HTTPCode_Target_4XX_Count", Some(1.0), Some(1.0)),
        ("HTTPCode_Target_5XX_Count", Some(2.0), Some(2.0)),
        ("TargetConnectionErrorCount", Some(1.0), Some(1.0)),
        ("TargetResponseTime", Some(1.5), Some(1.5)),
        ("RequestCountPerTarget", Some(7.0), None),
        ("UnhealthyRoutingRequestCount", None, None),
        ("HTTPCode_ELB_5XX_Count", None, Some(3.0)),
        ("HTTPCode_ELB_502_Count", None, Some(1.0)),
        ("HTTPCode_ELB_503_Count", None, Some(2.0)),
        ("HTTPCode_ELB_504_Count", None, None),
        ("HTTPCode_ELB_4XX_Count", None, None),
    ] {
        assert_eq!(metric(&world, name, &both), of_group, "{name} of the group");
        assert_eq!(metric(&world, name, &both[1..]), of_balancer, "{name} of the load balancer");
    }
    let (from, to) = (world.timestamp(0), world.now());
    let requests = bluegreen_core::analysis::requests(&balancer, &group);
    let counted = |from| world.points(&requests, (from, to), world.now_ms()).unwrap();
    assert_eq!(counted(from), [(from, 7.0)]);
    assert_eq!(counted(world.timestamp(1)), [], "only whole minutes");
}

#[test]
fn hosts_are_counted_at_the_end_of_each_period() {
    let mut world = Scenario::shop().world();
    world.config.requests = crate::world::RequestModel::Recorded;
    let begin = world.now_ms();
    world.advance_to(begin + 121_000);
    let (group, balancer) = (Scenario::shop().groups().blue, Scenario::shop().load_balancer());
    let both = [("TargetGroup", group.dimension()), ("LoadBalancer", balancer.dimension())];
    assert_eq!(metric(&world, "HealthyHostCount", &both), Some(8.0));
    assert_eq!(metric(&world, "UnHealthyHostCount", &both), Some(0.0), "gauges do show zero");
    assert_eq!(metric(&world, "RequestCount", &both), None);
}

proptest! {
    #[test]
    fn the_sum_over_any_partition_is_the_whole(
        points in prop::collection::vec((0_i64..600, 1_u32..50, prop::bool::ANY), 1..60),
        period in prop::sample::select(vec![1_u32, 5, 10, 30, 60, 120, 300, 600]),
        cuts in prop::collection::vec(0_i64..600, 0..4),
    ) {
        let mut store = Store::default();
        let key = key("m");
        for (at, value, fine) in &points {
            let resolution = if *fine { 1 } else { 60 };
            let summary = Summary::of(f64::from(*value), 1.0);
            store.put(&key, Point { at: *at, resolution, visible: 0, unit: NO_UNIT.to_owned(), summary });
        }
        // A point of a minute lies at the minute's first second, and only in periods that are long enough.
        let kept: u32 = points.iter().filter(|(_, _, fine)| *fine || period >= 60).map(|(_, value, _)| value).sum();
        let mut edges: Vec<i64> = [vec![0, 600], cuts].concat();
        edges.sort_unstable();
        let mut total = 0.0;
        for edge in edges.windows(2) {
            let ask = Ask { key: &key, unit: None, period, from: edge[0], to: edge[1] };
            for (at, summary) in store.periods(&ask, 0) {
                prop_assert!((edge[0]..edge[1]).contains(&at));
                prop_assert_eq!((at - edge[0]).rem_euclid(i64::from(period)), 0);
                total += summary.sum();
            }
        }
        prop_assert!((total - f64::from(kept)).abs() < 1e-6, "{} instead of {}", total, kept);
    }
}
