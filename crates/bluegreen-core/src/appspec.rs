//! `CodeDeploy` AppSpec documents for ECS services and Lambda functions: read, checked, built, rendered and hashed.
//!
//! Keys are read in any case, since AWS's own tools do so, and written in `PascalCase`. A document is a typed value in
//! between: nothing is ever edited as text.

mod build;
mod patch;
mod read;
mod render;
mod validate;

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Place, Report};
use crate::model::TaskDefinitionArn;
use crate::taskdef::TaskDefinition;

pub use build::{BuildError, Built, Candidate, Choice, LoadBalancer, ServiceFacts, build};
pub use patch::{Change, Patch, PatchError, Patched, fill};
pub use render::{render_json, render_yaml};

/// What stands for the task definition until a pipeline has registered it.
pub const TASK_DEFINITION_PLACEHOLDER: &str = "<TASK_DEFINITION>";

/// A sound document: one resource and its hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpec {
    /// What the document calls its resource, such as `TargetService`: any name, without meaning to AWS.
    pub resource: String,
    /// What is deployed.
    pub target: Target,
    /// What runs between the steps, in the document's order.
    pub hooks: Vec<Hook>,
}

/// What is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A new task set of an ECS service.
    Ecs(EcsTarget),
    /// Another version behind a Lambda function's alias.
    Lambda(LambdaTarget),
}

/// The task set that replaces the one in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsTarget {
    /// What the tasks run.
    pub task_definition: TaskDefinitionRef,
    /// The container that the load balancer sends requests to.
    pub container_name: String,
    /// The port that the container listens on, from 1.
    pub container_port: u16,
    /// `LATEST` or three numbers, for Fargate only; `None` takes `LATEST`.
    pub platform_version: Option<String>,
    /// Where the tasks stand in the VPC; `None` takes what the service has.
    pub network: Option<Network>,
    /// Where the tasks run; empty takes what the service has.
    pub capacity_providers: Vec<CapacityProvider>,
}

/// A registered task definition, or the place for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskDefinitionRef {
    /// One revision by its full ARN.
    Arn(TaskDefinitionArn),
    /// `<TASK_DEFINITION>`, which a pipeline fills in.
    Placeholder,
}

/// The network of tasks in mode awsvpc. AppSpec documents give all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Subnet ids, at least one.
    pub subnets: Vec<String>,
    /// Security group ids, at least one.
    pub security_groups: Vec<String>,
    /// Whether each task gets a public address.
    pub assign_public_ip: bool,
}

/// One entry of a capacity provider strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityProvider {
    /// `FARGATE`, `FARGATE_SPOT`, or the name of a provider of the cluster.
    pub name: String,
    /// Tasks that it gets before weights count: 0 to 100,000.
    pub base: u32,
    /// Its share of the others: 0 to 1,000.
    pub weight: u32,
}

/// The versions that an alias moves between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaTarget {
    /// The function's name.
    pub name: String,
    /// The alias whose traffic moves.
    pub alias: String,
    /// The published version that it points to now.
    pub current_version: u64,
    /// The published version that it will point to.
    pub target_version: u64,
}

/// A Lambda function that runs at a point of the deployment and has to report success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// When it runs.
    pub event: Event,
    /// The function's name or ARN.
    pub function: String,
}

/// The points at which a function can run, in the order of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// Before the new task set is made. A failure has nothing to roll back.
    BeforeInstall,
    /// After the new task set is made and attached.
    AfterInstall,
    /// After the test listener sends its traffic to the new task set.
    AfterAllowTestTraffic,
    /// Before the first share of production traffic moves.
    BeforeAllowTraffic,
    /// After all production traffic has moved.
    AfterAllowTraffic,
}

impl Event {
    /// All of an ECS deployment, in order.
    pub const ECS: &[Event] = &[
        Event::BeforeInstall,
        Event::AfterInstall,
        Event::AfterAllowTestTraffic,
        Event::BeforeAllowTraffic,
        Event::AfterAllowTraffic,
    ];
    /// All of a Lambda deployment, in order.
    pub const LAMBDA: &[Event] = &[Event::BeforeAllowTraffic, Event::AfterAllowTraffic];

    /// Its key in the document.
    pub fn name(self) -> &'static str {
        match self {
            Event::BeforeInstall => "BeforeInstall",
            Event::AfterInstall => "AfterInstall",
            Event::AfterAllowTestTraffic => "AfterAllowTestTraffic",
            Event::BeforeAllowTraffic => "BeforeAllowTraffic",
            Event::AfterAllowTraffic => "AfterAllowTraffic",
        }
    }
}

