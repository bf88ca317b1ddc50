use std::net::SocketAddr;

use bluegreen_core::model::{Action, ActionKind, Forward, ForwardGroup, RouteId, TargetGroupArn, TaskDefinitionArn};
use bluegreen_core::observe::Controller;
use serde_json::{Map, Value, json};

use crate::world::{
    Behaviour, Breaker, BreakerThreshold, Config, Fleet, GroupRecord, Ms, NewService, NewTarget, NewTaskSet,
    Registration, RolloutPolicy, RouteRecord, ServiceEdit, ServiceRecord, ServiceStatus, TargetState, TaskPhase,
    TaskSetStatus, World,
};

mod live;
mod task_sets;

const CLUSTER: &str = "shop";
const DRAIN: Ms = 3_000;

/// A world with a cluster, a revision `web:1`, a group that a route uses, and a service `web` that wants `desired`.
struct Bench {
    world: World,
}

pub(crate) fn group() -> TargetGroupArn {
    "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/web/aaaa".parse().unwrap()
}

fn route() -> RouteId {
    let arn = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/http/9683";
    RouteId::Rule(arn.parse().unwrap())
}

fn document() -> Value {
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "app", "image": "process:demo", "stopTimeout": 2}],
    })
}

fn forward(group: TargetGroupArn) -> Vec<Action> {
    let groups = vec![ForwardGroup { arn: group, weight: None }];
    vec![Action { order: Some(1), kind: ActionKind::Forward(Forward { groups, stickiness: None }) }]
}

/// A world of that kind, with a group in use, a cluster and one revision.
pub(crate) fn world(fleet: Fleet) -> (World, TaskDefinitionArn) {
    let mut config = Config::fast(7);
    config.fleet = fleet;
    let mut world = World::new(config);
    world.change(|state| {
        let mut record = GroupRecord::new("HTTP", 80, "ip", "vpc-1");
        record.drain = DRAIN;
        state.groups.insert(group(), record);
        state.routes.insert(route(), RouteRecord::new("1", json!([]), forward(group())));
    });
    world.create_cluster(CLUSTER, json!({}));
    let revision = world.register(&document(), std::collections::BTreeMap::new()).unwrap();
    (world, revision)
}

fn new_service(revision: TaskDefinitionArn, desired: u32) -> NewService {
    NewService {
        cluster: CLUSTER.to_owned(),
        name: "web".to_owned(),
        controller: Controller::Rolling,
        task_definition: Some(revision),
        desired,
        registers_in: vec![Registration { group: group(), container: Some("app".into()), port: Some(8080) }],
        policy: RolloutPolicy::default(),
        settings: Map::new(),
    }
}

fn address(id: u64) -> SocketAddr {
    let [.., low] = id.to_be_bytes();
    SocketAddr::from(([127, 0, 1, low], 8080))
}

impl Bench {
    fn new(fleet: Fleet, desired: u32, policy: RolloutPolicy) -> Bench {
        let (mut world, revision) = world(fleet);
        world.create_service(NewService { policy, ..new_service(revision, desired) }).unwrap();
        Bench { world }
    }

    fn live(desired: u32) -> Bench {
        Bench::new(Fleet::Live, desired, RolloutPolicy::default())
    }

    fn service(&self) -> &ServiceRecord {
        &self.world.state().services[&(CLUSTER.to_owned(), "web".to_owned())]
    }

    fn wanted(&self) -> Vec<u64> {
        self.world.wanted_tasks().iter().map(|task| task.id).collect()
    }

    fn pass(&mut self, ms: Ms) {
        self.world.advance_to(self.world.now_ms() + ms);
    }

    fn run(&mut self, ids: &[u64]) {
        for id in ids {
            self.world.task_running(*id, address(*id));
        }
    }

    fn probe(&mut self, ids: &[u64], passed: bool) {
        for id in ids {
            self.world.probed(&group(), address(*id), passed, "Target.Timeout: Request timed out");
        }
    }

    /// Whoever is wanted runs and passes its check.
    fn settle(&mut self) -> Vec<u64> {
        let wanted = self.wanted();
        self.run(&wanted);
        self.probe(&wanted, true);
        wanted
    }

    fn exit(&mut self, id: u64, code: i32) {
        self.world.task_exited(id, Some(code), "");
    }

    fn exit_all(&mut self, ids: &[u64]) {
        for id in ids {
            self.exit(*id, 0);
        }
    }

    fn states(&self) -> Vec<(&'static str, u64)> {
        let views = self.world.targets(&group());
        views.iter().map(|view| (view.state.as_str(), view.task.unwrap_or(0))).collect()
    }

    fn edit(&mut self, edit: ServiceEdit) {
        self.world.edit_service(CLUSTER, "web", edit).unwrap();
    }

