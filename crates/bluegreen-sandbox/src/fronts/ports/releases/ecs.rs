//! ECS's own deployments, and what only ECS says about a service.

use bluegreen_core::model::{DeploymentId, DeploymentWait, RunId, TaskDefinitionArn, Timestamp};
use bluegreen_core::observe::ManagedDeployments;
use bluegreen_core::ports::{CallError, ErrorClass, Outcome};
use serde_json::Value;

use super::super::Front;
use crate::trace::Detail;
use crate::world::{ReadKind, Refusal};

fn absent(operation: &str) -> Refusal {
    (ErrorClass::Unavailable, format!("the sandbox does not have {operation}"))
}

impl Front {
    pub(super) async fn ecs_deployments(
        &self,
        _cluster: &str,
        service: &str,
        _run: Option<&RunId>,
        _known: Option<&DeploymentId>,
        _since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let operation = ("ecs:ListServiceDeployments", service.to_owned());
        let unable = |_: &_, _: &_, _| -> Result<(ManagedDeployments, Detail), Refusal> {
            Err(absent("ListServiceDeployments"))
        };
        self.look(operation, ReadKind::Services, unable).await
    }

    pub(super) async fn ecs_start(
        &self,
        _cluster: &str,
        service: &str,
        _task_definition: &TaskDefinitionArn,
        _configuration: &Value,
    ) -> Outcome<Option<DeploymentId>> {
        let operation = ("ecs:UpdateService", service.to_owned());
        self.mutate(operation, |_| Err(absent("deployment strategies"))).await
    }

    pub(super) async fn ecs_go_on(&self, id: &DeploymentId, _wait: &DeploymentWait) -> Outcome<()> {
        let operation = ("ecs:ContinueServiceDeployment", id.to_string());
        self.mutate(operation, |_| Err(absent("ContinueServiceDeployment"))).await
    }

    pub(super) async fn ecs_stop(&self, id: &DeploymentId) -> Outcome<()> {
        let operation = ("ecs:StopServiceDeployment", id.to_string());
        self.mutate(operation, |_| Err(absent("StopServiceDeployment"))).await
    }

    pub(super) async fn ecs_service(&self, _cluster: &str, service: &str) -> Result<Value, CallError> {
        let operation = ("ecs:DescribeServices", service.to_owned());
        let unable = |_: &_, _: &_, _| -> Result<(Value, Detail), Refusal> { Err(absent("whole services")) };
        self.look(operation, ReadKind::Services, unable).await
    }

    pub(super) async fn ecs_configure(&self, _cluster: &str, service: &str, _settings: &Value) -> Outcome<()> {
        let operation = ("ecs:UpdateService", service.to_owned());
        self.mutate(operation, |_| Err(absent("settings of services"))).await
    }
}
