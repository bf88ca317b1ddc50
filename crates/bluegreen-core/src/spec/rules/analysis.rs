//! What is judged: that every metric is whole and tells the canary from stable, and that steps wait for it.

mod metrics;

use std::time::Duration;

use crate::diagnostic::{Diagnostic, codes};
use crate::document::Node;
use crate::model::duration;
use crate::spec::Engine;
use crate::spec::analysis::{is_dry_run, judge, lag, metrics};
use crate::spec::read::{at, engine, items, time};
use crate::spec::rules::shown;

const LAG_LEAST: Duration = Duration::from_secs(60);
const LAG_MOST: Duration = Duration::from_secs(300);
/// So many minutes with data are the least that evidence can rest on.
const EVIDENCE: Duration = Duration::from_secs(300);

pub(super) fn check(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let section = root.get("analysis");
    let mut findings = steps_without_section(root, section, meant);
    let Some(section) = section else { return findings };
    findings.extend(unjudged(root));
    findings.extend(short(root, section));
    findings.extend(settings(section));
    let metrics = items(metrics(section));
    findings.extend(metrics::check(metrics));
    if !metrics.is_empty() && metrics.iter().all(is_dry_run) {
        let message = "every metric is only shown: nothing sends the release back, and no step ends with a pass";
        let help = "remove `dryRun` from at least one metric";
        findings.push(Diagnostic::warning(codes::ALL_DRY, message).at(metrics[0].place).help(help));
    }
    findings
}

/// The keys of all analysis steps, with how long each lasts.
fn steps(root: &Node) -> impl Iterator<Item = (&Node, Option<&Node>)> {
    let steps = items(at(root, &["strategy", "canary", "steps"])).iter();
    steps.filter_map(|step| step.entry("analysis")).map(|(key, value)| (key, value.get("for")))
}

fn steps_without_section(root: &Node, section: Option<&Node>, meant: &[&str]) -> Vec<Diagnostic> {
    if section.is_some() || meant.contains(&"analysis") {
        return Vec::new();
    }
    let help = "say what to judge at the top level, such as `analysis: [ { metric: errorRate } ]`";
    let finding = |(key, _): (&Node, _)| {
        let message = "this step waits for a verdict, and nothing is judged: the spec has no `analysis`";
        Diagnostic::error(codes::ANALYSIS_STEP, message).at(key.place).help(help)
    };
    steps(root).map(finding).collect()
}

fn unjudged(root: &Node) -> Option<Diagnostic> {
    let (key, _) = root.entry("analysis")?;
    let none = || steps(root).next().is_none();
    let (message, help) = if engine(root) == Engine::CodeDeploy && none() {
        (
            "CodeDeploy waits for no verdict: a bad canary is sent back, and one without evidence is not held",
            "write `engine: ecs` or `engine: alb` for steps that wait for it",
        )
    } else if at(root, &["strategy", "blueGreen"]).is_some() {
        (
            "all traffic moves at once, so that nothing is left to compare the new version with: only `limit` and \
             minutes in which most requests fail send it back",
            "let the canary have a part of the traffic for a while, with `canary` or `linear` under `strategy`",
        )
    } else if at(root, &["strategy", "canary", "steps"]).is_some() && none() {
        (
            "no step waits for a verdict: a bad canary is sent back, and one without evidence is not held",
            "put `analysis: { for: 15m }` in the place of a `pause`",
        )
    } else {
        return None;
    };
    Some(Diagnostic::warning(codes::UNJUDGED, message).at(key.place).help(help))
}

fn short(root: &Node, section: &Node) -> Vec<Diagnostic> {
    let (warm_up, lag) = (judge(section, Vec::new()).warm_up, lag(section));
    let least = warm_up.saturating_add(lag).saturating_add(EVIDENCE);
    let linear = engine(root) != Engine::CodeDeploy;
    let every = at(root, &["strategy", "linear", "every"]).filter(|_| linear);
    let lengths = steps(root).filter_map(|(_, length)| length).chain(every);
    let too_short = |length: &&Node| {
        let asked = time(Some(length), least);
        asked < least && !asked.is_zero()
    };
    let finding = |length: &Node| {
        let message = format!(
            "{} is too short for a verdict: warm-up ({}), lag ({}) and five minutes of evidence take {}",
            shown(length),
            duration::format(warm_up),
            duration::format(lag),
            duration::format(least)
        );
        let help = format!("take at least {}; the plan says what can be found in it", duration::format(least));
        Diagnostic::warning(codes::SHORT_ANALYSIS, message).at(length.place).help(help)
    };
    lengths.filter(too_short).map(finding).collect()
}

fn settings(section: &Node) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let asked = lag(section);
    if let Some(node) = section.get("lag").filter(|_| !asked.is_zero() && !(LAG_LEAST..=LAG_MOST).contains(&asked)) {
        let message = "`lag` must be from 60s to 5m: sooner a minute is not complete, and later a canary does harm";
        let help = format!("write `lag: {}`", duration::format(asked.clamp(LAG_LEAST, LAG_MOST)));
        findings.push(Diagnostic::error(codes::BAD_DURATION, message).at(node.place).help(help));
    }
    let judge = judge(section, Vec::new());
    if let (Some(harmless), Some(limit), Some(node)) = (judge.harmless, judge.limit, section.get("limit"))
        && limit <= harmless
    {
        let message = "`limit` is not above `harmless`: one rate would be passed and sent back";
        let help = "make `limit` larger, or leave one of the two out";
        findings.push(Diagnostic::error(codes::METRIC_SETTINGS, message).at(node.place).help(help));
    }
    findings
}
