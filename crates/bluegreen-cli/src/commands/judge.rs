//! `bluegreen judge`

use std::time::Duration;

use bluegreen_core::analysis::{Judge, Judgement, Metric, MetricEvidence, Rows, Verdict, Window, judge};
use bluegreen_core::model::Timestamp;
use serde::Serialize;

use super::session::Session;
use crate::args::JudgeArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::words::wrap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    judge: &'a Judge,
    #[serde(flatten)]
    judgement: &'a Judgement,
}

/// The rows of a file as one step that is over. Neither AWS nor a journal is asked.
pub(super) fn run(session: &Session, args: &JudgeArgs) -> Result<Exit, Failure> {
    let name = args.data.display();
    let text = std::fs::read_to_string(&args.data)
        .map_err(|error| Failure::caused(Exit::Usage, format!("{name} cannot be read"), error))?;
    let rows =
        Rows::parse(&text).map_err(|error| Failure::caused(Exit::Usage, format!("{name} has no rows"), error))?;
    let settings = settings(args, &rows)?;
    let judgement = judge(&settings, &rows, window(&rows));
    if session.json() {
        out::json(&Answer { v: 1, kind: "judgement", judge: &settings, judgement: &judgement })?;
    } else {
        out::data(words(&settings, &judgement));
    }
    Ok(match judgement.verdict {
        Verdict::Pass { .. } => Exit::Done,
        Verdict::Fail { .. } => Exit::Refused,
        Verdict::Inconclusive { .. } | Verdict::Open { .. } => Exit::Held,
    })
}

fn settings(args: &JudgeArgs, rows: &Rows) -> Result<Judge, Failure> {
    let found = rows.metrics();
    if let Some((unknown, _)) = args.metrics.iter().find(|(name, _)| !found.contains(&name.as_str())) {
        let what = format!("{} has no rows of the metric `{unknown}`", args.data.display());
        return Err(Failure::usage(what).help(format!("its metrics are {}", found.join(", "))));
    }
    let metric = |name: &str, weight: f64| Metric { name: name.to_owned(), weight, dry_run: weight <= 0.0 };
    let metrics = match args.metrics.is_empty() {
        true => found.iter().map(|name| metric(name, 1.0)).collect(),
        false => args.metrics.iter().map(|(name, weight)| metric(name, *weight)).collect(),
    };
    Ok(Judge {
        metrics,
        alpha: args.alpha,
        alpha_pass: args.alpha_pass,
        not_worse_than: args.not_worse_than,
        harmless: args.harmless,
        limit: args.limit,
        burst_share: args.burst_share,
        warm_up: args.warm_up,
        requests_min: args.min_requests.into(),
        pass_early: false,
        failure_limit: 0,
        horizon: None,
    })
}

/// From the first row to the end of the last one.
fn window(rows: &Rows) -> Window {
    const MINUTE: Duration = Duration::from_secs(60);
    let first = rows.all().first().map_or(Timestamp::UNIX_EPOCH, |row| row.at);
    let last = rows.all().last().map_or(first, |row| row.at);
    let until = last.checked_add(MINUTE).unwrap_or(last);
    let step = Duration::try_from(until.duration_since(first)).unwrap_or_default();
    Window { healthy_since: first, step_since: first, step, until }
}

fn words(settings: &Judge, judgement: &Judgement) -> String {
    let (verdict, why) = match &judgement.verdict {
        Verdict::Fail { metric, why } => ("FAIL", format!("{metric}: {why}")),
        Verdict::Pass { why, .. } => ("PASS", why.clone()),
        Verdict::Inconclusive { why } => ("INCONCLUSIVE", why.clone()),
        Verdict::Open { why } => ("HELD", why.clone()),
    };
    let mut lines = vec![wrap(&format!("{verdict}: {why}"), 2), String::new()];
    let needed = settings.alpha.recip();
    let worse = format!("evidence that the canary is worse: {} of {needed:.0} needed", value(judgement.worse));
    lines.push(wrap(&worse, 2));
    lines.push(wrap(&format!("evidence of a wrong split: {} of 1000 needed", value(judgement.split)), 2));
    lines.extend(judgement.metrics.iter().flat_map(|metric| metric_words(settings, metric)));
    lines.join("\n")
}

fn metric_words(settings: &Judge, metric: &MetricEvidence) -> Vec<String> {
    let row = |name: &str, value: String| wrap(&format!("  {name:<18}{value}"), 20);
    let part = if metric.weight > 0.0 { format!("{:.0} %", metric.weight * 100.0) } else { "shown only".to_owned() };
    let arm = |bad: f64, all: f64| match all > 0.0 {
        true => format!("{bad:.0} of {all:.0} bad, {:.3} %", 100.0 * bad / all),
        false => "no requests".to_owned(),
    };
    let mut lines = vec![
        String::new(),
        format!("{} ({part}, {} minutes)", metric.metric, metric.minutes),
        row("canary", arm(metric.canary_bad, metric.canary_requests)),
        row("control", arm(metric.control_bad, metric.control_requests)),
    ];
    if let Some((likeliest, low, high)) = metric.ratio {
        lines.push(row("ratio", format!("{likeliest:.2} (95 % at all times: {low:.2} to {high:.2})")));
    }
    lines.push(row("worse", value(metric.worse)));
    let times = settings.not_worse_than;
    let needed = settings.alpha_pass.recip();
    lines.push(row(&format!("not {times} times"), format!("{} of {needed:.0} needed", value(metric.not_worse))));
    if let Some(harmless) = metric.harmless {
        lines.push(row("harmless", format!("{} of {needed:.0} needed", value(harmless))));
    }
    if let Some(above) = metric.above_limit {
        lines.push(row("above the limit", value(above)));
    }
    if let Some(onset) = metric.onset.filter(|_| metric.worse >= -settings.alpha.ln()) {
        lines.push(row("worse since", onset.to_string()));
    }
    lines
}

/// An e-value from its logarithm, short.
fn value(log_e: f64) -> String {
    let e = log_e.exp();
    match e < 1e6 {
        true if e < 10.0 => format!("{e:.2}"),
        true => format!("{e:.0}"),
        false => format!("10^{:.0}", log_e / std::f64::consts::LN_10),
    }
}
