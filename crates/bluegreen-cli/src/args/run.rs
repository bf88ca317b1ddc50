//! Options of the commands that concern a run.

use std::path::PathBuf;

use clap::Args;

use super::AwsArgs;

/// `bluegreen status`
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
    /// Follow the run until it ends
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// List every run, newest first
    #[arg(long, conflicts_with_all = ["run", "watch"])]
    pub(crate) all: bool,
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

/// `bluegreen explain` and `bluegreen replay`
#[derive(Debug, Args)]
pub(crate) struct ReadRunArgs {
    /// The run, or the beginning of its id [default: the latest]
    pub(crate) run: Option<String>,
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
