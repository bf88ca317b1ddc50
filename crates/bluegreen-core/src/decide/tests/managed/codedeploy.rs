//! CodeDeploy moves by its own intervals; the first wait, the gate and the end are ours.

use super::*;
use crate::journal::Verb;

fn at_ten() -> Bench {
    let mut bench = Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Ready);
    bench.continued(DeploymentWait::Ready);
    bench.waits_no_more();
    bench.moved_to(0, 100);
    bench
}

fn at_the_end() -> Bench {
    let mut bench = at_ten();
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    bench.moved_to(2, 1000);
    bench.waits(&DeploymentWait::Termination);
    bench
}

#[test]
fn every_event_stage_and_weight_is_written_down_once() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.started();
    bench.change_ours(|ours| {
        ours.events =
            vec![event("BeforeInstall", "Succeeded"), event("Install", "InProgress"), event("End", "Pending")];
        ours.stage = Some("Install".into());
    });
    assert_eq!(bench.decide(), "note d-1 0 BeforeInstall Succeeded");
    bench.notes();
    assert_eq!(bench.decide(), "wait: AWS to bring green up (at Install)");
    bench.change_ours(|ours| ours.events[0].status = "InProgress".into());
    assert!(bench.decide().starts_with("wait"), "an old answer takes nothing back");
    bench.change_ours(|ours| {
        ours.events[1].status = "Succeeded".into();
        ours.stage = Some("Rewiring".into());
    });
    assert_eq!(bench.decide(), "note d-1 1 Install Succeeded");
    bench.fact(Fact::Lifecycle { deployment: id("d-1"), place: 1, event: event("Install", "Succeeded") });
    assert_eq!(bench.decide(), "note d-1 at Rewiring", "a stage that this version does not know");
}

#[test]
fn a_stage_that_comes_again_is_told_again_when_the_answer_cannot_be_old() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.started();
    let stage =
        |bench: &mut Bench, name: &str| bench.change_ours(|ours| ours.events = vec![event(name, "IN_PROGRESS")]);
    stage(&mut bench, "BEFORE_SHIFT");
    bench.notes();
    stage(&mut bench, "SHIFT");
    assert_eq!(bench.decide(), "note d-1 0 SHIFT IN_PROGRESS");
    bench.notes();
    stage(&mut bench, "BEFORE_SHIFT");
    assert!(bench.decide().starts_with("wait"), "{}", bench.decide());
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note d-1 0 BEFORE_SHIFT IN_PROGRESS");
}

#[test]
fn the_first_wait_is_ended_when_the_new_version_is_fit() {
    let mut plan = codedeploy_plan();
    plan.pre_traffic = super::plan().pre_traffic;
    await_first(&mut plan);
    let mut bench = Bench::managed(&plan);
    bench.started();
    assert_eq!(bench.decide(), "wait: AWS to bring green up");
    bench.change_ours(|ours| ours.waits_for = Some(DeploymentWait::Ready));
    assert_eq!(bench.decide(), "note d-1 waits at READY_WAIT");
    bench.notes();
    bench.seen.health.green.value.as_mut().unwrap().healthy = 3;
    assert_eq!(bench.decide(), "wait: green to become healthy: 3 of 4 targets are healthy");
    bench.seen.health.green.value.as_mut().unwrap().healthy = 4;
    assert_eq!(bench.decide(), "note canary healthy 4");
    bench.fact(Fact::CanaryHealthy { healthy: 4 });
    assert_eq!(bench.decide(), "act run hook 0");
    bench.hook_passed();
    bench.pass_time(10);
    assert_eq!(bench.decide(), "wait: `promote` to go on");
    bench.take("c1", Verb::Promote);
    bench.fact(Fact::StepPassed { step: 0, why: String::new() });
    assert_eq!(bench.decide(), "act continue d-1 at READY_WAIT");
    bench.take("c2", Verb::Pause);
    assert_eq!(bench.decide(), "wait: paused by ann: `promote` goes on");
}

#[test]
fn weights_pass_by_what_is_read_back() {
    let mut bench = Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Ready);
    assert_eq!(bench.decide(), "act continue d-1 at READY_WAIT");
    bench.continued(DeploymentWait::Ready);
    assert_eq!(bench.decide(), "wait: AWS to move traffic to 10%", "an old answer still shows the wait");
    bench.waits_no_more();
    bench.shows(100);
    assert!(bench.decide().starts_with("note shifted"), "{}", bench.decide());
    bench.notes();
    assert_eq!(bench.decide(), "note step 0 verified");
    bench.fact(Fact::StepVerified(0));
    assert_eq!(bench.decide(), "wait: CodeDeploy's own interval of 5m, which cannot be shortened");
    bench.take("c1", Verb::Promote);
    assert!(bench.decide().starts_with("wait: CodeDeploy's own interval"));
    bench.pass_time(300);
    bench.shows(1000);
    bench.notes();
    assert_eq!(bench.decide(), "note step 1 passed: CodeDeploy has gone on to 100%");
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(bench.decide(), "note step 2 verified");
}

#[test]
fn a_group_without_a_wait_goes_on_by_itself() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.started();
    bench.shows(100);
    bench.notes();
    assert_eq!(bench.decide(), "note step 0 verified");
}

#[test]
fn an_interval_has_its_own_time_and_a_deadline_after_it() {
    let mut bench = at_ten();
    bench.pass_time(1199);
    assert!(bench.decide().starts_with("wait"));
    bench.pass_time(1);
    assert!(bench.decide().starts_with("note restoring: deadline passed"), "{}", bench.decide());
}

