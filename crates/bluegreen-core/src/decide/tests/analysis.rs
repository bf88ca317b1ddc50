//! The judge in the release: every verdict, every policy, and what keeps the run where it is.

use std::time::Duration;

use jiff::Timestamp;

use super::bench::{Bench, alarm, failed};
use super::managed::{ecs_plan, id, pause};
use crate::analysis::{Bad, Counts, Judge, Metric, Row, Source, Tally};
use crate::decide::guard::{Veto, check};
use crate::decide::{Decision, decide, later};
use crate::journal::{Cause, Fact, Mutation, Purpose, Verb};
use crate::model::{MetricQuery, Percent, Series, Step};
use crate::observe::{AlarmState, ClosedMinutes, Reading};
use crate::plan::{Analysis, OnInconclusive, OnNoAnswer, Plan};
use crate::ports::ErrorClass;

fn series(name: &str) -> MetricQuery {
    MetricQuery::Series(Series {
        namespace: "AWS/ApplicationELB".into(),
        name: name.into(),
        dimensions: std::collections::BTreeMap::new(),
        statistic: "Sum".into(),
    })
}

fn analysis() -> Analysis {
    let tally = |arm: &str| Tally { bad: Bad::Sum(vec![series(&format!("{arm}-bad"))]), all: series(arm) };
    let source = |metric: &str| Source {
        metric: metric.into(),
        canary: tally("canary"),
        stable: tally("stable"),
        control: None,
    };
    let shown = Metric { dry_run: true, ..Metric::named("shown") };
    Analysis {
        judge: Judge {
            metrics: vec![Metric::named("errors"), shown],
            warm_up: Duration::ZERO,
            harmless: Some(0.05),
            requests_min: 1000.0,
            ..Judge::default()
        },
        sources: vec![source("errors"), source("shown")],
        lag: Duration::from_secs(60),
        inconclusive: OnInconclusive::Hold,
        inconclusive_limit: 1,
        no_answer: OnNoAnswer::Hold,
        no_answer_for: Duration::from_secs(600),
    }
}

/// 10 %, five minutes of analysis, 100 %, bake; the first weight was just read back.
fn bench(change: impl Fn(&mut Analysis)) -> Bench {
    bench_of(300, change)
}

fn bench_of(seconds: u64, change: impl Fn(&mut Analysis)) -> Bench {
    Bench::at_step_with(1, |plan: &mut Plan| {
        let mut analysis = analysis();
        change(&mut analysis);
        plan.steps[1] = Step::Analysis(Duration::from_secs(seconds));
        plan.analysis = Some(Box::new(analysis));
    })
}

/// What each minute counts: bad requests of the canary, of 300, and of the control, of 2700.
type Counted = (f64, f64);
const SAME: Counted = (3.0, 27.0);
const BAD: Counted = (60.0, 27.0);
const QUIET: Counted = (0.0, 1.0);

fn rows(from: Timestamp, until: Timestamp, (canary, control): Counted, all: f64) -> Vec<Row> {
    let mut at = from;
    let mut rows = Vec::new();
    while at < until {
        rows.push(Row {
            at,
            metric: "errors".into(),
            canary: Some(Counts { bad: canary, all: all / 9.0 }),
            control: Some(Counts { bad: control, all }),
            share: None,
        });
        at = later(at, Duration::from_secs(60));
    }
    rows
}

/// Time passes by minutes, and each is counted; what is noted is taken down, until something else is decided.
fn pass_minutes(bench: &mut Bench, count: u64, counted: Counted) -> String {
    pass_minutes_of(bench, count, counted, 2700.0)
}

fn pass_minutes_of(bench: &mut Bench, count: u64, counted: Counted, all: f64) -> String {
    let mut said = String::new();
    for _ in 0..count {
        bench.pass_time(60);
        if let Some((from, until)) = crate::decide::next_minutes(&bench.state, bench.now) {
            let from = bench.state.judged.until.map_or(from, |until| until.max(from));
            let read = ClosedMinutes { until, rows: rows(from, until, counted, all), failed: vec![] };
            bench.seen.minutes = Some(Reading { seen_at: bench.now, value: Ok(read) });
        }
        said = settle(bench);
        if !said.starts_with("wait") {
            break;
        }
    }
    said
}