/// Why a text from a command line cannot stand in a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppSpecError {
    /// No event that runs a function has this name.
    #[error("`{found}` is no event that runs a function; {help}")]
    Event {
        /// What was given.
        found: String,
        /// The name that was probably meant, or all names.
        help: String,
    },
    /// It is neither a full ARN with a revision nor the placeholder.
    #[error("{message}; {help}")]
    TaskDefinition {
        /// What is wrong with it.
        message: String,
        /// What to write.
        help: String,
    },
}

impl FromStr for Event {
    type Err = AppSpecError;

    /// Takes a name in any case, as documents do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = || Event::ECS.iter().map(|event| event.name());
        let known = Event::ECS.iter().find(|event| event.name().eq_ignore_ascii_case(text));
        known.copied().ok_or_else(|| AppSpecError::Event {
            found: text.to_owned(),
            help: crate::taskdef::closest(text, names()).map_or_else(
                || format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            ),
        })
    }
}

impl FromStr for TaskDefinitionRef {
    type Err = AppSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read::task_definition(text).map_err(|(_, message, help)| AppSpecError::TaskDefinition { message, help })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TaskDefinitionRef {
    /// The text as it stands in the document.
    pub fn as_str(&self) -> &str {
        match self {
            TaskDefinitionRef::Arn(arn) => arn.as_str(),
            TaskDefinitionRef::Placeholder => TASK_DEFINITION_PLACEHOLDER,
        }
    }
}

impl fmt::Display for TaskDefinitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A document that was read: its value, what to mind about it, and where its parts stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub spec: AppSpec,
    /// What CodeDeploy would take, but perhaps not as meant.
    pub warnings: Vec<Diagnostic>,
    places: Places,
    /// The values as they are written: keys of the user's own included.
    tree: serde_json::Value,
}

/// Where the parts stand that are compared with a task definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places {
    task_definition: Option<Place>,
    container_name: Option<Place>,
    container_port: Option<Place>,
    platform_version: Option<Place>,
    network: Option<Place>,
    capacity_providers: Option<Place>,
}

/// Reads a document from YAML or JSON; `source_name` is the file's name for the findings.
///
/// # Errors
///
/// Everything that is wrong, at once, warnings included: with place, code and cure.
pub fn parse(source_name: &str, text: &str) -> Result<Document, Report> {
    read::parse(source_name, text, read::Use::Deploy)
}

/// Reads a document whose task definition is going to be replaced: whatever stands there, or nothing, is read as the
/// placeholder. Other tools' placeholders pass this way.
///
/// # Errors
///
/// Everything else that is wrong, as [`parse`] tells it.
pub fn parse_template(source_name: &str, text: &str) -> Result<Document, Report> {
    read::parse(source_name, text, read::Use::Template)
}

impl Document {
    /// Compares the document with the task definition that it will deploy, with places.
    pub fn validate_against(&self, task: &TaskDefinition) -> Vec<Diagnostic> {
        validate::against(&self.spec, &self.places, task)
    }
}

impl AppSpec {
    /// Compares the document with the task definition that it will deploy: the container exists and maps the port, and
    /// network and platform fit. Findings have no places; for those of a file use [`Document::validate_against`].
    pub fn validate_against(&self, task: &TaskDefinition) -> Vec<Diagnostic> {
        validate::against(self, &Places::default(), task)
    }

    /// The same document with the task definition filled in, whatever stood in its place. Lambda documents have none
    /// and stay as they are.
    pub fn with_task_definition(mut self, arn: TaskDefinitionArn) -> AppSpec {
        if let Target::Ecs(ecs) = &mut self.target {
            ecs.task_definition = TaskDefinitionRef::Arn(arn);
        }
        self
    }

    /// The same document if it passes all the rules that a file has to pass: for documents put together from a command
    /// line or an API.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, with places in the rendered YAML.
    pub fn checked(self, source_name: &str) -> Result<AppSpec, Report> {
        parse(source_name, &render_yaml(&self)).map(|document| document.spec)
    }

    /// The placeholder that has to be filled in before CodeDeploy can take the document.
    pub fn unresolved(&self) -> Option<&'static str> {
        match &self.target {
            Target::Ecs(EcsTarget { task_definition: TaskDefinitionRef::Placeholder, .. }) => {
                Some(TASK_DEFINITION_PLACEHOLDER)
            }
            _ => None,
        }
    }
}

/// The hash that CodeDeploy wants beside a document's content: SHA-256 of exactly these bytes, in lower-case
/// hexadecimal.
pub fn sha256(content: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(content.as_bytes()) {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        hex.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
    hex
}

#[cfg(test)]
mod tests;
