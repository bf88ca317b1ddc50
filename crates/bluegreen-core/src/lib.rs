//! Blue/green and canary releases on AWS ECS, as a library.
//!
//! A release is planned once and then driven by a loop that decides nothing itself: every pass folds the
//! journal, looks at the world, and asks [`decide`] for one step. See `ARCHITECTURE.md` for the whole picture.

pub mod analysis;
pub mod appspec;
#[cfg(feature = "aws")]
pub mod aws;
pub mod call;
pub mod decide;
pub mod diagnostic;
pub mod document;
pub mod drive;
pub mod event;
pub mod experiment;
pub mod follow;
pub mod hooks;
pub mod journal;
pub mod migrate;
pub mod model;
pub mod observe;
pub mod pipeline;
pub mod plan;
pub mod ports;
pub mod report;
pub mod spec;
pub mod stats;
pub mod taskdef;
mod text;
pub mod view;
