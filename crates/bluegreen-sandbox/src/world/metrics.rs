//! Metrics over virtual time: series of points that appear some time after they were made.
//!
//! A series is a namespace, a name and an exact set of dimensions: the same name with one dimension less is another
//! metric, with points of its own. Points are kept by the second or by the minute, with their values, so that any
//! statistic over any period is computed when it is asked for.

use std::collections::BTreeMap;

use super::{Ms, World};

pub mod expression;
mod points;
pub mod query;
mod requests;
mod statistic;
mod summary;

pub use query::{MetricQuery, QueryError, Source, Window};
pub(crate) use requests::Open;
pub use requests::RequestSample;
pub(crate) use requests::number;
#[cfg(test)]
pub(crate) use requests::whole;
pub use statistic::{Bounds, Statistic, Trim};
pub use summary::Summary;

/// Seconds since 1970: the grid on which points lie.
pub type Second = i64;

/// Points of less than a minute are kept this long, then they become points of a minute (AWS: three hours).
const FINE_KEPT: Second = 3_600;

/// Points are kept this long.
const KEPT: Second = 15 * 86_400;

/// How many series there may be; the one that has been quiet longest makes room.
const SERIES: usize = 20_000;

/// What a metric is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricKey {
    /// `AWS/ApplicationELB` …
    pub namespace: String,
    /// `RequestCount` …
    pub name: String,
    /// Names and values, sorted by name.
    pub dimensions: Vec<(String, String)>,
}

impl MetricKey {
    /// A key; the order of the dimensions does not matter.
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> MetricKey {
        let mut dimensions: Vec<(String, String)> =
            dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        dimensions.sort();
        MetricKey { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }
}

/// One storage period of one series.
#[derive(Clone, Debug, Default)]
struct Bucket {
    /// What was recorded, by the moment from which it can be seen.
    parts: Vec<(Ms, Summary)>,
}

/// A bucket's first second and its length in seconds.
type Span = (Second, u32);

#[derive(Clone, Debug, Default)]
struct Series {
    units: BTreeMap<String, BTreeMap<Span, Bucket>>,
    /// The newest second with a point.
    last: Second,
    /// When the first point of it was to be seen.
    seen_from: Ms,
}

/// All series.
#[derive(Clone, Debug, Default)]
pub struct Store {
    series: BTreeMap<MetricKey, Series>,
}

/// What is asked of one series.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The series.
    pub key: &'a MetricKey,
    /// Points of this unit alone.
    pub unit: Option<&'a str>,
    /// The length of a period in seconds.
    pub period: u32,
    /// The first second; the periods are counted from it.
    pub from: Second,
    /// The second after the last one.
    pub to: Second,
}

/// A point on its way into the store.
#[derive(Clone, Debug)]
pub struct Point {
    /// The second to which it belongs.
    pub at: Second,
    /// How finely it is stored: 60 or less.
    pub resolution: u32,
    /// When it can be seen.
    pub visible: Ms,
    /// Its unit; `None` for none.
    pub unit: String,
    /// Its values.
    pub summary: Summary,
}

/// The unit of points without one.
pub const NO_UNIT: &str = "None";

impl Store {
    /// Adds a point.
    pub fn put(&mut self, key: &MetricKey, point: Point) {
        if point.summary.is_empty() {
            return;
        }
        if !self.series.contains_key(key) {
            self.make_room();
            let series = Series { seen_from: point.visible, last: point.at, ..Series::default() };
            self.series.insert(key.clone(), series);
        }
        let Some(series) = self.series.get_mut(key) else { return };
        series.last = series.last.max(point.at);
        series.seen_from = series.seen_from.min(point.visible);
        let newest = series.last;
        let buckets = series.units.entry(point.unit).or_default();
        let width = point.resolution.clamp(1, 60);
        let start = point.at.div_euclid(Second::from(width)) * Second::from(width);
        add(buckets, (start, width), point.visible, &point.summary);
        age(buckets, newest);
    }

    fn make_room(&mut self) {
        if self.series.len() < SERIES {
            return;
        }
        let quiet = self.series.iter().min_by_key(|(_, series)| series.last).map(|(key, _)| key.clone());
        if let Some(key) = quiet {
            self.series.remove(&key);
        }
    }

    /// What can be seen at `now`, by period: the period's first second and its values, ascending. Periods without
    /// points are left out. Points of a minute cannot answer for shorter periods.
    pub fn periods(&self, ask: &Ask<'_>, now: Ms) -> Vec<(Second, Summary)> {
        let mut periods: BTreeMap<Second, Summary> = BTreeMap::new();
        let Some(series) = self.series.get(ask.key) else { return Vec::new() };
        let period = Second::from(ask.period.max(1));
        let wanted = series.units.iter().filter(|(unit, _)| ask.unit.is_none_or(|asked| asked == unit.as_str()));
        for (span, bucket) in wanted.flat_map(|(_, buckets)| buckets.range((ask.from, 0)..(ask.to.max(ask.from), 0))) {
            if span.1 > ask.period {
                continue;
            }
            let start = ask.from + (span.0 - ask.from).div_euclid(period) * period;
            for (_, summary) in bucket.parts.iter().filter(|(visible, _)| *visible <= now) {
                periods.entry(start).or_default().merge(summary);
            }
        }
        periods.into_iter().collect()
    }

