//! What the judge knows, as numbers for people: each metric in a line of at most 80 columns.

use jiff::Timestamp;
use serde::Serialize;

use crate::analysis::{MetricEvidence, Verdict};
use crate::journal::RunState;

/// The judge of a run as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisView {
    /// Since when there can be evidence; `None` before the canary has had weight.
    pub since: Option<Timestamp>,
    /// The end of the newest minute that was read.
    pub until: Option<Timestamp>,
    /// The newest verdict, in one word: `fail`, `pass`, `inconclusive` or `open`.
    pub verdict: Option<&'static str>,
    /// What it rests on, or what is waited for.
    pub why: Option<String>,
    /// The e-value against the canary over all deciding metrics, at its largest so far.
    pub evidence: f64,
    /// The e-value that sends it back: 1/alpha.
    pub needed: f64,
    /// Whether requests are not split as configured.
    pub split_wrong: bool,
    /// Whether the run goes on although its metrics cannot be read.
    pub without: Option<String>,
    /// How often steps were extended or passed without enough evidence.
    pub tolerated: u32,
    /// Each metric, in the plan's order.
    pub metrics: Vec<MetricView>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricView {
    /// Its name.
    pub name: String,
    /// Whether it is only shown.
    pub dry_run: bool,
    /// Bad requests of the canary, and all of them.
    pub canary: (f64, f64),
    /// The same of the control.
    pub control: (f64, f64),
    /// How many times as often the canary fails: the likeliest ratio, and an interval at 95 % that holds at any time.
    pub ratio: Option<(f64, f64, f64)>,
    /// The e-value against the canary.
    pub evidence: f64,
    /// The e-value that it is not too bad.
    pub not_worse: f64,
    /// All that in a line of at most 80 columns.
    pub line: String,
}

/// The e-value at which a split is called wrong.
const SPLIT_LIMIT: f64 = 1000.0;

/// A verdict in one word, and what it rests on.
pub fn verdict_words(verdict: &Verdict) -> (&'static str, String) {
    (word(verdict), why(verdict))
}

/// A verdict in one word.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Fail { .. } => "fail",
        Verdict::Pass { .. } => "pass",
        Verdict::Inconclusive { .. } => "inconclusive",
        Verdict::Open { .. } => "open",
    }
}

/// What a verdict rests on, or what is waited for.
pub(super) fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Fail { metric, why } => format!("{metric}: {why}"),
        Verdict::Pass { why, .. } | Verdict::Inconclusive { why } | Verdict::Open { why } => why.clone(),
    }
}

/// The counts of both arms: `60/300 bad against 27/2700`.
pub(super) fn counted(found: &MetricEvidence) -> String {
    let arm = |bad: f64, all: f64| format!("{}/{}", short(bad), short(all));
    let canary = arm(found.canary_bad, found.canary_requests);
    format!("{} {canary} bad against {}", found.metric, arm(found.control_bad, found.control_requests))
}

/// `E 12 of 100`: an e-value, given as its logarithm, next to the one that decides.
pub(super) fn of(log_e: f64, alpha: f64) -> String {
    format!("E {} of {}", short(log_e.exp()), short(1.0 / alpha))
}

/// A number in at most five characters: `0.4`, `12`, `4560`, `45k`, `2.1M`.
pub(super) fn short(value: f64) -> String {
    match value {
        _ if value.is_nan() => "-".to_owned(),
        _ if value >= 1e12 => ">1T".to_owned(),
        _ if value >= 1e9 => format!("{:.0}G", value / 1e9),
        _ if value >= 1e7 => format!("{:.0}M", value / 1e6),
        _ if value >= 1e6 => format!("{:.1}M", value / 1e6),
        _ if value >= 1e4 => format!("{:.0}k", value / 1e3),
        _ if value >= 10.0 || value.fract().abs() < 0.05 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    }
}

/// So much of a metric's name is shown in a line.
const NAME_MAX: usize = 14;

fn line(found: &MetricEvidence, dry_run: bool, alpha: f64) -> String {
    let name: String = match found.metric.chars().count() > NAME_MAX {
        true => found.metric.chars().take(NAME_MAX - 1).chain(['…']).collect(),
        false => found.metric.clone(),
    };
    let ratio = match found.ratio {
        None => String::new(),
        Some((likeliest, low, _)) if likeliest.is_infinite() => format!("  {}x or more", short(low)),
        Some((likeliest, low, high)) => {
            let high = if high.is_finite() { short(high) } else { "?".to_owned() };
            format!("  {}x ({}-{high})", short(likeliest), short(low))
        }
    };
    let evidence = if dry_run { "only shown".to_owned() } else { of(found.worse, alpha) };
    let counts = |bad: f64, all: f64| format!("{}/{}", short(bad), short(all));
    let (canary, control) =
        (counts(found.canary_bad, found.canary_requests), counts(found.control_bad, found.control_requests));
    format!("{name:<NAME_MAX$} {canary} vs {control}{ratio}  {evidence}")
}

