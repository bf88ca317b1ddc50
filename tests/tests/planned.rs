//! From a spec through a look at the sandbox's world to a plan, and that plan to its end: every engine.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::drive::{DriveError, Driver, Ended, Interrupt, Milestone};
use bluegreen_core::event::Silent;
use bluegreen_core::journal::{Operator, Terminal};
use bluegreen_core::model::{Color, RouteId, RunId};
use bluegreen_core::plan::{self, Built, Engine, Finding, Inputs, Plan};
use bluegreen_core::ports::Ports;
use bluegreen_core::spec::{self, Spec};
use bluegreen_sandbox::executor::{End, Schedule, Sim};
use bluegreen_sandbox::services::call;
use bluegreen_sandbox::wire::Service;
use bluegreen_sandbox::world::{Client, Config, World};
use serde_json::{Value, json};

/// What an operator of these worlds comes to.
#[derive(Clone, Debug)]
enum Outcome {
    Planned(Box<Result<Built, Vec<Finding>>>),
    Driven(Result<Ended, DriveError>),
}

/// Which kind of service the shop has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    CodeDeploy,
    Ecs,
}

struct Shop {
    world: World,
    kind: Kind,
}

fn text(answer: &Value, pointer: &str) -> String {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn definition(version: &str) -> Value {
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "app", "image": format!("repo/app:{version}"), "portMappings": [{"containerPort": 8080}],
        }],
    })
}

impl Shop {
    fn call(&mut self, service: Service, operation: &str, input: Value) -> Value {
        call(&mut self.world, "owner", service, operation, input)
            .unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    }

    /// A service with a pair of groups and a listener; `group` names CodeDeploy's application and group.
    fn open(kind: Kind, group: (&str, &str)) -> Shop {
        let mut shop = Shop { world: World::new(Config::fast(7)), kind };
        let elb = Service::Elbv2;
        let balancer =
            shop.call(elb, "CreateLoadBalancer", json!({"Name": "shop", "Subnets": ["subnet-1", "subnet-2"]}));
        let balancer = text(&balancer, "/LoadBalancers/0/LoadBalancerArn");
        let pair = ["blue", "green"].map(|name| {
            let group = json!({"Name": name, "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "TargetType": "ip"});
            text(&shop.call(elb, "CreateTargetGroup", group), "/TargetGroups/0/TargetGroupArn")
        });
        let split = json!([{"TargetGroupArn": pair[0], "Weight": 100}, {"TargetGroupArn": pair[1], "Weight": 0}]);
        let forward = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": split}}]);
        let listener = json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": forward});
        let listener = text(&shop.call(elb, "CreateListener", listener), "/Listeners/0/ListenerArn");
        shop.call(Service::Ecs, "CreateCluster", json!({"clusterName": "shop"}));
        shop.call(Service::Ecs, "RegisterTaskDefinition", definition("1"));
        shop.serve(&pair, &listener);
        if kind == Kind::CodeDeploy {
            shop.deployed_by(group, &listener);
        }
        shop.world.advance_to(60_000);
        shop
    }

    fn serve(&mut self, pair: &[String; 2], listener: &str) {
        let mut balancer = json!({"targetGroupArn": pair[0], "containerName": "app", "containerPort": 8080});
        let mut service = json!({
            "cluster": "shop", "serviceName": "front", "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        });
        if self.kind == Kind::CodeDeploy {
            service["deploymentController"] = json!({"type": "CODE_DEPLOY"});
        } else {
            let rules = self.call(Service::Elbv2, "DescribeRules", json!({"ListenerArn": listener}));
            balancer["advancedConfiguration"] = json!({
                "alternateTargetGroupArn": pair[1], "productionListenerRule": text(&rules, "/Rules/0/RuleArn"),
                "roleArn": "arn:aws:iam::111122223333:role/ecs",
            });
            service["deploymentConfiguration"] = declared();
        }
        service["loadBalancers"] = json!([balancer]);
        self.call(Service::Ecs, "CreateService", service);
    }

    fn deployed_by(&mut self, (application, group): (&str, &str), listener: &str) {
        let application_of = json!({"applicationName": application, "computePlatform": "ECS"});
        self.call(Service::CodeDeploy, "CreateApplication", application_of);
        let group = json!({
            "applicationName": application, "deploymentGroupName": group,
            "serviceRoleArn": "arn:aws:iam::111122223333:role/codedeploy",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "ecsServices": [{"clusterName": "shop", "serviceName": "front"}],
            "loadBalancerInfo": {"targetGroupPairInfoList": [{
                "targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": [listener]},
            }]},
            "blueGreenDeploymentConfiguration": {
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 30},
                "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60},
            },
            "autoRollbackConfiguration": {"enabled": true, "events": ["DEPLOYMENT_FAILURE"]},
        });
        self.call(Service::CodeDeploy, "CreateDeploymentGroup", group);
    }

    fn sim(self) -> Sim<Outcome> {
        let mut sim = Sim::new(self.world, 7);
        sim.bounds.time = Duration::from_secs(12 * 3600);
        sim
    }
}

fn declared() -> Value {
    json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "maximumPercent": 200, "minimumHealthyPercent": 100})
}

