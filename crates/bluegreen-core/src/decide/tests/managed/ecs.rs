//! ECS pauses before each move and after the last one; every hold, gate and person between them is ours.

use super::*;
use crate::journal::Verb;

fn at_ten() -> Bench {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.continued(pause("h1"));
    bench.waits_no_more();
    bench.moved_to(0, 100);
    bench.waits(&pause("h2"));
    bench
}

fn at_the_end() -> Bench {
    let mut bench = at_ten();
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    bench.continued(pause("h2"));
    bench.waits_no_more();
    bench.moved_to(2, 1000);
    bench.waits(&last_pause());
    bench
}

#[test]
fn each_pause_is_worth_one_weight() {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    assert_eq!(bench.decide(), "act continue d-1 at the pause at PRE_PRODUCTION_TRAFFIC_SHIFT");
    bench.continued(pause("h1"));
    bench.waits(&pause("h2"));
    bench.pass_time(60);
    assert_eq!(bench.decide(), "wait: AWS to move traffic to 10%", "the second pause is not this step's");
    bench.shows(100);
    bench.notes();
    assert_eq!(bench.decide(), "note step 0 verified");
    bench.fact(Fact::StepVerified(0));
    assert_eq!(bench.decide(), "wait: hold of 5m");
    bench.pass_time(300);
    assert_eq!(bench.decide(), "note step 1 passed: hold of 5m is over");
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(bench.decide(), "act continue d-1 at the pause at PRE_PRODUCTION_TRAFFIC_SHIFT");
    bench.change_ours(|ours| ours.waits_for = Some(pause("h1")));
    assert_eq!(bench.decide(), "wait: AWS to move traffic to 100%", "an old answer shows the first pause");
}

#[test]
fn holds_are_ours() {
    let mut bench = at_ten();
    bench.take("c1", Verb::Promote);
    assert_eq!(bench.decide(), "note step 1 passed: promoted by ann");
    let mut bench = at_ten();
    bench.take("c1", Verb::Pause);
    bench.pass_time(300);
    assert_eq!(bench.decide(), "wait: paused by ann: `promote` goes on");
}

#[test]
fn a_continue_in_doubt_is_sent_again_only_when_the_pause_is_still_there() {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.intent(Mutation::Continue { deployment: id("d-1"), wait: pause("h1") });
    assert_eq!(bench.decide(), "wait: AWS to move traffic to 10%");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "act continue d-1 at the pause at PRE_PRODUCTION_TRAFFIC_SHIFT");
    bench.change_ours(|ours| ours.share_ppm = Some(100_000));
    assert_eq!(bench.decide(), "wait: AWS to move traffic to 10%", "AWS says that it has begun");
}

#[test]
fn a_continue_that_came_too_late_is_looked_at_again() {
    use crate::ports::ErrorClass;
    let go_on = Mutation::Continue { deployment: id("d-1"), wait: pause("h1") };
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.fails(go_on.clone(), ErrorClass::Invalid, "not awaiting");
    assert!(bench.decide().starts_with("wait: before trying again"), "{}", bench.decide());
    bench.waits_no_more();
    bench.shows(100);
    bench.notes();
    assert_eq!(bench.decide(), "note step 0 verified");
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.fails(go_on, ErrorClass::Denied, "no");
    assert_eq!(bench.decide(), "note restoring: AWS refused: x denied: no");
}

#[test]
fn a_pause_that_somebody_else_ends_is_told_and_followed() {
    let mut bench = at_ten();
    bench.waits_no_more();
    assert_eq!(bench.decide(), "wait: hold of 5m", "that answer may be old");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note continued elsewhere at the pause at PRE_PRODUCTION_TRAFFIC_SHIFT");
    bench.fact(Fact::ContinuedElsewhere { wait: pause("h2") });
    bench.shows(1000);
    bench.notes();
    assert_eq!(bench.decide(), "note step 1 passed: ECS was told by someone else to go on to 100%");
}

#[test]
fn a_pause_of_somebody_else_is_left_alone() {
    let mut bench = Bench::managed(&ecs_plan());
    bench.started();
    bench.waits(&DeploymentWait::Pause { hook: "x".into(), stage: "POST_TEST_TRAFFIC_SHIFT".into() });
    assert_eq!(
        bench.decide(),
        "wait: AWS to bring green up, which waits for someone else at the pause at POST_TEST_TRAFFIC_SHIFT"
    );
}

