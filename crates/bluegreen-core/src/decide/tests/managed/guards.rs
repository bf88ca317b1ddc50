//! Each guard fires on its own, without the decider's help.

use super::*;
use crate::decide::guard::{Veto, check};
use crate::journal::{Purpose, Verb};
use crate::observe::AlarmState;
use crate::ports::{ErrorClass, ServiceChange};

fn veto(bench: &Bench, mutation: &Mutation) -> String {
    match check(&bench.state, &bench.seen, bench.now, mutation) {
        Ok(()) => "ok".into(),
        Err(Veto::NotNow(why)) => format!("not now: {why}"),
        Err(Veto::Never(why)) => format!("never: {why}"),
    }
}

fn go_on(wait: DeploymentWait) -> Mutation {
    Mutation::Continue { deployment: id("d-1"), wait }
}

fn stop() -> Mutation {
    Mutation::StopDeployment { deployment: id("d-1") }
}

#[test]
fn managed_plans_write_no_weights_and_others_start_no_deployments() {
    let bench = Bench::managed(&codedeploy_plan());
    let nobody = "never: AWS moves this plan's traffic and tasks, and nobody else does";
    let actions = forward(&[("blue", 90), ("green", 10)], None);
    let set = Mutation::SetActions { route: super::super::bench::rule(), actions, purpose: Purpose::Restore };
    assert_eq!(veto(&bench, &set), nobody);
    let change = ServiceChange { color: Color::Green, task_definition: None, desired: Some(4) };
    assert_eq!(veto(&bench, &Mutation::UpdateService(change)), nobody);
    let no_such_thing = "never: the plan's engine does no such thing";
    assert_eq!(veto(&bench, &Mutation::CreateConfig), no_such_thing, "the plan's configuration exists");
    assert_eq!(veto(&bench, &Mutation::RestoreSettings), no_such_thing);
    assert_eq!(veto(&Bench::at_step(0), &Mutation::StartDeployment), no_such_thing);
    assert_eq!(veto(&Bench::at_step(0), &stop()), no_such_thing);
}

#[test]
fn weights_are_put_back_only_when_codedeploy_has_failed_for_good() {
    use crate::observe::DeploymentStatus::{Failed, Stopped, Succeeded};
    let restore = Mutation::SetActions {
        route: super::super::bench::rule(),
        actions: forward(&[("blue", 1)], None),
        purpose: Purpose::Restore,
    };
    let nobody = "never: AWS moves this plan's traffic and tasks, and nobody else does";
    let ended = |bench: &mut Bench, name: &str, status| {
        bench.fact(Fact::DeploymentEnded { deployment: id(name), status, why: None });
    };
    for (plan, wait) in [(codedeploy_plan(), DeploymentWait::Ready), (ecs_plan(), pause("h1"))] {
        let codedeploy = plan.engine.word() == "codedeploy";
        let mut bench = Bench::at_first_wait(&plan, &wait);
        bench.restoring();
        assert_eq!(veto(&bench, &restore), nobody, "under way");
        ended(&mut bench, "d-1", Stopped);
        assert_eq!(veto(&bench, &restore), if codedeploy { "ok" } else { nobody });
        bench.fact(Fact::RollbackFound { deployment: id("d-2") });
        assert_eq!(veto(&bench, &restore), nobody, "it is being taken back");
        ended(&mut bench, "d-2", Failed);
        assert_eq!(veto(&bench, &restore), if codedeploy { "ok" } else { nobody });
        ended(&mut bench, "d-2", Succeeded);
        assert_eq!(veto(&bench, &restore), nobody, "it was taken back");
    }
    let mut bench = Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Ready);
    ended(&mut bench, "d-1", Failed);
    assert_eq!(veto(&bench, &restore), "never: the baseline is restored only after the goal was flipped");
}