/// One spec for both; only the engine's word and the strategy differ.
fn spec_of(engine: &str, strategy: &str) -> Spec {
    let text = format!(
        "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\n\
         taskDefinition: {{ file: t.json }}\nfleet: {{ service: front }}\nengine: {engine}\n\
         strategy: {strategy}\nbake: 10m\nalarms: []\n"
    );
    spec::parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0
}

/// One look, and the plan that comes of it.
async fn make(ports: Ports, spec: Spec) -> Result<Built, Vec<Finding>> {
    let survey = plan::survey(&ports, &spec).await;
    let text = definition("2").to_string();
    let release = plan::release(&spec, &survey, Some(&text)).unwrap();
    let now = ports.clock.now();
    let run = RunId::new(&spec.service, now, 7);
    let mut built = plan::build(&spec, &survey, Inputs { release, appspec: None }, run, now)?;
    built.findings.extend(plan::lint(&built.plan, &survey));
    Ok(built)
}

/// Runs everybody who was added to the end; the last one's outcome.
fn settle(sim: &mut Sim<Outcome>, operator: &str) -> Outcome {
    let report = sim.run(&Schedule::RoundRobin);
    assert_eq!(report.end, End::Settled, "{:#?}", report.operators);
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    report.result(operator).cloned().unwrap_or_else(|| panic!("{:#?}", report.operators))
}

fn planned(sim: &mut Sim<Outcome>, spec: Spec) -> Result<Built, Vec<Finding>> {
    let ports = sim.ports("planner");
    sim.spawn("planner", async move { Outcome::Planned(Box::new(make(ports, spec).await)) });
    match settle(sim, "planner") {
        Outcome::Planned(made) => *made,
        Outcome::Driven(ended) => panic!("{ended:?}"),
    }
}

fn driver(sim: &Sim<Outcome>, name: &str) -> Driver {
    Driver {
        ports: sim.ports(name),
        store: sim.store(name),
        reporter: Arc::new(Silent),
        interrupt: Interrupt::default(),
        operator: Operator { user: name.to_owned(), host: "sim".to_owned(), pid: 1, version: "0".to_owned() },
    }
}

fn driven(sim: &mut Sim<Outcome>, plan: &Plan, until: Option<Milestone>) -> Ended {
    let (driver, plan) = (driver(sim, "a"), plan.clone());
    sim.spawn("a", async move { Outcome::Driven(driver.start_until(&plan, until).await) });
    ended(settle(sim, "a"))
}

fn resumed(sim: &mut Sim<Outcome>, plan: &Plan) -> Ended {
    let (driver, run) = (driver(sim, "b"), plan.run.clone());
    sim.spawn("b", async move { Outcome::Driven(driver.resume(&run).await) });
    ended(settle(sim, "b"))
}

fn ended(outcome: Outcome) -> Ended {
    match outcome {
        Outcome::Driven(ended) => ended.unwrap(),
        Outcome::Planned(made) => panic!("{made:?}"),
    }
}

fn terminal(ended: &Ended) -> Option<Terminal> {
    match ended {
        Ended::Finished(ending) => Some(ending.terminal),
        Ended::Reached { .. } | Ended::Left { .. } => None,
    }
}

/// What the default action sends to which group, as the API shows it.
fn weights(sim: &mut Sim<Outcome>) -> Vec<(String, u64)> {
    let balancers =
        sim.world_mut(|world| call(world, "owner", Service::Elbv2, "DescribeLoadBalancers", json!({}))).unwrap();
    let arn = text(&balancers, "/LoadBalancers/0/LoadBalancerArn");
    let asked = json!({"LoadBalancerArn": arn});
    let shown = sim.world_mut(|world| call(world, "owner", Service::Elbv2, "DescribeListeners", asked)).unwrap();
    let groups = shown.pointer("/Listeners/0/DefaultActions/0/ForwardConfig/TargetGroups").unwrap();
    let weight = |group: &Value| {
        let arn = text(group, "/TargetGroupArn");
        (arn.split('/').nth(1).unwrap_or_default().to_owned(), group["Weight"].as_u64().unwrap_or(1))
    };
    groups.as_array().unwrap().iter().map(weight).filter(|(_, weight)| *weight > 0).collect()
}

