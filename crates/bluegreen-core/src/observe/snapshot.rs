//! The shapes of what AWS shows, cut down to what decisions read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::TaskSetSnapshot;
use crate::model::{Action, ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn, TaskDefinitionArn};

/// A rule or default action as it is configured now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSnapshot {
    /// Which route.
    pub id: RouteId,
    /// The priority as AWS writes it: `1` to `50000`, or `default`.
    pub priority: String,
    /// The conditions, verbatim JSON under AWS's member names: shown and compared, never sent.
    pub conditions: Value,
    /// All actions in AWS's order.
    pub actions: Vec<Action>,
}

/// A rule or default action of a listener, with what tells whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaggedRoute {
    /// As it is configured.
    pub route: RouteSnapshot,
    /// Whether it rewrites hosts or paths (`Transforms`), which a rule beside it would have to do as well.
    pub rewrites: bool,
    /// The rule's tags; none for a default action, whose listener has its own.
    pub tags: BTreeMap<String, String>,
}

/// An ECS service as `DescribeServices` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSnapshot {
    /// The service's ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// When it was created: a service made anew under the same name is another one.
    pub created_at: Option<Timestamp>,
    /// Who moves its tasks.
    pub controller: Controller,
    /// The revision that it runs or moves to.
    pub task_definition: TaskDefinitionArn,
    /// Tasks asked for.
    pub desired: u32,
    /// Tasks running.
    pub running: u32,
    /// Tasks starting.
    pub pending: u32,
    /// Its deployments, newest first.
    pub deployments: Vec<Deployment>,
    /// The target groups that its tasks register in.
    pub target_groups: Vec<TargetGroupArn>,
    /// The latest service messages, newest first, at most five.
    pub messages: Vec<String>,
    /// Its task sets, under controllers that have any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_sets: Vec<TaskSetSnapshot>,
}

/// Who moves a service's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Controller {
    /// ECS, replacing tasks in place: the only kind that the alb engine drives.
    Rolling,
    /// ECS's own blue/green, linear or canary strategy (its name): ECS owns the rules.
    Native(String),
    /// CodeDeploy.
    CodeDeploy,
    /// An external controller with task sets.
    External,
    /// A kind that this version does not know.
    Unknown(String),
}

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// AWS's id.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// The revision that it brings.
    pub task_definition: TaskDefinitionArn,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`, where reported.
    pub rollout: Option<String>,
    /// Tasks asked for.
    pub desired: u32,
    /// Tasks running.
    pub running: u32,
    /// Tasks that failed to start.
    pub failed: u32,
}

/// How many targets of a group are in which state. Only `healthy` counts as able to serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetHealth {
    /// Passing checks.
    pub healthy: u32,
    /// Failing checks.
    pub unhealthy: u32,
    /// Registered, first checks running.
    pub initial: u32,
    /// Leaving.
    pub draining: u32,
    /// In a group that no route uses.
    pub unused: u32,
    /// Health unknown to the load balancer, or a state that this version does not know.
    pub unavailable: u32,
}

/// The state of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlarmState {
    /// `OK`.
    Ok,
    /// `ALARM`.
    Alarm,
    /// `INSUFFICIENT_DATA`.
    InsufficientData,
    /// A state that this version does not know: never green.
    Unknown(String),
}

/// Which family of alarm answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlarmKind {
    /// Over one metric or an expression.
    Metric,
    /// Over other alarms.
    Composite,
}

/// An alarm as `DescribeAlarms` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmSnapshot {
    /// Its name.
    pub name: String,
    /// Its family.
    pub kind: AlarmKind,
    /// Its state now.
    pub state: AlarmState,
    /// When the state last changed to another one.
    pub transitioned_at: Option<Timestamp>,
    /// CloudWatch's words for the state, control characters removed.
    pub reason: String,
    /// sha256 over what defines the alarm: a changed threshold is another alarm.
    pub definition: String,
    /// The evaluation window (period × periods) in seconds; 0 for composites.
    pub window_seconds: u64,
    /// The values of the alarm's dimensions, to tell which target groups it watches.
    pub dimensions: Vec<String>,
}

/// One past change of an alarm's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateChange {
    /// When it happened.
    pub at: Timestamp,
    /// The state that it went to.
    pub to: AlarmState,
}

/// A target group with its wiring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroup {
    /// The group.
    pub arn: TargetGroupArn,
    /// The load balancers that use it: none before it is attached.
    pub load_balancers: Vec<LoadBalancerArn>,
    /// `HTTP`, `HTTPS` …
    pub protocol: String,
    /// `ip` or `instance` …
    pub target_type: String,
    /// Its VPC.
    pub vpc: String,
    /// The deregistration delay in seconds.
    pub drain_seconds: u64,
    /// Whether cookies of the group itself pin clients to single targets.
    pub target_sticky: bool,
}

/// A load balancer with everything that routes on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// The load balancer.
    pub arn: LoadBalancerArn,
    /// Its listeners.
    pub listeners: Vec<ListenerArn>,
    /// All rules and default actions of all listeners.
    pub routes: Vec<RouteSnapshot>,
}

/// A task definition as `DescribeTaskDefinition` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskDefinitionSnapshot {
    /// The revision.
    pub arn: TaskDefinitionArn,
    /// Whether its status is `ACTIVE`.
    pub active: bool,
    /// The whole description as JSON, read-only members included.
    pub document: Value,
}
