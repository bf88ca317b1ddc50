//! The plan's steps with what has become of each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Phase;
use super::words;
use crate::decide::later;
use crate::journal::{Body, Fact, Goal, Record, RunState};
use crate::model::Step;

/// What has become of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Over.
    Done,
    /// Under way.
    Current,
    /// Still to come.
    Pending,
    /// Under way when the run turned back or stopped.
    Stopped,
    /// Never reached, and not to come any more.
    Skipped,
}

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Its number, from 1.
    pub number: usize,
    /// The step in words: `setWeight 10%`, `hold 5m`, `await promote`, `bake 15m`.
    pub label: String,
    /// The step as the plan has it.
    pub step: Step,
    /// What has become of it.
    pub state: StepState,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it was over: read back, waited out, promoted, or given up.
    pub ended_at: Option<Timestamp>,
    /// When it will be over by itself: holds that are under way.
    pub ends: Option<Timestamp>,
    /// Why it is over.
    pub why: Option<String>,
}

/// When steps began and ended, as learnt from the records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StepTimes {
    began: BTreeMap<usize, Timestamp>,
    ended: BTreeMap<usize, (Timestamp, Option<String>)>,
    /// When the run turned back or stopped.
    stopped: Option<Timestamp>,
}

impl StepTimes {
    /// Learns from a record that `state` has folded already.
    pub(super) fn learn(&mut self, record: &Record, state: &RunState, phase: Phase) {
        match &record.body {
            Body::Fact(Fact::StepVerified(step)) => self.end(*step, record.at, None),
            Body::Fact(Fact::StepPassed { step, why }) => self.end(*step, record.at, Some(words::clean(why))),
            _ => {}
        }
        if phase.in_steps() {
            self.began.entry(state.step).or_insert(record.at);
        }
        let over = state.goal != Goal::Promote || state.ending.is_some();
        match over {
            true => _ = self.stopped.get_or_insert(record.at),
            false => self.stopped = None,
        }
    }

    fn end(&mut self, step: usize, at: Timestamp, why: Option<String>) {
        self.ended.insert(step, (at, why));
    }

    pub(super) fn steps(&self, state: &RunState, phase: Phase) -> Vec<StepView> {
        state.plan.steps.iter().enumerate().map(|(index, step)| self.step(state, phase, index, step)).collect()
    }

    fn step(&self, state: &RunState, phase: Phase, index: usize, step: &Step) -> StepView {
        let began_at = self.began.get(&index).copied();
        let ended = self.ended.get(&index);
        let status = match (ended, self.stopped) {
            (Some(_), _) => StepState::Done,
            (None, Some(_)) if began_at.is_some() => StepState::Stopped,
            (None, Some(_)) => StepState::Skipped,
            (None, None) if index == state.step && phase.in_steps() => StepState::Current,
            (None, None) => StepState::Pending,
        };
        let ends = match step {
            Step::Hold(hold) | Step::Analysis(hold) | Step::Bake(hold) if status == StepState::Current => {
                Some(later(state.step_since, *hold))
            }
            _ => None,
        };
        StepView {
            number: index + 1,
            label: words::step(step),
            step: step.clone(),
            state: status,
            began_at,
            ended_at: match status {
                StepState::Stopped => self.stopped,
                _ => ended.map(|(at, _)| *at),
            },
            ends,
            why: ended.and_then(|(_, why)| why.clone()),
        }
    }
}
