//! The laws about counts are shown what breaks them.

use bluegreen_core::analysis::{Judgement, Verdict};
use bluegreen_core::plan::OnInconclusive;

use super::*;

/// At 20 %, with so many minutes counted since.
fn counted(new_errors: f64, minutes: u64) -> Bench {
    let mut bench = Bench::of(Scenario::shop().judged(new_errors));
    assert_eq!(bench.rise(0, 20), NONE);
    bench.fact(Fact::StepVerified(0));
    bench.pass(minutes * 60_000);
    bench.look();
    bench
}

fn judged(bench: &mut Bench, verdict: Verdict) {
    let judgement = Judgement { verdict, worse: 0.0, split: 0.0, metrics: Vec::new() };
    bench.fact(Fact::Judged { step: 1, judgement: Box::new(judgement) });
}

fn pass(bench: &mut Bench) {
    judged(bench, Verdict::Pass { early: false, why: String::new() });
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
}

#[test]
fn s17_sees_a_rise_against_the_counts() {
    let mut good = counted(0.005, 12);
    pass(&mut good);
    assert_eq!(good.rise(0, 100), NONE);
    let mut bad = counted(0.2, 12);
    pass(&mut bad);
    assert_eq!(bad.rise(0, 100), ["S17"]);
    let mut early = counted(0.2, 2);
    pass(&mut early);
    assert_eq!(early.rise(0, 100), NONE, "nobody could know yet");
}

#[test]
fn s18_sees_a_step_that_was_passed_for_no_reason() {
    let rise = |reason: &dyn Fn(&mut Bench)| {
        let mut bench = counted(0.005, 12);
        reason(&mut bench);
        bench.fact(Fact::StepPassed { step: 1, why: String::new() });
        bench.rise(0, 100)
    };
    assert_eq!(rise(&|_| {}), ["S18"]);
    assert_eq!(rise(&|bench| judged(bench, Verdict::Inconclusive { why: String::new() })), ["S18"]);
    assert_eq!(rise(&|bench| judged(bench, Verdict::Open { why: String::new() })), ["S18"]);
    assert_eq!(rise(&|bench| judged(bench, Verdict::Pass { early: true, why: String::new() })), NONE);
    let tolerated = |then| Fact::Inconclusive { step: 1, then, why: String::new() };
    assert_eq!(rise(&|bench| bench.fact(tolerated(OnInconclusive::Promote))), NONE);
    assert_eq!(rise(&|bench| bench.fact(tolerated(OnInconclusive::Extend))), ["S18"]);
    assert_eq!(rise(&|bench| bench.fact(Fact::WithoutMetrics { why: String::new() })), NONE);
}
