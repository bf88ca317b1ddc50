use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::model::{Color, Percent};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::ports::{ErrorClass, ServiceChange};

use super::*;
use crate::scenario::{CLUSTER, COMPOSITE_ALARM, METRIC_ALARMS, NEW_REVISION, Scenario};

fn green(task_definition: Option<bluegreen_core::model::TaskDefinitionArn>, desired: u32) -> ServiceChange {
    ServiceChange { color: Color::Green, task_definition, desired: Some(desired) }
}

fn weights(scenario: &Scenario, world: &mut World, blue: u32, canary: u32) {
    for id in scenario.route_ids() {
        let actions = scenario.actions(&id, &[(Color::Blue, Some(blue)), (Color::Green, Some(canary))]);
        world.set_actions(&id, &actions, Writer::Operator("a".to_owned())).unwrap();
    }
}

fn pass(world: &mut World, ms: Ms) {
    world.advance_to(world.now_ms() + ms);
}

fn register(world: &mut World, scenario: &Scenario) -> bluegreen_core::model::TaskDefinitionArn {
    let document = world.state().definition("web").unwrap().document;
    assert_eq!(scenario.old_revision().family(), "web");
    world.register(&document, BTreeMap::from([("bluegreen:run".to_owned(), "r".to_owned())])).unwrap()
}

#[test]
fn tasks_in_a_group_without_a_route_never_become_healthy() {
    let scenario = Scenario::shop();
    let (mut world, group) = (scenario.world(), scenario.groups().green);
    world.update_service(CLUSTER, "web-green", &green(None, 2)).unwrap();
    pass(&mut world, 60_000);
    let health = world.health(&group);
    assert_eq!((health.healthy, health.unused), (0, 2));
    weights(&scenario, &mut world, 100, 0);
    assert_eq!(world.health(&group).initial, 2);
    pass(&mut world, 500);
    assert_eq!(world.health(&group).healthy, 2);
}

#[test]
fn a_fleet_starts_grows_and_drains_in_its_time() {
    let scenario = Scenario::shop();
    let mut world = scenario.world();
    weights(&scenario, &mut world, 100, 0);
    world.update_service(CLUSTER, "web-green", &green(None, 3)).unwrap();
    let service = |world: &World| world.service_in(world.state(), CLUSTER, "web-green", world.now_ms()).unwrap();
    assert_eq!((service(&world).pending, service(&world).running), (3, 0));
    pass(&mut world, 1_000);
    assert_eq!((service(&world).pending, service(&world).running), (0, 3));
    pass(&mut world, 500);
    world.update_service(CLUSTER, "web-green", &green(None, 1)).unwrap();
    let health = world.health(&scenario.groups().green);
    assert_eq!((health.healthy, health.draining), (1, 2));
    pass(&mut world, 3_000);
    assert_eq!(world.health(&scenario.groups().green).draining, 0);
}

#[test]
fn a_new_revision_replaces_the_old_one_task_by_task() {
    let scenario = Scenario::shop();
    let mut world = scenario.world();
    let arn = register(&mut world, &scenario);
    let change = ServiceChange { color: Color::Blue, task_definition: Some(arn), desired: None };
    world.update_service(CLUSTER, "web-blue", &change).unwrap();
    let service = |world: &World| world.service_in(world.state(), CLUSTER, "web-blue", world.now_ms()).unwrap();
    assert_eq!(service(&world).deployments.len(), 2);
    assert_eq!(service(&world).deployments[0].rollout.as_deref(), Some("IN_PROGRESS"));
    pass(&mut world, 1_499);
    assert_eq!(world.health(&scenario.groups().blue).healthy, 4, "never fewer than asked for");
    pass(&mut world, 1);
    assert_eq!(service(&world).deployments.len(), 1);
    assert_eq!(service(&world).deployments[0].rollout.as_deref(), Some("COMPLETED"));
}

#[test]
fn room_and_behaviour_keep_a_fleet_from_getting_ready() {
    let scenario = Scenario::shop();
    let mut world = scenario.world();
    weights(&scenario, &mut world, 100, 0);
    world.apply(&Deed::Capacity(6));
    world.update_service(CLUSTER, "web-green", &green(None, 4)).unwrap();
    pass(&mut world, 60_000);
    assert_eq!(world.health(&scenario.groups().green).healthy, 2, "six places, four of them taken");
    for (behaviour, healthy) in [(Behaviour::NeverStarts, 0), (Behaviour::NeverHealthy, 0), (Behaviour::Healthy, 2)] {
        let mut world = scenario.world();
        weights(&scenario, &mut world, 100, 0);
        let arn = register(&mut world, &scenario);
        world.set_behaviour(NEW_REVISION, behaviour);
        world.update_service(CLUSTER, "web-green", &green(Some(arn), 2)).unwrap();
        pass(&mut world, 60_000);
        assert_eq!(world.health(&scenario.groups().green).healthy, healthy, "{behaviour:?}");
    }
}

