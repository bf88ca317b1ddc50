//! Options of the commands that concern a run.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::model::{DeploymentId, duration};
use bluegreen_core::view::WhatIf;
use clap::Args;

use super::AwsArgs;

/// `bluegreen status`
#[derive(Debug, Args)]
#[command(override_usage = "bluegreen status [RUN] [OPTIONS]\n       \
                            bluegreen status --file <FILE> [OPTIONS]\n       \
                            bluegreen status --deployment <ID> [OPTIONS]")]
pub(crate) struct StatusArgs {
    /// The run, or the beginning of its id [default: the latest]
    #[arg(conflicts_with_all = ["file", "environment", "deployment", "application"])]
    pub(crate) run: Option<String>,
    /// Follow it until it ends
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// List every run, newest first
    #[arg(long, conflicts_with_all = ["run", "watch", "file", "environment", "deployment", "application"])]
    pub(crate) all: bool,
    /// Ask AWS for the deployment of this spec's service that is under way, whoever started it
    #[arg(short, long, value_name = "FILE", help_heading = "Deployments that AWS carries out")]
    pub(crate) file: Option<PathBuf>,
    /// The same for one of the environments of the spec [default: the only one]
    #[arg(short, long, value_name = "NAME", help_heading = "Deployments that AWS carries out")]
    pub(crate) environment: Option<String>,
    /// The deployment with this id: of CodeDeploy (d-…), in the spec's group or the one that is named, or of ECS (an ARN)
    #[arg(long, value_name = "ID", help_heading = "Deployments that AWS carries out", value_parser = deployment)]
    pub(crate) deployment: Option<DeploymentId>,
    /// CodeDeploy's application, where there is no spec
    #[arg(long, value_name = "NAME", help_heading = "Deployments that AWS carries out")]
    #[arg(requires = "deployment_group", conflicts_with_all = ["file", "environment"])]
    pub(crate) application: Option<String>,
    /// The application's deployment group
    #[arg(long, value_name = "NAME", help_heading = "Deployments that AWS carries out", requires = "application")]
    pub(crate) deployment_group: Option<String>,
    /// The time between two looks at AWS with --watch
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    #[arg(help_heading = "Deployments that AWS carries out")]
    pub(crate) poll: Duration,
    #[command(flatten, next_help_heading = "Deployments that AWS carries out")]
    pub(crate) aws: AwsArgs,
}

fn deployment(text: &str) -> Result<DeploymentId, String> {
    match text.starts_with("d-") || DeploymentId::new(text).site().is_some() {
        true => Ok(DeploymentId::new(text)),
        false => Err("expected d-… or the ARN of a service deployment".to_owned()),
    }
}

/// `bluegreen promote`
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
    /// Skip every remaining pause and hold; the alarms keep watching
    #[arg(long)]
    pub(crate) full: bool,
}

/// `bluegreen pause`
#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
}

/// `bluegreen abort` and `bluegreen resume`
#[derive(Debug, Args)]
pub(crate) struct ActArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// `bluegreen retry`
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
    /// An alarm that may be red at the start; can be given several times
    #[arg(long, value_name = "ALARM")]
    pub(crate) allow_red: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stop after the plan: nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// `bluegreen undo`
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The promotion to undo, or the beginning of its id [default: the last]
    pub(crate) run: Option<String>,
    /// Release what this run promoted, in place of what was stable before the last promotion
    #[arg(long, value_name = "RUN", conflicts_with = "run")]
    pub(crate) to: Option<String>,
    /// An alarm that may be red at the start; can be given several times
    #[arg(long, value_name = "ALARM")]
    pub(crate) allow_red: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stop after the plan: nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// `bluegreen explain`
#[derive(Debug, Args)]
pub(crate) struct ReadRunArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
}

/// `bluegreen replay`
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
    /// Judge every minute of the run again with another setting, such as alpha=0.001; can be given several times
    ///
    /// alpha (or falseRollback), alphaPass (or falsePass), notWorseThan, burstShare, limit, harmless, requestsMin (or
    /// minRequests), promoteEarly=true|false, inconclusive=hold|extend|promote|rollback. `limit=none` takes one away.
    #[arg(long, value_name = "SETTING=VALUE")]
    pub(crate) what_if: Vec<WhatIf>,
}

/// `bluegreen report`
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
    /// Where to write the page, `-` for stdout [default: bluegreen-RUN.html]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite a file that is not a bluegreen report
    #[arg(long)]
    pub(crate) force: bool,
}
