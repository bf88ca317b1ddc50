//! `bluegreen simulate`

use std::time::Duration;

use bluegreen_core::model::duration;
use bluegreen_sandbox::simulate::{Chance, Rehearsal, Spread, Summary};
use serde::Serialize;

use super::respec::spec_of;
use super::session::Session;
use super::{plan as plan_file, spec};
use crate::args::{ReleaseArgs, SimulateArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::words::wrap;

/// Tasks where neither an option nor a plan says how many.
const TASKS: u32 = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    service: &'a str,
    environment: &'a str,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Nothing of AWS is asked, and no journal is written.
pub(super) fn run(session: &Session, args: &SimulateArgs) -> Result<Exit, Failure> {
    let (spec, planned) = match &args.plan {
        Some(file) => {
            let plan = plan_file::read(file)?;
            (spec_of(&plan), Some(plan.stable_baseline().desired))
        }
        None => (spec::load(&args.spec, &ReleaseArgs::default())?.spec, None),
    };
    let finest = args.metric_period.as_secs();
    if u64::from(args.alarm.period) % finest != 0 {
        let what = format!("--alarm has periods of {} s, but metrics come every {finest} s", args.alarm.period);
        return Err(Failure::usage(what).help("give the alarm a multiple of --metric-period"));
    }
    let rehearsal = Rehearsal {
        tasks: args.tasks.or(planned).unwrap_or(TASKS),
        spec,
        rps: args.rps,
        baseline_errors: args.baseline_errors,
        canary_errors: args.canary_errors,
        alarm: args.alarm,
        metric_period: args.metric_period,
        faults: args.fault.clone().unwrap_or_default(),
        drift: args.drift,
        kill: args.kill,
        runs: args.runs,
        seed: args.seed,
    };
    let summary = rehearsal.run();
    let (service, environment) = (&rehearsal.spec.service, &rehearsal.spec.environment.name);
    if session.json() {
        out::json(&Answer { v: 1, kind: "simulation", service, environment, summary: &summary })?;
    } else {
        out::data(text(&format!("{service} in {environment}"), &summary));
    }
    Ok(Exit::Done)
}

/// The summary for a person.
fn text(what: &str, summary: &Summary) -> String {
    let Summary { runs, seed, assumptions, bad, good } = summary;
    let never = || "never".to_owned();
    let mut lines = vec![
        wrap(&format!("{what}: {runs} releases of a bad version and {runs} of a good one, seed {seed}"), 2),
        String::new(),
        "bad version".to_owned(),
        row(if bad.by_judge.is_some() { "sent back" } else { "sent back by an alarm" }, &chance(&bad.detected)),
    ];
    lines.extend(bad.by_judge.map(|found| row("of these by the judge", &chance(&found))));
    lines.extend(bad.inconclusive.map(|found| row("not enough evidence", &chance(&found))));
    lines.extend([
        row("after its first traffic", &bad.detection_seconds.as_ref().map_or_else(never, times)),
        row("then out of traffic after", &bad.rollback_seconds.as_ref().map_or_else(never, times)),
        row("requests that it failed", &format!("median {}, 90 % up to {}", bad.harmed.median, bad.harmed.p90)),
        row("runs ended", &ends(&bad.ends)),
        String::new(),
        "good version".to_owned(),
        row("sent back all the same", &chance(&good.false_rollbacks)),
    ]);
    lines.extend(good.inconclusive.map(|found| row("not enough evidence", &chance(&found))));
    lines.extend([
        row("duration when promoted", &good.duration_seconds.as_ref().map_or_else(never, times)),
        row("runs ended", &ends(&good.ends)),
        String::new(),
        "assumed".to_owned(),
    ]);
    lines.extend(assumptions.iter().map(|text| wrap(&format!("- {text}"), 2)));
    lines.join("\n")
}

fn row(name: &str, value: &str) -> String {
    wrap(&format!("  {name:<26}{value}"), 28)
}

fn chance(chance: &Chance) -> String {
    let [low, high] = chance.interval.map(percent);
    format!("{} of {}: {} % (95 % interval {low} to {high} %)", chance.count, chance.of, percent(chance.share))
}

fn percent(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

fn times(spread: &Spread) -> String {
    let words = |seconds: f64| duration::format(Duration::from_secs_f64(seconds.max(0.0).round()));
    format!("median {}, 90 % within {}", words(spread.median), words(spread.p90))
}

fn ends(ends: &std::collections::BTreeMap<String, u32>) -> String {
    ends.iter().map(|(end, count)| format!("{count} {end}")).collect::<Vec<_>>().join(", ")
}
