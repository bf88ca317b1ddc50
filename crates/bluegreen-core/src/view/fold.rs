//! What a living operator tells between its records: what it saw, and what it waits for.

use jiff::Timestamp;

use super::parts::{Wait, Warning};
use super::{Phase, RunView, WARNINGS_MAX, words};
use crate::decide::later;
use crate::event::Look;
use crate::model::Step;

impl RunView {
    pub(super) fn looked(&mut self, look: &Look) {
        self.updated_at = self.updated_at.max(look.at);
        self.looked_at = Some(look.at);
        self.observed = look.observed;
        // What could not be read this time keeps its last value nowhere: old weights shown as new would mislead.
        for route in &mut self.routes {
            let seen = look.configured.iter().find(|(id, _)| *id == route.route);
            route.configured_ppm = seen.and_then(|(_, share)| *share);
        }
        let health = [look.health.blue, look.health.green];
        for (fleet, health) in [&mut self.fleets.blue, &mut self.fleets.green].into_iter().zip(health) {
            fleet.health = health;
        }
        let tasks = look.tasks.as_ref().map(|tasks| [tasks.blue, tasks.green]);
        for (index, fleet) in [&mut self.fleets.blue, &mut self.fleets.green].into_iter().enumerate() {
            match tasks {
                Some(tasks) => (fleet.desired, fleet.running) = (tasks[index].0, Some(tasks[index].1)),
                None => fleet.running = None,
            }
        }
        if let Some(control) = &mut self.control {
            control.looked(look.control.as_ref());
        }
        // On the way back alarms are not asked any more, and a failed read names none: both keep what was last seen.
        if !look.alarms.is_empty() {
            for alarm in &mut self.alarms {
                let found = look.alarms.iter().find(|(name, _)| *name == alarm.name);
                (alarm.state, alarm.seen_at) = (found.map(|(_, state)| state.clone()), Some(look.at));
            }
        }
    }

    pub(super) fn waiting(&mut self, at: Timestamp, until: Timestamp, why: &str) {
        self.updated_at = self.updated_at.max(at);
        let why = words::clean(why);
        let before = self.told_wait.as_ref().or(self.wait.as_ref()).filter(|wait| wait.why == why);
        let since = before.map_or(at, |wait| wait.since);
        let ends = self.hold_end().filter(|end| *end > at && self.gate.is_none());
        self.told_wait = Some(Wait { why, since, ends, look_at: Some(until) });
        self.wait.clone_from(&self.told_wait);
    }

    pub(super) fn warn(&mut self, at: Timestamp, text: &str) {
        self.updated_at = self.updated_at.max(at);
        if self.warnings.len() == WARNINGS_MAX {
            self.warnings.remove(0);
        }
        self.warnings.push(Warning { at, text: words::clean(text) });
    }

    /// What the journal alone says that the run waits for.
    pub(super) fn standing_wait(&self) -> Option<Wait> {
        let state = &self.state;
        let wait = |why: String, since, ends| Some(Wait { why, since, ends, look_at: None });
        if self.phase == Phase::Ended {
            return None;
        }
        if let Some(gate) = &self.gate {
            return wait(gate.why.clone(), gate.since, None);
        }
        let step = state.plan.steps.get(state.step).map(words::step).unwrap_or_default();
        match self.phase {
            Phase::Paused => {
                let by = state.paused_by.as_deref().unwrap_or("someone");
                wait(format!("paused by {}: `promote` goes on", words::clean(by)), self.phase_since, None)
            }
            Phase::AwaitingPromote => wait("`promote` to go on".to_owned(), state.step_since, None),
            Phase::Holding | Phase::Baking => wait(step, state.step_since, self.hold_end()),
            _ => None,
        }
    }

    /// When the hold under way is over.
    fn hold_end(&self) -> Option<Timestamp> {
        let state = &self.state;
        match state.plan.steps.get(state.step)? {
            Step::Hold(hold) | Step::Analysis(hold) | Step::Bake(hold)
                if matches!(self.phase, Phase::Holding | Phase::Baking) =>
            {
                Some(later(state.step_since, *hold))
            }
            _ => None,
        }
    }
}
