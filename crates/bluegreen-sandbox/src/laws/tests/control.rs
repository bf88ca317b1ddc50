//! The laws about the control fleet.

use bluegreen_core::decide::step_actions;
use bluegreen_core::model::{Forward, ForwardGroup};

use super::*;
use crate::scenario::CONTROL;

impl Bench {
    /// Just before the first rise, with four tasks of the old version in the control fleet.
    fn with_control() -> Bench {
        let mut bench = Bench::of(Scenario::shop().with_routes(1).with_control(1));
        let id = bench.route();
        assert_eq!(bench.write(&id, bench.step(0)), NONE, "attached");
        assert_eq!(bench.tell("web:1", 4), NONE);
        bench.pass(5_000);
        bench.look();
        bench.look_at_control();
        bench
    }

    fn route(&self) -> RouteId {
        self.scenario.route_ids()[0].clone()
    }

    /// The actions of the step to this many tenths of a percent.
    fn step(&self, tenths: u16) -> Vec<Action> {
        step_actions(&self.plan, &self.plan.baseline.routes[0].actions, Percent::from_tenths(tenths).unwrap())
    }

    /// Actions with these weights of blue, green and control.
    fn split(&self, weights: [u32; 3]) -> Vec<Action> {
        let actions = self.step(0);
        let groups = Action::forward_of(&actions).unwrap().groups.iter().zip(weights);
        let groups = groups.map(|(group, weight)| ForwardGroup {
            arn: group.arn.clone(),
            weight: Some(Weight::try_from(weight).unwrap()),
        });
        let forward = Action::forward_of(&actions).unwrap();
        Action::with_forward(&actions, &Forward { groups: groups.collect(), stickiness: forward.stickiness.clone() })
    }

    fn look_at_control(&mut self) {
        let group = self.scenario.control_group();
        let health = self.world.health(&group);
        let call = self.call("read", String::new(), Detail::Health(group, health));
        self.trace.push(Call { mutating: false, applied: false, ..call });
    }

    /// Tells the control fleet's service, with the intent of that.
    fn tell(&mut self, short: &str, desired: u32) -> Vec<&'static str> {
        self.tell_as(Mutation::UpdateControl, short, desired)
    }

    fn tell_as(&mut self, mutation: fn(ServiceChange) -> Mutation, short: &str, desired: u32) -> Vec<&'static str> {
        let arn = self.world.state().definitions.keys().find(|arn| arn.short() == short).unwrap().clone();
        let change = ServiceChange { color: Color::Blue, task_definition: Some(arn), desired: Some(desired) };
        self.note(Body::Intent { mutation: mutation(change.clone()), because: String::new() });
        let asked = |world: &World| {
            let service = &world.state().services[&(CLUSTER.to_owned(), CONTROL.to_owned())];
            (service.task_definition.clone().unwrap(), service.desired)
        };
        let before = asked(&self.world);
        self.world.update_service(CLUSTER, CONTROL, &change).unwrap();
        let after = asked(&self.world);
        let write = ServiceWrite { cluster: CLUSTER.to_owned(), service: CONTROL.to_owned(), change, before, after };
        let call = self.call("ecs:UpdateService", CONTROL.to_owned(), Detail::Service(write));
        self.judge(call)
    }
}

#[test]
fn a_step_by_the_book_breaks_no_law() {
    let mut bench = Bench::with_control();
    let (id, actions) = (bench.route(), bench.step(100));
    assert_eq!(bench.write(&id, actions), NONE);
}

#[test]
fn s3_sees_a_share_for_a_fleet_that_was_not_seen_healthy() {
    let mut bench = Bench::with_control();
    bench.trace.retain(|call| !matches!(&call.detail, Detail::Health(group, _) if group.name() == CONTROL));
    let (id, actions) = (bench.route(), bench.step(100));
    assert_eq!(bench.write(&id, actions), ["S3"]);
    let mut bench = Bench::with_control();
    bench.world.lose_tasks(CLUSTER, CONTROL, 4);
    bench.look_at_control();
    let actions = bench.step(100);
    assert_eq!(bench.write(&id, actions), ["S3"]);
}

#[test]
fn s4_tells_the_fleets_apart() {
    let mut bench = Bench::with_control();
    assert_eq!(bench.tell_as(Mutation::UpdateService, "web:1", 5), ["S4"], "what was announced was for blue");
}

#[test]
fn s7_sees_the_control_fleet_go_while_it_is_routed_or_draining() {
    let mut bench = Bench::with_control();
    let id = bench.route();
    let actions = bench.step(100);
    assert_eq!(bench.write(&id, actions), NONE);
    bench.pass(1_000);
    assert_eq!(bench.tell("web:1", 5), NONE, "more of the same");
    assert_eq!(bench.tell("web:1", 3), ["S7"], "routed");
    bench.fact(Fact::Restoring(Cause::Interrupt));
    let actions = bench.plan.baseline.routes[0].actions.clone();
    assert_eq!(bench.write(&id, actions), NONE);
    bench.pass(3_000);
    assert_eq!(bench.tell("web:1", 2), ["S7"], "still draining");
    bench.pass(1_000);
    assert_eq!(bench.tell("web:2", 2), ["S7"], "no fleet to compare with runs what is released");
    assert_eq!(bench.tell("web:1", 1), NONE);
}

#[test]
fn s12_sees_a_control_fleet_that_was_left_behind() {
    let bench = Bench::with_control();
    let left = |bench: &Bench| {
        let found = ending::restored(&bench.world, &bench.plan);
        found.iter().filter(|what| what.contains("in control")).count()
    };
    assert_eq!(left(&bench), 0, "just now somebody may have done that");
    let mut bench = bench;
    bench.pass(7_000);
    assert_eq!(left(&bench), 1);
    assert_eq!(bench.tell("web:1", 1), NONE);
    assert_eq!(left(&bench), 0);
}

#[test]
fn s13_sees_another_share_than_the_canarys() {
    for weights in [[70, 10, 20], [20, 10, 70]] {
        let mut bench = Bench::with_control();
        let (id, actions) = (bench.route(), bench.split(weights));
        assert_eq!(bench.write(&id, actions), ["S13"]);
    }
}

#[test]
fn s15_sees_a_share_for_another_version() {
    let mut bench = Bench::with_control();
    let _ = bench.tell("web:2", 4);
    bench.pass(8_000);
    bench.look();
    bench.look_at_control();
    let (id, actions) = (bench.route(), bench.step(100));
    assert_eq!(bench.write(&id, actions), ["S15"]);
}
