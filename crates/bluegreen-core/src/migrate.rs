//! From CodeDeploy to ECS's own deployments: what changes for a service, what is lost, and the one call that does it.
//!
//! Everything is decided over plain values that were read before; nothing here asks AWS.

mod check;
mod describe;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::model::{Action, ListenerArn, RouteId, RuleArn, Shift, TargetGroupArn};
use crate::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployment, RouteSnapshot, TargetGroup, TargetHealth};

pub use check::plan;
pub use describe::{describe, describe_findings};
pub use settings::differences;

/// What was read of a service and of all that moves its traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The service as `DescribeServices` shows it, whole.
    pub service: Value,
    /// The deployment groups that move it.
    pub groups: Vec<DeploymentGroup>,
    /// The traffic configuration that the group uses, where it names one.
    pub config: Option<DeploymentConfig>,
    /// The group's pair of target groups, in its order.
    pub pair: Vec<TargetGroup>,
    /// All routes of the pair's load balancer.
    pub routes: Vec<RouteSnapshot>,
    /// The ARNs under which default actions are rules.
    pub default_rules: BTreeMap<ListenerArn, RuleArn>,
    /// The states of the targets, by target group.
    pub health: Vec<(TargetGroupArn, TargetHealth)>,
    /// Every deployment that has not ended.
    pub under_way: Vec<ManagedDeployment>,
}

/// What the user decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The role that ECS moves traffic as.
    pub role: Option<String>,
    /// The shape of later deployments; `None` takes over the group's.
    pub shift: Option<Shift>,
    /// How long ECS keeps the old tasks after the last shift; `None` takes over the group's termination wait.
    pub bake: Option<Duration>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is changed while it is so.
    Refuse,
    /// It may be changed, and somebody may regret it.
    Warn,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found, where, and what was expected.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

/// A group that has to be on a route before ECS takes it for its alternate, with no weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach {
    /// The route.
    pub route: RouteId,
    /// All its actions as they will be.
    pub actions: Vec<Action>,
}

/// All that will be done, and what is said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The deployment group that moves it now: application and name.
    pub group: (String, String),
    /// The target group that serves.
    pub serves: TargetGroupArn,
    /// The target group that later deployments begin in.
    pub alternate: TargetGroupArn,
    /// Where production traffic is split.
    pub production: RouteId,
    /// Done first, where the alternate is on no route yet.
    pub attach: Option<Attach>,
    /// The `UpdateService` request, without cluster and service.
    pub settings: Value,
    /// What CodeDeploy did and ECS will not, one sentence each.
    pub lost: Vec<String>,
    /// What to remove when all is well, one sentence each.
    pub remove: Vec<String>,
}

/// A migration, unless something keeps it from being done, and everything found.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// What would be done; `None` where a finding refuses it.
    pub migration: Option<Migration>,
    /// Everything found.
    pub findings: Vec<Finding>,
}

/// A cluster's or service's name, whether it is given so or as an ARN.
fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests;
