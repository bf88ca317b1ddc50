//! Options of `bluegreen appspec`.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::model::{RunId, duration};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::AwsArgs;

/// `bluegreen appspec`
#[derive(Debug, Args)]
pub(crate) struct AppspecArgs {
    #[command(subcommand)]
    pub(crate) command: AppspecCommand,
}

/// The verbs of `bluegreen appspec`.
#[derive(Debug, Subcommand)]
pub(crate) enum AppspecCommand {
    /// Write a new document from names alone, without AWS
    New(NewArgs),
    /// Write a document for a service as it runs in AWS now
    Build(BuildArgs),
    /// Replace values in a document of your own, and keep all the rest
    ///
    /// The values are replaced in what was read, never in the text: the spelling of keys and keys that only you know stay.
    /// Comments and anchors do not. The result is printed; the file is not changed.
    Patch(PatchArgs),
    /// Check documents; all findings at once
    Validate(ValidateArgs),
    /// Print a document in its normal form, and its sha256
    Show(ShowArgs),
    /// Deploy a document with CodeDeploy, a service's or a Lambda function's, and follow it to its end
    ///
    /// Creates one deployment, tells every lifecycle event and every share of traffic, and follows what takes it back
    /// where it fails. Alarms have to be clear before the start; one that turns red stops the deployment, with rollback.
    /// There is no plan and no journal: a deployment that carries the mark of --run is followed and not started again.
    Deploy(FollowArgs),
}

/// The forms of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// YAML, as people write it
    #[default]
    Yaml,
    /// JSON, as `CreateDeployment` takes it
    Json,
}

/// `bluegreen appspec new`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["task_definition", "function"]))]
#[command(override_usage = "bluegreen appspec new --task-definition <ARN|FILE> [OPTIONS]\n       \
                            bluegreen appspec new --function <NAME> [OPTIONS]")]
pub(crate) struct NewArgs {
    /// For ECS: the ARN of a revision, `<TASK_DEFINITION>` for a pipeline, or a task definition file
    #[arg(long, value_name = "ARN|FILE")]
    pub(crate) task_definition: Option<String>,
    /// For ECS: the container that gets the traffic [default: the only one with a port]
    #[arg(long, value_name = "NAME", conflicts_with = "function")]
    pub(crate) container: Option<String>,
    /// For ECS: the container's port [default: its only one]
    #[arg(long, value_name = "PORT", conflicts_with = "function")]
    pub(crate) port: Option<u16>,
    /// For Lambda: the function's name
    #[arg(long, value_name = "NAME", requires_all = ["alias", "current_version", "target_version"])]
    pub(crate) function: Option<String>,
    /// For Lambda: the alias that is shifted
    #[arg(long, value_name = "NAME", requires = "function")]
    pub(crate) alias: Option<String>,
    /// For Lambda: the version that the alias points to now
    #[arg(long, value_name = "VERSION", requires = "function")]
    pub(crate) current_version: Option<String>,
    /// For Lambda: the version to release
    #[arg(long, value_name = "VERSION", requires = "function")]
    pub(crate) target_version: Option<String>,
    /// A hook and the Lambda function that it calls; can be given several times
    #[arg(long, value_name = "HOOK=FUNCTION", value_parser = hook)]
    pub(crate) hook: Vec<(String, String)>,
    /// The document's form
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DocumentFormat,
}

