//! Boundaries: each of these lines once let a changed comparison or guard pass unnoticed.

use std::time::Duration;

use super::bench::{Bench, alarm, forward};
use crate::decide::targets::first_weight_step;
use crate::decide::{Gate, canary_count, evicted_actions, guard, judge_alarms, later};
use crate::journal::{Mutation, Purpose};
use crate::model::{Action, Capacity, Color, Percent, Step};
use crate::observe::AlarmState;
use crate::plan::{Plan, PlannedAlarm};
use crate::ports::ServiceChange;

fn two_alarms(first: AlarmState, second: AlarmState) -> Bench {
    let other = PlannedAlarm { name: "latency".into(), definition: "d".into(), window_seconds: 60 };
    let mut bench = Bench::at_step_with(0, |plan| plan.alarms.push(other.clone()));
    let latency = crate::observe::AlarmSnapshot { name: "latency".into(), ..alarm(second) };
    bench.seen.alarms.value = Ok(vec![alarm(first), latency]);
    bench
}

#[test]
fn the_worst_alarm_decides_whatever_its_place() {
    use AlarmState::{Alarm, InsufficientData, Ok};
    for (first, second) in [(Alarm, InsufficientData), (InsufficientData, Alarm), (Alarm, Ok), (Ok, Alarm)] {
        let bench = two_alarms(first, second);
        assert!(bench.decide().starts_with("note restoring: alarm"), "{}", bench.decide());
    }
    for (first, second) in [(Ok, InsufficientData), (InsufficientData, Ok)] {
        assert!(two_alarms(first, second).decide().starts_with("note gate closed"));
    }
}

#[test]
fn a_reading_is_fresh_up_to_its_limit_and_not_beyond() {
    let bench = Bench::at_step(0);
    let judge = |age: Duration| {
        judge_alarms(&bench.state, &bench.seen.alarms, &bench.seen.histories, later(bench.seen.alarms.seen_at, age))
    };
    assert_eq!(judge(bench.state.plan.timing.freshness), Gate::Open);
    assert!(matches!(judge(bench.state.plan.timing.freshness + Duration::from_millis(1)), Gate::Closed { .. }));
}

#[test]
fn a_write_in_doubt_excuses_the_state_before_it_and_no_older_one() {
    let mut bench = Bench::at_step(2);
    bench.in_doubt(Purpose::Step(Percent::FULL), bench.split(1000));
    bench.found(bench.split(0));
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note drift", "someone has undone the step before");
    bench.found(bench.split(100));
    assert_eq!(bench.decide(), "act set rule step 100% [blue 0 green 100]");
}

#[test]
fn an_old_state_is_excused_until_the_settle_time_is_over() {
    let mut bench = Bench::at_step(0);
    bench.sent(Purpose::Step("10".parse().unwrap()), bench.split(100));
    bench.pass_time(29);
    assert!(bench.decide().starts_with("wait: the rule to show the last write"));
    bench.pass_time(1);
    assert_eq!(bench.decide(), "note drift");
}

fn scale(color: Color, desired: u32) -> Mutation {
    Mutation::UpdateService(ServiceChange { color, task_definition: None, desired: Some(desired) })
}

fn set(bench: &Bench, tenths: u16, purpose: Purpose) -> Mutation {
    Mutation::SetActions { route: super::bench::rule(), actions: bench.split(tenths), purpose }
}

#[test]
fn what_gives_something_up_gets_a_last_look_and_nothing_else_does() {
    let bench = Bench::at_step(0);
    let looks = |mutation: &Mutation| guard::needs_last_look(&bench.state, mutation);
    assert!(looks(&set(&bench, 100, Purpose::Step("10".parse().unwrap()))));
    assert!(looks(&scale(Color::Blue, 3)), "stable below its baseline of 4");
    assert!(!looks(&scale(Color::Blue, 4)));
    assert!(!looks(&scale(Color::Blue, 5)));
    assert!(!looks(&scale(Color::Green, 0)));
    assert!(!looks(&set(&bench, 0, Purpose::Restore)), "the way back waits for nothing");
    assert!(!looks(&Mutation::RegisterTaskDefinition));
}

fn allowed(bench: &Bench, mutation: &Mutation) -> bool {
    guard::check(&bench.state, &bench.seen, bench.now, mutation).is_ok()
}

