//! The way back.

use super::bench::{Bench, failed, forward, snapshot};
use crate::journal::{Body, Ending, Fact, Mutation, Purpose, Resolution, Terminal, Verb};
use crate::model::{Action, Color, Percent, RouteId};
use crate::observe::RouteSnapshot;
use crate::ports::{ErrorClass, ServiceChange};

const TEN: Purpose = Purpose::Step(Percent::from_tenths_const(100));

#[test]
fn traffic_first_then_capacity_then_the_end() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    bench.set("restore", Purpose::Restore, forward(&[("blue", 1)], None));
    assert_eq!(bench.decide(), "wait: reads that are newer than the last write");
    bench.pass_time(30);
    assert_eq!(bench.decide(), "note traffic restored");
    bench.fact(Fact::TrafficRestored);
    assert_eq!(bench.decide(), "wait: connections to green to drain");
    bench.pass_time(330);
    assert_eq!(bench.decide(), "act green web:1 x0");
}

#[test]
fn pinned_clients_leave_with_the_group() {
    let sticky = |plan: &mut crate::plan::Plan| {
        plan.baseline.routes[0].actions = forward(&[("blue", 100), ("green", 0)], Some(60));
    };
    let mut bench = Bench::at_step_with(1, sticky);
    bench.restoring();
    assert_eq!(bench.decide(), "act set rule evict [blue 100]");
    bench.set("evict", Purpose::Evict, forward(&[("blue", 100)], Some(60)));
    assert_eq!(bench.decide(), "note evicted");
    bench.fact(Fact::Evicted);
    assert_eq!(bench.decide(), "wait: clients that are pinned to the canary to come back");
    bench.pass_time(60);
    assert_eq!(bench.decide(), "act set rule restore [blue 100 green 0]");
}

#[test]
fn nothing_written_means_nothing_to_restore() {
    let mut bench = Bench::new();
    bench.fact(Fact::GreenAtStart);
    bench.take("c1", Verb::Abort);
    bench.restoring();
    assert_eq!(bench.decide(), "note traffic restored");
    bench.fact(Fact::TrafficRestored);
    assert_eq!(bench.decide(), "note capacity restored");
    bench.fact(Fact::CapacityRestored);
    assert!(bench.decide().starts_with("finish RolledBack"));
}

#[test]
fn a_forward_write_in_doubt_is_overwritten_at_once() {
    let mut bench = Bench::at_step(0);
    bench.in_doubt(TEN, bench.split(100));
    bench.restoring();
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
}

#[test]
fn blind_it_still_writes_and_never_calls_it_verified() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.seen.routes.value = Err(failed(ErrorClass::Throttled));
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    bench.sent(Purpose::Restore, forward(&[("blue", 1)], None));
    assert_eq!(bench.decide(), "wait: the routes to be readable again, to verify the rollback");
    bench.pass_time(901);
    assert!(bench.decide().starts_with("finish RollbackFailed"));
}

#[test]
fn refused_writes_are_tried_until_the_deadline() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.refused(Purpose::Restore, forward(&[("blue", 1)], None), ErrorClass::Denied);
    assert_eq!(bench.decide(), "wait: before trying again: elbv2:ModifyRule denied: no");
    bench.pass_time(10);
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    bench.pass_time(900);
    assert!(bench.decide().starts_with("finish RollbackFailed: the baseline could not be restored and verified"));
}

#[test]
fn a_foreign_value_is_noted_before_it_is_overwritten() {
    let foreign = forward(&[("blue", 7), ("green", 3)], None);
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.found(foreign.clone());
    assert_eq!(bench.decide(), "note drift");
    let drift = Fact::Drift { route: super::bench::rule(), expected: vec![], found: foreign };
    bench.fact(drift.clone());
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    bench.fact(drift.clone());
    bench.fact(drift);
    assert!(bench.decide().starts_with("finish RollbackFailed: someone else keeps writing"));
}

#[test]
fn a_foreign_value_that_spares_the_canary_is_left_for_a_person() {
    let foreign = forward(&[("blue", 7), ("green", 0)], None);
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.found(foreign.clone());
    bench.fact(Fact::Drift { route: super::bench::rule(), expected: vec![], found: foreign });
    assert!(bench.decide().starts_with("finish Held"));
    bench.take("c1", Verb::Abort);
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
}

#[test]
fn an_empty_stable_fleet_is_filled_before_traffic_returns() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    assert_eq!(bench.decide(), "wait: blue to have a healthy target to go back to");
    bench.seen.services.value.as_mut().unwrap().blue.desired = 0;
    assert_eq!(bench.decide(), "act blue x4");
    bench.seen.health.green.value.as_mut().unwrap().healthy = 0;
    assert_eq!(bench.decide(), "act set rule restore [blue 1]", "with both empty, the good version gets the traffic");
}

#[test]
fn a_route_that_gets_the_canary_again_stops_the_scale_in() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.set("restore", Purpose::Restore, forward(&[("blue", 1)], None));
    bench.pass_time(30);
    bench.fact(Fact::TrafficRestored);
    bench.pass_time(330);
    bench.found(forward(&[("blue", 7), ("green", 3)], None));
    assert_eq!(bench.decide(), "note drift");
}

