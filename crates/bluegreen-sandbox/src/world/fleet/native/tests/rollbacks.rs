//! The ways back.

use bluegreen_core::observe::{AlarmKind, AlarmState};

use super::*;
use crate::world::codedeploy::Function;
use crate::world::{AlarmRecord, Breaker, BreakerThreshold, Monitor};

const ARN: &str = "arn:aws:lambda:eu-west-3:111122223333:function:check";

fn function(stages: &[&str]) -> Value {
    json!({"hookTargetArn": ARN, "roleArn": "arn:aws:iam::1:role/hooks", "lifecycleStages": stages})
}

fn alarms(mut configuration: Value, rollback: bool) -> Value {
    configuration["alarms"] = json!({"alarmNames": ["web-5xx"], "enable": true, "rollback": rollback});
    configuration
}

fn add_alarm(bench: &mut Bench, state: AlarmState) {
    let now = bench.world.now();
    bench.world.change(|stored| {
        let alarm = AlarmRecord { state, ..AlarmRecord::scripted(AlarmKind::Metric, now) };
        stored.alarms.insert("web-5xx".to_owned(), alarm);
    });
}

#[test]
fn a_stop_brings_everything_back_from_every_stage() {
    for stage in Stage::ALL.into_iter().filter(|stage| !matches!(stage, Stage::ReconcileService | Stage::CleanUp)) {
        let mut bench = Bench::new(&canary(20.0, 3));
        let old = bench.service().task_definition.clone().unwrap();
        bench.deploy();
        bench.until(stage);
        bench.pass(100);
        bench.stop();
        assert_eq!(bench.release().status, ReleaseStatus::RollbackRequested);
        bench.stop();
        bench.until_it(|bench| bench.release().status == ReleaseStatus::RollbackInProgress);
        bench.stop();
        bench.assert_back(&old);
        let test = if stage < Stage::TestTrafficShift { vec![100, 0] } else { bench.weights()[1].clone() };
        assert_eq!(test, [100, 0], "{stage:?}");
        assert!(bench.release().rollback.is_some(), "{stage:?}");
        let arn = bench.release().arn.clone();
        assert_eq!(bench.world.roll_back_release(&arn).unwrap_err().code(), "ConflictException");
        bench.deploy();
        bench.until_ended();
        assert_eq!(bench.tasks(), [0, 2], "{stage:?}: the next one goes the same way again");
    }
}

#[test]
fn a_stop_while_it_is_pending_brings_everything_back() {
    let mut bench = Bench::new(&blue_green());
    let old = bench.service().task_definition.clone().unwrap();
    bench.deploy();
    bench.stop();
    bench.assert_back(&old);
}

#[test]
fn old_tasks_that_are_being_stopped_do_not_come_back() {
    let mut bench = Bench::new(&blue_green());
    bench.deploy();
    bench.until(Stage::CleanUp);
    let arn = bench.release().arn.clone();
    assert_eq!(bench.world.roll_back_release(&arn).unwrap_err().code(), "ConflictException");
    bench.until_ended();
    assert_eq!(bench.release().status, ReleaseStatus::Successful);
}

#[test]
fn a_pause_that_is_answered_with_rollback_or_not_at_all_takes_the_deployment_back() {
    for answered in [true, false] {
        let mut hook = pause(&["POST_PRODUCTION_TRAFFIC_SHIFT"]);
        hook["timeoutConfiguration"] = json!({"timeoutInMinutes": 7, "action": "ROLLBACK"});
        let mut bench = Bench::new(&with_hooks(canary(20.0, 0), &json!([hook])));
        let old = bench.service().task_definition.clone().unwrap();
        bench.deploy();
        let paused = bench.until_paused();
        assert_eq!(bench.release().pause().unwrap().expires_at, paused + 7 * MINUTE);
        if answered {
            let release = bench.release();
            let (arn, hook) = (release.arn.clone(), release.pause().unwrap().id.clone());
            bench.world.continue_release(&arn, &hook, false).unwrap();
        } else {
            bench.pass(7 * MINUTE - 1);
            assert_eq!(bench.release().status, ReleaseStatus::InProgress);
            bench.pass(1);
        }
        assert_eq!(bench.release().status, ReleaseStatus::RollbackInProgress);
        let status = if answered { HookStatus::Failed } else { HookStatus::TimedOut };
        assert_eq!(bench.release().hooks[0].status, status);
        bench.assert_back(&old);
    }
}

