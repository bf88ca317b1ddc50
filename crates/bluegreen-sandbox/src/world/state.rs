//! The stored part of the world: what someone decided, in one cloneable value.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bluegreen_core::model::{ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn, TaskDefinitionArn};

use super::codedeploy::CodeDeploy;
use super::{Behaviour, Profile};

mod alarm;
mod balancer;
mod fleet;
mod native;
mod task;

pub use alarm::AlarmRecord;
pub use balancer::{BalancerRecord, GroupRecord, HealthCheck, ListenerRecord, RouteRecord, Writer};
pub use fleet::{
    Breaker, BreakerThreshold, ClusterRecord, DefinitionRecord, DeploymentRecord, Failures, Rollout, RolloutPolicy,
    ServiceEvent, ServiceRecord, ServiceStatus, TaskSetRecord, TaskSetStatus,
};
pub use native::{
    HookRun, HookSpec, HookStatus, Monitor, Part, ReleaseRecord, ReleaseStatus, RevisionRecord, Stage, StagedPlan,
    StagedRun, Switch,
};
pub use task::{CheckedHealth, LooseTask, ManualTarget, Registration, Task, TaskStop};

/// Everything that was decided so far.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Load balancers.
    pub balancers: BTreeMap<LoadBalancerArn, BalancerRecord>,
    /// Listeners of all load balancers.
    pub listeners: BTreeMap<ListenerArn, ListenerRecord>,
    /// Rules and default actions.
    pub routes: BTreeMap<RouteId, RouteRecord>,
    /// Target groups.
    pub groups: BTreeMap<TargetGroupArn, GroupRecord>,
    /// Clusters by name.
    pub clusters: BTreeMap<String, ClusterRecord>,
    /// Services by cluster and name.
    pub services: BTreeMap<(String, String), ServiceRecord>,
    /// Task definitions.
    pub definitions: BTreeMap<TaskDefinitionArn, DefinitionRecord>,
    /// Tasks that no service asked for, running or stopped.
    pub loose_tasks: BTreeMap<u64, LooseTask>,
    /// Targets that somebody registered by hand.
    pub manual_targets: BTreeMap<TargetGroupArn, Vec<ManualTarget>>,
    /// What health checks of real processes say, by group and address.
    pub checked: BTreeMap<(TargetGroupArn, SocketAddr), CheckedHealth>,
    /// What the tasks of revisions (`family:revision`) do, where it is not to start and pass their checks.
    pub behaviours: BTreeMap<String, Behaviour>,
    /// How revisions (`family:revision`) answer drawn requests, where it is not always well.
    pub profiles: BTreeMap<String, Profile>,
    /// Alarms by name; a deleted one is gone.
    pub alarms: BTreeMap<String, AlarmRecord>,
    /// Everything of CodeDeploy.
    pub codedeploy: Arc<CodeDeploy>,
    /// Tags by ARN, of everything that has no place of its own for them.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
}

impl State {
    pub(crate) fn behaviour(&self, revision: &TaskDefinitionArn) -> Behaviour {
        self.behaviours.get(revision.short()).copied().unwrap_or(Behaviour::Healthy)
    }
}
