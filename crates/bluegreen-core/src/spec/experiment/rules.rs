//! What single values cannot tell.

use std::collections::BTreeMap;

use super::super::read::{at, items, share, time, word};
use super::super::shape::list;
use super::super::suggest::nearest;
use super::read::metric_name;
use crate::diagnostic::{Diagnostic, codes, printable};
use crate::document::Node;
use crate::model::duration;

/// What stands for the arm in a dimension's value.
const PLACEHOLDERS: [&str; 2] = ["{{variant}}", "{{targetGroup}}"];
const WEEK: u64 = 7 * 86_400;

pub(super) fn check(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let mut findings = variants(root);
    findings.extend(cohorts(root));
    findings.extend(stickiness(root));
    findings.extend(metrics(root, meant));
    findings.extend(times(root));
    findings
}

fn error(code: &'static str, node: &Node, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, message).at(node.place).help(help)
}

fn names(root: &Node) -> Vec<&str> {
    let entries = root.get("variants").and_then(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|(key, _)| key.text()).collect()
}

fn variants(root: &Node) -> Vec<Diagnostic> {
    let Some((key, node)) = root.entry("variants") else { return Vec::new() };
    let Some(entries) = node.entries().filter(|entries| !entries.is_empty()) else { return Vec::new() };
    let mut findings = Vec::new();
    if !(2..=5).contains(&entries.len()) {
        let message = format!("`variants` has {}: an experiment has two to five", entries.len());
        let help = "a rule of a load balancer forwards to five target groups at most";
        findings.push(error(codes::EXPERIMENT_VARIANTS, key, message, help));
    }
    findings.extend(root.get("control").and_then(|control| unknown(root, control)));
    let mut groups: BTreeMap<&str, &Node> = BTreeMap::new();
    for (name, variant) in entries {
        let Some((group, text)) = variant.get("targetGroup").and_then(|node| Some((node, node.text()?))) else {
            continue;
        };
        if let Some(first) = groups.get(text) {
            let (one, line) = (printable(name.text().unwrap_or_default()), first.place.line);
            let message = format!("`{one}` has the same target group as the variant on line {line}");
            let help = "give each variant a group of its own: the load balancer counts by group";
            findings.push(error(codes::EXPERIMENT_VARIANTS, group, message, help));
        } else {
            groups.insert(text, name);
        }
        if let (Some((weight, _)), true) = (variant.entry("weight"), root.get("cohorts").is_some()) {
            let message = "a weight says nothing where cohorts tell who goes where";
            findings.push(error(codes::EXPERIMENT_COHORT, weight, message, "remove it, or use `split`"));
        }
    }
    findings
}

/// A name that no variant has.
fn unknown(root: &Node, node: &Node) -> Option<Diagnostic> {
    let (found, names) = (node.text()?, names(root));
    if names.is_empty() || names.contains(&found) {
        return None;
    }
    let message = format!("there is no variant `{}`", printable(found));
    let help = match nearest(found, names.iter().copied()) {
        Some(near) => format!("did you mean `{}`?", printable(near)),
        None => format!("the variants are {}", list(names.iter().map(|name| format!("`{}`", printable(name))), "and")),
    };
    Some(error(codes::EXPERIMENT_VARIANTS, node, message, help))
}

fn cohorts(root: &Node) -> Vec<Diagnostic> {
    let Some((key, node)) = root.entry("cohorts") else { return Vec::new() };
    let cohorts = items(Some(node));
    let mut findings: Vec<Diagnostic> =
        cohorts.iter().filter_map(|cohort| unknown(root, cohort.get("variant")?)).collect();
    let control = word(root.get("control"));
    let has = |name: &str| cohorts.iter().any(|cohort| word(cohort.get("variant")) == Some(name));
    for name in names(root).into_iter().filter(|name| Some(*name) != control && !has(name)) {
        let message = format!("the variant `{}` has no cohort: nobody would meet it", printable(name));
        findings.push(error(codes::EXPERIMENT_COHORT, key, message, "add a cohort for it, or remove the variant"));
    }
    findings
}

fn stickiness(root: &Node) -> Option<Diagnostic> {
    let node = at(root, &["split", "stickiness"])?;
    let seconds = duration::parse(node.text()?).ok()?;
    if seconds.is_zero() || ((1..=WEEK).contains(&seconds.as_secs()) && seconds.subsec_nanos() == 0) {
        return None;
    }
    let message = "`stickiness` must be whole seconds from 1s to 7d, or 0s for none: AWS takes nothing else";
    Some(error(codes::BAD_DURATION, node, message, "write `7d`: who comes back later is drawn again"))
}

