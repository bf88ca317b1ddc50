//! Table tests: one line of state in, one line of decision out.

mod analysis;
mod bench;
mod edges;
mod fresh;
mod gates;
mod guards;
mod managed;
mod rollback;
mod sets;

use bench::Bench;

use crate::journal::{Fact, Purpose, Verb};
use crate::model::Percent;

const TEN: Purpose = Purpose::Step(Percent::from_tenths_const(100));

#[test]
fn the_calm_run_goes_phase_by_phase() {
    let mut bench = Bench::new();
    assert_eq!(bench.decide(), "note green at start");
    bench.fact(Fact::GreenAtStart);
    assert_eq!(bench.decide(), "act set rule attach [blue 100 green 0]");
    bench.set("attach", Purpose::Attach, bench.split(0));
    assert_eq!(bench.decide(), "note attached");
    bench.fact(Fact::Attached);
    assert_eq!(bench.decide(), "act register");
    bench.registered();
    assert_eq!(bench.decide(), "act green web:2 x4");
    bench.scaled(4);
    assert_eq!(bench.decide(), "note canary healthy 4");
    bench.fact(Fact::CanaryHealthy { healthy: 4 });
    assert_eq!(bench.decide(), "act run hook 0");
    bench.hook_passed();
    assert_eq!(bench.decide(), "wait: green to stay healthy");
    bench.pass_time(10);
    assert_eq!(bench.decide(), "act set rule step 10% [blue 90 green 10]");
    bench.set("step", TEN, bench.split(100));
    assert_eq!(bench.decide(), "note step 0 verified");
    bench.fact(Fact::StepVerified(0));
    assert_eq!(bench.decide(), "wait: hold of 5m");
    bench.pass_time(300);
    assert_eq!(bench.decide(), "note step 1 passed: hold of 5m is over");
}

#[test]
fn the_end_of_the_calm_run_is_read_back() {
    let mut bench = Bench::at_step(2);
    assert_eq!(bench.decide(), "act set rule step 100% [blue 0 green 100]");
    bench.set("full", Purpose::Step(Percent::FULL), bench.split(1000));
    bench.fact(Fact::StepVerified(2));
    assert_eq!(bench.decide(), "wait: bake of 15m");
    bench.take("c1", Verb::Promote);
    assert_eq!(bench.decide(), "note step 3 passed: promoted by ann");
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    assert_eq!(bench.decide(), "note committed");
    bench.fact(Fact::Committed);
    assert_eq!(bench.decide(), "wait: connections to the old fleet to drain");
    bench.pass_time(360);
    assert_eq!(bench.decide(), "act blue x1");
    bench.stable_scaled(1);
    assert_eq!(bench.decide(), "note old fleet settled");
    bench.fact(Fact::OldFleetSettled);
    assert_eq!(bench.decide(), "finish Promoted: web:2 has all traffic on every route, read back and healthy");
}

#[test]
fn a_long_bake_leaves_the_old_fleet_its_time_to_settle() {
    let mut bench = Bench::at_step(2);
    bench.set("full", Purpose::Step(Percent::FULL), bench.split(1000));
    bench.fact(Fact::StepVerified(2));
    bench.pass_time(7200);
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.fact(Fact::Committed);
    assert_eq!(bench.decide(), "act blue x1", "the deadline counts from the commit, not from the last weight");
    bench.pass_time(900);
    assert!(bench.decide().starts_with("finish Held: promoted, but the old fleet was not settled"));
}

#[test]
fn a_step_waits_for_its_own_write_to_show() {
    let mut bench = Bench::at_step(0);
    bench.sent(TEN, bench.split(100));
    assert_eq!(bench.decide(), "wait: the rule to show the last write");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "note drift", "an applied write that has vanished was undone by someone else");
}

#[test]
fn a_write_in_doubt_is_sent_again_only_when_it_cannot_show_up_any_more() {
    let mut bench = Bench::at_step(0);
    bench.in_doubt(TEN, bench.split(100));
    assert_eq!(bench.decide(), "wait: the rule to show the last write");
    bench.pass_time(31);
    assert_eq!(bench.decide(), "act set rule step 10% [blue 90 green 10]");
}

