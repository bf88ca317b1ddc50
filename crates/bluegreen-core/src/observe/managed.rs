//! Deployments that AWS carries out, CodeDeploy's and ECS's own, in one shape.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{DeploymentId, DeploymentWait, RunId, Shift, TaskDefinitionArn};

/// The deployments of a service that matter to a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ManagedDeployments {
    /// The one that carries the run's mark, or whose id was asked for; terminal or not.
    pub ours: Option<ManagedDeployment>,
    /// The deployment that takes ours back, where that is another one (CodeDeploy).
    pub rollback: Option<ManagedDeployment>,
    /// Every other one that has not ended.
    pub others: Vec<ManagedDeployment>,
}

/// One deployment that AWS carries out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDeployment {
    /// AWS's id.
    pub id: DeploymentId,
    /// The run whose mark it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Who made it, as far as AWS tells: `user`, `codeDeployRollback`, …; empty where it does not.
    pub creator: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The revision that it brings, where AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinitionArn>,
    /// How it stands.
    pub status: DeploymentStatus,
    /// The lifecycle stage or event under way, as AWS names it; names that this version does not know included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What it waits for, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<DeploymentWait>,
    /// Until when that wait lasts, where AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ends: Option<Timestamp>,
    /// The share of production traffic that AWS says the new version has, in parts of a million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_ppm: Option<u32>,
    /// Every lifecycle event and hook so far, in AWS's order.
    pub events: Vec<LifecycleEvent>,
    /// Tasks of the old and of the new version.
    pub tasks: OldAndNew,
    /// AWS's words for how it ended or why it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The deployment that takes this one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_by: Option<DeploymentId>,
    /// The deployment that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<DeploymentId>,
}

/// How a deployment stands, in words that fit both services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeploymentStatus {
    /// Asked for, not begun.
    Pending,
    /// Under way, or waiting to be told to go on.
    InProgress,
    /// Told to stop.
    Stopping,
    /// On its way back (ECS; CodeDeploy makes another deployment for that).
    RollingBack,
    /// Ended: the new version is in service.
    Succeeded,
    /// Ended: the old version is in service again (ECS).
    RolledBack,
    /// Ended: it was stopped. What has traffic is not said.
    Stopped,
    /// Ended: it failed, or its rollback did. What has traffic is not said.
    Failed,
    /// A status that this version does not know: taken for one that has not ended.
    Unknown(String),
}

impl DeploymentStatus {
    /// Whether nothing more will come of it.
    pub fn has_ended(&self) -> bool {
        use DeploymentStatus::{Failed, RolledBack, Stopped, Succeeded};
        matches!(self, Succeeded | RolledBack | Stopped | Failed)
    }
}

impl fmt::Display for DeploymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeploymentStatus::Pending => "pending",
            DeploymentStatus::InProgress => "in progress",
            DeploymentStatus::Stopping => "stopping",
            DeploymentStatus::RollingBack => "rolling back",
            DeploymentStatus::Succeeded => "succeeded",
            DeploymentStatus::RolledBack => "rolled back",
            DeploymentStatus::Stopped => "stopped",
            DeploymentStatus::Failed => "failed",
            DeploymentStatus::Unknown(word) => word,
        })
    }
}

/// One lifecycle event, or one hook's run at a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleEvent {
    /// Its name, as AWS writes it.
    pub name: String,
    /// `Pending`, `InProgress`, `Succeeded`, … as AWS writes it.
    pub status: String,
    /// AWS's words, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Task counts of the two sides of a deployment: asked for and running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OldAndNew {
    /// Of the version that is replaced.
    pub old: (u32, u32),
    /// Of the version that comes.
    pub new: (u32, u32),
}

/// A deployment group of CodeDeploy, cut down to what a plan has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentGroup {
    /// The application's name.
    pub application: String,
    /// The group's name.
    pub name: String,
    /// `ECS`, `Lambda` or `Server`.
    pub compute_platform: String,
    /// The ECS service that it moves: cluster and service, as names (ARNs are cut down to them).
    pub service: Option<(String, String)>,
    /// The names of its pair of target groups, in its order.
    pub target_groups: Vec<String>,
    /// The listeners of its production route, by ARN.
    pub production_listeners: Vec<String>,
    /// The listeners of its test route, by ARN.
    pub test_listeners: Vec<String>,
    /// The traffic configuration that it uses where a deployment names none.
    pub config: Option<String>,
    /// How long a deployment waits for a continue before the first shift; `None` where it goes on by itself.
    pub ready_wait_minutes: Option<u32>,
    /// How long the old tasks are kept after the last shift, in minutes.
    pub termination_wait_minutes: u32,
    /// Whether the old tasks are ended after that.
    pub terminates_old: bool,
    /// The alarms that it watches; `None` where that is off.
    pub alarms: Option<Vec<String>>,
    /// The role that it works as.
    pub service_role: String,
}

/// A traffic configuration of CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// Its name.
    pub name: String,
    /// `ECS`, `Lambda` or `Server`.
    pub compute_platform: String,
    /// Its shape; `None` for one that shifts no traffic.
    pub shift: Option<Shift>,
}
