//! What the metrics counted in the hour before: whether they can be read at all, and what can be found with them.

use std::time::Duration;

use jiff::Timestamp;

use super::resolve::{Arm, tallies};
use crate::analysis::{Answers, ControlArm, Counts, Source, queries};
use crate::model::{ByColor, Color, LoadBalancerArn};
use crate::observe::{Reading, ServiceSnapshot, TargetGroup};
use crate::ports::{CallError, Ports};
use crate::spec::Spec;

/// One fleet's counts over an hour. Without any minute there was no data.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hour {
    /// Minutes with data, 0 to 60.
    pub minutes: u32,
    /// Bad ones.
    pub bad: f64,
    /// All of them.
    pub all: f64,
}

/// How many minutes are looked back.
pub(in crate::plan) const MINUTES: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// The hour before of every metric of the spec, in its order. Empty where nothing is judged, and where services or
/// groups could not be read: that keeps a plan from being made anyway.
pub(in crate::plan) async fn read(
    ports: &Ports,
    spec: &Spec,
    services: &ByColor<Reading<ServiceSnapshot>>,
    groups: &ByColor<Reading<TargetGroup>>,
) -> Vec<Reading<ByColor<Hour>>> {
    let Some(analysis) = &spec.analysis else { return Vec::new() };
    let Some((balancer, arms)) = arms(services, groups) else { return Vec::new() };
    // Which fleet is the canary is not known yet: blue stands in for it.
    let source = |(name, measure): (&String, _)| {
        let of = tallies(measure, balancer, &arms);
        Source { metric: name.clone(), canary: of.blue, stable: of.green, control: None }
    };
    let names = analysis.judge.metrics.iter().map(|metric| &metric.name);
    let sources: Vec<Source> = names.zip(&analysis.measures).map(source).collect();
    let queries = queries(&sources);
    let now = ports.clock.now();
    let to = closed(earlier(now, analysis.lag));
    let answered = ports.metrics.points(&queries, earlier(to, MINUTE * MINUTES), to).await;
    let seen_at = ports.clock.now();
    let answers = answered.map(|answers| Answers::new(queries, answers));
    let one = |source: &Source| {
        let value = answers.as_ref().map_err(Clone::clone).and_then(|answers| hour(answers, source));
        Reading { seen_at, value }
    };
    sources.iter().map(one).collect()
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// The beginning of the minute that a time is in.
fn closed(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or(at)
}

fn arms<'a>(
    services: &'a ByColor<Reading<ServiceSnapshot>>,
    groups: &'a ByColor<Reading<TargetGroup>>,
) -> Option<(&'a LoadBalancerArn, ByColor<Arm<'a>>)> {
    let arm = |color: Color| {
        let (service, group) = (services.get(color).ok()?, groups.get(color).ok()?);
        Some(Arm { service: &service.name, group: &group.arn })
    };
    let balancer = groups.iter().find_map(|(_, group)| group.ok()?.load_balancers.first())?;
    Some((balancer, ByColor { blue: arm(Color::Blue)?, green: arm(Color::Green)? }))
}

fn hour(answers: &Answers, source: &Source) -> Result<ByColor<Hour>, CallError> {
    let rows = answers.rows(source, |_| ControlArm::Stable, |_| None)?;
    let sum = |counts: &mut dyn Iterator<Item = Counts>| {
        counts.fold(Hour::default(), |hour, counts| Hour {
            minutes: hour.minutes + 1,
            bad: hour.bad + counts.bad,
            all: hour.all + counts.all,
        })
    };
    let blue = sum(&mut rows.iter().filter_map(|row| row.canary));
    let green = sum(&mut rows.iter().filter_map(|row| row.control));
    Ok(ByColor { blue, green })
}