#[test]
fn a_start_needs_green_eyes_and_an_empty_stage() {
    let start = Mutation::StartDeployment;
    let fresh = || Bench::managed(&codedeploy_plan());
    assert_eq!(veto(&fresh(), &start), "ok");
    let mut bench = fresh();
    bench.restoring();
    assert_eq!(veto(&bench, &start), "never: no forward write after the run turned back");
    let mut bench = fresh();
    bench.take("c1", Verb::Abort);
    assert_eq!(veto(&bench, &start), "never: no forward write after the run turned back");
    let bench = Bench::untouched(&codedeploy_plan());
    assert_eq!(veto(&bench, &start), "never: a phase before the start was left out");
    let mut bench = fresh();
    bench.seen.alarms.value.as_mut().unwrap()[0].state = AlarmState::Alarm;
    assert_eq!(veto(&bench, &start), "not now: alarm 5xx is red");
    let mut bench = fresh();
    bench.seen.interrupted = true;
    assert_eq!(veto(&bench, &start), "not now: the run was told to stop");
    let mut bench = fresh();
    bench.sees(ManagedDeployments { others: vec![deployment("d-7")], ..ManagedDeployments::default() });
    assert_eq!(veto(&bench, &start), "not now: deployment d-7 by someone else is under way");
    let mut bench = fresh();
    bench.seen.deployments.as_mut().unwrap().value = Err(super::super::bench::failed(ErrorClass::Throttled));
    assert_eq!(veto(&bench, &start), "not now: the service's deployments cannot be read");
    let mut bench = fresh();
    bench.seen.deployments.as_mut().unwrap().seen_at = "2026-11-23T05:00:00Z".parse().unwrap();
    assert_eq!(veto(&bench, &start), "not now: the service's deployments were read too long ago");
    let mut bench = fresh();
    bench.seen.services.value.as_mut().unwrap().blue = service(Color::Blue, "web:9", 4);
    assert_eq!(veto(&bench, &start), "not now: the service runs web:9 by now");
}

#[test]
fn nothing_is_started_twice() {
    let start = Mutation::StartDeployment;
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.start_in_doubt();
    bench.take("c1", Verb::Promote);
    assert_eq!(veto(&bench, &start), "not now: a start that is in doubt may still show up");
    bench.pass_time(31);
    assert_eq!(veto(&bench, &start), "ok");
    bench.sees_ours(ours());
    assert_eq!(veto(&bench, &start), "not now: a start that is in doubt may still show up");
    let mut bench = Bench::managed(&ecs_plan());
    let intent = bench.intent(start.clone());
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    bench.pass_time(31);
    assert_eq!(veto(&bench, &start), "never: this run has started its deployment already");
    let mut bench = Bench::managed(&codedeploy_plan());
    bench.started();
    bench.sees(ManagedDeployments::default());
    assert_eq!(veto(&bench, &start), "never: this run has started its deployment already");
}

#[test]
fn traffic_is_given_by_its_own_step_and_its_own_wait() {
    let fresh = || Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    assert_eq!(veto(&fresh(), &go_on(pause("h1"))), "ok");
    let other = Mutation::Continue { deployment: id("d-7"), wait: pause("h1") };
    assert_eq!(veto(&fresh(), &other), "never: the deployment is not the one that this run started");
    assert_eq!(veto(&fresh(), &go_on(pause("h2"))), "not now: the deployment does not wait there any more");
    let mut bench = fresh();
    bench.continued(pause("h1"));
    bench.waits(&pause("h2"));
    assert_eq!(
        veto(&bench, &go_on(pause("h2"))),
        "never: this step's wait was ended before: the next one belongs to the next step"
    );
    let mut bench = fresh();
    bench.continued(pause("h1"));
    bench.fact(Fact::StepVerified(0));
    assert_eq!(veto(&bench, &go_on(pause("h1"))), "never: the step under way moves no traffic");
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(veto(&bench, &go_on(pause("h1"))), "never: this wait belonged to another step");
    let mut bench = fresh();
    bench.status(DeploymentStatus::RollingBack);
    assert_eq!(veto(&bench, &go_on(pause("h1"))), "not now: the deployment is on its way back");
    let user = DeploymentWait::Pause { hook: "x".into(), stage: "POST_SCALE_UP".into() };
    let mut bench = fresh();
    bench.change_ours(|ours| ours.waits_for = Some(user.clone()));
    assert_eq!(veto(&bench, &go_on(user)), "never: somebody else's pause is not ended by this run");
}

