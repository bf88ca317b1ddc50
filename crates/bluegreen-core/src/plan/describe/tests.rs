use crate::call::ErrorClass;
use crate::plan::managed::testing::{World, lost};
use crate::plan::{describe, lint, same_engine, still_true};

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
