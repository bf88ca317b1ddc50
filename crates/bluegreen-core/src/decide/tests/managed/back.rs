//! The way back: stopped, followed to the end, and verified; never taken for done.

use super::*;
use crate::journal::{Cause, Verb};
use crate::model::DriftPolicy;
use crate::ports::ErrorClass;

fn restoring(plan: &Plan) -> Bench {
    let wait = if plan.engine.word() == "ecs" { pause("h1") } else { DeploymentWait::Ready };
    let mut bench = Bench::at_first_wait(plan, &wait);
    bench.continued(wait);
    bench.waits_no_more();
    bench.moved_to(0, 100);
    bench.restoring();
    bench
}

fn rollback_deployment() -> ManagedDeployment {
    ManagedDeployment { creator: "codeDeployRollback".into(), rollback_of: Some(id("d-1")), ..deployment("d-2") }
}

#[test]
fn a_red_alarm_stops_the_deployment_and_follows_the_rollback_to_its_end() {
    let mut bench = restoring(&codedeploy_plan());
    assert_eq!(bench.decide(), "act stop d-1");
    bench.stopped();
    assert_eq!(bench.decide(), "wait: AWS to take deployment d-1 back");
    bench.status(DeploymentStatus::Stopped);
    assert_eq!(bench.decide(), "note d-1 ended Stopped");
    bench.notes();
    assert_eq!(bench.decide(), "wait: what takes deployment d-1 back to show");
    bench.change_ours(|ours| ours.rolled_back_by = Some(id("d-2")));
    bench.pass_time(40);
    assert_eq!(bench.decide(), "wait: rollback deployment d-2 to be readable");
    bench.seen.deployments.as_mut().unwrap().value.as_mut().unwrap().rollback = Some(rollback_deployment());
    assert_eq!(bench.decide(), "note rollback d-2");
    bench.notes();
    assert_eq!(bench.decide(), "wait: rollback deployment d-2 to end");
    let seen = bench.seen.deployments.as_mut().unwrap().value.as_mut().unwrap();
    seen.rollback.as_mut().unwrap().status = DeploymentStatus::Succeeded;
    assert_eq!(bench.decide(), "note d-2 ended Succeeded");
    bench.notes();
    assert!(bench.decide().ends_with("the rule to be back at its baseline"), "{}", bench.decide());
    plain_forward(&mut bench);
    bench.notes();
    assert_eq!(bench.decide(), "wait: reads that are newer than AWS's last write");
    bench.pass_time(31);
    bench.notes();
    assert_eq!(bench.decide(), "note traffic restored", "a plain forward that came back as 100 and 0 is the baseline");
    bench.fact(Fact::TrafficRestored);
    assert_eq!(bench.decide(), "finish RolledBack: the baseline was restored and read back; alarm 5xx is red: red");
}

#[test]
fn ecs_goes_back_within_the_same_deployment_and_the_settings_follow() {
    let mut bench = restoring(&ecs_plan());
    bench.stopped();
    bench.status(DeploymentStatus::RollingBack);
    bench.notes();
    assert_eq!(bench.decide(), "wait: AWS to take deployment d-1 back");
    bench.pass_time(60);
    assert_eq!(bench.decide(), "wait: AWS to take deployment d-1 back", "it is not stopped a second time");
    bench.status(DeploymentStatus::RolledBack);
    plain_forward(&mut bench);
    bench.notes();
    bench.pass_time(31);
    bench.notes();
    assert_eq!(bench.decide(), "note traffic restored");
    bench.fact(Fact::TrafficRestored);
    bench.settings(configuration());
    assert_eq!(bench.decide(), "act restore settings");
    bench.intent(Mutation::RestoreSettings);
    bench.settings(declared());
    assert_eq!(bench.decide(), "note settings restored");
    bench.fact(Fact::SettingsRestored);
    assert!(bench.decide().starts_with("finish RolledBack"));
}

#[test]
fn nothing_started_is_nothing_to_take_back() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.take("c1", Verb::Abort);
    assert_eq!(bench.decide(), "note restoring: aborted by ann");
    bench.fact(Fact::Restoring(Cause::Abort("ann".into())));
    assert_eq!(bench.decide(), "note traffic restored");
    bench.fact(Fact::TrafficRestored);
    assert_eq!(bench.decide(), "finish Aborted: the baseline was restored and read back; aborted by ann");
    bench.shows(100);
    assert!(bench.decide().starts_with("finish Held: nothing was started, but"));
}

#[test]
fn a_start_in_doubt_is_found_out_before_anything_is_called_restored() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.start_in_doubt();
    bench.restoring();
    assert_eq!(bench.decide(), "wait: whether the deployment was started");
    bench.sees_ours(ours());
    assert_eq!(bench.decide(), "note found d-1 by user");
    bench.sees(ManagedDeployments::default());
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note never started");
    bench.fact(Fact::DeploymentNeverStarted);
    assert_eq!(bench.decide(), "note traffic restored");
    let mut bench = Bench::managed(&ecs_plan());
    let intent = bench.intent(Mutation::StartDeployment);
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    bench.restoring();
    bench.pass_time(599);
    assert_eq!(bench.decide(), "wait: the deployment that was started to be listed");
    bench.pass_time(1);
    assert_eq!(
        bench.decide(),
        "finish RollbackFailed: the baseline could not be restored and verified: still waiting for the deployment that \
         was started to be listed"
    );
}