/// Takes down what the judge has to say.
fn settle(bench: &mut Bench) -> String {
    loop {
        match decide(&bench.state, &bench.seen, bench.now) {
            Decision::Note(fact @ (Fact::Minutes { .. } | Fact::Judged { .. } | Fact::Inconclusive { .. })) => {
                bench.fact(fact);
            }
            _ => return bench.decide(),
        }
    }
}

fn unreadable(bench: &mut Bench, class: ErrorClass) {
    bench.seen.minutes = Some(Reading { seen_at: bench.now, value: Err(failed(class)) });
}

fn partly(bench: &mut Bench, metric: &str) {
    let until = crate::decide::closed_until(bench.now, Duration::from_secs(60));
    let read = ClosedMinutes { until, rows: vec![], failed: vec![(metric.into(), failed(ErrorClass::Throttled))] };
    bench.seen.minutes = Some(Reading { seen_at: bench.now, value: Ok(read) });
}

#[test]
fn counts_are_noted_then_judged_then_decided_upon() {
    let mut bench = bench(|_| {});
    assert_eq!(bench.decide(), "wait: the first closed minute of the step");
    bench.pass_time(190);
    let (from, until) = crate::decide::next_minutes(&bench.state, bench.now).unwrap();
    assert_eq!(
        (from.strftime("%H:%M").to_string(), until.strftime("%H:%M").to_string()),
        ("06:01".into(), "06:02".into())
    );
    let read = ClosedMinutes { until, rows: rows(from, until, SAME, 2700.0), failed: vec![] };
    bench.seen.minutes = Some(Reading { seen_at: bench.now, value: Ok(read.clone()) });
    assert_eq!(bench.decide(), "note 1 rows until 06:02");
    assert_eq!(settle(&mut bench), "wait: the step to end, or evidence before that");
    let late = ClosedMinutes { rows: rows(from, until, BAD, 2700.0), ..read };
    bench.seen.minutes = Some(Reading { seen_at: bench.now, value: Ok(late) });
    assert_eq!(bench.decide(), "note 1 rows until 06:02", "a row that has changed is recorded again");
    settle(&mut bench);
    assert_eq!(bench.state.judged.rows.all().len(), 1);
    assert_eq!(bench.state.judged.rows.all()[0].canary.unwrap().bad.to_string(), "60");
}

#[test]
fn a_worse_canary_goes_back_at_once_in_every_kind_of_step() {
    let restoring = "note restoring: judged by errors: the canary fails more often than the control";
    let mut analysing = bench(|_| {});
    assert!(pass_minutes(&mut analysing, 8, BAD).starts_with(restoring));
    let kinds = [Step::Hold(Duration::from_secs(7200)), Step::AwaitPromote];
    for kind in kinds {
        let mut bench = Bench::at_step_with(1, |plan| {
            plan.steps[1] = kind.clone();
            plan.analysis = Some(Box::new(analysis()));
        });
        bench.take("c1", Verb::Pause);
        assert!(pass_minutes(&mut bench, 8, BAD).starts_with(restoring), "{kind:?}");
    }
    let mut forward = bench(|_| {});
    forward.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert!(forward.decide().starts_with("act set rule step 100%"));
    assert!(pass_minutes_with_gate_shut(&mut forward).starts_with(restoring), "before a forward write, gates or not");
}

fn pass_minutes_with_gate_shut(bench: &mut Bench) -> String {
    bench.seen.alarms.value = Ok(vec![alarm(AlarmState::InsufficientData)]);
    bench.fact(Fact::GateClosed { why: "alarm 5xx has insufficient data".into() });
    pass_minutes(bench, 8, BAD)
}

#[test]
fn a_step_passes_with_evidence_at_its_end_or_early() {
    let mut patient = bench(|_| {});
    let said = pass_minutes(&mut patient, 10, QUIET);
    assert_eq!(said, "note step 1 passed: every metric is good enough");
    let took = patient.now.duration_since(patient.state.step_since).as_secs();
    assert!((360..=420).contains(&took), "five minutes, the lag and the rest of a minute: {took} s");
    let mut eager = bench_of(1200, |analysis| analysis.judge.pass_early = true);
    let plenty = pass_minutes_of(&mut eager, 60, (6.0, 270.0), 27_000.0);
    assert!(plenty.starts_with("note step 1 passed: no metric is 2 times as bad"), "{plenty}");
    let took = eager.now.duration_since(eager.state.step_since).as_secs();
    assert!(took < 1200, "{took} s");
}

