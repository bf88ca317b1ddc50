//! Runs whose weights AWS moves, as people see them.

use super::*;
use crate::model::{DeploymentId, DeploymentWait};
use crate::observe::{DeploymentStatus, LifecycleEvent};
use crate::plan::Plan;
use crate::report::{Report, RouteEnd};

fn ours() -> DeploymentId {
    DeploymentId::new("d-ABCDEF123")
}

fn pause(hook: &str, stage: &str) -> DeploymentWait {
    DeploymentWait::Pause { hook: hook.into(), stage: stage.into() }
}

fn codedeploy(change: impl FnOnce(&mut Plan)) -> Script {
    let mut plan = codedeploy_plan();
    change(&mut plan);
    let mut script = Script::new(plan);
    script.deploying(&ours(), &DeploymentWait::Ready);
    script
}

/// Up to the bake at 100 %.
fn at_the_end(script: &mut Script) -> &mut Script {
    script.go_on(&ours(), &DeploymentWait::Ready).shifted(10).fact(Fact::StepVerified(0)).after(290).shifted(100);
    script.pass(1, "CodeDeploy has gone on to 100%").fact(Fact::StepVerified(2));
    script.after(9).fact(Fact::Waits { deployment: ours(), wait: DeploymentWait::Termination })
}

fn promoted(script: &mut Script) -> &mut Script {
    at_the_end(script).after(900).pass(3, "bake of 15m is over").fact(Fact::Committed);
    script.go_on(&ours(), &DeploymentWait::Termination).after(60);
    let status = DeploymentStatus::Succeeded;
    script.fact(Fact::DeploymentEnded { deployment: ours(), status, why: None });
    script.finish(Terminal::Promoted, "frontend:42 has all traffic on every route, read back and healthy")
}

fn lines(script: &Script) -> Vec<String> {
    explain(&script.records).iter().map(ToString::to_string).collect()
}

#[test]
fn phases_name_what_is_waited_for() {
    let mut script = Script::new(ecs_plan());
    let phase = |script: &Script| view(script).phase;
    assert_eq!(phase(&script), Phase::Preparing);
    assert_eq!(phase(script.fact(Fact::GreenAtStart)), Phase::Registering);
    assert_eq!(phase(script.fact(Fact::TaskDefinition(revision("frontend:42")))), Phase::Filling);
    let mut script = codedeploy(|_| {});
    assert_eq!(phase(&script), Phase::Step);
    assert_eq!(phase(at_the_end(&mut script)), Phase::Baking);
    assert_eq!(phase(script.pass(3, "over")), Phase::Committing);
    assert_eq!(phase(script.fact(Fact::Committed)), Phase::Draining);
    let status = DeploymentStatus::Succeeded;
    assert_eq!(phase(script.fact(Fact::DeploymentEnded { deployment: ours(), status, why: None })), Phase::Committing);
}

#[test]
fn one_service_is_shown_as_two_fleets() {
    let mut script = Script::new(codedeploy_plan());
    let green = view(&script).fleets.green;
    assert_eq!((green.task_definition.as_str(), green.desired), ("frontend:41", 0));
    script.deploying(&ours(), &DeploymentWait::Ready);
    let fleets = view(&script).fleets;
    assert_eq!((fleets.green.task_definition.as_str(), fleets.green.desired), ("frontend:42", 4));
    assert_eq!((fleets.blue.task_definition.as_str(), fleets.blue.service), ("frontend:41", fleets.green.service));
    at_the_end(&mut script);
    let view = view(&script);
    assert_eq!((view.routes[0].written.as_str(), view.routes[0].written_ppm), ("blue 0 · green 100", Some(1_000_000)));
}

#[test]
fn the_commands_are_those_that_codedeploy_can_follow() {
    let script = codedeploy(|plan| plan.steps.insert(0, crate::model::Step::AwaitPromote));
    assert_eq!(commands(&view(&script))[..4], ["resume ", "promote ", promote_full().as_str(), "pause "]);
    let mut script = codedeploy(|_| {});
    script.go_on(&ours(), &DeploymentWait::Ready).shifted(10).fact(Fact::StepVerified(0));
    assert_eq!(commands(&view(&script))[..2], ["resume ", "abort "], "its intervals cannot be shortened or stopped");
    let mut script = codedeploy(|_| {});
    at_the_end(&mut script);
    let baking = view(&script);
    assert_eq!(commands(&baking)[..4], ["resume ", "promote ", promote_full().as_str(), "abort "]);
    assert_eq!(baking.next[2].does, "end the bake and the old version's tasks now; the gates stay");
    let mut script = codedeploy(|plan| plan.after = AfterCommit::KeepWarm);
    at_the_end(&mut script).pass(3, "over").fact(Fact::Committed);
    assert_eq!(commands(&view(&script))[..2], ["resume ", promote_full().as_str()]);
}

fn promote_full() -> String {
    format!("promote {} --full", plan().run)
}

#[test]
fn a_release_that_was_complete_before_it_could_be_stopped_leads_to_undo() {
    let mut script = codedeploy(|_| {});
    at_the_end(&mut script).restoring(red());
    let status = DeploymentStatus::Succeeded;
    script.fact(Fact::DeploymentEnded { deployment: ours(), status, why: None });
    script.finish(Terminal::Held, "deployment d-ABCDEF123 was promoted before it could be stopped");
    assert_eq!(commands(&view(&script)), ["undo ", "explain "]);
}