    fn next_revision(&mut self) -> TaskDefinitionArn {
        self.world.register(&document(), std::collections::BTreeMap::new()).unwrap()
    }

    fn deploy(&mut self) -> TaskDefinitionArn {
        let next = self.next_revision();
        self.edit(ServiceEdit { task_definition: Some(next.clone()), ..ServiceEdit::default() });
        next
    }

    fn phases(&self) -> Vec<TaskPhase> {
        let world = &self.world;
        world.tasks_in(world.state(), CLUSTER, world.now_ms()).iter().map(|view| view.phase).collect()
    }

    fn said(&self, text: &str) -> usize {
        self.service().events.iter().filter(|event| event.text.contains(text)).count()
    }
}

#[test]
fn targets_of_a_group_without_a_route_are_unused_and_not_checked() {
    let mut bench = Bench::live(1);
    let ids = bench.settle();
    let world = &mut bench.world;
    world.change(|state| state.routes.clear());
    assert!(world.probe_targets().is_empty());
    assert_eq!(world.targets(&group())[0].reason.as_deref(), Some("Target.NotInUse"));
    world.advance_to(world.now_ms() + 1_000);
    world.change(|state| {
        state.routes.insert(route(), RouteRecord::new("1", json!([]), forward(group())));
    });
    assert_eq!(bench.states(), [("initial", ids[0])], "what was known before does not count");
}

#[test]
fn a_deployment_keeps_to_its_percentages() {
    // (minimum, maximum, tasks wanted; new and old ones there at once; old ones when two new ones are healthy)
    let table = [
        (100, 200, 4, (4, 4), 2),
        (50, 100, 4, (2, 2), 0),
        (0, 100, 4, (4, 0), 0),
        (100, 150, 4, (2, 4), 2),
        (50, 200, 4, (4, 2), 0),
        (100, 100, 4, (0, 4), 4),
    ];
    for (minimum_percent, maximum_percent, desired, at_once, later) in table {
        let policy = RolloutPolicy { minimum_percent, maximum_percent, ..RolloutPolicy::default() };
        let mut bench = Bench::new(Fleet::Live, desired, policy);
        bench.settle();
        let next = bench.deploy();
        let count = |bench: &Bench| {
            let alive = super::alive(bench.service());
            let (new, old): (Vec<_>, Vec<_>) = alive.partition(|task| task.definition == next);
            (new.len(), old.len())
        };
        assert_eq!(count(&bench), at_once, "{minimum_percent} to {maximum_percent}");
        let new: Vec<u64> =
            bench.service().tasks.iter().filter(|task| task.definition == next).map(|task| task.id).take(2).collect();
        bench.run(&new);
        bench.probe(&new, true);
        assert_eq!(count(&bench).1, later, "{minimum_percent} to {maximum_percent}");
    }
}

#[test]
fn a_target_has_the_containers_port_where_its_task_has_an_address_of_its_own() {
    for (mode, port) in [("awsvpc", 8080), ("bridge", 40_001), ("host", 40_001)] {
        let (mut world, _) = world(Fleet::Live);
        let mut document = document();
        document["networkMode"] = json!(mode);
        let revision = world.register(&document, std::collections::BTreeMap::new()).unwrap();
        world.create_service(new_service(revision, 1)).unwrap();
        let id = world.wanted_tasks()[0].id;
        world.task_running(id, SocketAddr::from(([127, 0, 0, 1], 40_001)));
        assert_eq!(world.targets(&group())[0].port, port, "{mode}");
        assert_eq!(world.probe_targets()[0].address.port(), port, "{mode}");
    }
}

#[test]
fn percentages_that_leave_no_room_are_said_once() {
    for (maximum_percent, said) in [(150, 1), (200, 0)] {
        let policy = RolloutPolicy { minimum_percent: 50, maximum_percent, ..RolloutPolicy::default() };
        let mut bench = Bench::new(Fleet::Live, 1, policy);
        bench.settle();
        bench.deploy();
        bench.settle();
        bench.pass(60_000);
        assert_eq!(bench.said("unable to stop or start tasks during a deployment"), said, "{maximum_percent}");
        assert_eq!(bench.service().deployments.len(), 1 + said, "{maximum_percent}");
    }
}

#[test]
fn a_deployment_ends_when_the_old_tasks_were_told_to_stop() {
    let mut bench = Bench::live(2);
    let old = bench.settle();
    bench.deploy();
    assert_eq!(bench.service().deployments.len(), 2);
    bench.settle();
    assert_eq!(bench.service().deployments.len(), 1);
    assert_eq!(bench.said("deployment completed"), 2);
    assert_eq!(bench.wanted().len(), 4, "the old ones drain");
    bench.pass(DRAIN);
    assert_eq!(bench.wanted().len(), 2);
    bench.exit_all(&old);
    assert_eq!(bench.states().len(), 2);
    let forced = ServiceEdit { redeploy: true, ..ServiceEdit::default() };
    bench.edit(forced);
    assert_eq!((bench.service().deployments.len(), bench.wanted().len()), (2, 4), "the same revision, all new tasks");
}

