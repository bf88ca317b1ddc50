//! Requests that show alarms.

use bluegreen_core::observe::AlarmKind;

use super::page::page;
use super::parse::{key, required, short, unit, word};
use super::{Context, bad_combination, render, validation};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::metrics::Source;
use crate::world::{AlarmRecord, ReadKind, Rule, State};

/// Alarms in one page, where nothing else is asked for.
const PAGE: i64 = 50;

/// The kinds of alarms that are asked for. Left out, these are metric alarms alone: composite ones stay silent, even
/// when they are asked for by name.
pub(super) fn kinds(input: &Input) -> Result<Vec<AlarmKind>, ApiError> {
    let Some(types) = input.strings("AlarmTypes")? else { return Ok(vec![AlarmKind::Metric]) };
    let mut kinds = Vec::new();
    for found in types {
        match found.as_str() {
            "MetricAlarm" => kinds.push(AlarmKind::Metric),
            "CompositeAlarm" => kinds.push(AlarmKind::Composite),
            "LogAlarm" => {}
            other => {
                return Err(validation(format!(
                    "Value '{other}' at 'alarmTypes' failed to satisfy constraint: Member must satisfy enum value set: \
                     [CompositeAlarm, MetricAlarm, LogAlarm]"
                )));
            }
        }
    }
    Ok(kinds)
}

pub(super) fn alarms(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let filter = Filter::new(input)?;
    let (state, _) = context.read(ReadKind::Alarms, &"alarms");
    if let Some(name) = filter.family().filter(|name| !state.alarms.contains_key(*name)) {
        return Err(super::not_found(format!("Unknown alarm {name}")));
    }
    let mut found: Vec<(&String, &AlarmRecord)> =
        state.alarms.iter().filter(|(name, alarm)| filter.fits(state, name, alarm)).collect();
    found.sort_by_key(|(_, alarm)| alarm.kind == AlarmKind::Metric);
    let most = input.int_within("MaxRecords", 1, 100)?.unwrap_or(PAGE);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (range, next) = page(context.world, input, found.len(), most)?;
    let (mut composite, mut metric) = (Vec::new(), Vec::new());
    for (name, alarm) in &found[range] {
        let shown = filter.shown(render::alarm(name, &context.world.alarm_arn(name), alarm));
        if alarm.kind == AlarmKind::Metric { &mut metric } else { &mut composite }.push(shown);
    }
    Ok(node! { "CompositeAlarms": composite, "MetricAlarms": metric, "NextToken": next })
}

/// Which alarms are asked for.
struct Filter {
    names: Option<Vec<String>>,
    prefix: Option<String>,
    kinds: Vec<AlarmKind>,
    state: Option<String>,
    action: Option<String>,
    children_of: Option<String>,
    parents_of: Option<String>,
}

impl Filter {
    fn new(input: &Input) -> Result<Filter, ApiError> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let filter = Filter {
            names: input.strings("AlarmNames")?.filter(|names| !names.is_empty()),
            prefix: owned(short(input, "AlarmNamePrefix", 255)?),
            kinds: kinds(input)?,
            state: owned(word(input, "StateValue", &["OK", "ALARM", "INSUFFICIENT_DATA"])?),
            action: owned(short(input, "ActionPrefix", 1_024)?),
            children_of: owned(short(input, "ChildrenOfAlarmName", 255)?),
            parents_of: owned(short(input, "ParentsOfAlarmName", 255)?),
        };
        if filter.names.is_some() && filter.prefix.is_some() {
            return Err(bad_combination("AlarmNames and AlarmNamePrefix cannot both be given"));
        }
        if filter.names.as_ref().is_some_and(|names| names.len() > 100) {
            return Err(validation("AlarmNames must have at most 100 names"));
        }
        let others = filter.names.is_some()
            || filter.prefix.is_some()
            || filter.state.is_some()
            || filter.action.is_some()
            || input.has("AlarmTypes");
        if filter.family().is_some() && (others || (filter.children_of.is_some() && filter.parents_of.is_some())) {
            let text = "ChildrenOfAlarmName and ParentsOfAlarmName go with no other filter, and not with each other";
            return Err(bad_combination(text));
        }
        Ok(filter)
    }

    /// The alarm whose relatives are asked for.
    fn family(&self) -> Option<&str> {
        self.children_of.as_deref().or(self.parents_of.as_deref())
    }

    fn fits(&self, state: &State, name: &str, alarm: &AlarmRecord) -> bool {
        if let Some(parent) = &self.children_of {
            return state.alarms.get(parent).is_some_and(|parent| parent.children.iter().any(|child| child == name));
        }
        if let Some(child) = &self.parents_of {
            return alarm.children.contains(child);
        }
        let actions = |prefix: &String| {
            alarm.spec.as_deref().is_some_and(|spec| {
                let all = [&spec.ok_actions, &spec.alarm_actions, &spec.insufficient_data_actions];
                all.into_iter().flatten().any(|action| action.starts_with(prefix))
            })
        };
        self.kinds.contains(&alarm.kind)
            && self.names.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
            && self.prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
            && self.state.as_ref().is_none_or(|wanted| render::state_word(&alarm.state) == wanted)
            && self.action.as_ref().is_none_or(actions)
    }

    /// Of relatives, AWS shows little.
    fn shown(&self, alarm: Node) -> Node {
        let members: &[&str] = match (&self.children_of, &self.parents_of) {
            (Some(_), _) => &["AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"],
            (None, Some(_)) => &["AlarmName", "AlarmArn"],
            (None, None) => return alarm,
        };
        let kept = |name: &&str| Some(((*name).to_owned(), alarm.get(name)?.clone()));
        Node::Map(members.iter().filter_map(kept).collect::<Map>())
    }
}

pub(super) fn for_metric(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    required(input, "MetricName", 255)?;
    let asked = key(input)?;
    let period = input.int("Period")?;
    let unit = unit(input)?;
    let stat = input.text("Statistic")?.or(input.text("ExtendedStatistic")?);
    let (state, _) = context.read(ReadKind::Alarms, &"alarms");
    let fits = |alarm: &AlarmRecord| {
        let Some(Rule::Metric(rule)) = alarm.spec.as_deref().map(|spec| &spec.rule) else { return false };
        // Alarms on an expression over the metric are left out, as by AWS.
        if rule.queries.iter().any(|query| matches!(query.source, Source::Expression { .. })) {
            return false;
        }
        rule.queries.iter().any(|query| match &query.source {
            Source::Metric { key, period: own, stat: named, unit: of, .. } => {
                *key == asked
                    && period.is_none_or(|period| period == i64::from(*own))
                    && stat.is_none_or(|stat| stat == named)
                    && unit.as_ref().is_none_or(|unit| of.as_ref() == Some(unit))
            }
            Source::Expression { .. } => false,
        })
    };
    let alarms: Vec<Node> = state
        .alarms
        .iter()
        .filter(|(_, alarm)| fits(alarm))
        .map(|(name, alarm)| render::alarm(name, &context.world.alarm_arn(name), alarm))
        .collect();
    Ok(node! { "MetricAlarms": alarms })
}
