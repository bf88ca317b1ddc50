//! The names of what AWS carries out for us: deployments of CodeDeploy and of ECS.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A CodeDeploy deployment (`d-ABCDEF123`) or the ARN of an ECS service deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(String);

impl DeploymentId {
    /// AWS's own name, taken as it is.
    pub fn new(id: impl Into<String>) -> DeploymentId {
        DeploymentId(id.into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that people read: what follows the last `/`.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether one deployment goes forth and back: one of ECS. CodeDeploy takes a deployment back by another one.
    pub fn goes_back_itself(&self) -> bool {
        self.0.starts_with("arn:")
    }

    /// Where a deployment of ECS is found: its ARN says that.
    pub fn site(&self) -> Option<DeploymentSite> {
        let path = self.0.strip_prefix("arn:")?.split(':').nth(4)?;
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["service-deployment", cluster, service, _] => {
                Some(DeploymentSite::Ecs { cluster: (*cluster).to_owned(), service: (*service).to_owned() })
            }
            _ => None,
        }
    }

    /// The region that its ARN names.
    pub fn region(&self) -> Option<&str> {
        self.0.strip_prefix("arn:")?.split(':').nth(2)
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the deployments of a service are found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum DeploymentSite {
    /// In a deployment group of CodeDeploy.
    CodeDeploy {
        /// The application's name.
        application: String,
        /// The deployment group's name.
        group: String,
    },
    /// At the service itself.
    Ecs {
        /// The cluster's name or ARN.
        cluster: String,
        /// The service's name.
        service: String,
    },
}

/// A point at which a deployment waits to be told to go on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum DeploymentWait {
    /// CodeDeploy has the new tasks ready and no production traffic on them.
    Ready,
    /// CodeDeploy keeps the old tasks for a while after all traffic has moved.
    Termination,
    /// ECS pauses at a lifecycle stage.
    Pause {
        /// AWS's id of this one pause.
        hook: String,
        /// The stage, as AWS names it.
        stage: String,
    },
}

impl fmt::Display for DeploymentWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeploymentWait::Ready => f.write_str("READY_WAIT"),
            DeploymentWait::Termination => f.write_str("TERMINATION_WAIT"),
            DeploymentWait::Pause { stage, .. } => write!(f, "the pause at {stage}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_where_its_deployment_is() {
        let id = DeploymentId::new("arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/abc");
        assert!(id.goes_back_itself());
        assert_eq!((id.short(), id.region()), ("abc", Some("eu-west-3")));
        assert_eq!(id.site(), Some(DeploymentSite::Ecs { cluster: "shop".into(), service: "web".into() }));
        for other in ["d-ABCDEF123", "arn:aws:ecs:eu-west-3:111122223333:service/shop/web", "arn:aws"] {
            assert_eq!(DeploymentId::new(other).site(), None, "{other}");
        }
        assert!(!DeploymentId::new("d-ABCDEF123").goes_back_itself());
    }
}
