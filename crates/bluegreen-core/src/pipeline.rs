//! A release as a stage of a pipeline: what CodeBuild lays out becomes what is released, and under which id.
//!
//! Nothing here touches a disk or AWS: variables and files come in as values, so the same stage is always read the same
//! way.

mod artifact;
mod course;
mod execution;
pub mod hook;
mod inputs;
mod variables;

pub use artifact::{ArtifactError, Artifacts, Located};
pub use course::{Course, Given, Traces, course, differences, lost};
pub use execution::{Execution, ExecutionError, Source};
pub use inputs::{Choice, FILE_MAX, ImageChoice, InputError, Inputs, gather};
pub use variables::Variables;
