//! What a release can find at the traffic that there is: told before anybody waits for a verdict in vain.

mod describe;

use std::time::Duration;

use serde::Serialize;

use super::analysis::HOUR_MINUTES;
use super::{Analysis, Hour, Plan, Survey};
use crate::analysis::Metric;
use crate::model::{ByColor, Color, Percent, Step, duration};
use crate::stats::{Guards, minutes_to_detect};

pub use describe::describe_power;

/// What can be found, for each metric that decides, at the traffic and the failure rates of the hour before.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Power {
    /// With this probability it is found in the time that is told.
    pub probability: f64,
    /// How many times as bad the canary is in all that is told.
    pub ratio: f64,
    /// One entry for each metric that decides and had data.
    pub metrics: Vec<MetricPower>,
}

/// What one metric can find.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricPower {
    /// Its name.
    pub metric: String,
    /// Requests of both fleets a minute.
    pub per_minute: f64,
    /// The part of stable's that were bad, above 0.
    pub rate: f64,
    /// Whether none was: the rate is that of half a bad one then.
    pub none_bad: bool,
    /// The analysis steps.
    pub steps: Vec<StepPower>,
    /// All time with a part of the traffic on the canary, taken together.
    #[serde(with = "duration")]
    pub release_lasts: Duration,
    /// When the canary is found in the release, counted in that time.
    #[serde(with = "optional")]
    pub release: Option<Duration>,
}

/// What one step can find by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepPower {
    /// Its number in the plan, from 1.
    pub step: usize,
    /// The canary's share of traffic.
    pub share: Percent,
    /// How long it lasts.
    #[serde(with = "duration")]
    pub lasts: Duration,
    /// How long it would have to last; `None` where no time is enough.
    #[serde(with = "optional")]
    pub needs: Option<Duration>,
    /// The least ratio that is found while it lasts, of a few that are tried.
    pub in_time: Option<f64>,
}

impl StepPower {
    /// Whether a canary that is so bad is found while the step lasts.
    pub fn is_enough(&self) -> bool {
        self.needs.is_some_and(|needs| needs <= self.lasts)
    }
}

/// A time or nothing, as text.
mod optional {
    use super::{Duration, duration};

    #[allow(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.serialize_some(&duration::format(*time)),
            None => to.serialize_none(),
        }
    }
}

const PROBABILITY: f64 = 0.9;
/// The ratios that are tried for what is found in time.
const RATIOS: [f64; 9] = [1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// No step is that long: whatever takes longer is not found.
const LONGEST_MINUTES: f64 = 366.0 * 24.0 * 60.0;
/// Bad ones that are assumed where none was.
const HALF_A_BAD_ONE: f64 = 0.5;

/// Minutes in which nine of ten canaries that are `ratio` times as bad have been found; the arguments are those of
/// [`minutes_to_detect`], which tells the median.
///
/// Evidence is a random walk with drift, and its variance is twice its drift where single failures decide: nine of ten
/// then take about twice the median. Where many come together in a minute and count for less, the walk is smoother.
/// The example `power` holds this against simulation: it is told a little too long in most cases, and too short in few.
pub fn minutes_to_find(per_minute: f64, share: f64, base: f64, ratio: f64, alpha: f64, guards: Guards) -> f64 {
    let median = minutes_to_detect(per_minute, share, base, ratio, alpha, guards);
    let failures = per_minute * base * (1.0 - share + ratio * share);
    let counts_for = (1.0 + (failures - 1.0).max(0.0) * guards.burst_share).recip();
    median * (1.0 + LATE * counts_for.sqrt()) + 1.0
}

/// From simulation: see the example `power`.
const LATE: f64 = 1.25;

/// What a plan can find; `None` where nothing is judged.
pub fn power(plan: &Plan, survey: &Survey) -> Option<Power> {
    let analysis = plan.analysis.as_deref()?;
    let all: f64 = analysis.judge.metrics.iter().filter(|metric| !metric.dry_run).map(|metric| metric.weight).sum();
    let readings = analysis.judge.metrics.iter().zip(&survey.hours).filter(|(metric, _)| !metric.dry_run);
    let metric = |(metric, reading): (&Metric, &crate::observe::Reading<ByColor<Hour>>)| {
        let alpha = analysis.judge.alpha * metric.weight / all;
        let traffic = Traffic::of(reading.ok()?, plan.stable(), alpha, analysis)?;
        Some(traffic.power(&metric.name, plan))
    };
    Some(Power {
        probability: PROBABILITY,
        ratio: analysis.judge.not_worse_than,
        metrics: readings.filter_map(metric).collect(),
    })
}

/// One metric at the traffic of the hour before.
struct Traffic<'a> {
    per_minute: f64,
    rate: f64,
    none_bad: bool,
    alpha: f64,
    analysis: &'a Analysis,
}

