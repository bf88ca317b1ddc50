//! A service that AWS moves, as a survey sees it, for tests to bend.

use serde_json::{Value, json};

use crate::call::{CallError, ErrorClass};
use crate::model::{
    Action, ActionKind, ByColor, Forward, ForwardGroup, ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn,
    Timestamp, Weight,
};
use crate::observe::{
    AlarmKind, AlarmSnapshot, AlarmState, Controller, DeploymentGroup, DeploymentStatus, LoadBalancer,
    ManagedDeployment, ManagedDeployments, OldAndNew, Reading, RouteSnapshot, ServiceSnapshot, TargetGroup,
    TargetHealth, TaskDefinitionSnapshot,
};
use crate::plan::{Built, Finding, Inputs, Live, Release, Severity, Sought, Survey, build};
use crate::ports::Caller;
use crate::spec::{self, Spec};

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333";
const ECS: &str = "arn:aws:ecs:eu-west-3:111122223333";

/// Everything that a plan is made of.
pub(in crate::plan) struct World {
    pub spec: Spec,
    pub survey: Survey,
    pub inputs: Inputs,
}

pub(in crate::plan) fn now() -> Timestamp {
    "2026-11-23T06:05:12Z".parse().unwrap()
}

pub(in crate::plan) fn seen<T>(value: T) -> Reading<T> {
    Reading { seen_at: now(), value: Ok(value) }
}

pub(in crate::plan) fn lost<T>(class: ErrorClass) -> Reading<T> {
    let error = CallError { operation: "x:Describe".into(), class, message: "no".into() };
    Reading { seen_at: now(), value: Err(error) }
}

pub(in crate::plan) fn group_arn(name: &str) -> TargetGroupArn {
    format!("{ELB}:targetgroup/{name}/1").parse().unwrap()
}

pub(in crate::plan) fn listener(name: &str) -> ListenerArn {
    format!("{ELB}:listener/app/shop/1/{name}").parse().unwrap()
}

pub(in crate::plan) fn rule(listener: &str, name: &str) -> RouteId {
    RouteId::Rule(format!("{ELB}:listener-rule/app/shop/1/{listener}/{name}").parse().unwrap())
}

pub(in crate::plan) fn route(id: RouteId, weights: &[(&str, u32)]) -> RouteSnapshot {
    let member = |(name, weight): &(&str, u32)| ForwardGroup {
        arn: group_arn(name),
        weight: Some(Weight::try_from(*weight).unwrap()),
    };
    let forward = Forward { groups: weights.iter().map(member).collect(), stickiness: None };
    let priority = if matches!(id, RouteId::DefaultAction(_)) { "default" } else { "10" };
    let actions = vec![Action { order: Some(1), kind: ActionKind::Forward(forward) }];
    RouteSnapshot { id, priority: priority.to_owned(), conditions: json!([]), actions }
}

fn revision(short: &str) -> String {
    format!("{ECS}:task-definition/{short}")
}

fn document() -> Value {
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": "app", "image": "repo/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "essential": true, "portMappings": [{"containerPort": 80}],
        }],
    })
}

fn target_group(name: &str) -> TargetGroup {
    TargetGroup {
        arn: group_arn(name),
        load_balancers: vec![balancer_arn()],
        protocol: "HTTP".into(),
        target_type: "ip".into(),
        vpc: "vpc-1".into(),
        drain_seconds: 300,
        target_sticky: false,
    }
}

pub(in crate::plan) fn balancer_arn() -> LoadBalancerArn {
    format!("{ELB}:loadbalancer/app/shop/1").parse().unwrap()
}

fn snapshot(controller: Controller) -> ServiceSnapshot {
    ServiceSnapshot {
        arn: format!("{ECS}:service/shop/front"),
        name: "front".into(),
        status: "ACTIVE".into(),
        created_at: None,
        controller,
        task_definition: revision("web:1").parse().unwrap(),
        desired: 4,
        running: 4,
        pending: 0,
        deployments: Vec::new(),
        target_groups: vec![group_arn("blue")],
        task_sets: Vec::new(),
        messages: Vec::new(),
    }
}

