//! A journal of a run that is judged by counts, with one of each thing that such a run can say.

use std::time::Duration;

use jiff::Timestamp;

use super::corpus::golden;
use super::*;
use crate::analysis::{Counts, Judge, Judgement, Metric, Row, Source, Tally, Verdict};
use crate::journal::{Cause, Goal, RunState};
use crate::model::Step;
use crate::plan::{Analysis, OnInconclusive, OnNoAnswer, Plan};
use crate::view::testing::plan;

pub(super) fn judged_plan() -> Plan {
    let mut plan = plan();
    let (balancer, groups) = (plan.load_balancer.clone(), plan.groups.clone());
    let threshold = Duration::from_millis(800);
    let errors = Source {
        metric: "errors".into(),
        canary: Tally::errors(&balancer, &groups.green),
        stable: Tally::errors(&balancer, &groups.blue),
        control: Some(Tally::lost(&balancer, &groups.blue)),
    };
    let latency = Source {
        metric: "latency".into(),
        canary: Tally::latency(&balancer, &groups.green, threshold),
        stable: Tally::latency(&balancer, &groups.blue, threshold),
        control: None,
    };
    let metrics = vec![Metric::named("errors"), Metric { dry_run: true, ..Metric::named("latency") }];
    plan.steps[1] = Step::Analysis(Duration::from_secs(300));
    plan.analysis = Some(Box::new(Analysis {
        judge: Judge { metrics, harmless: Some(0.001), limit: Some(0.05), ..Judge::default() },
        sources: vec![errors, latency],
        lag: Duration::from_secs(120),
        inconclusive: OnInconclusive::Extend,
        inconclusive_limit: 2,
        no_answer: OnNoAnswer::Hold,
        no_answer_for: Duration::from_secs(600),
    }));
    plan
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second("2026-11-23T06:10:00Z".parse::<Timestamp>().unwrap().as_second() + 60 * number).unwrap()
}

fn row(number: i64, bad: f64) -> Row {
    Row {
        at: minute(number),
        metric: "errors".into(),
        canary: Some(Counts { bad, all: 300.0 }),
        control: Some(Counts { bad: 6.5, all: 5_700.0 }),
        share: Some(0.05),
    }
}

fn judged(verdict: Verdict) -> Fact {
    let judgement = Judgement { verdict, worse: 2.25, split: -0.25, metrics: Vec::new() };
    Fact::Judged { step: 1, judgement: Box::new(judgement) }
}

fn facts() -> Vec<Fact> {
    let no_data = Row { canary: None, share: None, ..row(1, 0.0) };
    let why = || "so".to_owned();
    vec![
        Fact::Minutes { rows: vec![row(0, 1.0), no_data], until: minute(2), missing: vec![] },
        Fact::Minutes { rows: vec![row(0, 2.0)], until: minute(2), missing: vec!["errors".into()] },
        Fact::Minutes { rows: vec![], until: minute(3), missing: vec![] },
        judged(Verdict::Open { why: why() }),
        judged(Verdict::Inconclusive { why: why() }),
        Fact::Inconclusive { step: 1, then: OnInconclusive::Extend, why: why() },
        Fact::Inconclusive { step: 1, then: OnInconclusive::Promote, why: why() },
        Fact::Inconclusive { step: 1, then: OnInconclusive::Hold, why: why() },
        Fact::WithoutMetrics { why: why() },
        judged(Verdict::Pass { early: true, why: why() }),
        judged(Verdict::Pass { early: false, why: why() }),
        judged(Verdict::Fail { metric: "errors".into(), why: why() }),
        Fact::Restoring(Cause::Analysis { metric: None, why: why() }),
        Fact::Restoring(Cause::Analysis { metric: Some("errors".into()), why: why() }),
    ]
}

fn everything() -> Script {
    let mut script = Script::new(judged_plan());
    for fact in facts() {
        script.fact(fact);
    }
    script
}

#[test]
fn all_that_a_judged_run_can_say_stays_readable() {
    let contents = golden("journal-v1-judged.jsonl", &everything());
    assert_eq!(contents.records, everything().records);
    let state = RunState::fold(&contents.records).unwrap();
    let run = &state.judged;
    let bad: Vec<f64> = run.rows.all().iter().filter_map(|row| Some(row.canary?.bad)).collect();
    assert_eq!((bad, run.rows.all().len()), (vec![2.0], 2), "the newest record of a minute counts");
    assert_eq!((run.until, run.behind_since), (Some(minute(3)), None));
    assert_eq!((run.extensions(1), run.tolerated(), run.answer(1)), (1, 2, Some(OnInconclusive::Hold)));
    assert_eq!(run.without.as_deref(), Some("so"));
    assert!(matches!(run.latest.as_ref().unwrap().judgement.verdict, Verdict::Fail { .. }));
    assert!(matches!(&state.goal, Goal::Restore { cause: Cause::Analysis { metric: Some(_), .. }, .. }));
}

#[test]
fn all_that_a_judged_run_can_say_can_be_told() {
    let records = everything().records;
    let mut narrator = crate::view::Narrator::new();
    let mut said = Vec::new();
    for record in &records {
        let told = narrator.tell(record);
        let routine = matches!(&record.body, Body::Fact(Fact::Minutes { .. } | Fact::Judged { .. }));
        assert!(told.is_some() || routine, "nothing is told of {record:?}");
        said.extend(told.map(|told| told.to_string()));
    }
    let text = said.join("\n");
    for expected in ["without those of errors", "judged worse by errors", "passes early", "it is extended by its own"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(crate::view::RunView::from_records(&records).is_ok());
    assert!(crate::report::Report::from_records(&records, &[]).is_ok());
}