    /// The units that a series has points of.
    pub fn units(&self, key: &MetricKey) -> impl Iterator<Item = &str> {
        self.series.get(key).into_iter().flat_map(|series| series.units.keys().map(String::as_str))
    }

    /// Every series of which a point can be seen at `now` and that had one since `since`.
    pub fn keys(&self, now: Ms, since: Second) -> impl Iterator<Item = &MetricKey> {
        let seen = move |series: &Series| series.seen_from <= now && series.last >= since;
        self.series.iter().filter(move |(_, series)| seen(series)).map(|(key, _)| key)
    }
}

/// Parts of one bucket that are kept apart.
const APART: usize = 64;

fn add(buckets: &mut BTreeMap<Span, Bucket>, span: Span, visible: Ms, summary: &Summary) {
    let parts = &mut buckets.entry(span).or_default().parts;
    if let Some((_, part)) = parts.iter_mut().find(|(at, _)| *at == visible) {
        part.merge(summary);
        return;
    }
    // Whatever was to be seen before this one is, by the time that there are so many: they need not stay apart.
    if parts.len() >= APART {
        let (first, older) = parts.remove(0);
        parts[0].0 = parts[0].0.max(first);
        parts[0].1.merge(&older);
    }
    parts.push((visible, summary.clone()));
}

/// Turns old fine points into points of a minute, and forgets the oldest.
fn age(buckets: &mut BTreeMap<Span, Bucket>, newest: Second) {
    while let Some(first) = buckets.first_entry().filter(|first| first.key().0 < newest - KEPT) {
        first.remove();
    }
    // Two for each that comes is enough to catch up.
    for _ in 0..2 {
        let old =
            buckets.range(..(newest - FINE_KEPT, 0)).rev().find(|((_, width), _)| *width < 60).map(|(span, _)| *span);
        let Some(span) = old else { return };
        let Some(bucket) = buckets.remove(&span) else { return };
        for (visible, summary) in bucket.parts {
            add(buckets, (span.0.div_euclid(60) * 60, 60), visible, &summary);
        }
    }
}

impl World {
    /// The second in which `ms` lies.
    pub fn second(&self, ms: Ms) -> Second {
        self.timestamp(ms).as_millisecond().div_euclid(1_000)
    }

    /// The moment at which `second` begins; 0 for those before the world's first moment.
    pub(crate) fn ms_of(&self, second: Second) -> Ms {
        jiff::Timestamp::from_second(second).map_or(Ms::MAX, |at| self.ms(at))
    }

    /// All series.
    pub fn metrics(&self) -> &Store {
        &self.metrics
    }

    /// Records `count` times `value` at `at`, as AWS's own services do: aggregated over the metric period, to be seen
    /// some time after that has closed.
    pub fn record(&mut self, key: &MetricKey, at: Ms, value: f64, count: f64, unit: &str) {
        self.publish(key, self.second(at), unit, Summary::of(value, count));
    }

    /// The same for a summary.
    pub(crate) fn publish(&mut self, key: &MetricKey, at: Second, unit: &str, summary: Summary) {
        let resolution = self.metric_seconds();
        let period = Second::from(resolution);
        let closes = self.ms_of((at.div_euclid(period) + 1) * period);
        let visible = closes + self.config.metric_delay;
        let mut put = |visible, summary| {
            self.metrics.put(key, Point { at, resolution, visible, unit: unit.to_owned(), summary });
        };
        match self.config.metric_late {
            0 => put(visible, summary),
            late => {
                put(visible, summary.half());
                put(visible + late, summary.half());
            }
        }
    }

    /// Takes a record of somebody's own metric: its maker has aggregated it, so that it need not wait for the end of a
    /// period.
    pub fn put_metric(&mut self, key: &MetricKey, at: Second, resolution: u32, unit: &str, summary: Summary) {
        let visible = self.now + self.config.metric_delay;
        self.metrics.put(key, Point { at, resolution, visible, unit: unit.to_owned(), summary });
    }

    /// The metric period in whole seconds, 1 to 60.
    pub(crate) fn metric_seconds(&self) -> u32 {
        u32::try_from(self.config.metric_period / 1_000).unwrap_or(60).clamp(1, 60)
    }
}

#[cfg(test)]
mod tests;