#[test]
fn every_registration_is_a_new_revision_and_an_inactive_one_cannot_be_deployed() {
    let scenario = Scenario::shop();
    let mut world = scenario.world();
    let (second, third) = (register(&mut world, &scenario), register(&mut world, &scenario));
    assert_eq!((second.short(), third.short()), ("web:2", "web:3"));
    assert_eq!(world.state().tagged("web", "bluegreen:run", "r"), Some(third.clone()));
    world.deregister(&third);
    assert_eq!(world.state().definition("web").unwrap().arn, second);
    let refused = world.update_service(CLUSTER, "web-green", &green(Some(third), 1)).unwrap_err();
    assert_eq!(refused.0, ErrorClass::Invalid);
    assert_eq!(world.update_service(CLUSTER, "web-red", &green(None, 1)).unwrap_err().0, ErrorClass::NotFound);
}

#[test]
fn the_data_plane_is_behind_and_never_goes_back() {
    let mut scenario = Scenario::shop().with_routes(1);
    scenario.propagation = Lag::fixed(5_000);
    let (mut world, group) = (scenario.world(), scenario.groups().green);
    let id = scenario.route_ids()[0].clone();
    weights(&scenario, &mut world, 50, 50);
    assert_eq!((world.intended_share(&id, &group), world.routed_share(&id, &group)), (500_000, 0));
    world.config.propagation = Lag::NONE;
    pass(&mut world, 1_000);
    weights(&scenario, &mut world, 90, 10);
    assert_eq!(world.routed_share(&id, &group), 0, "the newer write does not overtake the older one");
    pass(&mut world, 4_000);
    assert_eq!(world.routed_share(&id, &group), 100_000);
    assert_eq!(world.traffic.last_exposed(&group), Some(world.now_ms()));
}

#[test]
fn writes_are_checked_as_aws_does() {
    let scenario = Scenario::shop();
    let mut world = scenario.world();
    let id = &scenario.route_ids()[1];
    let mut set = |actions: &[bluegreen_core::model::Action]| {
        world.set_actions(id, actions, Writer::ThirdParty).map_err(|(class, _)| class)
    };
    let good = scenario.actions(id, &[(Color::Blue, Some(1)), (Color::Green, Some(0))]);
    assert_eq!(set(&good), Ok(()));
    assert_eq!(set(&good[..1]), Err(ErrorClass::Invalid), "nothing routes");
    let reversed: Vec<_> = good.iter().rev().cloned().collect();
    assert_eq!(set(&reversed), Err(ErrorClass::Invalid), "the forward must be the last");
    let many = scenario.actions(id, &[(Color::Blue, Some(1)); 6]);
    assert_eq!(set(&many), Err(ErrorClass::Invalid));
    world.change(|state| {
        state.groups.remove(&scenario.groups().green);
    });
    assert_eq!(world.set_actions(id, &good, Writer::ThirdParty).unwrap_err().0, ErrorClass::NotFound);
    world.apply(&Deed::DeleteRoute(id.clone()));
    assert_eq!(world.set_actions(id, &good, Writer::ThirdParty).unwrap_err().0, ErrorClass::NotFound);
}

#[test]
fn an_alarm_follows_the_traffic_of_a_revision_and_its_composite_follows_it() {
    let ten = Percent::from_tenths(100).unwrap();
    let scenario = Scenario::shop().red_at(ten, Duration::from_secs(5), Some(Duration::from_secs(7)));
    let mut world = scenario.world();
    let state = |world: &World, name: &str| world.state().alarm(name).unwrap().state;
    weights(&scenario, &mut world, 100, 0);
    let arn = register(&mut world, &scenario);
    world.update_service(CLUSTER, "web-green", &green(Some(arn), 1)).unwrap();
    pass(&mut world, 10_000);
    weights(&scenario, &mut world, 95, 5);
    pass(&mut world, 60_000);
    assert_eq!(state(&world, METRIC_ALARMS[0]), AlarmState::Ok, "5 % are not enough");
    weights(&scenario, &mut world, 90, 10);
    pass(&mut world, 5_999);
    assert_eq!(state(&world, METRIC_ALARMS[0]), AlarmState::Ok, "one second of propagation, five of evaluation");
    pass(&mut world, 1);
    assert_eq!(state(&world, METRIC_ALARMS[0]), AlarmState::Alarm);
    assert_eq!(state(&world, COMPOSITE_ALARM), AlarmState::Alarm);
    assert_eq!(state(&world, METRIC_ALARMS[1]), AlarmState::Ok);
    weights(&scenario, &mut world, 100, 0);
    pass(&mut world, 8_000);
    assert_eq!(state(&world, COMPOSITE_ALARM), AlarmState::Ok);
    let since = world.config.start;
    assert_eq!(world.state().alarm_history(METRIC_ALARMS[0], since).len(), 2);
}

