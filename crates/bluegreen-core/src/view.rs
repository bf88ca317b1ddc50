//! The one fold of events that every renderer and `status` read: what a run does, in words and numbers.
//!
//! Nothing here prints, asks the time or chooses colours.

mod evidence;
mod explain;
mod fold;
mod narrate;
mod next;
mod parts;
mod phase;
mod steps;
mod what_if;
pub mod words;

#[cfg(test)]
#[allow(dead_code, reason = "shared by the tests of several modules")]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use evidence::{AnalysisView, MetricView, verdict_words};
pub use explain::{ExplainLine, explain};
pub use narrate::{Narrator, Told};
pub use next::NextCommand;
pub use parts::{AlarmView, ControlView, DriftView, FleetView, GateView, GoalView, RouteShares, Wait, Warning};
pub use phase::{Phase, Tone, tone_of};
pub use steps::{StepState, StepView};
pub use what_if::{Look as JudgedLook, RejudgeError, Rejudged, WhatIf, WhatIfError, rejudge};

use crate::event::Event;
use crate::journal::{Body, Ending, Fact, FoldError, Goal, Operator, Record, RunState};
use crate::model::{ByColor, Color, Percent, RunId};
use crate::plan::{Plan, Site};
use parts::{control, fleet, headline, release, route_shares, set_share, tone};
use steps::StepTimes;

/// The version of the view's JSON form.
pub const VIEW_VERSION: u32 = 1;

/// So many warnings are kept.
const WARNINGS_MAX: usize = 5;

/// A run as it stands: all that a renderer shows.
///
/// Made from a journal alone it knows what was written and decided; with the events of a living operator also what
/// was seen. `looked_at` says which.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// [`VIEW_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: RunId,
    /// Account, region, cluster and service.
    pub site: Site,
    /// The plan's hash, whole.
    pub plan_hash: String,
    /// What is released: `family:revision`, or `a new revision of FAMILY` until it is registered.
    pub release: String,
    /// The fleet that serves the old version.
    pub stable: Color,
    /// The fleet that gets the new one.
    pub canary: Color,
    /// When the run began.
    pub started_at: Timestamp,
    /// The time of the newest record or event.
    pub updated_at: Timestamp,
    /// Who works on it, or did last.
    pub operator: Operator,
    /// Since when.
    pub operator_since: Timestamp,
    /// Whether that process is there right now; `None` where nobody has looked.
    pub operator_alive: Option<bool>,
    /// Where the run wants to get.
    pub goal: GoalView,
    /// Where it is.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Timestamp,
    /// The same in a line: `Holding, step 2 of 6 (hold 5m)`.
    pub headline: String,
    /// How the headline is meant.
    pub tone: Tone,
    /// The plan's steps.
    pub steps: Vec<StepView>,
    /// The canary's share by the plan at this point.
    pub set: Percent,
    /// The canary's share of the requests in the newest closed minutes, in parts of a million.
    pub observed: Option<u32>,
    /// The production routes, in the plan's order.
    pub routes: Vec<RouteShares>,
    /// The two fleets.
    pub fleets: ByColor<FleetView>,
    /// The control fleet, where the plan has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlView>,
    /// When the world was last looked at.
    pub looked_at: Option<Timestamp>,
    /// The alarms that gate the run, in the plan's order.
    pub alarms: Vec<AlarmView>,
    /// What the judge knows, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisView>,
    /// What the run waits for, while it does.
    pub wait: Option<Wait>,
    /// The gate that keeps it where it is, while one does.
    pub gate: Option<GateView>,
    /// Routes that someone else changed, oldest first, with both sides.
    pub drift: Vec<DriftView>,
    /// Who paused it, until it is promoted.
    pub paused_by: Option<String>,
    /// The call that failed last, until one like it succeeds.
    pub failure: Option<String>,
    /// The newest warnings, oldest first, at most five.
    pub warnings: Vec<Warning>,
    /// How it ended, once it has.
    pub outcome: Option<Ending>,
    /// The commands that make sense now, the most likely one first.
    pub next: Vec<NextCommand>,
    #[serde(skip)]
    state: RunState,
    #[serde(skip)]
    times: StepTimes,
    /// The wait that the loop last told of; only good until the next record.
    #[serde(skip)]
    told_wait: Option<Wait>,
}

impl RunView {
    /// The view of a whole journal, with nothing seen of the world.
    pub fn from_records(records: &[Record]) -> Result<RunView, FoldError> {
        let (first, rest) = records.split_first().ok_or(FoldError::NoStart)?;
        let mut view = RunView::begin(first)?;
        for record in rest {
            view.record(record)?;
        }
        Ok(view)
    }

