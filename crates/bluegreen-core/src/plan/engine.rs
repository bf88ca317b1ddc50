//! What carries a release out, with all that it has to be told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EngineKind, Plan};
use crate::model::{DeploymentSite, Shift, duration};
use crate::ports::marked_run;

/// The stage at which ECS waits for us before it moves traffic: once for each of its moves.
pub(crate) const PAUSE_BEFORE: &str = "PRE_PRODUCTION_TRAFFIC_SHIFT";

/// The stage at which ECS waits for us after all traffic has moved.
pub(crate) const PAUSE_AFTER: &str = "POST_PRODUCTION_TRAFFIC_SHIFT";

/// The engine of one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Engine {
    /// We write the weights; the fleets are two services.
    #[default]
    Alb,
    /// We write the weights; the fleets are task sets of one service with an external controller.
    TaskSets(TaskSets),
    /// CodeDeploy moves task sets and weights.
    CodeDeploy(Box<CodeDeploy>),
    /// ECS's own blue/green, linear or canary strategy.
    Ecs(Box<Native>),
}

/// What every task set of the service is made with: a `CreateTaskSet` request as JSON under AWS's member names, without
/// service, cluster, task definition, scale, load balancers and token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskSets {
    /// The request's other members, copied from the set that serves.
    pub template: Value,
    /// The container that the load balancer sends requests to.
    pub container: String,
    /// The port that it listens on.
    pub port: u16,
    /// AWS's id of the set that serves.
    pub stable_set: String,
    /// Sets without traffic that earlier releases left in the canary's target group: deleted before the new one is made,
    /// and not made again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
}

/// A CodeDeploy deployment, but for the revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CodeDeploy {
    /// The application's name.
    pub application: String,
    /// The deployment group's name.
    pub group: String,
    /// The traffic configuration's name.
    pub config: String,
    /// Whether that configuration does not exist yet: it is made first.
    pub create_config: bool,
    /// How traffic moves.
    pub shift: Shift,
    /// The AppSpec as JSON text, with `<TASK_DEFINITION>` where the revision goes.
    pub appspec: String,
    /// How long the group waits for a continue before the first shift; `None` where it goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_duration")]
    pub ready_wait: Option<Duration>,
    /// How long the group keeps the old tasks after the last shift.
    #[serde(with = "duration")]
    pub termination_wait: Duration,
}

/// A service deployment of ECS, but for the revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Native {
    /// How traffic moves. Its waits are ours: ECS pauses before each move until it is told to go on.
    pub shift: Shift,
    /// `deploymentConfiguration` for the deployment, as JSON: strategy, hooks (the user's and our pauses, which carry the
    /// run's mark in `hookDetails`), alarms, circuit breaker.
    pub configuration: Value,
    /// `deploymentConfiguration` as it was declared before, put back when the run is over.
    pub declared: Value,
}

impl Native {
    /// How long ECS waits at one of our pauses before it rolls back by itself.
    pub fn pause_timeout(&self) -> Option<Duration> {
        let hooks = self.configuration.get("lifecycleHooks").and_then(Value::as_array)?;
        let ours = hooks.iter().find(|hook| marked_run(&hook.to_string()).is_some())?;
        let minutes = ours.get("timeoutConfiguration")?.get("timeoutInMinutes")?.as_u64()?;
        Some(Duration::from_secs(minutes.saturating_mul(60)))
    }
}

/// An engine that AWS runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Managed<'a> {
    /// CodeDeploy.
    CodeDeploy(&'a CodeDeploy),
    /// ECS.
    Ecs(&'a Native),
}

impl Engine {
    /// Whether this is the engine of plans that name none.
    pub fn is_alb(&self) -> bool {
        *self == Engine::Alb
    }

    /// The engine without what it has to be told.
    pub fn kind(&self) -> EngineKind {
        match self {
            Engine::Alb => EngineKind::Alb,
            Engine::TaskSets(_) => EngineKind::TaskSets,
            Engine::CodeDeploy(_) => EngineKind::CodeDeploy,
            Engine::Ecs(_) => EngineKind::Ecs,
        }
    }

    /// The word for it in a spec.
    pub fn word(&self) -> &'static str {
        match self {
            Engine::Alb | Engine::TaskSets(_) => "alb",
            Engine::CodeDeploy(_) => "codedeploy",
            Engine::Ecs(_) => "ecs",
        }
    }
}

impl Plan {
    /// The engine, where AWS runs it.
    pub fn managed(&self) -> Option<Managed<'_>> {
        match &self.engine {
            Engine::Alb | Engine::TaskSets(_) => None,
            Engine::CodeDeploy(engine) => Some(Managed::CodeDeploy(engine)),
            Engine::Ecs(engine) => Some(Managed::Ecs(engine)),
        }
    }

    /// Where the deployments are found, where AWS runs them.
    pub fn deployment_site(&self) -> Option<DeploymentSite> {
        match self.managed()? {
            Managed::CodeDeploy(engine) => Some(DeploymentSite::CodeDeploy {
                application: engine.application.clone(),
                group: engine.group.clone(),
            }),
            Managed::Ecs(_) => Some(DeploymentSite::Ecs {
                cluster: self.site.cluster.clone(),
                service: self.stable_baseline().name.clone(),
            }),
        }
    }
}

/// A duration that may be absent, in the form of [`duration`].
mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::model::duration;

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "duration")] Duration);

    #[allow(clippy::ref_option, reason = "serde's shape")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Wrapped).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
    }
}
