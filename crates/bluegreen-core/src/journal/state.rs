//! The fold: all records of a run as one value. The same records always give the same state.

mod expect;
mod gate;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use gate::{ClosedGate, Gatekeeper};

use super::{
    Body, Cause, Command, ControlRun, Ending, Fact, IntentId, JudgedRun, ManagedRun, Mutation, Operator, Record,
    Resolution, TaskSetChange, Terminal, Verb,
};
use crate::model::{Action, Color, RouteId, TaskDefinitionArn};
use crate::plan::{Plan, Release};
use crate::ports::{CallError, ServiceChange};

/// Where a run wants to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To the new version at 100 %.
    Promote,
    /// Back to the captured baseline. Never flipped back.
    Restore {
        /// Why.
        cause: Cause,
        /// Since when.
        since: Timestamp,
    },
}

/// How far a write is known to have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// AWS said yes.
    Applied,
    /// The process died, or AWS did not answer: it may have taken effect, or may still.
    Doubtful,
}

/// One write to a route or service that may have taken effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write<T> {
    /// The intent.
    pub intent: IntentId,
    /// When it was last known to be under way: the outcome's time, else the intent's.
    pub at: Timestamp,
    /// What was written.
    pub value: T,
    /// How sure that is.
    pub certainty: Certainty,
}

/// An intent whose outcome is not recorded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pending {
    id: IntentId,
    at: Timestamp,
    mutation: Mutation,
}

/// A mutation that failed last, until the same kind succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// What was tried.
    pub mutation: Mutation,
    /// What AWS said.
    pub error: CallError,
    /// Whether it may have taken effect all the same.
    pub doubtful: bool,
}

/// All records of a run, folded.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The sequence number of the next record.
    pub next_seq: u64,
    /// When the run began.
    pub started_at: Timestamp,
    /// The newest record's time.
    pub last_at: Timestamp,
    /// Who works on it, or did last.
    pub operator: Operator,
    /// Since when that operator does.
    pub operator_since: Timestamp,
    /// Where the run wants to get.
    pub goal: Goal,
    /// When the run last got on: what phase deadlines count from.
    pub progress_at: Timestamp,
    /// Whether the alarms were seen acceptable before the first write.
    pub green_at_start: bool,
    /// Whether both groups were seen attached everywhere.
    pub attached: bool,
    /// The revision to release, once it exists.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Since when the canary fleet has been seen complete and healthy.
    pub canary_healthy_since: Option<Timestamp>,
    /// Since when it no longer has been, after it had.
    pub canary_unhealthy_since: Option<Timestamp>,
    /// Whether the test route was seen on the canary.
    pub test_route_ready: bool,
    /// How many hooks have passed.
    pub hooks_passed: usize,
    /// What the hook that failed printed.
    pub hook_failed: Option<String>,
    /// The index of the step under way.
    pub step: usize,
    /// Since when it is under way.
    pub step_since: Timestamp,
    /// The gate that keeps the run where it is, if one does.
    pub gate: Option<ClosedGate>,
    /// Who paused the run, until it is promoted.
    pub paused_by: Option<String>,
    /// Who promoted the step under way.
    pub promoted_by: Option<String>,
    /// Who skipped all remaining pauses and holds.
    pub full_by: Option<String>,
    /// When that was taken last.
    pub full_at: Option<Timestamp>,
    /// Who aborted.
    pub aborted_by: Option<String>,
    /// The ids of the commands that were taken.
    pub taken: BTreeSet<String>,
    /// Routes found as nobody in this run left them, oldest first.
    pub drift: Vec<(RouteId, Vec<Action>)>,
    /// When the canary group was seen out of every sticky action.
    pub evicted_at: Option<Timestamp>,
    /// When the baseline was read back on every route.
    pub traffic_restored_at: Option<Timestamp>,
    /// Whether the canary fleet was seen at its baseline.
    pub capacity_restored: bool,
    /// When success was read back.
    pub committed_at: Option<Timestamp>,
    /// Whether the old fleet was seen at its planned size.
    pub old_fleet_settled: bool,
    /// The deployments that AWS carries out for this run.
    pub managed: ManagedRun,
    /// The control fleet, where the plan has one.
    pub control: ControlRun,
    /// What was counted, and what the judge made of it.
    pub judged: JudgedRun,
    /// The mutation that failed last.
    pub failure: Option<Failure>,
    /// How the run ended.
    pub ending: Option<Ending>,
    routes: BTreeMap<RouteId, Vec<Write<Vec<Action>>>>,
    services: BTreeMap<Color, Vec<Write<ServiceChange>>>,
    sets: Vec<Write<TaskSetChange>>,
    registrations: Vec<Write<()>>,
    pending: Option<Pending>,
}

