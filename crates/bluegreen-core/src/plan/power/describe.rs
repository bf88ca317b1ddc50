//! What can be found, in words.

use std::time::Duration;

use super::{MetricPower, Power, StepPower};
use crate::model::{Percent, duration};

/// A table at 80 columns, ending with a newline; empty where there is nothing to tell.
pub fn describe_power(power: &Power) -> String {
    let metrics: Vec<&MetricPower> = power.metrics.iter().filter(|metric| !metric.steps.is_empty()).collect();
    if metrics.is_empty() {
        return String::new();
    }
    let head = format!("Found with probability {}, at the traffic of the last hour\n", power.probability);
    metrics.into_iter().fold(head, |text, metric| text + &table(power, metric))
}

fn table(power: &Power, metric: &MetricPower) -> String {
    let bad = format!("{} bad", percent(metric.rate));
    let assumed = if metric.none_bad { " (none was: half a one is assumed)" } else { "" };
    let within = format!("{} within", times_as_bad(power.ratio));
    let mut text = format!("  {}: {} requests a minute, {bad}{assumed}\n", metric.metric, count(metric.per_minute));
    text += &format!("    {:>7} {:>6}  {:<8} {within:<24} in time\n", "step", "share", "lasts");
    for step in &metric.steps {
        let needs = step.needs.map_or("never".to_owned(), long);
        let share = step.share.to_string();
        let lasts = duration::format(step.lasts);
        text += &format!("    {:>7} {share:>6}  {lasts:<8} {needs:<24} {}\n", step.step, in_time(step));
    }
    let (lasts, within) = (duration::format(metric.release_lasts), metric.release.map_or("later".to_owned(), long));
    let found = if metric.release.is_some() { "yes" } else { "no" };
    text + &format!("    {:>7} {:>6}  {lasts:<8} {within:<24} {found}\n", "release", "")
}

fn in_time(step: &StepPower) -> String {
    match step.in_time {
        _ if step.is_enough() => "yes".to_owned(),
        Some(ratio) => format!("no, but {}", times_as_bad(ratio)),
        None => "nothing".to_owned(),
    }
}

/// What will not be found, and how long that would take.
pub(in crate::plan) struct Blind {
    /// In a sentence.
    pub what: String,
    /// How long the step would have to be, where that is within reason.
    pub longer: Option<Duration>,
    /// Whether more traffic on the canary would find it sooner: half and half is best.
    pub share_helps: bool,
}

/// No step is made longer than this for a verdict.
const REASON: Duration = Duration::from_secs(24 * 3600);

impl Power {
    /// One for each metric with an analysis step that is too short; `harmless` is a rate that nobody minds.
    pub(in crate::plan) fn blind(&self, harmless: Option<f64>) -> Vec<Blind> {
        let minded = |metric: &&MetricPower| harmless.is_none_or(|harmless| metric.rate * self.ratio > harmless);
        self.metrics.iter().filter(minded).filter_map(|metric| self.blind_in(metric)).collect()
    }

    fn blind_in(&self, metric: &MetricPower) -> Option<Blind> {
        let mut short = metric.steps.iter().filter(|step| !step.is_enough());
        let first = short.next()?;
        let others: Vec<String> = short.map(|step| step.step.to_string()).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            [one] => format!(", nor in step {one}"),
            many => format!(", nor in steps {}", many.join(", ")),
        };
        let verb = match self.ratio.to_bits() == 2.0_f64.to_bits() {
            true => "doubling".to_owned(),
            false => format!("multiplying by {}", self.ratio),
        };
        let found = match first.needs {
            Some(needs) => format!("is found within {} with probability {}", minutes(needs), self.probability),
            None => "is never found".to_owned(),
        };
        let what = format!(
            "{}: at {} requests a minute and {}, {verb} a {} failure rate {found}; step {} lasts {}: it will not be{others}",
            metric.metric,
            count(metric.per_minute),
            first.share,
            percent(metric.rate),
            first.step,
            minutes(first.lasts),
        );
        let share_helps = first.share.tenths() < Percent::FULL.tenths() / 2;
        Some(Blind { what, longer: first.needs.filter(|needs| *needs <= REASON), share_helps })
    }
}

/// `95 minutes`, or hours and days where those read better.
fn minutes(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    if minutes <= 180 { format!("{minutes} minutes") } else { long(time) }
}

/// To two units at most, so that nobody counts the seconds of a week.
fn long(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let unit = if time.as_secs() > 48 * HOUR { HOUR } else { MINUTE };
    duration::format(Duration::from_secs(time.as_secs().div_ceil(unit) * unit))
}

fn times_as_bad(ratio: f64) -> String {
    if ratio.to_bits() == 2.0_f64.to_bits() { "twice as bad".to_owned() } else { format!("{ratio} times as bad") }
}

/// To two digits.
fn percent(rate: f64) -> String {
    format!("{}%", digits(rate * 100.0, 2))
}

/// To three digits.
fn count(number: f64) -> String {
    digits(number, 3)
}

fn digits(number: f64, digits: i32) -> String {
    if number <= 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    #[allow(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is far from any limit")]
    let places = digits - 1 - number.log10().floor() as i32;
    match usize::try_from(places) {
        Ok(places) => {
            let text = format!("{number:.places$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
        Err(_) => format!("{number:.0}"),
    }
}
