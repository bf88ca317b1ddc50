use crate::model::{Action, Percent};
use crate::observe::{Controller, ServiceSnapshot, TargetGroup};
use crate::plan::managed::testing::{World, group_arn, lost, route, rule, seen};
use crate::plan::{ControlFleet, Plan, Survey, SurveyedControl, describe, lint, still_true};
use crate::ports::ErrorClass;
use crate::spec;

/// A release between two services, with a control fleet.
fn world(steps: &str) -> World {
    let mut world = World::ecs("{ canary: { steps: [{ setWeight: 10 }, { pause: { duration: 5m } }] } }");
    let rule = rule("prod", "main");
    let text = format!(
        "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\ntaskDefinition: {{ file: t.json }}\n\
         fleet: {{ services: {{ blue: front-blue, green: front-green, control: front-control }} }}\n\
         traffic: {{ targetGroups: {{ blue: blue, green: green, control: control }}, rules: ['{}'] }}\n\
         strategy: {{ canary: {{ steps: [{steps}] }} }}\nbake: 10m\nalarms: [5xx]\n",
        rule.arn()
    );
    world.spec = spec::parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0;
    world.routes().truncate(1);
    world.survey.routes = vec![seen(route(rule, &[("blue", 1)]))];
    world.survey.live = None;
    let like = world.survey.services.blue.ok().unwrap().clone();
    let service = |color: &str, desired| {
        let (name, group) = (format!("front-{color}"), group_arn(color));
        let arn = format!("arn:aws:ecs:eu-west-3:111122223333:service/shop/{name}");
        let own = ServiceSnapshot { controller: Controller::Rolling, desired, running: desired, ..like.clone() };
        seen(ServiceSnapshot { arn, name, target_groups: vec![group], ..own })
    };
    world.survey.services.blue = service("blue", 4);
    world.survey.services.green = service("green", 0);
    let blue = world.survey.groups.blue.ok().unwrap().clone();
    // Before the first release nothing is attached.
    let group = TargetGroup { arn: group_arn("control"), load_balancers: Vec::new(), ..blue };
    let revision = world.survey.revisions.blue.clone();
    world.survey.control = Some(SurveyedControl { service: service("control", 0), group: seen(group), revision });
    world
}

const TEN: &str = "{ setWeight: 10 }, { pause: { duration: 5m } }";

impl World {
    fn control(&mut self) -> &mut SurveyedControl {
        self.survey.control.as_mut().unwrap()
    }

    fn control_group(&mut self) -> &mut TargetGroup {
        self.control().group.value.as_mut().unwrap()
    }

    fn control_service(&mut self) -> &mut ServiceSnapshot {
        self.control().service.value.as_mut().unwrap()
    }
}

fn codes(plan: &Plan, survey: &Survey) -> Vec<String> {
    lint(plan, survey).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn the_plan_has_the_fleet_as_it_is_and_tells_what_it_costs() {
    let world = world(TEN);
    let plan = world.built().plan;
    let ControlFleet { service, group } = plan.control.clone().unwrap();
    assert_eq!((service.name.as_str(), service.desired, group), ("front-control", 0, group_arn("control")));
    let findings = lint(&plan, &world.survey);
    let [cost] = findings.as_slice() else { panic!("{findings:#?}") };
    assert_eq!(cost.code, "BG3135");
    assert_eq!(
        cost.what,
        "the control fleet runs up to 4 more tasks of web:1 in front-control, as many as the canary, until the release \
         is over; it is compared with up to 10%"
    );
    let text = describe(&plan);
    assert!(text.contains("control      front-control in control: new tasks of the old version"), "{text}");
    assert!(text.contains("10% of traffic on green (4 tasks), 10% on control"), "{text}");
    assert!(text.contains("100% of traffic on green (4 tasks)\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

/// Plans without one hash as they always did.
#[test]
fn a_plan_without_one_has_no_word_of_it() {
    let mut world = world(TEN);
    let with = world.built().plan;
    (world.spec.control, world.survey.control) = (None, None);
    let without = world.built().plan;
    let text = serde_json::to_string(&without).unwrap();
    assert!(!text.contains("control"), "{text}");
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), without);
    let text = serde_json::to_string(&with).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), with);
    assert_ne!(with.hash(), without.hash());
}

#[test]
fn one_that_never_gets_traffic_is_warned_of() {
    for steps in ["{ setWeight: 51 }, { pause: { duration: 5m } }", "{ setWeight: 90 }, { pause: { duration: 5m } }"] {
        let world = world(steps);
        assert_eq!(codes(&world.built().plan, &world.survey), ["BG3136"]);
    }
    let half = world("{ setWeight: 50 }, { pause: { duration: 5m } }");
    assert_eq!(codes(&half.built().plan, &half.survey), ["BG3135"]);
}