/// Why records cannot be folded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There is no record 0, or it is not the start.
    #[error("the journal does not begin with a `started` record")]
    NoStart,
    /// The plan in record 0 is not the one that was hashed.
    #[error("the plan in record 0 does not match its hash: the journal was changed by hand or is damaged")]
    Tampered,
    /// A sequence number is missing.
    #[error("record {expected} is missing: found {found} in its place")]
    Gap {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
}

impl RunState {
    /// Folds a whole journal.
    pub fn fold(records: &[Record]) -> Result<RunState, FoldError> {
        let (first, rest) = records.split_first().ok_or(FoldError::NoStart)?;
        let mut state = RunState::start(first)?;
        for record in rest {
            state.apply(record)?;
        }
        Ok(state)
    }

    fn start(record: &Record) -> Result<RunState, FoldError> {
        let Body::Started { plan, hash, operator } = &record.body else { return Err(FoldError::NoStart) };
        if plan.hash() != *hash {
            return Err(FoldError::Tampered);
        }
        let task_definition = match &plan.release {
            Release::Existing(arn) => Some(arn.clone()),
            Release::Register { .. } => None,
        };
        Ok(RunState {
            plan: Arc::new((**plan).clone()),
            next_seq: record.seq + 1,
            started_at: record.at,
            last_at: record.at,
            operator: operator.clone(),
            operator_since: record.at,
            goal: Goal::Promote,
            progress_at: record.at,
            green_at_start: false,
            attached: false,
            task_definition,
            canary_healthy_since: None,
            canary_unhealthy_since: None,
            test_route_ready: false,
            hooks_passed: 0,
            hook_failed: None,
            step: 0,
            step_since: record.at,
            gate: None,
            paused_by: None,
            promoted_by: None,
            full_by: None,
            full_at: None,
            aborted_by: None,
            taken: BTreeSet::new(),
            drift: Vec::new(),
            evicted_at: None,
            traffic_restored_at: None,
            capacity_restored: false,
            committed_at: None,
            old_fleet_settled: false,
            managed: ManagedRun::default(),
            control: ControlRun::default(),
            judged: JudgedRun::default(),
            failure: None,
            ending: None,
            routes: BTreeMap::new(),
            services: BTreeMap::new(),
            sets: Vec::new(),
            registrations: Vec::new(),
            pending: None,
        })
    }

    /// Adds one record.
    pub fn apply(&mut self, record: &Record) -> Result<(), FoldError> {
        if record.seq != self.next_seq {
            return Err(FoldError::Gap { expected: self.next_seq, found: record.seq });
        }
        self.next_seq += 1;
        self.last_at = record.at;
        match &record.body {
            Body::Started { .. } => return Err(FoldError::NoStart),
            Body::Resumed { operator } => self.resume(operator, record.at),
            Body::Intent { mutation, .. } => self.intend(record.seq, record.at, mutation),
            Body::Outcome { intent, resolution } => self.resolve(*intent, record.at, resolution),
            Body::Fact(fact) => self.learn(fact, record.at),
            Body::Finished(ending) => self.ending = Some(ending.clone()),
        }
        Ok(())
    }

