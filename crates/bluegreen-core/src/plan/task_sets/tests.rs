use serde_json::{Value, json};

use crate::model::{Color, SetScale};
use crate::observe::{Controller, TaskSetSnapshot, TaskSetStatus};
use crate::plan::managed::testing::{World, group_arn, lost, route, rule, seen};
use crate::plan::{Engine, Plan, describe, lint};
use crate::ports::ErrorClass;
use crate::spec;

fn set(id: &str, short: &str, group: &str, desired: u32) -> TaskSetSnapshot {
    TaskSetSnapshot {
        id: id.into(),
        status: TaskSetStatus::Active,
        task_definition: format!("arn:aws:ecs:eu-west-3:111122223333:task-definition/{short}").parse().unwrap(),
        scale: SetScale::exactly(desired, 4),
        of: 4,
        desired,
        running: desired,
        pending: 0,
        target_groups: vec![group_arn(group)],
        external_id: None,
    }
}

fn serving() -> TaskSetSnapshot {
    TaskSetSnapshot { status: TaskSetStatus::Primary, ..set("serving", "web:1", "blue", 4) }
}

/// The set that serves, whole.
fn document() -> Value {
    json!({"taskSets": [{
        "id": "serving", "status": "PRIMARY", "platformVersion": "1.4.0", "serviceRegistries": [], "launchType": null,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "newThing": true}},
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        "loadBalancers": [{"targetGroupArn": group_arn("blue"), "containerName": "app", "containerPort": 80}],
        "scale": {"value": 100, "unit": "PERCENT"}, "stabilityStatus": "STEADY_STATE",
    }]})
}

fn world(engine: &str) -> World {
    let mut world = World::ecs("{ canary: { steps: [{ setWeight: 10 }, { pause: { duration: 5m } }] } }");
    let rule = rule("prod", "main");
    let text = format!(
        "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\n\
         taskDefinition: {{ file: t.json }}\nfleet: {{ taskSets: {{ service: front }} }}\nengine: {engine}\n\
         traffic: {{ targetGroups: {{ blue: blue, green: green }}, rules: ['{}'] }}\n\
         strategy: {{ canary: {{ steps: [{{ setWeight: 10 }}, {{ pause: {{ duration: 5m }} }}] }} }}\n\
         bake: 10m\nafter: {{ scaleTo: 0 }}\nalarms: [5xx]\n",
        rule.arn()
    );
    world.spec = spec::parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0;
    world.routes().truncate(1);
    world.survey.routes = vec![seen(route(rule, &[("blue", 1)]))];
    world.live().service = seen(document());
    world.found(vec![serving()]);
    world
}

impl World {
    fn found(&mut self, sets: Vec<TaskSetSnapshot>) {
        let service = self.survey.services.blue.value.as_mut().unwrap();
        service.controller = Controller::External;
        service.task_sets = sets;
        self.survey.services.green = self.survey.services.blue.clone();
    }

    fn plan(&self) -> Plan {
        self.built().plan
    }
}

#[test]
fn a_new_set_takes_over_how_the_serving_one_is_placed() {
    let world = world("alb");
    let plan = world.plan();
    let Engine::TaskSets(engine) = &plan.engine else { panic!("{:?}", plan.engine) };
    let template = json!({
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "newThing": true}},
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        "platformVersion": "1.4.0",
    });
    assert_eq!(engine.template, template);
    assert_eq!((engine.container.as_str(), engine.port, engine.stable_set.as_str()), ("app", 80, "serving"));
    assert_eq!(plan.stable(), Color::Blue);
    let [stable, canary] = [plan.stable_baseline(), plan.canary_baseline()];
    assert_eq!((stable.desired, canary.desired, &stable.name), (4, 0, &canary.name));
    assert_eq!(canary.task_definition, stable.task_definition);
    assert_eq!(lint(&plan, &world.survey).iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), [""; 0]);
    assert!(describe(&plan).contains("canary       green (a new task set of the same service)"), "{}", describe(&plan));
    let auto = self::world("auto").built();
    assert_eq!(auto.plan.engine, plan.engine);
    assert_eq!(auto.findings[0].what, "the engine is alb: the fleet is task sets of one service");
}

