//! What the judge says, in words.

use super::{Told, Tone};
use crate::analysis::{MetricEvidence, Verdict};
use crate::journal::{Fact, RunState};
use crate::plan::OnInconclusive;
use crate::view::evidence;

/// Whether a fact is about what was counted and judged.
pub(super) fn is_judged(fact: &Fact) -> bool {
    matches!(fact, Fact::Minutes { .. } | Fact::Judged { .. } | Fact::Inconclusive { .. } | Fact::WithoutMetrics { .. })
}

/// Minutes are told when some are missing; a verdict when it is another one than before.
pub(super) fn tell(state: &RunState, fact: &Fact) -> Option<Told> {
    let of = |step: usize| format!("step {} of {}", step + 1, state.plan.steps.len());
    match fact {
        Fact::Minutes { missing, .. } if missing.is_empty() || state.judged.behind_since.is_some() => None,
        Fact::Minutes { missing, until, .. } => {
            let what = format!("the counts up to {until} were read without those of {}", missing.join(", "));
            Some(Told::new(Tone::Warn, what))
        }
        Fact::Judged { step, judgement } => {
            let (tone, text, why) = match &judgement.verdict {
                Verdict::Fail { metric, why } => (Tone::Bad, format!("judged worse by {metric}"), why),
                Verdict::Pass { early: true, why } => (Tone::Good, format!("{} passes early", of(*step)), why),
                Verdict::Pass { early: false, why } => (Tone::Good, format!("{} passes", of(*step)), why),
                Verdict::Inconclusive { why } => (Tone::Warn, "not enough evidence".to_owned(), why),
                Verdict::Open { why } => (Tone::Plain, "judged, nothing is decided".to_owned(), why),
            };
            let before = state.judged.verdict(*step);
            let same = before.is_some_and(|before| kind(before) == kind(&judgement.verdict));
            let first_of_none = before.is_none() && matches!(judgement.verdict, Verdict::Open { .. });
            let alpha = state.plan.analysis.as_ref().map_or(1.0, |analysis| analysis.judge.alpha);
            let named = |found: &&MetricEvidence| match &judgement.verdict {
                Verdict::Fail { metric, .. } => found.metric == *metric,
                _ => found.weight > 0.0,
            };
            let counted = judgement.metrics.iter().find(named).map(evidence::counted);
            let counted = counted.map(|counted| format!("; {counted}")).unwrap_or_default();
            let shown = format!("{why}{counted}; {}", evidence::of(judgement.worse, alpha));
            (!same && !first_of_none).then(|| Told::new(tone, text).because(&shown))
        }
        Fact::Inconclusive { step, then, why } => {
            let follows = match then {
                OnInconclusive::Hold => "more evidence or a person is waited for",
                OnInconclusive::Extend => "it is extended by its own length",
                OnInconclusive::Promote => "the plan lets it pass",
                OnInconclusive::Rollback => "the plan goes back",
            };
            let text = format!("{} ends without enough evidence, {follows}", of(*step));
            Some(Told::new(Tone::Warn, text).because(why))
        }
        Fact::WithoutMetrics { why } => Some(Told::new(Tone::Warn, "going on without metrics").because(why)),
        _ => None,
    }
}

fn kind(verdict: &Verdict) -> std::mem::Discriminant<Verdict> {
    std::mem::discriminant(verdict)
}
