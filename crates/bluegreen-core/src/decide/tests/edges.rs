//! Boundaries: each of these lines once let a changed comparison or guard pass unnoticed.

use std::time::Duration;

use super::bench::{Bench, alarm};
use crate::decide::{Gate, judge_alarms, later};
use crate::journal::Purpose;
use crate::model::Percent;
use crate::observe::AlarmState;
use crate::plan::PlannedAlarm;

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
