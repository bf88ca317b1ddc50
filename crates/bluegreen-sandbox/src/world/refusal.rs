//! How the world says no.

use bluegreen_core::ports::ErrorClass;

/// What a port tells of a refusal: the class of the error, and AWS's code and words in one text.
pub type Refusal = (ErrorClass, String);

/// AWS's refusal of a request. A refused request has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// AWS's code, such as `RuleNotFound`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Refused {
    /// A refusal with this code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Refused {
        Refused { code, message: message.into() }
    }

    /// A value that is outside of what its parameter takes.
    pub fn value(message: impl Into<String>) -> Refused {
        Refused::new("ValidationError", message)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Refusal {
        // CodeDeploy says `DeploymentDoesNotExistException` where others say `RuleNotFound`.
        let missing = refused.code.ends_with("NotFound") || refused.code.ends_with("DoesNotExistException");
        let class = if missing { ErrorClass::NotFound } else { ErrorClass::Invalid };
        (class, refused.to_string())
    }
}