pub(in crate::plan) fn deployment(id: &str, run: Option<&str>) -> ManagedDeployment {
    ManagedDeployment {
        id: crate::model::DeploymentId::new(id),
        run: run.map(|run| run.parse().unwrap()),
        creator: "user".into(),
        created_at: now(),
        task_definition: None,
        status: DeploymentStatus::InProgress,
        stage: None,
        waits_for: None,
        wait_ends: None,
        share_ppm: None,
        events: Vec::new(),
        tasks: OldAndNew::default(),
        why: None,
        rolled_back_by: None,
        rollback_of: None,
    }
}

fn spec_of(engine: &str, strategy: &str) -> Spec {
    let text = format!(
        "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\n\
         taskDefinition: {{ file: t.json }}\nfleet: {{ service: front }}\nengine: {engine}\n\
         strategy: {strategy}\nbake: 10m\nafter: {{ scaleTo: 0 }}\nalarms: [5xx]\n"
    );
    spec::parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0
}

impl World {
    fn new(engine: &str, strategy: &str, service: Value, controller: Controller) -> World {
        let service_reading = seen(snapshot(controller));
        let task =
            TaskDefinitionSnapshot { arn: revision("web:1").parse().unwrap(), active: true, document: document() };
        let health = |healthy| seen(TargetHealth { healthy, ..TargetHealth::default() });
        let alarm = AlarmSnapshot {
            name: "5xx".into(),
            kind: AlarmKind::Metric,
            state: AlarmState::Ok,
            transitioned_at: None,
            reason: String::new(),
            definition: "d".into(),
            window_seconds: 60,
            dimensions: Vec::new(),
        };
        let caller =
            Caller { account: "111122223333".into(), region: "eu-west-3".into(), arn: "arn:aws:iam::1:user/u".into() };
        let balancer = LoadBalancer {
            arn: balancer_arn(),
            listeners: vec![listener("prod"), listener("test")],
            routes: vec![
                route(rule("prod", "main"), &[("blue", 100), ("green", 0)]),
                route(RouteId::DefaultAction(listener("prod")), &[("other", 1)]),
                route(RouteId::DefaultAction(listener("test")), &[("blue", 1)]),
            ],
        };
        let survey = Survey {
            at: now(),
            caller: seen(caller),
            services: ByColor { blue: service_reading.clone(), green: service_reading },
            groups: ByColor { blue: seen(target_group("blue")), green: seen(target_group("green")) },
            health: ByColor { blue: health(4), green: health(0) },
            revisions: ByColor { blue: seen(task.clone()), green: seen(task) },
            routes: Vec::new(),
            test_route: None,
            load_balancers: vec![seen(balancer)],
            alarms: seen(vec![alarm]),
            control: None,
            live: Some(Live {
                service: seen(service),
                group: None,
                config: None,
                deployments: Some(seen(ManagedDeployments::default())),
                released: None,
            }),
            hours: Vec::new(),
        };
        let release = Release::Register { family: "web".into(), document: document() };
        World { spec: spec_of(engine, strategy), survey, inputs: Inputs { release, appspec: None } }
    }

    /// A service with the controller CODE_DEPLOY, its deployment group, and a listener for tests.
    pub(in crate::plan) fn code_deploy(strategy: &str) -> World {
        let service = json!({
            "serviceName": "front", "status": "ACTIVE",
            "deploymentController": {"type": "CODE_DEPLOY"},
            "taskDefinition": revision("web:0"),
            "taskSets": [{
                "status": "PRIMARY", "taskDefinition": revision("web:1"), "platformVersion": "1.4.0",
                "loadBalancers": [{"containerName": "app", "containerPort": 80, "targetGroupArn": group_arn("blue").as_str()}],
                "networkConfiguration": {"awsvpcConfiguration": {
                    "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED",
                }},
                "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
            }],
        });
        let mut world = World::new("codedeploy", strategy, service, Controller::CodeDeploy);
        let group = DeploymentGroup {
            application: "AppECS-shop-front".into(),
            name: "DgpECS-shop-front".into(),
            compute_platform: "ECS".into(),
            service: Some(("shop".into(), "front".into())),
            target_groups: vec!["blue".into(), "green".into()],
            production_listeners: vec![listener("prod").as_str().to_owned()],
            test_listeners: vec![listener("test").as_str().to_owned()],
            config: None,
            ready_wait_minutes: Some(60),
            termination_wait_minutes: 30,
            terminates_old: true,
            alarms: None,
            service_role: "arn:aws:iam::111122223333:role/cd".into(),
        };
        world.live().group = Some(Sought::One(Box::new(seen(group))));
        world
    }

