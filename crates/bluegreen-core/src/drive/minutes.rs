//! The counts that the judge asks for: read about once a minute, with bounded patience.

use std::time::Duration;

use futures::future::{Either, select};
use jiff::Timestamp;

use super::Run;
use crate::analysis::{Answers, queries};
use crate::decide::{control_arm, elapsed, later, next_minutes, share_of};
use crate::model::MetricQuery;
use crate::observe::{ClosedMinutes, Reading};
use crate::plan::Analysis;
use crate::ports::{CallError, ErrorClass, Points};

/// One answer for each query.
type Answered = Result<Vec<Result<Points, CallError>>, CallError>;

/// How long a pass waits for the answer: a rollback has no time for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A read that failed is tried again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(20);

/// The newest reading, remembered between two looks: minutes close one at a time.
#[derive(Default)]
pub(super) struct Counted {
    asked: Option<(Timestamp, Timestamp)>,
    reading: Option<Reading<ClosedMinutes>>,
}

impl Run<'_> {
    /// The newest counts: read now if a minute has closed since, or if the last read failed a while ago.
    pub(super) async fn read_minutes(&self) -> Counted {
        let now = self.now();
        let Some(analysis) = self.state.plan.analysis.as_deref() else { return Counted::default() };
        let Some((from, until)) = next_minutes(&self.state, now) else { return Counted::default() };
        let whole = |reading: &Reading<ClosedMinutes>| reading.ok().is_some_and(|read| read.failed.is_empty());
        if let (Some((at, asked)), Some(reading)) = (self.counted.asked, &self.counted.reading)
            && ((asked == until && whole(reading)) || elapsed(at, now) < AGAIN_AFTER)
        {
            return Counted { asked: self.counted.asked, reading: Some(reading.clone()) };
        }
        let reading = self.read(self.ask(analysis, from, until)).await;
        Counted { asked: Some((now, until)), reading: Some(reading) }
    }

    async fn points(&self, queries: &[MetricQuery], from: Timestamp, until: Timestamp) -> Answered {
        let ports = &self.driver.ports;
        let asked = std::pin::pin!(ports.metrics.points(queries, from, until));
        let patience = std::pin::pin!(ports.clock.sleep_until(later(self.now(), PATIENCE)));
        match select(asked, patience).await {
            Either::Left((points, _)) => points,
            Either::Right(_) => Err(CallError {
                operation: "cloudwatch:GetMetricData".to_owned(),
                class: ErrorClass::TimedOut,
                message: "no answer in time".to_owned(),
            }),
        }
    }

    async fn ask(&self, analysis: &Analysis, from: Timestamp, until: Timestamp) -> Result<ClosedMinutes, CallError> {
        let queries = queries(&analysis.sources);
        // Bad ones of the minute before may have their requests in the first one that is asked for.
        let earlier = from.checked_sub(Duration::from_secs(60)).unwrap_or(from);
        let points = self.points(&queries, earlier, until).await?;
        let answers = Answers::new(queries, points);
        let state = &self.state;
        let mut read = ClosedMinutes { until, rows: Vec::new(), failed: Vec::new() };
        for source in &analysis.sources {
            match answers.rows(source, |at| control_arm(state, at), |at| share_of(state, at)) {
                Ok(rows) => read.rows.extend(rows.into_iter().filter(|row| row.at >= from && row.at < until)),
                Err(error) => read.failed.push((source.metric.clone(), error)),
            }
        }
        Ok(read)
    }
}

impl Counted {
    pub(super) fn reading(&self) -> Option<Reading<ClosedMinutes>> {
        self.reading.clone()
    }
}