#[test]
fn the_gate_is_over_every_pause() {
    use crate::observe::AlarmState;
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.seen.alarms.value.as_mut().unwrap()[0].state = AlarmState::InsufficientData;
    assert_eq!(bench.decide(), "note gate closed: alarm 5xx has insufficient data");
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.seen.health.green.value.as_mut().unwrap().healthy = 2;
    assert_eq!(bench.decide(), "note canary unhealthy: 2 of 4 targets are healthy");
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 1;
    assert!(bench.decide().starts_with("wait: blue, which a rollback would need"), "{}", bench.decide());
}

#[test]
fn the_end_of_a_promotion_gives_the_settings_back() {
    let mut bench = at_the_end();
    assert_eq!(bench.decide(), "wait: bake of 15m");
    bench.pass_time(900);
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    assert_eq!(bench.decide(), "note committed");
    bench.fact(Fact::Committed);
    assert_eq!(bench.decide(), "act continue d-1 at the pause at POST_PRODUCTION_TRAFFIC_SHIFT");
    bench.continued(last_pause());
    bench.waits_no_more();
    bench.status(DeploymentStatus::Succeeded);
    bench.notes();
    assert_eq!(bench.decide(), "wait: the service's settings to be readable");
    bench.settings(configuration());
    assert_eq!(bench.decide(), "act restore settings");
    let intent = bench.intent(Mutation::RestoreSettings);
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    assert_eq!(bench.decide(), "wait: the declared settings to show");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "act restore settings", "they have not come");
    bench.settings(json!({ "strategy": "ROLLING", "maximumPercent": 200.0 }));
    assert_eq!(bench.decide(), "note settings restored");
    bench.fact(Fact::SettingsRestored);
    assert_eq!(bench.decide(), "finish Promoted: web:2 has all traffic on every route, read back and healthy");
}

#[test]
fn what_aws_fills_in_beside_the_declared_settings_is_no_difference() {
    use crate::decide::{as_declared, declared_settings};
    let kept = json!({ "strategy": "ROLLING", "maximumPercent": 200, "lifecycleHooks": [], "bakeTimeInMinutes": 0 });
    assert!(as_declared(&kept, &declared()));
    assert!(
        as_declared(&json!({ "maximumPercent": 200 }), &json!({ "maximumPercent": 200 })),
        "nothing is the default"
    );
    let mut other = kept.clone();
    other["lifecycleHooks"] = configuration()["lifecycleHooks"].clone();
    assert!(!as_declared(&other, &declared()), "a pause of a run is left");
    other = kept;
    other["strategy"] = "CANARY".into();
    assert!(!as_declared(&other, &declared()) && !as_declared(&other, &json!({})));
    let sent = declared_settings(&json!({ "bakeTimeInMinutes": 5 }));
    assert_eq!(sent, json!({ "bakeTimeInMinutes": 5, "strategy": "ROLLING", "lifecycleHooks": [] }));
}

#[test]
fn success_is_told_of_the_released_revision_alone() {
    let mut bench = at_the_end();
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.waits_no_more();
    bench.status(DeploymentStatus::Succeeded);
    bench.notes();
    bench.seen.services.value.as_mut().unwrap().green.task_definition = revision("web:9");
    assert_eq!(bench.decide(), "wait: the service to show the released revision");
}

#[test]
fn checks_that_somebody_else_has_let_traffic_pass_by_are_made_up_for() {
    let mut plan = ecs_plan();
    plan.pre_traffic = super::plan().pre_traffic;
    let mut bench = Bench::at_first_wait(&plan, &pause("h1"));
    bench.waits_no_more();
    bench.shows(100);
    bench.notes();
    assert_eq!(bench.decide(), "act run hook 0");
}

#[test]
fn a_canary_that_was_unhealthy_is_believed_only_after_a_while() {
    let mut bench = Bench::at_first_wait(&ecs_plan(), &pause("h1"));
    bench.continued(pause("h1"));
    bench.waits_no_more();
    bench.moved_to(0, 100);
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    bench.waits(&pause("h2"));
    bench.fact(Fact::CanaryUnhealthy { seen: "3 of 4 targets are healthy".into() });
    assert_eq!(bench.decide(), "note canary healthy 4");
    bench.fact(Fact::CanaryHealthy { healthy: 4 });
    assert_eq!(bench.decide(), "wait: green to stay healthy");
}