    /// Adds one event to a view that may not exist yet: record 0 makes it, and what comes before that is passed over.
    ///
    /// Whoever follows a resumed run begins with [`RunView::from_records`] instead.
    pub fn follow(view: &mut Option<RunView>, event: &Event) -> Result<(), FoldError> {
        match (view.as_mut(), event) {
            (Some(view), event) => view.apply(event),
            (None, Event::Recorded(record)) => {
                *view = Some(RunView::begin(record)?);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// Adds one event. A record that is known already changes nothing; one that leaves a gap is an error.
    pub fn apply(&mut self, event: &Event) -> Result<(), FoldError> {
        match event {
            Event::Recorded(record) => return self.record(record),
            Event::Looked(look) => self.looked(look),
            Event::Waiting { at, until, why } => self.waiting(*at, *until, why),
            Event::ReadFailed { at, error } => self.warn(*at, &format!("a read failed: {error}")),
            Event::Warning { at, text } => self.warn(*at, text),
        }
        Ok(())
    }

    /// How the run ended, once it has.
    pub fn outcome(&self) -> Option<&Ending> {
        self.outcome.as_ref()
    }

    /// The folded journal that the view shows.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.state.plan
    }

    /// The step under way, while one is.
    pub fn current_step(&self) -> Option<&StepView> {
        self.steps.iter().find(|step| step.state == StepState::Current)
    }

    fn begin(first: &Record) -> Result<RunView, FoldError> {
        let state = RunState::fold(std::slice::from_ref(first))?;
        let plan = state.plan.clone();
        let Body::Started { hash, .. } = &first.body else { return Err(FoldError::NoStart) };
        let alarm = |name: String| AlarmView { name, state: None, seen_at: None };
        let mut view = RunView {
            version: VIEW_VERSION,
            run: plan.run.clone(),
            site: plan.site.clone(),
            plan_hash: hash.clone(),
            release: String::new(),
            stable: plan.stable(),
            canary: plan.canary(),
            started_at: first.at,
            updated_at: first.at,
            operator: state.operator.clone(),
            operator_since: first.at,
            operator_alive: None,
            goal: GoalView::Promote,
            phase: Phase::of(&state),
            phase_since: first.at,
            headline: String::new(),
            tone: Tone::Plain,
            steps: Vec::new(),
            set: Percent::ZERO,
            observed: None,
            routes: plan.route_ids().map(|id| route_shares(&state, id)).collect(),
            fleets: ByColor { blue: fleet(&state, Color::Blue), green: fleet(&state, Color::Green) },
            control: control(&state),
            looked_at: None,
            alarms: plan.alarm_names().into_iter().map(alarm).collect(),
            analysis: AnalysisView::of(&state),
            wait: None,
            gate: None,
            drift: Vec::new(),
            paused_by: None,
            failure: None,
            warnings: Vec::new(),
            outcome: None,
            next: Vec::new(),
            times: StepTimes::default(),
            told_wait: None,
            state,
        };
        view.derive();
        Ok(view)
    }

    fn record(&mut self, record: &Record) -> Result<(), FoldError> {
        if record.seq < self.state.next_seq {
            return Ok(());
        }
        self.state.apply(record)?;
        self.updated_at = self.updated_at.max(record.at);
        self.told_wait = None;
        let phase = Phase::of(&self.state);
        if phase != self.phase {
            (self.phase, self.phase_since) = (phase, record.at);
        }
        self.times.learn(record, &self.state, phase);
        if let Body::Fact(Fact::Drift { route, expected, found }) = &record.body {
            let groups = &self.state.plan.groups;
            self.drift.push(DriftView {
                at: record.at,
                route: words::route(route),
                arn: route.arn().to_owned(),
                expected: words::weights(expected, groups),
                found: words::weights(found, groups),
                both: words::both_sides(expected, found, groups),
            });
        }
        self.derive();
        Ok(())
    }

    /// Everything that follows from the folded journal.
    fn derive(&mut self) {
        let state = &self.state;
        self.release = release(state);
        self.operator = state.operator.clone();
        self.operator_since = state.operator_since;
        self.goal = match &state.goal {
            Goal::Promote => GoalView::Promote,
            Goal::Restore { cause, since } => {
                GoalView::Restore { cause: words::clean(&cause.to_string()), since: *since }
            }
        };
        self.steps = self.times.steps(state, self.phase);
        self.set = set_share(state);
        for route in &mut self.routes {
            let configured_ppm = route.configured_ppm;
            *route = RouteShares { configured_ppm, ..route_shares(state, &route.route) };
        }
        let fleets = ByColor { blue: fleet(state, Color::Blue), green: fleet(state, Color::Green) };
        for (fleet, told) in [(&mut self.fleets.blue, fleets.blue), (&mut self.fleets.green, fleets.green)] {
            fleet.task_definition = told.task_definition;
            if self.looked_at.is_none() {
                fleet.desired = told.desired;
            }
        }
        if let (Some(view), Some(told)) = (&mut self.control, control(state)) {
            view.learn(told, self.looked_at.is_some());
        }
        self.gate = state.gate.as_ref().map(|gate| GateView { why: words::clean(&gate.why), since: gate.since });
        self.paused_by = state.paused_by.as_deref().map(words::clean);
        self.failure = state.failure.as_ref().map(|failure| words::clean(&failure.error.to_string()));
        self.outcome = state.ending.as_ref().map(|end| Ending { terminal: end.terminal, why: words::clean(&end.why) });
        self.analysis = AnalysisView::of(state);
        self.headline = headline(state, self.phase, self.steps.len());
        self.tone = tone(state, self.phase);
        self.wait = self.told_wait.clone().or_else(|| self.standing_wait());
        self.next = next::next_commands(&self.state, self.phase, self.operator_alive);
    }

    /// How long the run has taken, or took, at `now`.
    pub fn age(&self, now: Timestamp) -> Duration {
        let end = if self.outcome.is_some() { self.state.last_at } else { now };
        crate::decide::elapsed(self.started_at, end)
    }
}
