//! What the judge would have said of a run under other settings: every verdict again, from the rows of the journal.

use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use crate::analysis::{Judgement, Verdict};
use crate::decide::judge_now;
use crate::journal::{Body, Cause, Fact, FoldError, Record, RunState};
use crate::plan::{Analysis, OnInconclusive};
use crate::view::evidence;

/// One setting that is another: `alpha=0.001`, `promoteEarly=true`, `inconclusive=rollback`.
#[derive(Clone, Debug, PartialEq)]
pub enum WhatIf {
    /// [`crate::analysis::Judge::alpha`].
    Alpha(f64),
    /// [`crate::analysis::Judge::alpha_pass`].
    AlphaPass(f64),
    /// [`crate::analysis::Judge::not_worse_than`].
    NotWorseThan(f64),
    /// [`crate::analysis::Judge::burst_share`].
    BurstShare(f64),
    /// [`crate::analysis::Judge::limit`]; `None` for none.
    Limit(Option<f64>),
    /// [`crate::analysis::Judge::harmless`]; `None` for none.
    Harmless(Option<f64>),
    /// [`crate::analysis::Judge::requests_min`].
    RequestsMin(f64),
    /// [`crate::analysis::Judge::pass_early`].
    PromoteEarly(bool),
    /// [`Analysis::inconclusive`].
    Inconclusive(OnInconclusive),
}

/// The text is no setting of the judge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no setting of the judge: expected alpha=, alphaPass=, notWorseThan=, burstShare=, limit=, harmless= or \
     requestsMin= with a number (`none` takes a limit away), promoteEarly=true or false, or inconclusive=hold, extend, \
     promote or rollback"
)]
pub struct WhatIfError(String);

impl FromStr for WhatIf {
    type Err = WhatIfError;

    fn from_str(text: &str) -> Result<WhatIf, WhatIfError> {
        read(text).ok_or_else(|| WhatIfError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<WhatIf> {
    let (key, value) = text.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let number = |test: fn(f64) -> bool| value.parse::<f64>().ok().filter(|number| number.is_finite() && test(*number));
    let chance = || number(|p| p > 0.0 && p < 1.0);
    let rate = || match value {
        "none" => Some(None),
        _ => chance().map(Some),
    };
    Some(match key {
        "alpha" | "falseRollback" => WhatIf::Alpha(chance()?),
        "alphaPass" | "falsePass" => WhatIf::AlphaPass(chance()?),
        "notWorseThan" => WhatIf::NotWorseThan(number(|times| times > 1.0)?),
        "burstShare" => WhatIf::BurstShare(chance()?),
        "limit" => WhatIf::Limit(rate()?),
        "harmless" => WhatIf::Harmless(rate()?),
        "requestsMin" | "minRequests" => WhatIf::RequestsMin(number(|count| count >= 0.0)?),
        "promoteEarly" => WhatIf::PromoteEarly(value.parse().ok()?),
        "inconclusive" => WhatIf::Inconclusive(match value {
            "hold" => OnInconclusive::Hold,
            "extend" => OnInconclusive::Extend,
            "promote" => OnInconclusive::Promote,
            "rollback" => OnInconclusive::Rollback,
            _ => return None,
        }),
        _ => return None,
    })
}

impl WhatIf {
    fn apply(&self, analysis: &mut Analysis) {
        let judge = &mut analysis.judge;
        match self {
            WhatIf::Alpha(alpha) => judge.alpha = *alpha,
            WhatIf::AlphaPass(alpha) => judge.alpha_pass = *alpha,
            WhatIf::NotWorseThan(times) => judge.not_worse_than = *times,
            WhatIf::BurstShare(share) => judge.burst_share = *share,
            WhatIf::Limit(limit) => judge.limit = *limit,
            WhatIf::Harmless(harmless) => judge.harmless = *harmless,
            WhatIf::RequestsMin(count) => judge.requests_min = *count,
            WhatIf::PromoteEarly(early) => judge.pass_early = *early,
            WhatIf::Inconclusive(then) => analysis.inconclusive = *then,
        }
    }
}

/// One look of the judge, as it was and as it would have been.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// When it was.
    pub at: Timestamp,
    /// The end of the newest minute that was looked at.
    pub until: Timestamp,
    /// The number of the step under way, from 1.
    pub step: usize,
    /// What was said, where anything was.
    pub was: Option<Verdict>,
    /// What would have been said.
    pub would_be: Verdict,
    /// The e-value against the canary by then, at its largest so far.
    pub evidence: f64,
}

impl Look {
    /// Both verdicts, in one word each.
    pub fn words(&self) -> (usize, Option<&'static str>, &'static str) {
        (self.step, self.was.as_ref().map(evidence::word), evidence::word(&self.would_be))
    }

    /// The look in a sentence: `step 2: open, would be fail: the canary fails more often (E 1210)`.
    pub fn sentence(&self) -> String {
        let (step, was, would_be) = self.words();
        let changed = match was {
            Some(was) if was == would_be => format!("{was} as it was"),
            Some(was) => format!("was {was}, would be {would_be}"),
            None => format!("would be {would_be}"),
        };
        format!("step {step}: {changed}: {} (E {})", evidence::why(&self.would_be), evidence::short(self.evidence))
    }
}

/// A run judged again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejudged {
    /// Every look up to the one that would have decided, oldest first.
    pub looks: Vec<Look>,
    /// Why the run went back, where it did.
    pub was: Option<String>,
    /// What would have come of it, in a sentence.
    pub would_be: String,
    /// Whether the run would have gone back by the judge's word.
    pub goes_back: bool,
}

/// Why a run cannot be judged again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejudgeError {
    /// The records make no run.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// Its plan has no judge.
    #[error("nothing was judged in this run: its plan has no analysis")]
    NoJudge,
}

