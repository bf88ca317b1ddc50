//! What is known of a series in one period: the five plain statistics, and the values with their counts.
#![allow(clippy::float_cmp, reason = "values are looked up as they were recorded")]

/// Different values that one summary keeps as they are. CloudWatch takes 150 in one record; beyond this many they are
/// rounded, so that no series grows without bound.
const EXACT: usize = 200;

/// Rounded values lie this factor apart: no percentile of rounded values is off by more than 1 %.
const GRAIN: f64 = 1.02;

/// Some values of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
    /// Values with their counts, ascending.
    values: Vec<(f64, f64)>,
    /// Whether every value is in `values`: a statistic set hides its own.
    complete: bool,
    rounded: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Summary {
            count: 0.0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            values: Vec::new(),
            complete: true,
            rounded: false,
        }
    }
}

impl Summary {
    /// `count` times the same value.
    pub fn of(value: f64, count: f64) -> Summary {
        let mut summary = Summary::default();
        summary.add(value, count);
        summary
    }

    /// Values of which only the four numbers of a statistic set are known.
    pub fn opaque(count: f64, sum: f64, min: f64, max: f64) -> Summary {
        if count == 1.0 || min == max {
            let mut plain = Summary::of(min, count);
            plain.sum = sum;
            return plain;
        }
        Summary { count, sum, min, max, values: Vec::new(), complete: false, rounded: false }
    }

    /// How many values there are.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The lowest; infinite without values.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The highest; negatively infinite without values.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// Whether nothing has been added.
    pub fn is_empty(&self) -> bool {
        self.count <= 0.0
    }

    /// The values with their counts, ascending; `None` where a statistic set hides some, and where one is negative:
    /// CloudWatch has no percentiles then.
    pub fn values(&self) -> Option<&[(f64, f64)]> {
        (self.complete && self.min >= 0.0).then_some(&self.values)
    }

    /// How much of `value`, one of [`Summary::values`], is above `low` and at most `high`, from 0 to 1: a rounded one
    /// stands for all that lie around it.
    pub fn part(&self, value: f64, low: f64, high: f64) -> f64 {
        if !self.rounded || value <= 0.0 {
            return f64::from(u8::from(value > low && value <= high));
        }
        let (begin, end) = (value / GRAIN.sqrt(), value * GRAIN.sqrt());
        ((high.min(end) - low.max(begin)) / (end - begin)).clamp(0.0, 1.0)
    }

    /// Adds `count` times `value`.
    pub fn add(&mut self, value: f64, count: f64) {
        if count <= 0.0 || !value.is_finite() {
            return;
        }
        self.count += count;
        self.sum += value * count;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.remember(value, count);
    }

    /// Adds everything that is in `other`.
    pub fn merge(&mut self, other: &Summary) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.complete &= other.complete;
        for (value, count) in &other.values {
            self.remember(*value, *count);
        }
    }

    /// Half as many of every value.
    #[must_use]
    pub fn half(&self) -> Summary {
        let values = self.values.iter().map(|(value, count)| (*value, count / 2.0)).collect();
        Summary { count: self.count / 2.0, sum: self.sum / 2.0, values, ..*self }
    }

    fn remember(&mut self, value: f64, count: f64) {
        let value = if self.rounded { rounded(value) } else { value };
        match self.values.binary_search_by(|(known, _)| known.total_cmp(&value)) {
            Ok(position) => self.values[position].1 += count,
            Err(position) => self.values.insert(position, (value, count)),
        }
        if !self.rounded && self.values.len() > EXACT {
            self.rounded = true;
            for (value, count) in std::mem::take(&mut self.values) {
                self.remember(value, count);
            }
        }
    }
}

/// The nearest power of the grain, with the value's sign.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let steps = (value.abs().ln() / GRAIN.ln()).round();
    value.signum() * GRAIN.powf(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_with_their_counts() {
        let mut summary = Summary::of(2.0, 3.0);
        summary.add(1.0, 1.0);
        summary.add(2.0, 1.0);
        summary.add(f64::NAN, 1.0);
        summary.add(9.0, 0.0);
        assert_eq!((summary.count(), summary.sum(), summary.min(), summary.max()), (5.0, 9.0, 1.0, 2.0));
        assert_eq!(summary.values(), Some(&[(1.0, 1.0), (2.0, 4.0)][..]));
        assert!(Summary::default().is_empty() && !summary.is_empty());
    }

    #[test]
    fn a_statistic_set_hides_its_values_unless_they_are_all_the_same() {
        let mut hidden = Summary::opaque(4.0, 10.0, 1.0, 5.0);
        hidden.add(3.0, 1.0);
        assert_eq!((hidden.values(), hidden.count(), hidden.sum()), (None, 5.0, 13.0));
        let mut merged = Summary::of(1.0, 1.0);
        merged.merge(&hidden);
        assert_eq!((merged.values(), merged.min(), merged.max()), (None, 1.0, 5.0));
        assert_eq!(Summary::opaque(4.0, 8.0, 2.0, 2.0).values(), Some(&[(2.0, 4.0)][..]));
        assert_eq!(Summary::opaque(1.0, 3.0, 3.0, 3.0).values(), Some(&[(3.0, 1.0)][..]));
    }

    #[test]
    fn many_values_are_rounded_and_their_sums_are_not() {
        let mut summary = Summary::default();
        for value in 1..=100_000 {
            summary.add(f64::from(value) / 1_000.0, 1.0);
        }
        assert_eq!((summary.count(), summary.max()), (100_000.0, 100.0));
        assert!((summary.sum() - 5_000_050.0).abs() < 1e-3);
        let values = summary.values().unwrap();
        assert!(values.len() < 700, "{}", values.len());
        assert!((values.iter().map(|(_, count)| count).sum::<f64>() - 100_000.0).abs() < 1e-6);
        assert_eq!((rounded(0.0), rounded(-1.0)), (0.0, -1.0));
    }
}
