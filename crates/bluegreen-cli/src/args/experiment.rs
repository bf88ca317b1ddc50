//! Options of `bluegreen experiment`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::AwsArgs;

/// `bluegreen experiment`
#[derive(Debug, Args)]
pub(crate) struct ExperimentArgs {
    #[command(subcommand)]
    pub(crate) command: ExperimentCommand,
}

/// The verbs of `bluegreen experiment`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentCommand {
    /// Put the variants in front of users
    ///
    /// Shows the rules that will be made, where they go, and how long the experiment has to run to find what it is for;
    /// then asks. Only rules of its own are made, each tagged; no other is written.
    Start(ExperimentStartArgs),
    /// Read what is new, act on it, and say how it stands
    ///
    /// No process lives with an experiment: this is what moves it. Called now and then, by hand, by a pipeline or by a
    /// scheduler, it reads the minutes since the last call, ends the experiment where a guardrail fails or its time is
    /// over, and finishes what a call that was killed had begun. Exits with 0 while it runs and after its end, 4 where a
    /// guardrail ended it, and 5 where a person is needed: the assignment is broken, or somebody changed the rules.
    Status(ExperimentStatusArgs),
    /// End it: its rules are deleted, and traffic is as before
    Stop(ExperimentStopArgs),
    /// End it, and release a variant's task definition by the normal way
    ///
    /// The rules are deleted first. With --deploy, `bluegreen deploy` follows with the task definition that the variant's
    /// service runs: plan, question and all. Without it, that command is printed.
    Promote(ExperimentPromoteArgs),
}

/// Which experiment.
#[derive(Clone, Debug, Args)]
pub(crate) struct WhichArgs {
    /// The experiment: its name, or the beginning of its id [default: the only one that runs, else the latest]
    #[arg(value_name = "EXPERIMENT")]
    pub(crate) which: Option<String>,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// `bluegreen experiment start`
#[derive(Debug, Args)]
pub(crate) struct ExperimentStartArgs {
    /// The experiment's file
    #[arg(short, long, value_name = "FILE", default_value = "experiment.yaml")]
    pub(crate) file: PathBuf,
    /// Which of its environments [default: the only one]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stop after the plan: nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `bluegreen experiment status`
#[derive(Debug, Args)]
pub(crate) struct ExperimentStatusArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// From its journal alone: nothing is read from AWS, and nothing is done
    #[arg(long)]
    pub(crate) offline: bool,
}

/// `bluegreen experiment stop`
#[derive(Debug, Args)]
pub(crate) struct ExperimentStopArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Delete its rules even where somebody else changed them
    #[arg(long)]
    pub(crate) accept_drift: bool,
}

/// `bluegreen experiment promote`
#[derive(Debug, Args)]
pub(crate) struct ExperimentPromoteArgs {
    /// The variant
    #[arg(value_name = "VARIANT")]
    pub(crate) variant: String,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// The spec to release by
    #[arg(long, value_name = "FILE")]
    pub(crate) deploy: Option<PathBuf>,
    /// Which of the spec's environments [default: the only one]
    #[arg(short, long, value_name = "NAME", requires = "deploy")]
    pub(crate) environment: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}