const CANARY: &str = "{ canary: { steps: [{ setWeight: 10 }, { pause: { duration: 5m } }] } }";

#[test]
fn code_deploy_is_planned_and_promoted() {
    for group in [("AppECS-shop-front", "DgpECS-shop-front"), ("mine", "own")] {
        for strategy in [CANARY, "{ linear: { step: 40, every: 2m } }", "{ blueGreen: {} }"] {
            let mut sim = Shop::open(Kind::CodeDeploy, group).sim();
            let built = planned(&mut sim, spec_of("auto", strategy)).unwrap_or_else(|reasons| panic!("{reasons:#?}"));
            let Engine::CodeDeploy(engine) = &built.plan.engine else { panic!("{:?}", built.plan.engine) };
            assert_eq!((engine.application.as_str(), engine.group.as_str()), group);
            assert_eq!(engine.create_config, strategy.contains("linear"));
            assert_eq!(built.plan.stable(), Color::Blue);
            let end = driven(&mut sim, &built.plan, None);
            assert_eq!(terminal(&end), Some(Terminal::Promoted), "{strategy}: {end:?}");
            assert_eq!(weights(&mut sim), [("green".to_owned(), 100)]);
        }
    }
}

/// Names that tools cut can be those of another service's group.
#[test]
fn a_group_of_another_service_is_not_taken_for_its_name() {
    let mut shop = Shop::open(Kind::CodeDeploy, ("mine", "own"));
    let (application, group) = ("AppECS-shop-front", "DgpECS-shop-front");
    shop.call(
        Service::CodeDeploy,
        "CreateApplication",
        json!({"applicationName": application, "computePlatform": "ECS"}),
    );
    let asked = json!({"applicationName": "mine", "deploymentGroupName": "own"});
    let own = shop.call(Service::CodeDeploy, "GetDeploymentGroup", asked)["deploymentGroupInfo"].clone();
    shop.call(Service::Ecs, "CreateService", json!({
        "cluster": "shop", "serviceName": "back", "taskDefinition": "web", "desiredCount": 0, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "deploymentController": {"type": "CODE_DEPLOY"},
        "loadBalancers": [{
            "targetGroupArn": shop.world.state().group("green").unwrap().arn.to_string(),
            "containerName": "app", "containerPort": 8080,
        }],
    }));
    let mut other = json!({
        "applicationName": application, "deploymentGroupName": group,
        "ecsServices": [{"clusterName": "shop", "serviceName": "back"}],
    });
    for member in [
        "serviceRoleArn",
        "deploymentConfigName",
        "deploymentStyle",
        "loadBalancerInfo",
        "blueGreenDeploymentConfiguration",
    ] {
        other[member] = own[member].clone();
    }
    shop.call(Service::CodeDeploy, "CreateDeploymentGroup", other);
    let built =
        planned(&mut shop.sim(), spec_of("codedeploy", CANARY)).unwrap_or_else(|reasons| panic!("{reasons:#?}"));
    let Engine::CodeDeploy(engine) = &built.plan.engine else { panic!("{:?}", built.plan.engine) };
    assert_eq!((engine.application.as_str(), engine.group.as_str()), ("mine", "own"));
}

#[test]
fn ecs_is_planned_and_promoted_and_put_back_as_declared() {
    for strategy in [CANARY, "{ linear: { step: 40, every: 90s } }", "{ blueGreen: {} }"] {
        let mut sim = Shop::open(Kind::Ecs, ("", "")).sim();
        let built = planned(&mut sim, spec_of("auto", strategy)).unwrap_or_else(|reasons| panic!("{reasons:#?}"));
        assert!(matches!(built.plan.engine, Engine::Ecs(_)), "{:?}", built.plan.engine);
        let end = driven(&mut sim, &built.plan, None);
        assert_eq!(terminal(&end), Some(Terminal::Promoted), "{strategy}: {end:?}");
        assert_eq!(weights(&mut sim), [("green".to_owned(), 100)]);
        let asked = json!({"cluster": "shop", "services": ["front"]});
        let shown = sim.world_mut(|world| call(world, "owner", Service::Ecs, "DescribeServices", asked)).unwrap();
        let configuration = shown.pointer("/services/0/deploymentConfiguration").unwrap();
        assert_eq!(configuration["strategy"], declared()["strategy"], "{configuration:#}");
        assert_eq!(configuration["lifecycleHooks"].as_array().map_or(0, Vec::len), 0, "{configuration:#}");
    }
}

