//! Task sets of a service with an external controller.

use serde::{Deserialize, Serialize};

use crate::model::{RunId, SetScale, TargetGroupArn, TaskDefinitionArn};
use crate::ports::marked_run;

/// A task set as `DescribeServices` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSetSnapshot {
    /// AWS's id, such as `ecs-svc/1234567890123456789`.
    pub id: String,
    /// What it is to its service.
    pub status: TaskSetStatus,
    /// Its revision.
    pub task_definition: TaskDefinitionArn,
    /// Its share of the service's tasks.
    pub scale: SetScale,
    /// What `scale` is a share of: the service's task count.
    pub of: u32,
    /// Tasks asked for, as ECS computed them.
    pub desired: u32,
    /// Tasks running.
    pub running: u32,
    /// Tasks starting.
    pub pending: u32,
    /// The target groups that its tasks register in: at most one, where AWS keeps to its limit.
    pub target_groups: Vec<TargetGroupArn>,
    /// The id that its maker gave it: the run's mark on those of ours.
    pub external_id: Option<String>,
}

/// What a task set is to its service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskSetStatus {
    /// The one that the service counts as in production.
    Primary,
    /// Another one.
    Active,
    /// It was deleted; some of its tasks still stop.
    Draining,
    /// A status that this version does not know.
    Unknown(String),
}

impl TaskSetSnapshot {
    /// Whether it was made by `run`.
    pub fn is_of(&self, run: &RunId) -> bool {
        self.external_id.as_deref().and_then(marked_run).as_ref() == Some(run)
    }

    /// Whether nobody has deleted it.
    pub fn is_live(&self) -> bool {
        self.status != TaskSetStatus::Draining
    }

    /// Whether it is its service's primary one.
    pub fn is_primary(&self) -> bool {
        self.status == TaskSetStatus::Primary
    }
}
