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
