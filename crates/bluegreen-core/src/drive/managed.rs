//! Deployments that AWS carries out: how they are looked at, and how they are told what to do.

use std::time::Duration;

use serde_json::{Value, json};

use super::Run;
use super::perform::plain;
use crate::appspec::{self, Document, render_json, sha256};
use crate::decide::declared_settings;
use crate::journal::{Mutation, Resolution};
use crate::model::{ByColor, DeploymentSite, TaskDefinitionArn};
use crate::observe::{DeploymentStatus, ManagedDeployment, ManagedDeployments, OldAndNew, Reading, ServiceSnapshot};
use crate::plan::{CodeDeploy, Managed, Native};
use crate::ports::{CallError, DeploymentRequest, ErrorClass, Outcome, run_mark};

/// How much AWS's clock may be behind ours: a mark is unique, so looking further back finds nothing wrong.
const CLOCKS_APART: Duration = Duration::from_secs(900);

/// As CodeDeploy's platform for ECS services is called.
const ECS_PLATFORM: &str = "ECS";

impl Run<'_> {
    /// Asked for by managed plans alone.
    pub(super) async fn read_deployments(&self) -> Option<Reading<ManagedDeployments>> {
        let plan = &self.state.plan;
        let site = plan.deployment_site()?;
        let known = self.state.managed.deployment.as_ref();
        let since = self.state.started_at.checked_sub(CLOCKS_APART).unwrap_or(self.state.started_at);
        Some(self.read(self.driver.ports.releases.deployments(&site, Some(&plan.run), known, since)).await)
    }

    /// One service carries both versions: two views of it, as if each were a fleet of its own.
    pub(super) async fn read_one_service(
        &self,
        deployments: Option<&Reading<ManagedDeployments>>,
    ) -> Reading<ByColor<ServiceSnapshot>> {
        let plan = &self.state.plan;
        let name = plan.stable_baseline().name.clone();
        let found = self.driver.ports.fleet.services(&plan.site.cluster, std::slice::from_ref(&name));
        let known = self.state.managed.deployment.as_ref();
        let ours = deployments.and_then(Reading::ok).and_then(|seen| seen.ours.as_ref());
        let ours = ours.filter(|ours| Some(&ours.id) == known);
        self.read(async {
            let service = found.await?.into_iter().next().ok_or_else(|| CallError {
                operation: "ecs:DescribeServices".to_owned(),
                class: ErrorClass::Malformed,
                message: format!("{name} was asked for, nothing came back"),
            })?;
            let (stable, canary) = both_versions(&service, ours, self.state.task_definition.as_ref());
            Ok(match plan.stable() {
                crate::model::Color::Blue => ByColor { blue: stable, green: canary },
                crate::model::Color::Green => ByColor { blue: canary, green: stable },
            })
        })
        .await
    }

    /// Asked for while the settings of a deployment that has ended are to be put back.
    pub(super) async fn read_settings(&self) -> Option<Reading<Value>> {
        let managed = &self.state.managed;
        let Some(Managed::Ecs(_)) = self.state.plan.managed() else { return None };
        if managed.settings_restored || managed.end().is_none() {
            return None;
        }
        let (cluster, service) = self.ecs_site()?;
        let read = self.driver.ports.releases.service(&cluster, &service);
        Some(self.read(async { Ok(read.await?.get("deploymentConfiguration").cloned().unwrap_or(Value::Null)) }).await)
    }

    fn ecs_site(&self) -> Option<(String, String)> {
        match self.state.plan.deployment_site()? {
            DeploymentSite::Ecs { cluster, service } => Some((cluster, service)),
            DeploymentSite::CodeDeploy { .. } => None,
        }
    }

    /// Sends one mutation of a managed run.
    pub(super) async fn perform_managed(&self, mutation: &Mutation) -> Resolution {
        let releases = &self.driver.ports.releases;
        match (mutation, self.state.plan.managed()) {
            (Mutation::CreateConfig, Some(Managed::CodeDeploy(engine))) => {
                plain(releases.create_config(&engine.config, ECS_PLATFORM, &engine.shift).await)
            }
            (Mutation::StartDeployment, Some(engine)) => self.start(engine).await,
            (Mutation::Continue { deployment, wait }, Some(_)) => plain(releases.go_on(deployment, wait).await),
            (Mutation::StopDeployment { deployment }, Some(_)) => plain(releases.stop(deployment).await),
            (Mutation::RestoreSettings, Some(Managed::Ecs(engine))) => match self.ecs_site() {
                Some((cluster, service)) => {
                    let settings = json!({ "deploymentConfiguration": declared_settings(&engine.declared) });
                    plain(releases.configure(&cluster, &service, &settings).await)
                }
                None => not_for_this_plan(),
            },
            _ => not_for_this_plan(),
        }
    }

    async fn start(&self, engine: Managed<'_>) -> Resolution {
        let Some(revision) = &self.state.task_definition else { return not_for_this_plan() };
        let request = match engine {
            Managed::CodeDeploy(engine) => self.codedeploy_request(engine, revision),
            Managed::Ecs(engine) => self.ecs_request(engine, revision),
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return Resolution::NotApplied(error),
        };
        match self.driver.ports.releases.start(&request).await {
            Outcome::Applied(Some(deployment)) => Resolution::Started { deployment },
            Outcome::Applied(None) => Resolution::Applied { task_definition: None },
            Outcome::NotApplied(error) => Resolution::NotApplied(error),
            Outcome::Unknown(error) => Resolution::Unknown(error),
        }
    }

    fn codedeploy_request(
        &self,
        engine: &CodeDeploy,
        revision: &TaskDefinitionArn,
    ) -> Result<DeploymentRequest, CallError> {
        let content = content(&engine.appspec, revision)?;
        Ok(DeploymentRequest::CodeDeploy {
            application: engine.application.clone(),
            group: engine.group.clone(),
            config: engine.config.clone(),
            sha256: sha256(&content),
            content,
            description: run_mark(&self.state.plan.run),
        })
    }

    fn ecs_request(&self, engine: &Native, revision: &TaskDefinitionArn) -> Result<DeploymentRequest, CallError> {
        let (cluster, service) = self.ecs_site().ok_or_else(|| invalid("the plan names no ECS service"))?;
        Ok(DeploymentRequest::Ecs {
            cluster,
            service,
            task_definition: revision.clone(),
            configuration: engine.configuration.clone(),
        })
    }
}

