//! The `analysis` section: what is judged, before it is known which fleet is which.

use std::collections::BTreeMap;
use std::time::Duration;

use super::read::{at, items, parsed, time, word};
use super::shape::{number, rate};
use crate::analysis::{Judge, Metric, Tally};
use crate::document::Node;
use crate::model::{ByColor, MetricQuery, Series};
use crate::plan::{OnInconclusive, OnNoAnswer};

/// What is judged by counts, how strictly, and what follows from no verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// How it is judged. Its metrics are those of [`Analysis::measures`], in the same order.
    pub judge: Judge,
    /// What each metric counts.
    pub measures: Vec<Measure>,
    /// A minute is looked at when it ended so long ago.
    pub lag: Duration,
    /// What follows when a step ends without enough evidence.
    pub inconclusive: OnInconclusive,
    /// How often in a release that may extend or pass a step, before it waits for a person.
    pub inconclusive_limit: u32,
    /// What follows when the metrics cannot be read.
    pub no_answer: OnNoAnswer,
    /// For how long that is tolerated.
    pub no_answer_for: Duration,
}

/// What a metric counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The load balancer's count of failed responses and connections.
    ErrorRate,
    /// Requests that got no 2xx, 3xx or 4xx response of the target.
    Lost,
    /// Responses slower than the threshold.
    Latency(Duration),
    /// Counts of the user's own. The values of dimensions may hold the placeholders of [`PLACEHOLDERS`].
    Own {
        /// Bad ones.
        bad: MetricQuery,
        /// All of them.
        all: MetricQuery,
    },
    /// What an earlier plan found out.
    Known {
        /// For each colour.
        fleets: Box<ByColor<Tally>>,
        /// For the control fleet.
        control: Option<Tally>,
    },
}

/// What is filled in for each fleet in the values of dimensions, written `{{color}}`.
pub const PLACEHOLDERS: [&str; 4] = ["color", "service", "targetGroup", "loadBalancer"];

/// The section, if what is required is there. What the table already refuses is passed over in silence.
pub(super) fn read(node: &Node) -> Option<Analysis> {
    let metrics = items(metrics(node)).iter().map(metric).collect::<Option<Vec<_>>>()?;
    let (metrics, measures) = metrics.into_iter().unzip();
    Some(Analysis {
        judge: judge(node, metrics),
        measures,
        lag: time(node.get("lag"), LAG),
        inconclusive: match word(node.get("inconclusive")) {
            Some("hold") => OnInconclusive::Hold,
            Some("promote") => OnInconclusive::Promote,
            Some("rollback") => OnInconclusive::Rollback,
            _ => OnInconclusive::Extend,
        },
        inconclusive_limit: parsed(node.get("inconclusiveLimit")).unwrap_or(1),
        no_answer: match word(node.get("noAnswer")) {
            Some("promote") => OnNoAnswer::Promote,
            Some("rollback") => OnNoAnswer::Rollback,
            _ => OnNoAnswer::Hold,
        },
        no_answer_for: time(node.get("noAnswerFor"), Duration::from_secs(600)),
    })
}

/// How late a minute is looked at where the spec says nothing.
const LAG: Duration = Duration::from_secs(120);

/// How late a minute is looked at by a section, whether or not all of it can be read.
pub(super) fn lag(node: &Node) -> Duration {
    time(node.get("lag"), LAG)
}

/// The list of metrics: the section itself, or under its key.
pub(super) fn metrics(node: &Node) -> Option<&Node> {
    if node.items().is_some() { Some(node) } else { node.get("metrics") }
}

