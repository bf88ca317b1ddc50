//! Options of `bluegreen migrate`.

use std::time::Duration;

use bluegreen_core::model::{Percent, Shift, duration};
use clap::Args;

use super::AwsArgs;

/// `bluegreen migrate`
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The ECS cluster
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: String,
    /// The ECS service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: String,
    /// The role that ECS moves traffic as: one that ecs.amazonaws.com may assume
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,
    /// The shape of later deployments: all-at-once, canary:10%:5m or linear:10%:1m [default: the group's]
    #[arg(long, value_name = "SHAPE", value_parser = shape)]
    pub(crate) strategy: Option<Shift>,
    /// How long ECS keeps the old tasks after the last shift [default: the group's termination wait]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) bake: Option<Duration>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stop after the plan: nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

fn shape(text: &str) -> Result<Shift, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let share = |text: &str| text.parse::<Percent>().map_err(|error| error.to_string());
    let wait = |text: &str| duration::parse(text).map_err(|error| error.to_string());
    match parts.as_slice() {
        ["all-at-once"] => Ok(Shift::AllAtOnce),
        ["canary", first, time] => Ok(Shift::Canary { first: share(first)?, wait: wait(time)? }),
        ["linear", each, time] => Ok(Shift::Linear { each: share(each)?, wait: wait(time)? }),
        _ => Err("expected all-at-once, canary:SHARE:WAIT or linear:SHARE:WAIT, such as canary:10%:5m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        assert_eq!(shape("all-at-once"), Ok(Shift::AllAtOnce));
        let (ten, five) = ("10%".parse().unwrap(), Duration::from_secs(300));
        assert_eq!(shape("canary:10%:5m"), Ok(Shift::Canary { first: ten, wait: five }));
        assert_eq!(shape("linear:10%:5m"), Ok(Shift::Linear { each: ten, wait: five }));
        for wrong in ["", "canary", "canary:10%", "linear:10%:5", "blue-green:1%:1m"] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
    }
}
