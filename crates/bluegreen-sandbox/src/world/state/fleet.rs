//! Services, tasks and task definitions as stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluegreen_core::model::{TargetGroupArn, TaskDefinitionArn, Timestamp};
use bluegreen_core::observe::Controller;
use serde_json::Value;

use crate::world::Ms;

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
