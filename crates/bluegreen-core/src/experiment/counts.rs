//! What is asked of CloudWatch for an experiment, and the counts in what it answered.

use std::collections::BTreeMap;

use super::{Minute, Plan};
use crate::analysis::{Bad, Tally};
use crate::model::{MetricQuery, Series};
use crate::spec::experiment::{Custom, Metric, Source, Unit};

/// Every series of an experiment, each once, in the order in which a [`Minute`] has their values.
pub fn queries(plan: &Plan) -> Vec<MetricQuery> {
    let design = &plan.design;
    let mut all = std::collections::BTreeSet::new();
    for variant in 0..design.variants.len() {
        all.insert(units(plan, variant));
        for metric in design.guardrails.iter().chain(design.goals.iter().map(|goal| &goal.metric)) {
            let tally = tally(plan, &metric.source, variant);
            all.extend(tally.bad.queries().iter().cloned());
            all.insert(tally.all);
        }
    }
    all.into_iter().collect()
}

/// The series of the variant's units.
fn units(plan: &Plan, variant: usize) -> MetricQuery {
    match &plan.design.unit {
        Unit::Request => Tally::errors(&plan.load_balancer(), &plan.groups[variant]).all,
        Unit::User(custom) => own(plan, variant, custom, &custom.name),
    }
}

/// The series of one metric for one variant.
fn tally(plan: &Plan, source: &Source, variant: usize) -> Tally {
    let (balancer, group) = (plan.load_balancer(), &plan.groups[variant]);
    match source {
        Source::ErrorRate => Tally::errors(&balancer, group),
        Source::Latency { threshold } => Tally::latency(&balancer, group, *threshold),
        Source::Custom(custom) => Tally {
            bad: Bad::Sum(vec![own(plan, variant, custom, &custom.name)]),
            all: match &custom.exposure {
                Some(exposure) => own(plan, variant, custom, exposure),
                None => units(plan, variant),
            },
        },
    }
}

/// A metric of the service's own.
fn own(plan: &Plan, variant: usize, custom: &Custom, name: &str) -> MetricQuery {
    let (arm, group) = (&plan.design.variants[variant].name, plan.groups[variant].dimension());
    let filled = |value: &String| value.replace("{{variant}}", arm).replace("{{targetGroup}}", group);
    let dimensions = custom.dimensions.iter().map(|(name, value)| (name.clone(), filled(value)));
    MetricQuery::Series(Series {
        namespace: custom.namespace.clone(),
        name: name.to_owned(),
        dimensions: dimensions.collect(),
        statistic: "Sum".to_owned(),
    })
}

/// Where in a [`Minute`] the counts of a plan are.
#[derive(Clone, Debug)]
pub struct Counts<'a> {
    plan: &'a Plan,
    places: BTreeMap<MetricQuery, usize>,
}

impl<'a> Counts<'a> {
    /// For this plan.
    pub fn new(plan: &'a Plan) -> Counts<'a> {
        let places = queries(plan).into_iter().enumerate().map(|(place, query)| (query, place)).collect();
        Counts { plan, places }
    }

    /// The variant's units in a minute; `None` without data.
    pub fn units(&self, variant: usize, minute: &Minute) -> Option<f64> {
        self.value(&units(self.plan, variant), minute)
    }

    /// A metric's count and what it is of; `None` without data. Where the whole has data and the count has none, it is 0:
    /// CloudWatch gets no zeros from most sources.
    pub fn of(&self, metric: &Metric, variant: usize, minute: &Minute) -> Option<(f64, f64)> {
        let tally = tally(self.plan, &metric.source, variant);
        let all = self.value(&tally.all, minute)?;
        let sum: f64 = tally.bad.queries().iter().filter_map(|query| self.value(query, minute)).sum();
        let counted = match tally.bad {
            Bad::Sum(_) => sum,
            Bad::Rest(_) => (all - sum).max(0.0),
        };
        Some((counted, all))
    }

    fn value(&self, query: &MetricQuery, minute: &Minute) -> Option<f64> {
        let value = *minute.values.get(*self.places.get(query)?)?;
        value.filter(|value| value.is_finite() && *value >= 0.0)
    }
}
