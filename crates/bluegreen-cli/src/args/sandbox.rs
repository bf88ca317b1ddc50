//! Options of the sandbox and of what is built on it.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::model::duration;
use bluegreen_sandbox::faults::FaultPlan;
use bluegreen_sandbox::world::codedeploy::Function;
use clap::{Args, Subcommand, ValueEnum};

/// `bluegreen sandbox`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SandboxCommand>,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// The port of the AWS endpoint; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 4566)]
    pub(crate) port: u16,
}

/// What else the sandbox does.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Run a program with a sandbox as its AWS, and end the sandbox with it
    Run(SandboxRunArgs),
    /// The built-in service `sandbox/demo`, as a task runs it
    #[command(hide = true)]
    DemoService,
    /// A task's program, ended with the sandbox
    #[command(hide = true)]
    Guard {
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<String>,
    },
}

/// `bluegreen sandbox run`
#[derive(Debug, Args)]
pub(crate) struct SandboxRunArgs {
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// The program and its arguments, after `--`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// How the sandbox behaves.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorldArgs {
    /// Open a ready-made shop, and write its bluegreen.yaml and task definitions into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) shop: Option<PathBuf>,
    /// How often load balancer metrics are published: 60s as on AWS, less for rehearsals
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = period)]
    pub(crate) metric_period: Duration,
    /// How long a minute of CodeDeploy's and ECS's own waits is: 60s as on AWS, less for rehearsals
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = minute)]
    pub(crate) minute: Duration,
    /// What stands for a function that deployments call: a command, without a shell, or an http:// address; may be repeated
    #[arg(long = "hook", value_name = "NAME=COMMAND", value_parser = hook)]
    pub(crate) hooks: Vec<(String, Function)>,
    /// How long the load balancer goes on by old weights
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration::parse)]
    pub(crate) propagation: Duration,
    /// How many seconds pass in the sandbox in one second
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// What goes wrong with requests, such as throttle=0.3 or slow@2s:elbv2=0.1,drop-applied=0.01
    #[arg(long, value_name = "FAULTS", value_parser = FaultPlan::parse)]
    pub(crate) fault: Option<FaultPlan>,
    /// The seed of everything that is drawn
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The most items in one page of a list
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) page_size: Option<u16>,
}

/// `bluegreen demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// What to show
    #[arg(long, value_enum, default_value_t = Scenario::All)]
    pub(crate) scenario: Scenario,
    /// Hold each weight long enough to look around: minutes in place of seconds
    #[arg(long)]
    pub(crate) slow: bool,
    /// Write plain lines even at a terminal
    #[arg(long)]
    pub(crate) no_tty: bool,
    /// Keep journals, spec and reports in this folder [default: a new one among the temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// What the demo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// A good release, then a bad one
    All,
    /// A good release, to 100 %
    Good,
    /// A release that fails some of its requests, caught by an alarm and rolled back
    Bad,
    /// Somebody else edits the weights midway: held, with both sides shown
    Drift,
}

/// A period that load balancer metrics may have.
pub(super) fn period(text: &str) -> Result<Duration, String> {
    let period = duration::parse(text).map_err(|error| error.to_string())?;
    match period.as_secs() {
        1 | 5 | 10 | 20 | 30 | 60 if period.subsec_nanos() == 0 => Ok(period),
        _ => Err("expected 1s, 5s, 10s, 20s, 30s or 60s".to_owned()),
    }
}

fn minute(text: &str) -> Result<Duration, String> {
    let minute = duration::parse(text).map_err(|error| error.to_string())?;
    match (Duration::from_secs(1)..=Duration::from_secs(60)).contains(&minute) {
        true => Ok(minute),
        false => Err("expected 1s to 60s".to_owned()),
    }
}

fn hook(text: &str) -> Result<(String, Function), String> {
    match text.split_once('=') {
        Some((name, address)) if !name.is_empty() && address.starts_with("http://") => {
            Ok((name.to_owned(), Function::Url(address.to_owned())))
        }
        Some((name, command)) if !name.is_empty() && !command.trim().is_empty() => {
            Ok((name.to_owned(), Function::command(command)))
        }
        _ => Err("expected a function's name, =, and a command or an http:// address".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (0.1..=3600.0).contains(speed))
        .ok_or("expected a number from 0.1 to 3600".to_owned())
}