/// Judges every look of a run anew, with some settings changed.
///
/// What happened after a look that would have decided otherwise is not known: the list ends there.
pub fn rejudge(records: &[Record], changes: &[WhatIf]) -> Result<Rejudged, RejudgeError> {
    let (first, rest) = records.split_first().ok_or(FoldError::NoStart)?;
    // As it was recorded: a journal that was changed by hand is not judged.
    RunState::fold(std::slice::from_ref(first))?;
    let mut state = RunState::fold(&[with_changes(first, changes)?])?;
    let (mut looks, mut was, mut decided) = (Vec::new(), None, None);
    for record in rest {
        match &record.body {
            Body::Fact(Fact::Judged { step, judgement }) if decided.is_none() => {
                let Some(again) = judge_now(&state) else { continue };
                looks.push(look(record, &state, *step, judgement, &again));
                decided = decision(&state, *step, &again, record.at);
                let body = Body::Fact(Fact::Judged { step: *step, judgement: Box::new(again) });
                state.apply(&Record { body, ..record.clone() })?;
            }
            Body::Fact(Fact::Restoring(cause)) => {
                was = Some(cause.to_string());
                let over = matches!(cause, Cause::Analysis { .. });
                decided = decided.or_else(|| over.then(|| undecided(&state)));
                state.apply(record)?;
            }
            _ => state.apply(record)?,
        }
    }
    let (goes_back, would_be) = decided.unwrap_or_else(|| (false, "the judge would not have sent it back".to_owned()));
    Ok(Rejudged { looks, was, would_be, goes_back })
}

fn with_changes(first: &Record, changes: &[WhatIf]) -> Result<Record, RejudgeError> {
    let Body::Started { plan, operator, .. } = &first.body else { return Err(FoldError::NoStart.into()) };
    let mut plan = plan.clone();
    let analysis = plan.analysis.as_mut().ok_or(RejudgeError::NoJudge)?;
    for change in changes {
        change.apply(analysis);
    }
    let hash = plan.hash();
    Ok(Record { body: Body::Started { plan, hash, operator: operator.clone() }, ..first.clone() })
}

fn look(record: &Record, state: &RunState, step: usize, was: &Judgement, again: &Judgement) -> Look {
    Look {
        at: record.at,
        until: state.judged.until.unwrap_or(record.at),
        step: step + 1,
        was: Some(was.verdict.clone()),
        would_be: again.verdict.clone(),
        evidence: again.worse.exp(),
    }
}

/// What a verdict would have led to, where that ends the run: whether it goes back, and a sentence.
fn decision(state: &RunState, step: usize, judgement: &Judgement, at: Timestamp) -> Option<(bool, String)> {
    let when = format!("at {at:.0}, in step {} of {}", step + 1, state.plan.steps.len());
    let rollback = state.plan.analysis.as_ref().is_some_and(|found| found.inconclusive == OnInconclusive::Rollback);
    let analysing = matches!(state.plan.steps.get(step), Some(crate::model::Step::Analysis(_)));
    match &judgement.verdict {
        Verdict::Fail { metric, why } => {
            Some((true, format!("it would have gone back {when}: judged by {metric}: {why}")))
        }
        Verdict::Inconclusive { why } if rollback && analysing => {
            Some((true, format!("it would have gone back {when}: not enough evidence: {why}")))
        }
        _ => None,
    }
}

fn undecided(state: &RunState) -> (bool, String) {
    let step = state.step + 1;
    let text = format!("it would not have gone back in step {step}; how it would have gone on, nobody counted");
    (false, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_nonsense_is_refused() {
        assert_eq!("alpha=0.001".parse(), Ok(WhatIf::Alpha(0.001)));
        assert_eq!("limit = none".parse(), Ok(WhatIf::Limit(None)));
        assert_eq!("harmless=0.02".parse(), Ok(WhatIf::Harmless(Some(0.02))));
        assert_eq!("promoteEarly=true".parse(), Ok(WhatIf::PromoteEarly(true)));
        assert_eq!("inconclusive=extend".parse(), Ok(WhatIf::Inconclusive(OnInconclusive::Extend)));
        for wrong in ["alpha", "alpha=", "alpha=0", "alpha=1", "alpha=nan", "notWorseThan=1", "lag=3", "inconclusive=x"]
        {
            assert_eq!(wrong.parse::<WhatIf>(), Err(WhatIfError(wrong.to_owned())));
        }
    }
}