/// The settings, with `metrics` to be judged.
pub(super) fn judge(node: &Node, metrics: Vec<Metric>) -> Judge {
    let default = Judge::default();
    let part = |key: &str, default: f64| word(node.get(key)).and_then(rate).unwrap_or(default);
    let profile = word(node.get("profile")).unwrap_or("default");
    let alpha = match profile {
        "cautious" => 0.001,
        "fast" => 0.05,
        _ => default.alpha,
    };
    Judge {
        metrics,
        alpha: part("falseRollback", alpha),
        alpha_pass: part("falsePass", default.alpha_pass),
        not_worse_than: word(node.get("notWorseThan")).and_then(number).unwrap_or(default.not_worse_than),
        harmless: word(node.get("harmless")).and_then(rate),
        limit: word(node.get("limit")).and_then(rate),
        burst_share: part("burstShare", if profile == "noisy" { 0.2 } else { default.burst_share }),
        warm_up: time(node.get("warmUp"), default.warm_up),
        requests_min: parsed::<u32>(node.get("minRequests")).map_or(default.requests_min, f64::from),
        failure_limit: parsed(node.get("failureLimit")).unwrap_or(default.failure_limit),
        pass_early: flag(node.get("promoteEarly")).unwrap_or(default.pass_early),
        horizon: node.get("horizon").map(|node| whole_minutes(time(Some(node), Duration::ZERO))),
    }
}

/// Rounded up.
fn whole_minutes(time: Duration) -> u32 {
    u32::try_from(time.as_secs().div_ceil(60)).unwrap_or(u32::MAX)
}

/// What a metric is called where its item says nothing else.
pub(super) fn name_of(item: &Node) -> Option<&str> {
    let own = || at(item, &["metric", "name"]);
    word(item.get("name").or_else(own).or_else(|| item.get("metric")))
}

/// Whether a metric is only shown.
pub(super) fn is_dry_run(item: &Node) -> bool {
    flag(item.get("dryRun")).unwrap_or_default()
}

fn flag(node: Option<&Node>) -> Option<bool> {
    parsed(node)
}

fn metric(item: &Node) -> Option<(Metric, Measure)> {
    let node = item.get("metric")?;
    let measure = match node.text() {
        Some("errorRate") => Measure::ErrorRate,
        Some("lost") => Measure::Lost,
        Some("latency") => Measure::Latency(time(item.get("threshold"), Duration::ZERO)),
        Some(_) => return None,
        None => own(node)?,
    };
    let metric = Metric {
        name: name_of(item)?.to_owned(),
        weight: word(item.get("weight")).and_then(number).unwrap_or(1.0),
        dry_run: is_dry_run(item),
    };
    Some((metric, measure))
}

fn own(node: &Node) -> Option<Measure> {
    if let (Some(bad), Some(all)) = (node.get("bad"), node.get("all")) {
        return Some(Measure::Own { bad: query(bad)?, all: query(all)? });
    }
    let bad = series(node)?;
    let all = Series { name: word(node.get("exposure"))?.to_owned(), ..bad.clone() };
    Some(Measure::Own { bad: MetricQuery::Series(bad), all: MetricQuery::Series(all) })
}

/// One series, or metric math over several.
pub(super) fn query(node: &Node) -> Option<MetricQuery> {
    let Some(expression) = word(node.get("math")) else { return series(node).map(MetricQuery::Series) };
    let entries = node.get("series").and_then(Node::entries)?;
    let one = |(id, node): &(Node, Node)| Some((id.text()?.to_owned(), series(node)?));
    let series = entries.iter().map(one).collect::<Option<BTreeMap<_, _>>>()?;
    Some(MetricQuery::Math { expression: expression.to_owned(), series })
}

fn series(node: &Node) -> Option<Series> {
    let entries = node.get("dimensions").and_then(Node::entries).unwrap_or_default();
    let one = |(name, value): &(Node, Node)| Some((name.text()?.to_owned(), value.text()?.to_owned()));
    Some(Series {
        namespace: word(node.get("namespace"))?.to_owned(),
        name: word(node.get("name"))?.to_owned(),
        dimensions: entries.iter().filter_map(one).collect(),
        statistic: word(node.get("statistic")).unwrap_or("Sum").to_owned(),
    })
}

#[cfg(test)]
mod tests;
