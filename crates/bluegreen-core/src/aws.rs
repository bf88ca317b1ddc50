//! The ports over AWS: one file per service. Adapters convert and classify; they decide nothing.
//!
//! Every service that is changed has two clients: reads retry inside the SDK, mutations are sent exactly once,
//! because only the loop may decide to send again. Every call of both has time limits.

mod classify;
mod cloudwatch;
mod config;
mod convert;
mod ecs;
mod elbv2;
mod releases;
mod sts;
#[cfg(test)]
mod testing;
mod wire;

pub use cloudwatch::{AwsAlarms, AwsMetrics};
pub use config::{AwsPorts, ConnectError, ConnectOptions, EndpointOverride, connect};
pub use ecs::AwsFleet;
pub use elbv2::AwsRouter;
pub use releases::AwsReleases;
pub use sts::AwsIdentity;
