//! What the loop needs from outside. Adapters answer; they decide nothing.
//!
//! Two families implement these traits: the AWS adapters and the sandbox's world.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{
    Action, Color, DeploymentId, DeploymentSite, DeploymentWait, Hook, ListenerArn, MetricQuery, RouteId, RuleArn,
    RunId, SetScale, Shift, TargetGroupArn, TaskDefinitionArn,
};
use crate::observe::{
    AlarmSnapshot, DeploymentConfig, DeploymentGroup, LoadBalancer, ManagedDeployments, RouteSnapshot, ServiceSnapshot,
    StateChange, TaggedRoute, TargetGroup, TargetHealth, TaskDefinitionSnapshot,
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
    /// Deployments that AWS carries out.
    pub releases: Arc<dyn Releases>,
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
    /// The ARN under which the default action of a listener is a rule: ECS names it so.
    async fn default_rule(&self, listener: &ListenerArn) -> Result<RuleArn, CallError>;
    /// All routes of a listener by priority, the default action last, with their tags. One that could not be written back
    /// is listed all the same.
    async fn tagged_routes(&self, listener: &ListenerArn) -> Result<Vec<TaggedRoute>, CallError>;
    /// `CreateRule`. AWS takes no token, and refuses a priority that is in use as `Invalid`, with `PriorityInUse` in its
    /// message: sent twice, it makes one rule.
    async fn create_rule(&self, rule: &NewRule) -> Outcome<RuleArn>;
    /// `DeleteRule`. One that is gone is `NotFound`.
    async fn delete_rule(&self, rule: &RuleArn) -> Outcome<()>;
    /// Target states of one group, counted.
    async fn health(&self, group: &TargetGroupArn) -> Result<TargetHealth, CallError>;
}

/// A listener rule to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRule {
    /// Where.
    pub listener: ListenerArn,
    /// 1 to 50000, free.
    pub priority: u32,
    /// The conditions under AWS's member names, each with its configuration and without the older `Values` beside it.
    pub conditions: Value,
    /// All actions.
    pub actions: Vec<Action>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
}

/// A change of one service; what is `None` is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A change of the task sets of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskSetRequest {
    /// `CreateTaskSet`: the request as JSON under AWS's member names, but for cluster and service. Its client token makes
    /// sending it twice harmless.
    Create(Value),
    /// `UpdateTaskSet`: an absolute share, so sending it twice is harmless.
    Scale {
        /// AWS's id.
        set: String,
        /// Its share of the service's tasks.
        scale: SetScale,
    },
    /// `DeleteTaskSet`, with its tasks. One that is going already stays going.
    Delete {
        /// AWS's id.
        set: String,
    },
    /// `UpdateServicePrimaryTaskSet`.
    MakePrimary {
        /// AWS's id.
        set: String,
    },
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
    /// Changes a task set of a service with an external controller. What came of it is seen among
    /// [`ServiceSnapshot::task_sets`].
    async fn change_task_set(&self, cluster: &str, service: &str, request: &TaskSetRequest) -> Outcome<()>;
}

/// What a deployment is asked to do. Everything is decided: an adapter only sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentRequest {
    /// `CreateDeployment`. AWS takes no token: the mark in the description is how it is found again.
    CodeDeploy {
        /// The application's name.
        application: String,
        /// The deployment group's name.
        group: String,
        /// The traffic configuration's name.
        config: String,
        /// The AppSpec, byte for byte.
        content: String,
        /// The hash of these bytes, in lower-case hex.
        sha256: String,
        /// At most 256 characters, with the run's mark ([`run_mark`]).
        description: String,
    },
    /// `UpdateService`. The mark stands in the details of our pause hooks.
    Ecs {
        /// The cluster's name or ARN.
        cluster: String,
        /// The service's name.
        service: String,
        /// The revision to run.
        task_definition: TaskDefinitionArn,
        /// `deploymentConfiguration` as JSON, whole, under AWS's member names.
        configuration: Value,
    },
}

