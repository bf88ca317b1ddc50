//! Every record as one sentence. All wording about what happened is here.

mod judged;
mod managed;
mod task_sets;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::phase::{Phase, Tone, tone_of};
use super::words;
use crate::decide::elapsed;
use crate::journal::{
    Body, Cause, Ending, Fact, Goal, IntentId, Mutation, Operator, Purpose, Record, Resolution, RunState, Verb,
};
use crate::model::{ByColor, Step, TargetGroupArn, TaskDefinitionArn};
use crate::plan::{Plan, Release};
use crate::ports::{CallError, ServiceChange};

/// What a record says, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened, without a full stop.
    pub text: String,
    /// Why, where a reason is known.
    pub why: Option<String>,
    /// How long it took, where that means something: a call, a step, a rollback.
    pub took: Option<Duration>,
    /// How it is meant.
    pub tone: Tone,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => write!(f, "{}: {why}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Told {
    fn new(tone: Tone, text: impl Into<String>) -> Told {
        Told { text: text.into(), why: None, took: None, tone }
    }

    fn plain(text: impl Into<String>) -> Told {
        Told::new(Tone::Plain, text)
    }

    fn good(text: impl Into<String>) -> Told {
        Told::new(Tone::Good, text)
    }

    fn because(mut self, why: &str) -> Told {
        self.why = Some(words::clean(why)).filter(|why| !why.is_empty());
        self
    }

    fn took(mut self, took: Option<Duration>) -> Told {
        self.took = took;
        self
    }
}

/// Tells records one after another. It remembers the plan, so that groups go by their colours, and the intent under
/// way, so that an outcome says what it is the outcome of.
#[derive(Clone, Debug, Default)]
pub struct Narrator {
    state: Option<RunState>,
    pending: Option<(IntentId, Record)>,
    /// When the first step began, which the folded journal does not keep.
    steps_began: Option<Timestamp>,
}

impl Narrator {
    /// A narrator that has heard nothing yet; it needs to hear record 0 first.
    pub fn new() -> Narrator {
        Narrator::default()
    }

    /// A narrator that has heard these records already, and tells what comes after them.
    pub fn after(records: &[Record]) -> Narrator {
        let mut narrator = Narrator::new();
        for record in records {
            let _ = narrator.tell(record);
        }
        narrator
    }

    /// The record in words; `None` for one that adds nothing to what was told before, such as a write's plain success.
    pub fn tell(&mut self, record: &Record) -> Option<Told> {
        let told = match (&record.body, &self.state) {
            (Body::Started { plan, operator, .. }, _) => Some(started(plan, operator)),
            (_, None) => None,
            (body, Some(state)) => self.tell_later(state, record, body),
        };
        match &record.body {
            Body::Intent { .. } => self.pending = Some((record.seq, record.clone())),
            Body::Outcome { .. } | Body::Resumed { .. } => self.pending = None,
            _ => {}
        }
        match &mut self.state {
            // Gaps are found when the journal is folded; telling goes on as well as it can.
            Some(state) => _ = state.apply(record),
            None => self.state = RunState::fold(std::slice::from_ref(record)).ok(),
        }
        if self.steps_began.is_none() && self.state.as_ref().is_some_and(|state| Phase::of(state).in_steps()) {
            self.steps_began = Some(record.at);
        }
        told
    }