fn metrics(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> = root.get("unit").and_then(dimensions).into_iter().collect();
    let users = root.get("unit").is_some_and(|unit| unit.entries().is_some());
    for block in ["guardrails", "goals"] {
        let mut first: BTreeMap<String, &Node> = BTreeMap::new();
        for item in items(root.get(block)) {
            findings.extend(threshold(item, meant));
            findings.extend(item.get("metric").and_then(dimensions));
            findings.extend(shares(item, users));
            findings.extend(["margin", "detect"].iter().filter_map(|key| zero(item, key)));
            let Some(name) = metric_name(item) else { continue };
            if let Some(before) = first.get(&name) {
                let line = before.place.line;
                let message =
                    format!("two of `{block}` are called `{}`; the first is on line {line}", printable(&name));
                findings.push(error(codes::REPEATED, item, message, "give one of them a `name`"));
            } else {
                first.insert(name, item);
            }
        }
    }
    findings.extend(zero(root, "alpha"));
    findings
}

fn threshold(item: &Node, meant: &[&str]) -> Option<Diagnostic> {
    let metric = item.get("metric")?;
    match (word(Some(metric)), item.entry("threshold")) {
        (Some("latency"), None) if !meant.contains(&"threshold") => {
            let message = "`latency` has no `threshold`: from what time on is a request slow?";
            Some(error(codes::EXPERIMENT_METRIC, metric, message, "add one, such as `threshold: 800ms`"))
        }
        (Some("latency"), _) | (_, None) => None,
        (_, Some((key, _))) => {
            let message = "a `threshold` is for `latency` alone";
            Some(error(codes::EXPERIMENT_METRIC, key, message, "remove it, or write `metric: latency`"))
        }
    }
}

/// A metric that is the same for every variant compares nothing.
fn dimensions(metric: &Node) -> Option<Diagnostic> {
    let node = metric.get("dimensions")?;
    let values: Vec<&Node> = node.entries()?.iter().map(|(_, value)| value).collect();
    let strange = |value: &&&Node| {
        let text = PLACEHOLDERS
            .iter()
            .fold(value.text().unwrap_or_default().to_owned(), |text, known| text.replace(known, ""));
        text.contains("{{") || text.contains("}}")
    };
    if let Some(value) = values.iter().find(strange) {
        let message = "this placeholder is not known";
        let help = format!("the placeholders are {}", list(PLACEHOLDERS.iter().map(|name| format!("`{name}`")), "and"));
        return Some(error(codes::EXPERIMENT_METRIC, value, message, help));
    }
    let told = |value: &&Node| PLACEHOLDERS.iter().any(|known| value.text().is_some_and(|text| text.contains(known)));
    if values.is_empty() || values.iter().any(told) {
        return None;
    }
    let message = "no dimension tells the variants apart: each would be compared with itself";
    let help = "write `\"{{variant}}\"` or `\"{{targetGroup}}\"` where the dimension names the variant";
    Some(error(codes::EXPERIMENT_METRIC, node, message, help))
}

fn shares(item: &Node, users: bool) -> Option<Diagnostic> {
    let kind = item.get("kind").filter(|kind| word(Some(kind)) == Some("share") && !users)?;
    let message = "`kind: share` counts users, and the unit is the request: requests of one user are not independent";
    let help = "use `kind: mean`, or give a metric of users as the `unit`";
    Some(error(codes::EXPERIMENT_METRIC, kind, message, help))
}

fn zero(node: &Node, key: &str) -> Option<Diagnostic> {
    let value = node.get(key)?;
    let tenths = share(Some(value))?.tenths();
    if (1..1000).contains(&tenths) {
        return None;
    }
    let message = format!("`{key}` must be above 0 % and below 100 %");
    Some(error(codes::BAD_SHARE, value, message, "write at least 0.1"))
}

fn times(root: &Node) -> Option<Diagnostic> {
    let (expiry, minimum) = (root.get("expiry")?, root.get("minimum"));
    let end = duration::parse(expiry.text()?).ok()?;
    if end > time(minimum, std::time::Duration::from_secs(86_400)) || end.is_zero() {
        return None;
    }
    let message = match minimum {
        Some(_) => "the experiment expires before its `minimum`: no goal would ever be decided",
        None => "the experiment expires before its `minimum`, which is 1d where none is given",
    };
    Some(error(codes::TIMING, expiry, message, "let it expire later, or give a shorter `minimum`"))
}
