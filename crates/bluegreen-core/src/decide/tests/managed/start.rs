//! One deployment for one run: when it is started, found, and refused.

use super::*;
use crate::journal::Verb;
use crate::observe::AlarmState;
use crate::ports::ErrorClass;

const LIMIT: &str = "DeploymentLimitExceededException: d-7 is under way";

#[test]
fn alarms_then_revision_then_config_then_start() {
    let mut plan = codedeploy_plan();
    if let Engine::CodeDeploy(engine) = &mut plan.engine {
        engine.create_config = true;
    }
    let mut bench = Bench::untouched(&plan);
    assert_eq!(bench.decide(), "note green at start");
    bench.fact(Fact::GreenAtStart);
    assert_eq!(bench.decide(), "act register");
    bench.registered();
    assert_eq!(bench.decide(), "act create config");
    let intent = bench.intent(Mutation::CreateConfig);
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    assert_eq!(bench.decide(), "act start");
}

#[test]
fn a_config_that_exists_is_the_one_that_was_wanted() {
    let mut plan = codedeploy_plan();
    if let Engine::CodeDeploy(engine) = &mut plan.engine {
        engine.create_config = true;
    }
    let mut bench = Bench::managed(&plan);
    bench.fails(Mutation::CreateConfig, ErrorClass::Invalid, "DeploymentConfigAlreadyExistsException: x");
    assert_eq!(bench.decide(), "note config ready");
    bench.fact(Fact::ConfigReady);
    assert_eq!(bench.decide(), "act start");
    let mut bench = Bench::managed(&plan);
    bench.fails(Mutation::CreateConfig, ErrorClass::Denied, "no");
    assert_eq!(bench.decide(), "note restoring: AWS refused: x denied: no");
}

#[test]
fn a_start_in_doubt_is_looked_for_by_its_mark_before_it_is_sent_again() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.start_in_doubt();
    assert_eq!(bench.decide(), "wait: whether the deployment was started");
    bench.sees_ours(ours());
    assert_eq!(bench.decide(), "note found d-1 by user");
    bench.sees(ManagedDeployments::default());
    bench.pass_time(29);
    assert_eq!(bench.decide(), "wait: whether the deployment was started");
    bench.pass_time(2);
    assert_eq!(bench.decide(), "act start");
}

#[test]
fn an_old_answer_does_not_settle_a_doubt() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.start_in_doubt();
    let read_before = bench.now;
    bench.pass_time(60);
    bench.seen.deployments.as_mut().unwrap().seen_at = read_before;
    assert_eq!(bench.decide(), "wait: whether the deployment was started");
}

#[test]
fn a_mark_of_another_run_is_not_ours() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.start_in_doubt();
    bench.sees_ours(ManagedDeployment { run: "20261123t060512z-front-0000ff".parse().ok(), ..ours() });
    assert_eq!(bench.decide(), "wait: whether the deployment was started");
}

#[test]
fn a_start_that_told_no_id_is_found_and_never_repeated() {
    let mut bench = Bench::managed(&ecs_plan());
    let intent = bench.intent(Mutation::StartDeployment);
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    bench.pass_time(300);
    assert_eq!(bench.decide(), "wait: the deployment that was started to be listed");
    bench.sees_ours(ours());
    assert_eq!(bench.decide(), "note found d-1 by user");
    bench.sees(ManagedDeployments::default());
    bench.pass_time(700);
    assert!(bench.decide().starts_with("note restoring: deadline passed"), "{}", bench.decide());
}

#[test]
fn somebody_elses_deployment_refuses_ours() {
    let mut bench = Bench::managed(&codedeploy_plan());
    let others = vec![deployment("d-7")];
    bench.sees(ManagedDeployments { others: others.clone(), ..ManagedDeployments::default() });
    let refusal = "finish Refused: deployment d-7 by user, made 2026-11-23T06:00:00Z is under way, and it is not this \
                   run's: let it end, or stop it, and try again";
    assert_eq!(bench.decide(), refusal);
    bench.start_in_doubt();
    assert_eq!(bench.decide(), "wait: whether the deployment was started", "which of the two is ours is not known");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note never started");
    bench.fact(Fact::DeploymentNeverStarted);
    assert_eq!(bench.decide(), refusal);
}

