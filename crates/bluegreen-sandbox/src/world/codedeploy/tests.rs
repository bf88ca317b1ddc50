use bluegreen_core::model::{
    Action, ActionKind, Forward, ForwardGroup, GroupStickiness, ListenerArn, RouteId, TargetGroupArn,
    TaskDefinitionArn, Weight,
};
use bluegreen_core::observe::{AlarmKind, AlarmState, Controller};
use serde_json::{Map, Value, json};

use super::*;
use crate::world::{
    AlarmRecord, BalancerRecord, Behaviour, Config, GroupRecord, ListenerRecord, NewService, Registration,
    RolloutPolicy, RouteRecord, ServiceRecord, TaskSetStatus, Writer,
};

mod ends;
mod guards;
mod hooked;
mod paths;

const CLUSTER: &str = "shop";
const SERVICE: &str = "web";
const MINUTE: Ms = 60_000;

fn arn<A: std::str::FromStr<Err: std::fmt::Debug>>(resource: &str) -> A {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:{resource}").parse().unwrap()
}

fn blue() -> TargetGroupArn {
    arn("targetgroup/web-blue/aaaa")
}

fn green() -> TargetGroupArn {
    arn("targetgroup/web-green/bbbb")
}

fn listener(name: &str) -> ListenerArn {
    arn(&format!("listener/app/shop/50dc/{name}"))
}

fn production() -> RouteId {
    RouteId::DefaultAction(listener("https"))
}

fn sticky_rule() -> RouteId {
    RouteId::Rule(arn("listener-rule/app/shop/50dc/https/1122"))
}

fn test_route() -> RouteId {
    RouteId::DefaultAction(listener("test"))
}

fn forward(groups: &[(TargetGroupArn, u32)], seconds: Option<u32>) -> Vec<Action> {
    let member = |(arn, weight): &(TargetGroupArn, u32)| ForwardGroup {
        arn: arn.clone(),
        weight: Weight::try_from(*weight).ok(),
    };
    let stickiness = seconds.map(|_| GroupStickiness { enabled: true, duration_seconds: seconds });
    let forward = Forward { groups: groups.iter().map(member).collect(), stickiness };
    vec![Action { order: Some(1), kind: ActionKind::Forward(forward) }]
}

fn document() -> Value {
    let container = json!({"name": "app", "image": "process:demo", "portMappings": [{"containerPort": 8080}]});
    json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [container]})
}

/// A shop under CodeDeploy: two revisions, a service on the blue group, a production listener with a default action and
/// a sticky rule, a test listener, an application and a group of its own.
pub(crate) struct Kit {
    pub(crate) world: World,
    old: TaskDefinitionArn,
    pub(crate) new: TaskDefinitionArn,
}

