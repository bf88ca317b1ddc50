//! Options of the commands that make plans.

use std::path::PathBuf;

use clap::Args;

/// Which spec.
#[derive(Clone, Debug, Args)]
pub(crate) struct SpecArgs {
    /// The spec
    #[arg(short, long, value_name = "FILE", default_value = "bluegreen.yaml")]
    pub(crate) file: PathBuf,
    /// Which of the spec's environments [default: the only one]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
}

/// How to reach AWS.
#[derive(Clone, Debug, Args)]
pub(crate) struct AwsArgs {
    /// The AWS region [default: the spec's or the plan's, then the AWS configuration's]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The profile of the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Allow endpoints without TLS, such as an emulator's on this machine
    #[arg(long, env = "BLUEGREEN_INSECURE_ENDPOINT", hide_env_values = true)]
    pub(crate) insecure_endpoint: bool,
}

/// What to release, where it differs from the spec.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReleaseArgs {
    /// The image of one container, in place of the spec's; can be given several times
    #[arg(long, value_name = "CONTAINER=IMAGE", value_parser = image)]
    pub(crate) image: Vec<(String, String)>,
    /// A task definition in place of the spec's: the ARN of a revision, or a file
    #[arg(long, value_name = "ARN|FILE")]
    pub(crate) task_definition: Option<String>,
    /// An alarm that may be red at the start; can be given several times
    #[arg(long, value_name = "ALARM")]
    pub(crate) allow_red: Vec<String>,
}

/// `bluegreen verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) spec: SpecArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
}

/// `bluegreen plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) spec: SpecArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// Write the plan here, for `bluegreen deploy --plan`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `bluegreen deploy`
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) spec: SpecArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    /// Run exactly this plan, made by `bluegreen plan --out`
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["file", "environment", "image", "task_definition", "allow_red"])]
    pub(crate) plan: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stop after the plan: nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave the run there, with exit code 0, for `bluegreen resume` to go on: a step's number, its share such
    /// as 10%, baked, committed, or a stage of AWS's such as codedeploy:AllowTraffic or ecs:BAKE_TIME
    #[arg(long, value_name = "POINT")]
    pub(crate) wait_until: Option<String>,
}

fn image(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, image)) if !name.is_empty() && !image.is_empty() => Ok((name.to_owned(), image.to_owned())),
        _ => Err("expected CONTAINER=IMAGE, such as web=registry.example/web:1.2".to_owned()),
    }
}