/// The metrics are asked of the same fleets that the release moves between.
#[test]
fn what_is_judged_is_read_before_it_is_planned() {
    let mut shop = Shop::open(Kind::Ecs, ("", ""));
    let judged = "{ linear: { step: 50, every: 15m } }\nanalysis: [ { metric: errorRate } ]";
    let codes = |sim: &mut Sim<Outcome>| -> Vec<String> {
        let built = planned(sim, spec_of("ecs", judged)).unwrap_or_else(|reasons| panic!("{reasons:#?}"));
        assert_eq!(built.plan.analysis.as_ref().map(|analysis| analysis.sources.len()), Some(1));
        built.findings.into_iter().map(|finding| finding.code).filter(|code| code.starts_with("BG33")).collect()
    };
    let listeners = shop.world.state().listeners.keys().cloned().collect::<Vec<_>>();
    let route = RouteId::DefaultAction(listeners[0].clone());
    shop.world.traffic.visit_every = 1_000;
    let silent = Shop { world: shop.world.clone(), kind: Kind::Ecs };
    shop.world.traffic.clients.extend((0..20).map(|_| Client::new(route.clone())));
    shop.world.advance_to(3_700_000);
    assert_eq!(codes(&mut silent.sim()), ["BG3302"], "nobody came");
    assert_eq!(codes(&mut shop.sim()), ["BG3303"], "1200 requests a minute, none of them bad");
}

#[test]
fn a_run_is_left_where_it_was_agreed_and_taken_up_there() {
    for (kind, point) in [
        (Kind::CodeDeploy, "10%"),
        (Kind::CodeDeploy, "codedeploy:AllowTraffic"),
        (Kind::CodeDeploy, "baked"),
        (Kind::Ecs, "10%"),
        (Kind::Ecs, "ecs:POST_PRODUCTION_TRAFFIC_SHIFT"),
        (Kind::Ecs, "committed"),
    ] {
        let mut sim = Shop::open(kind, ("mine", "own")).sim();
        let plan = planned(&mut sim, spec_of("auto", CANARY)).unwrap_or_else(|reasons| panic!("{reasons:#?}")).plan;
        let milestone = Milestone::of(&plan, point).unwrap();
        assert_eq!(driven(&mut sim, &plan, Some(milestone.clone())), Ended::Reached { milestone }, "{point}");
        let end = resumed(&mut sim, &plan);
        assert_eq!(terminal(&end), Some(Terminal::Promoted), "{point}: {end:?}");
    }
}

#[test]
fn a_deployment_of_somebody_else_refuses_by_its_id() {
    for (kind, engine) in [(Kind::CodeDeploy, "codedeploy"), (Kind::Ecs, "ecs")] {
        let mut shop = Shop::open(kind, ("mine", "own"));
        let revision = text(
            &shop.call(Service::Ecs, "RegisterTaskDefinition", definition("3")),
            "/taskDefinition/taskDefinitionArn",
        );
        if kind == Kind::CodeDeploy {
            let info = json!({"ContainerName": "app", "ContainerPort": 8080});
            let properties = json!({"TaskDefinition": revision, "LoadBalancerInfo": info});
            let resource = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
            let content = json!({"version": "0.0", "Resources": [resource]}).to_string();
            shop.call(
                Service::CodeDeploy,
                "CreateDeployment",
                json!({
                    "applicationName": "mine", "deploymentGroupName": "own",
                    "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}},
                }),
            );
        } else {
            let change = json!({"cluster": "shop", "service": "front", "taskDefinition": revision});
            shop.call(Service::Ecs, "UpdateService", change);
        }
        let reasons = planned(&mut shop.sim(), spec_of(engine, CANARY)).unwrap_err();
        let foreign = reasons.iter().find(|finding| finding.code == "BG3230");
        let what = &foreign.unwrap_or_else(|| panic!("{reasons:#?}")).what;
        assert!(what.contains(": d-") || what.contains("service-deployment/"), "{what}");
    }
}
