//! Each law is shown a write that breaks it, and one that does not.

use bluegreen_core::journal::{Body, Cause, Fact, Mutation, Operator, Purpose, Record, Resolution, Terminal};
use bluegreen_core::model::{Color, RouteId, Split, Weight};
use bluegreen_core::observe::AlarmState;
use bluegreen_core::ports::ServiceChange;

use super::*;
use crate::scenario::{CLUSTER, FAMILY, METRIC_ALARMS, Scenario};
use crate::trace::ServiceWrite;
use crate::world::{Deed, Writer};

mod control;
mod judged;
mod sets;

/// A run of the shop just before its first rise, with everything in order.
struct Bench {
    scenario: Scenario,
    plan: Plan,
    world: World,
    trace: Vec<Call>,
    journal: Vec<Record>,
    holder: Option<&'static str>,
    journal_failed: bool,
}

impl Bench {
    fn new() -> Bench {
        Bench::of(Scenario::shop().with_routes(2))
    }

    fn of(scenario: Scenario) -> Bench {
        let (plan, world) = (scenario.plan(), scenario.world());
        let mut bench = Bench {
            scenario,
            plan,
            world,
            trace: Vec::new(),
            journal: Vec::new(),
            holder: Some("a"),
            journal_failed: false,
        };
        let operator = Operator { user: "a".into(), host: "h".into(), pid: 1, version: "0".into() };
        let plan = Box::new(bench.plan.clone());
        bench.note(Body::Started { hash: plan.hash(), plan, operator });
        for id in bench.scenario.route_ids() {
            let actions = bench.weights(&id, 100, 0);
            bench.intend(&id, &actions, Purpose::Attach);
            bench.world.set_actions(&id, &actions, Writer::Operator("a".into())).unwrap();
        }
        let Release::Register { document, .. } = bench.plan.release.clone() else { panic!("a release registers") };
        let arn = bench.world.register(&document, std::collections::BTreeMap::new()).unwrap();
        let change = ServiceChange { color: Color::Green, task_definition: Some(arn.clone()), desired: Some(4) };
        match bench.scenario.task_sets {
            true => assert_eq!(bench.change(&sets::made(change)), NONE),
            false => bench.world.update_service(CLUSTER, "web-green", &change).unwrap(),
        }
        bench.note(Body::Fact(Fact::TaskDefinition(arn)));
        bench.world.advance_to(bench.world.now_ms() + 5_000);
        bench.look();
        bench
    }

    fn note(&mut self, body: Body) {
        self.journal.push(Record { seq: self.journal.len() as u64, at: self.world.now(), body });
    }

    fn fact(&mut self, fact: Fact) {
        self.note(Body::Fact(fact));
    }

    fn weights(&self, id: &RouteId, stable: u32, canary: u32) -> Vec<Action> {
        self.scenario.actions(id, &[(Color::Blue, Some(stable)), (Color::Green, Some(canary))])
    }

    fn intend(&mut self, id: &RouteId, actions: &[Action], purpose: Purpose) {
        let mutation = Mutation::SetActions { route: id.clone(), actions: actions.to_vec(), purpose };
        self.note(Body::Intent { mutation, because: String::new() });
    }

    /// Reads everything, and is told the truth.
    fn look(&mut self) {
        let state = self.world.state();
        let names = self.plan.alarm_names();
        let alarms = names.iter().filter_map(|name| state.alarm(name)).collect();
        let routes = self.plan.route_ids().filter_map(|id| state.route(id)).collect();
        let canary = self.plan.canary_group();
        let health = Detail::Health(canary.clone(), self.world.health(canary));
        for detail in [Detail::Alarms(names, alarms), Detail::Routes(routes), health] {
            let call = self.call("read", String::new(), detail);
            self.trace.push(Call { mutating: false, applied: false, ..call });
        }
    }

    fn call(&self, operation: &'static str, argument: String, detail: Detail) -> Call {
        Call {
            index: self.trace.len() as u64,
            operator: "a".to_owned(),
            operation,
            argument,
            sent_at: self.world.now(),
            at: self.world.now(),
            answered_at: self.world.now(),
            mutating: true,
            applied: true,
            answer: Answer::Ok,
            detail,
        }
    }

