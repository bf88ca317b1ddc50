//! From answered queries to the rows that are judged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Bad, Counts, Row, Source, Tally};
use crate::call::{CallError, ErrorClass};
use crate::model::MetricQuery;
use crate::ports::Points;

/// Which fleet the canary is held against in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlArm {
    /// Stable's.
    Stable,
    /// The one that is there for that alone; stable where the metric cannot tell it apart.
    Control,
}

/// What is to be asked for `sources`: every query once.
pub fn queries<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Vec<MetricQuery> {
    let all: BTreeSet<&MetricQuery> = sources.into_iter().flat_map(Source::tallies).flat_map(Tally::queries).collect();
    all.into_iter().cloned().collect()
}

/// Queries with their answers.
#[derive(Clone, Debug, Default)]
pub struct Answers(BTreeMap<MetricQuery, Result<Points, CallError>>);

impl Answers {
    /// Of [`queries`] and what [`crate::ports::Metrics::points`] says of them, in the same order.
    pub fn new(queries: Vec<MetricQuery>, answers: Vec<Result<Points, CallError>>) -> Answers {
        Answers(queries.into_iter().zip(answers).collect())
    }

    /// The rows of one metric, oldest first: one for each minute in which the canary or its control has data.
    ///
    /// A bad one in a minute without any request belongs to a request of the minute before; it is counted in the next
    /// minute that has some. There is no more to be told from a minute at the edge: more bad ones than requests are
    /// left as they are.
    ///
    /// Fails when one of its queries failed or has no answer, and when a value is no count: no row is made of half of
    /// what it needs.
    pub fn rows(
        &self,
        source: &Source,
        control: impl Fn(Timestamp) -> ControlArm,
        share: impl Fn(Timestamp) -> Option<f64>,
    ) -> Result<Vec<Row>, CallError> {
        let canary = self.counts(&source.canary)?;
        let stable = self.counts(&source.stable)?;
        let alone = source.control.as_ref().map(|tally| self.counts(tally)).transpose()?;
        let control_at = |at: Timestamp| match (control(at), &alone) {
            (ControlArm::Control, Some(alone)) => alone.get(&at).copied(),
            _ => stable.get(&at).copied(),
        };
        let minutes: BTreeSet<Timestamp> =
            canary.keys().chain(stable.keys()).chain(alone.iter().flat_map(BTreeMap::keys)).copied().collect();
        let row = |at: Timestamp| Row {
            at,
            metric: source.metric.clone(),
            canary: canary.get(&at).copied(),
            control: control_at(at),
            share: share(at),
        };
        Ok(minutes.into_iter().map(row).filter(|row| row.canary.is_some() || row.control.is_some()).collect())
    }

    /// The minutes in which a fleet has data.
    fn counts(&self, tally: &Tally) -> Result<BTreeMap<Timestamp, Counts>, CallError> {
        let all = self.points(&tally.all)?;
        let parts = sum(tally.bad.queries().iter().map(|query| self.points(query)))?;
        let part = |at: &Timestamp| parts.get(at).copied().unwrap_or(0.0);
        if let Bad::Rest(_) = tally.bad {
            let rest = |(at, all): (Timestamp, f64)| (at, Counts { bad: (all - part(&at)).max(0.0), all });
            return Ok(all.into_iter().map(rest).collect());
        }
        let (mut counts, mut early) = (BTreeMap::new(), 0.0);
        for at in all.keys().chain(parts.keys()).copied().collect::<BTreeSet<_>>() {
            let requests = all.get(&at).copied();
            let bad = match requests {
                Some(requests) if requests > 0.0 => std::mem::take(&mut early) + part(&at),
                _ => {
                    early += part(&at);
                    0.0
                }
            };
            counts.extend(requests.map(|all| (at, Counts { bad, all })));
        }
        Ok(counts)
    }

    fn points(&self, query: &MetricQuery) -> Result<BTreeMap<Timestamp, f64>, CallError> {
        let points = self.0.get(query).ok_or_else(|| malformed("a query has no answer".to_owned()))?.as_ref();
        let points = points.map_err(Clone::clone)?;
        if let Some((at, value)) = points.iter().find(|(_, value)| !value.is_finite() || *value < 0.0) {
            let what = query.name();
            return Err(malformed(format!("{what} is {value} in the minute of {at}, and a count is a number from 0")));
        }
        Ok(points.iter().copied().collect())
    }
}

fn sum(
    series: impl Iterator<Item = Result<BTreeMap<Timestamp, f64>, CallError>>,
) -> Result<BTreeMap<Timestamp, f64>, CallError> {
    let mut sums = BTreeMap::new();
    for points in series {
        for (at, value) in points? {
            *sums.entry(at).or_insert(0.0) += value;
        }
    }
    Ok(sums)
}

fn malformed(message: String) -> CallError {
    CallError { operation: "cloudwatch:GetMetricData".to_owned(), class: ErrorClass::Malformed, message }
}

impl Source {
    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        [&self.canary, &self.stable].into_iter().chain(&self.control)
    }
}

impl Tally {
    fn queries(&self) -> impl Iterator<Item = &MetricQuery> {
        std::iter::once(&self.all).chain(self.bad.queries())
    }
}

#[cfg(test)]
mod tests;
