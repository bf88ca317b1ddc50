//! What the loop needs from outside. Adapters answer; they decide nothing.
//!
//! Two families implement these traits: the AWS adapters and the sandbox's world.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::{Action, Color, Hook, RouteId, RunId, TargetGroupArn, TaskDefinitionArn};
use crate::observe::{
    AlarmSnapshot, LoadBalancer, RouteSnapshot, ServiceSnapshot, StateChange, TargetGroup, TargetHealth,
    TaskDefinitionSnapshot,
};

pub use crate::call::{CallError, ErrorClass, Outcome};

/// Everything that a run reaches, bundled.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The load balancer.
    pub router: Arc<dyn Router>,
    /// ECS.
    pub fleet: Arc<dyn Fleet>,
    /// CloudWatch alarms.
    pub alarms: Arc<dyn Alarms>,
    /// CloudWatch metrics.
    pub metrics: Arc<dyn Metrics>,
    /// The user's commands.
    pub hooks: Arc<dyn Hooks>,
    /// Who and where we are.
    pub identity: Arc<dyn Identity>,
}

/// Time, real or virtual.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// Returns at `deadline` or later.
    async fn sleep_until(&self, deadline: Timestamp);
}

/// Listener rules, default actions and target groups.
#[async_trait]
pub trait Router: Send + Sync {
    /// The routes as configured, in the order asked for. A route that does not exist is `NotFound`.
    async fn routes(&self, ids: &[RouteId]) -> Result<Vec<RouteSnapshot>, CallError>;
    /// Replaces all actions of one route.
    async fn set_actions(&self, id: &RouteId, actions: &[Action]) -> Outcome<()>;
    /// Groups by name or ARN, in the order asked for, with their wiring.
    async fn target_groups(&self, names: &[String]) -> Result<Vec<TargetGroup>, CallError>;
    /// A load balancer with all that routes on it.
    async fn load_balancer(&self, arn: &crate::model::LoadBalancerArn) -> Result<LoadBalancer, CallError>;
    /// Target states of one group, counted.
    async fn health(&self, group: &TargetGroupArn) -> Result<TargetHealth, CallError>;
}

/// A change of one service; what is `None` is not sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceChange {
    /// The fleet.
    pub color: Color,
    /// The revision to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinitionArn>,
    /// The number of tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
}

/// ECS services and task definitions.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// The services by name, in the order asked for. A service that does not exist is `NotFound`.
    async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<ServiceSnapshot>, CallError>;
    /// A definition by ARN, `family:revision` or `family` (its newest active revision).
    async fn task_definition(&self, reference: &str) -> Result<TaskDefinitionSnapshot, CallError>;
    /// The revision of `family` that carries this run's tag, if any has been registered.
    async fn find_task_definition(&self, family: &str, run: &RunId) -> Result<Option<TaskDefinitionArn>, CallError>;
    /// Registers `document` (a `RegisterTaskDefinition` request as JSON) tagged with the run. AWS takes no token here:
    /// after an unknown outcome look with [`Fleet::find_task_definition`] before sending again.
    async fn register_task_definition(&self, document: &Value, run: &RunId) -> Outcome<TaskDefinitionArn>;
    /// Sets a service's revision and task count: absolute values, so sending twice is harmless.
    async fn update_service(&self, cluster: &str, service: &str, change: &ServiceChange) -> Outcome<()>;
}

/// CloudWatch alarms of every family.
#[async_trait]
pub trait Alarms: Send + Sync {
    /// The alarms that exist among `names`, metric and composite; a name that is missing from the answer does not exist.
    async fn read(&self, names: &[String]) -> Result<Vec<AlarmSnapshot>, CallError>;
    /// The changes of state of one alarm since `since`, oldest first.
    async fn history(&self, name: &str, since: Timestamp) -> Result<Vec<StateChange>, CallError>;
}

/// Request counts of target groups.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Requests of each group (in the order asked for) over the newest closed minutes in `[from, to)`;
    /// `None` where the metric has no data.
    async fn requests(
        &self,
        load_balancer: &crate::model::LoadBalancerArn,
        groups: &[TargetGroupArn],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Option<u64>>, CallError>;
}

/// How a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookEnd {
    /// Exit status 0.
    Passed,
    /// Anything else, with the last lines of its output.
    Failed(String),
}

/// The user's own checks.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Runs one command to its end. `values` fill the `{{placeholders}}` of its arguments.
    async fn run(&self, hook: &Hook, values: &[(&'static str, String)]) -> HookEnd;
}

/// Who the calls are made as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that answers.
    pub account: String,
    /// The region that calls go to.
    pub region: String,
    /// The caller's ARN.
    pub arn: String,
}

/// Who and where we are.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Asks AWS.
    async fn caller(&self) -> Result<Caller, CallError>;
}
