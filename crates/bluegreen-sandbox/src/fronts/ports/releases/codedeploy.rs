//! CodeDeploy.

use bluegreen_core::model::{DeploymentId, DeploymentWait, RunId, Shift, Timestamp};
use bluegreen_core::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployments};
use bluegreen_core::ports::{CallError, DeploymentRequest, ErrorClass, Outcome};

use super::super::Front;
use crate::trace::Detail;
use crate::world::{ReadKind, Refusal};

fn absent(operation: &str) -> Refusal {
    (ErrorClass::Unavailable, format!("the sandbox does not have {operation}"))
}

impl Front {
    pub(super) async fn codedeploy_deployments(
        &self,
        _application: &str,
        group: &str,
        _run: Option<&RunId>,
        _known: Option<&DeploymentId>,
        _since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let operation = ("codedeploy:ListDeployments", group.to_owned());
        let unable =
            |_: &_, _: &_, _| -> Result<(ManagedDeployments, Detail), Refusal> { Err(absent("ListDeployments")) };
        self.look(operation, ReadKind::Services, unable).await
    }

    pub(super) async fn codedeploy_start(&self, _request: &DeploymentRequest) -> Outcome<Option<DeploymentId>> {
        self.mutate(("codedeploy:CreateDeployment", String::new()), |_| Err(absent("CreateDeployment"))).await
    }

    pub(super) async fn codedeploy_go_on(&self, id: &DeploymentId, _wait: &DeploymentWait) -> Outcome<()> {
        let operation = ("codedeploy:ContinueDeployment", id.to_string());
        self.mutate(operation, |_| Err(absent("ContinueDeployment"))).await
    }

    pub(super) async fn codedeploy_stop(&self, id: &DeploymentId) -> Outcome<()> {
        let operation = ("codedeploy:StopDeployment", id.to_string());
        self.mutate(operation, |_| Err(absent("StopDeployment"))).await
    }

    pub(super) async fn codedeploy_create_config(&self, name: &str, _platform: &str, _shift: &Shift) -> Outcome<()> {
        let operation = ("codedeploy:CreateDeploymentConfig", name.to_owned());
        self.mutate(operation, |_| Err(absent("CreateDeploymentConfig"))).await
    }

    pub(super) async fn codedeploy_config(&self, name: &str) -> Result<DeploymentConfig, CallError> {
        let operation = ("codedeploy:GetDeploymentConfig", name.to_owned());
        let unable =
            |_: &_, _: &_, _| -> Result<(DeploymentConfig, Detail), Refusal> { Err(absent("GetDeploymentConfig")) };
        self.look(operation, ReadKind::Services, unable).await
    }

    pub(super) async fn codedeploy_group(&self, _application: &str, group: &str) -> Result<DeploymentGroup, CallError> {
        let operation = ("codedeploy:GetDeploymentGroup", group.to_owned());
        let unable =
            |_: &_, _: &_, _| -> Result<(DeploymentGroup, Detail), Refusal> { Err(absent("GetDeploymentGroup")) };
        self.look(operation, ReadKind::Services, unable).await
    }

    pub(super) async fn codedeploy_groups_of(
        &self,
        _cluster: &str,
        service: &str,
    ) -> Result<Vec<DeploymentGroup>, CallError> {
        let operation = ("codedeploy:BatchGetDeploymentGroups", service.to_owned());
        let unable = |_: &_, _: &_, _| -> Result<(Vec<DeploymentGroup>, Detail), Refusal> {
            Err(absent("BatchGetDeploymentGroups"))
        };
        self.look(operation, ReadKind::Services, unable).await
    }

    pub(super) async fn codedeploy_answer_hook(
        &self,
        id: &DeploymentId,
        _execution: &str,
        _passed: bool,
    ) -> Outcome<()> {
        let operation = ("codedeploy:PutLifecycleEventHookExecutionStatus", id.to_string());
        self.mutate(operation, |_| Err(absent("PutLifecycleEventHookExecutionStatus"))).await
    }
}
