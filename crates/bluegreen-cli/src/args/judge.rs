//! Options of judging recorded counts.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::model::duration;
use clap::Args;

/// `bluegreen judge`
#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// The counts, a row for each metric and minute: CSV with the columns
    /// at,metric,canary_bad,canary,control_bad,control and, if known, share; or a JSON list of rows
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// A metric and its part of the evidence; `NAME=0` only shows it [default: every metric of the file, alike]
    #[arg(long = "metric", value_name = "NAME=WEIGHT", value_parser = weight)]
    pub(crate) metrics: Vec<(String, f64)>,
    /// The chance of ever sending back a canary that is as good as the control
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = chance)]
    pub(crate) alpha: f64,
    /// The chance of passing a canary that is too much worse
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = chance)]
    pub(crate) alpha_pass: f64,
    /// The ratio of failure rates that must be ruled out before a pass
    #[arg(long, value_name = "RATIO", default_value_t = 2.0, value_parser = ratio)]
    pub(crate) not_worse_than: f64,
    /// A failure rate that nobody minds, whatever the control's
    #[arg(long, value_name = "PERCENT", value_parser = chance)]
    pub(crate) harmless: Option<f64>,
    /// A failure rate above which the canary goes back, whatever the control's
    #[arg(long, value_name = "PERCENT", value_parser = chance)]
    pub(crate) limit: Option<f64>,
    /// The largest share of a minute's failures that may be one burst; 20% for noisy services
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = chance)]
    pub(crate) burst_share: f64,
    /// Time after the first row that is not looked at
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = time)]
    pub(crate) warm_up: Duration,
    /// Requests of the canary below which nothing is passed
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) min_requests: u32,
}

/// `errors=2` or `errors`.
fn weight(text: &str) -> Result<(String, f64), String> {
    let (name, weight) = text.split_once('=').unwrap_or((text, "1"));
    let weight = weight.parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight >= 0.0);
    match weight {
        Some(weight) if !name.is_empty() => Ok((name.to_owned(), weight)),
        _ => Err("expected a metric's name and a number from 0, such as errors=2".to_owned()),
    }
}

/// `1%` or `1`: a chance between 0 and 1, both excluded.
fn chance(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim().trim_end_matches('%').trim_end().parse().ok();
    let chance = number.map(|percent| percent / 100.0).filter(|chance| *chance > 0.0 && *chance < 1.0);
    chance.ok_or_else(|| "expected a percentage between 0% and 100%, such as 1%".to_owned())
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse::<f64>().ok().filter(|ratio| *ratio > 1.0 && ratio.is_finite());
    ratio.ok_or_else(|| "expected a number above 1, such as 2".to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}
