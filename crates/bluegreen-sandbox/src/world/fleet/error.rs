//! What ECS refuses.

use bluegreen_core::ports::ErrorClass;

use crate::world::Refusal;

/// Why ECS refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// There is no such cluster.
    #[error("Cluster not found.")]
    ClusterNotFound,
    /// The cluster still has services.
    #[error("The Cluster cannot be deleted while Services are active.")]
    ClusterContainsServices,
    /// The cluster still has tasks.
    #[error("The Cluster cannot be deleted while Tasks are active.")]
    ClusterContainsTasks,
    /// There is no such service.
    #[error("Service not found.")]
    ServiceNotFound,
    /// The service was deleted.
    #[error("Service was not ACTIVE.")]
    ServiceNotActive,
    /// There is no such task set.
    #[error("The specified task set does not exist. Specify a valid task set ID and try again.")]
    TaskSetNotFound,
    /// There is no such service deployment.
    #[error("The service deployment was not found.")]
    ReleaseNotFound,
    /// What the request is about is not in a state for it.
    #[error("{0}")]
    Conflict(String),
    /// The request makes no sense in this state of things.
    #[error("{0}")]
    Client(String),
    /// A parameter is wrong.
    #[error("{0}")]
    InvalidParameter(String),
}

impl FleetError {
    /// AWS's code.
    pub fn code(&self) -> &'static str {
        match self {
            FleetError::ClusterNotFound => "ClusterNotFoundException",
            FleetError::ClusterContainsServices => "ClusterContainsServicesException",
            FleetError::ClusterContainsTasks => "ClusterContainsTasksException",
            FleetError::ServiceNotFound => "ServiceNotFoundException",
            FleetError::ServiceNotActive => "ServiceNotActiveException",
            FleetError::TaskSetNotFound => "TaskSetNotFoundException",
            FleetError::ReleaseNotFound => "ServiceDeploymentNotFoundException",
            FleetError::Conflict(_) => "ConflictException",
            FleetError::Client(_) => "ClientException",
            FleetError::InvalidParameter(_) => "InvalidParameterException",
        }
    }

    /// A wrong parameter.
    pub(crate) fn parameter(text: impl Into<String>) -> FleetError {
        FleetError::InvalidParameter(text.into())
    }

    /// A request that makes no sense.
    pub(crate) fn client(text: impl Into<String>) -> FleetError {
        FleetError::Client(text.into())
    }
}

impl From<FleetError> for Refusal {
    fn from(error: FleetError) -> Refusal {
        let class = match error {
            FleetError::ClusterNotFound
            | FleetError::ServiceNotFound
            | FleetError::TaskSetNotFound
            | FleetError::ReleaseNotFound => ErrorClass::NotFound,
            _ => ErrorClass::Invalid,
        };
        (class, format!("{}: {error}", error.code()))
    }
}
