//! Latencies in buckets whose width grows with the value: the error of a quantile is below 2 %.

use std::time::Duration;

/// Each doubling of the value has so many buckets: 2⁶.
const STEPS_LOG2: u32 = 6;

/// How often which latency occurred, to the microsecond for short ones and to 1.6 % for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
    max: u64,
}

impl Histogram {
    /// Adds one latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket(micros);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(micros);
        self.max = self.max.max(micros);
    }

    /// Adds all of another's latencies.
    pub fn add(&mut self, other: &Histogram) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (own, others) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += others;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// How many latencies there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest; zero where there is none.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }

    /// The mean; zero where there is none.
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.sum.checked_div(self.count).unwrap_or(0))
    }

    /// The latency that `percent` of all do not exceed (`99.0` for p99); zero where there is none.
    pub fn percentile(&self, percent: f64) -> Duration {
        let share = (percent / 100.0).clamp(0.0, 1.0);
        let mut below = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            below += count;
            if *count > 0 && at_least(below, share, self.count) {
                return Duration::from_micros(upper(index).min(self.max));
            }
        }
        self.max()
    }
}

/// Whether `part` is at least `share` of `whole`.
#[expect(clippy::cast_precision_loss, reason = "counts beyond 2⁵³ do not occur")]
fn at_least(part: u64, share: f64, whole: u64) -> bool {
    part as f64 >= share * whole as f64
}

/// The bucket of a value: values below 2⁷ have their own, above that 2⁶ share each doubling.
fn bucket(micros: u64) -> usize {
    let excess = micros.checked_ilog2().unwrap_or(0).saturating_sub(STEPS_LOG2);
    let bucket = (u64::from(excess) << STEPS_LOG2) + (micros >> excess);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The greatest value in a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(u64::MAX);
    let excess = (bucket >> STEPS_LOG2).saturating_sub(1);
    let step = bucket - (excess << STEPS_LOG2);
    let beyond = u128::from(step + 1) << excess;
    u64::try_from(beyond - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_gap_or_overlap() {
        let mut expected = 0;
        for index in 0..3000 {
            let top = upper(index);
            assert_eq!(bucket(expected), index, "the least value of {index}");
            assert_eq!(bucket(top), index, "the greatest value of {index}");
            let width = top - expected;
            assert!(width == 0 || (width + 1) * 64 <= expected, "{index}: {expected}..={top}");
            expected = top + 1;
        }
        assert!(bucket(u64::MAX) < 4000);
        assert_eq!(upper(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn percentiles_are_near_the_true_ones() {
        let mut histogram = Histogram::default();
        for micros in (1..=100_000_u64).rev() {
            histogram.record(Duration::from_micros(micros));
        }
        for (percent, micros) in [(50.0, 50_000_u128), (95.0, 95_000), (99.0, 99_000), (99.9, 99_900), (100.0, 100_000)]
        {
            let found = histogram.percentile(percent).as_micros();
            assert!((micros..=micros + micros / 50).contains(&found), "p{percent}: {found}");
        }
        assert_eq!(histogram.percentile(0.0), Duration::from_micros(1));
        assert_eq!((histogram.count(), histogram.max()), (100_000, Duration::from_millis(100)));
        assert_eq!(histogram.mean(), Duration::from_micros(50_000));
    }

    #[test]
    fn one_value_is_every_percentile() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentile(99.0), histogram.mean()), (Duration::ZERO, Duration::ZERO));
        histogram.record(Duration::from_micros(12_345));
        for percent in [0.0, 50.0, 99.0, 100.0] {
            assert_eq!(histogram.percentile(percent), Duration::from_micros(12_345));
        }
    }

    #[test]
    fn adding_is_recording_both() {
        let (mut one, mut two, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for micros in 0..500 {
            let (short, long) = (Duration::from_micros(micros), Duration::from_millis(micros));
            one.record(short);
            two.record(long);
            both.record(short);
            both.record(long);
        }
        one.add(&two);
        assert_eq!(one, both);
    }
}
