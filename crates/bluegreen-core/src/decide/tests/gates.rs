//! What closes the way forward, and what turns it back.

use std::time::Duration;

use super::bench::{Bench, alarm, failed, forward};
use crate::journal::{Fact, Purpose};
use crate::model::{DriftPolicy, NoData, Percent};
use crate::observe::{AlarmState, Reading, StateChange};
use crate::ports::ErrorClass;

/// A name, what is done to the calm bench, and what is then noted.
type Case = (&'static str, fn(&mut Bench), &'static str);

fn with_alarm(bench: &mut Bench, state: AlarmState) {
    bench.seen.alarms.value = Ok(vec![alarm(state)]);
}

#[test]
fn red_at_the_start_refuses_and_red_later_goes_back() {
    let mut bench = Bench::new();
    with_alarm(&mut bench, AlarmState::Alarm);
    assert_eq!(bench.decide(), "finish Refused: alarm 5xx is red: threshold crossed");
    let mut bench = Bench::at_step(0);
    with_alarm(&mut bench, AlarmState::Alarm);
    assert_eq!(bench.decide(), "note restoring: alarm 5xx is red: threshold crossed");
}

#[test]
fn an_alarm_that_was_allowed_red_counts_once_it_changes() {
    let allow = |plan: &mut crate::plan::Plan| plan.alarm_policy.allow_red = vec!["5xx".into()];
    let mut bench = Bench::at_step_with(0, allow);
    with_alarm(&mut bench, AlarmState::Alarm);
    assert!(bench.decide().starts_with("act set rule step 10%"));
    bench.seen.alarms.value.as_mut().unwrap()[0].transitioned_at = Some(bench.now);
    assert!(bench.decide().starts_with("note restoring: alarm 5xx"));
}

#[test]
fn five_kinds_of_no_answer_are_told_apart_and_none_is_green() {
    let cases: [Case; 5] = [
        (
            "insufficient",
            |b| with_alarm(b, AlarmState::InsufficientData),
            "gate closed: alarm 5xx has insufficient data",
        ),
        ("missing", |b| b.seen.alarms.value = Ok(vec![]), "restoring: no answer: alarm 5xx does not exist"),
        (
            "throttled",
            |b| b.seen.alarms.value = Err(failed(ErrorClass::Throttled)),
            "gate closed: alarms cannot be read: throttled",
        ),
        (
            "stale",
            |b| b.now = crate::decide::later(b.now, Duration::from_secs(21)),
            "gate closed: the alarms were read too long ago",
        ),
        (
            "redefined",
            |b| b.seen.alarms.value.as_mut().unwrap()[0].definition = "other".into(),
            "restoring: no answer: alarm 5xx is defined otherwise than when the plan was made",
        ),
    ];
    for (name, disturb, expected) in cases {
        let mut bench = Bench::at_step(0);
        disturb(&mut bench);
        assert_eq!(bench.decide(), format!("note {expected}"), "{name}");
    }
}

#[test]
fn unknown_states_and_allowed_failures_are_not_green_either() {
    let mut bench = Bench::at_step_with(0, |plan| plan.alarm_policy.unreadable = NoData::Allow);
    with_alarm(&mut bench, AlarmState::Unknown("NEW".into()));
    assert_eq!(bench.decide(), "note gate closed: alarm 5xx is in the unknown state NEW");
}

#[test]
fn a_closed_gate_holds_then_goes_back() {
    let mut bench = Bench::at_step(0);
    with_alarm(&mut bench, AlarmState::InsufficientData);
    bench.fact(Fact::GateClosed { why: "alarm 5xx has insufficient data".into() });
    assert_eq!(bench.decide(), "wait: alarm 5xx has insufficient data");
    bench.pass_time(600);
    assert!(bench.decide().starts_with("note restoring: no answer: alarm 5xx has insufficient data, for longer"));
    with_alarm(&mut bench, AlarmState::Ok);
    assert_eq!(bench.decide(), "note gate opened");
}

