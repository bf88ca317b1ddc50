use bluegreen_core::model::Color;
use bluegreen_core::observe::AlarmState;

use super::*;
use crate::scenario::{CLUSTER, NEW_REVISION, Scenario};
use crate::world::metrics::{Ask, MetricKey, MetricQuery, Source, Statistic};
use crate::world::{AlarmSpec, Comparison, MetricRule, Missing, Rule, Writer};

/// A shop with one route, in which green runs the new revision on `green` % of the traffic from now on.
fn canary(seed: u64, green: u32, profile: Profile) -> (Scenario, World) {
    let mut scenario = Scenario::shop().with_routes(1);
    scenario.seed = seed;
    scenario.propagation = crate::world::Lag::NONE;
    let mut world = scenario.world();
    world.config.requests = RequestModel::Drawn;
    world.set_profile(NEW_REVISION, profile);
    let document = serde_json::json!({"family": "web", "containerDefinitions": [{"name": "app"}]});
    let family = NEW_REVISION.split(':').next().unwrap();
    let mut document = document;
    document["family"] = family.into();
    let revision = world.register(&document, BTreeMap::new()).unwrap();
    assert_eq!(revision.short(), NEW_REVISION);
    let change =
        bluegreen_core::ports::ServiceChange { task_definition: Some(revision), desired: Some(4), color: Color::Green };
    world.update_service(CLUSTER, &scenario.services().green, &change).unwrap();
    let id = &scenario.route_ids()[0];
    let actions = scenario.actions(id, &[(Color::Blue, Some(100)), (Color::Green, Some(0))]);
    world.set_actions(id, &actions, Writer::ThirdParty).unwrap();
    world.advance_to(world.now_ms() + 60_000);
    weigh(&scenario, &mut world, green);
    (scenario, world)
}

fn weigh(scenario: &Scenario, world: &mut World, green: u32) {
    let id = &scenario.route_ids()[0];
    let actions = scenario.actions(id, &[(Color::Blue, Some(100 - green)), (Color::Green, Some(green))]);
    world.set_actions(id, &actions, Writer::ThirdParty).unwrap();
}

fn key(scenario: &Scenario, name: &str) -> MetricKey {
    let (balancer, group) = (scenario.load_balancer(), scenario.groups().green);
    let dimensions = [("LoadBalancer", balancer.dimension()), ("TargetGroup", group.dimension())];
    MetricKey::new("AWS/ApplicationELB", name, &dimensions)
}

fn value(world: &World, key: &MetricKey, statistic: &str) -> Option<f64> {
    let to = world.second(world.now_ms());
    let ask = Ask { key, unit: None, period: 864_000, from: to - 86_400, to };
    let periods = world.metrics().periods(&ask, world.now_ms());
    Statistic::parse(statistic).unwrap().of(&periods.first()?.1)
}

fn near(found: u64, expected: f64, what: &str) {
    let found = metrics::number(found);
    assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{what}: {found}, not about {expected}");
}

#[test]
fn counts_errors_and_latencies_follow_weights_and_profiles() {
    let latency = Latency::LogNormal { median: 0.2, sigma: 0.4 };
    let (scenario, mut world) =
        canary(1, 10, Profile { error_rate: 0.05, latency: Some(latency), ..Profile::default() });
    let before = world.traffic.harm.clone();
    let from = world.now();
    world.advance_to(world.now_ms() + 3_600_000);
    let harm = world.traffic.harm.clone();
    let green = harm.requests[NEW_REVISION] - before.requests.get(NEW_REVISION).copied().unwrap_or(0);
    near(harm.all() - before.all(), 180_000.0, "all");
    near(green, 18_000.0, "green");
    near(harm.errors[NEW_REVISION], 900.0, "errors");
    assert_eq!((harm.errors.len(), harm.total(), harm.unserved), (1, harm.errors[NEW_REVISION], 0));
    world.advance_to(world.now_ms() + 2_000);
    let sum = |name: &str| value(&world, &key(&scenario, name), "Sum").map(metrics::whole);
    assert_eq!(sum("HTTPCode_Target_5XX_Count"), Some(harm.errors[NEW_REVISION]), "the metric says what was drawn");
    assert_eq!(sum("HTTPCode_Target_3XX_Count"), None);
    assert_eq!(world.requests(&scenario.groups().green, from, world.now()), Some(green));
    let median = value(&world, &key(&scenario, "TargetResponseTime"), "p50").unwrap();
    assert!((0.19..0.21).contains(&median), "{median}");
    assert_eq!(value(&world, &key(&scenario, "HealthyHostCount"), "Maximum"), Some(4.0));
}

#[test]
fn refused_connections_are_errors_without_an_answer() {
    let latency = Some(Latency::TwoPoint { fast: 0.1, slow: 1.0, slow_share: 0.0 });
    let (scenario, mut world) = canary(1, 10, Profile { error_rate: 1.0, refused: 0.25, latency });
    world.advance_to(world.now_ms() + 600_000);
    let count = |name: &str, statistic: &str| value(&world, &key(&scenario, name), statistic).map_or(0, metrics::whole);
    let (all, refused) = (count("RequestCount", "Sum"), count("TargetConnectionErrorCount", "Sum"));
    near(refused, 0.25 * metrics::number(all), "refused");
    assert_eq!(count("HTTPCode_Target_5XX_Count", "Sum"), all - refused);
    assert_eq!(count("TargetResponseTime", "SampleCount"), all - refused);
}

