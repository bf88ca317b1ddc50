//! The laws where the fleets are task sets.

use bluegreen_core::journal::TaskSetChange;
use bluegreen_core::model::SetScale;
use bluegreen_core::observe::TaskSetSnapshot;
use bluegreen_core::ports::TaskSetRequest;

use super::*;
use crate::trace::TaskSetWrite;
use crate::world::{NewTaskSet, Registration};

/// The run's own set.
pub(super) fn made(fleet: ServiceChange) -> TaskSetChange {
    TaskSetChange::Create { fleet, scale: SetScale::FULL, token: "t".to_owned() }
}

fn fleet(color: Color, desired: u32) -> ServiceChange {
    ServiceChange { color, task_definition: None, desired: Some(desired) }
}

impl Bench {
    fn of_sets() -> Bench {
        Bench::of(Scenario::shop().with_routes(1).with_leftover())
    }

    fn sets(&self) -> Vec<TaskSetSnapshot> {
        self.world.service_in(self.world.state(), CLUSTER, "web", self.world.now_ms()).unwrap().task_sets
    }

    /// The id of the set that served, of the one that was left, or of the run's own.
    fn set(&self, position: usize) -> String {
        self.sets()[position].id.clone()
    }

    /// A change with its intent.
    pub(super) fn change(&mut self, change: &TaskSetChange) -> Vec<&'static str> {
        self.note(Body::Intent { mutation: Mutation::TaskSet(change.clone()), because: String::new() });
        self.change_bare(change)
    }

    /// The same without an intent.
    fn change_bare(&mut self, change: &TaskSetChange) -> Vec<&'static str> {
        let request = self.plan.task_set_request(change);
        let before = self.sets();
        match &request {
            TaskSetRequest::Create(members) => {
                let new = NewTaskSet {
                    task_definition: members["taskDefinition"].as_str().unwrap().parse().unwrap(),
                    scale: members["scale"]["value"].as_f64().unwrap(),
                    registers_in: vec![Registration::new(
                        members["loadBalancers"][0]["targetGroupArn"].as_str().unwrap().parse().unwrap(),
                    )],
                    settings: members.as_object().unwrap().clone(),
                };
                self.world.create_task_set(CLUSTER, "web", new).map(drop)
            }
            TaskSetRequest::Scale { set, scale } => self.world.scale_task_set(CLUSTER, "web", set, scale.percent()),
            TaskSetRequest::Delete { set } => self.world.delete_task_set(CLUSTER, "web", set, true),
            TaskSetRequest::MakePrimary { set } => self.world.set_primary(CLUSTER, "web", set),
        }
        .unwrap();
        let (cluster, service) = (CLUSTER.to_owned(), "web".to_owned());
        let write = TaskSetWrite { cluster, service, request, before, after: self.sets() };
        let call = self.call("ecs:TaskSet", "web".to_owned(), Detail::TaskSet(write));
        self.judge(call)
    }

    fn delete(&mut self, position: usize, color: Option<Color>) -> Vec<&'static str> {
        let set = self.set(position);
        self.change(&TaskSetChange::Delete { set, fleet: color.map(|color| fleet(color, 0)) })
    }
}

#[test]
fn s5_sees_the_stable_set_go_before_the_commit() {
    let mut bench = Bench::of_sets();
    let set = bench.set(0);
    let scale = SetScale::exactly(1, 4);
    let smaller = TaskSetChange::Scale { set, fleet: fleet(Color::Blue, 1), scale };
    assert_eq!(bench.change(&smaller), ["S5", "S7"]);
    let mut bench = Bench::of_sets();
    bench.fact(Fact::Committed);
    assert_eq!(bench.delete(0, Some(Color::Blue)), ["S7"], "it still has the traffic");
}

#[test]
fn s5_sees_another_primary_before_the_commit() {
    let mut bench = Bench::of_sets();
    let set = bench.set(2);
    assert_eq!(bench.change(&TaskSetChange::MakePrimary { set: set.clone() }), ["S5"]);
    let mut bench = Bench::of_sets();
    bench.fact(Fact::Committed);
    let set = bench.set(2);
    assert_eq!(bench.change(&TaskSetChange::MakePrimary { set }), NONE);
}

#[test]
fn s7_sees_a_set_deleted_under_traffic() {
    let mut bench = Bench::of_sets();
    assert_eq!(bench.delete(1, None), NONE, "what was left has no traffic");
    bench.look();
    assert_eq!(bench.rise(0, 10), NONE);
    bench.pass(2_000);
    bench.fact(Fact::Restoring(Cause::Abort("a".into())));
    assert_eq!(bench.delete(2, Some(Color::Green)), ["S7"]);
}

#[test]
fn s4_sees_a_set_made_without_an_intent() {
    let mut bench = Bench::of_sets();
    let set = bench.set(1);
    assert_eq!(bench.change_bare(&TaskSetChange::Delete { set, fleet: None }), ["S4"]);
}

#[test]
fn s11_sees_a_second_set_and_somebody_elses() {
    let mut bench = Bench::of_sets();
    let revision = bench.sets()[2].task_definition.clone();
    let fleet = ServiceChange { color: Color::Green, task_definition: Some(revision), desired: Some(4) };
    let second = TaskSetChange::Create { fleet, scale: SetScale::FULL, token: "u".to_owned() };
    assert_eq!(bench.change(&second), ["S11"]);
    let mut bench = Bench::of_sets();
    let service = (CLUSTER.to_owned(), "web".to_owned());
    bench.world.apply(&Deed::MakeTaskSet(service, bench.plan.canary_group().clone()));
    assert_eq!(bench.delete(3, None), ["S11"]);
}

#[test]
fn s12_sees_what_a_report_of_success_leaves_out() {
    let mut bench = Bench::of_sets();
    let id = bench.scenario.route_ids()[0].clone();
    let actions = bench.weights(&id, 0, 100);
    bench.world.set_actions(&id, &actions, Writer::Operator("a".into())).unwrap();
    bench.pass(30_000);
    let reported = |bench: &Bench| {
        ending::at_report(&bench.world, None, &bench.plan, &bench.journal, Terminal::Promoted)
            .into_iter()
            .map(|(_, what)| what)
            .collect::<Vec<_>>()
    };
    let other = "reported Promoted while another task set is primary";
    assert!(reported(&bench).contains(&other.to_owned()), "{:?}", reported(&bench));
    let set = bench.set(2);
    bench.world.set_primary(CLUSTER, "web", &set).unwrap();
    assert!(!reported(&bench).contains(&other.to_owned()), "{:?}", reported(&bench));
}

#[test]
fn s12_sees_a_set_that_a_rollback_left() {
    let mut bench = Bench::of_sets();
    let reported =
        |bench: &Bench| ending::at_report(&bench.world, None, &bench.plan, &bench.journal, Terminal::RolledBack).len();
    let before = reported(&bench);
    let set = bench.set(2);
    bench.world.delete_task_set(CLUSTER, "web", &set, true).unwrap();
    assert_eq!(reported(&bench), before - 1, "what an earlier release left may stay");
}
