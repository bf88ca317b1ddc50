//! Requests that make, change and delete alarms.

use std::collections::BTreeMap;

use super::parse::{dimensions, period, queries, required, short, statistic, unit, word};
use super::{Context, bad_combination, bad_value, not_found, validation};
use crate::node;
use crate::wire::{ApiError, Input, Node};
use crate::world::metrics::query::MetricQuery;
use crate::world::metrics::{MetricKey, Source};
use crate::world::{
    AlarmRecord, AlarmSpec, Comparison, CompositeRule, LowSamples, MetricRule, Missing, Refused, Rule, RuleExpression,
    World, tags,
};

/// Alarms that one request may name.
const NAMES: usize = 100;

/// Parameters that would change what an alarm does, and that the sandbox does not know: better refused than ignored.
const UNKNOWN: [&str; 4] = ["ThresholdMetricId", "EvaluationCriteria", "EvaluationWindow", "WarmUpConfiguration"];

pub(super) fn put_metric(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = required(input, "AlarmName", 255)?.to_owned();
    if let Some(unknown) = UNKNOWN.into_iter().find(|unknown| input.has(unknown)) {
        return Err(validation(format!("{unknown} is not supported by the sandbox; leave it out")));
    }
    let rule = Rule::Metric(metric_rule(input, context.world)?);
    keep(context, input, &name, rule)
}

