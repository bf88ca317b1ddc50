use std::time::Duration;

use serde_json::json;

use super::testing::{World, deployment, group_arn, listener, lost, route, rule, seen};
use crate::appspec;
use crate::call::ErrorClass;
use crate::model::{AfterCommit, Capacity, Color, Hook, RouteId, Shift};
use crate::observe::{DeploymentConfig, ManagedDeployments};
use crate::plan::{CodeDeploy, Engine, Native, Plan, Severity, Sought};
use crate::spec::Engine as Asked;

const CANARY: &str = "{ canary: { steps: [{ setWeight: 10 }, { pause: { duration: 5m } }] } }";
const OWN_CANARY: &str = "{ canary: { steps: [{ setWeight: 5 }, { pause: { duration: 7m } }] } }";

fn code_deploy(plan: &Plan) -> &CodeDeploy {
    let Engine::CodeDeploy(engine) = &plan.engine else { panic!("{:?}", plan.engine) };
    engine
}

fn native(plan: &Plan) -> &Native {
    let Engine::Ecs(engine) = &plan.engine else { panic!("{:?}", plan.engine) };
    engine
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_plan_for_code_deploy_holds_all_that_it_is_told() {
    let built = World::code_deploy(CANARY).built();
    let plan = &built.plan;
    let engine = code_deploy(plan);
    assert_eq!((engine.application.as_str(), engine.group.as_str()), ("AppECS-shop-front", "DgpECS-shop-front"));
    assert_eq!((engine.config.as_str(), engine.create_config), ("CodeDeployDefault.ECSCanary10Percent5Minutes", false));
    assert_eq!(
        (engine.ready_wait, engine.termination_wait),
        (Some(Duration::from_secs(3600)), Duration::from_secs(1800))
    );
    assert_eq!(plan.stable(), Color::Blue);
    assert_eq!(plan.route_ids().collect::<Vec<_>>(), [&rule("prod", "main")]);
    assert_eq!(
        plan.baseline.test_route.as_ref().map(|route| route.id.clone()),
        Some(RouteId::DefaultAction(listener("test")))
    );
    let counts = plan.baseline.services.map(|service| (service.name.clone(), service.desired));
    assert_eq!((counts.blue, counts.green), (("front".to_owned(), 4), ("front".to_owned(), 0)));
    assert_eq!((plan.capacity, plan.after.clone()), (Capacity::Full, AfterCommit::ScaleTo(0)));
}

#[test]
fn the_appspec_is_that_of_the_task_set_that_serves() {
    let mut world = World::code_deploy(CANARY);
    world.spec.code_deploy.hooks =
        vec![appspec::Hook { event: appspec::Event::BeforeInstall, function: "check".to_owned() }];
    let built = world.built();
    let text = &code_deploy(&built.plan).appspec;
    assert!(text.contains(appspec::TASK_DEFINITION_PLACEHOLDER), "{text}");
    let document = appspec::parse("f", text).unwrap().spec;
    assert_eq!(document.hooks, world.spec.code_deploy.hooks);
    let appspec::Target::Ecs(target) = document.target else { panic!() };
    assert_eq!((target.container_name.as_str(), target.container_port), ("app", 80));
    assert_eq!(target.platform_version.as_deref(), Some("1.4.0"));
    assert_eq!(target.network.map(|network| network.subnets), Some(vec!["subnet-1".to_owned()]));
    assert_eq!(target.capacity_providers.len(), 1);
}

#[test]
fn an_appspec_of_the_users_own_is_patched_and_held_against_the_definition() {
    let own = |container: &str| {
        let text = format!(
            "version: 0.0\nresources:\n  - mine:\n      type: AWS::ECS::Service\n      properties:\n        \
             taskDefinition: arn:aws:ecs:eu-west-3:111122223333:task-definition/old:7\n        \
             loadBalancerInfo: {{ containerName: {container}, containerPort: 80 }}\n"
        );
        Some(appspec::parse("own", &text).unwrap().spec)
    };
    let mut world = World::code_deploy(CANARY);
    world.inputs.appspec = own("app");
    let built = world.built();
    let text = &code_deploy(&built.plan).appspec;
    assert!(text.contains("\"mine\"") && text.contains("<TASK_DEFINITION>") && !text.contains("old:7"), "{text}");
    world.inputs.appspec = own("web");
    assert_eq!(world.refused(), ["BG3261"]);
}

#[test]
fn a_configuration_is_made_only_where_none_is_equal() {
    let mut world = World::code_deploy(OWN_CANARY);
    let config = |share: &str, platform: &str| {
        let shift = Shift::Canary { first: share.parse().unwrap(), wait: Duration::from_secs(420) };
        let name = "bluegreen-ecs-canary-5pct-7min".to_owned();
        let found = DeploymentConfig { name: name.clone(), compute_platform: platform.to_owned(), shift: Some(shift) };
        Some((name, seen(found)))
    };
    world.live().config = Some(("bluegreen-ecs-canary-5pct-7min".to_owned(), lost(ErrorClass::NotFound)));
    assert!(code_deploy(&world.built().plan).create_config);
    world.live().config = config("5", "ECS");
    assert!(!code_deploy(&world.built().plan).create_config);
    world.live().config = config("6", "ECS");
    assert_eq!(world.refused(), ["BG3208"]);
    world.live().config = config("5", "Lambda");
    assert_eq!(world.refused(), ["BG3208"]);
    world.live().config = Some(("bluegreen-ecs-canary-5pct-7min".to_owned(), lost(ErrorClass::Denied)));
    assert_eq!(world.refused(), ["BG3001"], "what cannot be read is not taken for missing");
}

#[test]
fn a_configuration_of_the_users_own_must_do_what_the_steps_say() {
    let mut world = World::code_deploy(OWN_CANARY);
    world.spec.code_deploy.config = Some("mine".to_owned());
    let shift = Shift::Canary { first: "5".parse().unwrap(), wait: Duration::from_secs(420) };
    let config = |shift| DeploymentConfig { name: "mine".into(), compute_platform: "ECS".into(), shift: Some(shift) };
    world.live().config = Some(("mine".to_owned(), seen(config(shift))));
    assert_eq!(code_deploy(&world.built().plan).config, "mine");
    world.live().config = Some(("mine".to_owned(), seen(config(Shift::AllAtOnce))));
    let finding = world.finding("BG3208");
    assert!(
        finding.what.ends_with("moves all traffic at once, and the steps move 5%, after 7m the rest"),
        "{finding:?}"
    );
    world.live().config = Some(("mine".to_owned(), lost(ErrorClass::NotFound)));
    assert_eq!(world.refused(), ["BG3001"], "nothing is made under a name of the user's");
}

#[test]
fn a_group_is_checked_before_it_is_believed() {
    let refused = |bend: fn(&mut World)| {
        let mut world = World::code_deploy(CANARY);
        bend(&mut world);
        world.refused()
    };
    assert_eq!(refused(|_| {}), none());
    assert_eq!(refused(|world| world.group().compute_platform = "Lambda".into()), ["BG3211"]);
    assert_eq!(refused(|world| world.group().service = Some(("shop".into(), "back".into()))), ["BG3212"]);
    assert_eq!(refused(|world| world.group().service = Some(("other".into(), "front".into()))), ["BG3212"]);
    assert_eq!(refused(|world| world.group().service = None), ["BG3212"]);
    assert_eq!(refused(|world| world.group().target_groups.truncate(1)), ["BG3213"]);
    assert_eq!(refused(|world| world.group().production_listeners.clear()), ["BG3214"]);
    assert_eq!(refused(|world| world.group().production_listeners = vec![listener("else").to_string()]), ["BG3214"]);
    assert_eq!(refused(|world| world.live().group = Some(Sought::None(Vec::new()))), ["BG3210"]);
    assert_eq!(
        refused(|world| {
            let group = world.group().clone();
            world.live().group = Some(Sought::Several(vec![group.clone(), group]));
        }),
        ["BG3210"]
    );
    assert_eq!(refused(|world| world.live().group = Some(Sought::One(Box::new(lost(ErrorClass::Denied))))), ["BG3001"]);
}

#[test]
fn the_specs_pair_and_routes_are_held_against_amazons() {
    let pair = |blue: &str, green: &str| Some(crate::model::ByColor { blue: blue.to_owned(), green: green.to_owned() });
    for make in [World::code_deploy, World::ecs] {
        let mut world = make(CANARY);
        world.spec.routes = vec![rule("prod", "main")];
        assert_eq!(world.refused(), none());
        world.spec.routes.push(rule("prod", "more"));
        assert_eq!(world.refused(), ["BG3214"]);
        world.spec.routes = vec![RouteId::DefaultAction(listener("prod"))];
        assert_eq!(world.refused(), ["BG3214", "BG3018"], "one is foreign, and one is missing");
        let mut world = make(CANARY);
        world.spec.test = Some(crate::spec::TestRoute { route: Some(rule("test", "smoke")), url: None });
        assert_eq!(world.refused(), ["BG3214"]);
    }
    let mut world = World::code_deploy(CANARY);
    world.spec.target_groups = pair("green", group_arn("blue").as_str());
    assert_eq!(world.refused(), none(), "in either order, by name or ARN");
    world.spec.target_groups = pair("blue", "red");
    assert_eq!(world.refused(), ["BG3213"]);
}

#[test]
fn a_route_that_keeps_its_own_split_refuses() {
    for make in [World::code_deploy, World::ecs] {
        let mut world = make(CANARY);
        world.routes().push(route(rule("else", "api"), &[("blue", 1)]));
        assert_eq!(world.refused(), ["BG3018"]);
    }
    // On its production listener CodeDeploy moves every route of the pair, and ECS one rule alone.
    let second = |make: fn(&str) -> World| {
        let mut world = make(CANARY);
        world.routes().push(route(rule("prod", "api"), &[("blue", 1)]));
        world
    };
    assert_eq!(second(World::code_deploy).built().plan.route_ids().count(), 2);
    assert_eq!(second(World::ecs).refused(), ["BG3018"]);
}

#[test]
fn a_split_that_is_not_all_on_one_side_refuses() {
    for make in [World::code_deploy, World::ecs] {
        let mut world = make(CANARY);
        world.routes()[0] = route(rule("prod", "main"), &[("blue", 90), ("green", 10)]);
        assert_eq!(world.refused(), ["BG3003"]);
        world.routes()[0] = route(rule("prod", "main"), &[("blue", 0), ("green", 100)]);
        assert_eq!(world.built().plan.stable(), Color::Green, "roles follow the weights");
    }
}

#[test]
fn somebody_elses_deployment_refuses_with_its_id_and_creator() {
    for make in [World::code_deploy, World::ecs] {
        let mut world = make(CANARY);
        let others = vec![deployment("d-1", None), deployment("d-2", Some("20261122t060512z-front-000002"))];
        world.live().deployments = Some(seen(ManagedDeployments { others, ..ManagedDeployments::default() }));
        assert_eq!(world.refused(), ["BG3230", "BG3230"]);
        assert_eq!(world.finding("BG3230").what, "somebody else's deployment is in progress: d-1, made by user");
        let Err(findings) = world.build() else { panic!() };
        assert!(findings.iter().any(|finding| finding.cure.contains("bluegreen abort 20261122t060512z-front-000002")));
        world.live().deployments = Some(lost(ErrorClass::Denied));
        assert_eq!(world.refused(), ["BG3001"], "unknown is not none");
    }
}

#[test]
fn ours_before_the_first_share_needs_a_group_that_waits() {
    let promote = "{ canary: { steps: [{ pause: {} }, { setWeight: 10 }, { pause: { duration: 5m } }] } }";
    let mut world = World::code_deploy(promote);
    assert_eq!(world.refused(), none());
    world.group().ready_wait_minutes = None;
    assert_eq!(world.refused(), ["BG3203"]);
    let mut world = World::code_deploy(CANARY);
    world.spec.pre_traffic = vec![Hook { argv: vec!["true".into()], timeout: Duration::from_secs(1) }];
    assert_eq!(world.refused(), none());
    world.group().ready_wait_minutes = None;
    assert_eq!(world.refused(), ["BG3205"]);
}

#[test]
fn a_bake_fits_into_what_aws_waits() {
    let mut world = World::code_deploy(CANARY);
    world.group().termination_wait_minutes = 10;
    assert_eq!(world.refused(), none(), "a bake may take the whole wait");
    world.group().termination_wait_minutes = 9;
    assert_eq!(world.refused(), ["BG3206"]);
    let cure = "write `bake: 9m`, or set the group's termination wait to 10 minutes (TERMINATE) or more";
    assert_eq!(world.finding("BG3206").cure, cure);
    let mut world = World::code_deploy(CANARY);
    world.group().terminates_old = false;
    assert_eq!(world.refused(), ["BG3206"]);
    let mut world = World::ecs(CANARY);
    world.spec.pause_timeout = Duration::from_secs(600);
    assert_eq!(world.refused(), ["BG3206"], "an answer at the last moment comes too late");
    world.spec.pause_timeout = Duration::from_secs(660);
    assert_eq!(world.refused(), none());
}

#[test]
fn steps_that_cannot_be_done_name_what_can() {
    let uneven =
        "{ canary: { steps: [{ setWeight: 1 }, { pause: { duration: 5m } }, { setWeight: 10 }, { pause: {} }] } }";
    let world = World::code_deploy(uneven);
    assert_eq!(world.refused(), ["BG3203", "BG3201"]);
    let finding = world.finding("BG3201");
    assert_eq!(
        finding.cure,
        "nearest is `strategy: { canary: { steps: [{ setWeight: 1 }, { pause: { duration: 5m } }] } }`; \
         `engine: alb` can carry out your own"
    );
    let fine = "{ canary: { steps: [{ setWeight: 12.5 }, { pause: { duration: 90s } }] } }";
    let cure = World::code_deploy(fine).finding("BG3201").cure;
    assert!(cure.ends_with("`engine: ecs` or `engine: alb` can carry out your own"), "{cure}");
    let long = "{ linear: { step: 10, every: 36h } }";
    assert!(World::ecs(long).finding("BG3207").cure.starts_with("write `ecs: { pauseTimeout: 1d12h10m }`"));
}

#[test]
fn what_is_asked_for_in_vain_is_said() {
    for make in [World::code_deploy, World::ecs] {
        let mut world = make(CANARY);
        let codes = |world: &World| world.built().findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>();
        assert!(["BG3250", "BG3251"].iter().all(|code| !codes(&world).contains(&(*code).to_owned())));
        world.spec.capacity = Capacity::MatchWeight;
        world.spec.after = AfterCommit::KeepWarm;
        assert_eq!(world.finding("BG3250").severity, Severity::Warn);
        assert_eq!(world.finding("BG3251").severity, Severity::Info);
        world.spec.after = AfterCommit::ScaleTo(2);
        assert_eq!(world.finding("BG3251").severity, Severity::Warn);
    }
}

#[test]
fn what_code_deploy_does_by_itself_is_said() {
    let mut world = World::code_deploy(CANARY);
    let codes = |world: &World| world.built().findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>();
    assert_eq!(codes(&world), ["BG3253", "BG3217"]);
    world.group().alarms = Some(vec!["5xx".into(), "disk".into()]);
    world.spec.alarm_policy.allow_red = vec!["5xx".into()];
    assert_eq!(codes(&world), ["BG3253", "BG3216", "BG3219", "BG3217"]);
    assert!(world.finding("BG3216").what.ends_with("disk"));
}

#[test]
fn ecs_gets_our_strategy_and_pauses_and_keeps_the_rest() {
    let built = World::ecs(CANARY).built();
    let engine = native(&built.plan);
    let configuration = &engine.configuration;
    assert_eq!(configuration["strategy"], "CANARY");
    assert_eq!(configuration["canaryConfiguration"], json!({"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 0}));
    assert_eq!(configuration.get("linearConfiguration"), None, "nulls are not sent");
    assert_eq!(configuration["bakeTimeInMinutes"], 0);
    assert_eq!(configuration["maximumPercent"], 200);
    assert_eq!(configuration["alarms"]["alarmNames"], json!(["5xx"]));
    let hooks = configuration["lifecycleHooks"].as_array().unwrap();
    assert_eq!(hooks[0]["lifecycleStages"], json!(["POST_TEST_TRAFFIC_SHIFT"]), "the user's own");
    for (hook, stage) in hooks[1..].iter().zip(["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"]) {
        let expected = json!({
            "targetType": "PAUSE", "lifecycleStages": [stage],
            "hookDetails": {"bluegreen": "bluegreen run 20261123t060512z-front-000001"},
            "timeoutConfiguration": {"timeoutInMinutes": 1440, "action": "ROLLBACK"},
        });
        assert_eq!(*hook, expected);
    }
    assert_eq!(hooks.len(), 3);
    assert_eq!(engine.pause_timeout(), Some(Duration::from_secs(86_400)));
    assert_eq!(engine.declared["strategy"], "BLUE_GREEN");
    assert_eq!(engine.declared["bakeTimeInMinutes"], 5);
    let linear = World::ecs("{ linear: { step: 12.5, every: 1s } }").built();
    let linear = native(&linear.plan).configuration["linearConfiguration"].clone();
    assert_eq!(linear, json!({"stepPercent": 12.5, "stepBakeTimeInMinutes": 0}));
    let all = World::ecs("{ blueGreen: {} }").built();
    assert_eq!(native(&all.plan).configuration["strategy"], "BLUE_GREEN");
}

#[test]
fn ecs_routes_are_those_of_the_service_default_rules_included() {
    let built = World::ecs(CANARY).built();
    assert_eq!(built.plan.route_ids().collect::<Vec<_>>(), [&rule("prod", "main")]);
    let test = built.plan.baseline.test_route.map(|route| route.id);
    assert_eq!(test, Some(RouteId::DefaultAction(listener("test"))));
    assert_eq!((built.plan.groups.blue, built.plan.groups.green), (group_arn("blue"), group_arn("green")));
}

#[test]
fn live_rules_are_checked_since_ecs_does_not() {
    let refused = |bend: fn(&mut World)| {
        let mut world = World::ecs(CANARY);
        bend(&mut world);
        world.refused()
    };
    assert_eq!(refused(|world| world.routes()[0] = route(rule("prod", "main"), &[("other", 1)])), ["BG3221"]);
    assert_eq!(refused(|world| drop(world.routes().drain(..2))), ["BG3221"], "the rule is gone");
    assert_eq!(
        refused(|world| world.routes()[0] = route(rule("prod", "main"), &[("blue", 1)])),
        ["BG3221"],
        "green is in neither rule"
    );
    assert_eq!(refused(|world| world.service()["loadBalancers"][0]["advancedConfiguration"] = json!(null)), ["BG3220"]);
    assert_eq!(
        refused(|world| world.service()["deploymentConfiguration"]["strategy"] = json!("ROLLING")),
        none(),
        "the strategy is ours to set; the pair is what matters"
    );
    assert_eq!(
        refused(|world| {
            let one = world.service()["loadBalancers"][0].clone();
            world.service()["loadBalancers"] = json!([one, one]);
        }),
        ["BG3220"]
    );
}

#[test]
fn pauses_that_a_killed_run_left_are_not_declared() {
    let mut world = World::ecs(CANARY);
    let left = native(&World::ecs(CANARY).built().plan).configuration["lifecycleHooks"].clone();
    world.service()["deploymentConfiguration"]["lifecycleHooks"] = left;
    let built = world.built();
    let engine = native(&built.plan);
    assert_eq!(engine.declared["lifecycleHooks"].as_array().unwrap().len(), 1);
    assert_eq!(engine.configuration["lifecycleHooks"].as_array().unwrap().len(), 3);
    assert!(world.finding("BG3222").cure.ends_with("bluegreen resume 20261123t060512z-front-000001"));
    world.service()["deploymentConfiguration"]["lifecycleHooks"] =
        json!([{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}]);
    assert_eq!(world.finding("BG3224").severity, Severity::Warn);
}

#[test]
fn a_pause_of_somebody_else_where_ours_stands_is_refused() {
    for stage in ["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"] {
        let mut world = World::ecs(CANARY);
        world.service()["deploymentConfiguration"]["lifecycleHooks"] =
            json!([{"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP", stage]}]);
        assert_eq!(world.refused(), ["BG3225"], "{stage}");
    }
}

#[test]
fn the_engine_fits_the_service_or_the_one_that_does_is_named() {
    let mut world = World::code_deploy(CANARY);
    world.spec.engine = Asked::Ecs;
    assert_eq!(world.refused(), ["BG3011"]);
    assert_eq!(world.finding("BG3011").cure, "write `engine: codedeploy`");
    let mut world = World::ecs(CANARY);
    world.spec.engine = Asked::CodeDeploy;
    assert_eq!(world.finding("BG3011").cure, "write `engine: ecs`");
    world.service()["deploymentController"] = json!({"type": "EXTERNAL"});
    assert_eq!(world.refused(), ["BG3011"]);
}

#[test]
fn auto_takes_what_the_service_is_and_says_so() {
    let chosen = |world: &mut World| {
        world.spec.engine = Asked::Auto;
        let built = world.built();
        let why = built.findings.into_iter().find(|finding| finding.code == "BG3240").unwrap();
        assert_eq!(why.severity, Severity::Info);
        (built.plan.engine.word(), why.what)
    };
    assert_eq!(
        chosen(&mut World::code_deploy(CANARY)),
        ("codedeploy", "the engine is codedeploy: service front has the controller CODE_DEPLOY".to_owned())
    );
    assert_eq!(chosen(&mut World::ecs(CANARY)).0, "ecs");
    let mut world = World::ecs(CANARY);
    world.spec.engine = Asked::Auto;
    world.service()["deploymentController"] = json!({"type": "EXTERNAL"});
    assert_eq!(world.refused(), ["BG3241"]);
    world.live().service = lost(ErrorClass::Denied);
    assert_eq!(world.refused(), ["BG3001"], "nothing is chosen by what cannot be read");
}

#[test]
fn a_network_load_balancer_is_refused() {
    let mut world = World::code_deploy(CANARY);
    for group in [&mut world.survey.groups.blue, &mut world.survey.groups.green] {
        group.value.as_mut().unwrap().protocol = "TCP".into();
    }
    assert_eq!(world.refused(), ["BG3209"]);
}
