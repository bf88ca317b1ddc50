use std::collections::BTreeMap;

use bluegreen_core::model::{
    Action, ActionKind, Forward, ForwardGroup, LoadBalancerArn, RouteId, TargetGroupArn, TaskDefinitionArn, Weight,
};
use bluegreen_core::observe::Controller;
use serde_json::{Value, json};

use crate::world::{
    BalancerRecord, Behaviour, Config, GroupRecord, HookStatus, Lag, ListenerRecord, Ms, NewService, Registration,
    ReleaseRecord, ReleaseStatus, RolloutPolicy, RouteRecord, ServiceEdit, ServiceRecord, Stage, World, Writer,
};

mod guards;
mod rollbacks;

const CLUSTER: &str = "shop";
const MINUTE: Ms = 60_000;
const DRAIN: Ms = 3_000;

/// A service `web` with a pair of groups, a production rule that names both, and a test rule that names the first.
struct Bench {
    world: World,
    pair: [TargetGroupArn; 2],
    production: RouteId,
    test: RouteId,
}

fn arn(resource: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:{resource}")
}

fn rule(name: &str) -> RouteId {
    RouteId::Rule(arn(&format!("listener-rule/app/shop/50dc/http/{name}")).parse().unwrap())
}

fn forward(groups: &[(&TargetGroupArn, u32)]) -> Vec<Action> {
    let member = |(arn, weight): &(&TargetGroupArn, u32)| ForwardGroup {
        arn: (*arn).clone(),
        weight: Weight::try_from(*weight).ok(),
    };
    let groups = groups.iter().map(member).collect();
    vec![Action { order: Some(1), kind: ActionKind::Forward(Forward { groups, stickiness: None }) }]
}

fn canary(percent: f64, bake: u64) -> Value {
    let canary = json!({"canaryPercent": percent, "canaryBakeTimeInMinutes": bake});
    json!({"strategy": "CANARY", "canaryConfiguration": canary, "bakeTimeInMinutes": 2})
}

fn blue_green() -> Value {
    json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})
}

fn with_hooks(mut configuration: Value, hooks: &Value) -> Value {
    configuration["lifecycleHooks"] = hooks.clone();
    configuration
}

fn pause(stages: &[&str]) -> Value {
    json!({"targetType": "PAUSE", "lifecycleStages": stages, "hookDetails": {"bluegreen": "bluegreen run x"}})
}

impl Bench {
    /// The service's first deployment has just been asked for.
    fn fresh(configuration: &Value, policy: RolloutPolicy) -> Bench {
        let mut world = World::new(Config::fast(3));
        let pair: [TargetGroupArn; 2] =
            ["web-blue/aaaa", "web-green/bbbb"].map(|name| arn(&format!("targetgroup/{name}")).parse().unwrap());
        let (production, test) = (rule("9683"), rule("7777"));
        world.change(|state| {
            let balancer: LoadBalancerArn = arn("loadbalancer/app/shop/50dc").parse().unwrap();
            state.balancers.insert(balancer.clone(), BalancerRecord::new("shop"));
            state.listeners.insert(production.listener(), ListenerRecord::new(balancer, "HTTP", 80));
            for group in &pair {
                let record = GroupRecord { drain: DRAIN, ..GroupRecord::new("HTTP", 8_080, "ip", "vpc-1") };
                state.groups.insert(group.clone(), record);
            }
            let both = forward(&[(&pair[0], 100), (&pair[1], 0)]);
            state.routes.insert(production.clone(), RouteRecord::new("1", json!([]), both));
            let one = forward(&[(&pair[0], 1)]);
            state.routes.insert(test.clone(), RouteRecord::new("2", json!([]), one));
        });
        world.create_cluster(CLUSTER, json!({}));
        let mut bench = Bench { world, pair, production, test };
        let revision = bench.register();
        let new = bench.service_of(&revision, configuration, policy);
        bench.world.create_service(new).unwrap();
        bench
    }

    /// The service runs `web:1` in the first group.
    fn new(configuration: &Value) -> Bench {
        Bench::with_policy(configuration, RolloutPolicy::default())
    }

    fn with_policy(configuration: &Value, policy: RolloutPolicy) -> Bench {
        let mut bench = Bench::fresh(configuration, policy);
        bench.pass(20_000);
        assert_eq!(bench.release().status, ReleaseStatus::Successful);
        // Before it was there, nobody could answer.
        bench.world.traffic.lost = 0;
        bench
    }