#[test]
fn without_enough_evidence_the_policy_decides() {
    let few = |bench: &mut Bench, minutes| pass_minutes_of(bench, minutes, (0.0, 0.0), 9.0);
    let hold = bench_with(OnInconclusive::Hold, 1);
    let mut bench = hold;
    assert!(few(&mut bench, 40).starts_with("wait: more evidence, or `promote`: errors: the canary had"));
    assert_eq!(bench.state.judged.answer(1), Some(OnInconclusive::Hold));
    let enough = pass_minutes(&mut bench, 90, QUIET);
    assert!(enough.starts_with("note step 1 passed"), "later evidence passes it: {enough}");
    let mut bench = bench_with(OnInconclusive::Rollback, 1);
    assert!(few(&mut bench, 40).starts_with("note restoring: not enough evidence: errors: the canary had"));
    let mut bench = bench_with(OnInconclusive::Promote, 1);
    assert!(few(&mut bench, 40).starts_with("note step 1 passed: not enough evidence, which the plan lets pass"));
    assert_eq!(bench.state.judged.tolerated(), 1);
    let mut bench = bench_with(OnInconclusive::Promote, 0);
    assert!(few(&mut bench, 40).starts_with("wait: more evidence, or `promote`"), "the limit is used up");
    let mut bench = bench_with(OnInconclusive::Extend, 2);
    few(&mut bench, 7);
    assert_eq!((bench.state.judged.extensions(1), bench.state.step), (1, 1));
    few(&mut bench, 5);
    assert_eq!((bench.state.judged.extensions(1), bench.state.step), (2, 1));
    assert!(few(&mut bench, 40).starts_with("wait: more evidence, or `promote`"));
    assert_eq!(bench.state.judged.extensions(1), 2, "then a person is waited for");
    bench.take("c1", Verb::Promote);
    assert_eq!(bench.decide(), "note step 1 passed: promoted by ann");
}

fn bench_with(then: OnInconclusive, limit: u32) -> Bench {
    bench(|analysis| (analysis.inconclusive, analysis.inconclusive_limit) = (then, limit))
}

#[test]
fn evidence_may_take_longer_than_a_phase() {
    let mut bench = bench(|_| {});
    let said = pass_minutes_of(&mut bench, 300, (0.0, 0.0), 9.0);
    assert!(said.starts_with("wait: more evidence"), "no deadline sends back what waits for a person: {said}");
}

#[test]
fn no_answer_keeps_the_run_where_it_is() {
    let mut bench = bench(|analysis| analysis.no_answer = OnNoAnswer::Hold);
    pass_minutes(&mut bench, 2, QUIET);
    unreadable(&mut bench, ErrorClass::Throttled);
    assert_eq!(bench.decide(), "note gate closed: the metrics cannot be read: throttled");
    bench.fact(Fact::CountsMissing { why: "the metrics cannot be read: throttled".into() });
    bench.pass_time(599);
    assert_eq!(bench.decide(), "wait: the metrics cannot be read: throttled");
    bench.take("c1", Verb::Promote);
    assert_eq!(bench.decide(), "wait: the metrics cannot be read: throttled", "a person cannot hurry it");
    let mut alone = self::bench(|_| {});
    unreadable(&mut alone, ErrorClass::Denied);
    alone.fact(Fact::CountsMissing { why: "the metrics cannot be read: denied".into() });
    alone.pass_time(7200);
    let said = alone.decide();
    assert!(said.contains("`promote` goes on without them"), "{said}");
    alone.take("c1", Verb::Promote);
    assert_eq!(alone.decide(), "note without metrics: promoted by ann");
    alone.fact(Fact::WithoutMetrics { why: "promoted by ann".into() });
    assert_eq!(alone.decide(), "note gate opened");
    alone.fact(Fact::GateOpened);
    assert_eq!(alone.decide(), "note step 1 passed: promoted by ann");
}

