//! From a tree to an [`Experiment`]. What the table already refuses is passed over in silence here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::read::{at, items, parsed, read_environment, share, string, strings, time, word};
use super::{Assignment, By, Cohort, Custom, Design, Experiment, Goal, Kind, Metric, Source, Unit, Variant, rules};
use crate::diagnostic::Diagnostic;
use crate::document::Node;
use crate::model::RouteId;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The experiment, if every required part could be read, and what is wrong with it beyond single values.
pub(super) fn read(root: &Node, environment: Option<&str>, meant: &[&str]) -> (Option<Experiment>, Vec<Diagnostic>) {
    let findings = rules::check(root, meant);
    let experiment = (|| {
        let route = root.get("route")?;
        let rule = || parsed(route.get("rule")).map(RouteId::Rule);
        Some(Experiment {
            environment: read_environment(root, environment?)?,
            base: rule().or_else(|| parsed(route.get("defaultAction")).map(RouteId::DefaultAction))?,
            rules_quota: parsed(route.get("rulesQuota")).unwrap_or(100),
            design: design(root)?,
        })
    })();
    (experiment, findings)
}

fn design(root: &Node) -> Option<Design> {
    let expiry = time(root.get("expiry"), DAY);
    let minutes = u32::try_from(expiry.as_secs() / 60).unwrap_or(u32::MAX);
    let guardrails = match root.get("guardrails") {
        Some(node) => items(Some(node)).iter().map(metric).collect::<Option<_>>()?,
        None => vec![Metric { name: "errorRate".to_owned(), source: Source::ErrorRate }],
    };
    Some(Design {
        name: string(root.get("name"))?,
        variants: variants(root)?,
        assignment: assignment(root)?,
        unit: match root.get("unit") {
            Some(node) if node.entries().is_some() => Unit::User(custom(node)?),
            _ => Unit::Request,
        },
        guardrails,
        goals: items(root.get("goals")).iter().map(goal).collect::<Option<_>>()?,
        expiry,
        minimum: time(root.get("minimum"), DAY),
        alpha: chance(root.get("alpha"), 0.05),
        planned_blocks: parsed(root.get("plannedBlocks")).unwrap_or(minutes.max(30)),
        lag: time(root.get("lag"), 2 * MINUTE),
    })
}

/// The control first, the others in the order of the text.
fn variants(root: &Node) -> Option<Vec<Variant>> {
    let control = word(root.get("control"))?;
    let variant = |(name, node): &(Node, Node)| {
        Some(Variant {
            name: string(Some(name))?,
            target_group: string(node.get("targetGroup"))?,
            weight: parsed(node.get("weight")).unwrap_or(1),
            service: string(node.get("service")),
        })
    };
    let mut variants: Vec<Variant> = root.get("variants")?.entries()?.iter().map(variant).collect::<Option<_>>()?;
    variants.sort_by_key(|variant| variant.name != control);
    variants.first().filter(|first| first.name == control)?;
    Some(variants)
}

fn assignment(root: &Node) -> Option<Assignment> {
    if let Some(cohorts) = root.get("cohorts") {
        return items(Some(cohorts)).iter().map(cohort).collect::<Option<_>>().map(Assignment::Cohorts);
    }
    let sticky = time(at(root, &["split", "stickiness"]), 7 * DAY);
    let seconds = u32::try_from(sticky.as_secs()).ok()?;
    Some(Assignment::Split { sticky: (seconds > 0).then_some(seconds) })
}

fn cohort(node: &Node) -> Option<Cohort> {
    let get = |path: &[&str]| at(node, path);
    let by = if node.get("header").is_some() {
        By::Header { name: string(get(&["header", "name"]))?, values: strings(get(&["header", "values"])) }
    } else if node.get("cookie").is_some() {
        By::Cookie { name: string(get(&["cookie", "name"]))?, value: string(get(&["cookie", "value"]))? }
    } else {
        By::Query { key: string(get(&["query", "key"]))?, values: strings(get(&["query", "values"])) }
    };
    Some(Cohort { variant: string(node.get("variant"))?, by })
}

fn goal(node: &Node) -> Option<Goal> {
    Some(Goal {
        metric: metric(node)?,
        kind: if word(node.get("kind")) == Some("share") { Kind::Share } else { Kind::Mean },
        higher_is_better: word(node.get("better"))? == "higher",
        margin: chance(node.get("margin"), 0.01),
        detect: chance(node.get("detect"), 0.05),
    })
}

fn metric(node: &Node) -> Option<Metric> {
    let what = node.get("metric")?;
    let source = match word(Some(what)) {
        Some("latency") => Source::Latency { threshold: time(node.get("threshold"), Duration::from_secs(1)) },
        Some(_) => Source::ErrorRate,
        None => Source::Custom(custom(what)?),
    };
    Some(Metric { name: metric_name(node)?, source })
}

/// What a metric is called in reports.
pub(super) fn metric_name(node: &Node) -> Option<String> {
    let what = node.get("metric");
    string(node.get("name")).or_else(|| string(what)).or_else(|| string(what?.get("name")))
}

fn custom(node: &Node) -> Option<Custom> {
    let entries = node.get("dimensions")?.entries()?;
    let pair = |(key, value): &(Node, Node)| Some((string(Some(key))?, string(Some(value))?));
    Some(Custom {
        namespace: string(node.get("namespace"))?,
        name: string(node.get("name"))?,
        exposure: string(node.get("exposure")),
        dimensions: entries.iter().map(pair).collect::<Option<BTreeMap<_, _>>>()?,
    })
}

/// A share in percent as a number between 0 and 1.
fn chance(node: Option<&Node>, default: f64) -> f64 {
    share(node).map_or(default, |percent| f64::from(percent.tenths()) / 1000.0)
}