#[test]
fn a_pause_can_say_that_silence_means_going_on() {
    let mut hook = pause(&["PRE_SCALE_UP"]);
    hook["timeoutConfiguration"] = json!({"timeoutInMinutes": 1, "action": "CONTINUE"});
    let mut bench = Bench::new(&with_hooks(blue_green(), &json!([hook])));
    bench.deploy();
    bench.until_ended();
    assert_eq!(bench.release().status, ReleaseStatus::Successful);
    assert_eq!(bench.release().hooks[0].status, HookStatus::TimedOut);
}

#[test]
fn functions_decide_stage_by_stage_and_are_asked_again_when_traffic_goes_back() {
    // (what stands for the function, whether it comes through, how long that takes at least)
    let table = [
        (Some(Function::Scripted { takes: 0, passes: true }), true, 0),
        (Some(Function::Scripted { takes: 90_000, passes: true }), true, 180_000),
        (Some(Function::Scripted { takes: 90_000, passes: false }), false, 90_000),
        (Some(Function::Command(vec!["true".to_owned()])), true, 0),
        (Some(Function::Command(vec!["false".to_owned()])), false, 0),
        (None, false, 0),
    ];
    for (function_is, passes, least) in table {
        let hook = function(&["POST_SCALE_UP", "TEST_TRAFFIC_SHIFT"]);
        let mut bench = Bench::new(&with_hooks(blue_green(), &json!([hook])));
        if let Some(function) = function_is.clone() {
            bench.world.set_function("check", function);
        }
        let old = bench.service().task_definition.clone().unwrap();
        let began = bench.world.now_ms();
        bench.deploy();
        bench.until_it(|bench| bench.release().status.has_ended() || !bench.world.wanted_hooks().is_empty());
        while let Some(wanted) = bench.world.wanted_hooks().pop() {
            assert!(wanted.event == "POST_SCALE_UP" || wanted.event == "TEST_TRAFFIC_SHIFT", "{wanted:?}");
            let passed = wanted.function == Function::Command(vec!["true".to_owned()]);
            bench.world.answer_hook(&wanted.deployment, &wanted.id, passed).unwrap();
            bench.until_it(|bench| bench.release().status.has_ended() || !bench.world.wanted_hooks().is_empty());
        }
        let took = bench.until_ended() - began;
        assert!(took >= least, "{function_is:?}: {took}");
        if passes {
            assert_eq!(bench.release().status, ReleaseStatus::Successful, "{function_is:?}");
        } else {
            bench.assert_back(&old);
        }
    }
    let hook = function(&["TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "PRE_SCALE_UP"]);
    let mut bench = Bench::new(&with_hooks(canary(10.0, 5), &json!([hook])));
    let old = bench.service().task_definition.clone().unwrap();
    bench.world.set_function(ARN, Function::Scripted { takes: 0, passes: true });
    bench.deploy();
    bench.until(Stage::ProductionTrafficShift);
    bench.pass(MINUTE);
    bench.stop();
    bench.assert_back(&old);
    let ran: Vec<Stage> = bench.release().hooks.iter().map(|hook| hook.stage).collect();
    let [shift, test] = [Stage::ProductionTrafficShift, Stage::TestTrafficShift];
    let expected = [Stage::PreScaleUp, test, shift, shift, test];
    assert_eq!(ran, expected);
}

#[test]
fn the_breaker_ends_a_deployment_whose_tasks_never_start() {
    for rollback in [true, false] {
        let breaker = Some(Breaker { rollback, threshold: BreakerThreshold::Count(3) });
        let mut bench = Bench::with_policy(&blue_green(), RolloutPolicy { breaker, ..RolloutPolicy::default() });
        let old = bench.service().task_definition.clone().unwrap();
        let next = bench.register();
        bench.world.set_behaviour(next.short(), Behaviour::NeverStarts);
        bench.deploy_revision(&next);
        bench.until_ended();
        assert_eq!(bench.release().breaker, Monitor::Triggered);
        if rollback {
            bench.assert_back(&old);
        } else {
            assert_eq!(bench.release().status, ReleaseStatus::Stopped);
            bench.pass(60 * MINUTE);
            assert_eq!((bench.weights()[0].as_slice(), bench.tasks()[0]), ([100, 0].as_slice(), 2));
        }
    }
}

#[test]
fn without_a_breaker_tasks_that_never_become_healthy_are_waited_for_a_day() {
    for behaviour in [Behaviour::NeverStarts, Behaviour::NeverHealthy] {
        let mut bench = Bench::new(&blue_green());
        let old = bench.service().task_definition.clone().unwrap();
        let next = bench.register();
        bench.world.set_behaviour(next.short(), behaviour);
        bench.deploy_revision(&next);
        bench.pass(23 * 60 * MINUTE);
        assert_eq!((bench.stage(), bench.release().status), (Some(Stage::ScaleUp), ReleaseStatus::InProgress));
        bench.pass(2 * 60 * MINUTE);
        bench.assert_back(&old);
    }
}

#[test]
fn an_alarm_that_turns_red_takes_the_deployment_back_and_one_that_was_red_is_ignored() {
    for (before, rollback, status) in [
        (AlarmState::Ok, true, ReleaseStatus::RollbackSuccessful),
        (AlarmState::InsufficientData, true, ReleaseStatus::RollbackSuccessful),
        (AlarmState::Ok, false, ReleaseStatus::Stopped),
        (AlarmState::Alarm, true, ReleaseStatus::Successful),
    ] {
        let mut bench = Bench::new(&alarms(canary(20.0, 5), rollback));
        let old = bench.service().task_definition.clone().unwrap();
        add_alarm(&mut bench, before.clone());
        bench.deploy();
        bench.until(Stage::ProductionTrafficShift);
        bench.pass(MINUTE);
        bench.world.set_alarm("web-5xx", AlarmState::Ok, "");
        assert_eq!(bench.weights()[0], [80, 20]);
        bench.world.set_alarm("web-5xx", AlarmState::Alarm, "");
        let ignored = before == AlarmState::Alarm;
        assert_eq!(bench.release().alarms == Monitor::Disabled, ignored, "{before:?}");
        assert_eq!(bench.release().triggered.is_empty(), ignored, "{before:?}");
        bench.until_ended();
        assert_eq!(bench.release().status, status, "{before:?} {rollback}");
        match status {
            ReleaseStatus::RollbackSuccessful => bench.assert_back(&old),
            ReleaseStatus::Stopped => {
                bench.pass(60 * MINUTE);
                assert_eq!(bench.weights()[0], [80, 20], "it stands where it stopped");
                assert_eq!(bench.tasks(), [2, 2], "with the tasks of both");
            }
            _ => {}
        }
    }
}

#[test]
fn an_alarm_counts_until_the_bake_has_ended() {
    for (stage, status) in
        [(Stage::BakeTime, ReleaseStatus::RollbackSuccessful), (Stage::CleanUp, ReleaseStatus::Successful)]
    {
        let mut bench = Bench::new(&alarms(blue_green(), true));
        add_alarm(&mut bench, AlarmState::Ok);
        bench.deploy();
        bench.until(stage);
        bench.pass(100);
        bench.world.set_alarm("web-5xx", AlarmState::Alarm, "");
        bench.until_ended();
        assert_eq!(bench.release().status, status, "{stage:?}");
    }
}