#[test]
fn a_limit_is_resolved_into_ours_or_a_foreign_one() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.fails(Mutation::StartDeployment, ErrorClass::Invalid, LIMIT);
    assert_eq!(
        bench.decide(),
        "wait: before trying again: x refused as invalid: DeploymentLimitExceededException: d-7 is under way"
    );
    bench.sees_ours(ours());
    assert_eq!(bench.decide(), "note found d-1 by user");
    bench.sees(ManagedDeployments { others: vec![deployment("d-7")], ..ManagedDeployments::default() });
    assert!(bench.decide().starts_with("finish Refused: deployment d-7 by user"));
    bench.sees(ManagedDeployments::default());
    bench.pass_time(11);
    assert_eq!(bench.decide(), "act start", "whoever was there has gone");
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.fails(Mutation::StartDeployment, ErrorClass::Denied, "no");
    assert_eq!(bench.decide(), "note restoring: AWS refused: x denied: no");
}

#[test]
fn nothing_is_started_while_paused_blind_or_red() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.take("c1", Verb::Pause);
    assert_eq!(bench.decide(), "wait: paused by ann: `promote` goes on");
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.seen.deployments.as_mut().unwrap().value = Err(super::super::bench::failed(ErrorClass::Throttled));
    assert!(bench.decide().starts_with("wait: cannot look"), "{}", bench.decide());
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.seen.alarms.value.as_mut().unwrap()[0].state = AlarmState::Alarm;
    assert!(bench.decide().starts_with("note restoring: alarm 5xx is red"));
    let mut bench = Bench::untouched(&codedeploy_plan());
    bench.seen.alarms.value.as_mut().unwrap()[0].state = AlarmState::Alarm;
    assert!(bench.decide().starts_with("finish Refused: alarm 5xx is red"));
}

#[test]
fn an_answer_that_does_not_know_our_deployment_is_old() {
    let missing = || Err(super::super::bench::failed(ErrorClass::NotFound));
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.seen.deployments.as_mut().unwrap().value = missing();
    assert!(bench.decide().starts_with("finish Held: something that the plan needs is gone"), "{}", bench.decide());
    bench.started();
    bench.seen.deployments.as_mut().unwrap().value = missing();
    assert!(bench.decide().starts_with("wait: cannot look"), "{}", bench.decide());
    bench.pass_time(901);
    assert!(bench.decide().starts_with("note restoring: deadline passed"), "{}", bench.decide());
}

#[test]
fn what_changed_since_the_plan_is_found_before_the_start() {
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.shows(100);
    assert_eq!(bench.decide(), "note drift");
    let mut bench = Bench::managed(&codedeploy_plan());
    plain_forward(&mut bench);
    assert_eq!(bench.decide(), "act start", "the same split in AWS's own form");
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.seen.services.value.as_mut().unwrap().blue = service(Color::Blue, "web:9", 4);
    assert!(bench.decide().contains("someone else deployed"), "{}", bench.decide());
}

#[test]
fn a_mark_on_another_revision_is_not_ours() {
    // In ECS the mark stands in the service's settings, and whoever deploys next inherits it.
    let mut bench = Bench::managed(&ecs_plan());
    bench.start_in_doubt();
    bench.sees_ours(ManagedDeployment { task_definition: Some(revision("web:9")), ..ours() });
    assert_eq!(
        bench.decide(),
        "finish Held: deployment d-1 by user, made 2026-11-23T06:00:00Z carries this run's mark and brings web:9: \
         someone else deployed over it"
    );
}
