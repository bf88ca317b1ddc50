//! What was seen of the world: plain values, each with the time at which it was read.

mod managed;
mod minutes;
mod snapshot;
mod task_set;

pub use managed::{
    DeploymentConfig, DeploymentGroup, DeploymentStatus, LifecycleEvent, ManagedDeployment, ManagedDeployments,
    OldAndNew,
};
pub use minutes::ClosedMinutes;
pub use snapshot::{
    AlarmKind, AlarmSnapshot, AlarmState, Controller, Deployment, LoadBalancer, RouteSnapshot, ServiceSnapshot,
    StateChange, TaggedRoute, TargetGroup, TargetHealth, TaskDefinitionSnapshot,
};
pub use task_set::{TaskSetSnapshot, TaskSetStatus};

use jiff::Timestamp;

use crate::call::CallError;

/// One reading: a value or the reason why there is none. Never a guess.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<T> {
    /// When it was asked for: what the answer shows is not younger, however long it took to arrive.
    pub seen_at: Timestamp,
    /// What was read.
    pub value: Result<T, CallError>,
}

impl<T> Reading<T> {
    /// The value, where there is one.
    pub fn ok(&self) -> Option<&T> {
        self.value.as_ref().ok()
    }
}
