//! Parts that several requests have in common.

use super::{bad_combination, validation};
use crate::wire::{ApiError, Input};
use crate::world::World;
use crate::world::metrics::expression::Expression;
use crate::world::metrics::query::{MetricQuery, Source, check};
use crate::world::metrics::{MetricKey, Statistic};

/// Dimensions of one metric.
const DIMENSIONS: usize = 30;

/// Units that a point may have.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// One of the words that a parameter takes.
pub(super) fn word<'a>(input: &'a Input, name: &str, words: &[&str]) -> Result<Option<&'a str>, ApiError> {
    let Some(found) = input.text(name)? else { return Ok(None) };
    if words.contains(&found) {
        return Ok(Some(found));
    }
    Err(validation(format!(
        "1 validation error detected: Value '{found}' at '{}' failed to satisfy constraint: Member must satisfy enum \
         value set: [{}]",
        input.at(name),
        words.join(", ")
    )))
}

/// A text of at most so many characters, and not empty.
pub(super) fn short<'a>(input: &'a Input, name: &str, most: usize) -> Result<Option<&'a str>, ApiError> {
    let Some(found) = input.text(name)? else { return Ok(None) };
    if (1..=most).contains(&found.chars().count()) {
        return Ok(Some(found));
    }
    Err(validation(format!(
        "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length between 1 and \
         {most}",
        input.at(name)
    )))
}

/// The same for one that must be there.
pub(super) fn required<'a>(input: &'a Input, name: &str, most: usize) -> Result<&'a str, ApiError> {
    short(input, name, most)?.ok_or_else(|| input.missing(name))
}

/// A unit.
pub(super) fn unit(input: &Input) -> Result<Option<String>, ApiError> {
    Ok(word(input, "Unit", &UNITS)?.map(str::to_owned))
}

/// A period in seconds: a multiple of a minute, or one of the shorter ones that points of a second have.
pub(super) fn period(input: &Input, world: &World, alarm: bool) -> Result<Option<u32>, ApiError> {
    let Some(seconds) = input.int("Period")? else { return Ok(None) };
    // AWS's alarms know no periods below ten seconds. Where metrics come faster than AWS's, they may.
    let fast = world.metric_seconds() < 10;
    let short: &[i64] = if alarm && !fast { &[10, 20, 30] } else { &[1, 5, 10, 20, 30] };
    let fits = short.contains(&seconds) || (seconds > 0 && seconds % 60 == 0);
    let fits = fits.then(|| u32::try_from(seconds).ok()).flatten().filter(|seconds| *seconds <= 7 * 86_400);
    let listed: Vec<String> = short.iter().map(i64::to_string).collect();
    fits.map(Some).ok_or_else(|| {
        let at = input.at("Period");
        validation(format!("{at} must be {} or a multiple of 60, and is {seconds}", listed.join(", ")))
    })
}

/// Names and values, sorted; none with the same name.
pub(super) fn dimensions(input: &Input) -> Result<Vec<(String, String)>, ApiError> {
    let mut pairs = Vec::new();
    for dimension in input.list("Dimensions")?.unwrap_or_default() {
        let name = required(&dimension, "Name", 255)?;
        let value = required(&dimension, "Value", 1_024)?;
        pairs.push((name.to_owned(), value.to_owned()));
    }
    pairs.sort();
    if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(validation(format!("{}: the dimension {} is there twice", input.at("Dimensions"), twice[0].0)));
    }
    if pairs.len() > DIMENSIONS {
        return Err(validation(format!("{}: at most {DIMENSIONS} dimensions", input.at("Dimensions"))));
    }
    Ok(pairs)
}

/// A metric by its three parts.
pub(super) fn key(input: &Input) -> Result<MetricKey, ApiError> {
    let namespace = required(input, "Namespace", 255)?.to_owned();
    let name = required(input, "MetricName", 255)?.to_owned();
    Ok(MetricKey { namespace, name, dimensions: dimensions(input)? })
}

/// A statistic of any kind.
pub(super) fn statistic(input: &Input, name: &str, found: &str) -> Result<Statistic, ApiError> {
    Statistic::parse(found)
        .ok_or_else(|| validation(format!("The value {found} for parameter {} is not supported.", input.at(name))))
}

/// The queries of `GetMetricData` or of an alarm.
pub(super) fn queries(input: &Input, name: &str, world: &World, alarm: bool) -> Result<Vec<MetricQuery>, ApiError> {
    let mut queries = Vec::new();
    for item in input.required_list(name)? {
        let id = required(&item, "Id", 255)?;
        let mut letters = id.chars();
        let fits = letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits {
            let at = item.at("Id");
            return Err(validation(format!(
                "The value {id} for parameter {at} is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        let source = match (short(&item, "Expression", 2_048)?, item.map("MetricStat")?) {
            (Some(text), None) => {
                let parsed = Expression::parse(text)
                    .map_err(|error| validation(format!("Error in expression '{id}': {error}")))?;
                Source::Expression { text: text.to_owned(), parsed }
            }
            (None, Some(stat)) => metric_stat(&stat, world, alarm)?,
            _ => {
                let text = format!("The metric query {id} must have either an Expression or a MetricStat.");
                return Err(bad_combination(text));
            }
        };
        queries.push(MetricQuery {
            id: id.to_owned(),
            source,
            label: item.text("Label")?.map(str::to_owned),
            period: period(&item, world, alarm)?,
            return_data: item.bool("ReturnData")?,
            account: item.text("AccountId")?.map(str::to_owned),
        });
    }
    check(&queries).map_err(|error| validation(error.to_string()))?;
    Ok(queries)
}

fn metric_stat(stat: &Input, world: &World, alarm: bool) -> Result<Source, ApiError> {
    let name = required(stat, "Stat", 100)?;
    Ok(Source::Metric {
        key: key(&stat.required_map("Metric")?)?,
        period: period(stat, world, alarm)?.ok_or_else(|| stat.missing("Period"))?,
        stat: name.to_owned(),
        statistic: statistic(stat, "Stat", name)?,
        unit: unit(stat)?,
    })
}