#[test]
fn a_second_write_in_doubt_is_no_one_elses() {
    let mut bench = Bench::at_step(0);
    for _ in 0..3 {
        bench.in_doubt(TEN, bench.split(100));
        bench.pass_time(31);
        assert_eq!(bench.decide(), "act set rule step 10% [blue 90 green 10]");
    }
    bench.set("step", TEN, bench.split(100));
    bench.fact(Fact::StepVerified(0));
    bench.pass_time(31);
    bench.found(bench.split(0));
    assert_eq!(bench.decide(), "note drift", "once it has taken effect, its absence is someone else's doing");
}

#[test]
fn a_registration_in_doubt_is_looked_for_and_never_repeated_blindly() {
    let mut bench = Bench::attached();
    bench.registration_in_doubt();
    bench.look_for_revision(None);
    assert_eq!(bench.decide(), "wait: whether the revision was registered");
    bench.look_for_revision(Some("web:2"));
    assert_eq!(bench.decide(), "note revision web:2");
    bench.pass_time(31);
    bench.look_for_revision(None);
    assert_eq!(bench.decide(), "act register");
}

#[test]
fn the_canary_grows_before_its_weight_and_with_the_stable_fleet() {
    let mut bench = Bench::at_step(0);
    bench.seen.services.value.as_mut().unwrap().blue.desired = 6;
    assert_eq!(bench.decide(), "act green web:2 x6");
}

#[test]
fn people_come_first() {
    let mut bench = Bench::at_step(0);
    bench.command("c1", Verb::Pause);
    assert_eq!(bench.decide(), "note command pause");
    bench.take("c1", Verb::Pause);
    assert_eq!(bench.decide(), "wait: paused by ann: `promote` goes on");
    bench.take("c2", Verb::Promote);
    assert_eq!(bench.decide(), "act set rule step 10% [blue 90 green 10]");
    bench.take("c3", Verb::Abort);
    assert_eq!(bench.decide(), "note restoring: aborted by ann");
}

#[test]
fn an_interrupt_leaves_the_weights_or_goes_back_by_policy() {
    let mut bench = Bench::at_step(0);
    bench.seen.interrupted = true;
    assert_eq!(bench.decide(), "leave: interrupted");
    let mut bench = Bench::at_step_with(0, |plan| plan.rollback.on_interrupt = crate::model::OnInterrupt::Rollback);
    bench.seen.interrupted = true;
    assert_eq!(bench.decide(), "note restoring: interrupted");
}

#[test]
fn every_phase_has_a_deadline() {
    let mut bench = Bench::attached();
    bench.registered();
    bench.scaled(4);
    bench.seen.health.green.value.as_mut().unwrap().healthy = 1;
    assert_eq!(bench.decide(), "wait: green to become healthy: 1 of 4 targets are healthy");
    bench.pass_time(901);
    assert_eq!(bench.decide(), "note restoring: deadline passed: 1 of 4 targets are healthy, for 15m");
}

#[test]
fn a_full_promotion_skips_holds_and_keeps_gates_and_bake() {
    let mut bench = Bench::at_step(0);
    bench.take("c1", Verb::PromoteFull);
    bench.set("step", TEN, bench.split(100));
    bench.fact(Fact::StepVerified(0));
    assert_eq!(bench.decide(), "note step 1 passed: promoted in full by ann");
    bench.seen.alarms.value.as_mut().unwrap()[0].state = crate::observe::AlarmState::Alarm;
    assert!(bench.decide().starts_with("note restoring: alarm"), "gates stay");
}

#[test]
fn what_others_change_after_commit_is_told() {
    let mut bench = Bench::at_step(2);
    bench.set("full", Purpose::Step(Percent::FULL), bench.split(1000));
    bench.fact(Fact::StepVerified(2));
    bench.fact(Fact::StepPassed { step: 3, why: String::new() });
    bench.fact(Fact::Committed);
    bench.canary_is("web:9", 4);
    assert!(bench.decide().starts_with("finish Held: promoted, but service front-green runs web:9"));
}
