//! Deployments that AWS carries out: which of the world's two services a call goes to.

use async_trait::async_trait;
use bluegreen_core::model::{DeploymentId, DeploymentSite, DeploymentWait, RunId, Shift, Timestamp};
use bluegreen_core::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployments};
use bluegreen_core::ports::{CallError, DeploymentRequest, Outcome, Releases};
use serde_json::Value;

use super::Front;

mod codedeploy;
mod ecs;

/// CodeDeploy's ids (`d-…`) are no ARNs; ECS's are.
fn of_ecs(id: &DeploymentId) -> bool {
    id.as_str().starts_with("arn:")
}

#[async_trait]
impl Releases for Front {
    async fn deployments(
        &self,
        site: &DeploymentSite,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        match site {
            DeploymentSite::CodeDeploy { application, group } => {
                self.codedeploy_deployments(application, group, run, known, since).await
            }
            DeploymentSite::Ecs { cluster, service } => self.ecs_deployments(cluster, service, run, known, since).await,
        }
    }

    async fn start(&self, request: &DeploymentRequest) -> Outcome<Option<DeploymentId>> {
        match request {
            DeploymentRequest::CodeDeploy { .. } => self.codedeploy_start(request).await,
            DeploymentRequest::Ecs { cluster, service, task_definition, configuration } => {
                self.ecs_start(cluster, service, task_definition, configuration).await
            }
        }
    }

    async fn go_on(&self, id: &DeploymentId, wait: &DeploymentWait) -> Outcome<()> {
        match of_ecs(id) {
            true => self.ecs_go_on(id, wait).await,
            false => self.codedeploy_go_on(id, wait).await,
        }
    }

    async fn stop(&self, id: &DeploymentId) -> Outcome<()> {
        match of_ecs(id) {
            true => self.ecs_stop(id).await,
            false => self.codedeploy_stop(id).await,
        }
    }

    async fn create_config(&self, name: &str, compute_platform: &str, shift: &Shift) -> Outcome<()> {
        self.codedeploy_create_config(name, compute_platform, shift).await
    }

    async fn config(&self, name: &str) -> Result<DeploymentConfig, CallError> {
        self.codedeploy_config(name).await
    }

    async fn group(&self, application: &str, group: &str) -> Result<DeploymentGroup, CallError> {
        self.codedeploy_group(application, group).await
    }

    async fn groups_of(&self, cluster: &str, service: &str) -> Result<Vec<DeploymentGroup>, CallError> {
        self.codedeploy_groups_of(cluster, service).await
    }

    async fn service(&self, cluster: &str, service: &str) -> Result<Value, CallError> {
        self.ecs_service(cluster, service).await
    }

    async fn configure(&self, cluster: &str, service: &str, settings: &Value) -> Outcome<()> {
        self.ecs_configure(cluster, service, settings).await
    }

    async fn answer_hook(&self, deployment: &DeploymentId, execution: &str, passed: bool) -> Outcome<()> {
        self.codedeploy_answer_hook(deployment, execution, passed).await
    }
}
