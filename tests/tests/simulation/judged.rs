//! Releases that a judge watches: no alarm says anything in them.

use std::time::Duration;

use bluegreen_core::analysis::Verdict;
use bluegreen_core::journal::{Body, Cause, Fact, Goal, RunState, Terminal, Verb};
use bluegreen_core::plan::{OnInconclusive, OnNoAnswer, Plan};
use bluegreen_core::view::{RejudgeError, rejudge};
use bluegreen_sandbox::executor::{Schedule, Sim};
use bluegreen_sandbox::faults::{Fault, FaultRule, Operations};
use bluegreen_sandbox::scenario::Scenario;

use super::crash::sweep_within;
use super::faults::now;
use super::pair::{one_works_one_leaves, pair, plans};
use super::{Outcome, one_operator, run, terminal};

/// As good as the old version, and ten times as bad.
const GOOD: f64 = 0.005;
const BAD: f64 = 0.05;

fn good() -> Scenario {
    Scenario::shop().judged(GOOD)
}

fn bad() -> Scenario {
    Scenario::shop().judged(BAD)
}

/// One operator's run to its end, and what its journal makes of it.
fn played(scenario: &Scenario, rules: &[FaultRule], story: &str) -> (Terminal, RunState, Plan) {
    let plan = scenario.plan();
    let mut sim = one_operator(scenario, &plan);
    for rule in rules {
        sim.fault(rule.clone());
    }
    let report = run(&mut sim, story);
    let state = RunState::fold(&sim.journal(&plan.run)).unwrap();
    (terminal(&report, "a").unwrap_or_else(|| panic!("{story}: {:?}", report.operators)), state, plan)
}

fn by_the_judge(state: &RunState) -> bool {
    matches!(&state.goal, Goal::Restore { cause: Cause::Analysis { metric: Some(_), .. }, .. })
}

fn metrics(fault: Fault) -> FaultRule {
    FaultRule::new(Operations::Named("cloudwatch:GetMetricData".into()), fault)
}

#[test]
fn a_good_canary_passes_by_evidence_and_a_bad_one_is_sent_back() {
    let (mut promoted, mut found) = (0, 0);
    for seed in 0..20 {
        let mut scenario = good();
        scenario.seed = seed;
        let (end, state, _) = played(&scenario, &[], &format!("good, seed {seed}"));
        assert_eq!(end, Terminal::Promoted, "seed {seed}: {:?}", state.goal);
        assert!(
            matches!(state.judged.latest.unwrap().judgement.verdict, Verdict::Open { .. }),
            "the bake is judged too"
        );
        promoted += 1;
        let mut scenario = bad();
        scenario.seed = seed;
        let (end, state, _) = played(&scenario, &[], &format!("bad, seed {seed}"));
        assert_eq!(end, Terminal::RolledBack, "seed {seed}");
        assert!(by_the_judge(&state), "seed {seed}: {:?}", state.goal);
        found += 1;
    }
    eprintln!("figure: judged: {promoted} of 20 good releases promoted, {found} of 20 bad ones sent back by the judge");
}

/// With a control fleet the canary is held against that, as long as it has traffic.
#[test]
fn a_control_fleet_is_what_the_canary_is_compared_with() {
    for (errors, expected) in [(GOOD, Terminal::Promoted), (BAD, Terminal::RolledBack)] {
        let scenario = Scenario::shop().with_control(1).judged(errors);
        let (end, state, _) = played(&scenario, &[], &format!("control, {errors}"));
        assert_eq!(end, expected, "{:?}", state.goal);
        let rows = || state.judged.rows.all().iter().filter_map(|row| Some((row.canary?.all, row.control?.all)));
        let (canary, control) = rows().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        assert!((0.8..1.2).contains(&(canary / control)), "as many requests each: {canary} and {control}");
        assert!(state.judged.rows.all().iter().any(|row| row.share == Some(0.5)), "{:?}", state.judged.rows);
    }
}

/// Every verdict follows from the journal's rows alone, and can be asked for under other settings.
#[test]
fn every_verdict_can_be_computed_again() {
    let journal = |scenario: &Scenario| {
        let plan = scenario.plan();
        let mut sim = one_operator(scenario, &plan);
        run(&mut sim, "to be judged again");
        sim.journal(&plan.run)
    };
    let bad = journal(&bad());
    let again = rejudge(&bad, &[]).unwrap();
    assert!(again.looks.iter().all(|look| look.was.as_ref() == Some(&look.would_be)), "{again:#?}");
    assert!(again.goes_back && again.would_be.contains("in step 2 of 4: judged by errors"), "{again:#?}");
    let strict = rejudge(&bad, &["alpha=1e-300".parse().unwrap()]).unwrap();
    assert!(!strict.goes_back && strict.would_be.contains("would not have gone back in step 2"), "{strict:#?}");
    let good = journal(&good());
    let limited = rejudge(&good, &["limit=0.0001".parse().unwrap()]).unwrap();
    assert!(limited.goes_back && limited.was.is_none(), "{limited:#?}");
    assert!(matches!(limited.looks.last().unwrap().would_be, Verdict::Fail { .. }), "{limited:#?}");
    let unjudged = journal(&Scenario::shop().with_routes(1));
    assert_eq!(rejudge(&unjudged, &[]), Err(RejudgeError::NoJudge));
}

