//! Evaluation: when alarms look, what they see, and what comes of it.

use std::sync::Arc;

use bluegreen_core::observe::{AlarmKind, AlarmState};

use super::definition::{AlarmSpec, LowSamples, MetricRule, Rule};
use super::history::{HistoryItem, word};
use super::judge::{Judgement, SPARE, Slot, judge};
use super::rule::CompositeRule;
use crate::seed::draw;
use crate::world::metrics::query::Run;
use crate::world::metrics::{Ask, MetricQuery, Second, Source, Window};
use crate::world::{AlarmRecord, Ms, World};

/// Why an alarm is what it is before anybody has looked.
const UNCHECKED: &str = "Unchecked: Initial alarm creation";

impl World {
    /// An alarm's ARN.
    pub fn alarm_arn(&self, name: &str) -> String {
        format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", self.config.region, self.config.account)
    }

    /// Makes an alarm or gives it a new definition. A new one has `INSUFFICIENT_DATA` until it has been evaluated; one
    /// that exists keeps its state until then.
    pub fn put_alarm(&mut self, name: &str, spec: AlarmSpec) {
        let arn = self.alarm_arn(name);
        let spec = Arc::new(spec);
        let state = Arc::make_mut(&mut self.state);
        let kind = match &spec.rule {
            Rule::Metric(_) => AlarmKind::Metric,
            Rule::Composite(_) => AlarmKind::Composite,
        };
        let alarm = state.alarms.entry(name.to_owned()).or_insert_with(|| AlarmRecord {
            state: AlarmState::InsufficientData,
            reason: UNCHECKED.to_owned(),
            ..AlarmRecord::scripted(kind, spec.configured_at)
        });
        alarm.log.push(Arc::new(HistoryItem::configuration(name, &arn, alarm.spec.as_deref(), &spec)));
        alarm.kind = kind;
        alarm.definition = spec.definition();
        match &spec.rule {
            Rule::Metric(rule) => {
                alarm.window_seconds = u64::from(rule.period()) * u64::from(rule.evaluation_periods);
                alarm.dimensions = rule.dimensions();
                alarm.children.clear();
            }
            Rule::Composite(rule) => {
                alarm.window_seconds = 0;
                alarm.dimensions.clear();
                alarm.children = rule.expression.children().into_iter().map(str::to_owned).collect();
            }
        }
        alarm.spec = Some(Arc::clone(&spec));
        match &spec.rule {
            Rule::Metric(rule) => {
                let next = self.next_evaluation(name, rule);
                self.evaluations.insert(name.to_owned(), next);
            }
            Rule::Composite(rule) => {
                let judgement = self.joined(rule, None);
                self.transition(name, judgement);
            }
        }
        self.settle();
    }

    /// Deletes alarms; the past goes with them. Composites over them go on without.
    pub fn delete_alarms(&mut self, names: &[String]) {
        for name in names {
            self.evaluations.remove(name);
        }
        let arns: Vec<String> = names.iter().map(|name| self.alarm_arn(name)).collect();
        self.change(|state| {
            state.alarms.retain(|name, _| !names.contains(name));
            state.tags.retain(|arn, _| !arns.contains(arn));
        });
    }

    /// Says whether an alarm's actions would be done. Nothing happens for one that does not exist.
    pub fn enable_alarm_actions(&mut self, name: &str, enabled: bool) {
        let (arn, at) = (self.alarm_arn(name), self.now());
        let state = Arc::make_mut(&mut self.state);
        if let Some(alarm) = state.alarms.get_mut(name)
            && let Some(old) = alarm.spec.clone().filter(|old| old.actions_enabled != enabled)
        {
            let spec = AlarmSpec { actions_enabled: enabled, configured_at: at, ..(*old).clone() };
            alarm.log.push(Arc::new(HistoryItem::configuration(name, &arn, Some(&old), &spec)));
            alarm.spec = Some(Arc::new(spec));
        }
        self.settle();
    }

    /// Every alarm looks at its own moments: once a minute, and every ten seconds where its period is shorter than a
    /// minute. Where metrics come faster than AWS's, alarms look as often as they come.
    fn next_evaluation(&self, name: &str, rule: &MetricRule) -> Ms {
        let usual = if rule.period() < 60 { 10_000 } else { 60_000 };
        let fast = Ms::from(self.metric_seconds()) * 1_000;
        let interval = if fast < 10_000 { fast } else { usual };
        let phase = draw(self.config.seed, &("evaluation", name)) % (interval / 1_000) * 1_000;
        let since = (self.now + interval - phase) % interval;
        self.now + interval - since
    }