    fn service_of(&self, revision: &TaskDefinitionArn, configuration: &Value, policy: RolloutPolicy) -> NewService {
        let advanced = json!({
            "alternateTargetGroupArn": self.pair[1].as_str(),
            "productionListenerRule": self.production.arn(),
            "testListenerRule": self.test.arn(),
            "roleArn": "arn:aws:iam::111122223333:role/ecs",
        });
        let balancer = json!({
            "targetGroupArn": self.pair[0].as_str(), "containerName": "app", "containerPort": 8080,
            "advancedConfiguration": advanced,
        });
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
        let settings = json!({
            "deploymentConfiguration": configuration, "loadBalancers": [balancer], "networkConfiguration": network,
        });
        NewService {
            cluster: CLUSTER.to_owned(),
            name: "web".to_owned(),
            controller: Controller::Rolling,
            task_definition: Some(revision.clone()),
            desired: 2,
            registers_in: vec![Registration {
                group: self.pair[0].clone(),
                container: Some("app".to_owned()),
                port: Some(8_080),
            }],
            policy,
            settings: settings.as_object().unwrap().clone(),
        }
    }

    fn register(&mut self) -> TaskDefinitionArn {
        let containers = json!([{"name": "app", "image": "process:demo"}]);
        let document = json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": containers});
        self.world.register(&document, BTreeMap::new()).unwrap()
    }

    fn deploy(&mut self) -> TaskDefinitionArn {
        let revision = self.register();
        self.deploy_revision(&revision);
        revision
    }

    fn deploy_revision(&mut self, revision: &TaskDefinitionArn) {
        self.edit(ServiceEdit { task_definition: Some(revision.clone()), ..ServiceEdit::default() });
    }

    fn edit(&mut self, edit: ServiceEdit) {
        self.world.edit_service(CLUSTER, "web", edit).unwrap();
    }

    fn configure(&mut self, configuration: Value) {
        let settings = [("deploymentConfiguration".to_owned(), configuration)].into_iter().collect();
        self.edit(ServiceEdit { settings, ..ServiceEdit::default() });
    }

    fn pass(&mut self, ms: Ms) {
        self.world.advance_to(self.world.now_ms() + ms);
    }

    fn service(&self) -> &ServiceRecord {
        &self.world.state().services[&(CLUSTER.to_owned(), "web".to_owned())]
    }

    fn release(&self) -> &ReleaseRecord {
        self.service().releases.last().unwrap()
    }

    fn stage(&self) -> Option<Stage> {
        self.release().run.as_ref().unwrap().stage
    }

    /// Lets time pass until the deployment is at a stage; when that was.
    fn until(&mut self, stage: Stage) -> Ms {
        self.until_it(|bench| bench.stage() == Some(stage))
    }

    fn until_ended(&mut self) -> Ms {
        self.until_it(|bench| bench.release().status.has_ended())
    }

    fn until_paused(&mut self) -> Ms {
        self.until_it(|bench| bench.release().pause().is_some())
    }

    fn until_it(&mut self, test: impl Fn(&Bench) -> bool) -> Ms {
        for _ in 0..1_000 {
            if test(self) {
                return self.world.now_ms();
            }
            let next = self.world.next_event().expect("something is to happen");
            self.world.advance_to(next);
        }
        panic!("it does not come: {:?}", self.release());
    }

    /// The weights of the pair on the production and on the test rule.
    fn weights(&self) -> [Vec<u16>; 2] {
        [&self.production, &self.test].map(|route| {
            let actions = &self.world.state().routes[route].actions;
            let forward = Action::forward_of(actions).unwrap();
            forward.groups.iter().map(|group| group.weight.map_or(0, Weight::get)).collect()
        })
    }

    /// Tasks that were not told to stop, in either group.
    fn tasks(&self) -> [usize; 2] {
        [0, 1].map(|place: usize| {
            let alive = super::super::alive(self.service());
            alive.filter(|task| task.groups[0].group == self.pair[place]).count()
        })
    }

    fn go_on(&mut self) {
        let release = self.release();
        let (arn, hook) = (release.arn.clone(), release.pause().unwrap().id.clone());
        self.world.continue_release(&arn, &hook, true).unwrap();
    }

    fn stop(&mut self) {
        let arn = self.release().arn.clone();
        self.world.roll_back_release(&arn).unwrap();
    }