#[test]
fn the_time_that_a_gate_may_stay_closed_is_not_taken_from_the_phase() {
    let half_an_hour = Duration::from_secs(1800);
    let patient = |plan: &mut crate::plan::Plan| plan.alarm_policy.insufficient_data = NoData::Wait(half_an_hour);
    for (step, expected) in [(0, "act set rule step 10%"), (1, "note step 1 passed: hold of 5m is over")] {
        let mut bench = Bench::at_step_with(step, patient);
        bench.pass_time(60);
        bench.fact(Fact::GateClosed { why: "alarm 5xx has insufficient data".into() });
        bench.pass_time(1500);
        bench.fact(Fact::GateOpened);
        assert!(bench.decide().starts_with(expected), "{}", bench.decide());
        bench.pass_time(829);
        assert!(!bench.decide().starts_with("note restoring"), "{}", bench.decide());
    }
    let mut bench = Bench::at_step_with(0, patient);
    bench.pass_time(60);
    bench.fact(Fact::GateClosed { why: String::new() });
    bench.pass_time(1500);
    bench.fact(Fact::GateOpened);
    bench.pass_time(840);
    assert!(bench.decide().starts_with("note restoring: deadline"), "what it took while open still counts");
}

#[test]
fn a_gate_is_not_closed_for_the_time_in_which_nobody_looked() {
    let mut bench = Bench::at_step(0);
    with_alarm(&mut bench, AlarmState::InsufficientData);
    bench.fact(Fact::GateClosed { why: "alarm 5xx has insufficient data".into() });
    bench.pass_time(7200);
    bench.resumed();
    assert_eq!(bench.decide(), "wait: alarm 5xx has insufficient data");
    bench.pass_time(600);
    assert!(bench.decide().starts_with("note restoring: no answer"));
}

#[test]
fn an_alarm_that_the_plan_waits_for_counts_from_its_first_sight() {
    let waiting = |plan: &mut crate::plan::Plan| {
        plan.alarm_policy.missing = NoData::Wait(Duration::from_secs(600));
        plan.alarms[0].definition = String::new();
    };
    let mut bench = Bench::at_step_with(0, waiting);
    assert!(bench.decide().starts_with("act set rule step 10%"), "{}", bench.decide());
    with_alarm(&mut bench, AlarmState::Alarm);
    assert!(bench.decide().starts_with("note restoring: alarm 5xx is red"), "{}", bench.decide());
}

#[test]
fn a_redefined_alarm_that_is_red_is_red() {
    let mut bench = Bench::at_step_with(0, |plan| plan.alarm_policy.missing = NoData::Allow);
    with_alarm(&mut bench, AlarmState::Alarm);
    bench.seen.alarms.value.as_mut().unwrap()[0].definition = "other".into();
    assert!(bench.decide().starts_with("note restoring: alarm 5xx is red"), "{}", bench.decide());
}

#[test]
fn a_blip_between_two_looks_counts() {
    let mut bench = Bench::at_step(0);
    let at = bench.now;
    let since = at;
    with_alarm(&mut bench, AlarmState::Ok);
    bench.seen.alarms.value.as_mut().unwrap()[0].transitioned_at = Some(since);
    assert_eq!(bench.decide(), "note gate closed: the history of alarm 5xx cannot be read");
    let changes = |to: AlarmState| {
        vec![("5xx".to_owned(), Reading { seen_at: at, value: Ok(vec![StateChange { at: since, to }]) })]
    };
    bench.seen.histories = changes(AlarmState::Ok);
    assert!(bench.decide().starts_with("act set rule"));
    bench.seen.histories = changes(AlarmState::Alarm);
    assert!(bench.decide().starts_with("note restoring: alarm 5xx is red: it went to ALARM and back"));
}

#[test]
fn weight_goes_up_only_on_health() {
    let mut bench = Bench::at_step(0);
    bench.seen.health.green.value.as_mut().unwrap().healthy = 3;
    assert_eq!(bench.decide(), "note canary unhealthy: 3 of 4 targets are healthy");
    bench.fact(Fact::CanaryUnhealthy { seen: String::new() });
    assert_eq!(bench.decide(), "wait: green to become healthy: 3 of 4 targets are healthy");
    let mut bench = Bench::at_step(0);
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 1;
    assert_eq!(bench.decide(), "wait: blue, which a rollback would need, has 1 of 4 targets healthy");
    bench.seen.services.value.as_mut().unwrap().blue.desired = 1;
    assert_eq!(
        bench.decide(),
        "wait: blue, which a rollback would need, has 1 of 4 targets healthy",
        "scaled in or not"
    );
    bench.seen.old_revision_active = Some(Reading { seen_at: bench.now, value: Ok(false) });
    assert_eq!(bench.decide(), "wait: web:1, which a rollback would need, was deregistered");
    bench.seen.old_revision_active = None;
    bench.seen.health.blue.value = Err(failed(ErrorClass::Throttled));
    assert_eq!(bench.decide(), "wait: the health of blue, which a rollback would need, cannot be read");
}

