//! Points as the port asks for them: minute by minute, each query with an answer of its own.

use bluegreen_core::model::{self, Timestamp};
use bluegreen_core::ports::{ErrorClass, Points};

use super::query::{self, Run};
use super::{MetricKey, MetricQuery, Second, Source, Statistic, Window};
use crate::world::metrics::expression::Expression;
use crate::world::{Ms, Refusal, RequestModel, World};

impl World {
    /// The points of a query over the whole minutes in `[from, to)`, as they can be seen at `seen_at`.
    pub fn points(
        &self,
        query: &model::MetricQuery,
        (from, to): (Timestamp, Timestamp),
        seen_at: Ms,
    ) -> Result<Points, Refusal> {
        // A moment within a second belongs to a minute that began before.
        let from = self.second(self.ms(from) + 999);
        let window = Window {
            from: from.div_euclid(60) * 60 + if from.rem_euclid(60) > 0 { 60 } else { 0 },
            to: self.second(self.ms(to)).div_euclid(60) * 60,
        };
        if window.from >= window.to {
            return Ok(Points::new());
        }
        if let Some(points) = self.expected_requests(query, window, seen_at) {
            return Ok(points);
        }
        let invalid = |problem: query::QueryError| (ErrorClass::Invalid, format!("ValidationError: {problem}"));
        let queries = understood(query)?;
        query::check(&queries).map_err(invalid)?;
        let asked = queries.iter().find(|query| query.returns()).into_iter();
        let mut run = Run::new(&queries, &self.metrics, window, seen_at);
        let found = asked.map(|query| run.single(query)).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        let at = |(at, value): (Second, f64)| Some((Timestamp::from_second(at).ok()?, value));
        Ok(found.into_iter().flatten().filter_map(at).collect())
    }

    /// Where requests are only expected, they are in no metric: `RequestCount` of a group is what was counted.
    fn expected_requests(&self, query: &model::MetricQuery, window: Window, seen_at: Ms) -> Option<Points> {
        let model::MetricQuery::Series(series) = query else { return None };
        if self.config.requests != RequestModel::Expected || series.name != "RequestCount" {
            return None;
        }
        let group = series.dimensions.get("TargetGroup")?;
        let arrived = self.second(seen_at.saturating_sub(self.config.metric_delay));
        let counts = self.expected_by_minute(group, self.ms_of(window.from), self.ms_of(window.to.min(arrived)));
        Some(counts.map(|(begin, count)| (self.timestamp(begin), count)).collect())
    }
}

/// The query as `GetMetricData` has it: the one that is returned, and what it needs.
fn understood(query: &model::MetricQuery) -> Result<Vec<MetricQuery>, Refusal> {
    let of = |id: &str, source: Source, returned: bool| MetricQuery {
        id: id.to_owned(),
        source,
        label: None,
        period: Some(60),
        return_data: Some(returned),
        account: None,
    };
    match query {
        model::MetricQuery::Series(series) => Ok(vec![of("q", metric(series)?, true)]),
        model::MetricQuery::Math { expression, series } => {
            let invalid = |error| (ErrorClass::Invalid, format!("ValidationError: `{expression}`: {error}"));
            let parsed = Expression::parse(expression).map_err(invalid)?;
            let inner = series.iter().map(|(id, series)| Ok(of(id, metric(series)?, false)));
            let mut queries = inner.collect::<Result<Vec<_>, Refusal>>()?;
            // No id that an expression may use begins with a capital.
            queries.push(of("Q", Source::Expression { text: expression.clone(), parsed }, true));
            Ok(queries)
        }
    }
}

fn metric(series: &model::Series) -> Result<Source, Refusal> {
    let name = &series.statistic;
    let statistic = Statistic::parse(name)
        .ok_or_else(|| (ErrorClass::Invalid, format!("ValidationError: the statistic {name} is not supported")))?;
    let dimensions: Vec<(&str, &str)> =
        series.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let key = MetricKey::new(&series.namespace, &series.name, &dimensions);
    Ok(Source::Metric { key, period: 60, stat: name.clone(), statistic, unit: None })
}

#[cfg(test)]
mod tests;