impl<'a> Traffic<'a> {
    fn of(hours: &ByColor<Hour>, stable: Color, alpha: f64, analysis: &'a Analysis) -> Option<Traffic<'a>> {
        let hour = hours.get(stable);
        let none_bad = hour.bad <= 0.0;
        let bad = if none_bad { HALF_A_BAD_ONE } else { hour.bad };
        let all: f64 = hours.iter().map(|(_, hour)| hour.all).sum();
        (hour.all > 0.0).then(|| Traffic {
            per_minute: all / f64::from(HOUR_MINUTES),
            rate: (bad / hour.all).min(1.0),
            none_bad,
            alpha,
            analysis,
        })
    }

    /// Minutes of evidence that it takes at a share; infinite where a rate above 1 would be needed.
    ///
    /// `control`: whether a control fleet has the same share, so that these two are compared and nothing else.
    fn minutes(&self, share: Percent, control: bool, ratio: f64) -> f64 {
        if self.rate * ratio > 1.0 {
            return f64::INFINITY;
        }
        let guards = Guards { burst_share: self.analysis.judge.burst_share, ..Guards::default() };
        let share = f64::from(share.tenths()) / 1000.0;
        let (per_minute, share) = if control { (self.per_minute * 2.0 * share, 0.5) } else { (self.per_minute, share) };
        minutes_to_find(per_minute, share, self.rate, ratio, self.alpha, guards)
    }

    fn power(&self, metric: &str, plan: &Plan) -> MetricPower {
        let ratio = self.analysis.judge.not_worse_than;
        let lag = self.analysis.lag;
        // The minutes in which the canary warms up are lost to the step that comes first.
        let mut lost = self.analysis.judge.warm_up;
        let mut share = Percent::ZERO;
        let (mut found, mut lasted, mut release) = (0.0, Duration::ZERO, None);
        let mut told = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            if let Step::SetWeight(next) = step {
                share = *next;
            }
            let (Step::Hold(lasts) | Step::Analysis(lasts)) = step else { continue };
            if share == Percent::ZERO || share == Percent::FULL {
                continue;
            }
            let control = plan.control_share(share) > Percent::ZERO;
            let needs = |ratio: f64| time(self.minutes(share, control, ratio)).map(|time| time + lag + lost);
            if matches!(step, Step::Analysis(_)) {
                let in_time = RATIOS.into_iter().find(|ratio| needs(*ratio).is_some_and(|needs| needs <= *lasts));
                told.push(StepPower { step: index + 1, share, lasts: *lasts, needs: needs(ratio), in_time });
            }
            let minutes = self.minutes(share, control, ratio);
            let usable = lasts.saturating_sub(lost).as_secs_f64() / 60.0;
            if release.is_none() && found + usable / minutes >= 1.0 {
                release = time((1.0 - found) * minutes).map(|time| lasted + lost + time + lag);
            }
            found += usable / minutes;
            lasted += *lasts;
            lost = lost.saturating_sub(*lasts);
        }
        let release = release.filter(|time| *time <= lasted);
        MetricPower {
            metric: metric.to_owned(),
            per_minute: self.per_minute,
            rate: self.rate,
            none_bad: self.none_bad,
            steps: told,
            release_lasts: lasted,
            release,
        }
    }
}

/// Whole minutes, rounded up.
fn time(minutes: f64) -> Option<Duration> {
    (minutes <= LONGEST_MINUTES).then(|| Duration::from_secs_f64(minutes.ceil() * 60.0))
}

#[cfg(test)]
mod tests;