/// The AppSpec with the revision in its place, byte for byte as it is sent.
fn content(appspec: &str, revision: &TaskDefinitionArn) -> Result<String, CallError> {
    let Document { spec, .. } = appspec::parse("the plan's AppSpec", appspec)
        .map_err(|report| invalid(&format!("the plan's AppSpec cannot be read: {report}")))?;
    Ok(render_json(&spec.with_task_definition(revision.clone())))
}

fn invalid(message: &str) -> CallError {
    CallError {
        operation: "codedeploy:CreateDeployment".to_owned(),
        class: ErrorClass::Invalid,
        message: message.to_owned(),
    }
}

fn not_for_this_plan() -> Resolution {
    Resolution::NotApplied(CallError {
        operation: "bluegreen".to_owned(),
        class: ErrorClass::Invalid,
        message: "the plan's engine does no such thing".to_owned(),
    })
}

/// The old and the new version of one service, each as a service of its own.
///
/// Until a deployment is known the new one has no tasks. After a success it is all there is; after a failure it is gone.
fn both_versions(
    service: &ServiceSnapshot,
    ours: Option<&ManagedDeployment>,
    revision: Option<&TaskDefinitionArn>,
) -> (ServiceSnapshot, ServiceSnapshot) {
    let with = |running: (u32, u32)| ServiceSnapshot {
        desired: running.0,
        running: running.1,
        pending: running.0.saturating_sub(running.1),
        deployments: Vec::new(),
        ..service.clone()
    };
    let Some(ours) = ours else { return (service.clone(), with((0, 0))) };
    let (mut stable, mut canary) = match ours.status {
        DeploymentStatus::Succeeded => (with((0, 0)), service.clone()),
        _ if ours.status.has_ended() => (service.clone(), with((0, 0))),
        // One that has just been made tells of no tasks at all: those that serve are the service's still.
        _ if ours.tasks == OldAndNew::default() => (service.clone(), with((0, 0))),
        _ => (with(ours.tasks.old), with(ours.tasks.new)),
    };
    let released = ours.task_definition.as_ref().or(revision);
    if let Some(released) = released.filter(|_| !ours.status.has_ended()) {
        canary.task_definition = released.clone();
        canary.deployments = of_revision(service, |other| other == released);
        stable.deployments = of_revision(service, |other| other != released);
    }
    (stable, canary)
}

fn of_revision(
    service: &ServiceSnapshot,
    wanted: impl Fn(&TaskDefinitionArn) -> bool,
) -> Vec<crate::observe::Deployment> {
    service.deployments.iter().filter(|deployment| wanted(&deployment.task_definition)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceSnapshot {
        serde_json::from_value(json!({
            "arn": "arn:aws:ecs:eu-west-3:111122223333:service/shop/web", "name": "web", "status": "ACTIVE",
            "createdAt": null, "controller": "codeDeploy", "desired": 4, "running": 4, "pending": 0,
            "taskDefinition": "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:1",
            "deployments": [], "targetGroups": [], "messages": []
        }))
        .unwrap()
    }

    fn deployment(status: &str, tasks: OldAndNew) -> ManagedDeployment {
        let found = json!({
            "id": "d-1", "creator": "user", "createdAt": "2026-11-23T06:00:00Z", "status": status, "events": [],
            "tasks": {"old": tasks.old, "new": tasks.new}
        });
        serde_json::from_value(found).unwrap()
    }

    #[test]
    fn one_service_is_seen_as_two_fleets() {
        let moving = OldAndNew { old: (4, 4), new: (4, 1) };
        let cases = [
            ("before one is known", None, (4, 4), (0, 0)),
            ("one that tells nothing yet", Some(deployment("inProgress", OldAndNew::default())), (4, 4), (0, 0)),
            ("one under way", Some(deployment("inProgress", moving)), (4, 4), (4, 1)),
            ("one that succeeded", Some(deployment("succeeded", moving)), (0, 0), (4, 4)),
            ("one that failed", Some(deployment("failed", moving)), (4, 4), (0, 0)),
        ];
        for (name, ours, stable, canary) in cases {
            let found = both_versions(&service(), ours.as_ref(), None);
            assert_eq!((found.0.desired, found.0.running), stable, "{name}: stable");
            assert_eq!((found.1.desired, found.1.running), canary, "{name}: canary");
        }
    }
}