#[test]
fn an_empty_stable_fleet_that_cannot_be_filled_is_not_asked_in_a_loop() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    bench.seen.services.value.as_mut().unwrap().blue.desired = 0;
    bench.stable_refused(4, ErrorClass::Denied);
    assert_eq!(bench.decide(), "wait: before trying again: elbv2:ModifyRule denied: no");
    bench.pass_time(10);
    assert_eq!(bench.decide(), "act blue x4");
    bench.stable_refused(4, ErrorClass::Denied);
    bench.pass_time(900);
    assert_eq!(
        bench.decide(),
        "finish RollbackFailed: the baseline could not be restored and verified: elbv2:ModifyRule denied: no"
    );
}

#[test]
fn a_rollback_that_failed_says_what_it_waited_for() {
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    bench.pass_time(900);
    assert_eq!(
        bench.decide(),
        "finish RollbackFailed: the baseline could not be restored and verified: \
         still waiting for blue to have a healthy target to go back to"
    );
}

#[test]
fn after_a_war_a_resume_writes_again() {
    let foreign = forward(&[("blue", 7), ("green", 3)], None);
    let mut bench = Bench::at_step(1);
    bench.restoring();
    bench.found(foreign.clone());
    let drift = Fact::Drift { route: super::bench::rule(), expected: vec![], found: foreign };
    for _ in 0..3 {
        bench.fact(drift.clone());
    }
    assert!(bench.decide().starts_with("finish RollbackFailed: someone else keeps writing"));
    bench.ended(Terminal::RollbackFailed);
    bench.resumed();
    assert_eq!(bench.decide(), "note drift", "the war is counted anew");
    bench.fact(drift);
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
}

/// A second route, as the first one is at step 1: the canary has 10 %.
fn two_routes() -> Bench {
    let other = |plan: &mut crate::plan::Plan| {
        let mut route = plan.baseline.routes[0].clone();
        route.id = other_rule();
        plan.baseline.routes.push(route);
    };
    let mut bench = Bench::at_step_with(1, other);
    bench.other_set(&other_rule(), TEN, bench.split(100));
    bench.restoring();
    bench
}

fn other_rule() -> RouteId {
    RouteId::Rule("arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/1/2/4".parse().unwrap())
}

#[test]
fn a_route_that_cannot_be_written_does_not_keep_the_others() {
    let mut bench = two_routes();
    bench.refused(Purpose::Restore, forward(&[("blue", 1)], None), ErrorClass::Denied);
    assert_eq!(bench.decide(), "wait: before trying again: elbv2:ModifyRule denied: no");
    bench.pass_time(10);
    assert_eq!(bench.decide(), "act set other restore [blue 1]", "the one that failed comes last");
    bench.other_set(&other_rule(), Purpose::Restore, forward(&[("blue", 1)], None));
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
}

#[test]
fn a_route_that_does_not_show_its_write_yet_does_not_keep_the_others() {
    let mut bench = two_routes();
    bench.sent(Purpose::Restore, forward(&[("blue", 1)], None));
    assert_eq!(bench.decide(), "act set other restore [blue 1]");
    bench.other_set(&other_rule(), Purpose::Restore, forward(&[("blue", 1)], None));
    assert_eq!(bench.decide(), "wait: the rollback to show");
}

#[test]
fn a_route_that_is_left_for_a_person_does_not_keep_the_others() {
    let foreign = forward(&[("blue", 7), ("green", 0)], None);
    let mut bench = two_routes();
    bench.found_first(foreign.clone());
    bench.fact(Fact::Drift { route: super::bench::rule(), expected: vec![], found: foreign });
    assert_eq!(bench.decide(), "act set other restore [blue 1]");
    bench.other_set(&other_rule(), Purpose::Restore, forward(&[("blue", 1)], None));
    assert!(bench.decide().starts_with("finish Held"));
}

impl Bench {
    fn stable_refused(&mut self, count: u32, class: ErrorClass) {
        let change = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(count) };
        let intent = self.intent(Mutation::UpdateService(change));
        self.outcome(intent, Resolution::NotApplied(failed(class)));
    }

    /// Another route than the bench's own: written, applied, and seen.
    fn other_set(&mut self, route: &RouteId, purpose: Purpose, actions: Vec<Action>) {
        let intent = self.intent(Mutation::SetActions { route: route.clone(), actions: actions.clone(), purpose });
        self.outcome(intent, Resolution::Applied { task_definition: None });
        let routes = self.seen.routes.value.as_mut().unwrap();
        routes.retain(|seen| seen.id != *route);
        routes.push(RouteSnapshot { id: route.clone(), ..snapshot(actions) });
    }

    /// The bench's own route is found like this, the others as they were.
    fn found_first(&mut self, actions: Vec<Action>) {
        self.seen.routes.value.as_mut().unwrap()[0].actions = actions;
    }

    fn ended(&mut self, terminal: Terminal) {
        self.record(Body::Finished(Ending { terminal, why: String::new() }));
    }

    pub(super) fn resumed(&mut self) {
        let operator = self.state.operator.clone();
        self.record(Body::Resumed { operator });
    }
}