    /// Everything is as before the deployment, and stays so.
    fn assert_back(&mut self, old: &TaskDefinitionArn) {
        self.pass(10 * MINUTE);
        assert_eq!(self.release().status, ReleaseStatus::RollbackSuccessful, "{}", self.release().reason);
        assert_eq!(self.tasks(), [2, 0]);
        assert_eq!(self.weights()[0], [100, 0]);
        let service = self.service();
        assert_eq!(service.task_definition.as_ref(), Some(old));
        assert_eq!((service.deployments.len(), service.deployments[0].rollout.as_str()), (1, "COMPLETED"));
        assert_eq!(service.tasks.len(), 2, "nothing drains any more");
        assert_eq!(self.world.traffic.lost, 0);
    }
}

/// For the front's tests: the service with its first revision, and the second.
pub(crate) fn native_bench() -> (World, TaskDefinitionArn) {
    let mut bench = Bench::new(&json!({"strategy": "ROLLING", "bakeTimeInMinutes": 0}));
    let next = bench.register();
    (bench.world, next)
}

#[test]
fn the_first_deployment_puts_the_tasks_into_the_first_group_and_neither_pauses_nor_bakes() {
    let configuration = with_hooks(blue_green(), &json!([pause(&["PRE_SCALE_UP", "POST_PRODUCTION_TRAFFIC_SHIFT"])]));
    let mut bench = Bench::fresh(&configuration, RolloutPolicy::default());
    assert_eq!((bench.release().status, bench.stage()), (ReleaseStatus::Pending, None));
    let ended = bench.until_ended();
    assert!(ended < MINUTE, "{ended}");
    assert_eq!((bench.release().status, bench.tasks()), (ReleaseStatus::Successful, [2, 0]));
    assert_eq!(bench.weights(), [vec![100, 0], vec![100, 0]], "also the test rule now names both groups");
    assert!(bench.release().hooks.is_empty() && bench.release().sources.is_empty());
    assert_eq!(bench.world.state().routes[&bench.production].writer, Writer::Operator("ecs".to_owned()));
}

#[test]
fn blue_green_goes_through_every_stage_and_the_next_deployment_goes_the_other_way_round() {
    let mut bench = Bench::new(&blue_green());
    bench.deploy();
    let mut stages = Vec::new();
    while !bench.release().status.has_ended() {
        let next = bench.world.next_event().unwrap();
        bench.world.advance_to(next);
        let seen = (bench.stage(), bench.weights(), bench.tasks());
        if bench.stage().is_some() && stages.last() != Some(&seen) {
            stages.push(seen);
        }
    }
    let expected = [
        (Stage::PreScaleUp, [100, 0], [100, 0], [2, 0]),
        (Stage::ScaleUp, [100, 0], [100, 0], [2, 2]),
        (Stage::PostScaleUp, [100, 0], [100, 0], [2, 2]),
        (Stage::TestTrafficShift, [100, 0], [0, 100], [2, 2]),
        (Stage::PostTestTrafficShift, [100, 0], [0, 100], [2, 2]),
        (Stage::PreProductionTrafficShift, [100, 0], [0, 100], [2, 2]),
        (Stage::ProductionTrafficShift, [0, 100], [0, 100], [2, 2]),
        (Stage::PostProductionTrafficShift, [0, 100], [0, 100], [2, 2]),
        (Stage::BakeTime, [0, 100], [0, 100], [2, 2]),
        (Stage::CleanUp, [0, 100], [0, 100], [0, 2]),
    ];
    let expected = expected.map(|(stage, production, test, tasks)| {
        (Some(stage), [production, test].map(|weights| weights.to_vec()), tasks)
    });
    assert_eq!(stages, expected);
    assert_eq!(bench.release().status, ReleaseStatus::Successful);
    assert_eq!(bench.service().tasks.len(), 2, "it ended when the old tasks had drained");
    bench.deploy();
    assert_eq!(bench.release().sources.len(), 1);
    bench.until(Stage::BakeTime);
    assert_eq!((bench.weights(), bench.tasks()), ([vec![100, 0], vec![100, 0]], [2, 2]));
    bench.until_ended();
    assert_eq!((bench.release().status, bench.tasks()), (ReleaseStatus::Successful, [2, 0]));
    assert_eq!(bench.world.traffic.lost, 0);
    let shown = bench.world.service_in(bench.world.state(), CLUSTER, "web", bench.world.now_ms()).unwrap();
    assert_eq!((shown.controller, shown.running), (Controller::Native("BLUE_GREEN".to_owned()), 2));
}

