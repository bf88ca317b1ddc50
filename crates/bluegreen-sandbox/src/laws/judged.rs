//! The laws about counts: S17, S18. They judge by what the world has counted, whatever the operator has read of it.

use std::time::Duration;

use bluegreen_core::analysis::{Answers, ControlArm, Row, Rows, Verdict, Window, judge, queries};
use bluegreen_core::journal::{Body, Command, Fact, Verb};
use bluegreen_core::model::{Step, Timestamp};
use bluegreen_core::plan::{Analysis, OnInconclusive};
use bluegreen_core::ports::{CallError, ErrorClass};

use super::{Case, Judgement};
use crate::world::Ms;

/// Counts that could be seen for so long are known to whoever reads them every minute.
const KNOWN_AFTER: Ms = 150_000;

/// S17: nothing goes forward after the counts that could be seen have made the judge call the canary worse.
pub(super) fn counts_speak_for_it(case: &Case<'_>) -> Judgement {
    let Some(analysis) = case.plan.analysis.as_deref().filter(|_| case.gives_more()) else { return Ok(()) };
    let Some(since) = first_weight(case).filter(|_| !goes_without_metrics(case)) else { return Ok(()) };
    let seen_at = case.world.now_ms().saturating_sub(KNOWN_AFTER);
    let closed = case.world.timestamp(seen_at).checked_sub(analysis.lag).unwrap_or(since);
    let until = minute(closed);
    if until <= since {
        return Ok(());
    }
    let rows = Rows::new(counted(case, analysis, since, until, seen_at));
    let window = Window { healthy_since: since, step_since: since, step: Duration::MAX, until };
    match judge(&analysis.judge, &rows, window).verdict {
        Verdict::Fail { metric, why } => Err(format!("went forward although {metric} had shown by {until}: {why}")),
        _ => Ok(()),
    }
}

/// S18: a step that waits for a verdict is over by a verdict, a person or a policy that stands in the journal.
pub(super) fn passed_by_evidence(case: &Case<'_>) -> Judgement {
    if !case.gives_more() || case.plan.analysis.is_none() {
        return Ok(());
    }
    let passed = case.facts().filter_map(|(record, fact)| match fact {
        Fact::StepPassed { step, .. } => Some((*step, record.seq)),
        _ => None,
    });
    for (step, seq) in passed.filter(|(step, _)| matches!(case.plan.steps.get(*step), Some(Step::Analysis(_)))) {
        if !has_reason(case, step, seq) {
            return Err(format!("step {step} was passed without evidence"));
        }
    }
    Ok(())
}

fn has_reason(case: &Case<'_>, step: usize, passed: u64) -> bool {
    let before = || case.journal.iter().take_while(|record| record.seq < passed);
    let begun = before().filter(|record| ends_step(&record.body, step)).map(|record| record.seq).last();
    let within = |seq: u64| begun.is_none_or(|begun| seq > begun);
    let newest = before().filter_map(|record| match &record.body {
        Body::Fact(Fact::Judged { step: of, judgement }) if *of == step => Some(&judgement.verdict),
        _ => None,
    });
    if matches!(newest.last(), Some(Verdict::Pass { .. })) {
        return true;
    }
    before().any(|record| match &record.body {
        Body::Fact(Fact::Inconclusive { step: of, then, .. }) => *of == step && *then == OnInconclusive::Promote,
        Body::Fact(Fact::WithoutMetrics { .. }) => true,
        Body::Fact(Fact::Commanded(Command { verb, .. })) => match verb {
            Verb::PromoteFull => true,
            Verb::Promote => within(record.seq),
            Verb::Pause | Verb::Abort => false,
        },
        _ => false,
    })
}

/// Whether the record ends a step before `step`.
fn ends_step(body: &Body, step: usize) -> bool {
    match body {
        Body::Fact(Fact::StepPassed { step: of, .. } | Fact::StepVerified(of)) => *of < step,
        _ => false,
    }
}

impl Case<'_> {
    /// Whether the write gives the canary more traffic, or has it given.
    fn gives_more(&self) -> bool {
        self.rise().is_some() || self.gives_traffic().is_some()
    }
}

/// When the first weight was read back: before that nothing was to be counted.
fn first_weight(case: &Case<'_>) -> Option<Timestamp> {
    let (first, _) = case.weight_steps().next()?;
    let read_back = |fact: &Fact| matches!(fact, Fact::StepVerified(step) if *step == first);
    let at = case.facts().find(|(_, fact)| read_back(fact)).map(|(record, _)| record.at)?;
    Some(if minute(at) == at { at } else { minute(at).checked_add(Duration::from_secs(60)).unwrap_or(at) })
}

fn goes_without_metrics(case: &Case<'_>) -> bool {
    let last = case.facts().rev().find_map(|(_, fact)| match fact {
        Fact::WithoutMetrics { .. } => Some(true),
        Fact::Minutes { missing, .. } if missing.is_empty() => Some(false),
        _ => None,
    });
    last == Some(true)
}

fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

fn counted(case: &Case<'_>, analysis: &Analysis, from: Timestamp, to: Timestamp, seen_at: Ms) -> Vec<Row> {
    let asked = queries(&analysis.sources);
    let unreadable = |(class, message): (ErrorClass, String)| CallError { operation: "law".to_owned(), class, message };
    let answer = |query| case.world.points(query, (from, to), seen_at).map_err(unreadable);
    let answers = asked.iter().map(answer).collect();
    let answers = Answers::new(asked, answers);
    let arm = match analysis.sources.iter().any(|source| source.control.is_some()) {
        true => ControlArm::Control,
        false => ControlArm::Stable,
    };
    let rows = analysis.sources.iter().filter_map(|source| answers.rows(source, |_| arm, |_| None).ok());
    rows.flatten().collect()
}