fn metric_rule(input: &Input, world: &World) -> Result<MetricRule, ApiError> {
    let comparison = word(input, "ComparisonOperator", Comparison::WORDS)?.and_then(Comparison::parse);
    let evaluation_periods = count(input, "EvaluationPeriods")?.ok_or_else(|| input.missing("EvaluationPeriods"))?;
    let datapoints_to_alarm = count(input, "DatapointsToAlarm")?;
    if datapoints_to_alarm.is_some_and(|m| m > evaluation_periods) {
        return Err(validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods"));
    }
    let math = input.has("Metrics");
    let queries = if math { math_queries(input, world)? } else { vec![single(input, world)?] };
    let rule = MetricRule {
        queries,
        math,
        evaluation_periods,
        datapoints_to_alarm,
        comparison: comparison.ok_or_else(|| input.missing("ComparisonOperator"))?,
        threshold: input.required_float("Threshold")?,
        treat_missing: word(input, "TreatMissingData", Missing::WORDS)?.and_then(Missing::parse),
        low_samples: word(input, "EvaluateLowSampleCountPercentile", LowSamples::WORDS)?.and_then(LowSamples::parse),
    };
    if !rule.threshold.is_finite() {
        return Err(validation("Threshold must be a finite number"));
    }
    let most = if rule.period() < 3_600 { 86_400 } else { 604_800 };
    if u64::from(rule.period()) * u64::from(evaluation_periods) > most {
        let span = if most == 86_400 { "a day" } else { "a week" };
        return Err(validation(format!(
            "Metrics cannot be checked across more than {span} (EvaluationPeriods * Period must be <= {most})."
        )));
    }
    let few = rule
        .compared()
        .is_some_and(|query| matches!(&query.source, Source::Metric { statistic, .. } if statistic.fewest().is_some()));
    if rule.low_samples.is_some() && !few {
        return Err(bad_combination("EvaluateLowSampleCountPercentile goes with a percentile only"));
    }
    Ok(rule)
}

fn count(input: &Input, name: &str) -> Result<Option<u32>, ApiError> {
    let Some(found) = input.int(name)? else { return Ok(None) };
    let count = u32::try_from(found).ok().filter(|count| *count >= 1);
    count.map(Some).ok_or_else(|| validation(format!("{name} must be a whole number of at least 1, and is {found}")))
}

/// The metric of an alarm that has only one.
fn single(input: &Input, world: &World) -> Result<MetricQuery, ApiError> {
    let namespace = required(input, "Namespace", 255)?.to_owned();
    let name = required(input, "MetricName", 255)?.to_owned();
    let period = period(input, world, true)?.ok_or_else(|| input.missing("Period"))?;
    let stat = match (input.text("Statistic")?, input.text("ExtendedStatistic")?) {
        (Some(stat), None) | (None, Some(stat)) => stat,
        (Some(_), Some(_)) => return Err(bad_combination("Statistic and ExtendedStatistic cannot both be given")),
        (None, None) => return Err(bad_combination("Either Statistic or ExtendedStatistic must be given")),
    };
    let parameter = if input.has("Statistic") { "Statistic" } else { "ExtendedStatistic" };
    let statistic = statistic(input, parameter, stat)?;
    if statistic.is_plain() != input.has("Statistic") {
        return Err(validation(format!("The value {stat} for parameter {parameter} is not supported.")));
    }
    let key = MetricKey { namespace, name, dimensions: dimensions(input)? };
    let source = Source::Metric { key, period, stat: stat.to_owned(), statistic, unit: unit(input)? };
    Ok(MetricQuery { id: "m1".to_owned(), source, label: None, period: None, return_data: None, account: None })
}

/// The queries of an alarm over an expression.
fn math_queries(input: &Input, world: &World) -> Result<Vec<MetricQuery>, ApiError> {
    const OWN: [&str; 7] =
        ["MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"];
    if let Some(own) = OWN.into_iter().find(|own| input.has(own)) {
        return Err(bad_combination(format!("{own} cannot be given together with Metrics")));
    }
    let queries = queries(input, "Metrics", world, true)?;
    let (metrics, expressions): (Vec<_>, Vec<_>) =
        queries.iter().partition(|query| matches!(query.source, Source::Metric { .. }));
    if metrics.is_empty() || metrics.len() > 10 || expressions.len() > 10 {
        return Err(validation("Metrics must have 1 to 10 metrics and at most 10 expressions"));
    }
    if queries.iter().filter(|query| query.returns()).count() != 1 {
        return Err(validation("Exactly one element of the metrics list should return data."));
    }
    let mut periods: Vec<u32> = queries.iter().filter_map(MetricQuery::own_period).collect();
    periods.dedup();
    if periods.len() > 1 {
        return Err(validation("All metrics and expressions of an alarm must have the same period"));
    }
    Ok(queries)
}

pub(super) fn put_composite(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = required(input, "AlarmName", 255)?.to_owned();
    let text = input.required_text("AlarmRule")?.to_owned();
    let expression = RuleExpression::parse(&text).map_err(|error| validation(error.to_string()))?;
    let alarms = &context.world.state().alarms;
    let gone: Vec<&str> = expression.children().into_iter().filter(|child| !alarms.contains_key(*child)).collect();
    if expression.children().contains(name.as_str()) {
        return Err(validation(format!("AlarmRule must not name the alarm itself: {name}")));
    }
    if !gone.is_empty() {
        let text = format!(
            "Could not save the composite alarm as alarms [{}] in the alarm rule do not exist",
            gone.join(", ")
        );
        return Err(validation(text));
    }
    let rule = CompositeRule {
        text,
        expression,
        suppressor: short(input, "ActionsSuppressor", 1_600)?.map(str::to_owned),
        suppressor_wait: seconds(input, "ActionsSuppressorWaitPeriod")?,
        suppressor_extension: seconds(input, "ActionsSuppressorExtensionPeriod")?,
    };
    keep(context, input, &name, Rule::Composite(rule))
}

fn seconds(input: &Input, name: &str) -> Result<Option<u32>, ApiError> {
    Ok(input.int_within(name, 0, i64::from(u32::MAX))?.and_then(|seconds| u32::try_from(seconds).ok()))
}

/// What both kinds of alarms have, and then the alarm itself.
fn keep(context: &mut Context<'_>, input: &Input, name: &str, rule: Rule) -> Result<Node, ApiError> {
    let actions = |member: &str| -> Result<Vec<String>, ApiError> {
        let actions = input.strings(member)?.unwrap_or_default();
        match actions.len() {
            0..=5 => Ok(actions),
            many => Err(validation(format!("{member} must have at most 5 actions, and has {many}"))),
        }
    };
    let spec = AlarmSpec {
        description: input.text("AlarmDescription")?.map(str::to_owned),
        actions_enabled: input.bool("ActionsEnabled")?.unwrap_or(true),
        ok_actions: actions("OKActions")?,
        alarm_actions: actions("AlarmActions")?,
        insufficient_data_actions: actions("InsufficientDataActions")?,
        configured_at: context.world.now(),
        rule,
    };
    if spec.description.as_ref().is_some_and(|text| text.chars().count() > 1_024) {
        return Err(validation("AlarmDescription must not be longer than 1024 characters"));
    }
    let old = context.world.state().alarms.get(name).and_then(|alarm| alarm.spec.clone());
    if old.is_some_and(|old| std::mem::discriminant(&old.rule) != std::mem::discriminant(&spec.rule)) {
        return Err(validation(format!("An alarm of another type is already named {name}; choose another name")));
    }
    let given = pairs(input)?;
    let wanted = tags::checked(&given).map_err(refused)?;
    // Tags belong to the making of an alarm: an update leaves them as they are.
    let new = !context.world.state().alarms.contains_key(name);
    context.world.put_alarm(name, spec);
    if new && !wanted.is_empty() {
        let arn = context.world.alarm_arn(name);
        context.world.add_tags(&[arn], &wanted).map_err(refused)?;
    }
    Ok(node! {})
}

fn pairs(input: &Input) -> Result<Vec<(String, String)>, ApiError> {
    let mut pairs = Vec::new();
    for tag in input.list("Tags")?.unwrap_or_default() {
        pairs.push((tag.required_text("Key")?.to_owned(), tag.text("Value")?.unwrap_or_default().to_owned()));
    }
    Ok(pairs)
}

fn refused(refused: Refused) -> ApiError {
    bad_value(refused.message)
}

pub(super) fn set_state(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = required(input, "AlarmName", 255)?;
    let states = ["OK", "ALARM", "INSUFFICIENT_DATA"];
    let state = word(input, "StateValue", &states)?.ok_or_else(|| input.missing("StateValue"))?;
    let reason = input.text("StateReason")?.ok_or_else(|| input.missing("StateReason"))?;
    if reason.chars().count() > 1_023 {
        return Err(validation("StateReason must not be longer than 1023 characters"));
    }
    let data = input.text("StateReasonData")?.unwrap_or_default();
    if !data.is_empty() && serde_json::from_str::<serde_json::Value>(data).is_err() {
        return Err(ApiError::sender("InvalidFormat", "StateReasonData is not valid JSON"));
    }
    if !context.world.state().alarms.contains_key(name) {
        return Err(not_found(format!("Unknown alarm {name}")));
    }
    context.world.set_alarm_state(name, super::render::state(state), reason, data);
    Ok(node! {})
}

fn names(input: &Input) -> Result<Vec<String>, ApiError> {
    let names = input.required_strings("AlarmNames")?;
    match names.len() {
        0..=NAMES => Ok(names),
        many => Err(validation(format!("AlarmNames must have at most {NAMES} names, and has {many}"))),
    }
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let alarms = &context.world.state().alarms;
    let (names, gone): (Vec<String>, Vec<String>) =
        names(input)?.into_iter().partition(|name| alarms.contains_key(name));
    let composite = |name: &&String| {
        alarms.get(*name).is_some_and(|alarm| alarm.kind == bluegreen_core::observe::AlarmKind::Composite)
    };
    if names.iter().filter(composite).count() > 1 {
        return Err(validation("A request must delete no more than one composite alarm"));
    }
    if let Some((name, parent)) = depended_on(alarms, &names) {
        return Err(validation(format!(
            "Cannot delete {name} as there are composite alarm(s) depending on it: {parent}"
        )));
    }
    // Those whose names are right are deleted, whatever the others are.
    context.world.delete_alarms(&names);
    if gone.is_empty() { Ok(node! {}) } else { Err(not_found(format!("Unknown alarms: {}", gone.join(", ")))) }
}

/// One of `names` that the rule of a composite alarm speaks of which stays, and that alarm.
fn depended_on<'a>(alarms: &'a BTreeMap<String, AlarmRecord>, names: &'a [String]) -> Option<(&'a str, &'a str)> {
    alarms.iter().filter(|(parent, _)| !names.contains(parent)).find_map(|(parent, alarm)| {
        let Rule::Composite(rule) = &alarm.spec.as_deref()?.rule else { return None };
        let children = rule.expression.children();
        let name = names.iter().find(|name| children.contains(name.as_str()))?;
        Some((name.as_str(), parent.as_str()))
    })
}