#[test]
fn a_promotion_is_told_with_the_name_of_who_moves_the_weights() {
    let mut script = codedeploy(|_| {});
    promoted(&mut script);
    let told = lines(&script);
    let expected = [
        "+0s  run 20261123t060512z-frontend-1a2b3c begins: a new revision of frontend on green, by ann@desk (pid 4711)",
        "+2s  every alarm is acceptable at the start",
        "+2s  registering a new revision of frontend: frontend has no revision of this run",
        "+3s  registered frontend:42 (1s)",
        "+3s  starting a deployment of AppECS-shop-prod-frontend, DgpECS-shop-prod-frontend: frontend:42 is to be \
         released, and no deployment of this run exists",
        "+4s  deployment d-ABCDEF123 began (1s)",
        "+1m4s  CodeDeploy waits at READY_WAIT",
        "+1m6s  green is healthy: 4 targets",
        "+1m6s  running hook 1 of 1, ./smoke.sh",
        "+1m7s  hook 1 of 1 passed (1s)",
        "+1m7s  telling d-ABCDEF123 to go on from READY_WAIT: the canary gets its share (1s)",
        "+1m13s  CodeDeploy has moved rule 9683b2d02a6cabee to blue 90 · green 10",
        "+1m13s  step 1 of 4: green has 10%, read back on every route (6s)",
        "+6m8s  CodeDeploy has moved rule 9683b2d02a6cabee to blue 0 · green 100",
        "+6m8s  step 2 of 4 is over: CodeDeploy has gone on to 100% (4m55s)",
        "+6m8s  step 3 of 4: green has 100%, read back on every route",
        "+6m17s  CodeDeploy waits at TERMINATION_WAIT",
        "+21m17s  step 4 of 4 is over: bake of 15m is over (15m9s)",
        "+21m17s  committed: frontend:42 has all traffic, read back and healthy",
        "+21m17s  telling d-ABCDEF123 to go on from TERMINATION_WAIT: the canary gets its share (1s)",
        "+22m18s  deployment d-ABCDEF123 succeeded (22m18s)",
        "+22m18s  Promoted after 22m18s: frontend:42 has all traffic on every route, read back and healthy",
    ];
    assert_eq!(told.iter().map(|line| line.trim()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_rollback_is_told_event_by_event() {
    let ours = DeploymentId::new("arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop-prod/frontend/x1");
    let wait = pause("h1", "PRE_PRODUCTION_TRAFFIC_SHIFT");
    let mut script = Script::new(ecs_plan());
    script.deploying(&ours, &wait).go_on(&ours, &wait).shifted(10).fact(Fact::StepVerified(0));
    script.fact(Fact::ContinuedElsewhere { wait });
    script.restoring(red());
    script.intend(Mutation::StopDeployment { deployment: ours.clone() }, "the baseline comes back").applied();
    let event = LifecycleEvent {
        name: "PRODUCTION_TRAFFIC_SHIFT".into(),
        status: "IN_PROGRESS".into(),
        message: Some("at arn:aws:lambda:eu-west-3:111122223333:function/check".into()),
    };
    script.fact(Fact::Lifecycle { deployment: ours.clone(), place: 0, event });
    script.fact(Fact::Stage { deployment: ours.clone(), stage: "CLEAN_UP".into() });
    script.fact(Fact::TurnedBack { deployment: ours.clone(), why: Some("ROLLBACK_REQUESTED".into()) }).shifted(0);
    script.fact(Fact::DeploymentEnded { deployment: ours.clone(), status: DeploymentStatus::RolledBack, why: None });
    script.after(30).fact(Fact::TrafficRestored);
    script.intend(Mutation::RestoreSettings, "they come back").applied().fact(Fact::SettingsRestored);
    script.finish(Terminal::RolledBack, "the baseline was restored and read back");
    let told = lines(&script);
    let told: Vec<&str> = told.iter().map(|line| line.trim().split_once("  ").unwrap().1).collect();
    let expected = [
        "someone else told ECS to go on from the pause at PRE_PRODUCTION_TRAFFIC_SHIFT",
        "going back to the baseline: alarm frontend-5xx is red: 3 datapoints were greater than 5.0",
        "stopping x1 and having it taken back: the baseline comes back (1s)",
        "PRODUCTION_TRAFFIC_SHIFT: in progress: at check",
        "ECS is at CLEAN_UP",
        "deployment x1 is being taken back: ROLLBACK_REQUESTED",
        "ECS has moved rule 9683b2d02a6cabee to blue 100 · green 0",
        "deployment x1 was rolled back (1m19s)",
        "the baseline is back on every route, read back (36s)",
        "putting the service's deployment settings back as declared: they come back (1s)",
        "the service's deployment settings are as they were declared",
        "RolledBack after 1m50s: the baseline was restored and read back",
    ];
    assert_eq!(told[told.len() - expected.len()..], expected);
    let report = Report::from_records(&script.records, &[]).unwrap();
    let route = &report.routes[0];
    assert_eq!((route.most.as_deref(), route.after.as_str()), (Some("blue 90 · green 10"), "blue 100 · green 0"));
    assert_eq!(route.end, RouteEnd::Restored);
    assert!(route.written_at < route.read_back_at);
    let points: Vec<Option<u32>> = report.trace.read[0].points.iter().map(|point| point.ppm).collect();
    assert_eq!(points, [Some(0), Some(100_000), Some(0), Some(0)]);
    let set: Vec<Option<u32>> = report.trace.set.iter().map(|point| point.ppm).collect();
    assert_eq!(set, [Some(0), Some(100_000), Some(0)]);
    let measured = |what: &str| report.measures.iter().find(|m| m.what.contains(what)).unwrap().took;
    assert_eq!(measured("to the first traffic"), Some(Duration::from_secs(73)));
    assert_eq!(measured("to the last route written"), Some(Duration::from_secs(6)));
}
