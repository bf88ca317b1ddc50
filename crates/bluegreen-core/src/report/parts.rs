//! The parts of a report that follow from the folded run: outcome, people, what was released, steps, and what is not
//! known.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::AlarmReport;
use crate::event::Look;
use crate::journal::{Body, Cause, Fact, Goal, Record, RunState, Terminal};
use crate::model::{Color, Role, Step, duration};
use crate::plan::{Release, ServiceBaseline, Site};
use crate::view::{ExplainLine, FleetView, RunView, StepState, StepView, Tone, explain, words};

/// How a run ended, or where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeReport {
    /// How it ended; `None` while it is not over.
    pub terminal: Option<Terminal>,
    /// The same in words a person says: `Rolled back`.
    pub words: String,
    /// Why, or where the run stands.
    pub why: String,
    /// How it is meant.
    pub tone: Tone,
    /// Why the run turned back, where it did.
    pub cause: Option<String>,
}

/// One operator's time with the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shift {
    /// Who: `ann@desk (pid 4711)`.
    pub who: String,
    /// The version of the library that worked.
    pub version: String,
    /// From when.
    pub from: Timestamp,
}

/// What was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The revision that served before: `family:revision`.
    pub old: String,
    /// The revision that was released, or that one was to be registered.
    pub new: String,
    /// The images of the new revision, container by container; empty for a revision that existed already.
    pub images: Vec<ImageReport>,
}

/// The image of one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReport {
    /// The container.
    pub container: String,
    /// Its image.
    pub image: String,
}

/// One fleet before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetReport {
    /// Its part in this run.
    pub role: Role,
    /// The ECS service.
    pub service: String,
    /// The target group.
    pub target_group: String,
    /// Its revision when the baseline was captured.
    pub task_definition_before: String,
    /// Tasks asked for then.
    pub desired_before: u32,
    /// The revision that it was last told to run.
    pub task_definition_after: String,
    /// Tasks asked for by this run last, or as before.
    pub desired_after: u32,
}

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// What became of it, when, and why it was over.
    #[serde(flatten)]
    pub step: StepView,
    /// What it waits for.
    pub awaits: String,
    /// Gates that kept the run in it, each with when it closed and why.
    pub gates: Vec<(Timestamp, String)>,
}

/// Something that cannot be told from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// What it is about.
    pub about: About,
    /// What is not known, and where one could look.
    pub text: String,
}

/// What an unknown is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum About {
    /// The share of requests that the canary really got.
    Observed,
    /// The states of alarms over time.
    Alarms,
    /// When an alarm turned red.
    Red,
    /// The images of a revision.
    Images,
    /// Requests and failures.
    Requests,
    /// What the world is like now.
    Now,
}

pub(super) fn site(site: &Site) -> Site {
    Site {
        account: words::clean(&site.account),
        region: words::clean(&site.region),
        cluster: words::clean(&site.cluster),
        service: words::clean(&site.service),
        environment: words::clean(&site.environment),
    }
}

/// An ending as a person says it.
pub(super) fn terminal_words(terminal: Terminal) -> &'static str {
    match terminal {
        Terminal::Promoted => "Promoted",
        Terminal::RolledBack => "Rolled back",
        Terminal::Aborted => "Aborted",
        Terminal::Refused => "Refused",
        Terminal::Held => "Held",
        Terminal::RollbackFailed => "Rollback failed",
    }
}

pub(super) fn outcome(view: &RunView) -> OutcomeReport {
    let cause = match &view.state().goal {
        Goal::Restore { cause, .. } => Some(words::clean(&cause.to_string())),
        Goal::Promote => None,
    };
    match view.outcome() {
        Some(ending) => OutcomeReport {
            terminal: Some(ending.terminal),
            words: terminal_words(ending.terminal).to_owned(),
            why: ending.why.clone(),
            tone: view.tone,
            cause,
        },
        None => OutcomeReport {
            terminal: None,
            words: "Not over".to_owned(),
            why: view.headline.clone(),
            tone: view.tone,
            cause,
        },
    }
}

pub(super) fn operators(records: &[Record]) -> Vec<Shift> {
    let shift = |record: &Record| match &record.body {
        Body::Started { operator, .. } | Body::Resumed { operator } => Some(Shift {
            who: words::clean(&operator.to_string()),
            version: words::clean(&operator.version),
            from: record.at,
        }),
        _ => None,
    };
    records.iter().filter_map(shift).collect()
}

pub(super) fn change(view: &RunView) -> Change {
    let plan = view.plan();
    let images = match &plan.release {
        Release::Existing(_) => Vec::new(),
        Release::Register { document, .. } => images(document),
    };
    Change {
        old: words::clean(plan.stable_baseline().task_definition.short()),
        new: words::clean(&view.release),
        images,
    }
}

/// Names and images alone: nothing else of a task definition is free of secrets by its nature.
fn images(document: &Value) -> Vec<ImageReport> {
    let text = |container: &Value, field: &str| words::clean(container[field].as_str().unwrap_or_default());
    let one = |container: &Value| ImageReport { container: text(container, "name"), image: text(container, "image") };
    let containers = document["containerDefinitions"].as_array().into_iter().flatten();
    containers.map(one).filter(|known| !known.image.is_empty()).collect()
}

pub(super) fn fleet(view: &RunView, color: Color) -> FleetReport {
    before_and_after(view.fleets.get(color), view.plan().baseline.services.get(color))
}