impl Kit {
    pub(crate) fn new(edit: impl FnOnce(&mut Group)) -> Kit {
        let mut world = World::new(Config::fast(9));
        world.change(|state| {
            let balancer = arn("loadbalancer/app/shop/50dc");
            for (name, port) in [("https", 443), ("test", 8443)] {
                state
                    .listeners
                    .insert(listener(name), ListenerRecord::new(arn("loadbalancer/app/shop/50dc"), "HTTPS", port));
            }
            state.balancers.insert(balancer, BalancerRecord::new("shop"));
            for group in [blue(), green(), arn("targetgroup/ops/cccc")] {
                let record = GroupRecord { drain: 3_000, ..GroupRecord::new("HTTP", 80, "ip", "vpc-1") };
                state.groups.insert(group, record);
            }
            let to_blue = forward(&[(blue(), 1)], None);
            state.routes.insert(production(), RouteRecord::new("default", json!([]), to_blue.clone()));
            state.routes.insert(test_route(), RouteRecord::new("default", json!([]), to_blue));
            let sticky = forward(&[(blue(), 1)], Some(60));
            let paths = json!([{"Field": "path-pattern", "Values": ["/a/*"]}]);
            state.routes.insert(sticky_rule(), RouteRecord::new("10", paths.clone(), sticky));
            let ops = forward(&[(arn("targetgroup/ops/cccc"), 1)], None);
            let ops_rule = RouteId::Rule(arn("listener-rule/app/shop/50dc/https/3344"));
            state.routes.insert(ops_rule, RouteRecord::new("20", paths, ops));
            for name in ["web-5xx", "web-latency"] {
                let alarm = AlarmRecord::scripted(AlarmKind::Metric, Config::fast(0).start);
                state.alarms.insert(name.to_owned(), alarm);
            }
        });
        world.create_cluster(CLUSTER, json!({}));
        let old = world.register(&document(), std::collections::BTreeMap::new()).unwrap();
        let new = world.register(&document(), std::collections::BTreeMap::new()).unwrap();
        let mut settings = Map::new();
        settings.insert("networkConfiguration".to_owned(), json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}}));
        world
            .create_service(NewService {
                cluster: CLUSTER.to_owned(),
                name: SERVICE.to_owned(),
                controller: Controller::CodeDeploy,
                task_definition: Some(old.clone()),
                desired: 2,
                registers_in: vec![Registration { group: blue(), container: Some("app".into()), port: Some(8080) }],
                policy: RolloutPolicy::default(),
                settings,
            })
            .unwrap();
        world.create_application("shop", Platform::Ecs).unwrap();
        let mut group = Group {
            config: Some("CodeDeployDefault.ECSCanary10Percent5Minutes".to_owned()),
            service_role: "arn:aws:iam::111122223333:role/codedeploy".to_owned(),
            service: Some((CLUSTER.to_owned(), SERVICE.to_owned())),
            pair: Some(Pair {
                groups: ["web-blue".to_owned(), "web-green".to_owned()],
                production: listener("https"),
                test: Some(listener("test")),
            }),
            termination: Termination { ends: true, wait: 5 },
            ..Group::default()
        };
        edit(&mut group);
        world.create_deployment_group("shop", "web", group).unwrap();
        world.advance_to(60_000);
        Kit { world, old, new }
    }

    /// An AppSpec that brings `revision`, with hooks by event.
    pub(crate) fn appspec(revision: &TaskDefinitionArn, hooks: &[(&str, &str)]) -> String {
        let info = json!({"ContainerName": "app", "ContainerPort": 8080});
        let properties = json!({"TaskDefinition": revision.as_str(), "LoadBalancerInfo": info});
        let service = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
        let hooks: Vec<Value> = hooks.iter().map(|(event, function)| json!({*event: function})).collect();
        json!({"version": "0.0", "Resources": [service], "Hooks": hooks}).to_string()
    }

    fn wish(&self, hooks: &[(&str, &str)]) -> NewDeployment {
        NewDeployment {
            application: "shop".to_owned(),
            group: "web".to_owned(),
            revision: read_revision(&Kit::appspec(&self.new, hooks), None, false).unwrap(),
            config: None,
            description: "bluegreen run shop-1".to_owned(),
            alarms: None,
            rollback: None,
        }
    }

    fn deploy(&mut self) -> String {
        self.deploy_with(&[])
    }

    fn deploy_with(&mut self, hooks: &[(&str, &str)]) -> String {
        let wish = self.wish(hooks);
        self.world.create_deployment(wish).unwrap()
    }

    fn pass(&mut self, ms: Ms) {
        self.world.advance_to(self.world.now_ms() + ms);
    }

    fn get(&self, id: &str) -> &Deployment {
        self.world.deployment(id).unwrap()
    }

    fn status(&self, id: &str) -> Status {
        self.get(id).status
    }

    fn code(&self, id: &str) -> &'static str {
        self.get(id).error.as_ref().map_or("", |(code, _)| *code)
    }

    fn events(&self, id: &str) -> Vec<(&'static str, &'static str)> {
        self.get(id).events.iter().map(|event| (event.point.as_str(), event.status.as_str())).collect()
    }

    /// The share of the green group on a route in percent.
    fn green_on(&self, route: &RouteId) -> u32 {
        self.world.intended_share(route, &green()) / 10_000
    }

    fn greens(&self) -> [u32; 3] {
        [production(), sticky_rule(), test_route()].map(|route| self.green_on(&route))
    }

    fn service(&self) -> &ServiceRecord {
        &self.world.state().services[&(CLUSTER.to_owned(), SERVICE.to_owned())]
    }

    /// The service's task sets: revision, status.
    fn sets(&self) -> Vec<(&str, TaskSetStatus)> {
        self.service().task_sets.iter().map(|set| (set.definition.short(), set.status)).collect()
    }

    fn rollback(&self, of: &str) -> String {
        self.get(of).rolled_back_by.clone().expect("a rollback")
    }

    fn red(&mut self, alarm: &str) {
        self.world.set_alarm(alarm, AlarmState::Alarm, "scripted");
    }
}

fn rolls_back(group: &mut Group) {
    group.rollback = Rollback { enabled: true, events: RollbackEvent::ALL.to_vec() };
}

fn watches(group: &mut Group) {
    group.alarms = AlarmWatch { enabled: true, ignore_poll_failure: false, names: vec!["web-5xx".to_owned()] };
}