/// `bluegreen appspec build`
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The ECS cluster
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: String,
    /// The ECS service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,
    /// The revision to release [default: <TASK_DEFINITION>, for a pipeline to fill in]
    #[arg(long, value_name = "ARN")]
    pub(crate) task_definition: Option<String>,
    /// The container that gets the traffic [default: the only one with a port]
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// The container's port [default: its only one]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// A hook and the Lambda function that it calls; can be given several times
    #[arg(long, value_name = "HOOK=FUNCTION", value_parser = hook)]
    pub(crate) hook: Vec<(String, String)>,
    /// The document's form
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DocumentFormat,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// `bluegreen appspec patch`
#[derive(Debug, Args)]
pub(crate) struct PatchArgs {
    /// The document; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// For ECS: the revision to deploy, whatever stands there now
    #[arg(long, value_name = "ARN")]
    pub(crate) task_definition: Option<String>,
    /// For ECS: the container that gets the traffic
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// For ECS: the container's port
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// For ECS: a subnet; can be given several times. A network is given as a whole
    #[arg(long, value_name = "ID", requires_all = ["security_group", "assign_public_ip"])]
    pub(crate) subnet: Vec<String>,
    /// For ECS: a security group; can be given several times
    #[arg(long, value_name = "ID", requires_all = ["subnet", "assign_public_ip"])]
    pub(crate) security_group: Vec<String>,
    /// For ECS: whether each task gets a public address
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, requires_all = ["subnet", "security_group"])]
    pub(crate) assign_public_ip: Option<bool>,
    /// For Lambda: the version that the alias points to now
    #[arg(long, value_name = "VERSION")]
    pub(crate) current_version: Option<u64>,
    /// For Lambda: the version to release
    #[arg(long, value_name = "VERSION")]
    pub(crate) target_version: Option<u64>,
    /// The form to print [default: the form of the file]
    #[arg(long, value_enum)]
    pub(crate) format: Option<DocumentFormat>,
}

/// `bluegreen appspec validate`
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The documents; `-` reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// `bluegreen appspec show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The document; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The form to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DocumentFormat,
}

/// `bluegreen appspec deploy`
#[derive(Debug, Args)]
#[command(override_usage = "bluegreen appspec deploy <FILE> --application <NAME>\n       \
                            --deployment-group <NAME> [OPTIONS]")]
pub(crate) struct FollowArgs {
    /// The document; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// CodeDeploy's application
    #[arg(long, value_name = "NAME")]
    pub(crate) application: String,
    /// The application's deployment group
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment_group: String,
    /// The traffic configuration, such as CodeDeployDefault.LambdaAllAtOnce [default: the group's]
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// For ECS: the revision to deploy, in place of what the document says
    #[arg(long, value_name = "ARN")]
    pub(crate) task_definition: Option<String>,
    /// For Lambda: the version that the alias points to now, in place of what the document says
    #[arg(long, value_name = "VERSION")]
    pub(crate) current_version: Option<u64>,
    /// For Lambda: the version to release, in place of what the document says
    #[arg(long, value_name = "VERSION")]
    pub(crate) target_version: Option<u64>,
    /// An alarm that has to be clear, and that stops the deployment where it is not; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) alarm: Vec<String>,
    /// Take an alarm without data for a clear one
    #[arg(long)]
    pub(crate) allow_insufficient_data: bool,
    /// Follow until here; what goes on after that is watched by nobody
    #[arg(long, value_enum, value_name = "POINT", default_value = "succeeded")]
    pub(crate) wait_until: Point,
    /// Go on by itself where the group waits, once the alarms are clear; can be given several times
    #[arg(long, value_enum, value_name = "WAIT")]
    pub(crate) go_on: Vec<WaitPoint>,
    /// The run whose mark the deployment carries: with the same id it is found again [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<RunId>,
    /// The time between two looks
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    pub(crate) poll: Duration,
    /// How long answers may be missing before that counts as the worst one
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse)]
    pub(crate) patience: Duration,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// The points that a deployment can be followed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Point {
    /// The deployment exists
    Created,
    /// The new version is ready for traffic
    Ready,
    /// All traffic has moved
    Shifted,
    /// The deployment succeeded
    Succeeded,
}

/// The waits of a deployment group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitPoint {
    /// READY_WAIT, before the first shift
    Ready,
    /// TERMINATION_WAIT, after the last one
    Termination,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

fn hook(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, function)) if !name.is_empty() && !function.is_empty() => {
            Ok((name.to_owned(), function.to_owned()))
        }
        _ => Err("expected HOOK=FUNCTION, such as AfterAllowTestTraffic=smoke-test".to_owned()),
    }
}
