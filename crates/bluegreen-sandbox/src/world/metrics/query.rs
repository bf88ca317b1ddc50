//! Queries: statistics of metrics and expressions over them, on one grid of periods.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::{self, Expression, Scope, Value};
use super::{Ask, MetricKey, Second, Statistic, Store, Summary};
use crate::world::Ms;

/// Points by the first second of their period.
pub type Points = BTreeMap<Second, f64>;

/// One query of `GetMetricData` or of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricQuery {
    /// Unique among its neighbours; expressions name it.
    pub id: String,
    /// What is queried.
    pub source: Source,
    /// Shown instead of the metric's name.
    pub label: Option<String>,
    /// The period that was written at the query itself, in seconds.
    pub period: Option<u32>,
    /// Whether its points are in the answer.
    pub return_data: Option<bool>,
    /// The account that was written at the query.
    pub account: Option<String>,
}

/// What a query is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A statistic of a metric.
    Metric {
        /// The metric.
        key: MetricKey,
        /// Seconds.
        period: u32,
        /// By name.
        stat: String,
        /// The same, understood.
        statistic: Statistic,
        /// Points of this unit alone.
        unit: Option<String>,
    },
    /// Metric math.
    Expression {
        /// As it was written.
        text: String,
        /// Understood.
        parsed: Expression,
    },
}

/// Why queries have no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// Two queries have one id.
    #[error("the id {0} is used by two queries; every id must be unique")]
    Twice(String),
    /// An expression depends on itself.
    #[error("the expression {0} depends on itself; remove the cycle")]
    Cycle(String),
    /// An expression names a query that does not exist.
    #[error("the expression {expression} uses {id}, and no query has this id; add it or correct the name")]
    Unknown {
        /// Whose.
        expression: String,
        /// What.
        id: String,
    },
    /// An expression has no points in time.
    #[error("the expression {0} gives a single number; it must give a time series")]
    Scalar(String),
    /// An expression gives several series where one is needed.
    #[error("the expression {0} gives several time series; it must give a single one")]
    Several(String),
    /// An expression could not be computed.
    #[error("the expression {id} cannot be computed: {problem}")]
    Failed {
        /// Whose.
        id: String,
        /// Why.
        problem: String,
    },
}

/// The seconds that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub from: Second,
    /// The one after the last.
    pub to: Second,
}

/// Queries on their way to answers.
#[derive(Debug)]
pub struct Run<'a> {
    queries: &'a [MetricQuery],
    store: &'a Store,
    window: Window,
    now: Ms,
    done: BTreeMap<&'a str, Value>,
    open: BTreeSet<&'a str>,
}

impl MetricQuery {
    /// The period that the query itself names, in seconds.
    pub fn own_period(&self) -> Option<u32> {
        match &self.source {
            Source::Metric { period, .. } => Some(*period),
            Source::Expression { .. } => self.period,
        }
    }

    /// Whether it is in the answer.
    pub fn returns(&self) -> bool {
        self.return_data.unwrap_or(true)
    }
}

/// Checks that ids are unique and that expressions name only queries that exist, without cycles.
pub fn check(queries: &[MetricQuery]) -> Result<(), QueryError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = queries.iter().find(|query| !seen.insert(query.id.as_str())) {
        return Err(QueryError::Twice(twice.id.clone()));
    }
    let empty = Store::default();
    let mut run = Run::new(queries, &empty, Window { from: 0, to: 0 }, 0);
    for query in queries {
        run.value(query)?;
    }
    Ok(())
}

/// The period of a set of queries: the longest of them, 60 s where none is named.
pub fn period(queries: &[MetricQuery]) -> u32 {
    queries.iter().filter_map(MetricQuery::own_period).max().unwrap_or(60)
}

impl<'a> Run<'a> {
    /// Queries over `window`, as they can be seen at `now`.
    pub fn new(queries: &'a [MetricQuery], store: &'a Store, window: Window, now: Ms) -> Run<'a> {
        Run { queries, store, window, now, done: BTreeMap::new(), open: BTreeSet::new() }
    }

    /// The points of one query; several series only for an expression that gives them.
    pub fn points(&mut self, query: &'a MetricQuery) -> Result<Vec<(String, Points)>, QueryError> {
        match self.value(query)? {
            Value::Number(_) => Err(QueryError::Scalar(query.id.clone())),
            Value::Series(points) => Ok(vec![(query.id.clone(), points)]),
            Value::Array(all) => Ok(all),
        }
    }

    /// The points of one query that must give one series.
    pub fn single(&mut self, query: &'a MetricQuery) -> Result<Points, QueryError> {
        let mut all = self.points(query)?;
        match (all.pop(), all.is_empty()) {
            (Some((_, points)), true) => Ok(points),
            _ => Err(QueryError::Several(query.id.clone())),
        }
    }

    fn value(&mut self, query: &'a MetricQuery) -> Result<Value, QueryError> {
        if let Some(done) = self.done.get(query.id.as_str()) {
            return Ok(done.clone());
        }
        if !self.open.insert(&query.id) {
            return Err(QueryError::Cycle(query.id.clone()));
        }
        let value = match &query.source {
            Source::Metric { key, period, statistic, unit, .. } => {
                let Window { from, to } = self.window;
                let ask = Ask { key, unit: unit.as_deref(), period: *period, from, to };
                let periods = self.store.periods(&ask, self.now);
                let point = |(at, summary): (Second, Summary)| Some((at, statistic.of(&summary)?));
                Value::Series(periods.into_iter().filter_map(point).collect())
            }
            Source::Expression { parsed, .. } => self.compute(query, parsed)?,
        };
        self.open.remove(query.id.as_str());
        self.done.insert(&query.id, value.clone());
        Ok(value)
    }

    fn compute(&mut self, query: &'a MetricQuery, parsed: &'a Expression) -> Result<Value, QueryError> {
        let queries = self.queries;
        let mut needed: BTreeMap<&str, Value> = BTreeMap::new();
        for id in parsed.names() {
            let unknown = || QueryError::Unknown { expression: query.id.clone(), id: id.to_owned() };
            let source = queries.iter().find(|query| query.id == id).ok_or_else(unknown)?;
            needed.insert(&source.id, self.value(source)?);
        }
        let mut metrics = Vec::new();
        if parsed.uses_metrics() {
            for source in queries.iter().filter(|query| matches!(query.source, Source::Metric { .. })) {
                if let Value::Series(points) = self.value(source)? {
                    metrics.push((source.id.clone(), points));
                }
            }
        }
        let period = query.period.unwrap_or_else(|| period(queries));
        let scope = Scope { values: &needed, metrics: &metrics, period, from: self.window.from, to: self.window.to };
        let failed =
            |problem: expression::MathError| QueryError::Failed { id: query.id.clone(), problem: problem.to_string() };
        parsed.value(&scope).map_err(failed)
    }
}
