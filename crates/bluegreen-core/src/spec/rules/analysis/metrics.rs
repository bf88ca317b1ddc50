//! Each metric by itself, and their names beside each other.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes, printable};
use crate::document::Node;
use crate::spec::PLACEHOLDERS;
use crate::spec::analysis::name_of;
use crate::spec::read::word;
use crate::spec::rules::{placeholders, shown};

pub(super) fn check(metrics: &[Node]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut names: BTreeMap<&str, &Node> = BTreeMap::new();
    for item in metrics {
        findings.extend(threshold(item));
        if let Some(own) = item.get("metric").filter(|node| node.entries().is_some()) {
            findings.extend(own_metric(own));
        }
        let Some(name) = name_of(item) else { continue };
        if let Some(first) = names.get(name) {
            let message = format!("two metrics are called `{}`; the first is on line {}", printable(name), line(first));
            let help = "give one of them another `name`";
            findings.push(Diagnostic::error(codes::METRIC_NAME, message).at(item.place).help(help));
        } else {
            names.insert(name, item);
        }
    }
    findings
}

fn line(node: &Node) -> usize {
    node.place.line
}

fn parts(node: &Node, message: &str, help: &str) -> Diagnostic {
    Diagnostic::error(codes::METRIC_PARTS, message).at(node.place).help(help)
}

fn threshold(item: &Node) -> Option<Diagnostic> {
    let metric = item.get("metric")?;
    match (word(Some(metric)) == Some("latency"), item.entry("threshold")) {
        (true, None) => {
            let message = "`latency` counts responses that are too slow, and has no `threshold`";
            Some(parts(metric, message, "add `threshold: 800ms`: the time that users should not have to wait for"))
        }
        (false, Some((key, _))) => {
            let help = "remove it; what is counted above a value is `statistic: TC(0.8:)` of a metric of your own";
            Some(parts(key, "only `latency` takes a `threshold`", help))
        }
        _ => None,
    }
}

/// The two forms: a pair of names, or two queries.
fn own_metric(node: &Node) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    if node.get("all").is_some() {
        for key in ["namespace", "dimensions", "statistic"] {
            let Some((key, _)) = node.entry(key) else { continue };
            let message = format!("beside `bad` and `all`, `{}` belongs into each of them", shown(key));
            findings.push(parts(key, &message, "write it below `bad` and below `all`"));
        }
        match node.get("bad") {
            Some(bad) => findings.extend([bad, node.get("all").unwrap_or(bad)].into_iter().flat_map(query)),
            None => findings.push(parts(node, "this metric has `all` and no `bad`", "say which of them are bad")),
        }
    } else if node.get("exposure").is_some() {
        if let Some((key, _)) = node.entry("bad") {
            let message = "`bad` goes with `all`, and this metric has `exposure`";
            findings.push(parts(key, message, "write `all` in the place of `exposure`, with its own `dimensions`"));
        }
        if node.get("namespace").is_none() {
            findings.push(parts(node, "this metric has no `namespace`", "add the namespace that both counts are in"));
        }
        if let Some(statistic) = node.get("statistic").filter(|node| shown(node).starts_with("TC(")) {
            let message = "a trimmed count of all of them leaves out those that are fine";
            let help = "give `bad` with this statistic, and `all` with `SampleCount`, each with its own `dimensions`";
            findings.push(parts(statistic, message, help));
        }
        findings.extend(series(node));
    }
    findings
}

fn query(node: &Node) -> Vec<Diagnostic> {
    let Some((key, math)) = node.entry("math") else {
        if let Some((key, _)) = node.entry("series") {
            return vec![parts(key, "`series` goes with `math`, which is missing", "add `math` with an expression")];
        }
        let missing = node.get("name").is_some() && node.get("namespace").is_none();
        let missing = missing.then(|| parts(node, "this metric has no `namespace`", "add the metric's namespace"));
        return missing.into_iter().chain(series(node)).collect();
    };
    let Some(entries) = node.get("series").and_then(Node::entries) else {
        return vec![parts(key, "`math` has no `series` to work on", "add `series` with a metric for each id")];
    };
    let mut findings = ids(math, entries);
    let told: Vec<Diagnostic> = entries.iter().flat_map(|(_, one)| series(one)).collect();
    // One series of an expression may be the same for both fleets, if not all of them are.
    let same = |finding: &Diagnostic| finding.code == codes::ONE_SERIES;
    let all_same = told.iter().filter(|finding| same(finding)).count() == entries.len();
    findings.extend(told.into_iter().filter(|finding| all_same || !same(finding)));
    findings
}

/// Whether the dimensions are filled in differently for the canary and for stable.
fn series(node: &Node) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let dimensions = node.entry("dimensions");
    let entries = dimensions.and_then(|(_, value)| value.entries()).unwrap_or_default();
    let mut told = false;
    for value in entries.iter().map(|(_, value)| value) {
        let Some(scalar) = value.scalar() else { continue };
        let wrong = placeholders(scalar, value.place, &PLACEHOLDERS, true);
        let differs = |name: &&str| **name != *"loadBalancer" && names(&scalar.text, name);
        told |= !wrong.is_empty() || PLACEHOLDERS.iter().any(differs);
        findings.extend(wrong);
    }
    if !told && node.entries().is_some() {
        let place = dimensions.map_or(node.place, |(key, _)| key.place);
        let message = "this is one series for the canary and for stable, so that they cannot be compared";
        let help = "put `{{color}}`, `{{service}}` or `{{targetGroup}}` into one of its `dimensions`: \
                    `dimensions: { Version: \"{{color}}\" }`";
        findings.push(Diagnostic::error(codes::ONE_SERIES, message).at(place).help(help));
    }
    findings
}

fn names(text: &str, placeholder: &str) -> bool {
    text.split("{{").skip(1).any(|rest| rest.split_once("}}").is_some_and(|(name, _)| name.trim() == placeholder))
}

/// Every id of the expression has a series, and the other way round.
fn ids(math: &Node, entries: &[(Node, Node)]) -> Vec<Diagnostic> {
    let Some(scalar) = math.scalar().filter(|scalar| !scalar.substituted()) else { return Vec::new() };
    let used = identifiers(&scalar.text);
    let known: Vec<&str> = entries.iter().filter_map(|(id, _)| id.text()).collect();
    let unknown = used.iter().filter(|id| !known.contains(*id)).map(|id| {
        let message = format!("the expression uses `{}`, and `series` has no such id", printable(id));
        (math, message, "add it to `series`; functions are written in capital letters")
    });
    let unused = entries.iter().filter(|(id, _)| id.text().is_some_and(|id| !used.contains(&id))).map(|(id, _)| {
        let message = format!("the expression does not use `{}`", shown(id));
        (id, message, "use it in `math`, or remove it")
    });
    let finding = |(node, message, help): (&Node, String, &str)| {
        Diagnostic::error(codes::METRIC_MATH, message).at(node.place).help(help)
    };
    unknown.chain(unused).map(finding).collect()
}

/// Words that begin with a lower-case letter, outside of quotes.
fn identifiers(expression: &str) -> Vec<&str> {
    let outside = expression.split(['"', '\'']).step_by(2);
    let words = outside.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let mut found: Vec<&str> = words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    found.sort_unstable();
    found.dedup();
    found
}