#[test]
fn a_judged_run_survives_a_kill_anywhere() {
    let extra = Duration::from_secs(190);
    sweep_within("judged, good", &good(), &|_, _| {}, Terminal::Promoted, extra);
    sweep_within("judged, bad", &bad(), &|_, _| {}, Terminal::RolledBack, extra);
}

#[test]
fn metrics_that_cannot_be_read_for_a_while_only_take_time() {
    let (calm, bad) = (good(), bad());
    let from = now(&calm) + 100_000;
    for fault in [Fault::THROTTLED, Fault::DENIED, Fault::Partial, Fault::Slow(40_000), Fault::Lost { applied: true }] {
        let story = format!("{fault:?} for three minutes");
        let (end, state, _) = played(&calm, &[metrics(fault).within(from..from + 180_000)], &story);
        assert_eq!(end, Terminal::Promoted, "{story}: {:?}", state.goal);
        let (end, state, _) = played(&bad, &[metrics(fault).within(from..from + 180_000)], &story);
        assert_eq!(end, Terminal::RolledBack, "{story}");
        assert!(by_the_judge(&state), "{story}: {:?}", state.goal);
    }
}

#[test]
fn metrics_that_stay_unreadable_are_the_plans_to_decide() {
    for fault in [Fault::THROTTLED, Fault::DENIED] {
        for (then, expected) in
            [(OnNoAnswer::Rollback, Terminal::RolledBack), (OnNoAnswer::Promote, Terminal::Promoted)]
        {
            let mut scenario = good();
            scenario.judged.as_mut().unwrap().analysis.no_answer = then;
            let story = format!("{fault:?} for ever, {then:?}");
            let (end, state, _) = played(&scenario, &[metrics(fault)], &story);
            assert_eq!(end, expected, "{story}: {:?}", state.goal);
            assert!(!by_the_judge(&state), "{story}");
        }
    }
}

/// Nothing is promoted while a person is waited for; their word is enough.
#[test]
fn a_person_ends_what_has_no_answer() {
    let mut scenario = good();
    scenario.judged.as_mut().unwrap().analysis.no_answer = OnNoAnswer::Hold;
    let plan = scenario.plan();
    let mut sim = one_operator(&scenario, &plan);
    sim.fault(metrics(Fault::DENIED));
    sim.give_after(Duration::from_secs(3600), &plan.run, Verb::Promote);
    let report = run(&mut sim, "held for want of metrics");
    assert_eq!(terminal(&report, "a"), Some(Terminal::Promoted), "{:?}", report.operators);
    assert!(report.elapsed > Duration::from_secs(3600), "{:?}", report.elapsed);
    let said = |record: &bluegreen_core::journal::Record| matches!(&record.body, Body::Fact(Fact::WithoutMetrics { why }) if why.starts_with("promoted by"));
    assert!(sim.journal(&plan.run).iter().any(said));
}

/// Counts that come late count all the same, once they are there.
#[test]
fn late_counts_are_judged_when_they_come() {
    for late in [60_000, 150_000] {
        for (scenario, expected) in [(good(), Terminal::Promoted), (bad(), Terminal::RolledBack)] {
            let story = format!("{late} ms late");
            let (end, state, _) = played(&scenario, &[metrics(Fault::Stale(late))], &story);
            assert_eq!(end, expected, "{story}: {:?}", state.goal);
        }
    }
}

#[test]
fn a_canary_with_little_traffic_is_not_passed_without_a_word() {
    for (then, expected) in
        [(OnInconclusive::Promote, Terminal::Promoted), (OnInconclusive::Rollback, Terminal::RolledBack)]
    {
        let mut scenario = good();
        let judged = scenario.judged.as_mut().unwrap();
        (judged.rps, judged.analysis.inconclusive) = (1, then);
        judged.analysis.judge.requests_min = 10_000.0;
        let (end, state, _) = played(&scenario, &[], &format!("{then:?}"));
        assert_eq!(end, expected, "{then:?}");
        assert!(!by_the_judge(&state));
    }
    let mut scenario = good();
    let judged = scenario.judged.as_mut().unwrap();
    (judged.rps, judged.analysis.inconclusive) = (1, OnInconclusive::Extend);
    judged.analysis.judge.requests_min = 10_000.0;
    let plan = scenario.plan();
    let mut sim = one_operator(&scenario, &plan);
    sim.give_after(Duration::from_secs(3 * 3600), &plan.run, Verb::Abort);
    let report = run(&mut sim, "extended, then held");
    assert_eq!(terminal(&report, "a"), Some(Terminal::Aborted));
    let state = RunState::fold(&sim.journal(&plan.run)).unwrap();
    assert_eq!((state.judged.extensions(1), state.judged.answer(1)), (1, Some(OnInconclusive::Hold)));
}

#[test]
fn two_operators_judge_once() {
    let scenario = good();
    let plans = plans(&scenario);
    for seed in 0..10 {
        let mut sim: Sim<Outcome> = pair(&scenario, &plans);
        let report = sim.run(&Schedule::Random(seed));
        one_works_one_leaves(&sim, &report, &format!("judged, seed {seed}"));
    }
}
