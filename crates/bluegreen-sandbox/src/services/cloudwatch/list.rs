//! Statistics of one metric, and which metrics there are.

use std::collections::BTreeMap;

use super::data::{moment, window};
use super::page::page;
use super::parse::{key, period, short, statistic, unit};
use super::{Context, bad_combination, validation};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::metrics::{Ask, MetricKey, Second, Statistic, Summary};

/// Points in one answer of `GetMetricStatistics`.
const POINTS: i64 = 1_440;

/// Metrics in one page.
const METRICS: usize = 500;

pub(super) fn statistics(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let key = key(input)?;
    let period = period(input, context.world, false)?.ok_or_else(|| input.missing("Period"))?;
    let window = window(input, period)?;
    let mut wanted: Vec<(String, Statistic)> = Vec::new();
    for (parameter, plain) in [("Statistics", true), ("ExtendedStatistics", false)] {
        for name in input.strings(parameter)?.unwrap_or_default() {
            let found = statistic(input, parameter, &name)?;
            if found.is_plain() != plain {
                return Err(validation(format!("The value {name} for parameter {parameter} is not supported.")));
            }
            wanted.push((name, found));
        }
    }
    if wanted.is_empty() {
        return Err(bad_combination(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified",
        ));
    }
    let points = (window.to - window.from).div_euclid(Second::from(period));
    if points > POINTS {
        return Err(bad_combination(format!(
            "You have requested up to {points} datapoints, which exceeds the limit of 1,440. You may reduce the \
             datapoints requested by increasing Period, or decreasing the time range."
        )));
    }
    let asked = unit(input)?;
    let mut shown: BTreeMap<(Second, String), Node> = BTreeMap::new();
    let now = context.world.now_ms();
    for unit in context.world.metrics().units(&key).filter(|unit| asked.as_deref().is_none_or(|asked| asked == *unit)) {
        let ask = Ask { key: &key, unit: Some(unit), period, from: window.from, to: window.to };
        for (at, summary) in context.world.metrics().periods(&ask, now) {
            shown.insert((at, unit.to_owned()), point(at, unit, &wanted, &summary));
        }
    }
    Ok(node! { "Label": &key.name, "Datapoints": shown.into_values().collect::<Vec<_>>() })
}

fn point(at: Second, unit: &str, wanted: &[(String, Statistic)], summary: &Summary) -> Node {
    let mut map = Map::new();
    map.put("Timestamp", moment(at));
    let mut extended = Map::new();
    for (name, statistic) in wanted {
        let Some(value) = statistic.of(summary) else { continue };
        if statistic.is_plain() { &mut map } else { &mut extended }.put(name, value);
    }
    map.put("Unit", unit);
    if !extended.is_empty() {
        map.put("ExtendedStatistics", extended);
    }
    Node::Map(map)
}

pub(super) fn metrics(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let namespace = short(input, "Namespace", 255)?;
    let name = short(input, "MetricName", 255)?;
    let mut dimensions: Vec<(String, Option<String>)> = Vec::new();
    for filter in input.list("Dimensions")?.unwrap_or_default() {
        dimensions.push((filter.required_text("Name")?.to_owned(), filter.text("Value")?.map(str::to_owned)));
    }
    let world = &context.world;
    let back = match input.text("RecentlyActive")? {
        None => 14 * 86_400,
        Some("PT3H") => 3 * 3_600,
        Some(other) => return Err(validation(format!("The value {other} for parameter RecentlyActive must be PT3H."))),
    };
    let has = |key: &MetricKey, (name, value): &(String, Option<String>)| {
        key.dimensions.iter().any(|(own, of)| own == name && value.as_ref().is_none_or(|value| value == of))
    };
    let fits = |key: &&MetricKey| {
        namespace.is_none_or(|namespace| namespace == key.namespace)
            && name.is_none_or(|name| name == key.name)
            && dimensions.iter().all(|dimension| has(key, dimension))
    };
    let now = world.now_ms();
    let found: Vec<&MetricKey> = world.metrics().keys(now, world.second(now) - back).filter(fits).collect();
    let (range, next) = page(world, input, found.len(), METRICS)?;
    let metrics: Vec<Node> = found[range].iter().map(|key| super::render::metric_node(key)).collect();
    Ok(node! { "Metrics": metrics, "NextToken": next })
}