#[test]
fn no_answer_for_too_long_is_the_plans_to_decide() {
    let closed = |then| {
        let mut bench = bench(|analysis| analysis.no_answer = then);
        pass_minutes(&mut bench, 2, QUIET);
        unreadable(&mut bench, ErrorClass::Throttled);
        bench.fact(Fact::CountsMissing { why: "the metrics cannot be read: throttled".into() });
        bench.pass_time(601);
        bench
    };
    let lasting = "the metrics cannot be read: throttled, for longer than 10m";
    assert_eq!(closed(OnNoAnswer::Rollback).decide(), format!("note restoring: no answer: {lasting}"));
    let mut bench = closed(OnNoAnswer::Promote);
    assert_eq!(bench.decide(), format!("note without metrics: {lasting}"));
    bench.fact(Fact::WithoutMetrics { why: lasting.into() });
    bench.fact(Fact::GateOpened);
    assert_eq!(bench.decide(), format!("note step 1 passed: its time is over, and {lasting}"));
    pass_minutes(&mut bench, 1, QUIET);
    assert_eq!(bench.state.judged.without, None, "counts that come again count again");
}

#[test]
fn a_metric_that_is_only_shown_holds_nothing_up() {
    let mut bench = bench(|_| {});
    bench.pass_time(120);
    partly(&mut bench, "shown");
    assert_eq!(settle(&mut bench), "wait: the step to end, or evidence before that");
    partly(&mut bench, "errors");
    bench.pass_time(60);
    partly(&mut bench, "errors");
    assert_eq!(bench.decide(), "note 0 rows until 06:02, without errors");
    assert_eq!(settle(&mut bench), "note gate closed: the metrics cannot be read: errors: throttled");
    assert!(bench.state.judged.behind_since.is_some(), "its minutes are read again from there on");
}

#[test]
fn a_gate_has_its_own_time_whoever_closed_it() {
    let mut bench = bench(|_| {});
    unreadable(&mut bench, ErrorClass::Throttled);
    bench.fact(Fact::CountsMissing { why: "the metrics cannot be read: throttled".into() });
    bench.pass_time(3600);
    bench.seen.alarms.value = Ok(vec![alarm(AlarmState::InsufficientData)]);
    assert_eq!(bench.decide(), "note gate opened");
    bench.fact(Fact::GateOpened);
    assert_eq!(bench.decide(), "note gate closed: alarm 5xx has insufficient data");
}

#[test]
fn shares_are_known_for_whole_minutes_after_the_load_balancer_has_followed() {
    let mut bench = bench(|_| {});
    bench.pass_time(300);
    let shares = |bench: &Bench| {
        let written = bench.state.last_route_write_at().unwrap();
        [0, 30, 60, 120].map(|after| {
            let minute = later(written, Duration::from_secs(after));
            crate::decide::share_of(&bench.state, minute)
        })
    };
    assert_eq!(shares(&bench), [None, None, Some(0.1), Some(0.1)]);
    bench.in_doubt(Purpose::Step(Percent::FULL), bench.split(1000));
    bench.pass_time(600);
    let after = later(bench.now, Duration::from_secs(1));
    assert_eq!(crate::decide::share_of(&bench.state, after), None, "a write in doubt");
}

fn veto(bench: &Bench) -> String {
    let mutation = Mutation::SetActions {
        route: super::bench::rule(),
        actions: bench.split(1000),
        purpose: Purpose::Step(Percent::FULL),
    };
    match check(&bench.state, &bench.seen, bench.now, &mutation) {
        Ok(()) => "ok".into(),
        Err(Veto::NotNow(why)) => format!("not now: {why}"),
        Err(Veto::Never(why)) => format!("never: {why}"),
    }
}

/// The analysis is over, and nothing but 100 % is left to be written.
fn about_to_go_on() -> Bench {
    let mut bench = bench(|_| {});
    pass_minutes(&mut bench, 3, QUIET);
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(veto(&bench), "ok");
    bench
}