#[test]
fn the_circuit_breaker_ends_a_deployment_and_brings_the_last_good_revision_back() {
    let breaker = |rollback| Some(Breaker { rollback, threshold: BreakerThreshold::Bounded(50.0) });
    for (fleet, rollback) in
        [(Fleet::Live, true), (Fleet::Live, false), (Fleet::Modelled, true), (Fleet::Modelled, false)]
    {
        let policy = RolloutPolicy { breaker: breaker(rollback), ..RolloutPolicy::default() };
        let mut bench = Bench::new(fleet, 2, policy);
        bench.settle();
        bench.pass(10_000);
        let good = bench.service().task_definition.clone().unwrap();
        let next = bench.next_revision();
        bench.world.set_behaviour(next.short(), Behaviour::NeverStarts);
        bench.edit(ServiceEdit { task_definition: Some(next.clone()), ..ServiceEdit::default() });
        for _ in 0..40 {
            let failing: Vec<u64> =
                bench.service().tasks.iter().filter(|t| t.definition == next).map(|t| t.id).collect();
            if fleet == Fleet::Live && bench.service().deployments[0].definition == next {
                failing.first().into_iter().for_each(|id| bench.exit(*id, 1));
            }
            bench.pass(5_000);
        }
        let service = bench.service();
        let (expected, rollouts) = match rollback {
            true => (&good, vec!["COMPLETED"]),
            false => (&next, vec!["FAILED", "COMPLETED"]),
        };
        assert_eq!(service.task_definition.as_ref(), Some(expected), "{fleet:?} {rollback}");
        let found: Vec<_> = service.deployments.iter().map(|record| record.rollout.as_str()).collect();
        assert_eq!(found, rollouts, "{fleet:?} {rollback}");
        assert_eq!(bench.said("deployment failed: tasks failed to start."), 1);
        assert_eq!(super::alive(service).filter(|task| task.definition == good).count(), 2, "{fleet:?} {rollback}");
    }
}

#[test]
fn targets_that_are_registered_by_hand_drain_and_come_back() {
    let target = |port| NewTarget { id: "127.0.0.9".to_owned(), port, zone: None };
    for fleet in [Fleet::Live, Fleet::Modelled] {
        let (mut world, _) = world(fleet);
        world.register_targets(&group(), &[target(None), target(Some(81))]).unwrap();
        let states = |world: &World| -> Vec<(u16, &str)> {
            world.targets(&group()).iter().map(|view| (view.port, view.state.as_str())).collect()
        };
        assert_eq!(states(&world), [(80, "initial"), (81, "initial")], "{fleet:?}");
        for probe in world.probe_targets() {
            world.probed(&group(), probe.address, true, "");
        }
        world.advance_to(1_000);
        assert_eq!(states(&world), [(80, "healthy"), (81, "healthy")], "{fleet:?}");
        assert_eq!(world.health(&group()).healthy, 2);
        world.deregister_targets(&group(), &[target(Some(81)), target(Some(99))]).unwrap();
        assert_eq!(states(&world), [(80, "healthy"), (81, "draining")]);
        world.register_targets(&group(), &[target(Some(81))]).unwrap();
        assert_eq!(states(&world)[1].1, "initial");
        world.deregister_targets(&group(), &[target(None)]).unwrap();
        assert_eq!(states(&world), [(80, "draining"), (81, "draining")]);
        world.advance_to(1_000 + DRAIN);
        assert!(
            states(&world).is_empty() && world.state().manual_targets.is_empty() && world.state().checked.is_empty()
        );
        let unknown = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/none/aaaa".parse().unwrap();
        assert!(world.register_targets(&unknown, &[target(None)]).is_err());
        assert!(world.deregister_targets(&unknown, &[target(None)]).is_err());
    }
}

#[test]
fn tasks_of_nobody_run_until_they_are_stopped_and_are_not_replaced() {
    let (world, revision) = world(Fleet::Live);
    let mut bench = Bench { world };
    let ids = bench.world.run_tasks(CLUSTER, &revision, 2, "family:web", "me").unwrap();
    assert_eq!(bench.wanted(), ids);
    bench.run(&ids);
    bench.exit(ids[0], 0);
    assert_eq!(bench.wanted(), ids[1..]);
    bench.world.stop_task(CLUSTER, &super::tasks::hex(ids[1]), "enough").unwrap();
    assert_eq!(bench.phases(), [TaskPhase::Stopped, TaskPhase::Stopping]);
    assert!(bench.wanted().is_empty());
    bench.exit(ids[1], 143);
    assert_eq!(bench.phases(), [TaskPhase::Stopped, TaskPhase::Stopped]);
    let stop = bench.world.state().loose_tasks[&ids[1]].task.stop.clone().unwrap();
    assert_eq!((stop.code, stop.reason.as_str(), stop.exit_code), ("UserInitiated", "enough", Some(143)));
    bench.pass(3_600_000);
    bench.world.create_cluster("other", json!({}));
    assert!(bench.world.state().loose_tasks.is_empty(), "forgotten after an hour");
}

