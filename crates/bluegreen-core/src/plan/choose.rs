//! Which engine carries a release out: what the spec says, or what the service is.

use serde_json::Value;

use super::service::{Mover, mover};
use super::{EngineKind, Finding};
use crate::observe::Reading;
use crate::ports::ErrorClass;
use crate::spec::{Engine, Spec};

/// An engine, and why, where the spec leaves it open.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub kind: EngineKind,
    pub why: Option<Finding>,
}

/// Chooses by what is live. `service` is the one that both colours share, if the spec names one and it was asked for.
///
/// `Ok(None)`: it cannot be told, since the service cannot be read.
pub(super) fn choose(spec: &Spec, service: Option<&Reading<Value>>) -> Result<Option<Choice>, Finding> {
    let fixed = |kind| Ok(Some(Choice { kind, why: None }));
    match spec.engine {
        Engine::Alb => fixed(own_weights(spec)),
        Engine::CodeDeploy => fixed(EngineKind::CodeDeploy),
        Engine::Ecs => fixed(EngineKind::Ecs),
        Engine::Auto => by_service(spec, service),
    }
}

/// Our own weights, between two services or between task sets.
pub(super) fn own_weights(spec: &Spec) -> EngineKind {
    match spec.fleet.task_sets {
        Some(_) => EngineKind::TaskSets,
        None => EngineKind::Alb,
    }
}

fn by_service(spec: &Spec, service: Option<&Reading<Value>>) -> Result<Option<Choice>, Finding> {
    let chosen = |kind: EngineKind, because: String| {
        let what = format!("the engine is {kind}: {because}");
        let cure = format!("write `engine: {kind}` to fix it");
        Ok(Some(Choice { kind, why: Some(Finding::info("BG3240", what, cure)) }))
    };
    let own = own_weights(spec);
    let two = spec.fleet.services.is_some() || own == EngineKind::TaskSets;
    let ours = if own == EngineKind::TaskSets { "task sets are named" } else { "two others are named" };
    let (Some(name), Some(reading)) = (&spec.fleet.service, service) else {
        let fleet = if own == EngineKind::TaskSets { "task sets of one service" } else { "two services" };
        return chosen(own, format!("the fleet is {fleet}"));
    };
    let found = match &reading.value {
        Ok(found) => found,
        Err(error) if error.class == ErrorClass::NotFound && two => {
            return chosen(own, format!("there is no service {name}, and {ours}"));
        }
        Err(_) => return Ok(None),
    };
    match mover(found) {
        Mover::CodeDeploy => chosen(EngineKind::CodeDeploy, format!("service {name} has the controller CODE_DEPLOY")),
        Mover::Native(strategy) => {
            chosen(EngineKind::Ecs, format!("ECS itself shifts the traffic of service {name} ({strategy})"))
        }
        Mover::Rolling | Mover::External if two => {
            chosen(own, format!("nobody shifts the traffic of service {name}, and {ours}"))
        }
        other => Err(unfit(name, &other)),
    }
}

fn unfit(name: &str, mover: &Mover) -> Finding {
    let (is, cure) = match mover {
        Mover::External => {
            ("has an external controller".to_owned(), "name it under `fleet.taskSets`, for the engine alb")
        }
        Mover::Unknown(kind) => (
            format!("has a controller that this version does not know ({kind})"),
            "use a newer version of bluegreen, or another service",
        ),
        _ => (
            "is a rolling one: nothing shifts its traffic".to_owned(),
            "name two services under `fleet.services`, or give this one an alternate target group \
             (`advancedConfiguration`) for the engine ecs",
        ),
    };
    Finding::refuse("BG3241", format!("no engine fits service {name}: it {is}"), cure)
}

/// Whether the service is of the kind that the engine moves, with the engine that fits where it is not.
pub(super) fn check_mover(kind: EngineKind, name: &str, service: &Value) -> Option<Finding> {
    let (owner, cure) = match (kind, mover(service)) {
        (EngineKind::CodeDeploy, Mover::CodeDeploy) | (EngineKind::Ecs, Mover::Native(_)) => return None,
        (_, Mover::CodeDeploy) => ("CodeDeploy".to_owned(), "write `engine: codedeploy`"),
        (_, Mover::Native(strategy)) => (format!("ECS itself ({strategy})"), "write `engine: ecs`"),
        (_, Mover::External) => {
            ("an external controller".to_owned(), "write `engine: alb`, and name it under `fleet.taskSets`")
        }
        (_, Mover::Unknown(found)) => (
            format!("a controller that this version does not know ({found})"),
            "use a newer version of bluegreen, or another service",
        ),
        (EngineKind::Ecs, Mover::Rolling) => {
            let what = format!(
                "service {name} has no alternate target group: ECS replaces its tasks in place and shifts no traffic"
            );
            let cure = "add `advancedConfiguration` to its load balancer, or write `engine: alb` and name two services";
            return Some(Finding::refuse("BG3220", what, cure));
        }
        (_, Mover::Rolling) => (
            "ECS, which replaces its tasks in place".to_owned(),
            "write `engine: alb` and name two services under `fleet.services`",
        ),
    };
    let what = format!("service {name} is moved by {owner}, not by {}", kind.who());
    Some(Finding::refuse("BG3011", what, cure))
}