#[test]
fn the_bake_is_ours_and_the_old_tasks_go_after_the_commit() {
    let mut bench = at_the_end();
    assert_eq!(bench.decide(), "wait: bake of 15m");
    bench.pass_time(900);
    assert_eq!(bench.decide(), "note step 3 passed: bake of 15m is over");
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    assert_eq!(bench.decide(), "note committed");
    bench.fact(Fact::Committed);
    assert_eq!(bench.decide(), "act continue d-1 at TERMINATION_WAIT");
    bench.continued(DeploymentWait::Termination);
    assert_eq!(bench.decide(), "wait: AWS to end the old version's tasks");
    bench.waits_no_more();
    bench.status(DeploymentStatus::Succeeded);
    assert_eq!(bench.decide(), "note d-1 ended Succeeded");
    bench.notes();
    assert_eq!(bench.decide(), "finish Promoted: web:2 has all traffic on every route, read back and healthy");
}

#[test]
fn a_full_promotion_during_the_bake_ends_it() {
    let mut bench = at_ten();
    bench.take("c1", Verb::PromoteFull);
    bench.pass_time(300);
    bench.shows(1000);
    bench.notes();
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    bench.pass_time(1);
    bench.fact(Fact::StepVerified(2));
    bench.waits(&DeploymentWait::Termination);
    assert_eq!(bench.decide(), "wait: bake of 15m", "what was given before keeps the bake");
    bench.take("c2", Verb::PromoteFull);
    assert_eq!(bench.decide(), "note step 3 passed: promoted in full by ann");
}

#[test]
fn success_is_read_back_before_it_is_told() {
    let mut bench = at_the_end();
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.seen.health.green.value.as_mut().unwrap().healthy = 3;
    assert_eq!(bench.decide(), "note canary unhealthy: 3 of 4 targets are healthy");
    let mut bench = at_the_end();
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.waits_no_more();
    assert_eq!(bench.decide(), "wait: AWS to be done with moving traffic", "its last hook may still fail");
    bench.fact(Fact::Committed);
    bench.status(DeploymentStatus::Succeeded);
    bench.notes();
    bench.seen.health.green.value.as_mut().unwrap().healthy = 3;
    assert_eq!(bench.decide(), "wait: routes and services to be readable");
    bench.pass_time(901);
    assert_eq!(
        bench.decide(),
        "finish Held: promoted, but the deployment was not brought to its end: still waiting for 3 of 4 targets of \
         green to be healthy"
    );
}

#[test]
fn a_deployment_that_ended_early_leaves_no_bake() {
    let mut bench = at_the_end();
    bench.waits_no_more();
    bench.status(DeploymentStatus::Succeeded);
    bench.notes();
    assert_eq!(bench.decide(), "note step 3 passed: the deployment is complete: the old version is gone");
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    assert_eq!(bench.decide(), "note committed");
}

#[test]
fn what_happens_after_the_commit_is_told() {
    let mut bench = at_the_end();
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.fact(Fact::Committed);
    bench.status(DeploymentStatus::Stopping);
    bench.notes();
    assert_eq!(bench.decide(), "finish Held: promoted, but deployment d-1 is being taken back, afterwards");
}

#[test]
fn statuses_and_stages_of_tomorrow_are_not_the_end() {
    let mut bench = at_ten();
    bench.status(DeploymentStatus::Unknown("Marinating".into()));
    assert!(bench.decide().starts_with("wait: CodeDeploy's own interval"));
}

#[test]
fn weights_that_nobody_of_this_run_asked_for_are_drift() {
    let mut bench = at_ten();
    bench.shows(370);
    assert_eq!(bench.decide(), "note drift");
    let mut bench = at_ten();
    bench.shows(0);
    bench.pass_time(1);
    assert!(bench.decide().starts_with("wait"), "an answer that may be old: {}", bench.decide());
    bench.pass_time(31);
    assert!(bench.decide().starts_with("note shifted"), "{}", bench.decide());
    bench.notes();
    assert!(bench.decide().starts_with("wait"), "AWS may be on its way back: {}", bench.decide());
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note drift");
}

#[test]
fn what_goes_on_by_itself_is_not_held() {
    let drifted = |bench: &mut Bench| {
        bench.found(forward(&[("blue", 63), ("green", 37)], None));
        let decided = bench.decide();
        assert!(decided.starts_with("note drift"), "{decided}");
        let route = bench.seen.routes.value.as_ref().unwrap()[0].clone();
        bench.fact(Fact::Drift { route: route.id, expected: Vec::new(), found: route.actions });
        bench.decide()
    };
    let mut plan = codedeploy_plan();
    plan.drift = crate::model::DriftPolicy::Hold;
    let mut bench = Bench::at_first_wait(&plan, &DeploymentWait::Ready);
    assert!(drifted(&mut bench).starts_with("finish Held"), "it waits for us there");
    let mut bench = Bench::at_first_wait(&plan, &DeploymentWait::Ready);
    bench.continued(DeploymentWait::Ready);
    bench.waits_no_more();
    bench.moved_to(0, 100);
    let decided = drifted(&mut bench);
    assert!(decided.starts_with("note restoring: drift"), "{decided}");
    let mut bench = at_ten();
    bench.seen.interrupted = true;
    assert_eq!(
        bench.decide(),
        "leave: interrupted; CodeDeploy goes on by itself, and no alarm stops it before `resume`"
    );
}