#[test]
fn a_task_that_somebody_stops_is_replaced_without_a_failure() {
    let mut bench = Bench::live(1);
    let id = bench.settle()[0];
    bench.world.stop_task(CLUSTER, &super::tasks::hex(id), "").unwrap();
    assert_eq!(bench.wanted().len(), 2);
    assert_eq!(bench.phases(), [TaskPhase::Deactivating, TaskPhase::Pending]);
    assert_eq!(bench.service().deployments[0].failures.in_a_row, 0);
    assert!(bench.world.stop_task(CLUSTER, "0", "").is_err());
}

#[test]
fn what_is_not_there_or_not_allowed_is_refused_and_changes_nothing() {
    type Act = fn(&mut World, &TaskDefinitionArn) -> Result<(), super::FleetError>;
    let edit = || ServiceEdit { desired: Some(9), ..ServiceEdit::default() };
    assert_eq!(edit().desired, Some(9));
    let table: &[(&str, Act)] = &[
        ("ClusterNotFoundException", |w, r| {
            w.create_service(NewService { cluster: "none".into(), ..new_service(r.clone(), 1) })
        }),
        ("InvalidParameterException", |w, r| w.create_service(new_service(r.clone(), 1))),
        ("ClusterNotFoundException", |w, _| w.edit_service("none", "web", ServiceEdit::default())),
        ("ServiceNotFoundException", |w, _| w.edit_service(CLUSTER, "none", ServiceEdit::default())),
        ("ServiceNotActiveException", |w, _| w.edit_service(CLUSTER, "gone", ServiceEdit::default())),
        ("ClientException", |w, r| {
            let unknown = format!("{}9", r.as_str()).parse().ok();
            w.edit_service(CLUSTER, "web", ServiceEdit { task_definition: unknown, ..ServiceEdit::default() })
        }),
        ("InvalidParameterException", |w, r| {
            let edit = ServiceEdit { task_definition: Some(r.clone()), desired: Some(5), ..ServiceEdit::default() };
            w.edit_service(CLUSTER, "deploy", edit)
        }),
        ("InvalidParameterException", |w, _| {
            w.edit_service(CLUSTER, "external", ServiceEdit { redeploy: true, ..ServiceEdit::default() })
        }),
        ("InvalidParameterException", |w, _| w.delete_service(CLUSTER, "web", false)),
        ("ServiceNotFoundException", |w, _| w.delete_service(CLUSTER, "gone", true)),
        ("ClusterContainsServicesException", |w, _| w.delete_cluster(CLUSTER)),
        ("ClusterContainsTasksException", |w, _| w.delete_cluster("busy")),
        ("ClusterNotFoundException", |w, _| w.delete_cluster("none")),
        ("InvalidParameterException", |w, _| w.set_primary(CLUSTER, "web", "x")),
        ("InvalidParameterException", |w, _| w.scale_task_set(CLUSTER, "deploy", "x", 1.0)),
        ("TaskSetNotFoundException", |w, _| w.scale_task_set(CLUSTER, "external", "x", 1.0)),
        ("TaskSetNotFoundException", |w, _| w.delete_task_set(CLUSTER, "external", "x", true)),
    ];
    let mut bench = Bench::new(Fleet::Modelled, 1, RolloutPolicy::default());
    let revision = bench.service().task_definition.clone().unwrap();
    let world = &mut bench.world;
    let named =
        |name: &str, controller| NewService { name: name.into(), controller, ..new_service(revision.clone(), 0) };
    world.create_service(named("gone", Controller::Rolling)).unwrap();
    world.create_service(named("deploy", Controller::CodeDeploy)).unwrap();
    world.create_service(named("external", Controller::External)).unwrap();
    world.delete_service(CLUSTER, "gone", false).unwrap();
    world.create_cluster("busy", json!({}));
    world.run_tasks("busy", &revision, 1, "family:web", "").unwrap();
    world.advance_to(30_000);
    let before = format!("{:?}", world.state());
    for (index, (code, act)) in table.iter().enumerate() {
        assert_eq!(act(world, &revision).unwrap_err().code(), *code, "{index}");
        assert_eq!(format!("{:?}", world.state()), before, "{index} {code}");
    }
}