#[test]
fn the_guard_lets_through_what_the_plan_needs() {
    let bench = Bench::new();
    assert!(allowed(&bench, &set(&bench, 0, Purpose::Attach)));
    let bench = Bench::at_step_with(0, |plan| plan.baseline.test_route = Some(plan.baseline.routes[0].clone()));
    assert!(allowed(&bench, &set(&bench, 1000, Purpose::Test)));
}

#[test]
fn each_phase_before_the_first_weight_is_missed_on_its_own() {
    let step = |bench: &Bench| set(bench, 100, Purpose::Step("10".parse().unwrap()));
    assert!(allowed(&Bench::at_step(0), &step(&Bench::at_step(0))));
    let without: [fn(&mut Bench); 3] =
        [|b| b.state.green_at_start = false, |b| b.state.attached = false, |b| b.state.hooks_passed = 0];
    for take_away in without {
        let mut bench = Bench::at_step(0);
        take_away(&mut bench);
        assert!(!allowed(&bench, &step(&bench)));
    }
}

#[test]
fn health_is_fresh_up_to_its_limit_and_not_beyond() {
    let mut bench = Bench::at_step(0);
    let step = set(&bench, 100, Purpose::Step("10".parse().unwrap()));
    let freshness = bench.state.plan.timing.freshness;
    bench.now = later(bench.seen.health.green.seen_at, freshness);
    assert!(allowed(&bench, &step));
    bench.now = later(bench.now, Duration::from_millis(1));
    bench.seen.alarms.seen_at = bench.now;
    assert!(!allowed(&bench, &step));
}

#[test]
fn the_canary_may_be_filled_with_the_released_revision() {
    let bench = Bench::at_step(0);
    let change =
        ServiceChange { color: Color::Green, task_definition: Some(super::bench::revision("web:2")), desired: Some(6) };
    assert!(allowed(&bench, &Mutation::UpdateService(change)));
}

#[test]
fn a_canary_exactly_as_large_as_needed_can_serve() {
    let mut bench = Bench::at_step(0);
    let step = set(&bench, 100, Purpose::Step("10".parse().unwrap()));
    bench.seen.health.green.value.as_mut().unwrap().healthy = 4;
    assert!(allowed(&bench, &step));
}

#[test]
fn only_a_sticky_action_with_both_groups_needs_an_eviction() {
    let bench = Bench::new();
    let evicted = |actions: &[Action]| evicted_actions(&bench.state.plan, actions).is_some();
    assert!(evicted(&forward(&[("blue", 100), ("green", 0)], Some(60))));
    assert!(!evicted(&forward(&[("blue", 100), ("green", 0)], None)));
    assert!(!evicted(&forward(&[("blue", 100)], Some(60))));
    assert!(!evicted(&forward(&[("green", 100)], Some(60))), "without stable nobody would get the traffic");
}

#[test]
fn the_canary_is_as_large_as_its_steps_so_far_ask_for() {
    let mut plan = super::bench::plan();
    let share = |text: &str| text.parse::<Percent>().unwrap();
    plan.steps = vec![
        Step::SetCanaryScale(share("20")),
        Step::SetWeight(share("10")),
        Step::Hold(Duration::from_secs(1)),
        Step::SetWeight(share("50")),
    ];
    let counts = |plan: &Plan| (0..4).map(|step| canary_count(plan, step, 10)).collect::<Vec<_>>();
    assert_eq!(counts(&plan), [2, 10, 10, 10], "full capacity comes with the first weight");
    plan.capacity = Capacity::MatchWeight;
    assert_eq!(counts(&plan), [2, 2, 2, 5]);
    assert_eq!(first_weight_step(&plan), 1);
}

#[test]
fn two_different_writes_in_doubt_are_told_apart() {
    let mut bench = Bench::at_step(2);
    bench.in_doubt(Purpose::Step(Percent::FULL), bench.split(1000));
    bench.restoring();
    bench.in_doubt(Purpose::Restore, forward(&[("blue", 1)], None));
    bench.found(bench.split(1000));
    bench.pass_time(31);
    assert_eq!(bench.decide(), "act set rule restore [blue 1]", "the first one took effect, the second did not");
}
