//! Clusters, services and task definitions as stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluegreen_core::model::{TargetGroupArn, TaskDefinitionArn, Timestamp};
use bluegreen_core::observe::Controller;
use serde_json::Value;

use super::{Registration, ReleaseRecord, RevisionRecord, Task};
use crate::world::Ms;

/// A cluster.
#[derive(Clone, Debug)]
pub struct ClusterRecord {
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`; a deleted one is still described for a while, as `INACTIVE`.
    pub active: bool,
    /// What it was made with, as the client sent it.
    pub settings: Arc<Value>,
}

impl ClusterRecord {
    /// An active cluster without settings.
    pub fn new(name: &str, account: &str, region: &str) -> ClusterRecord {
        let arn = format!("arn:aws:ecs:{region}:{account}:cluster/{name}");
        ClusterRecord { arn, active: true, settings: Arc::new(Value::Object(serde_json::Map::new())) }
    }
}

/// Whether a service is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceStatus {
    /// It is.
    #[default]
    Active,
    /// It was deleted; some of its tasks still run.
    Draining,
    /// It was deleted, and nothing of it is left.
    Inactive,
}

impl ServiceStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceStatus::Active => "ACTIVE",
            ServiceStatus::Draining => "DRAINING",
            ServiceStatus::Inactive => "INACTIVE",
        }
    }
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
    /// Whether it is wanted.
    pub status: ServiceStatus,
    /// The revision that it runs or moves to; a service with task sets may have none of its own.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How often its tasks were to be replaced without a new revision.
    pub generation: u32,
    /// Tasks asked for.
    pub desired: u32,
    /// Every group that one of its tasks may be registered in.
    pub groups: Vec<TargetGroupArn>,
    /// Where a new task registers, unless its task set says otherwise.
    pub registers_in: Arc<[Registration]>,
    /// Its tasks, oldest first.
    pub tasks: Vec<Task>,
    /// Tasks that are no more, oldest first; forgotten after a while.
    pub stopped: Arc<Vec<Task>>,
    /// Its deployments, newest first; none where it has task sets.
    pub deployments: Vec<DeploymentRecord>,
    /// The deployment that was completed last.
    pub last_completed: Option<DeploymentRecord>,
    /// Its task sets, oldest first.
    pub task_sets: Vec<TaskSetRecord>,
    /// What it says about itself, newest first.
    pub events: Arc<Vec<ServiceEvent>>,
    /// How its rolling deployments go.
    pub policy: RolloutPolicy,
    /// Whether it has said that it is steady since the last change.
    pub steady: bool,
    /// What it was made and changed with, as clients sent it.
    pub settings: Arc<Value>,
    /// Its revisions, oldest first; the oldest are forgotten.
    pub revisions: Arc<Vec<Arc<RevisionRecord>>>,
    /// Its service deployments, oldest first; the oldest are forgotten.
    pub releases: Arc<Vec<ReleaseRecord>>,
}

impl ServiceRecord {
    /// An active service of rolling deployments that has no tasks yet.
    pub fn new(arn: String, created_at: Timestamp, groups: Vec<TargetGroupArn>) -> ServiceRecord {
        ServiceRecord {
            arn,
            created_at,
            controller: Controller::Rolling,
            status: ServiceStatus::Active,
            task_definition: None,
            generation: 0,
            desired: 0,
            registers_in: groups.iter().cloned().map(Registration::new).collect(),
            groups,
            tasks: Vec::new(),
            stopped: Arc::default(),
            deployments: Vec::new(),
            last_completed: None,
            task_sets: Vec::new(),
            events: Arc::default(),
            policy: RolloutPolicy::default(),
            steady: false,
            settings: Arc::new(Value::Object(serde_json::Map::new())),
            revisions: Arc::default(),
            releases: Arc::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }
}

/// One line of what a service says about itself.
#[derive(Clone, Debug)]
pub struct ServiceEvent {
    /// Unique in the world.
    pub id: u64,
    /// When it was said.
    pub at: Ms,
    /// The words.
    pub text: String,
}

/// How rolling deployments go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutPolicy {
    /// `minimumHealthyPercent`: how many of the wanted tasks must stay able to serve.
    pub minimum_percent: u32,
    /// `maximumPercent`: how many of the wanted tasks may be there at a time.
    pub maximum_percent: u32,
    /// The circuit breaker, where it is on.
    pub breaker: Option<Breaker>,
    /// How long after its start a task is not replaced for failed health checks, in milliseconds.
    pub grace: Ms,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        RolloutPolicy { minimum_percent: 100, maximum_percent: 200, breaker: None, grace: 0 }
    }
}

/// When a deployment has failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaker {
    /// Whether the last good revision comes back then.
    pub rollback: bool,
    /// How many tasks in a row must fail.
    pub threshold: BreakerThreshold,
}

/// How many tasks in a row must fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BreakerThreshold {
    /// This many.
    Count(u32),
    /// This percentage of the wanted tasks, at least 3 and at most 200.
    Bounded(f64),
    /// This percentage of the wanted tasks.
    Unbounded(f64),
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// On its way.
    InProgress,
    /// Every task of it was seen healthy and no older one was left.
    Completed,
    /// Its tasks failed too often.
    Failed,
}

impl Rollout {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Rollout::InProgress => "IN_PROGRESS",
            Rollout::Completed => "COMPLETED",
            Rollout::Failed => "FAILED",
        }
    }
}

/// One deployment.
#[derive(Clone, Debug)]
pub struct DeploymentRecord {
    /// Its id.
    pub id: String,
    /// The revision that it brings.
    pub definition: TaskDefinitionArn,
    /// The generation that it brings.
    pub generation: u32,
    /// How far it is.
    pub rollout: Rollout,
    /// Why it is there.
    pub reason: String,
    /// When it began.
    pub created_at: Ms,
    /// When it changed last.
    pub updated_at: Ms,
    /// Its failed tasks.
    pub failures: Failures,
}

impl DeploymentRecord {
    /// One that has just begun.
    pub fn new(id: String, definition: TaskDefinitionArn, generation: u32, at: Ms) -> DeploymentRecord {
        let reason = format!("ECS deployment {id} in progress.");
        let failures = Failures::default();
        let rollout = Rollout::InProgress;
        DeploymentRecord { id, definition, generation, rollout, reason, created_at: at, updated_at: at, failures }
    }

    /// One that is done.
    pub fn completed(id: String, definition: TaskDefinitionArn) -> DeploymentRecord {
        let mut record = DeploymentRecord::new(id, definition, 0, 0);
        record.finish(Rollout::Completed, format!("ECS deployment {} completed.", record.id), 0);
        record
    }

    /// It has come to an end.
    pub(crate) fn finish(&mut self, rollout: Rollout, reason: String, at: Ms) {
        self.rollout = rollout;
        self.reason = reason;
        self.updated_at = at;
    }
}

/// Tasks that failed one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many since the last one that was able to serve.
    pub in_a_row: u32,
    /// Before this, no other one is started.
    pub retry_at: Ms,
}

/// What a task set is to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSetStatus {
    /// It serves production.
    Primary,
    /// It does not.
    Active,
    /// It was deleted; some of its tasks still run.
    Draining,
}

impl TaskSetStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskSetStatus::Primary => "PRIMARY",
            TaskSetStatus::Active => "ACTIVE",
            TaskSetStatus::Draining => "DRAINING",
        }
    }
}

/// A task set.
#[derive(Clone, Debug)]
pub struct TaskSetRecord {
    /// `ecs-svc/…`.
    pub id: Arc<str>,
    /// Its ARN.
    pub arn: String,
    /// Its revision.
    pub definition: TaskDefinitionArn,
    /// What it is to its service.
    pub status: TaskSetStatus,
    /// Percent of the service's tasks, 0 to 100.
    pub scale: f64,
    /// Where its tasks register.
    pub groups: Arc<[Registration]>,
    /// When it was made.
    pub created_at: Ms,
    /// When it changed last.
    pub updated_at: Ms,
    /// Since when it is, or is not, steady.
    pub stable: (bool, Ms),
    /// Its failed tasks.
    pub failures: Failures,
    /// What it was made with, as the client sent it.
    pub settings: Arc<Value>,
}

impl TaskSetRecord {
    /// How many tasks it is to have when its service wants `desired`.
    pub fn wanted(&self, desired: u32) -> u32 {
        if self.status == TaskSetStatus::Draining {
            return 0;
        }
        // Percentages have few decimals: a tiny error of the product must not make one task more.
        let exact = f64::from(desired) * self.scale / 100.0;
        let rounded = (exact - 1e-9).ceil().max(0.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a u32")]
        let wanted = rounded as u32;
        wanted
    }
}

/// One revision.
#[derive(Clone, Debug)]
pub struct DefinitionRecord {
    /// `ACTIVE` or not.
    pub active: bool,
    /// Since when it is not.
    pub inactive_since: Option<Ms>,
    /// When it was registered.
    pub registered_at: Ms,
    /// When its deletion was asked for.
    pub deleting_since: Option<Ms>,
    /// The registered document.
    pub document: Arc<Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl DefinitionRecord {
    /// An active revision that has been there since the world began.
    pub fn new(document: Arc<Value>, tags: BTreeMap<String, String>) -> DefinitionRecord {
        DefinitionRecord { active: true, inactive_since: None, registered_at: 0, deleting_since: None, document, tags }
    }
}
