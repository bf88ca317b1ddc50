//! What the spec wants judged, with both fleets filled in.

use super::Analysis;
use crate::analysis::{Bad, Source, Tally};
use crate::model::{ByColor, Color, LoadBalancerArn, MetricQuery, Series, TargetGroupArn};
use crate::plan::{ControlFleet, Finding};
use crate::spec::{self, Measure};

/// One fleet, as the dimensions of metrics name it.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Arm<'a> {
    pub service: &'a str,
    pub group: &'a TargetGroupArn,
}

/// The plan's analysis. A metric that counts the same for both fleets is a finding.
pub(in crate::plan) fn resolve(
    asked: &spec::Analysis,
    balancer: &LoadBalancerArn,
    arms: &ByColor<Arm<'_>>,
    stable: Color,
    control: Option<&ControlFleet>,
    findings: &mut Vec<Finding>,
) -> Analysis {
    let names = asked.judge.metrics.iter().map(|metric| metric.name.clone());
    let sources = names.zip(&asked.measures).map(|(metric, measure)| {
        let of = tallies(measure, balancer, arms);
        let tally = |color: Color| of.get(color).clone();
        let control = control.and_then(|fleet| controls(measure, balancer, fleet));
        Source { metric, canary: tally(stable.other()), stable: tally(stable), control }
    });
    let sources: Vec<Source> = sources.collect();
    findings.extend(sources.iter().filter(|source| one_series(source)).map(|source| {
        let what = format!("metric {} is one series for both fleets: they cannot be compared", source.metric);
        let cure = "put `{{color}}` or `{{targetGroup}}` into its dimensions: both fleets are one service here";
        Finding::refuse("BG3300", what, cure)
    }));
    Analysis {
        judge: asked.judge.clone(),
        sources,
        lag: asked.lag,
        inconclusive: asked.inconclusive,
        inconclusive_limit: asked.inconclusive_limit,
        no_answer: asked.no_answer,
        no_answer_for: asked.no_answer_for,
    }
}

fn one_series(source: &Source) -> bool {
    source.canary.all == source.stable.all || source.canary.bad == source.stable.bad
}

/// What a metric counts for each fleet.
pub(in crate::plan) fn tallies(
    measure: &Measure,
    balancer: &LoadBalancerArn,
    arms: &ByColor<Arm<'_>>,
) -> ByColor<Tally> {
    let of = |color: Color| {
        if let Measure::Known { fleets, .. } = measure {
            return fleets.get(color).clone();
        }
        tally(measure, Some(color), balancer, *arms.get(color))
    };
    ByColor { blue: of(Color::Blue), green: of(Color::Green) }
}

/// What a metric counts for the control fleet, which has no colour: nothing where only that would tell it apart.
fn controls(measure: &Measure, balancer: &LoadBalancerArn, fleet: &ControlFleet) -> Option<Tally> {
    match measure {
        Measure::Known { control, .. } => control.clone(),
        Measure::Own { bad, all } if names_color(bad) || names_color(all) => None,
        _ => {
            let arm = Arm { service: &fleet.service.name, group: &fleet.group };
            Some(tally(measure, None, balancer, arm))
        }
    }
}

fn names_color(query: &MetricQuery) -> bool {
    let all: Vec<&Series> = match query {
        MetricQuery::Series(series) => vec![series],
        MetricQuery::Math { series, .. } => series.values().collect(),
    };
    let named = |text: &String| fill(text, |name| (name == "color").then(String::new)) != *text;
    all.iter().any(|series| series.dimensions.values().any(named))
}

fn tally(measure: &Measure, color: Option<Color>, balancer: &LoadBalancerArn, arm: Arm<'_>) -> Tally {
    match measure {
        Measure::ErrorRate => Tally::errors(balancer, arm.group),
        Measure::Lost => Tally::lost(balancer, arm.group),
        Measure::Latency(threshold) => Tally::latency(balancer, arm.group, *threshold),
        Measure::Own { bad, all } => {
            let filled = |query: &MetricQuery| filled(query, color, balancer, arm);
            Tally { bad: Bad::Sum(vec![filled(bad)]), all: filled(all) }
        }
        Measure::Known { fleets, .. } => fleets.get(color.unwrap_or(Color::Blue)).clone(),
    }
}

fn filled(query: &MetricQuery, color: Option<Color>, balancer: &LoadBalancerArn, arm: Arm<'_>) -> MetricQuery {
    let value = |text: &String| {
        fill(text, |name| match name {
            "color" => color.map(|color| color.to_string()),
            "service" => Some(arm.service.to_owned()),
            "targetGroup" => Some(arm.group.dimension().to_owned()),
            "loadBalancer" => Some(balancer.dimension().to_owned()),
            _ => None,
        })
    };
    let one = |series: &Series| {
        let dimensions = series.dimensions.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        Series { dimensions, ..series.clone() }
    };
    match query {
        MetricQuery::Series(series) => MetricQuery::Series(one(series)),
        MetricQuery::Math { expression, series } => MetricQuery::Math {
            expression: expression.clone(),
            series: series.iter().map(|(id, series)| (id.clone(), one(series))).collect(),
        },
    }
}

/// `{{name}}` replaced by its value; what has none stays as it is.
fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut parts = text.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = part.split_once("}}").and_then(|(name, rest)| Some((value(name.trim())?, rest)));
        match known {
            Some((value, rest)) => filled += &(value + rest),
            None => filled += &format!("{{{{{part}"),
        }
    }
    filled
}

#[cfg(test)]
mod tests;