/// The text that ties a deployment to its run: `bluegreen run ID`.
pub fn run_mark(run: &RunId) -> String {
    format!("bluegreen run {run}")
}

/// The run whose mark stands in `text`, if one does.
pub fn marked_run(text: &str) -> Option<RunId> {
    let (_, rest) = text.split_once("bluegreen run ")?;
    let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Deployments that AWS carries out: CodeDeploy's, and ECS's own.
#[async_trait]
pub trait Releases: Send + Sync {
    /// The deployments of a service: the one that is `known` by id, else the one with the mark of `run` (looked for
    /// among all since `since`), what takes it back, and every other that has not ended.
    async fn deployments(
        &self,
        site: &DeploymentSite,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError>;
    /// Starts one. Sending twice may start two, or be refused because of the first: after an unknown outcome look.
    /// `UpdateService` does not tell the id: then the value is `None`, and a look by the mark finds it.
    async fn start(&self, request: &DeploymentRequest) -> Outcome<Option<DeploymentId>>;
    /// Tells one that waits to go on. One that no longer waits there refuses; that is harmless.
    async fn go_on(&self, id: &DeploymentId, wait: &DeploymentWait) -> Outcome<()>;
    /// Stops one and has it rolled back. Harmless when sent twice.
    async fn stop(&self, id: &DeploymentId) -> Outcome<()>;
    /// Makes a traffic configuration of CodeDeploy for ECS (or Lambda). One that exists under the name refuses as
    /// `Invalid`, with `DeploymentConfigAlreadyExistsException` in its message.
    async fn create_config(&self, name: &str, compute_platform: &str, shift: &Shift) -> Outcome<()>;
    /// A traffic configuration of CodeDeploy by name.
    async fn config(&self, name: &str) -> Result<DeploymentConfig, CallError>;
    /// A deployment group of CodeDeploy by name.
    async fn group(&self, application: &str, group: &str) -> Result<DeploymentGroup, CallError>;
    /// The deployment groups that move this ECS service: all applications and groups are looked through.
    async fn groups_of(&self, cluster: &str, service: &str) -> Result<Vec<DeploymentGroup>, CallError>;
    /// An ECS service as `DescribeServices` shows it, whole, under AWS's member names.
    async fn service(&self, cluster: &str, service: &str) -> Result<Value, CallError>;
    /// Changes settings of an ECS service that start no deployment: `settings` is an `UpdateService` request as JSON
    /// without cluster and service.
    async fn configure(&self, cluster: &str, service: &str, settings: &Value) -> Outcome<()>;
    /// Answers a lifecycle event of CodeDeploy for the hook that it waits for: `execution` is the id that it gave the
    /// hook. An event takes one answer: a second one is refused as `Invalid`.
    async fn answer_hook(&self, deployment: &DeploymentId, execution: &str, passed: bool) -> Outcome<()>;
}

/// CloudWatch alarms of every family.
#[async_trait]
pub trait Alarms: Send + Sync {
    /// The alarms that exist among `names`, metric and composite; a name that is missing from the answer does not exist.
    async fn read(&self, names: &[String]) -> Result<Vec<AlarmSnapshot>, CallError>;
    /// The changes of state of one alarm since `since`, oldest first.
    async fn history(&self, name: &str, since: Timestamp) -> Result<Vec<StateChange>, CallError>;
}

/// Metrics of CloudWatch.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// The points of each query (in the order asked for) by the minute that they begin, oldest first, over the whole
    /// minutes in `[from, to)`. A query that cannot be read, or only in part, fails on its own.
    async fn points(
        &self,
        queries: &[MetricQuery],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Result<Points, CallError>>, CallError>;
}

/// One query's values by the beginning of their minute, oldest first.
pub type Points = Vec<(Timestamp, f64)>;

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