    fn tell_later(&self, state: &RunState, record: &Record, body: &Body) -> Option<Told> {
        match body {
            Body::Started { .. } => None,
            Body::Resumed { operator } => Some(self.resumed(state, operator)),
            Body::Intent { mutation, because } => {
                Some(Told::plain(doing(&state.plan, mutation)).because(&reason(mutation, because)))
            }
            Body::Outcome { intent, resolution } => {
                let (_, pending) = self.pending.as_ref().filter(|(id, _)| id == intent)?;
                let Body::Intent { mutation, .. } = &pending.body else { return None };
                let took = Some(elapsed(pending.at, record.at));
                outcome(&state.plan, mutation, resolution).map(|told| told.took(took))
            }
            Body::Fact(fact @ (Fact::StepVerified(_) | Fact::StepPassed { .. })) => {
                Some(tell_step(state, fact).took(self.step_took(state, record)))
            }
            Body::Fact(fact) if judged::is_judged(fact) => judged::tell(state, fact),
            Body::Fact(fact) => Some(tell_fact(state, record, fact)),
            Body::Finished(ending) => Some(finished(state, record, ending)),
        }
    }

    fn step_took(&self, state: &RunState, record: &Record) -> Option<Duration> {
        let since = self.steps_began?.max(state.step_since);
        Some(elapsed(since, record.at))
    }

    fn resumed(&self, state: &RunState, operator: &Operator) -> Told {
        let told = Told::plain(format!("resumed by {operator}"));
        match (&self.pending, &state.ending) {
            (Some((_, Record { body: Body::Intent { mutation, .. }, .. })), _) => {
                let told = Told { tone: Tone::Warn, ..told };
                told.because(&format!("it is not known whether {}", object(&state.plan, mutation).1))
            }
            (_, Some(ending)) => told.because(&format!("it had ended as {}", ending.terminal)),
            _ => told,
        }
    }
}

fn started(plan: &Plan, operator: &Operator) -> Told {
    let what = match &plan.release {
        Release::Register { family, .. } => format!("a new revision of {family}"),
        Release::Existing(arn) => arn.short().to_owned(),
    };
    Told::plain(format!("run {} begins", plan.run)).because(&format!("{what} on {}, by {operator}", plan.canary()))
}

/// What a mutation does, while it does it.
fn doing(plan: &Plan, mutation: &Mutation) -> String {
    match mutation {
        Mutation::RegisterTaskDefinition => format!("registering a new revision of {}", family(plan)),
        Mutation::UpdateService(change) => {
            format!("asking {}", asked(&plan.baseline.services.get(change.color).name, change))
        }
        Mutation::UpdateControl(change) => format!("asking {}", asked(control(plan), change)),
        Mutation::TaskSet(change) => task_sets::doing(change),
        Mutation::RunHook(index, hook) => {
            // Arguments may carry secrets; the program's name does not.
            let program = hook.argv.first().map_or("", String::as_str);
            format!("running {}, {}", hook_name(plan, *index), words::clean(program))
        }
        Mutation::SetActions { route, actions, purpose } => {
            let (route, weights) = (words::route(route), words::weights(actions, &plan.groups));
            match purpose {
                Purpose::Attach => format!("attaching {route} at {weights}"),
                Purpose::Test => format!("pointing the test at {}: {route} to {weights}", plan.canary()),
                Purpose::Step(_) => format!("setting {route} to {weights}"),
                Purpose::Evict => format!("taking {} out of {route}: {weights}", plan.canary()),
                Purpose::Restore => format!("restoring {route} to {weights}"),
            }
        }
        _ => managed::doing(plan, mutation),
    }
}

/// The decider's reason, where it adds to what `doing` says already.
fn reason(mutation: &Mutation, because: &str) -> String {
    match mutation {
        Mutation::UpdateService(_) | Mutation::UpdateControl(_) | Mutation::RunHook(..) => String::new(),
        _ => because.to_owned(),
    }
}

fn family(plan: &Plan) -> &str {
    match &plan.release {
        Release::Register { family, .. } => family,
        Release::Existing(arn) => arn.family(),
    }
}

/// The name of the control fleet's service.
fn control(plan: &Plan) -> &str {
    plan.control.as_ref().map_or("control", |control| control.service.name.as_str())
}

