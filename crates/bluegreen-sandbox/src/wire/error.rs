//! Refusals as the services word them.

use super::Service;

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller's: status 4xx.
    Sender,
    /// The service's: status 5xx.
    Receiver,
}

impl Fault {
    /// `Sender` or `Receiver`, as AWS has it.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Sender => "Sender",
            Fault::Receiver => "Receiver",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// What programs tell it by, without a namespace: `RuleNotFound`, `ClusterNotFoundException`.
    pub code: String,
    /// What people read.
    pub message: String,
    /// Whose fault it is.
    pub fault: Fault,
}

impl ApiError {
    /// The caller's fault, with status 400.
    pub fn sender(code: impl Into<String>, message: impl Into<String>) -> ApiError {
        ApiError { status: 400, code: code.into(), message: message.into(), fault: Fault::Sender }
    }

    /// The service's fault, with a status of 5xx.
    pub fn receiver(status: u16, code: impl Into<String>, message: impl Into<String>) -> ApiError {
        ApiError { status, code: code.into(), message: message.into(), fault: Fault::Receiver }
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> ApiError {
        self.status = status;
        self
    }

    /// A value that the service does not take, under the code that this service has for it.
    pub fn validation(service: Service, message: impl Into<String>) -> ApiError {
        let code = match service {
            Service::Elbv2 | Service::Sts => "ValidationError",
            Service::Ecs | Service::Tagging => "InvalidParameterException",
            Service::CloudWatch => "InvalidParameterValue",
            Service::CodeDeploy => "InvalidInputException",
        };
        ApiError::sender(code, message)
    }

    /// Something that is not there; `code` is the service's own, as in `TargetGroupNotFound`.
    pub fn not_found(code: &str, message: impl Into<String>) -> ApiError {
        ApiError::sender(code, message)
    }

    /// Too many requests.
    pub fn throttled() -> ApiError {
        ApiError::sender("ThrottlingException", "Rate exceeded")
    }

    /// The service failed.
    pub fn internal() -> ApiError {
        ApiError::receiver(500, "InternalFailure", "The request processing has failed because of an unknown error.")
    }

    /// The service cannot answer for now.
    pub fn unavailable() -> ApiError {
        ApiError::receiver(503, "ServiceUnavailable", "The service is temporarily unavailable.")
    }

    /// The caller may not.
    pub fn denied(service: Service, operation: &str) -> ApiError {
        let code = match service {
            Service::Elbv2 | Service::CloudWatch | Service::Sts => "AccessDenied",
            Service::Ecs | Service::CodeDeploy | Service::Tagging => "AccessDeniedException",
        };
        let action = format!("{}:{operation}", service.iam());
        ApiError::sender(code, format!("The caller is not authorized to perform: {action}")).with_status(
            match service {
                Service::Elbv2 | Service::CloudWatch | Service::Sts => 403,
                _ => 400,
            },
        )
    }

    /// An operation of AWS that the sandbox lacks. Status 501: no client tries that again.
    pub fn not_implemented(service: Service, operation: &str) -> ApiError {
        let text = format!(
            "the sandbox has no {operation} of {}; AWS may well have it: leave the call out here, or try it against AWS",
            service.name()
        );
        ApiError::receiver(501, "NotImplemented", text)
    }

    /// The body of the request is not what its protocol says.
    pub fn malformed(message: impl Into<String>) -> ApiError {
        ApiError::sender("SerializationException", message)
    }
}
