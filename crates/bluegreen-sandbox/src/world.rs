//! What AWS knows, and how it behaves, over virtual time.
//!
//! Most of it is derived: a task is healthy *because* it was started, its group attached and its checks passed before
//! the moment one asks for. Only what someone decided (actions, counts, revisions, alarm states) is stored, in
//! versions, so that a read can be answered from the past.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::seed::draw;

mod alarms;
pub(crate) mod balancer;
pub mod codedeploy;
mod config;
pub(crate) mod definitions;
pub(crate) mod fleet;
pub mod metrics;
mod refusal;
mod script;
mod state;
pub mod tags;
mod targets;
mod traffic;

pub use alarms::{
    AlarmRule, AlarmSpec, Comparison, CompositeRule, HistoryItem, HistoryKind, LowSamples, MetricRule, Missing, Rule,
    RuleError, RuleExpression, Watch,
};
pub use balancer::{ListenerChange, NewRule, RuleChange};
pub use config::{Behaviour, Config, Fleet, Lag, Quotas, ReadLags, RequestModel};
pub use fleet::{
    FleetError, NetworkMode, NewService, NewTaskSet, RevisionCounts, ServiceEdit, TaskPhase, TaskView, WantedTask,
};
pub use refusal::{Refusal, Refused};
pub use script::{Deed, When};
pub use state::{
    AlarmRecord, BalancerRecord, Breaker, BreakerThreshold, CheckedHealth, ClusterRecord, DefinitionRecord,
    DeploymentRecord, Failures, GroupRecord, HealthCheck, HookRun, HookSpec, HookStatus, ListenerRecord, LooseTask,
    ManualTarget, Monitor, Part, Registration, ReleaseRecord, ReleaseStatus, RevisionRecord, Rollout, RolloutPolicy,
    RouteRecord, ServiceEvent, ServiceRecord, ServiceStatus, Stage, StagedPlan, StagedRun, State, Switch, Task,
    TaskSetRecord, TaskSetStatus, TaskStop, Writer,
};
pub use targets::{NewTarget, ProbeTarget, TargetState, TargetView};
pub use traffic::{Client, Harm, Latency, Profile, Traffic};

/// Milliseconds since the world began.
pub type Ms = u64;

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> Ms {
    Ms::try_from(duration.as_millis()).unwrap_or(Ms::MAX / 4)
}

/// The kinds of reads that can be answered from the past, each with its own lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadKind {
    /// Rules and default actions.
    Routes,
    /// Target groups with their wiring.
    Groups,
    /// Target health.
    Health,
    /// ECS services.
    Services,
    /// Task definitions.
    Definitions,
    /// Alarms and their history.
    Alarms,
}

/// AWS.
#[derive(Clone, Debug)]
pub struct World {
    /// How it behaves.
    pub config: Config,
    now: Ms,
    state: Arc<State>,
    /// Earlier states, oldest first, each with the time from which it held.
    history: Vec<(Ms, Arc<State>)>,
    /// How many writes have been made, for draws that belong to one of them.
    writes: u64,
    script: Vec<(When, Deed)>,
    alarm_rules: Vec<AlarmRule>,
    /// Requests and clients.
    pub traffic: Traffic,
    metrics: metrics::Store,
    /// Requests of the metric period that has not closed yet.
    open: metrics::Open,
    /// When each alarm that looks at metrics is evaluated next.
    evaluations: BTreeMap<String, Ms>,
    next_task: u64,
    /// Checks in a row with the same end, by group and address.
    streaks: targets::Streaks,
    /// What stands for functions that deployments call, by name.
    functions: BTreeMap<String, codedeploy::Function>,
    /// Whether deployments are doing what is due, which brings the world to the same place again.
    driving: bool,
}

impl World {
    /// An empty world at its first moment.
    pub fn new(config: Config) -> World {
        World {
            config,
            now: 0,
            state: Arc::default(),
            history: Vec::new(),
            writes: 0,
            script: Vec::new(),
            alarm_rules: Vec::new(),
            traffic: Traffic::default(),
            metrics: metrics::Store::default(),
            open: metrics::Open::default(),
            evaluations: BTreeMap::new(),
            next_task: 1,
            streaks: targets::Streaks::default(),
            functions: BTreeMap::new(),
            driving: false,
        }
    }

    /// Milliseconds since the world began.
    pub fn now_ms(&self) -> Ms {
        self.now
    }

    /// The virtual wall clock.
    pub fn now(&self) -> Timestamp {
        self.timestamp(self.now)
    }