/// ECS would not take it back.
#[test]
fn a_revision_that_is_gone_cannot_be_gone_back_to() {
    let mut world = world(TEN);
    let plan = world.built().plan;
    world.control().revision.value.as_mut().unwrap().active = false;
    assert_eq!(codes(&plan, &world.survey), ["BG3137", "BG3135"]);
    assert!(crate::plan::refuses(&lint(&plan, &world.survey)));
}

#[test]
fn a_fleet_that_cannot_take_part_is_refused() {
    type Change = fn(&mut World);
    let cases: [(&str, Change); 15] = [
        ("BG3001", |world| world.control().service = lost(ErrorClass::NotFound)),
        ("BG3001", |world| world.control().group = lost(ErrorClass::NotFound)),
        ("BG3010", |world| world.control_service().status = "DRAINING".into()),
        ("BG3011", |world| world.control_service().controller = Controller::CodeDeploy),
        ("BG3011", |world| world.control_service().controller = Controller::Native("BLUE_GREEN".into())),
        ("BG3012", |world| world.control_service().target_groups = vec![group_arn("green")]),
        ("BG3132", |world| {
            let arn = world.survey.services.green.ok().unwrap().arn.clone();
            world.control_service().arn = arn;
        }),
        ("BG3132", |world| {
            world.control_group().arn = group_arn("blue");
            world.control_service().target_groups = vec![group_arn("blue")];
            world.survey.routes = vec![seen(route(rule("prod", "main"), &[("green", 1)]))];
        }),
        ("BG3133", |world| world.control_group().vpc = "vpc-2".into()),
        ("BG3133", |world| world.control_group().protocol = "HTTPS".into()),
        ("BG3133", |world| world.control_group().target_type = "instance".into()),
        ("BG3133", |world| {
            let other = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/other/1";
            world.control_group().load_balancers = vec![other.parse().unwrap()];
        }),
        ("BG3134", |world| {
            world.survey.routes = vec![seen(route(rule("prod", "main"), &[("blue", 9), ("control", 1)]))];
        }),
        ("BG3134", |world| world.routes().push(route(rule("prod", "ops"), &[("control", 1)]))),
        ("BG3017", |world| {
            world.survey.routes = vec![seen(route(rule("prod", "main"), &[("blue", 1), ("ops", 0)]))];
        }),
    ];
    for (index, (code, change)) in cases.into_iter().enumerate() {
        let mut world = world(TEN);
        change(&mut world);
        assert_eq!(world.refused(), [code], "case {index}");
    }
}

#[test]
fn a_route_may_keep_it_from_the_release_before() {
    let mut world = world(TEN);
    let left = [("blue", 100), ("green", 0), ("control", 0)];
    world.survey.routes = vec![seen(route(rule("prod", "main"), &left))];
    world.routes().push(route(rule("prod", "ops"), &[("ops", 1), ("control", 0)]));
    assert_eq!(world.refused(), [""; 0]);
    let plan = world.built().plan;
    let actions = crate::decide::step_actions(&plan, &plan.baseline.routes[0].actions, Percent::ZERO);
    assert_eq!(Action::forward_of(&actions).unwrap().groups.len(), 3);
}

#[test]
fn engines_without_room_for_it_say_so() {
    let mut world = World::ecs("{ canary: { steps: [{ setWeight: 10 }, { pause: { duration: 5m } }] } }");
    world.spec.control = Some(spec::Control { service: "front-control".into(), target_group: "control".into() });
    assert_eq!(world.refused(), ["BG3131"]);
    assert!(world.finding("BG3131").what.starts_with("the engine ecs shares the traffic between two fleets"));
    let mut world = World::code_deploy("{ canary: { steps: [{ setWeight: 10 }, { pause: { duration: 5m } }] } }");
    world.spec.control = Some(spec::Control { service: "front-control".into(), target_group: "control".into() });
    assert!(world.refused().contains(&"BG3131".to_owned()));
    let mut world = self::world(TEN);
    world.spec.fleet = spec::Fleet { task_sets: Some("front".into()), ..spec::Fleet::default() };
    assert!(world.refused().contains(&"BG3131".to_owned()));
    assert!(world.finding("BG3131").what.starts_with("the engine alb over task sets"));
}

#[test]
fn a_saved_plan_has_to_fit_it() {
    let mut world = world(TEN);
    let plan = world.built().plan;
    assert_eq!(still_true(&plan, &world.survey), []);
    world.control_service().task_definition =
        "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:9".parse().unwrap();
    let found = still_true(&plan, &world.survey);
    assert_eq!(found[0].what, "service front-control is no longer as it was when the plan was made");
    world.survey.control = None;
    assert_eq!(still_true(&plan, &world.survey).len(), 1);
}

#[test]
fn its_connections_and_stickiness_count_too() {
    let mut world = world(TEN);
    let plan = world.built().plan;
    world.control_group().drain_seconds = 900;
    assert_eq!(codes(&plan, &world.survey), ["BG3160", "BG3135"]);
    world.control_group().target_sticky = true;
    assert_eq!(codes(&plan, &world.survey), ["BG3152", "BG3160", "BG3135"]);
}
