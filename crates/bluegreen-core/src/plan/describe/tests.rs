use crate::call::ErrorClass;
use crate::plan::managed::testing::{World, lost};
use crate::plan::{Severity, describe, lint, same_engine, still_true};

/// Without the hash, which changes with every field.
fn text(world: &World) -> String {
    let text = describe(&world.built().plan);
    let wide = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
}

#[test]
fn a_plan_for_code_deploy_reads_so() {
    let mut world = World::code_deploy("{ canary: { steps: [{ setWeight: 5 }, { pause: { duration: 7m } }] } }");
    world.live().config = Some(("bluegreen-ecs-canary-5pct-7min".to_owned(), lost(ErrorClass::NotFound)));
    assert_eq!(text(&world), include_str!("codedeploy.txt"));
}

#[test]
fn a_plan_for_ecs_reads_so() {
    let world = World::ecs("{ linear: { step: 40, every: 90s } }");
    assert_eq!(text(&world), include_str!("ecs.txt"));
}

#[test]
fn what_is_judged_reads_so() {
    let gates = |strategy: &str, analysis: &str| {
        let text = text(&World::ecs(&format!("{strategy}\nanalysis: {analysis}")));
        let from = text.find("Gates").unwrap();
        text[from..].split("\n\n").next().unwrap().lines().skip(1).collect::<Vec<_>>().join("\n")
    };
    let usual = gates("{ linear: { step: 40, every: 15m } }", "[ { metric: errorRate } ]");
    let expected = "  alarms       5xx
  judged       errorRate, 2m late
  goes back    if worse, wrongly in at most 1% of releases
  passes       if 2 times as bad is ruled out at 5%
  no evidence  the step is extended once, then waits for a person
  no metrics   nothing goes forward for 10m; then wait for them, or for a person";
    assert_eq!(usual.trim_end(), expected);
    let own = gates(
        "{ linear: { step: 40, every: 15m } }",
        "{ metrics: [ { metric: lost }, { metric: latency, threshold: 1s, dryRun: true } ], falseRollback: 0.1%, \
         harmless: 0.05%, limit: 5%, inconclusive: promote, inconclusiveLimit: 3, noAnswer: promote, noAnswerFor: 0s }",
    );
    let expected = "  alarms       5xx
  judged       lost, latency (only shown), 2m late
  goes back    if worse, wrongly in at most 0.1% of releases; or above 5%
  passes       if 2 times as bad is ruled out at 5%, or if it is below 0.05%
  no evidence  the step is passed 3 times, then waits for a person
  no metrics   go on without them";
    assert_eq!(own.trim_end(), expected);
    let hold = gates(
        "{ linear: { step: 40, every: 15m } }",
        "{ metrics: [ { metric: lost } ], inconclusive: hold, noAnswer: rollback }",
    );
    assert!(hold.contains("no evidence  the step waits for it, or for a person"), "{hold}");
    assert!(hold.contains("no metrics   nothing goes forward for 10m; then go back"), "{hold}");
}