    fn resume(&mut self, operator: &Operator, at: Timestamp) {
        self.operator = operator.clone();
        self.operator_since = at;
        self.progress_at = at;
        if let Some(gate) = &mut self.gate {
            gate.since = at;
        }
        // A rollback that failed may be tried again; nothing else re-opens by itself.
        if self.ending.as_ref().is_some_and(|ending| ending.terminal == Terminal::RollbackFailed) {
            self.ending = None;
            // Whoever wrote against it may have stopped: what they wrote before is not held against the new try.
            self.drift.clear();
        }
    }

    /// Written before the send: from here on the write may have taken effect.
    fn intend(&mut self, id: IntentId, at: Timestamp, mutation: &Mutation) {
        self.pending = Some(Pending { id, at, mutation: mutation.clone() });
        let certainty = Certainty::Doubtful;
        match mutation {
            Mutation::SetActions { route, actions, .. } => {
                let write = Write { intent: id, at, value: actions.clone(), certainty };
                self.routes.entry(route.clone()).or_default().push(write);
            }
            Mutation::UpdateService(change) => {
                let write = Write { intent: id, at, value: change.clone(), certainty };
                self.services.entry(change.color).or_default().push(write);
            }
            Mutation::TaskSet(change) => {
                // What it makes of its fleet is remembered as for a service: the phases know nothing of sets.
                if let Some(fleet) = change.fleet() {
                    let write = Write { intent: id, at, value: fleet.clone(), certainty };
                    self.services.entry(fleet.color).or_default().push(write);
                }
                self.sets.push(Write { intent: id, at, value: change.clone(), certainty });
            }
            Mutation::RegisterTaskDefinition => {
                self.registrations.push(Write { intent: id, at, value: (), certainty });
            }
            Mutation::UpdateControl(_) => self.control.intend(id, at, mutation),
            _ => self.managed.intend(id, at, self.step, mutation),
        }
    }

    fn resolve(&mut self, id: IntentId, at: Timestamp, resolution: &Resolution) {
        let Some(pending) = self.pending.take().filter(|pending| pending.id == id) else { return };
        let failed = |error: &CallError, doubtful| Failure {
            at,
            mutation: pending.mutation.clone(),
            error: error.clone(),
            doubtful,
        };
        match resolution {
            Resolution::Applied { task_definition } => {
                self.confirm(id, at);
                self.managed.applied(&pending.mutation);
                if let Mutation::RunHook(index, _) = pending.mutation {
                    self.hooks_passed = index + 1;
                    self.progress_at = at;
                }
                if let Some(arn) = task_definition {
                    self.task_definition = Some(arn.clone());
                    self.progress_at = at;
                }
            }
            Resolution::Started { deployment } => {
                self.confirm(id, at);
                self.managed.deployment = Some(deployment.clone());
                self.progress_at = at;
            }
            Resolution::NotApplied(error) => {
                self.retract(id);
                self.failure = Some(failed(error, false));
            }
            Resolution::Unknown(error) => {
                self.touch(id, at);
                self.failure = Some(failed(error, true));
            }
            Resolution::Withheld { .. } => self.retract(id),
            Resolution::HookFailed { output } => self.hook_failed = Some(output.clone()),
        }
    }

    fn each_write(&mut self, id: IntentId, mut f: impl FnMut(&mut Timestamp, &mut Certainty)) {
        let routes =
            self.routes.values_mut().flatten().filter(|w| w.intent == id).map(|w| (&mut w.at, &mut w.certainty));
        let services =
            self.services.values_mut().flatten().filter(|w| w.intent == id).map(|w| (&mut w.at, &mut w.certainty));
        let sets = self.sets.iter_mut().filter(|w| w.intent == id).map(|w| (&mut w.at, &mut w.certainty));
        let registrations =
            self.registrations.iter_mut().filter(|w| w.intent == id).map(|w| (&mut w.at, &mut w.certainty));
        routes.chain(services).chain(sets).chain(registrations).for_each(|(at, certainty)| f(at, certainty));
        self.control.each_write(id, &mut f);
        self.managed.each_write(id, f);
    }

    fn confirm(&mut self, id: IntentId, now: Timestamp) {
        self.failure = None;
        self.each_write(id, |at, certainty| (*at, *certainty) = (now, Certainty::Applied));
    }

