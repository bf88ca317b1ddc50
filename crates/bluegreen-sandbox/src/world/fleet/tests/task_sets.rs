//! Task sets of services with an external controller.

use super::*;

#[test]
fn task_sets_have_their_share_rounded_up() {
    for (desired, scale, expected) in
        [(5, 0.0, 0), (5, 1.0, 1), (10, 10.0, 1), (10, 10.1, 2), (5, 50.0, 3), (7, 100.0, 7)]
    {
        let mut bench = Bench::new(Fleet::Modelled, 0, RolloutPolicy::default());
        bench.world.delete_service(CLUSTER, "web", true).unwrap();
        external(&mut bench.world, desired);
        let id = bench.world.create_task_set(CLUSTER, "web", set(&bench, scale)).unwrap();
        bench.pass(10_000);
        let service = bench.service();
        assert_eq!(crate::world::fleet::alive(service).count(), expected, "{scale} % of {desired}");
        assert_eq!(service.task_sets[0].wanted(service.desired) as usize, expected);
        assert!(service.task_sets[0].stable.0 && service.deployments.is_empty());
        assert_eq!(service.task_sets[0].status, TaskSetStatus::Active);
        bench.world.set_primary(CLUSTER, "web", &id).unwrap();
        assert_eq!(bench.service().task_sets[0].status, TaskSetStatus::Primary);
    }
}

fn external(world: &mut World, desired: u32) {
    let revision = world.state().definitions.keys().next().cloned();
    let new = new_service(revision.unwrap(), desired);
    let registers_in = Vec::new();
    let controller = Controller::External;
    world.create_service(NewService { controller, task_definition: None, registers_in, ..new }).unwrap();
}

fn set(bench: &Bench, scale: f64) -> NewTaskSet {
    let task_definition = bench.world.state().definitions.keys().next().unwrap().clone();
    NewTaskSet { task_definition, scale, registers_in: vec![Registration::new(group())], settings: Map::new() }
}

#[test]
fn a_deleted_task_set_drains_and_a_service_ends_when_its_tasks_have() {
    let (world, _) = world(Fleet::Live);
    let mut bench = Bench { world };
    external(&mut bench.world, 2);
    let first = bench.world.create_task_set(CLUSTER, "web", set(&bench, 100.0)).unwrap();
    let ids = bench.settle();
    assert!(bench.service().task_sets[0].stable.0);
    bench.world.set_primary(CLUSTER, "web", &first).unwrap();
    let second = bench.world.create_task_set(CLUSTER, "web", set(&bench, 50.0)).unwrap();
    assert!(!bench.service().task_sets[1].stable.0, "its task does not run yet");
    bench.settle();
    assert!(bench.service().task_sets[1].stable.0);
    assert_eq!(
        bench.world.delete_task_set(CLUSTER, "web", &first, false).unwrap_err().code(),
        "InvalidParameterException"
    );
    assert_eq!(
        bench.world.delete_task_set(CLUSTER, "web", &second, false).unwrap_err().code(),
        "InvalidParameterException"
    );
    bench.world.scale_task_set(CLUSTER, "web", &second, 0.0).unwrap();
    bench.world.delete_task_set(CLUSTER, "web", &second, false).unwrap();
    assert_eq!(bench.service().task_sets[1].status, TaskSetStatus::Draining);
    bench.pass(DRAIN);
    let leaving: Vec<u64> = bench.service().tasks.iter().filter(|t| t.stopped_at.is_some()).map(|t| t.id).collect();
    bench.exit_all(&leaving);
    assert_eq!(bench.service().task_sets.len(), 1);
    bench.world.delete_service(CLUSTER, "web", true).unwrap();
    assert_eq!(bench.service().status, ServiceStatus::Draining);
    bench.pass(DRAIN);
    bench.exit_all(&ids);
    assert_eq!(bench.service().status, ServiceStatus::Inactive);
    assert!(bench.world.service_in(bench.world.state(), CLUSTER, "web", bench.world.now_ms()).is_none());
}

#[test]
fn five_task_sets_and_one_group_each_are_the_most() {
    let (world, _) = world(Fleet::Modelled);
    let mut bench = Bench { world };
    external(&mut bench.world, 1);
    let mut two = set(&bench, 0.0);
    two.registers_in.push(Registration::new(group()));
    assert_eq!(bench.world.create_task_set(CLUSTER, "web", two).unwrap_err().code(), "InvalidParameterException");
    for _ in 0..5 {
        bench.world.create_task_set(CLUSTER, "web", set(&bench, 0.0)).unwrap();
    }
    let sixth = bench.world.create_task_set(CLUSTER, "web", set(&bench, 0.0));
    assert_eq!(sixth.unwrap_err().code(), "InvalidParameterException");
}