    /// Judges a call that has taken effect, and adds it to the trace.
    fn judge(&mut self, call: Call) -> Vec<&'static str> {
        let case = Case {
            plan: &self.plan,
            world: &self.world,
            trace: &self.trace,
            call: &call,
            journal: &self.journal,
            holder: self.holder,
            journal_failed: self.journal_failed,
        };
        let broken = judge(&case).into_iter().map(|(law, _)| law).collect();
        self.trace.push(call);
        broken
    }

    /// Writes actions without an intent.
    fn write_bare(&mut self, id: &RouteId, after: Vec<Action>) -> Vec<&'static str> {
        let old = &self.world.state().routes[id];
        let (before, before_since) = (old.actions.clone(), self.world.timestamp(old.written_at));
        self.world.set_actions(id, &after, Writer::Operator("a".into())).unwrap();
        let write = ActionsWrite { route: id.clone(), before, before_since, after };
        let call = self.call("elbv2:ModifyRule", id.arn().to_owned(), Detail::Actions(write));
        self.judge(call)
    }

    fn write(&mut self, id: &RouteId, after: Vec<Action>) -> Vec<&'static str> {
        self.intend(id, &after, Purpose::Step(Percent::ZERO));
        self.write_bare(id, after)
    }

    /// Gives the canary this many of 100 on the route with this position.
    fn rise(&mut self, route: usize, to: u32) -> Vec<&'static str> {
        let id = self.scenario.route_ids()[route].clone();
        let after = self.weights(&id, 100 - to, to);
        self.write(&id, after)
    }

    fn scale(&mut self, color: Color, task_definition: Option<TaskDefinitionArn>, desired: u32) -> Vec<&'static str> {
        let name = self.plan.baseline.services.get(color).name.clone();
        let change = ServiceChange { color, task_definition, desired: Some(desired) };
        self.note(Body::Intent { mutation: Mutation::UpdateService(change.clone()), because: String::new() });
        let asked = |world: &World| {
            let service = &world.state().services[&(CLUSTER.to_owned(), name.clone())];
            (service.task_definition.clone().unwrap(), service.desired)
        };
        let before = asked(&self.world);
        self.world.update_service(CLUSTER, &name, &change).unwrap();
        let after = asked(&self.world);
        let write = ServiceWrite { cluster: CLUSTER.to_owned(), service: name.clone(), change, before, after };
        let call = self.call("ecs:UpdateService", name, Detail::Service(write));
        self.judge(call)
    }

    fn pass(&mut self, ms: Ms) {
        self.world.advance_to(self.world.now_ms() + ms);
    }

    /// Takes both routes to 10 % and through the hold.
    fn first_step(&mut self) {
        assert_eq!(self.rise(0, 10), NONE);
        assert_eq!(self.rise(1, 10), NONE);
        self.fact(Fact::StepVerified(0));
        self.pass(10_000);
        self.fact(Fact::StepPassed { step: 1, why: String::new() });
        self.look();
    }
}

const NONE: [&str; 0] = [];

#[test]
fn a_release_by_the_book_breaks_no_law() {
    let mut bench = Bench::new();
    bench.first_step();
    assert_eq!(bench.rise(0, 50), NONE);
    assert_eq!(bench.rise(1, 50), NONE);
}

#[test]
fn s1_sees_weights_that_leave_nobody_with_traffic() {
    let mut bench = Bench::new();
    let id = bench.scenario.route_ids()[0].clone();
    let after = bench.weights(&id, 0, 0);
    assert_eq!(bench.write(&id, after), ["S1"]);
}

#[test]
fn s1_sees_a_lost_sign_in_and_changed_stickiness() {
    let mut scenario = Scenario::shop().with_routes(2);
    scenario.sticky = Some(60);
    let mut bench = Bench::of(scenario);
    let id = bench.scenario.route_ids()[1].clone();
    let without_sign_in = bench.weights(&id, 100, 0).split_off(1);
    assert_eq!(bench.write(&id, without_sign_in), ["S1"]);
    bench.scenario.sticky = None;
    let not_sticky = bench.weights(&id, 100, 0);
    assert_eq!(bench.write(&id, not_sticky.clone()), ["S1"]);
    bench.fact(Fact::Restoring(Cause::Interrupt));
    assert_eq!(bench.write(&id, not_sticky), NONE, "on the way back it may go off");
}

#[test]
fn s1_sees_a_group_too_many_and_one_too_few() {
    let mut bench = Bench::new();
    let id = bench.scenario.route_ids()[0].clone();
    let alone = bench.scenario.actions(&id, &[(Color::Green, Some(1))]);
    assert!(bench.write(&id, alone).contains(&"S1"));
    let ops = bench.world.state().routes[&bench.scenario.foreign_route_id()].actions.clone();
    assert_eq!(bench.write(&id, ops), ["S1"]);
}

