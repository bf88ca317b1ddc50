//! The command line.

mod appspec;
mod experiment;
mod judge;
mod migrate;
mod pipeline;
mod release;
mod run;
mod sandbox;
mod simulate;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use appspec::{
    AppspecArgs, AppspecCommand, BuildArgs, DocumentFormat, FollowArgs, NewArgs, PatchArgs, Point, ShowArgs,
    ValidateArgs, WaitPoint,
};
pub(crate) use experiment::{
    ExperimentArgs, ExperimentCommand, ExperimentPromoteArgs, ExperimentStartArgs, ExperimentStatusArgs,
    ExperimentStopArgs, WhichArgs,
};
pub(crate) use judge::JudgeArgs;
pub(crate) use migrate::MigrateArgs;
pub(crate) use pipeline::{CodebuildArgs, HookArgs, PipelineArgs, PipelineCommand};
pub(crate) use release::{AwsArgs, DeployArgs, PlanArgs, ReleaseArgs, SpecArgs, VerifyArgs};
pub(crate) use run::{
    ActArgs, OrderArgs, PromoteArgs, ReadRunArgs, ReplayArgs, ReportArgs, RetryArgs, StatusArgs, UndoArgs,
};
pub(crate) use sandbox::{DemoArgs, SandboxArgs, SandboxCommand, SandboxRunArgs, Scenario, WorldArgs};
pub(crate) use simulate::SimulateArgs;

use crate::exit;

/// Releases new versions of Amazon ECS services step by step, and goes back by itself when they are worse.
///
/// A release shifts the weights of two target groups behind an application load balancer, watches CloudWatch alarms
/// at every step, and restores the captured baseline when one turns red. Killed anywhere, it resumes.
#[derive(Debug, Parser)]
#[command(name = "bluegreen", version, max_term_width = 80, after_long_help = exit::TABLE)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Globals {
    /// How to write results and progress [default: human on a terminal, plain elsewhere]
    #[arg(long, global = true, value_enum, value_name = "FORM", help_heading = "Global options")]
    pub(crate) output: Option<Output>,
    /// Where the journals of runs live [default: $BLUEGREEN_STATE, $XDG_STATE_HOME/bluegreen,
    /// ~/.local/state/bluegreen]
    #[arg(long, visible_alias = "state-dir", global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) state: Option<PathBuf>,
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For a person at a terminal: colours, and bars that move
    Human,
    /// One line for each event, for logs
    Plain,
    /// One JSON object on each line of stdout, for programs
    Json,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// bluegreen.yaml
    Spec,
    /// experiment.yaml
    Experiment,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check spec, wiring, alarms and capacity without changing anything
    Verify(VerifyArgs),
    /// Show exactly what a release would do, without changing anything
    Plan(PlanArgs),
    /// Release a new version
    Deploy(DeployArgs),
    /// Show how a run stands, or a deployment that AWS carries out
    ///
    /// A run is shown from its journal. With a spec or a deployment's id, AWS is asked for a deployment of CodeDeploy or ECS,
    /// whoever started it; one of a run whose journal is here is shown as that run. Nothing is changed in either case.
    Status(StatusArgs),
    /// End the pause or hold that a run is in
    Promote(PromoteArgs),
    /// Start no further step until promoted
    Pause(OrderArgs),
    /// Restore the captured baseline
    Abort(ActArgs),
    /// Go on with a run whose operator is gone
    Resume(ActArgs),
    /// Try the release of a run that went back again, as a new run
    Retry(RetryArgs),
    /// Release the version that was stable before the last promotion
    Undo(UndoArgs),
    /// Say why a run did what it did, from its journal alone
    Explain(ReadRunArgs),
    /// Show a run's events again, from its journal alone
    ///
    /// With --what-if, what the judge would have said of the same counts under other settings, minute by minute, and
    /// what would have been decided when.
    Replay(ReplayArgs),
    /// Write a page about a run, from its journal alone
    ///
    /// The page needs no network and runs no scripts. Nothing is asked of AWS, and what the journal cannot tell is said
    /// to be not known. `--output json` prints the same as one document, and writes a page only where --out names one.
    Report(ReportArgs),
    /// Make and check CodeDeploy AppSpec documents
    Appspec(AppspecArgs),
    /// Hold variants apart for days and tell which is better
    ///
    /// An experiment is a split of users, or cohorts, over target groups that exist already. It stands in listener rules of
    /// its own, in front of the rule that it is about, and takes them away at its end. Verdicts hold however often they
    /// are looked at.
    Experiment(ExperimentArgs),
    /// Release as a stage of a pipeline
    Pipeline(PipelineArgs),
    /// Run a check and answer a deployment's lifecycle event with what came of it
    ///
    /// The check is a program with arguments, without a shell. Its exit status is the answer: 0 is Succeeded, all else,
    /// and an end by --timeout, is Failed. An answer that was given is exit code 0, whichever it is.
    Hook(HookArgs),
    /// Move a service from CodeDeploy to ECS's own deployments
    ///
    /// Reads the service, its deployment group, listeners and target groups, and prints what would change, what is lost
    /// and what to remove afterwards. Then one UpdateService, read back. No traffic moves; nothing is deleted.
    Migrate(MigrateArgs),
    /// Show a good and a bad release on this machine, with nothing but this program
    ///
    /// Starts a sandbox with a shop, sends it steady traffic, and releases into it as `bluegreen deploy` does: real
    /// processes behind a real load balancer. No AWS account, no network, no root; under a minute.
    Demo(DemoArgs),
    /// Run AWS on this machine: its APIs, a real load balancer, tasks as processes
    Sandbox(SandboxArgs),
    /// Rehearse a release many times in a modelled world, without AWS
    ///
    /// Every run is a whole release by the real decisions, in virtual time: half of them of a bad version, half of one
    /// that is as good as the old one. It tells how likely and how soon the bad one is noticed, how many requests it
    /// fails until it is out of traffic, and how often the good one is sent back. The steps, pauses, pace, alarms and
    /// policies are the spec's; the rest is options. AWS is not asked anything, and no journal is written.
    Simulate(SimulateArgs),
    /// Judge recorded counts of a canary and its control
    ///
    /// The same judge that watches a release, on rows from a file: it says whether the canary is worse, good enough, or
    /// whether that cannot be told, and how much evidence there is. It may look as often as it likes: --alpha bounds the
    /// chance of ever calling an equal canary worse. Exits with 0 for a pass, 3 for a fail, and 5 where a person has to
    /// decide.
    Judge(JudgeArgs),
    /// Print the JSON schema of bluegreen.yaml or experiment.yaml, for editors
    Schema {
        /// Of which file
        #[arg(value_enum, default_value_t = SchemaOf::Spec)]
        of: SchemaOf,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Write bluegreen.1 and one page for each command into this folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_is_documented() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no text", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no text", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
