//! The run over time: weights as set and as read back, phases, and what happened in between.

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Look;
use crate::journal::{Body, Cause, Fact, FoldError, Mutation, Purpose, Record, Resolution, RunState};
use crate::model::{Action, Percent, RouteId, Step};
use crate::view::{Narrator, Phase, Tone, tone_of, words};

/// The run over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The canary's share as the plan set it: from the moment when its first write was sent.
    pub set: Vec<Point>,
    /// The canary's share as it was read back, route by route: by records, and by stored looks.
    pub read: Vec<RouteSeries>,
    /// The canary's share of the requests, where looks were stored. Each is of the closed minutes before it.
    pub observed: Vec<Point>,
    /// The phases, one after another.
    pub phases: Vec<Span>,
    /// What happened that a reader looks for, oldest first.
    pub marks: Vec<Mark>,
}

/// A value that holds from a time on, until the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Since when.
    pub at: Timestamp,
    /// A share in parts of a million; `None` where it cannot be told.
    pub ppm: Option<u32>,
}

/// What one route was read back as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSeries {
    /// The route's short name.
    pub route: String,
    /// The canary's share.
    pub points: Vec<Point>,
}

/// A phase while it lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Which.
    pub phase: Phase,
    /// The same in words; a step's own where one was under way.
    pub label: String,
    /// How it is meant.
    pub tone: Tone,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MarkKind {
    /// A person gave an order.
    Person,
    /// Another process took the run up.
    Operator,
    /// An alarm turned the run back.
    Alarm,
    /// A gate closed or opened, or kept a write back.
    Gate,
    /// Someone else changed a route.
    Drift,
    /// A call failed, a hook failed, or the canary became unhealthy.
    Trouble,
    /// The run turned back, for another reason than an alarm.
    Back,
    /// The baseline was read back.
    Restored,
    /// The release was committed.
    Committed,
    /// The run was over.
    End,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The record that tells of it.
    pub seq: u64,
    /// What it is about.
    pub kind: MarkKind,
    /// What happened.
    pub text: String,
    /// Why.
    pub why: Option<String>,
    /// How it is meant.
    pub tone: Tone,
}

/// Everything over time, from the records and the looks that were stored.
pub(super) fn trace(records: &[Record], looks: &[Look]) -> Result<Trace, FoldError> {
    let first = records.first().ok_or(FoldError::NoStart)?;
    let mut state = RunState::fold(std::slice::from_ref(first))?;
    let mut narrator = Narrator::new();
    narrator.tell(first);
    let mut weights = Weights::new(&state);
    let mut phases = vec![span(&state, first.at)];
    let mut marks = Vec::new();
    for record in &records[1..] {
        weights.learn(&state, record);
        state.apply(record)?;
        weights.read_back(&state, record);
        if let (Some(kind), Some(told)) = (kind(&record.body), narrator.tell(record)) {
            let (at, seq) = (record.at, record.seq);
            let (text, why) = (words::clean(&told.text), told.why.as_deref().map(words::clean));
            marks.push(Mark { at, seq, kind, text, why, tone: told.tone });
        }
        let now = span(&state, record.at);
        if let Some(last) = phases.last_mut() {
            last.to = last.to.max(record.at);
            if (last.phase, &last.label) != (now.phase, &now.label) {
                phases.push(now);
            }
        }
    }
    for look in looks {
        weights.looked(look);
    }
    let (set, read, observed) = weights.finish();
    Ok(Trace { set, read, observed, phases, marks })
}

fn span(state: &RunState, at: Timestamp) -> Span {
    let phase = Phase::of(state);
    let (label, tone) = match (&state.ending, state.plan.steps.get(state.step)) {
        (Some(ending), _) => (super::parts::terminal_words(ending.terminal).to_owned(), tone_of(ending.terminal)),
        (None, Some(step)) if phase == Phase::Paused => (format!("paused before {}", words::step(step)), Tone::Warn),
        (None, Some(step)) if phase.in_steps() => (words::step(step), Tone::Plain),
        (None, _) if matches!(phase, Phase::RollingBack | Phase::ScalingBack) => (phase.to_string(), Tone::Bad),
        (None, _) => (phase.to_string(), Tone::Plain),
    };
    Span { phase, label, tone, from: at, to: at }
}