#[test]
fn s2_sees_alarms_that_were_not_read_or_not_lately() {
    let mut bench = Bench::new();
    bench.trace.retain(|call| !matches!(call.detail, Detail::Alarms(..)));
    assert_eq!(bench.rise(0, 10), ["S2"]);
    let mut bench = Bench::new();
    bench.pass(5_001);
    let health = bench.world.health(bench.plan.canary_group());
    let again = bench.call("read", String::new(), Detail::Health(bench.plan.canary_group().clone(), health));
    bench.trace.push(again);
    assert_eq!(bench.rise(0, 10), ["S2"]);
}

#[test]
fn s2_sees_every_state_that_is_not_ok() {
    for state in [AlarmState::Alarm, AlarmState::InsufficientData, AlarmState::Unknown("NEW".into())] {
        let mut bench = Bench::new();
        bench.world.set_alarm(METRIC_ALARMS[1], state, "");
        bench.look();
        assert_eq!(bench.rise(0, 10), ["S2"]);
    }
    for deed in [Deed::DeleteAlarm("web-any".into()), Deed::EditAlarm("web-any".into(), "threshold 9".into())] {
        let mut bench = Bench::new();
        bench.world.apply(&deed);
        bench.look();
        assert_eq!(bench.rise(0, 10), ["S2"], "{deed:?}");
    }
}

#[test]
fn s2_sees_a_blip_between_two_looks() {
    let mut bench = Bench::new();
    bench.pass(1_000);
    bench.world.set_alarm(METRIC_ALARMS[0], AlarmState::Alarm, "");
    bench.pass(1_000);
    bench.world.set_alarm(METRIC_ALARMS[0], AlarmState::Ok, "");
    bench.pass(1_000);
    bench.look();
    assert_eq!(bench.rise(0, 10), ["S2"]);
}

#[test]
fn s2_lets_the_plan_allow_what_it_may() {
    let mut bench = Bench::new();
    bench.plan.alarm_policy.insufficient_data = bluegreen_core::model::NoData::Allow;
    bench.world.set_alarm(METRIC_ALARMS[1], AlarmState::InsufficientData, "");
    bench.look();
    assert_eq!(bench.rise(0, 10), NONE);
}

#[test]
fn s3_sees_a_rise_without_enough_healthy_targets() {
    let mut bench = Bench::new();
    bench.trace.retain(|call| !matches!(call.detail, Detail::Health(..)));
    assert_eq!(bench.rise(0, 10), ["S3"]);
    let mut bench = Bench::new();
    bench.world.lose_tasks(CLUSTER, "web-green", 4);
    bench.look();
    assert_eq!(bench.rise(0, 10), ["S3"]);
}

#[test]
fn s4_sees_a_write_that_was_not_announced() {
    let mut bench = Bench::new();
    let id = bench.scenario.route_ids()[0].clone();
    let after = bench.weights(&id, 90, 10);
    assert_eq!(bench.write_bare(&id, after), ["S4"]);
}

#[test]
fn s4_sees_a_write_whose_intent_is_closed() {
    let mut bench = Bench::new();
    let id = bench.scenario.route_ids()[0].clone();
    let after = bench.weights(&id, 90, 10);
    bench.intend(&id, &after, Purpose::Attach);
    let intent = bench.journal.len() as u64 - 1;
    bench.note(Body::Outcome { intent, resolution: Resolution::Applied { task_definition: None } });
    assert_eq!(bench.write_bare(&id, after), ["S4"]);
}

#[test]
fn s4_lets_a_retreat_go_on_without_a_journal() {
    let mut bench = Bench::new();
    bench.first_step();
    bench.journal_failed = true;
    let id = bench.scenario.route_ids()[0].clone();
    let back = bench.weights(&id, 100, 0);
    assert_eq!(bench.write_bare(&id, back), NONE);
    let forward = bench.weights(&id, 50, 50);
    assert!(bench.write_bare(&id, forward).contains(&"S4"));
}

#[test]
fn s5_sees_the_stable_fleet_shrink_before_commit() {
    let mut bench = Bench::new();
    assert!(bench.scale(Color::Blue, None, 2).contains(&"S5"));
    bench.fact(Fact::Committed);
    assert!(!bench.scale(Color::Blue, None, 1).contains(&"S5"));
}