#[test]
fn a_stop_needs_no_eyes_and_is_tried_again() {
    let mut bench = restoring(&codedeploy_plan());
    bench.seen.deployments.as_mut().unwrap().value = Err(super::super::bench::failed(ErrorClass::Throttled));
    bench.seen.routes.value = Err(super::super::bench::failed(ErrorClass::Throttled));
    assert_eq!(bench.decide(), "act stop d-1");
    bench.stopped();
    assert_eq!(bench.decide(), "wait: AWS to take deployment d-1 back");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "act stop d-1");
    bench.fails(Mutation::StopDeployment { deployment: id("d-1") }, ErrorClass::Denied, "no");
    assert!(bench.decide().starts_with("wait: before trying again"));
    bench.pass_time(600);
    assert_eq!(bench.decide(), "finish RollbackFailed: the baseline could not be restored and verified: x denied: no");
}

#[test]
fn a_success_that_came_first_is_held_for_a_person() {
    let mut bench = restoring(&ecs_plan());
    bench.status(DeploymentStatus::Succeeded);
    bench.notes();
    bench.settings(declared());
    bench.pass_time(40);
    assert_eq!(bench.decide(), "note settings restored");
    bench.fact(Fact::SettingsRestored);
    assert_eq!(
        bench.decide(),
        "finish Held: deployment d-1 was promoted before it could be stopped: `undo` releases the old version again \
         (alarm 5xx is red: red)"
    );
}

#[test]
fn aws_going_back_by_itself_is_a_failed_release() {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.change_ours(|ours| {
        ours.status = DeploymentStatus::RollingBack;
        ours.why = Some("circuit breaker".into());
    });
    assert_eq!(bench.decide(), "note d-1 turned back");
    bench.notes();
    assert_eq!(bench.decide(), "note restoring: deployment d-1 is being taken back: circuit breaker");
    let mut bench = Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Ready);
    bench.status(DeploymentStatus::Stopped);
    bench.notes();
    assert_eq!(bench.decide(), "note restoring: deployment d-1 was stopped");
    bench.fact(Fact::Restoring(Cause::TakenBack("deployment d-1 was stopped".into())));
    bench.pass_time(31);
    bench.notes();
    assert_eq!(bench.decide(), "note traffic restored", "nothing had moved, so nothing takes it back");
}

#[test]
fn a_rollback_that_leaves_traffic_behind_has_failed() {
    let mut bench = restoring(&ecs_plan());
    bench.status(DeploymentStatus::Failed);
    bench.notes();
    bench.pass_time(599);
    assert!(bench.decide().ends_with("to be back at its baseline"), "{}", bench.decide());
    bench.pass_time(1);
    assert!(bench.decide().starts_with("finish RollbackFailed: the baseline could not be restored and verified"));
}

#[test]
fn weights_that_codedeploy_leaves_behind_are_put_back() {
    let mut bench = restoring(&codedeploy_plan());
    bench.status(DeploymentStatus::Failed);
    bench.notes();
    assert_eq!(bench.decide(), "wait: what takes deployment d-1 back to show");
    bench.pass_time(31);
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    assert_eq!(bench.decide(), "wait: blue to have a healthy target to go back to");
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 4;
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    let baseline = forward(&[("blue", 1)], None);
    bench.sent(crate::journal::Purpose::Restore, baseline.clone());
    assert_eq!(bench.decide(), "wait: the baseline to show");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    bench.sent(crate::journal::Purpose::Restore, baseline.clone());
    bench.found(baseline);
    assert_eq!(bench.decide(), "wait: reads that are newer than AWS's last write");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note traffic restored");
}

#[test]
fn an_old_version_without_tasks_is_no_baseline() {
    let mut bench = restoring(&ecs_plan());
    bench.status(DeploymentStatus::RolledBack);
    plain_forward(&mut bench);
    bench.pass_time(40);
    bench.notes();
    bench.pass_time(40);
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 3;
    assert_eq!(bench.decide(), "wait: 4 healthy targets of blue: it has 3");
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 4;
    assert_eq!(bench.decide(), "note traffic restored");
}

#[test]
fn somebody_elses_deployment_over_ours_is_held_or_taken_back() {
    let others = |bench: &mut Bench| {
        let seen = bench.seen.deployments.as_mut().unwrap().value.as_mut().unwrap();
        seen.others = vec![deployment("d-7")];
    };
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    others(&mut bench);
    assert!(bench.decide().starts_with("finish Held: deployment d-7 by user"), "{}", bench.decide());
    let mut plan = ecs_plan();
    plan.drift = DriftPolicy::Rollback;
    let mut bench = Bench::at_first_wait(&plan, &pause("h1"));
    others(&mut bench);
    assert!(bench.decide().starts_with("note restoring: drift: deployment d-7"), "{}", bench.decide());
    bench.restoring();
    bench.status(DeploymentStatus::Stopped);
    bench.notes();
    bench.pass_time(31);
    assert!(
        bench.decide().starts_with("finish Held: deployment d-1 has ended, and deployment d-7"),
        "{}",
        bench.decide()
    );
}