    /// A service whose traffic ECS itself shifts: blue green by declaration, with a hook and an alarm of the user's.
    pub(in crate::plan) fn ecs(strategy: &str) -> World {
        let RouteId::Rule(production) = rule("prod", "main") else { unreachable!() };
        let service = json!({
            "serviceName": "front", "status": "ACTIVE", "taskDefinition": revision("web:1"),
            "deploymentController": {"type": "ECS"},
            "deploymentConfiguration": {
                "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "maximumPercent": 200,
                "minimumHealthyPercent": 100, "linearConfiguration": null,
                "lifecycleHooks": [{
                    "hookTargetArn": "arn:aws:lambda:eu-west-3:111122223333:function:f", "roleArn": "r",
                    "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
                }],
                "alarms": {"alarmNames": ["5xx"], "enable": true, "rollback": true},
            },
            "loadBalancers": [{
                "containerName": "app", "containerPort": 80, "targetGroupArn": group_arn("blue").as_str(),
                "advancedConfiguration": {
                    "alternateTargetGroupArn": group_arn("green").as_str(),
                    "productionListenerRule": production.as_str(),
                    "testListenerRule": format!("{ELB}:listener-rule/app/shop/1/test/default"),
                    "roleArn": "arn:aws:iam::111122223333:role/ecs",
                },
            }],
        });
        World::new("ecs", strategy, service, Controller::Native("BLUE_GREEN".into()))
    }

    pub(in crate::plan) fn live(&mut self) -> &mut Live {
        self.survey.live.as_mut().unwrap()
    }

    pub(in crate::plan) fn service(&mut self) -> &mut Value {
        self.live().service.value.as_mut().unwrap()
    }

    pub(in crate::plan) fn group(&mut self) -> &mut DeploymentGroup {
        match &mut self.live().group {
            Some(Sought::One(reading)) => reading.value.as_mut().unwrap(),
            _ => panic!("no group"),
        }
    }

    pub(in crate::plan) fn routes(&mut self) -> &mut Vec<RouteSnapshot> {
        &mut self.survey.load_balancers[0].value.as_mut().unwrap().routes
    }

    pub(in crate::plan) fn build(&self) -> Result<Built, Vec<Finding>> {
        let run = "20261123t060512z-front-000001".parse().unwrap();
        build(&self.spec, &self.survey, self.inputs.clone(), run, now())
    }

    /// The plan with its notes.
    pub(in crate::plan) fn built(&self) -> Built {
        self.build().unwrap_or_else(|findings| panic!("{findings:#?}"))
    }

    /// The codes of what refuses, in order.
    pub(in crate::plan) fn refused(&self) -> Vec<String> {
        let Err(findings) = self.build() else { return Vec::new() };
        let refusing = findings.into_iter().filter(|finding| finding.severity == Severity::Refuse);
        refusing.map(|finding| finding.code).collect()
    }

    /// The one finding with this code.
    pub(in crate::plan) fn finding(&self, code: &str) -> Finding {
        let findings = self.build().map_or_else(|findings| findings, |built| built.findings);
        let found = findings.iter().find(|finding| finding.code == code);
        found.unwrap_or_else(|| panic!("no {code} in {findings:#?}")).clone()
    }
}
