//! From points to a state: M of N, missing points, and the words for it.

use bluegreen_core::observe::AlarmState;
use jiff::Timestamp;
use serde_json::json;

use super::definition::{MetricRule, Missing};
use crate::world::metrics::{Second, Source};

/// More periods are looked at than are evaluated, so that older points can stand in for missing ones. AWS does not say
/// how many more; for three periods its documentation looks at five.
pub(super) const SPARE: u32 = 2;

/// What is known of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slot {
    /// Its first second.
    pub at: Second,
    /// Its point.
    pub value: Option<f64>,
}

/// A state and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    /// The state.
    pub state: AlarmState,
    /// In words.
    pub reason: String,
    /// For machines: `StateReasonData`.
    pub data: String,
}

/// The state that the periods of the evaluation range, oldest first, lead to; `None` keeps the present one. In
/// `breaching`, a period without a point is `None`.
pub(super) fn decide(breaching: &[Option<bool>], n: u32, m: u32, missing: Missing) -> Option<AlarmState> {
    let (n, m) = (n as usize, m as usize);
    let known: Vec<bool> = breaching.iter().filter_map(|slot| *slot).collect();
    let recent = &known[known.len().saturating_sub(n)..];
    let wrong = recent.iter().filter(|wrong| **wrong).count();
    let filled = n - recent.len();
    if wrong >= m {
        return Some(AlarmState::Alarm);
    }
    if filled == 0 {
        return Some(AlarmState::Ok);
    }
    let all_wrong = recent.iter().all(|wrong| *wrong);
    match missing {
        Missing::Breaching if wrong + filled >= m => Some(AlarmState::Alarm),
        Missing::Breaching | Missing::NotBreaching => Some(AlarmState::Ok),
        Missing::Ignore => (!all_wrong).then_some(AlarmState::Ok),
        Missing::Missing if recent.is_empty() => Some(AlarmState::InsufficientData),
        Missing::Missing if !all_wrong => Some(AlarmState::Ok),
        // Nothing but breaching points, and fewer than M: red once the oldest of them is M periods old. Before that,
        // the next point may still be a good one.
        Missing::Missing => {
            let age = breaching.iter().position(Option::is_some).map_or(0, |first| breaching.len() - first);
            (age >= m).then_some(AlarmState::Alarm)
        }
    }
}

/// The state that a rule's periods, oldest first, lead to; `None` keeps `present`, `now` being when it was asked.
pub(super) fn judge(rule: &MetricRule, slots: &[Slot], present: &AlarmState, now: Timestamp) -> Option<Judgement> {
    let wrong = |slot: &Slot| slot.value.map(|value| rule.comparison.breaches(value, rule.threshold));
    let breaching: Vec<Option<bool>> = slots.iter().map(wrong).collect();
    let state = decide(&breaching, rule.evaluation_periods, rule.to_alarm(), rule.missing())?;
    // Words are for changes alone: most evaluations bring none.
    if state == *present {
        return None;
    }
    let known = || slots.iter().rev().filter(|slot| slot.value.is_some());
    let recent: Vec<&Slot> = known().take(rule.evaluation_periods as usize).collect();
    let reason = words(rule, &state, &recent);
    let data = data(rule, &recent, now);
    Some(Judgement { state, reason, data })
}

fn words(rule: &MetricRule, state: &AlarmState, recent: &[&Slot]) -> String {
    let n = rule.evaluation_periods as usize;
    let filled = n - recent.len();
    if *state == AlarmState::InsufficientData {
        return format!("Insufficient Data: {} unknown.", counted(n, "datapoint", true));
    }
    let red = *state == AlarmState::Alarm;
    let treated = if red { "[Breaching]" } else { "[NonBreaching]" };
    if recent.is_empty() {
        let missing = counted(filled, "missing datapoint", true);
        let periods = counted(filled, "period", false);
        return format!(
            "Threshold Crossed: no datapoints were received for {periods} and {missing} treated as {treated}."
        );
    }
    let decisive: Vec<String> = recent
        .iter()
        .filter(|slot| slot.value.is_some_and(|value| rule.comparison.breaches(value, rule.threshold) == red))
        .map(|slot| format!("{:?} ({})", slot.value.unwrap_or_default(), short(slot.at)))
        .collect();
    let not = if red { "" } else { "not " };
    let were = if decisive.len() == 1 { "was" } else { "were" };
    let comparison = format!("{were} {not}{} the threshold ({:?})", rule.comparison.words(), rule.threshold);
    let m = rule.to_alarm() as usize;
    let (least, way) = if red { (m, "OK -> ALARM") } else { (n - m + 1, "ALARM -> OK") };
    let missing = match rule.missing() {
        Missing::Breaching | Missing::NotBreaching if filled > 0 => {
            let word = if rule.missing() == Missing::Breaching { "[Breaching]" } else { "[NonBreaching]" };
            format!(" and {} treated as {word}", counted(filled, "missing datapoint", true))
        }
        _ => String::new(),
    };
    format!(
        "Threshold Crossed: {} out of the last {n} datapoints [{}] {comparison}{missing} (minimum {} for {way} transition).",
        decisive.len(),
        decisive.join(", "),
        counted(least, "datapoint", false),
    )
}

/// `1 datapoint was`, `2 datapoints were` …
fn counted(count: usize, what: &str, verb: bool) -> String {
    let many = count != 1;
    let verb = match (verb, count) {
        (false, _) => "",
        (true, 1) => " was",
        (true, _) => " were",
    };
    format!("{count} {what}{}{verb}", if many { "s" } else { "" })
}

fn data(rule: &MetricRule, recent: &[&Slot], now: Timestamp) -> String {
    let statistic = match rule.queries.first().map(|query| &query.source) {
        Some(Source::Metric { stat, unit, .. }) if !rule.math => Some((stat.clone(), unit.clone())),
        _ => None,
    };
    let oldest = recent.last().map(|slot| long(slot.at));
    let points: Vec<f64> = recent.iter().rev().filter_map(|slot| slot.value).collect();
    let evaluated = |slot: &&Slot| json!({ "timestamp": long(slot.at), "value": slot.value });
    let mut data = json!({
        "version": "1.0",
        "queryDate": now.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
        "startDate": oldest,
        "statistic": statistic.as_ref().map(|(stat, _)| stat),
        "unit": statistic.as_ref().and_then(|(_, unit)| unit.as_ref()),
        "period": rule.period(),
        "recentDatapoints": points,
        "threshold": rule.threshold,
        "evaluatedDatapoints": recent.iter().map(evaluated).collect::<Vec<_>>(),
    });
    if let Some(members) = data.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    data.to_string()
}

fn at(second: Second) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}

/// `23/11/26 09:10:00`.
fn short(second: Second) -> String {
    at(second).strftime("%d/%m/%y %H:%M:%S").to_string()
}

/// `2026-11-23T09:10:00.000+0000`.
fn long(second: Second) -> String {
    at(second).strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}