pub(super) fn control(view: &RunView) -> Option<FleetReport> {
    let before = &view.plan().control.as_ref()?.service;
    Some(before_and_after(&view.control.as_ref()?.fleet, before))
}

fn before_and_after(fleet: &FleetView, before: &ServiceBaseline) -> FleetReport {
    FleetReport {
        role: fleet.role,
        service: words::clean(&fleet.service),
        target_group: words::clean(&fleet.target_group),
        task_definition_before: words::clean(before.task_definition.short()),
        desired_before: before.desired,
        task_definition_after: words::clean(&fleet.task_definition),
        desired_after: fleet.desired,
    }
}

/// The history, with names of things that AWS would not have taken cleaned too: a journal is a file like any other.
pub(super) fn history(records: &[Record]) -> Vec<ExplainLine> {
    let cleaned = |line: ExplainLine| ExplainLine {
        text: words::clean(&line.text),
        why: line.why.as_deref().map(words::clean),
        ..line
    };
    explain(records).into_iter().map(cleaned).collect()
}

pub(super) fn steps(view: &RunView, records: &[Record]) -> Vec<StepReport> {
    let routes = u32::try_from(view.plan().baseline.routes.len()).unwrap_or(u32::MAX);
    let alarms = u32::try_from(view.plan().alarms.len()).unwrap_or(u32::MAX);
    let one = |step: &StepView| {
        let mut step = step.clone();
        let gates = closed_gates(&step, records);
        if step.why.is_none() {
            step.why = ending_of(&step, view);
        }
        StepReport { awaits: awaits(&step.step, routes, alarms), gates, step }
    };
    view.steps.iter().map(one).collect()
}

fn awaits(step: &Step, routes: u32, alarms: u32) -> String {
    let watch = match alarms {
        0 => "with no alarm to watch".to_owned(),
        _ => format!("with {} green", words::count(alarms, "alarm")),
    };
    match step {
        Step::SetWeight(share) => format!("{share} read back on {}", words::count(routes, "route")),
        Step::SetCanaryScale(share) => format!("the canary at {share} of the stable fleet, healthy"),
        Step::Hold(hold) => format!("{} {watch}", duration::format(*hold)),
        Step::Analysis(hold) => format!("a verdict on {} of counts {watch}", duration::format(*hold)),
        Step::AwaitPromote => "a person: `bluegreen promote`".to_owned(),
        Step::Bake(hold) => format!("{} at 100% {watch}", duration::format(*hold)),
    }
}

fn ending_of(step: &StepView, view: &RunView) -> Option<String> {
    let turned = || match (&view.state().goal, view.outcome()) {
        (Goal::Restore { cause, .. }, _) => format!("the run turned back: {}", words::clean(&cause.to_string())),
        (Goal::Promote, Some(ending)) => ending.why.clone(),
        (Goal::Promote, None) => String::new(),
    };
    match (step.state, &step.step) {
        (StepState::Done, Step::SetWeight(_)) => Some("read back on every route".to_owned()),
        (StepState::Done, Step::SetCanaryScale(_)) => Some("the fleet was seen at that size".to_owned()),
        (StepState::Stopped, _) => Some(turned()).filter(|why| !why.is_empty()),
        (StepState::Skipped, _) => Some("never reached".to_owned()),
        _ => None,
    }
}

fn closed_gates(step: &StepView, records: &[Record]) -> Vec<(Timestamp, String)> {
    let Some(from) = step.began_at else { return Vec::new() };
    let until = step.ended_at.unwrap_or(Timestamp::MAX);
    let gate = |record: &Record| match &record.body {
        Body::Fact(Fact::GateClosed { why } | Fact::CountsMissing { why }) if (from..=until).contains(&record.at) => {
            Some((record.at, words::clean(why)))
        }
        _ => None,
    };
    records.iter().filter_map(gate).collect()
}

pub(super) fn unknown(state: &RunState, looks: &[Look], alarms: &[AlarmReport]) -> Vec<Unknown> {
    let mut unknown = Vec::new();
    let mut say = |about, text: &str| unknown.push(Unknown { about, text: text.to_owned() });
    if state.has_written() && !looks.iter().any(|look| look.observed.is_some()) {
        let why = if looks.is_empty() { "no looks are stored beside the journal" } else { "no stored look had it" };
        say(About::Observed, &format!("which share of the requests each version really got: {why}"));
    }
    if !alarms.is_empty() && !looks.iter().any(|look| !look.alarms.is_empty()) {
        say(About::Alarms, "the alarms' states between the records: no stored look has them");
    }
    let by_alarm = matches!(&state.goal, Goal::Restore { cause: Cause::AlarmRed { .. }, .. });
    if by_alarm && !alarms.iter().any(|alarm| alarm.turned_back_at.is_some() && alarm.red_at < alarm.turned_back_at) {
        let text = "when the alarm itself turned red: the run turned back with the first look that showed it; \
                    CloudWatch's history of the alarm has the moment";
        say(About::Red, text);
    }
    match &state.plan.release {
        Release::Register { .. } => {
            say(About::Images, "the images of the revision before: the journal keeps its name alone");
        }
        Release::Existing(_) => {
            say(About::Images, "the images of both revisions: the journal keeps their names alone");
        }
    }
    say(About::Requests, "how many requests were answered and failed: the journal counts none, CloudWatch does");
    say(About::Now, "how things are now: nothing was asked of AWS for this page");
    unknown
}
