//! Deployments that AWS carries out: dispatch to CodeDeploy and to ECS.

use async_trait::async_trait;
use aws_sdk_codedeploy::types::DeploymentWaitType;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::{DeploymentId, DeploymentSite, DeploymentWait, RunId, Shift};
use crate::observe::{DeploymentConfig, DeploymentGroup, ManagedDeployments};
use crate::ports::{CallError, DeploymentRequest, Outcome, Releases};
use crate::text;

mod codedeploy;
mod ecs;

use codedeploy::CodeDeploy;
use ecs::Native;

/// The longest message of AWS's that is passed on, in characters.
const MESSAGE_LIMIT: usize = 500;

/// [`Releases`] over CodeDeploy and ECS.
#[derive(Clone, Debug)]
pub struct AwsReleases {
    code_deploy: CodeDeploy,
    ecs: Native,
}

impl AwsReleases {
    /// Over clients for reads and, without retries, for what changes something: in this order.
    pub fn new(code_deploy: [aws_sdk_codedeploy::Client; 2], ecs: [aws_sdk_ecs::Client; 2]) -> Self {
        AwsReleases { code_deploy: CodeDeploy::new(code_deploy), ecs: Native::new(ecs) }
    }
}

#[async_trait]
impl Releases for AwsReleases {
    async fn deployments(
        &self,
        site: &DeploymentSite,
        run: Option<&RunId>,
        known: Option<&DeploymentId>,
        since: Timestamp,
    ) -> Result<ManagedDeployments, CallError> {
        match site {
            DeploymentSite::CodeDeploy { application, group } => {
                self.code_deploy.deployments(application, group, run, known, since).await
            }
            DeploymentSite::Ecs { cluster, service } => self.ecs.deployments(cluster, service, run, known, since).await,
        }
    }

    async fn start(&self, request: &DeploymentRequest) -> Outcome<Option<DeploymentId>> {
        match request {
            DeploymentRequest::CodeDeploy { application, group, config, content, sha256, description } => {
                let revision = codedeploy::Revision { content, sha256 };
                self.code_deploy.start(application, group, config, revision, description).await.map(Some)
            }
            DeploymentRequest::Ecs { cluster, service, task_definition, configuration } => {
                // The answer may still show the deployment before this one: what is taken for ours carries the mark.
                self.ecs.start(cluster, service, task_definition, configuration).await.map(|()| None)
            }
        }
    }

    async fn go_on(&self, id: &DeploymentId, wait: &DeploymentWait) -> Outcome<()> {
        match wait {
            DeploymentWait::Ready => self.code_deploy.go_on(id, DeploymentWaitType::ReadyWait).await,
            DeploymentWait::Termination => self.code_deploy.go_on(id, DeploymentWaitType::TerminationWait).await,
            DeploymentWait::Pause { hook, .. } => self.ecs.go_on(id, hook).await,
        }
    }

    async fn stop(&self, id: &DeploymentId) -> Outcome<()> {
        if is_arn(id) { self.ecs.stop(id).await } else { self.code_deploy.stop(id).await }
    }

    async fn create_config(&self, name: &str, compute_platform: &str, shift: &Shift) -> Outcome<()> {
        self.code_deploy.create_config(name, compute_platform, shift).await
    }

    async fn config(&self, name: &str) -> Result<DeploymentConfig, CallError> {
        self.code_deploy.config(name).await
    }

    async fn group(&self, application: &str, group: &str) -> Result<DeploymentGroup, CallError> {
        self.code_deploy.group(application, group).await
    }

    async fn groups_of(&self, cluster: &str, service: &str) -> Result<Vec<DeploymentGroup>, CallError> {
        self.code_deploy.groups_of(cluster, service).await
    }

    async fn service(&self, cluster: &str, service: &str) -> Result<Value, CallError> {
        self.ecs.service(cluster, service).await
    }

    async fn configure(&self, cluster: &str, service: &str, settings: &Value) -> Outcome<()> {
        self.ecs.configure(cluster, service, settings).await
    }

    async fn answer_hook(&self, deployment: &DeploymentId, execution: &str, passed: bool) -> Outcome<()> {
        self.code_deploy.answer_hook(deployment, execution, passed).await
    }
}

/// ECS names its deployments by ARN, CodeDeploy by short ids.
fn is_arn(id: &DeploymentId) -> bool {
    id.as_str().starts_with("arn:")
}

/// A percentage in parts of a million; `None` for what is no share.
fn ppm(percent: f64) -> Option<u32> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000,000")]
    (0.0..=100.0).contains(&percent).then(|| (percent * 10_000.0).round() as u32)
}

/// What AWS says in several places, in one line and each thing once; `None` where it says nothing.
fn words<'a>(said: impl IntoIterator<Item = Option<&'a str>>) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for text in said.into_iter().flatten().map(str::trim) {
        if !text.is_empty() && !kept.contains(&text) {
            kept.push(text);
        }
    }
    (!kept.is_empty()).then(|| text::line(&kept.join("; "), MESSAGE_LIMIT))
}

/// The last part of a name or an ARN of ECS: of a cluster or of a service.
fn short_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parts_of_a_million() {
        for (percent, expected) in [
            (0.0, Some(0)),
            (0.1, Some(1000)),
            (33.3, Some(333_000)),
            (100.0, Some(1_000_000)),
            (100.1, None),
            (-1.0, None),
            (f64::NAN, None),
        ] {
            assert_eq!(ppm(percent), expected, "{percent}");
        }
    }

    #[test]
    fn words_are_said_once_and_without_controls() {
        assert_eq!(
            words([None, Some("stopped\u{1b}[2J"), Some(" "), Some("by hand")]).as_deref(),
            Some("stopped; by hand")
        );
        assert_eq!(words([Some("a"), Some("a")]).as_deref(), Some("a"));
        assert_eq!(words([None, Some("")]), None);
    }

    #[test]
    fn names_are_cut_out_of_arns() {
        assert_eq!(short_name("arn:aws:ecs:eu-west-3:111122223333:service/shop/web"), "web");
        assert_eq!(short_name("shop"), "shop");
        assert!(is_arn(&DeploymentId::new("arn:aws:ecs:eu-west-3:1:service-deployment/shop/web/x")));
        assert!(!is_arn(&DeploymentId::new("d-ABCDEF123")));
    }
}
