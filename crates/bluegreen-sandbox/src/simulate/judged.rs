//! The spec's analysis in the rehearsal's world.

use bluegreen_core::analysis::{Bad, Source, Tally};
use bluegreen_core::model::{ByColor, LoadBalancerArn, MetricQuery, Series, TargetGroupArn};
use bluegreen_core::plan::Analysis;
use bluegreen_core::spec::{self, Measure};

/// The metrics of this namespace are those that the world's load balancer counts.
const COUNTED: &str = "AWS/ApplicationELB";

/// The plan's analysis, and the names of the metrics that nothing in the world counts; `None` where none is left.
pub(super) fn analysis(
    asked: &spec::Analysis,
    balancer: &LoadBalancerArn,
    groups: &ByColor<TargetGroupArn>,
    control: Option<&TargetGroupArn>,
) -> (Option<Analysis>, Vec<String>) {
    let (mut judge, mut sources, mut left_out) = (asked.judge.clone(), Vec::new(), Vec::new());
    judge.metrics.clear();
    for (metric, measure) in asked.judge.metrics.iter().zip(&asked.measures) {
        let tallies = (counted(measure, balancer, &groups.green), counted(measure, balancer, &groups.blue));
        let (Some(canary), Some(stable)) = tallies else {
            left_out.push(metric.name.clone());
            continue;
        };
        judge.metrics.push(metric.clone());
        let control = control.and_then(|group| counted(measure, balancer, group));
        sources.push(Source { metric: metric.name.clone(), canary, stable, control });
    }
    let decides = judge.metrics.iter().any(|metric| !metric.dry_run);
    let analysis = decides.then_some(Analysis {
        judge,
        sources,
        lag: asked.lag,
        inconclusive: asked.inconclusive,
        inconclusive_limit: asked.inconclusive_limit,
        no_answer: asked.no_answer,
        no_answer_for: asked.no_answer_for,
    });
    (analysis, left_out)
}

fn counted(measure: &Measure, balancer: &LoadBalancerArn, group: &TargetGroupArn) -> Option<Tally> {
    let here = |query: &MetricQuery| moved(query, balancer, group);
    match measure {
        Measure::ErrorRate => Some(Tally::errors(balancer, group)),
        Measure::Lost => Some(Tally::lost(balancer, group)),
        Measure::Latency(threshold) => Some(Tally::latency(balancer, group, *threshold)),
        Measure::Own { bad, all } => Some(Tally { bad: Bad::Sum(vec![here(bad)?]), all: here(all)? }),
        Measure::Known { fleets: known, .. } => {
            let all = here(&known.green.all)?;
            let queries = known.green.bad.queries().iter().map(here).collect::<Option<Vec<_>>>()?;
            let bad = match known.green.bad {
                Bad::Sum(_) => Bad::Sum(queries),
                Bad::Rest(_) => Bad::Rest(queries),
            };
            Some(Tally { bad, all })
        }
    }
}

/// A metric of a group of the load balancer, as one of the world's.
fn moved(query: &MetricQuery, balancer: &LoadBalancerArn, group: &TargetGroupArn) -> Option<MetricQuery> {
    let one = |series: &Series| {
        let mut series = series.clone();
        let of_group = series.namespace == COUNTED && series.dimensions.contains_key("TargetGroup");
        series.dimensions.insert("LoadBalancer".to_owned(), balancer.dimension().to_owned());
        series.dimensions.insert("TargetGroup".to_owned(), group.dimension().to_owned());
        of_group.then_some(series)
    };
    Some(match query {
        MetricQuery::Series(series) => MetricQuery::Series(one(series)?),
        MetricQuery::Math { expression, series } => {
            let series = series.iter().map(|(id, series)| Some((id.clone(), one(series)?))).collect::<Option<_>>()?;
            MetricQuery::Math { expression: expression.clone(), series }
        }
    })
}
