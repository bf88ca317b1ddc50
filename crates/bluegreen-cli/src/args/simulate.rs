//! Options of rehearsals.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_sandbox::faults::FaultPlan;
use bluegreen_sandbox::simulate::AlarmModel;
use clap::Args;

use super::SpecArgs;
use super::sandbox::period;

/// `bluegreen simulate`
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub(crate) spec: SpecArgs,
    /// Rehearse this plan, made by `bluegreen plan --out`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "environment"])]
    pub(crate) plan: Option<PathBuf>,
    /// Requests a second, over both versions
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    pub(crate) rps: u64,
    /// The share of errors among the old version's answers, and a good canary's
    #[arg(long, value_name = "PERCENT", default_value = "0.1%", value_parser = percent)]
    pub(crate) baseline_errors: f64,
    /// The share of errors among a bad canary's answers
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub(crate) canary_errors: f64,
    /// Tasks of the stable fleet [default: the plan's, 4 without a plan]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) tasks: Option<u32>,
    /// What each alarm of the spec is taken for: errors>PERCENT%, and after a colon how many of the last periods are
    /// bad, such as errors>5%:3/5x60s
    #[arg(long, value_name = "ALARM", default_value = "errors>1%:1/1x60s")]
    pub(crate) alarm: AlarmModel,
    /// How often load balancer metrics are published: 60s as on AWS
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = period)]
    pub(crate) metric_period: Duration,
    /// What goes wrong with calls of AWS, such as throttle=0.3 or slow@2s:elbv2=0.1,drop-applied=0.01
    #[arg(long, value_name = "FAULTS", value_parser = FaultPlan::parse)]
    pub(crate) fault: Option<FaultPlan>,
    /// Somebody else changes the weights once in each run
    #[arg(long)]
    pub(crate) drift: bool,
    /// The operator is killed once in each run, which is resumed a minute later
    #[arg(long)]
    pub(crate) kill: bool,
    /// How many runs with a bad canary, and as many with a good one
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) runs: u32,
    /// The seed of everything that is drawn
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
}

/// `5%`, `0.1%` or `5`: a share from 0 to 1.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let percent: Option<f64> = number.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "expected a percentage from 0% to 100%, such as 0.1%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percentages_are_read() {
        assert_eq!(percent("5%"), Ok(0.05));
        assert_eq!(percent("100"), Ok(1.0));
        for wrong in ["", "%", "-1%", "101%", "NaN%", "five"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