    pub(super) fn evaluate_due(&mut self) {
        if self.evaluations.values().all(|due| *due > self.now) {
            return;
        }
        let due: Vec<String> =
            self.evaluations.iter().filter(|(_, due)| **due <= self.now).map(|(name, _)| name.clone()).collect();
        for name in due {
            let found = self.state.alarms.get(&name).and_then(|alarm| Some((alarm.spec.clone()?, alarm.state.clone())));
            let Some((Rule::Metric(rule), present)) = found.as_ref().map(|(spec, present)| (&spec.rule, present))
            else {
                self.evaluations.remove(&name);
                continue;
            };
            let next = self.next_evaluation(&name, rule);
            self.evaluations.insert(name.clone(), next);
            if let Some(judgement) = self.looked(rule, present) {
                self.transition(&name, judgement);
            }
        }
    }

    /// What a rule says of the metrics that can be seen now; `None` keeps its present state.
    fn looked(&self, rule: &MetricRule, present: &AlarmState) -> Option<Judgement> {
        let compared = rule.compared()?;
        let window = self.evaluation_range(rule);
        let period = Second::from(rule.period());
        let mut run = Run::new(&rule.queries, &self.metrics, window, self.now);
        // An expression that cannot be computed gives no points: checked when it was put, it fails on data alone.
        let points = run.single(compared).unwrap_or_default();
        let count = rule.evaluation_periods + SPARE;
        let slots: Vec<Slot> = (0..Second::from(count))
            .map(|step| window.from + step * period)
            .map(|at| Slot { at, value: points.get(&at).copied() })
            .collect();
        if rule.low_samples == Some(LowSamples::Ignore) && self.has_few(compared, &slots) {
            return None;
        }
        judge(rule, &slots, present, self.now())
    }

    /// The periods that should have points by now, and some before them. It slides by the minute.
    fn evaluation_range(&self, rule: &MetricRule) -> Window {
        let period = Second::from(rule.period());
        let step = period.min(60);
        let published = self.second(self.now.saturating_sub(self.config.metric_delay));
        let to = published.div_euclid(step) * step;
        Window { from: to - Second::from(rule.evaluation_periods + SPARE) * period, to }
    }

    /// Whether the newest point is a percentile of too few values to mean anything.
    fn has_few(&self, query: &MetricQuery, slots: &[Slot]) -> bool {
        let Source::Metric { key, period, statistic, unit, .. } = &query.source else { return false };
        let newest = slots.iter().rev().find(|slot| slot.value.is_some());
        let Some((fewest, slot)) = statistic.fewest().zip(newest) else { return false };
        let to = slot.at + Second::from(*period);
        let ask = Ask { key, unit: unit.as_deref(), period: *period, from: slot.at, to };
        self.metrics.periods(&ask, self.now).iter().all(|(_, summary)| summary.count() < fewest)
    }

    /// What a composite's rule says now; `cause` is the child whose change made it look.
    pub(super) fn joined(&self, rule: &CompositeRule, cause: Option<&str>) -> Judgement {
        let state = |name: &str| self.state.alarms.get(name).map(|alarm| &alarm.state);
        let holds = rule.expression.holds(&state);
        let to = if holds { AlarmState::Alarm } else { AlarmState::Ok };
        let changed = |name: &str| {
            let child = self.state.alarms.get(name)?;
            let at = child.transitioned_at.strftime("%A %d %B, %Y %H:%M:%S UTC");
            Some(format!("{} transitioned to {} at {at}", self.alarm_arn(name), word(&child.state)))
        };
        let newest = || {
            let children = rule.expression.children();
            children.into_iter().max_by_key(|name| self.state.alarms.get(*name).map(|alarm| alarm.transitioned_at))
        };
        let reason = cause.or_else(newest).and_then(changed);
        Judgement {
            state: to,
            reason: reason.unwrap_or_else(|| format!("{} is {}", rule.text, if holds { "true" } else { "false" })),
            data: String::new(),
        }
    }
}