#[test]
fn a_verdict_needs_a_gate_between_shares() {
    let judged = |strategy: &str| {
        format!("{{ canary: {{ steps: [{{ setWeight: 5 }}, {strategy}] }} }}\nanalysis: [ {{ metric: lost }} ]")
    };
    let world = World::code_deploy(&judged("{ analysis: { for: 15m } }"));
    assert_eq!(world.refused(), ["BG3203"]);
    let refusal = world.finding("BG3203");
    assert_eq!(refusal.what, "CodeDeploy cannot wait for a verdict at 5%");
    assert!(refusal.cure.starts_with("with `pause` in its place"), "{refusal:?}");
    assert!(refusal.cure.contains("`engine: ecs` or `engine: alb` can carry out your own"), "{refusal:?}");
    let mut world = World::code_deploy(&judged("{ pause: { duration: 7m } }"));
    world.live().config = Some(("bluegreen-ecs-canary-5pct-7min".to_owned(), lost(ErrorClass::NotFound)));
    assert!(world.built().plan.analysis.is_some());
    let world = World::ecs(&judged("{ analysis: { for: 15m } }"));
    let (without, plan) = (World::ecs("{ blueGreen: {} }").built().plan, world.built().plan);
    assert_eq!(plan.analysis.as_ref().map(|analysis| analysis.sources.len()), Some(1));
    // A plan without analysis has the bytes, and so the hash, that it had before there was any.
    assert!(!serde_json::to_string(&without).unwrap().contains("analysis"));
    assert_eq!(serde_json::from_str::<crate::plan::Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
}

/// What a second look says about a fresh plan, by code.
fn linted(world: &World) -> Vec<String> {
    lint(&world.built().plan, &world.survey).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn one_service_is_looked_at_once_and_drained_by_aws() {
    for make in [World::code_deploy, World::ecs] {
        let mut world = make("{ canary: { steps: [{ setWeight: 5 }, { pause: { duration: 5m } }] } }");
        assert_eq!(linted(&make("{ blueGreen: {} }")), Vec::<String>::new());
        if world.spec.engine == crate::spec::Engine::CodeDeploy {
            world.live().config = Some(("bluegreen-ecs-canary-5pct-5min".to_owned(), lost(ErrorClass::NotFound)));
        }
        for reading in [&mut world.survey.revisions.blue, &mut world.survey.revisions.green] {
            reading.value.as_mut().unwrap().active = false;
        }
        world.survey.groups.green.value.as_mut().unwrap().drain_seconds = 3600;
        assert_eq!(linted(&world), ["BG3120"]);
    }
}

#[test]
fn a_release_without_alarms_is_watched_by_its_counts_alone() {
    let unwatched = |analysis: &str| {
        let mut world = World::ecs(&format!("{{ linear: {{ step: 40, every: 15m }} }}\n{analysis}"));
        world.spec.alarms.clear();
        let found = lint(&world.built().plan, &world.survey);
        found.into_iter().find(|finding| finding.code == "BG3100").map(|finding| finding.severity)
    };
    assert_eq!(unwatched(""), Some(Severity::Warn));
    assert_eq!(unwatched("analysis: [ { metric: lost } ]"), Some(Severity::Info));
    assert_eq!(unwatched("analysis: [ { metric: lost, dryRun: true } ]"), Some(Severity::Warn));
}

#[test]
fn sticky_clients_stay_where_aws_rolls_back() {
    let mut world = World::ecs("{ blueGreen: {} }");
    let crate::model::ActionKind::Forward(forward) = &mut world.routes()[0].actions[0].kind else { panic!() };
    forward.stickiness = Some(crate::model::GroupStickiness { enabled: true, duration_seconds: Some(3600) });
    assert_eq!(linted(&world), ["BG3252"]);
}

#[test]
fn a_plan_from_a_file_is_held_against_what_aws_would_be_told_now() {
    let mut world = World::ecs("{ blueGreen: {} }");
    let old = world.built().plan;
    assert_eq!(same_engine(&old, &world.built().plan), None);
    assert_eq!(still_true(&old, &world.survey), []);
    world.service()["deploymentConfiguration"]["maximumPercent"] = serde_json::json!(150);
    assert_eq!(same_engine(&old, &world.built().plan).unwrap().code, "BG3020");
    let mut world = World::code_deploy("{ canary: { steps: [{ setWeight: 5 }, { pause: { duration: 7m } }] } }");
    let name = "bluegreen-ecs-canary-5pct-7min".to_owned();
    world.live().config = Some((name.clone(), lost(ErrorClass::NotFound)));
    let old = world.built().plan;
    world.group().termination_wait_minutes = 60;
    assert_eq!(same_engine(&old, &world.built().plan).unwrap().code, "BG3020");
}
