//! What is judged, in words.

use super::wrapped;
use crate::analysis::Metric;
use crate::model::duration;
use crate::plan::{Analysis, OnInconclusive, OnNoAnswer};

/// Lines for the section about gates.
pub(super) fn judged(analysis: &Analysis) -> String {
    let judge = &analysis.judge;
    let name = |metric: &Metric| match metric.dry_run {
        true => format!("{} (only shown)", metric.name),
        false => metric.name.clone(),
    };
    let names: Vec<String> = judge.metrics.iter().map(name).collect();
    let passed = match judge.harmless {
        Some(harmless) => format!(", or if it is below {}", percent(harmless)),
        None => String::new(),
    };
    let limit = judge.limit.map(|limit| format!("; or above {}", percent(limit))).unwrap_or_default();
    let lines = [
        format!("judged       {}, {} late", names.join(", "), duration::format(analysis.lag)),
        format!("goes back    if worse, wrongly in at most {} of releases{limit}", percent(judge.alpha)),
        format!(
            "passes       if {} times as bad is ruled out at {}{passed}",
            judge.not_worse_than,
            percent(judge.alpha_pass)
        ),
        format!("no evidence  {}", no_evidence(analysis)),
        format!("no metrics   {}", no_metrics(analysis)),
    ];
    lines.iter().map(|line| wrapped(line, 2)).collect()
}

fn no_evidence(analysis: &Analysis) -> String {
    let times = match analysis.inconclusive_limit {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    match analysis.inconclusive {
        OnInconclusive::Hold => "the step waits for it, or for a person".to_owned(),
        OnInconclusive::Extend => format!("the step is extended {times}, then waits for a person"),
        OnInconclusive::Promote => format!("the step is passed {times}, then waits for a person"),
        OnInconclusive::Rollback => "the release goes back".to_owned(),
    }
}

fn no_metrics(analysis: &Analysis) -> String {
    let then = match analysis.no_answer {
        OnNoAnswer::Hold => "wait for them, or for a person",
        OnNoAnswer::Promote => "go on without them",
        OnNoAnswer::Rollback => "go back",
    };
    match analysis.no_answer_for.is_zero() {
        true => then.to_owned(),
        false => format!("nothing goes forward for {}; then {then}", duration::format(analysis.no_answer_for)),
    }
}

fn percent(part: f64) -> String {
    let text = format!("{:.4}", part * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}