#[test]
fn s5_sees_a_rise_without_a_way_back() {
    let mut bench = Bench::new();
    bench.world.apply(&Deed::Deregister(bench.scenario.old_revision()));
    bench.pass(4_000);
    bench.look();
    assert_eq!(bench.rise(0, 10), NONE, "nobody could know yet");
    bench.pass(4_000);
    bench.look();
    assert_eq!(bench.rise(1, 10), ["S5"]);
    let mut bench = Bench::new();
    let change = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(3) };
    bench.world.apply(&Deed::UpdateService(CLUSTER.into(), "web-blue".into(), change));
    bench.pass(6_000);
    bench.look();
    assert_eq!(bench.rise(0, 10), ["S5"]);
}

#[test]
fn s6_sees_a_rise_after_the_turn() {
    let mut bench = Bench::new();
    bench.fact(Fact::Restoring(Cause::Interrupt));
    assert_eq!(bench.rise(0, 10), ["S6"]);
    let mut bench = Bench::new();
    let ending = bluegreen_core::journal::Ending { terminal: Terminal::Held, why: String::new() };
    bench.note(Body::Finished(ending));
    assert_eq!(bench.rise(0, 10), ["S6"]);
}

#[test]
fn s7_sees_a_fleet_go_while_it_is_routed_or_draining() {
    let mut bench = Bench::new();
    bench.first_step();
    bench.fact(Fact::Restoring(Cause::Interrupt));
    assert_eq!(bench.scale(Color::Green, None, 3), ["S7"], "intended and routed");
    for route in 0..2 {
        assert_eq!(bench.rise(route, 0), NONE);
    }
    assert_eq!(bench.scale(Color::Green, None, 2), ["S7"], "still routed: the data plane is a second behind");
    bench.pass(3_000);
    assert_eq!(bench.scale(Color::Green, None, 1), ["S7"], "still draining");
    bench.pass(1_000);
    assert_eq!(bench.scale(Color::Green, None, 0), NONE);
}

#[test]
fn s7_sees_the_old_fleet_go_while_the_new_one_is_not_healthy() {
    let released = || {
        let mut bench = Bench::new();
        bench.rise(0, 100);
        bench.rise(1, 100);
        bench.fact(Fact::Committed);
        bench.pass(10_000);
        bench
    };
    let mut bench = released();
    bench.look();
    assert_eq!(bench.scale(Color::Blue, None, 0), NONE);
    let mut bench = released();
    assert_eq!(bench.scale(Color::Blue, None, 0), ["S7"], "it has not looked");
    let mut bench = released();
    bench.world.lose_tasks(CLUSTER, "web-green", 4);
    bench.look();
    assert_eq!(bench.scale(Color::Blue, None, 0), ["S7"], "it has seen an empty group");
}

#[test]
fn s8_sees_a_writer_without_the_lock() {
    for holder in [None, Some("b")] {
        let mut bench = Bench::new();
        bench.holder = holder;
        assert_eq!(bench.rise(0, 10), ["S8"]);
    }
}

#[test]
fn s9_sees_a_foreign_value_overwritten_in_silence() {
    let edited = || {
        let mut bench = Bench::new();
        let id = bench.scenario.route_ids()[0].clone();
        let groups = bench.scenario.groups();
        let weight = |weight: u32| Weight::try_from(weight).unwrap();
        let split = Split::new(vec![(groups.blue, weight(97)), (groups.green, weight(3))]).unwrap();
        bench.world.apply(&Deed::EditWeights(id.clone(), split));
        (bench, id)
    };
    let (mut bench, _) = edited();
    assert_eq!(bench.rise(0, 10), NONE, "nobody could know yet");
    let (mut bench, _) = edited();
    bench.look();
    assert_eq!(bench.rise(0, 10), ["S9"], "it was told");
    let (mut bench, _) = edited();
    bench.pass(4_000);
    bench.look();
    bench.trace.retain(|call| !matches!(call.detail, Detail::Routes(_)));
    bench.pass(2_000);
    assert!(bench.rise(0, 10).contains(&"S9"), "it should have looked");
    let (mut bench, id) = edited();
    bench.look();
    let found = bench.world.state().routes[&id].actions.clone();
    bench.fact(Fact::Drift { route: id, expected: Vec::new(), found });
    assert_eq!(bench.rise(0, 10), NONE, "it is on record");
}

#[test]
fn s10_sees_a_step_before_the_last_one_was_verified_everywhere() {
    let mut bench = Bench::new();
    bench.first_step();
    bench.journal.retain(|record| !matches!(record.body, Body::Fact(Fact::StepVerified(_))));
    let broken = bench.rise(0, 50);
    assert!(broken.contains(&"S10"), "{broken:?}");
    let mut bench = Bench::new();
    bench.first_step();
    assert_eq!(bench.rise(1, 0), NONE, "down again");
    assert_eq!(bench.rise(0, 50), ["S10"], "the other route is not at 10 %");
}

