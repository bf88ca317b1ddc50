//! Deployments that AWS carries out: dispatch to CodeDeploy and to ECS.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::{DeploymentId, DeploymentSite, DeploymentWait, RunId, Shift};
use crate::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployments};
use crate::ports::{CallError, DeploymentRequest, Outcome, Releases};

use super::classify::own;

/// [`Releases`] over CodeDeploy and ECS.
#[derive(Clone, Debug)]
pub struct AwsReleases {
    code_deploy: [aws_sdk_codedeploy::Client; 2],
    ecs: [aws_sdk_ecs::Client; 2],
}

impl AwsReleases {
    /// Over clients for reads and, without retries, for what changes something: in this order.
    pub fn new(code_deploy: [aws_sdk_codedeploy::Client; 2], ecs: [aws_sdk_ecs::Client; 2]) -> Self {
        AwsReleases { code_deploy, ecs }
    }
}

fn absent(operation: &str) -> CallError {
    own(operation, crate::ports::ErrorClass::Unavailable, "not there yet")
}

#[async_trait]
impl Releases for AwsReleases {
    async fn deployments(
        &self,
        _site: &DeploymentSite,
        _run: Option<&RunId>,
        _known: Option<&DeploymentId>,
        _since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        let _ = (&self.code_deploy, &self.ecs);
        Err(absent("deployments"))
    }
    async fn start(&self, _request: &DeploymentRequest) -> Outcome<Option<DeploymentId>> {
        Outcome::NotApplied(absent("start"))
    }
    async fn go_on(&self, _id: &DeploymentId, _wait: &DeploymentWait) -> Outcome<()> {
        Outcome::NotApplied(absent("go_on"))
    }
    async fn stop(&self, _id: &DeploymentId) -> Outcome<()> {
        Outcome::NotApplied(absent("stop"))
    }
    async fn create_config(&self, _name: &str, _compute_platform: &str, _shift: &Shift) -> Outcome<()> {
        Outcome::NotApplied(absent("create_config"))
    }
    async fn config(&self, _name: &str) -> Result<DeploymentConfig, CallError> {
        Err(absent("config"))
    }
    async fn group(&self, _application: &str, _group: &str) -> Result<DeploymentGroup, CallError> {
        Err(absent("group"))
    }
    async fn groups_of(&self, _cluster: &str, _service: &str) -> Result<Vec<DeploymentGroup>, CallError> {
        Err(absent("groups_of"))
    }
    async fn service(&self, _cluster: &str, _service: &str) -> Result<Value, CallError> {
        Err(absent("service"))
    }
    async fn configure(&self, _cluster: &str, _service: &str, _settings: &Value) -> Outcome<()> {
        Outcome::NotApplied(absent("configure"))
    }
    async fn answer_hook(&self, _deployment: &DeploymentId, _execution: &str, _passed: bool) -> Outcome<()> {
        Outcome::NotApplied(absent("answer_hook"))
    }
}
