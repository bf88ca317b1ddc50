//! Alarms: their states, their past, and what moves them.
//!
//! An alarm with a definition looks at metrics or at other alarms; one without is moved by links from traffic and by
//! whoever sets its state.

use std::collections::VecDeque;
use std::sync::Arc;

use bluegreen_core::model::{TargetGroupArn, Timestamp};
use bluegreen_core::observe::{AlarmKind, AlarmSnapshot, AlarmState, StateChange};

use super::{AlarmRecord, Ms, State, World};

mod definition;
mod evaluate;
mod history;
mod judge;
mod rule;

pub use definition::{AlarmSpec, Comparison, LowSamples, MetricRule, Missing, Rule};
pub use history::{HistoryItem, HistoryKind};
use judge::Judgement;
pub use rule::{CompositeRule, RuleError, RuleExpression};

/// What an alarm's metric depends on.
#[derive(Clone, Debug)]
pub enum Watch {
    /// Requests that reach tasks of this revision (`family:revision`).
    Revision(String),
    /// Requests that reach this group.
    Group(TargetGroupArn),
}

/// A link from traffic to an alarm: red `after` milliseconds of a routed share of at least `share_ppm`, and back to OK
/// `clears` milliseconds after the share has fallen below it.
#[derive(Clone, Debug)]
pub struct AlarmRule {
    /// The alarm.
    pub alarm: String,
    /// Whose traffic.
    pub watch: Watch,
    /// The highest routed share on any route, in millionths, that turns it red; at least 1.
    pub share_ppm: u32,
    /// How long the share must last.
    pub after: Ms,
    /// How long it must be gone; `None` keeps the alarm red.
    pub clears: Option<Ms>,
    since: Option<(bool, Ms)>,
    fired: bool,
}

impl AlarmRule {
    /// A rule that has seen nothing yet.
    pub fn new(alarm: &str, watch: Watch, share_ppm: u32, after: Ms, clears: Option<Ms>) -> AlarmRule {
        AlarmRule {
            alarm: alarm.to_owned(),
            watch,
            share_ppm: share_ppm.max(1),
            after,
            clears,
            since: None,
            fired: false,
        }
    }

    /// When the rule's next change is due, if what it sees now lasts.
    fn due(&self) -> Option<Ms> {
        match self.since {
            Some((true, since)) if !self.fired => Some(since + self.after),
            Some((false, since)) if self.fired => self.clears.map(|clears| since + clears),
            _ => None,
        }
    }
}

impl World {
    /// Puts an alarm into `state`, and composites over it into theirs. One that looks at metrics returns to its own
    /// state with its next evaluation.
    pub fn set_alarm(&mut self, name: &str, state: AlarmState, reason: &str) {
        self.transition(name, Judgement { state, reason: reason.to_owned(), data: String::new() });
        self.settle();
    }

    /// `SetAlarmState`: the same with a reason for machines. Also the state that it has is set again.
    pub fn set_alarm_state(&mut self, name: &str, state: AlarmState, reason: &str, data: &str) {
        let at = self.now();
        if self.state.alarms.get(name).is_some_and(|alarm| alarm.state == state) {
            if let Some(alarm) = Arc::make_mut(&mut self.state).alarms.get_mut(name) {
                alarm.updated_at = at;
                reason.clone_into(&mut alarm.reason);
                data.clone_into(&mut alarm.reason_data);
            }
        } else {
            self.transition(name, Judgement { state, reason: reason.to_owned(), data: data.to_owned() });
        }
        self.settle();
    }

    /// Everything that follows from an alarm's new state, where it is a new one: composites over it, and those over them.
    fn transition(&mut self, name: &str, to: Judgement) {
        let mut waiting = VecDeque::from([(name.to_owned(), to)]);
        // Composites may name each other in a circle that never comes to rest.
        for _ in 0..CASCADE {
            let Some((name, to)) = waiting.pop_front() else { return };
            if self.state.alarms.get(&name).is_none_or(|alarm| alarm.state == to.state) {
                continue;
            }
            self.enter(&name, &to);
            for (parent, alarm) in &self.state.alarms {
                if let Some(follows) = self.follows(alarm, &name, &to) {
                    waiting.push_back((parent.clone(), follows));
                }
            }
        }
    }