fn asked(service: &str, change: &ServiceChange) -> String {
    let revision = change.task_definition.as_ref().map(TaskDefinitionArn::short);
    match (change.desired, revision) {
        (Some(count), Some(revision)) => format!("{service} for {} of {revision}", words::count(count, "task")),
        (Some(count), None) => format!("{service} for {}", words::count(count, "task")),
        (None, Some(revision)) => format!("{service} for {revision}"),
        (None, None) => format!("{service} for nothing new"),
    }
}

fn hook_name(plan: &Plan, index: usize) -> String {
    format!("hook {} of {}", index + 1, plan.pre_traffic.len())
}

/// What did not happen, and what may have.
fn object(plan: &Plan, mutation: &Mutation) -> (String, String) {
    let changed = |what: String| (format!("{what} was not changed"), format!("{what} was changed"));
    match mutation {
        Mutation::RegisterTaskDefinition => {
            ("no revision was registered".to_owned(), "a revision was registered".to_owned())
        }
        Mutation::TaskSet(change) => task_sets::object(change),
        Mutation::UpdateService(change) => changed(plan.baseline.services.get(change.color).name.clone()),
        Mutation::UpdateControl(_) => changed(control(plan).to_owned()),
        Mutation::SetActions { route, .. } => changed(words::route(route)),
        Mutation::RunHook(index, _) => {
            let hook = hook_name(plan, *index);
            (format!("{hook} did not run"), format!("{hook} ran to its end"))
        }
        _ => managed::object(plan, mutation),
    }
}

fn outcome(plan: &Plan, mutation: &Mutation, resolution: &Resolution) -> Option<Told> {
    let (not_done, done) = object(plan, mutation);
    let failed = |text: String, error: &CallError| Told::new(Tone::Warn, text).because(&error.to_string());
    Some(match (resolution, mutation) {
        (Resolution::Applied { task_definition: Some(arn) }, _) => Told::plain(format!("registered {}", arn.short())),
        (Resolution::Applied { .. }, Mutation::RunHook(index, _)) => {
            Told::good(format!("{} passed", hook_name(plan, *index)))
        }
        (Resolution::Applied { .. }, _) => return None,
        (Resolution::Started { deployment }, _) => Told::plain(format!("deployment {} began", deployment.short())),
        (Resolution::NotApplied(error), _) => failed(not_done, error),
        (Resolution::Unknown(error), _) => failed(format!("it is not known whether {done}"), error),
        (Resolution::Withheld { why }, _) => {
            Told::new(Tone::Warn, format!("{not_done}, nothing was sent")).because(why)
        }
        (Resolution::HookFailed { output }, Mutation::RunHook(index, _)) => {
            Told::new(Tone::Bad, format!("{} failed", hook_name(plan, *index))).because(last_line(output))
        }
        (Resolution::HookFailed { output }, _) => Told::new(Tone::Bad, "a hook failed").because(last_line(output)),
    })
}