#[test]
fn s11_sees_things_that_are_not_in_the_plan() {
    let mut bench = Bench::new();
    let id = bench.scenario.foreign_route_id();
    let after = bench.weights(&id, 100, 0);
    assert!(bench.write(&id, after).contains(&"S11"));
    let arn = bench.scenario.old_revision();
    bench.note(Body::Intent { mutation: Mutation::RegisterTaskDefinition, because: String::new() });
    let own = bench.call("ecs:RegisterTaskDefinition", String::new(), Detail::Registered(FAMILY.into(), arn.clone()));
    assert_eq!(bench.judge(own), NONE);
    let other = bench.call("ecs:RegisterTaskDefinition", String::new(), Detail::Registered("api".into(), arn));
    assert_eq!(bench.judge(other), ["S11"]);
}

#[test]
fn s12_sees_reports_that_are_not_true() {
    let mut bench = Bench::new();
    bench.first_step();
    assert_eq!(ending::promoted(&bench.world, &bench.plan, &bench.journal).len(), 2, "two routes at 10 %");
    assert_eq!(ending::restored(&bench.world, &bench.plan).len(), 3, "two routes and four tasks");
    assert_eq!(ending::at_rest(&bench.world, &bench.plan, Terminal::Promoted).len(), 2);
    assert_eq!(ending::at_rest(&bench.world, &bench.plan, Terminal::RolledBack).len(), 2);
    for route in 0..2 {
        bench.rise(route, 100);
    }
    assert_eq!(ending::promoted(&bench.world, &bench.plan, &bench.journal), Vec::<String>::new());
    assert_eq!(ending::at_rest(&bench.world, &bench.plan, Terminal::Promoted).len(), 2, "the data plane is behind");
    bench.pass(1_000);
    assert_eq!(ending::at_rest(&bench.world, &bench.plan, Terminal::Promoted), Vec::<String>::new());
    bench.world.set_behaviour("web:2", crate::world::Behaviour::NeverHealthy);
    bench.fact(Fact::TaskDefinition(bench.scenario.old_revision()));
    assert_eq!(ending::promoted(&bench.world, &bench.plan, &bench.journal).len(), 1, "another revision");
    bench.pass(7_000);
    assert_eq!(ending::promoted(&bench.world, &bench.plan, &bench.journal).len(), 2, "and for long no healthy task");
}

#[test]
fn s13_sees_weights_that_are_not_planned_and_holds_cut_short() {
    let mut bench = Bench::new();
    assert_eq!(bench.rise(0, 30), ["S13"]);
    let mut bench = Bench::new();
    bench.first_step();
    bench.journal.retain(|record| !matches!(record.body, Body::Fact(Fact::StepPassed { .. })));
    assert_eq!(bench.rise(0, 50), ["S13"]);
}

#[test]
fn s13_sees_a_hold_cut_short_unless_a_person_said_so() {
    let early = || {
        let mut bench = Bench::new();
        assert_eq!(bench.rise(0, 10), NONE);
        assert_eq!(bench.rise(1, 10), NONE);
        bench.fact(Fact::StepVerified(0));
        bench.pass(9_000);
        bench.fact(Fact::StepPassed { step: 1, why: String::new() });
        bench.look();
        bench
    };
    assert_eq!(early().rise(0, 50), ["S13"]);
    let mut bench = early();
    let command =
        bluegreen_core::journal::Command { id: "1".into(), at: bench.world.now(), by: "b".into(), verb: Verb::Promote };
    bench.fact(Fact::Commanded(command));
    assert_eq!(bench.rise(0, 50), NONE);
}

#[test]
fn s15_sees_a_rise_for_another_revision() {
    let mut bench = Bench::new();
    let change =
        ServiceChange { color: Color::Green, task_definition: Some(bench.scenario.old_revision()), desired: None };
    bench.world.apply(&Deed::UpdateService(CLUSTER.into(), "web-green".into(), change));
    bench.pass(6_000);
    bench.look();
    assert_eq!(bench.rise(0, 10), ["S15"]);
    let mut bench = Bench::new();
    bench.journal.retain(|record| !matches!(record.body, Body::Fact(Fact::TaskDefinition(_))));
    assert_eq!(bench.rise(0, 10), ["S15"]);
}