#[test]
fn reads_can_come_from_the_past() {
    let scenario = Scenario::shop().with_routes(1);
    let mut world = scenario.world();
    let id = scenario.route_ids()[0].clone();
    let before = world.state().route(&id).unwrap().actions;
    pass(&mut world, 10_000);
    weights(&scenario, &mut world, 100, 0);
    pass(&mut world, 4_000);
    assert_eq!(world.state_before(4_000).0.route(&id).unwrap().actions.len(), 1);
    assert_ne!(world.state_before(4_000).0.route(&id).unwrap().actions, before, "just written");
    assert_eq!(world.state_before(4_001).0.route(&id).unwrap().actions, before);
    let lag = Lag { min: 5_000, max: 30_000 };
    let picks: std::collections::BTreeSet<Ms> = (0..2_000).map(|i| lag.pick(crate::seed::mix(i))).collect();
    assert_eq!((picks.first(), picks.last()), (Some(&5_000), Some(&30_000)));
}

#[test]
fn scripted_deeds_happen_in_their_time_and_order() {
    let scenario = Scenario::shop();
    let mut world = scenario.world();
    let now = world.now_ms();
    let alarm = |state| Deed::SetAlarm(METRIC_ALARMS[0].to_owned(), state);
    world.script(When::At(now + 2_000), alarm(AlarmState::Ok));
    world.script(When::At(now + 1_000), alarm(AlarmState::Alarm));
    world.script(When::BeforeCall(3), Deed::DeleteAlarm(METRIC_ALARMS[1].to_owned()));
    world.advance_to(now + 5_000);
    let history = world.state().alarm_history(METRIC_ALARMS[0], world.config.start);
    let times: Vec<Ms> = history.iter().map(|change| world.ms(change.at) - now).collect();
    assert_eq!(times, [1_000, 2_000]);
    assert!(world.before_call(2).is_empty());
    assert_eq!(world.before_call(3).len(), 1);
    assert!(world.state().alarm(METRIC_ALARMS[1]).is_none());
}

#[test]
fn requests_are_counted_by_routed_weight_in_closed_minutes() {
    let scenario = Scenario::shop().with_routes(1);
    let mut world = scenario.world();
    let groups = scenario.groups();
    weights(&scenario, &mut world, 100, 0);
    world.update_service(CLUSTER, "web-green", &green(None, 1)).unwrap();
    pass(&mut world, 59_000);
    weights(&scenario, &mut world, 75, 25);
    pass(&mut world, 61_999);
    let from = world.timestamp(240_000);
    let now = world.now();
    assert_eq!(world.requests(&groups.green, from, now), None, "the minute's metrics are not there yet");
    pass(&mut world, 1);
    let now = world.now();
    assert_eq!(world.requests(&groups.green, from, now), Some(750));
    assert_eq!(world.requests(&groups.blue, from, now), Some(2_250));
    assert_eq!(world.traffic.lost, 0);
    world.lose_tasks(CLUSTER, "web-green", 1);
    pass(&mut world, 500);
    assert!(world.traffic.lost > 0, "a group with weight and no task loses requests");
}

#[test]
fn a_pinned_client_stays_until_its_group_leaves_the_action() {
    let mut scenario = Scenario::shop().with_routes(1);
    scenario.sticky = Some(600);
    let mut world = scenario.world();
    let group = scenario.groups().green;
    let on_green =
        |world: &World| world.traffic.clients.iter().filter(|c| c.served_by.as_ref() == Some(&group)).count();
    let mut fresh = scenario.world();
    weights(&scenario, &mut world, 0, 100);
    pass(&mut world, 1_000);
    scenario.clients(20, 1_000, &mut world);
    pass(&mut world, 1_000);
    assert_eq!(on_green(&world), 20);
    weights(&scenario, &mut world, 100, 0);
    pass(&mut world, 60_000);
    assert_eq!(on_green(&world), 20, "weight 0 does not move them");
    let id = &scenario.route_ids()[0];
    world.set_actions(id, &scenario.actions(id, &[(Color::Blue, Some(1))]), Writer::ThirdParty).unwrap();
    pass(&mut world, 3_000);
    assert_eq!(on_green(&world), 0);
    weights(&scenario, &mut fresh, 50, 50);
    pass(&mut fresh, 1_000);
    scenario.clients(100, 1_000, &mut fresh);
    pass(&mut fresh, 3_000);
    assert!((30..70).contains(&on_green(&fresh)), "{}", on_green(&fresh));
}