#[test]
fn the_same_seed_draws_the_same_however_time_passes() {
    let run = |seed, step: Ms| {
        let (_, mut world) = canary(seed, 30, Profile::failing(0.02));
        let end = world.now_ms() + 600_000;
        while world.now_ms() < end {
            world.advance_to((world.now_ms() + step).min(end));
        }
        world.draw_requests();
        world.traffic.harm
    };
    assert_eq!(run(1, 600_000), run(1, 600_000));
    assert_eq!(run(1, 600_000), run(1, 700));
    assert_ne!(run(1, 600_000), run(2, 600_000));
}

#[test]
fn what_was_expected_of_an_open_period_is_drawn_when_asked_for() {
    let (_, mut world) = canary(1, 50, Profile::failing(1.0));
    world.advance_to(world.now_ms() + 30_000);
    assert_eq!(world.traffic.harm.errors.get(NEW_REVISION), None);
    world.draw_requests();
    near(world.traffic.harm.errors[NEW_REVISION], 750.0, "half a minute");
    let drawn = world.traffic.harm.clone();
    world.draw_requests();
    assert_eq!(world.traffic.harm, drawn, "nothing is drawn twice");
}

#[test]
fn a_group_without_targets_answers_503_and_one_without_healthy_ones_opens() {
    let (scenario, mut world) = canary(1, 50, Profile::default());
    world.set_behaviour(NEW_REVISION, crate::world::Behaviour::NeverHealthy);
    world.advance_to(world.now_ms() + 62_000);
    let opened = value(&world, &key(&scenario, "UnhealthyRoutingRequestCount"), "Sum").map(metrics::whole);
    near(opened.unwrap(), 1_500.0, "fail open");
    world.set_behaviour(NEW_REVISION, crate::world::Behaviour::NeverStarts);
    world.lose_tasks(CLUSTER, &scenario.services().green, 4);
    let lost = world.traffic.lost;
    world.advance_to(world.now_ms() + 120_000);
    let balancer = scenario.load_balancer();
    let own = MetricKey::new("AWS/ApplicationELB", "HTTPCode_ELB_503_Count", &[("LoadBalancer", balancer.dimension())]);
    assert!(value(&world, &own, "Sum").unwrap() > 1_000.0);
    assert!(world.traffic.harm.unserved > 1_000 && world.traffic.lost > lost);
    assert_eq!(world.traffic.harm.total(), world.traffic.harm.unserved);
}

#[test]
fn an_alarm_sees_a_bad_canary_and_not_a_good_one() {
    for (error_rate, expected) in [(0.001, AlarmState::Ok), (0.1, AlarmState::Alarm)] {
        let (scenario, mut world) = canary(1, 10, Profile::failing(error_rate));
        let key = key(&scenario, "HTTPCode_Target_5XX_Count");
        let source = Source::Metric { key, period: 60, stat: "Sum".to_owned(), statistic: Statistic::Sum, unit: None };
        let query =
            MetricQuery { id: "m1".to_owned(), source, label: None, period: None, return_data: None, account: None };
        let rule = MetricRule {
            queries: vec![query],
            math: false,
            evaluation_periods: 2,
            datapoints_to_alarm: None,
            comparison: Comparison::Greater,
            threshold: 10.0,
            treat_missing: Some(Missing::NotBreaching),
            low_samples: None,
        };
        let spec = AlarmSpec {
            description: None,
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: Vec::new(),
            insufficient_data_actions: Vec::new(),
            configured_at: world.now(),
            rule: Rule::Metric(rule),
        };
        world.put_alarm("green-errors", spec);
        let begin = world.now_ms();
        world.advance_to(begin + 600_000);
        let alarm = &world.state().alarms["green-errors"];
        assert_eq!(alarm.state, expected);
        if expected == AlarmState::Alarm {
            let after = world.ms(alarm.transitioned_at) - begin;
            assert!((120_000..=250_000).contains(&after), "{after}");
            weigh(&scenario, &mut world, 0);
            let harmed = world.traffic.harm.total();
            world.advance_to(world.now_ms() + 60_000);
            let late = world.traffic.harm.total() - harmed;
            world.advance_to(world.now_ms() + 600_000);
            assert_eq!(world.traffic.harm.total(), harmed + late, "no traffic, no harm");
            assert_eq!(world.state().alarms["green-errors"].state, AlarmState::Ok);
        }
    }
}

#[test]
fn recorded_worlds_draw_nothing() {
    let mut world = Scenario::shop().world();
    let before = world.traffic.counted.clone();
    world.config.requests = RequestModel::Recorded;
    world.advance_to(world.now_ms() + 600_000);
    assert_eq!((world.traffic.harm.all(), world.traffic.counted == before), (0, true));
}