impl AnalysisView {
    /// The judge of a run; `None` for plans without one.
    pub fn of(state: &RunState) -> Option<AnalysisView> {
        let analysis = state.plan.analysis.as_deref()?;
        let run = &state.judged;
        let latest = run.latest.as_ref();
        let alpha = analysis.judge.alpha;
        let said = latest.map(|latest| &latest.judgement.verdict);
        let metrics = latest.into_iter().flat_map(|latest| &latest.judgement.metrics);
        let metric = |found: &MetricEvidence| {
            let dry_run = analysis.judge.metrics.iter().any(|metric| metric.name == found.metric && metric.dry_run);
            MetricView {
                name: found.metric.clone(),
                dry_run,
                canary: (found.canary_bad, found.canary_requests),
                control: (found.control_bad, found.control_requests),
                ratio: found.ratio,
                evidence: found.worse.exp(),
                not_worse: found.not_worse.exp(),
                line: line(found, dry_run, alpha),
            }
        };
        Some(AnalysisView {
            since: run.since,
            until: run.until,
            verdict: said.map(word),
            why: said.map(why),
            evidence: latest.map_or(1.0, |latest| latest.judgement.worse.exp()),
            needed: 1.0 / alpha,
            split_wrong: latest.is_some_and(|latest| latest.judgement.split.exp() >= SPLIT_LIMIT),
            without: run.without.clone(),
            tolerated: run.tolerated(),
            metrics: metrics.map(metric).collect(),
        })
    }

    /// The verdict and the metric that says most against the canary, in one line.
    pub fn line(&self) -> String {
        let lines = self.lines();
        let most = self.metrics.iter().filter(|metric| !metric.dry_run);
        let most = most.max_by(|left, right| left.evidence.total_cmp(&right.evidence));
        match (most, self.verdict) {
            (Some(metric), Some(verdict)) => cut(&format!("{verdict}  {}", metric.line)),
            _ => lines.into_iter().next().unwrap_or_default(),
        }
    }

    /// The whole view in lines of at most 80 columns: the verdict, then each metric.
    pub fn lines(&self) -> Vec<String> {
        let head = match (&self.without, self.verdict, &self.why) {
            (Some(why), ..) => format!("without metrics: {why}"),
            (None, Some(verdict), Some(why)) => format!("{verdict}: {why}"),
            _ => match self.since {
                Some(_) => "waiting for the first closed minutes".to_owned(),
                None => "waiting for the canary's first traffic".to_owned(),
            },
        };
        let split = self.split_wrong.then(|| "requests are not split as configured".to_owned());
        let metrics = self.metrics.iter().map(|metric| metric.line.clone());
        [cut(&head)].into_iter().chain(split).chain(metrics).collect()
    }
}

/// The widest line that is shown: others stand before it.
const WIDTH: usize = 66;

fn cut(text: &str) -> String {
    match text.chars().count() > WIDTH {
        true => text.chars().take(WIDTH - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(metric: &str, counts: f64, ratio: Option<(f64, f64, f64)>, worse: f64) -> MetricEvidence {
        let value = serde_json::json!({
            "metric": metric, "weight": 1.0, "worse": worse, "notWorse": 0.0, "harmless": null, "aboveLimit": null,
            "trippedAt": null, "ratio": null, "onset": null, "canaryRequests": counts, "canaryBad": counts / 20.0,
            "controlRequests": counts * 19.0, "controlBad": counts / 4.0, "minutes": 5
        });
        let mut found: MetricEvidence = serde_json::from_value(value).unwrap();
        found.ratio = ratio;
        found
    }

    #[test]
    fn lines_are_short_whatever_the_numbers_are() {
        let cases = [
            (
                "errors",
                240.0,
                Some((2.13, 1.1, 4.04)),
                2.5,
                "errors         12/240 vs 60/4560  2.1x (1.1-4)  E 12 of 100",
            ),
            ("errors", 240.0, None, 0.0, "errors         12/240 vs 60/4560  E 1 of 100"),
            ("errors", 0.0, Some((9.0, 4.0, f64::INFINITY)), -1.0, "errors         0/0 vs 0/0  9x (4-?)  E 0.4 of 100"),
            (
                "errors",
                240.0,
                Some((f64::INFINITY, 4.0, f64::INFINITY)),
                0.0,
                "errors         12/240 vs 60/4560  4x or more  E 1 of 100",
            ),
        ];
        for (name, counts, ratio, worse, expected) in cases {
            assert_eq!(line(&evidence(name, counts, ratio, worse), false, 0.01), expected);
        }
        let wide = evidence("a-very-long-metric-name", 1.234_567e9, Some((1234.5, 123.4, 99_999.0)), 300.0);
        let text = line(&wide, false, 1e-9);
        assert!(text.chars().count() <= 80, "{} {text}", text.chars().count());
        assert!(line(&wide, true, 0.01).ends_with("only shown"));
    }
}