fn last_line(output: &str) -> &str {
    output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

fn tell_fact(state: &RunState, record: &Record, fact: &Fact) -> Told {
    let (canary, groups): (_, &ByColor<TargetGroupArn>) = (state.plan.canary(), &state.plan.groups);
    match fact {
        Fact::GreenAtStart if state.plan.alarms.is_empty() && state.plan.is_judged() => {
            Told::plain("no alarms gate this release: counts do")
        }
        Fact::GreenAtStart if state.plan.alarms.is_empty() => Told::plain("no alarms gate this release"),
        Fact::GreenAtStart => Told::plain("every alarm is acceptable at the start"),
        Fact::Attached if state.plan.control.is_some() => Told::plain("all three groups are attached on every route"),
        Fact::Attached => Told::plain("both groups are attached on every route"),
        Fact::TaskDefinition(arn) => Told::plain(format!("{} was registered after all", arn.short())),
        Fact::CanaryHealthy { healthy } => {
            Told::good(format!("{canary} is healthy: {}", words::count(*healthy, "target")))
        }
        Fact::CanaryUnhealthy { seen } => {
            Told::new(Tone::Warn, format!("{canary} is not healthy any more")).because(seen)
        }
        Fact::ControlHealthy { healthy } => {
            Told::good(format!("control is healthy: {}", words::count(*healthy, "target")))
        }
        Fact::ControlUnhealthy { seen } => Told::new(Tone::Warn, "control is not healthy any more").because(seen),
        Fact::ControlSettled => Told::plain("control is back at its own size"),
        Fact::TestRouteReady => Told::plain(format!("the test route leads to {canary}")),
        Fact::StepVerified(_) | Fact::StepPassed { .. } => tell_step(state, fact),
        Fact::GateClosed { why } | Fact::CountsMissing { why } => {
            Told::new(Tone::Warn, "gate closed, nothing moves forward").because(why)
        }
        Fact::GateOpened => {
            let closed = state.gate.as_ref().map(|gate| elapsed(gate.since, record.at));
            let text = match closed {
                Some(closed) => format!("gate open again after {}", words::brief(closed)),
                None => "gate open again".to_owned(),
            };
            Told::plain(text)
        }
        Fact::Commanded(command) => Told::plain(format!("`{}` from {}", verb(command.verb), words::clean(&command.by))),
        Fact::Drift { route, expected, found } => {
            Told::new(Tone::Bad, format!("{} was changed by someone else", words::route(route)))
                .because(&words::both_sides(expected, found, groups))
        }
        Fact::Restoring(cause) => {
            let tone = if matches!(cause, Cause::Abort(_) | Cause::Interrupt) { Tone::Warn } else { Tone::Bad };
            Told::new(tone, "going back to the baseline").because(&cause.to_string())
        }
        Fact::Evicted => Told::plain(format!("{canary} is out of every sticky action")),
        Fact::TrafficRestored => {
            let took = turned_back(state, record);
            Told::good("the baseline is back on every route, read back").took(took)
        }
        Fact::CapacityRestored => Told::plain(format!("{canary} is back at its own baseline")),
        Fact::Committed => {
            let revision = state.task_definition.as_ref().map_or("the new version", |arn| arn.short());
            Told::good(format!("committed: {revision} has all traffic, read back and healthy"))
        }
        Fact::OldFleetSettled => Told::plain(format!("{} is at its planned size", state.plan.stable())),
        _ => managed::tell_fact(state, record, fact),
    }
}

fn turned_back(state: &RunState, record: &Record) -> Option<Duration> {
    match &state.goal {
        Goal::Restore { since, .. } => Some(elapsed(*since, record.at)),
        Goal::Promote => None,
    }
}

fn tell_step(state: &RunState, fact: &Fact) -> Told {
    let (canary, of) = (state.plan.canary(), state.plan.steps.len());
    let (index, why) = match fact {
        Fact::StepPassed { step, why } => (*step, Some(why)),
        Fact::StepVerified(step) => (*step, None),
        _ => return Told::plain("a step is over"),
    };
    let number = format!("step {} of {of}", index + 1);
    match (state.plan.steps.get(index), why) {
        (_, Some(why)) => Told::plain(format!("{number} is over")).because(why),
        (Some(Step::SetWeight(share)), None) => {
            Told::good(format!("{number}: {canary} has {share}, read back on every route"))
        }
        (Some(Step::SetCanaryScale(share)), None) => Told::good(format!("{number}: {canary} is scaled to {share}")),
        (_, None) => Told::good(format!("{number} is done")),
    }
}

/// A command as a person types it.
fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Promote => "promote",
        Verb::PromoteFull => "promote --full",
        Verb::Pause => "pause",
        Verb::Abort => "abort",
    }
}

fn finished(state: &RunState, record: &Record, ending: &Ending) -> Told {
    let took = elapsed(state.started_at, record.at);
    Told::new(tone_of(ending.terminal), format!("{} after {}", ending.terminal, words::brief(took)))
        .because(&ending.why)
}