#[test]
fn the_guard_wants_counts_that_speak_for_the_canary() {
    let mut bench = about_to_go_on();
    let until = later(bench.state.judged.until.unwrap(), Duration::from_secs(300));
    let from = bench.state.judged.until.unwrap();
    let bad = ClosedMinutes { until, rows: rows(from, until, BAD, 2700.0), failed: vec![] };
    bench.seen.minutes = Some(Reading { seen_at: bench.now, value: Ok(bad) });
    assert_eq!(veto(&bench), "not now: the newest counts make the canary worse by errors");
    let mut bench = about_to_go_on();
    let (from, until) = (bench.state.judged.until.unwrap(), later(bench.now, Duration::from_secs(600)));
    bench.fact(Fact::Minutes { rows: rows(from, until, BAD, 2700.0), until, missing: vec![] });
    let judgement = crate::decide::judge_now(&bench.state).unwrap();
    bench.fact(Fact::Judged { step: 2, judgement: Box::new(judgement) });
    assert_eq!(veto(&bench), "not now: the canary was judged worse by errors");
}

#[test]
fn the_guard_wants_counts_at_all_and_lately() {
    let mut bench = about_to_go_on();
    unreadable(&mut bench, ErrorClass::Throttled);
    assert!(veto(&bench).starts_with("not now: the metrics cannot be read: elbv2:ModifyRule"), "{}", veto(&bench));
    bench.fact(Fact::WithoutMetrics { why: "promoted by ann".into() });
    assert_eq!(veto(&bench), "ok", "unless that was decided");
    let mut bench = about_to_go_on();
    partly(&mut bench, "errors");
    assert_eq!(veto(&bench), "not now: a metric that decides cannot be read");
    partly(&mut bench, "shown");
    assert_eq!(veto(&bench), "ok");
    let mut bench = about_to_go_on();
    let until = bench.state.judged.until.unwrap();
    bench.fact(Fact::Minutes { rows: vec![], until, missing: vec!["errors".into()] });
    assert_eq!(veto(&bench), "not now: some of the metrics were not read");
    let mut bench = about_to_go_on();
    bench.pass_time(600);
    assert!(veto(&bench).starts_with("not now: no counts are known from after"));
}

#[test]
fn evidence_begins_when_a_healthy_canary_has_weight() {
    let bench = Bench::at_step_with(0, |plan| plan.analysis = Some(Box::new(analysis())));
    assert_eq!(bench.state.judged.since, None);
    assert_eq!(crate::decide::next_minutes(&bench.state, bench.now), None);
    let mut bench = self::bench(|_| {});
    let since = bench.state.judged.since;
    assert!(since.is_some());
    bench.pass_time(60);
    bench.fact(Fact::CanaryUnhealthy { seen: String::new() });
    bench.fact(Fact::CanaryHealthy { healthy: 4 });
    assert_eq!(bench.state.judged.since, since, "once begun it stays");
}

#[test]
fn where_aws_moves_the_traffic_its_pauses_wait_for_the_verdict() {
    let mut plan = ecs_plan();
    plan.steps[1] = Step::Analysis(Duration::from_secs(300));
    plan.analysis = Some(Box::new(analysis()));
    let stand_at_ten = || {
        let mut bench = Bench::at_first_wait(&plan, &pause("h1"));
        bench.continued(pause("h1"));
        bench.waits_no_more();
        bench.moved_to(0, 100);
        bench.waits(&pause("h2"));
        bench
    };
    let mut at_ten = stand_at_ten();
    assert_eq!(at_ten.decide(), "wait: the first closed minute of the step");
    assert_eq!(pass_minutes(&mut at_ten, 10, QUIET), "note step 1 passed: every metric is good enough");
    at_ten.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(at_ten.decide(), "act continue d-1 at the pause at PRE_PRODUCTION_TRAFFIC_SHIFT");
    let go_on = Mutation::Continue { deployment: id("d-1"), wait: pause("h2") };
    assert_eq!(check(&at_ten.state, &at_ten.seen, at_ten.now, &go_on), Ok(()));
    unreadable(&mut at_ten, ErrorClass::Throttled);
    assert!(check(&at_ten.state, &at_ten.seen, at_ten.now, &go_on).is_err(), "the guard wants counts here too");
    let mut at_ten = stand_at_ten();
    assert!(pass_minutes(&mut at_ten, 10, BAD).starts_with("note restoring: judged by errors"));
    let cause = Cause::Analysis { metric: Some("errors".into()), why: String::new() };
    at_ten.fact(Fact::Restoring(cause));
    assert_eq!(at_ten.decide(), "act stop d-1");
}