#[test]
fn what_is_left_in_the_canarys_group_is_planned_away() {
    let mut world = world("alb");
    let draining = TaskSetSnapshot { status: TaskSetStatus::Draining, ..set("going", "web:0", "green", 0) };
    world.found(vec![serving(), set("left", "web:0", "green", 2), draining, set("other", "web:0", "ops", 1)]);
    let Engine::TaskSets(engine) = world.plan().engine else { panic!() };
    assert_eq!(engine.leftovers, ["left", "going"]);
    let finding = world.finding("BG3273");
    assert_eq!(finding.what, "task set left (web:0, 2 tasks) is left in green: it goes before the new one is made");
}

#[test]
fn a_service_that_cannot_be_released_into_is_refused() {
    let refused = |sets: Vec<TaskSetSnapshot>| {
        let mut world = world("alb");
        world.found(sets);
        world.refused()
    };
    assert_eq!(refused(vec![]), ["BG3270"]);
    assert_eq!(refused(vec![serving(), set("second", "web:1", "blue", 1)]), ["BG3270"]);
    let both =
        |set: TaskSetSnapshot| TaskSetSnapshot { target_groups: vec![group_arn("blue"), group_arn("green")], ..set };
    assert_eq!(refused(vec![both(serving())]), ["BG3271"]);
    let in_ops =
        TaskSetSnapshot { target_groups: vec![group_arn("green"), group_arn("ops")], ..set("l", "web:0", "green", 1) };
    assert_eq!(refused(vec![serving(), in_ops]), ["BG3271"]);
    assert_eq!(refused(vec![TaskSetSnapshot { status: TaskSetStatus::Active, ..serving() }]), ["BG3272"]);
    let others = |count: usize| (0..count).map(|n| set(&format!("o{n}"), "web:0", "ops", 0));
    assert_eq!(refused([serving()].into_iter().chain(others(3)).collect()), [""; 0]);
    assert_eq!(refused([serving()].into_iter().chain(others(4)).collect()), ["BG3274"]);
    let left = set("left", "web:0", "green", 2);
    assert_eq!(refused([serving(), left].into_iter().chain(others(3)).collect()), [""; 0], "what goes makes room");
}

#[test]
fn five_sets_are_named() {
    let mut world = world("alb");
    let others = (0..4).map(|n| set(&format!("o{n}"), "web:0", "ops", 0));
    world.found([serving()].into_iter().chain(others).collect());
    let what = world.finding("BG3274").what;
    assert!(
        what.starts_with("service front has 5 task sets that stay, and ECS allows 5: serving (web:1, 4 tasks), o0")
    );
}

#[test]
fn the_set_that_serves_says_how_it_is_reached() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut world = world("alb");
        change(&mut world.service()["taskSets"][0]);
        world.refused()
    };
    assert_eq!(refused(&|set| set["loadBalancers"] = json!([{}, {}])), ["BG3271"]);
    assert_eq!(refused(&|set| set["loadBalancers"] = json!([])), ["BG3271"]);
    assert_eq!(refused(&|set| set["loadBalancers"][0]["containerPort"] = json!(null)), ["BG3271"]);
    assert_eq!(refused(&|set| set["serviceRegistries"] = json!([{"registryArn": "r"}])), ["BG3275"]);
    assert_eq!(refused(&|set| set["id"] = json!("another")), ["BG3001"]);
    let mut world = world("alb");
    world.live().service = lost(ErrorClass::Denied);
    assert_eq!(world.refused(), ["BG3001"]);
}

#[test]
fn only_an_external_controller_makes_task_sets() {
    for controller in [Controller::Rolling, Controller::CodeDeploy, Controller::Native("CANARY".into())] {
        let mut world = world("alb");
        world.survey.services.blue.value.as_mut().unwrap().controller = controller;
        assert_eq!(world.refused(), ["BG3011"]);
    }
    let mut world = world("alb");
    world.survey.services.blue.value.as_mut().unwrap().status = "DRAINING".into();
    assert_eq!(world.refused(), ["BG3010"]);
}

#[test]
fn a_plan_of_task_sets_reads_as_it_was_written() {
    let mut world = world("alb");
    world.found(vec![serving(), set("left", "web:0", "green", 2)]);
    let plan = world.plan();
    let text = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!((&read, read.hash()), (&plan, plan.hash()));
}