#[test]
fn bakes_last_as_long_as_they_were_asked_for() {
    // (strategy, weights of the new tasks a step, from one step to the next in minutes)
    let linear = json!({"stepPercent": 30.0, "stepBakeTimeInMinutes": 3});
    let linear = json!({"strategy": "LINEAR", "linearConfiguration": linear, "bakeTimeInMinutes": 0});
    let table: [(Value, &[u16], Ms); 4] = [
        (canary(5.0, 7), &[5, 100], 7),
        (canary(0.1, 1), &[1, 100], 1),
        (linear, &[30, 60, 90, 100], 3),
        (canary(100.0, 9), &[100], 0),
    ];
    for (configuration, shares, bake) in table {
        let mut bench = Bench::new(&configuration);
        bench.deploy();
        let mut entered = Vec::new();
        for (step, share) in shares.iter().enumerate() {
            let place = bench.until_it(|bench| {
                let run = bench.release().run.as_ref().unwrap();
                run.step == step && run.stage == Some(Stage::ProductionTrafficShift)
            });
            entered.push(place);
            let weights = bench.weights()[0].clone();
            assert_eq!((weights[1], weights[0] + weights[1] >= 100), (*share, true), "{configuration} {step}");
        }
        for pair in entered.windows(2) {
            let between = pair[1] - pair[0];
            assert!((bake * MINUTE..bake * MINUTE + 2_000).contains(&between), "{configuration}: {entered:?}");
        }
        let began = bench.until(Stage::BakeTime);
        let ended = bench.until(Stage::CleanUp);
        let minutes = configuration["bakeTimeInMinutes"].as_u64().unwrap();
        assert!((minutes * MINUTE..minutes * MINUTE + 1_000).contains(&(ended - began)), "{configuration}");
        bench.until_ended();
        assert_eq!(bench.tasks(), [0, 2]);
    }
}

#[test]
fn a_pause_waits_at_every_step_until_somebody_answers() {
    let stages = ["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"];
    let mut bench = Bench::new(&with_hooks(canary(10.0, 0), &json!([pause(&stages)])));
    bench.deploy();
    for (stage, weights) in [
        (Stage::PreProductionTrafficShift, [100, 0]),
        (Stage::PreProductionTrafficShift, [90, 10]),
        (Stage::PostProductionTrafficShift, [0, 100]),
    ] {
        bench.until_paused();
        bench.pass(60 * MINUTE);
        assert_eq!(bench.stage(), Some(stage));
        assert_eq!(bench.weights()[0], weights);
        let hook = bench.release().pause().unwrap().clone();
        bench.go_on();
        let arn = bench.release().arn.clone();
        let again = bench.world.continue_release(&arn, &hook.id, true).unwrap_err();
        assert_eq!(again.code(), "InvalidParameterException", "one answer for one pause");
    }
    bench.until_ended();
    assert_eq!(bench.release().status, ReleaseStatus::Successful);
    let ids: std::collections::BTreeSet<&str> = bench.release().hooks.iter().map(|hook| hook.id.as_str()).collect();
    assert_eq!(ids.len(), 3, "every pause has its own id");
    assert!(bench.release().hooks.iter().all(|hook| hook.status == HookStatus::Succeeded));
}

#[test]
fn the_old_tasks_stay_until_every_node_follows_the_new_weights() {
    let mut bench = Bench::new(&json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}));
    bench.world.config.propagation = Lag::fixed(45_000);
    bench.deploy();
    let shifted = bench.until(Stage::ProductionTrafficShift);
    let left = bench.until(Stage::PostProductionTrafficShift);
    assert!(left - shifted >= 45_000, "{}", left - shifted);
    bench.until_ended();
    assert_eq!(bench.world.traffic.lost, 0);
}

#[test]
fn only_what_changes_the_tasks_deploys() {
    let mut bench = Bench::new(&blue_green());
    let current = bench.service().task_definition.clone();
    for edit in [
        ServiceEdit { desired: Some(3), ..ServiceEdit::default() },
        ServiceEdit { task_definition: current, ..ServiceEdit::default() },
    ] {
        bench.edit(edit);
        assert_eq!(bench.service().releases.len(), 1);
    }
    bench.configure(canary(5.0, 1));
    bench.pass(MINUTE);
    assert_eq!((bench.service().releases.len(), bench.tasks()), (1, [3, 0]));
    bench.edit(ServiceEdit { redeploy: true, ..ServiceEdit::default() });
    bench.until_ended();
    assert_eq!((bench.service().releases.len(), bench.tasks()), (2, [0, 3]));
    assert_eq!(bench.release().configuration["strategy"], "CANARY");
}