#[test]
fn traffic_is_given_through_every_gate() {
    let go_on = go_on(DeploymentWait::Ready);
    let fresh = || Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Ready);
    assert_eq!(veto(&fresh(), &go_on), "ok");
    let mut bench = fresh();
    bench.restoring();
    assert_eq!(veto(&bench, &go_on), "never: no forward write after the run turned back");
    let mut bench = fresh();
    bench.take("c1", Verb::Pause);
    assert_eq!(veto(&bench, &go_on), "not now: the run was told to stop");
    let mut bench = fresh();
    bench.seen.alarms.value.as_mut().unwrap()[0].state = AlarmState::InsufficientData;
    assert_eq!(veto(&bench, &go_on), "not now: alarm 5xx has insufficient data");
    let mut bench = fresh();
    bench.seen.health.green.value.as_mut().unwrap().healthy = 3;
    assert_eq!(veto(&bench, &go_on), "not now: 3 of 4 canary targets are healthy");
    let mut bench = fresh();
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    assert!(veto(&bench, &go_on).starts_with("not now: the old version, which a rollback would need"));
    let mut plan = codedeploy_plan();
    plan.pre_traffic = super::plan().pre_traffic;
    let bench = Bench::at_first_wait(&plan, &DeploymentWait::Ready);
    assert_eq!(veto(&bench, &go_on), "never: a phase before the first step was left out");
}

#[test]
fn the_old_version_goes_after_the_commit_alone() {
    let last = go_on(DeploymentWait::Termination);
    let mut bench = Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Termination);
    assert_eq!(veto(&bench, &last), "never: the old version is not ended before the commit");
    bench.fact(Fact::Committed);
    assert_eq!(veto(&bench, &last), "ok");
    bench.seen.health.green.value.as_mut().unwrap().healthy = 1;
    assert_eq!(veto(&bench, &last), "not now: 1 of 4 canary targets are healthy");
    let mut bench = Bench::at_first_wait(&ecs_plan(), &last_pause());
    assert_eq!(veto(&bench, &go_on(last_pause())), "never: the old version is not ended before the commit");
    bench.fact(Fact::Committed);
    assert_eq!(veto(&bench, &go_on(last_pause())), "ok");
}

#[test]
fn only_ours_is_stopped_and_only_on_the_way_back() {
    let mut bench = Bench::at_first_wait(&codedeploy_plan(), &DeploymentWait::Ready);
    assert_eq!(veto(&bench, &stop()), "never: the deployment is stopped only after the goal was flipped");
    bench.restoring();
    assert_eq!(veto(&bench, &stop()), "ok");
    let other = Mutation::StopDeployment { deployment: id("d-7") };
    assert_eq!(veto(&bench, &other), "never: the deployment is not the one that this run started");
    bench.fact(Fact::DeploymentEnded { deployment: id("d-1"), status: DeploymentStatus::Stopped, why: None });
    assert_eq!(veto(&bench, &stop()), "never: the deployment has ended");
}

#[test]
fn settings_come_back_after_the_end_alone() {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    let settings = Mutation::RestoreSettings;
    assert_eq!(veto(&bench, &settings), "never: the settings come back only after the deployment's end");
    bench.fact(Fact::DeploymentEnded { deployment: id("d-1"), status: DeploymentStatus::RolledBack, why: None });
    assert_eq!(veto(&bench, &settings), "ok");
}

#[test]
fn nothing_goes_on_with_another_revision_or_against_an_interrupt() {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    assert_eq!(veto(&bench, &go_on(pause("h1"))), "ok");
    bench.seen.services.value.as_mut().unwrap().green.task_definition = revision("web:9");
    let other = "not now: the service was not seen on the revision that is released";
    assert_eq!(veto(&bench, &go_on(pause("h1"))), other);
    bench.fact(Fact::Committed);
    bench.change_ours(|ours| ours.waits_for = Some(last_pause()));
    assert_eq!(veto(&bench, &go_on(last_pause())), other);
    bench.seen.services.value.as_mut().unwrap().green.task_definition = revision("web:2");
    assert_eq!(veto(&bench, &go_on(last_pause())), "ok");
    bench.seen.interrupted = true;
    assert_eq!(veto(&bench, &go_on(last_pause())), "not now: the run was told to stop");
}
