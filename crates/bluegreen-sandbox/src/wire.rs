//! The bytes of AWS: three protocols, one tree.
//!
//! A service answers trees with trees; [`decode`] makes one of a request and [`encode`] bytes of an answer. Which
//! protocol a client speaks is seen from its headers, so that every service takes every protocol:
//!
//! | protocol | request | spoken by |
//! |---|---|---|
//! | awsQuery | a form with `Action` and `Version`; XML back | load balancers, STS, old CloudWatch clients |
//! | awsJson 1.0 and 1.1 | JSON, `X-Amz-Target: Service.Operation` | ECS, CodeDeploy, tagging, CloudWatch |
//! | Smithy RPC v2 CBOR | `POST /service/Name/operation/Op` | CloudWatch, newer clients of the others |

mod body;
mod cbor;
mod codec;
mod error;
mod input;
mod node;
mod query;
#[cfg(test)]
mod tests;
mod xml;

pub(crate) use body::BODY_MAX;
pub(crate) use codec::id;
pub use codec::{decode, encode};
pub use error::{ApiError, Fault};
pub use input::Input;
pub use node::{Map, Node};

/// A service of AWS that the sandbox plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Elastic Load Balancing v2.
    Elbv2,
    /// Elastic Container Service.
    Ecs,
    /// `CloudWatch` metrics and alarms.
    CloudWatch,
    /// `CodeDeploy`.
    CodeDeploy,
    /// Security Token Service.
    Sts,
    /// Resource Groups Tagging API.
    Tagging,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 6] =
        [Service::Elbv2, Service::Ecs, Service::CloudWatch, Service::CodeDeploy, Service::Sts, Service::Tagging];

    /// What command lines call it: `elbv2`, `resourcegroupstaggingapi`.
    pub fn name(self) -> &'static str {
        match self {
            Service::Elbv2 => "elbv2",
            Service::Ecs => "ecs",
            Service::CloudWatch => "cloudwatch",
            Service::CodeDeploy => "codedeploy",
            Service::Sts => "sts",
            Service::Tagging => "resourcegroupstaggingapi",
        }
    }

    /// What policies call it: `elasticloadbalancing`.
    pub fn iam(self) -> &'static str {
        match self {
            Service::Elbv2 => "elasticloadbalancing",
            Service::Tagging => "tag",
            other => other.name(),
        }
    }
}

/// How a request was written, and how its answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// A form in, XML out.
    Query,
    /// awsJson 1.0.
    Json10,
    /// awsJson 1.1.
    Json11,
    /// Smithy RPC v2 CBOR.
    Cbor,
}

/// A request of AWS.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which service.
    pub service: Service,
    /// What is asked for: `ModifyRule`.
    pub operation: String,
    /// With which parameters.
    pub input: Input,
    /// In which protocol.
    pub protocol: Protocol,
    /// The id that the answer carries.
    pub request_id: String,
    /// The client knows the errors of the query protocol and asks for their codes beside the new ones.
    pub query_mode: bool,
}

impl Request {
    /// Whether the operation changes something; AWS's names tell.
    pub fn is_mutating(&self) -> bool {
        const READS: [&str; 6] = ["Describe", "List", "Get", "BatchGet", "Search", "Lookup"];
        !READS.iter().any(|read| self.operation.starts_with(read))
    }
}