    fn enter(&mut self, name: &str, to: &Judgement) {
        let at = self.now();
        let Some(alarm) = Arc::make_mut(&mut self.state).alarms.get_mut(name) else { return };
        let item = HistoryItem::state(alarm, to, at);
        alarm.log.push(Arc::new(item));
        alarm.history.push(StateChange { at, to: to.state.clone() });
        alarm.state = to.state.clone();
        alarm.transitioned_at = at;
        alarm.updated_at = at;
        alarm.reason.clone_from(&to.reason);
        alarm.reason_data.clone_from(&to.data);
        forget(&mut alarm.log, &mut alarm.history);
    }

    /// What becomes of a composite when `child` has entered a state; `None` where it has nothing to do with it.
    fn follows(&self, parent: &AlarmRecord, child: &str, to: &Judgement) -> Option<Judgement> {
        if parent.kind != AlarmKind::Composite || !parent.children.iter().any(|name| name == child) {
            return None;
        }
        match parent.spec.as_deref().map(|spec| &spec.rule) {
            Some(Rule::Composite(rule)) => Some(self.joined(rule, Some(child))),
            Some(Rule::Metric(_)) => None,
            None => {
                let red =
                    |name: &String| self.state.alarms.get(name).is_some_and(|alarm| alarm.state == AlarmState::Alarm);
                let state = if parent.children.iter().any(red) { AlarmState::Alarm } else { AlarmState::Ok };
                Some(Judgement { state, reason: format!("child {child}: {}", to.reason), data: String::new() })
            }
        }
    }

    pub(super) fn alarm_events(&self) -> impl Iterator<Item = Ms> {
        self.alarm_rules.iter().filter_map(AlarmRule::due).chain(self.evaluations.values().copied())
    }

    pub(super) fn evaluate_alarms(&mut self) {
        self.evaluate_due();
        for index in 0..self.alarm_rules.len() {
            let rule = &self.alarm_rules[index];
            let share = self.watched_share(&rule.watch);
            let above = share >= rule.share_ppm;
            let since = rule.since.filter(|(was, _)| *was == above).unwrap_or((above, self.now));
            let rule = &mut self.alarm_rules[index];
            rule.since = Some(since);
            if rule.due().is_none_or(|due| due > self.now) {
                continue;
            }
            rule.fired = above;
            let name = rule.alarm.clone();
            let (state, reason) = match above {
                true => (AlarmState::Alarm, "threshold crossed"),
                false => (AlarmState::Ok, "threshold no longer crossed"),
            };
            self.transition(&name, Judgement { state, reason: reason.to_owned(), data: String::new() });
        }
    }

    fn watched_share(&self, watch: &Watch) -> u32 {
        match watch {
            Watch::Group(group) => self.exposure(group),
            Watch::Revision(revision) => self
                .state
                .services
                .values()
                .flat_map(|service| &service.tasks)
                .filter(|task| task.definition.short() == revision)
                // Not all groups of the service: its task sets have one each.
                .flat_map(|task| task.groups.iter())
                .map(|entry| self.exposure(&entry.group))
                .max()
                .unwrap_or(0),
        }
    }
}

impl State {
    /// An alarm as `DescribeAlarms` shows it.
    pub fn alarm(&self, name: &str) -> Option<AlarmSnapshot> {
        self.alarms.get(name).map(|alarm| AlarmSnapshot {
            name: name.to_owned(),
            kind: alarm.kind,
            state: alarm.state.clone(),
            transitioned_at: Some(alarm.transitioned_at),
            reason: alarm.reason.clone(),
            definition: alarm.definition.clone(),
            window_seconds: alarm.window_seconds,
            dimensions: alarm.dimensions.clone(),
        })
    }

    /// The changes of an alarm since `since`, oldest first; none for one that does not exist.
    pub fn alarm_history(&self, name: &str, since: Timestamp) -> Vec<StateChange> {
        let history = self.alarms.get(name).map(|alarm| alarm.history.as_slice()).unwrap_or_default();
        history.iter().filter(|change| change.at >= since).cloned().collect()
    }
}

/// Changes of state that one change can bring about.
const CASCADE: usize = 1_000;

/// The past of an alarm is kept to this many changes.
const KEPT: usize = 2_000;

fn forget(log: &mut Vec<Arc<HistoryItem>>, history: &mut Vec<StateChange>) {
    log.drain(..log.len().saturating_sub(KEPT));
    history.drain(..history.len().saturating_sub(KEPT));
}

#[cfg(test)]
mod tests;