    /// The wall clock at `ms`.
    pub fn timestamp(&self, ms: Ms) -> Timestamp {
        let elapsed = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        self.config.start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// The first millisecond that is not before `at`; 0 for times before the world began.
    pub fn ms(&self, at: Timestamp) -> Ms {
        let nanos = at.duration_since(self.config.start).as_nanos().max(0).unsigned_abs();
        Ms::try_from(nanos.div_ceil(1_000_000)).unwrap_or(Ms::MAX)
    }

    /// Everything that is true now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What someone reads now whose answer is `lag` milliseconds old, and when that was.
    pub fn state_before(&self, lag: Ms) -> (&State, Ms) {
        let at = self.now.saturating_sub(lag);
        let held = self.history.iter().rev().find(|(since, _)| *since <= at);
        held.map_or((&*self.state, self.now), |(_, state)| (state, at))
    }

    /// Whether `test` has been true all the time for the last `ms` milliseconds.
    pub fn has_been(&self, ms: Ms, test: impl Fn(&State) -> bool) -> bool {
        let from = self.now.saturating_sub(ms);
        let began_before = self.history.iter().rposition(|(since, _)| *since <= from);
        began_before.is_some_and(|first| self.history[first..].iter().all(|(_, state)| test(state)))
    }

    /// The age of the answer to one read, drawn for `what`.
    pub fn lag<W: std::hash::Hash>(&self, kind: ReadKind, what: &W) -> Ms {
        let lags = &self.config.lags;
        let lag = match kind {
            ReadKind::Routes => lags.routes,
            ReadKind::Groups => lags.groups,
            ReadKind::Health => lags.health,
            ReadKind::Services => lags.services,
            ReadKind::Definitions => lags.definitions,
            ReadKind::Alarms => lags.alarms,
        };
        lag.pick(draw(self.config.seed, &("lag", kind, what)))
    }

    /// How a revision (`family:revision`) behaves from now on.
    pub fn set_behaviour(&mut self, revision: &str, behaviour: Behaviour) {
        self.change(|state| {
            state.behaviours.insert(revision.to_owned(), behaviour);
        });
    }

    /// Adds something that happens to the world.
    pub fn script(&mut self, when: When, deed: Deed) {
        self.script.push((when, deed));
    }

    /// Adds a link between traffic and an alarm.
    pub fn watch(&mut self, rule: AlarmRule) {
        self.alarm_rules.push(rule);
    }

    /// Changes the stored part of the world, then lets everything that follows from it happen.
    pub fn change(&mut self, edit: impl FnOnce(&mut State)) {
        edit(Arc::make_mut(&mut self.state));
        self.settle();
    }

    /// A number for one write: propagation and the like are drawn from it.
    pub(crate) fn next_write(&mut self) -> u64 {
        self.writes += 1;
        self.writes
    }

    /// Lets virtual time pass until `until`, with everything that happens on the way in its order.
    pub fn advance_to(&mut self, until: Ms) {
        while let Some(next) = self.next_event().filter(|next| *next <= until) {
            self.pass(next);
            self.due_deeds();
            self.settle();
        }
        self.pass(until);
    }

    /// The next moment at which something changes by itself.
    pub fn next_event(&self) -> Option<Ms> {
        let scripted = self.script.iter().filter_map(|(when, _)| match when {
            When::At(ms) => Some((*ms).max(self.now + 1)),
            When::BeforeCall(_) => None,
        });
        let later = |ms: &Ms| *ms > self.now;
        let own = self.fleet_events().chain(self.balancer_events()).filter(later);
        let alarms = self.alarm_events().filter(later);
        let deployments = self.deployment_events().filter(later);
        scripted.chain(own).chain(alarms).chain(deployments).chain(self.traffic.next_visit(self.now)).min()
    }

    /// Counts the traffic of the time until `until`, during which nothing changes.
    fn pass(&mut self, until: Ms) {
        while self.now < until {
            // Only points have to be made when a metric period closes: without any, time passes at once.
            let quiet = self.config.requests == RequestModel::Expected && self.open.is_empty();
            let closes = if quiet { Ms::MAX } else { self.period_end() };
            let end = until.min(closes);
            self.count_requests(end);
            if end == closes {
                // Before time moves on: these requests belong to the period that closes.
                self.draw_requests();
            }
            let from = self.second(self.now);
            self.now = end;
            if end == closes {
                self.turn_period(from);
            }
        }
    }

    /// What follows from the present at once: scheduling, visits, alarms, and a new version in the history.
    fn settle(&mut self) {
        self.schedule();
        self.visit();
        self.evaluate_alarms();
        // ECS looks at alarms too.
        self.schedule();
        self.drive_deployments();
        self.remember();
    }

    /// The scheduler's work, and what ECS's own deployments make of it, until neither has anything left to do.
    fn schedule(&mut self) {
        loop {
            self.mark_exposure();
            self.attach_groups();
            self.reconcile();
            if !self.advance_releases() {
                return;
            }
        }
    }

    fn remember(&mut self) {
        if self.history.last().is_some_and(|(_, state)| Arc::ptr_eq(state, &self.state)) {
            return;
        }
        self.history.retain(|(since, _)| *since < self.now);
        self.history.push((self.now, Arc::clone(&self.state)));
        let horizon = self.now.saturating_sub(self.config.memory);
        let stale = self.history.iter().take_while(|(since, _)| *since <= horizon).count();
        // The newest of the old ones still holds at the horizon.
        self.history.drain(..stale.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests;
