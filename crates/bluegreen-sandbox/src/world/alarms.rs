//! Alarms: their states, their past, and the link from traffic to red.

use std::sync::Arc;

use bluegreen_core::model::{TargetGroupArn, Timestamp};
use bluegreen_core::observe::{AlarmKind, AlarmSnapshot, AlarmState, StateChange};

use super::{Ms, State, World};

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
    /// Puts an alarm into `state`, and composites over it into theirs.
    pub fn set_alarm(&mut self, name: &str, state: AlarmState, reason: &str) {
        self.transition(name, state, reason);
        self.settle();
    }

    fn transition(&mut self, name: &str, to: AlarmState, reason: &str) {
        let at = self.now();
        if self.state.alarms.get(name).is_none_or(|alarm| alarm.state == to) {
            return;
        }
        let state = Arc::make_mut(&mut self.state);
        if let Some(alarm) = state.alarms.get_mut(name) {
            alarm.history.push(StateChange { at, to: to.clone() });
            alarm.state = to;
            alarm.transitioned_at = at;
            reason.clone_into(&mut alarm.reason);
        }
        let follow = |(parent, red): (String, bool)| (parent, if red { AlarmState::Alarm } else { AlarmState::Ok });
        let parents: Vec<_> = composites(state, name).into_iter().map(follow).collect();
        for (parent, to) in parents {
            self.transition(&parent, to, &format!("child {name}: {reason}"));
        }
    }

    pub(super) fn alarm_events(&self) -> impl Iterator<Item = Ms> {
        self.alarm_rules.iter().filter_map(AlarmRule::due)
    }

    pub(super) fn evaluate_alarms(&mut self) {
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
            if above {
                self.transition(&name, AlarmState::Alarm, "threshold crossed");
            } else {
                self.transition(&name, AlarmState::Ok, "threshold no longer crossed");
            }
        }
    }

    fn watched_share(&self, watch: &Watch) -> u32 {
        match watch {
            Watch::Group(group) => self.exposure(group),
            Watch::Revision(revision) => self
                .state
                .services
                .values()
                .filter(|service| service.tasks.iter().any(|task| task.definition.short() == revision))
                .flat_map(|service| &service.groups)
                .map(|group| self.exposure(group))
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

/// The composites over `child`, each with whether it is red now.
fn composites(state: &State, child: &str) -> Vec<(String, bool)> {
    let red = |name: &String| state.alarms.get(name).is_some_and(|alarm| alarm.state == AlarmState::Alarm);
    let over = state
        .alarms
        .iter()
        .filter(|(_, alarm)| alarm.kind == AlarmKind::Composite && alarm.children.iter().any(|name| name == child));
    over.map(|(name, alarm)| (name.clone(), alarm.children.iter().any(red))).collect()
}