    fn touch(&mut self, id: IntentId, now: Timestamp) {
        self.each_write(id, |at, _| *at = now);
    }

    fn retract(&mut self, id: IntentId) {
        self.routes.values_mut().for_each(|writes| writes.retain(|write| write.intent != id));
        self.services.values_mut().for_each(|writes| writes.retain(|write| write.intent != id));
        self.sets.retain(|write| write.intent != id);
        self.registrations.retain(|write| write.intent != id);
        self.control.retract(id);
        self.managed.retract(id);
    }

    fn learn(&mut self, fact: &Fact, at: Timestamp) {
        let progress = !matches!(
            fact,
            Fact::GateClosed { .. }
                | Fact::CountsMissing { .. }
                | Fact::GateOpened
                | Fact::CanaryHealthy { .. }
                | Fact::CanaryUnhealthy { .. }
                | Fact::ControlHealthy { .. }
                | Fact::ControlUnhealthy { .. }
                | Fact::Drift { .. }
                | Fact::Waits { .. }
                | Fact::Minutes { .. }
                | Fact::Judged { .. }
        );
        if progress {
            self.progress_at = at;
        }
        match fact {
            Fact::GreenAtStart => self.green_at_start = true,
            Fact::Attached => self.attached = true,
            Fact::TaskDefinition(arn) => self.task_definition = Some(arn.clone()),
            Fact::CanaryHealthy { .. } => {
                (self.canary_healthy_since, self.canary_unhealthy_since) = (Some(at), None);
            }
            Fact::CanaryUnhealthy { .. } => {
                self.canary_healthy_since = None;
                self.canary_unhealthy_since = self.canary_unhealthy_since.or(Some(at));
            }
            Fact::TestRouteReady => self.test_route_ready = true,
            Fact::StepVerified(step) | Fact::StepPassed { step, .. } => {
                self.step = step + 1;
                self.step_since = at;
                self.promoted_by = None;
            }
            Fact::GateClosed { why } => self.close_gate(Gatekeeper::Alarms, why, at),
            Fact::CountsMissing { why } => self.close_gate(Gatekeeper::Metrics, why, at),
            Fact::GateOpened => self.open_gate(at),
            Fact::Commanded(command) => self.obey(command, at),
            Fact::Drift { route, found, .. } => self.drift.push((route.clone(), found.clone())),
            Fact::Restoring(cause) => {
                self.goal = Goal::Restore { cause: cause.clone(), since: at };
                self.gate = None;
                self.failure = None;
            }
            Fact::Evicted => self.evicted_at = Some(at),
            Fact::TrafficRestored => self.traffic_restored_at = Some(at),
            Fact::CapacityRestored => self.capacity_restored = true,
            Fact::Committed => self.committed_at = Some(at),
            Fact::OldFleetSettled => self.old_fleet_settled = true,
            Fact::ControlHealthy { .. } | Fact::ControlUnhealthy { .. } | Fact::ControlSettled => {
                self.control.learn(fact, at);
            }
            _ => {
                if ManagedRun::settles(fact) {
                    self.failure = None;
                }
                self.managed.learn(self.next_seq - 1, fact, at);
            }
        }
        if self.plan.analysis.is_some() {
            let weighted = crate::decide::first_weight_step(&self.plan);
            self.judged.learn(fact, at, weighted, self.canary_healthy_since.is_some());
        }
    }

    fn obey(&mut self, command: &Command, at: Timestamp) {
        self.taken.insert(command.id.clone());
        let by = command.by.clone();
        match command.verb {
            Verb::Promote => {
                self.paused_by = None;
                self.promoted_by = Some(by);
            }
            Verb::PromoteFull => {
                self.paused_by = None;
                (self.full_by, self.full_at) = (Some(by), Some(at));
            }
            Verb::Pause => self.paused_by = Some(by),
            Verb::Abort => {
                self.aborted_by = Some(by);
                // A held run leads out this way; a finished one has nothing left to abort.
                if self.ending.as_ref().is_some_and(|ending| ending.terminal == Terminal::Held) {
                    self.ending = None;
                }
            }
        }
    }
}
