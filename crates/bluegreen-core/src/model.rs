//! The words of the domain, each a type whose invariant is checked when it is made.

mod action;
mod arn;
mod color;
mod deployment;
pub mod duration;
mod ids;
mod metric;
mod policy;
mod route;
mod scale;
mod shift;
mod weight;

pub use action::{Action, ActionKind, Forward, ForwardGroup, GroupStickiness, equivalent};
pub use arn::{Arn, ArnError, ListenerArn, LoadBalancerArn, RuleArn, TargetGroupArn, TaskDefinitionArn};
pub use color::{ByColor, Color, Role};
pub use deployment::{DeploymentId, DeploymentSite, DeploymentWait};
pub use ids::{IdError, RunId};
pub use jiff::Timestamp;
pub use metric::{MetricQuery, Series};
pub use policy::{
    AfterCommit, AlarmPolicy, Capacity, DriftPolicy, Hook, NoData, OnInterrupt, RollbackPolicy, Step, Timing,
};
pub use route::RouteId;
pub use scale::{ScaleError, SetScale};
pub use shift::Shift;
pub use weight::{Percent, Split, Weight, WeightError};