pub(super) fn actions(context: &mut Context<'_>, input: &Input, enabled: bool) -> Result<Node, ApiError> {
    for name in names(input)? {
        context.world.enable_alarm_actions(&name, enabled);
    }
    Ok(node! {})
}

/// Only alarms can be tagged here.
fn resource(context: &Context<'_>, input: &Input) -> Result<String, ApiError> {
    let arn = required(input, "ResourceARN", 1_024)?;
    match context.world.state().tags_of(arn) {
        Some(_) if arn.contains(":alarm:") => Ok(arn.to_owned()),
        _ => Err(ApiError::sender("ResourceNotFoundException", format!("Unknown resource {arn}")).with_status(404)),
    }
}

pub(super) fn tag(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn = resource(context, input)?;
    let wanted = tags::checked(&pairs(input)?).map_err(refused)?;
    context.world.add_tags(&[arn], &wanted).map_err(refused)?;
    Ok(node! {})
}

pub(super) fn untag(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn = resource(context, input)?;
    context.world.remove_tags(&[arn], &input.required_strings("TagKeys")?).map_err(refused)?;
    Ok(node! {})
}

pub(super) fn tags(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn = resource(context, input)?;
    let tags = context.world.state().tags_of(&arn).unwrap_or_default();
    let tags: Vec<Node> = tags.iter().map(|(key, value)| node! { "Key": key, "Value": value }).collect();
    Ok(node! { "Tags": tags })
}
