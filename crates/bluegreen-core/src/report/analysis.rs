//! What the judge saw and said: rates with their confidence sequences, and every change of its mind.

use jiff::Timestamp;
use serde::Serialize;

use crate::analysis::{Judgement, MetricEvidence};
use crate::journal::{Body, Fact, Record, RunState};
use crate::view::{AnalysisView, verdict_words, words};

/// The judge of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisReport {
    /// How it stood at the end.
    pub last: AnalysisView,
    /// Every look, oldest first.
    pub looks: Vec<JudgedPoint>,
    /// The looks whose verdict was another one than before, by their place in `looks`.
    pub changes: Vec<usize>,
}

/// One look of the judge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedPoint {
    /// When.
    pub at: Timestamp,
    /// The number of the step under way, from 1.
    pub step: usize,
    /// The verdict in one word.
    pub verdict: &'static str,
    /// What it rested on, or what was waited for.
    pub why: String,
    /// The e-value against the canary over all deciding metrics, at its largest so far.
    pub evidence: f64,
    /// Each metric.
    pub metrics: Vec<JudgedMetric>,
}

/// One metric at one look.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedMetric {
    /// Its name.
    pub name: String,
    /// The share of the canary's requests that were bad so far, 0 to 1; `None` without requests.
    pub canary_rate: Option<f64>,
    /// The same of the control.
    pub control_rate: Option<f64>,
    /// How many times as often the canary fails: the likeliest ratio.
    pub ratio: Option<f64>,
    /// The lower end of its interval at 95 %, which holds at all times at once.
    pub ratio_low: Option<f64>,
    /// The upper end; `None` where it has none.
    pub ratio_high: Option<f64>,
    /// The e-value against the canary.
    pub evidence: f64,
}

pub(super) fn analysis(records: &[Record], state: &RunState) -> Option<AnalysisReport> {
    let last = AnalysisView::of(state)?;
    let looks: Vec<JudgedPoint> = records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Fact(Fact::Judged { step, judgement }) => Some(point(record.at, *step, judgement)),
            _ => None,
        })
        .collect();
    let is_news = |index: &usize| {
        let before = index.checked_sub(1).map(|before| &looks[before]);
        before.is_none_or(|before| (before.step, before.verdict) != (looks[*index].step, looks[*index].verdict))
    };
    let changes = (0..looks.len()).filter(is_news).collect();
    Some(AnalysisReport { last, looks, changes })
}

fn point(at: Timestamp, step: usize, judgement: &Judgement) -> JudgedPoint {
    let (verdict, why) = verdict_words(&judgement.verdict);
    JudgedPoint {
        at,
        step: step + 1,
        verdict,
        why: words::clean(&why),
        evidence: judgement.worse.exp(),
        metrics: judgement.metrics.iter().map(metric).collect(),
    }
}

fn metric(found: &MetricEvidence) -> JudgedMetric {
    let rate = |bad: f64, all: f64| (all > 0.0).then(|| bad / all);
    JudgedMetric {
        name: words::clean(&found.metric),
        canary_rate: rate(found.canary_bad, found.canary_requests),
        control_rate: rate(found.control_bad, found.control_requests),
        ratio: found.ratio.map(|(likeliest, ..)| likeliest),
        ratio_low: found.ratio.map(|(_, low, _)| low),
        ratio_high: found.ratio.map(|(_, _, high)| high).filter(|high| high.is_finite()),
        evidence: found.worse.exp(),
    }
}