fn kind(body: &Body) -> Option<MarkKind> {
    Some(match body {
        Body::Resumed { .. } => MarkKind::Operator,
        Body::Outcome { resolution, .. } => match resolution {
            Resolution::Withheld { .. } => MarkKind::Gate,
            Resolution::Applied { .. } | Resolution::Started { .. } => return None,
            _ => MarkKind::Trouble,
        },
        Body::Fact(fact) => match fact {
            Fact::GateClosed { .. } | Fact::CountsMissing { .. } | Fact::GateOpened => MarkKind::Gate,
            Fact::Commanded(_) => MarkKind::Person,
            Fact::Drift { .. } | Fact::ContinuedElsewhere { .. } => MarkKind::Drift,
            Fact::CanaryUnhealthy { .. } | Fact::TurnedBack { .. } => MarkKind::Trouble,
            Fact::Restoring(Cause::AlarmRed { .. }) => MarkKind::Alarm,
            Fact::Restoring(_) => MarkKind::Back,
            Fact::TrafficRestored => MarkKind::Restored,
            Fact::Committed => MarkKind::Committed,
            _ => return None,
        },
        Body::Finished(_) => MarkKind::End,
        Body::Started { .. } | Body::Intent { .. } => return None,
    })
}

/// The weights, as they are learnt.
struct Weights {
    set: Vec<Point>,
    read: Vec<(RouteId, Vec<Point>)>,
    observed: Vec<Point>,
}

impl Weights {
    fn new(state: &RunState) -> Weights {
        let at = state.started_at;
        let read = |id: &RouteId| (id.clone(), vec![Point { at, ppm: share(state, id) }]);
        Weights {
            set: vec![Point { at, ppm: Some(0) }],
            read: state.plan.route_ids().map(read).collect(),
            observed: Vec::new(),
        }
    }

    /// What the plan asked for, at the record that first says so.
    fn learn(&mut self, state: &RunState, record: &Record) {
        let asked = match &record.body {
            Body::Intent { mutation: Mutation::SetActions { purpose: Purpose::Step(share), .. }, .. } => *share,
            Body::Intent { mutation: Mutation::Continue { .. }, .. } => match state.plan.steps.get(state.step) {
                Some(Step::SetWeight(share)) => *share,
                _ => return,
            },
            // CodeDeploy sets the later ones without being told.
            Body::Fact(Fact::StepVerified(step)) if state.plan.managed().is_some() => match state.plan.steps.get(*step)
            {
                Some(Step::SetWeight(share)) => *share,
                _ => return,
            },
            Body::Fact(Fact::Restoring(_)) if state.has_written() => Percent::ZERO,
            _ => return,
        };
        let ppm = Some(u32::from(asked.tenths()) * 1000);
        if self.set.last().is_none_or(|last| last.ppm != ppm) {
            self.set.push(Point { at: record.at, ppm });
        }
    }

    fn read_back(&mut self, state: &RunState, record: &Record) {
        let verified = |step: usize| matches!(state.plan.steps.get(step), Some(Step::SetWeight(_)));
        match &record.body {
            Body::Fact(Fact::StepVerified(step)) if !verified(*step) => {}
            Body::Fact(Fact::Attached | Fact::StepVerified(_) | Fact::TrafficRestored | Fact::Committed) => {
                for (id, points) in &mut self.read {
                    points.push(Point { at: record.at, ppm: share(state, id) });
                }
            }
            Body::Fact(Fact::Drift { route, found, .. } | Fact::Shifted { route, found }) => {
                for (_, points) in self.read.iter_mut().filter(|(id, _)| id == route) {
                    points.push(Point { at: record.at, ppm: share_of(state, found) });
                }
            }
            _ => {}
        }
    }

    fn looked(&mut self, look: &Look) {
        self.observed.push(Point { at: look.at, ppm: look.observed });
        for (id, points) in &mut self.read {
            if let Some((_, ppm)) = look.configured.iter().find(|(seen, _)| seen == id) {
                points.push(Point { at: look.at, ppm: *ppm });
            }
        }
    }

    fn finish(self) -> (Vec<Point>, Vec<RouteSeries>, Vec<Point>) {
        let series =
            |(id, points): (RouteId, Vec<Point>)| RouteSeries { route: words::route(&id), points: steps(points) };
        let observed = steps(self.observed);
        let known = observed.iter().any(|point| point.ppm.is_some());
        (self.set, self.read.into_iter().map(series).collect(), if known { observed } else { Vec::new() })
    }
}

/// In order of time; what repeats the value before it is left out, but for the last one, which says until when.
fn steps(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by_key(|point| point.at);
    let last = points.last().copied();
    points.dedup_by_key(|point| point.ppm);
    match last {
        Some(last) if points.last() != Some(&last) => points.push(last),
        _ => {}
    }
    points
}

fn share(state: &RunState, route: &RouteId) -> Option<u32> {
    share_of(state, state.expected_actions(route)?)
}

fn share_of(state: &RunState, actions: &[Action]) -> Option<u32> {
    let split = Action::forward_of(actions)?.split().ok()?;
    Some(split.share_ppm(state.plan.canary_group()))
}
