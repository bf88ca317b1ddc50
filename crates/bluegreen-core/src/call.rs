//! How a call can end: errors classified once, and mutations whose outcome may be unknown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of failure a call met; decided by the adapter, from the error code alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorClass {
    /// Too many requests: the same call later may pass.
    Throttled,
    /// The caller may not do this.
    Denied,
    /// The credentials are missing, expired or invalid.
    Credentials,
    /// The thing does not exist.
    NotFound,
    /// AWS refused the request as it stands: sending it again changes nothing.
    Invalid,
    /// AWS failed, or could not be reached: the same call later may pass.
    Unavailable,
    /// No answer in time.
    TimedOut,
    /// An answer that could not be understood.
    Malformed,
}

impl ErrorClass {
    /// Whether the same call may pass later without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, ErrorClass::Throttled | ErrorClass::Unavailable | ErrorClass::TimedOut)
    }

    /// The class in words.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorClass::Throttled => "throttled",
            ErrorClass::Denied => "denied",
            ErrorClass::Credentials => "credentials not accepted",
            ErrorClass::NotFound => "not found",
            ErrorClass::Invalid => "refused as invalid",
            ErrorClass::Unavailable => "unavailable",
            ErrorClass::TimedOut => "timed out",
            ErrorClass::Malformed => "answer not understood",
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub struct CallError {
    /// The operation, such as `elbv2:ModifyRule`.
    pub operation: String,
    /// The kind of failure.
    pub class: ErrorClass,
    /// AWS's code and message, without secrets or control characters.
    pub message: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.class.as_str(), self.message)
    }
}

/// How a mutation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// AWS said yes.
    Applied(T),
    /// AWS said no, or the request certainly never arrived.
    NotApplied(CallError),
    /// No telling: the request may have taken effect, or may still. Look; never guess.
    Unknown(CallError),
}

impl<T> Outcome<T> {
    /// The same outcome with its value changed by `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Applied(value) => Outcome::Applied(f(value)),
            Outcome::NotApplied(error) => Outcome::NotApplied(error),
            Outcome::Unknown(error) => Outcome::Unknown(error),
        }
    }
}
