//! The stored part of the world: what someone decided, in one cloneable value.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluegreen_core::model::{
    Action, ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn, TaskDefinitionArn, Timestamp,
};
use bluegreen_core::observe::{AlarmKind, AlarmState, Controller, StateChange};
use serde_json::Value;

use super::{Behaviour, Ms};

/// Everything that was decided so far.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Load balancers with their listeners.
    pub balancers: BTreeMap<LoadBalancerArn, Vec<ListenerArn>>,
    /// Rules and default actions.
    pub routes: BTreeMap<RouteId, RouteRecord>,
    /// Target groups.
    pub groups: BTreeMap<TargetGroupArn, GroupRecord>,
    /// Services by cluster and name.
    pub services: BTreeMap<(String, String), ServiceRecord>,
    /// Task definitions.
    pub definitions: BTreeMap<TaskDefinitionArn, DefinitionRecord>,
    /// What the tasks of revisions (`family:revision`) do, where it is not to start and pass their checks.
    pub behaviours: BTreeMap<String, Behaviour>,
    /// Alarms by name; a deleted one is gone.
    pub alarms: BTreeMap<String, AlarmRecord>,
}

impl State {
    pub(crate) fn behaviour(&self, revision: &TaskDefinitionArn) -> Behaviour {
        self.behaviours.get(revision.short()).copied().unwrap_or(Behaviour::Healthy)
    }
}

/// Who changed something last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// It has been so from the beginning.
    Nobody,
    /// One of the operators.
    Operator(String),
    /// Somebody else, by the script.
    ThirdParty,
}

/// A rule or default action.
#[derive(Clone, Debug)]
pub struct RouteRecord {
    /// `1` to `50000`, or `default`.
    pub priority: String,
    /// Its conditions.
    pub conditions: Value,
    /// What it says.
    pub actions: Vec<Action>,
    /// What the data plane does: the actions with the times from which it does them, oldest first.
    pub routed: Vec<(Ms, Vec<Action>)>,
    /// Who wrote it last.
    pub writer: Writer,
    /// When.
    pub written_at: Ms,
}

impl RouteRecord {
    /// What the data plane does at `at`.
    pub fn routed_at(&self, at: Ms) -> &[Action] {
        let current = self.routed.iter().rev().find(|(since, _)| *since <= at);
        current.map_or(&self.actions, |(_, actions)| actions)
    }
}

/// A target group.
#[derive(Clone, Debug)]
pub struct GroupRecord {
    /// `HTTP` …
    pub protocol: String,
    /// `ip` …
    pub target_type: String,
    /// Its VPC.
    pub vpc: String,
    /// The deregistration delay in milliseconds.
    pub drain: Ms,
    /// Whether its own cookies pin clients to targets.
    pub target_sticky: bool,
    /// Since when a route uses it.
    pub attached_since: Option<Ms>,
}

/// A service with its tasks.
#[derive(Clone, Debug)]
pub struct ServiceRecord {
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who moves its tasks.
    pub controller: Controller,
    /// The revision that it runs or moves to.
    pub task_definition: TaskDefinitionArn,
    /// Tasks asked for.
    pub desired: u32,
    /// Where its tasks register.
    pub groups: Vec<TargetGroupArn>,
    /// Its tasks, oldest first.
    pub tasks: Vec<Task>,
    /// Its deployments, newest first.
    pub deployments: Vec<DeploymentRecord>,
    /// What it says about itself, newest first.
    pub messages: Vec<String>,
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Unique in the world.
    pub id: u64,
    /// Its revision.
    pub definition: TaskDefinitionArn,
    /// When it was placed.
    pub placed_at: Ms,
    /// When its container runs; `None` for never.
    pub starts_at: Option<Ms>,
    /// How long it takes to pass its first check.
    pub check_delay: Ms,
    /// When it was told to stop.
    pub stopped_at: Option<Ms>,
}

/// One deployment.
#[derive(Clone, Debug)]
pub struct DeploymentRecord {
    /// Its id.
    pub id: String,
    /// The revision that it brings.
    pub definition: TaskDefinitionArn,
    /// Whether every task of it was seen healthy and no older one was left.
    pub completed: bool,
}

/// One revision.
#[derive(Clone, Debug)]
pub struct DefinitionRecord {
    /// `ACTIVE` or not.
    pub active: bool,
    /// Since when it is not.
    pub inactive_since: Option<Ms>,
    /// The registered document.
    pub document: Arc<Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// One alarm.
#[derive(Clone, Debug)]
pub struct AlarmRecord {
    /// Its family.
    pub kind: AlarmKind,
    /// Its state.
    pub state: AlarmState,
    /// When it last changed to another one.
    pub transitioned_at: Timestamp,
    /// Why.
    pub reason: String,
    /// What defines it, hashed.
    pub definition: String,
    /// Period × periods in seconds.
    pub window_seconds: u64,
    /// Values of its dimensions.
    pub dimensions: Vec<String>,
    /// For a composite: it is red while one of these is.
    pub children: Vec<String>,
    /// Its past, oldest first.
    pub history: Vec<StateChange>,
}
