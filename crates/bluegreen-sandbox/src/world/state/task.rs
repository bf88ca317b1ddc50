//! Tasks and targets as stored.

use std::net::SocketAddr;
use std::sync::Arc;

use bluegreen_core::model::{TargetGroupArn, TaskDefinitionArn};

use crate::world::Ms;

/// Where a task registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The group.
    pub group: TargetGroupArn,
    /// The container of the task.
    pub container: Option<String>,
    /// The port of that container; `None` for the one that the task has.
    pub port: Option<u16>,
}

impl Registration {
    /// A group, with the only port of the task.
    pub fn new(group: TargetGroupArn) -> Registration {
        Registration { group, container: None, port: None }
    }
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Unique in the world.
    pub id: u64,
    /// Its revision.
    pub definition: TaskDefinitionArn,
    /// The service's generation when it was placed.
    pub generation: u32,
    /// The task set that it belongs to.
    pub set: Option<Arc<str>>,
    /// The deployment, task set or client that asked for it.
    pub started_by: Arc<str>,
    /// Where it registers.
    pub groups: Arc<[Registration]>,
    /// Whether it has an address of its own; otherwise it has a port of its host.
    pub awsvpc: bool,
    /// When it was placed.
    pub placed_at: Ms,
    /// When its container runs; `None` for never, or as long as nobody has said so.
    pub starts_at: Option<Ms>,
    /// How long it takes to pass its first check.
    pub check_delay: Ms,
    /// When it was told to stop.
    pub stopped_at: Option<Ms>,
    /// Where its process listens, when it is a real one.
    pub address: Option<SocketAddr>,
    /// Why it was told to stop, or ended.
    pub stop: Option<Arc<TaskStop>>,
}

impl Task {
    /// A task that has been running and passing its checks since the world began.
    pub fn running(id: u64, definition: TaskDefinitionArn, groups: &[TargetGroupArn]) -> Task {
        Task {
            id,
            definition,
            generation: 0,
            set: None,
            started_by: Arc::from(""),
            groups: groups.iter().cloned().map(Registration::new).collect(),
            awsvpc: true,
            placed_at: 0,
            starts_at: Some(0),
            check_delay: 0,
            stopped_at: None,
            address: None,
            stop: None,
        }
    }
}

/// Why a task was told to stop, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStop {
    /// `ServiceSchedulerInitiated` …
    pub code: &'static str,
    /// `stoppedReason`.
    pub reason: String,
    /// When it had ended.
    pub ended_at: Option<Ms>,
    /// What its process returned.
    pub exit_code: Option<i32>,
    /// What the container says about its end.
    pub container_reason: Option<String>,
}

/// A task that no service asked for.
#[derive(Clone, Debug)]
pub struct LooseTask {
    /// Its cluster.
    pub cluster: String,
    /// `family:NAME`, or what the client said.
    pub group: String,
    /// The task.
    pub task: Task,
}

/// A target that somebody registered by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualTarget {
    /// An IP address, or the name of an instance.
    pub id: String,
    /// The port.
    pub port: u16,
    /// The availability zone, as the client said.
    pub zone: Option<String>,
    /// When it was registered.
    pub registered_at: Ms,
    /// When it was deregistered.
    pub deregistered_at: Option<Ms>,
}

/// What health checks say about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedHealth {
    /// Whether it passes.
    pub healthy: bool,
    /// AWS's code, where it does not: `Target.Timeout` …
    pub reason: String,
    /// The same in words.
    pub description: String,
    /// Since when.
    pub since: Ms,
}
