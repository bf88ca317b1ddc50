//! Deployments that AWS carries out: dispatch to the world's CodeDeploy and ECS.

use async_trait::async_trait;
use bluegreen_core::model::Timestamp;
use serde_json::Value;

use super::Front;

use bluegreen_core::model::{DeploymentId, DeploymentSite, DeploymentWait, RunId, Shift};
use bluegreen_core::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployments};
use bluegreen_core::ports::{CallError, DeploymentRequest, ErrorClass, Outcome, Releases};

fn absent(operation: &str) -> CallError {
    CallError { operation: operation.to_owned(), class: ErrorClass::Unavailable, message: "not there yet".to_owned() }
}

#[async_trait]
impl Releases for Front {
    async fn deployments(
        &self,
        _site: &DeploymentSite,
        _run: Option<&RunId>,
        _known: Option<&DeploymentId>,
        _since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
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