#[test]
fn drift_is_noted_and_then_held_or_taken_back() {
    let mut bench = Bench::at_step(0);
    bench.found(forward(&[("blue", 7), ("green", 3)], None));
    assert_eq!(bench.decide(), "note drift");
    let drift = |bench: &Bench| Fact::Drift {
        route: super::bench::rule(),
        expected: bench.split(0),
        found: forward(&[("blue", 7), ("green", 3)], None),
    };
    bench.fact(drift(&bench));
    assert!(bench.decide().starts_with("finish Held: rule"));
    let mut bench = Bench::at_step_with(0, |plan| plan.drift = DriftPolicy::Rollback);
    bench.fact(drift(&bench));
    assert!(bench.decide().starts_with("note restoring: drift"));
}

#[test]
fn a_plan_that_the_world_has_left_is_refused() {
    let mut bench = Bench::new();
    bench.found(forward(&[("blue", 7), ("green", 3)], None));
    bench.fact(Fact::Drift { route: super::bench::rule(), expected: vec![], found: vec![] });
    assert!(bench.decide().starts_with("finish Refused: rule"));
}

#[test]
fn a_foreign_deployment_is_drift() {
    let mut bench = Bench::at_step(0);
    bench.canary_is("web:9", 4);
    assert!(bench.decide().contains("finish Held: service front-green runs web:9, expected web:2"));
    let mut bench = Bench::at_step(0);
    bench.seen.services.value.as_mut().unwrap().blue.arn = "another".into();
    assert!(bench.decide().contains("is not the one that the plan was made for"));
}

#[test]
fn refusals_are_final_and_throttles_are_not() {
    let ten = Purpose::Step(Percent::from_tenths(100).unwrap());
    let mut bench = Bench::at_step(0);
    bench.refused(ten, bench.split(100), ErrorClass::Denied);
    assert!(bench.decide().starts_with("note restoring: AWS refused"));
    let mut bench = Bench::at_step(0);
    bench.refused(ten, bench.split(100), ErrorClass::Throttled);
    assert!(bench.decide().starts_with("wait: before trying again"));
    bench.pass_time(10);
    assert!(bench.decide().starts_with("act set rule step 10%"));
    let mut bench = Bench::at_step(0);
    bench.refused(ten, bench.split(100), ErrorClass::Credentials);
    assert!(bench.decide().starts_with("leave: the credentials"));
}

#[test]
fn what_cannot_be_seen_is_not_acted_upon() {
    let mut bench = Bench::at_step(0);
    bench.seen.routes.value = Err(failed(ErrorClass::Throttled));
    assert!(bench.decide().starts_with("wait: cannot look"));
    bench.seen.routes.value = Err(failed(ErrorClass::NotFound));
    assert!(bench.decide().starts_with("finish Held: something that the plan needs is gone"));
}

#[test]
fn a_deployment_that_ecs_gave_up_is_no_drift() {
    let mut bench = Bench::at_step(0);
    bench.canary_is("web:1", 0);
    let green = &mut bench.seen.services.value.as_mut().unwrap().green;
    let mut failed = green.deployments[0].clone();
    (failed.task_definition, failed.rollout, failed.failed) =
        (super::bench::revision("web:2"), Some("FAILED".into()), 10);
    green.deployments.push(failed);
    green.messages = vec!["tasks failed to start".into()];
    let expected = "note restoring: the canary cannot serve: ECS gave up the deployment of web:2 (10 tasks failed)";
    assert_eq!(bench.decide(), format!("{expected}; tasks failed to start"));
}

#[test]
fn a_canary_that_dies_under_traffic_is_left_without_waiting_for_an_alarm() {
    let mut bench = Bench::at_step(1);
    bench.seen.health.green.value.as_mut().unwrap().healthy = 0;
    assert_eq!(bench.decide(), "note canary unhealthy: it has traffic and not one healthy target");
    bench.fact(Fact::CanaryUnhealthy { seen: String::new() });
    assert!(bench.decide().starts_with("wait: green to become healthy"), "a read may be old");
    bench.pass_time(30);
    let expected = "note restoring: the canary cannot serve: it has traffic and not one healthy target";
    assert_eq!(bench.decide(), expected);
    bench.seen.health.green.value.as_mut().unwrap().healthy = 4;
    assert_eq!(bench.decide(), "note canary healthy 4");
    let mut bench = Bench::at_step(0);
    bench.seen.health.green.value.as_mut().unwrap().healthy = 0;
    assert_eq!(
        bench.decide(),
        "note canary unhealthy: 0 of 4 targets are healthy",
        "without traffic it may take its time"
    );
}
