//! Options of `bluegreen appspec`.

use std::path::PathBuf;

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
