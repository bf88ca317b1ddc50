//! Statistics by the names that CloudWatch gives them, computed from one period's values.

use super::summary::Summary;

/// A statistic.
#[derive(Clone, Debug, PartialEq)]
pub enum Statistic {
    /// `SampleCount`.
    SampleCount,
    /// `Average`.
    Average,
    /// `Sum`.
    Sum,
    /// `Minimum`.
    Minimum,
    /// `Maximum`.
    Maximum,
    /// `p0` to `p100`: the value below which so many percent of the values lie.
    Percentile(f64),
    /// `PR(a:b)`: how many percent of the values are above `a` and at most `b`.
    Rank(Option<f64>, Option<f64>),
    /// A statistic of the values between two bounds.
    Trimmed(Trim, Bounds),
}

/// What is computed of the values between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// `TM`: their mean.
    Mean,
    /// `WM`: the mean of all, with those outside moved to the bounds.
    Winsorized,
    /// `TC`: their number.
    Count,
    /// `TS`: their sum.
    Sum,
}

/// Two bounds; the lower one excludes its value, the upper one includes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds {
    /// Percent of all values, in ascending order.
    Percent(f64, f64),
    /// Values.
    Values(Option<f64>, Option<f64>),
}

impl Statistic {
    /// A statistic by its name: `Sum`, `p99.9`, `tm90`, `TM(2%:98%)`, `PR(:0.5)`, `IQM` …; `None` where CloudWatch
    /// has none of this name.
    pub fn parse(name: &str) -> Option<Statistic> {
        let plain = match name {
            "SampleCount" => Some(Statistic::SampleCount),
            "Average" => Some(Statistic::Average),
            "Sum" => Some(Statistic::Sum),
            "Minimum" => Some(Statistic::Minimum),
            "Maximum" => Some(Statistic::Maximum),
            _ => None,
        };
        plain.or_else(|| extended(&name.to_ascii_lowercase()))
    }

    /// Whether this is one of the five that `Statistic` takes; the others are `ExtendedStatistic`s.
    pub fn is_plain(&self) -> bool {
        !matches!(self, Statistic::Percentile(_) | Statistic::Rank(..) | Statistic::Trimmed(..))
    }

    /// Its value; `None` without values, or where a statistic set hides them.
    pub fn of(&self, summary: &Summary) -> Option<f64> {
        if summary.is_empty() {
            return None;
        }
        match self {
            Statistic::SampleCount => Some(summary.count()),
            Statistic::Average => Some(summary.sum() / summary.count()),
            Statistic::Sum => Some(summary.sum()),
            Statistic::Minimum => Some(summary.min()),
            Statistic::Maximum => Some(summary.max()),
            Statistic::Percentile(percent) => percentile(summary.values()?, *percent),
            Statistic::Rank(low, high) => {
                let inside = trimmed(summary, Trim::Count, Bounds::Values(*low, *high))?;
                Some(100.0 * inside / summary.count())
            }
            Statistic::Trimmed(trim, bounds) => trimmed(summary, *trim, *bounds),
        }
    }

    /// The number of values below which a percentile says little: 10 / (1 - p) above the median, 10 / p below it.
    /// `None` for statistics that have no such number.
    pub fn fewest(&self) -> Option<f64> {
        match self {
            Statistic::Percentile(percent) if *percent < 50.0 => Some(10.0 / (percent / 100.0)),
            Statistic::Percentile(percent) => Some(10.0 / (1.0 - percent / 100.0)),
            _ => None,
        }
    }
}

fn extended(name: &str) -> Option<Statistic> {
    if name == "iqm" {
        return Some(Statistic::Trimmed(Trim::Mean, Bounds::Percent(25.0, 75.0)));
    }
    if let Some(range) = name.strip_prefix("pr(") {
        let Bounds::Values(low, high) = bounds(range.strip_suffix(')')?)? else { return None };
        return Some(Statistic::Rank(low, high));
    }
    for (prefix, trim) in [("tm", Trim::Mean), ("wm", Trim::Winsorized), ("tc", Trim::Count), ("ts", Trim::Sum)] {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let bounds = match rest.strip_prefix('(') {
            Some(range) => bounds(range.strip_suffix(')')?)?,
            None => Bounds::Percent(0.0, percent(rest)?),
        };
        return Some(Statistic::Trimmed(trim, bounds));
    }
    Some(Statistic::Percentile(percent(name.strip_prefix('p')?)?))
}

fn number(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| text.parse().ok()).flatten()
}

fn percent(text: &str) -> Option<f64> {
    number(text).filter(|percent| (0.0..=100.0).contains(percent))
}

/// `a:b`, where one of them may be left out, both in percent or neither.
fn bounds(range: &str) -> Option<Bounds> {
    let (low, high) = range.split_once(':')?;
    if low.is_empty() && high.is_empty() {
        return None;
    }
    if !range.contains('%') {
        let bound = |text: &str| if text.is_empty() { Some(None) } else { number(text).map(Some) };
        let (low, high) = (bound(low)?, bound(high)?);
        return (low.unwrap_or(f64::NEG_INFINITY) < high.unwrap_or(f64::INFINITY)).then_some(Bounds::Values(low, high));
    }
    let bound = |text: &str, missing: f64| match text {
        "" => Some(missing),
        text => percent(text.strip_suffix('%')?),
    };
    let (low, high) = (bound(low, 0.0)?, bound(high, 100.0)?);
    (low < high).then_some(Bounds::Percent(low, high))
}

/// Linear between the two values on either side of the rank. CloudWatch does not say how it does it.
fn percentile(values: &[(f64, f64)], percent: f64) -> Option<f64> {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let rank = percent / 100.0 * (total - 1.0).max(0.0);
    let at = |position: f64| {
        let mut passed = 0.0;
        values
            .iter()
            .find(|(_, count)| {
                passed += count;
                position < passed
            })
            .or(values.last())
            .map(|(value, _)| *value)
    };
    let (low, high) = (at(rank.floor())?, at(rank.floor() + 1.0)?);
    Some(low + (high - low) * rank.fract())
}

fn trimmed(summary: &Summary, trim: Trim, bounds: Bounds) -> Option<f64> {
    let values = summary.values()?;
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let (mut count, mut sum) = (0.0, 0.0);
    let mut passed = 0.0;
    for (value, weight) in values {
        let inside = match bounds {
            Bounds::Values(low, high) => {
                let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
                summary.part(*value, low, high) * weight
            }
            // A value that stands for many may lie across a bound: the part between them counts.
            Bounds::Percent(low, high) => {
                let (low, high) = (low / 100.0 * total, high / 100.0 * total);
                ((passed + weight).min(high) - passed.max(low)).max(0.0)
            }
        };
        passed += weight;
        count += inside;
        sum += inside * value;
    }
    match trim {
        Trim::Count => Some(count),
        Trim::Sum => Some(sum),
        Trim::Mean => (count > 0.0).then(|| sum / count),
        Trim::Winsorized => match bounds {
            Bounds::Values(low, high) => {
                let moved = |value: f64| value.max(low.unwrap_or(value)).min(high.unwrap_or(f64::INFINITY));
                Some(values.iter().map(|(value, count)| moved(*value) * count).sum::<f64>() / total)
            }
            Bounds::Percent(low, high) => {
                let (below, above) = (percentile(values, low)?, percentile(values, high)?);
                let outside = (low / 100.0 * total, (100.0 - high) / 100.0 * total);
                Some((sum + below * outside.0 + above * outside.1) / total)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_to(last: u32) -> Summary {
        let mut summary = Summary::default();
        (1..=last).for_each(|value| summary.add(f64::from(value), 1.0));
        summary
    }

    fn value(name: &str, summary: &Summary) -> f64 {
        let value = Statistic::parse(name).unwrap().of(summary).unwrap();
        (value * 1e9).round() / 1e9
    }

    #[test]
    fn statistics_of_one_to_ten() {
        let ten = one_to(10);
        for (name, expected) in [
            ("SampleCount", 10.0),
            ("Sum", 55.0),
            ("Average", 5.5),
            ("Minimum", 1.0),
            ("Maximum", 10.0),
            ("p0", 1.0),
            ("p50", 5.5),
            ("p90", 9.1),
            ("p99", 9.91),
            ("p99.9", 9.991),
            ("p100", 10.0),
            ("PR(:3)", 30.0),
            ("PR(3:8)", 50.0),
            ("PR(8:)", 20.0),
            ("tm90", 5.0),
            ("TM(10%:90%)", 5.5),
            ("TM(2:6)", 4.5),
            ("IQM", 5.5),
            ("tc80", 8.0),
            ("TC(2:6)", 4.0),
            ("ts80", 36.0),
            ("TS(8:)", 19.0),
            ("WM(2:6)", (2.0 * 2.0 + 3.0 + 4.0 + 5.0 + 6.0 * 5.0) / 10.0),
            ("WM(10%:90%)", (1.9 + (2..=9).map(f64::from).sum::<f64>() + 9.1) / 10.0),
        ] {
            assert!((value(name, &ten) - expected).abs() < 1e-9, "{name}: {}", value(name, &ten));
        }
    }

    #[test]
    fn counts_weigh() {
        let mut summary = Summary::of(0.1, 98.0);
        summary.add(2.0, 2.0);
        // Rank 0.99 × 99 = 98.01 is among the slow ones, rank 0.97 × 99 = 96.03 between the last fast one and itself.
        assert!((value("p99", &summary) - 2.0).abs() < 1e-9);
        assert!((value("p97", &summary) - 0.1).abs() < 1e-9);
        assert!((value("p98", &summary) - (0.1 + 0.02 * 1.9)).abs() < 1e-9);
        assert!((value("TM(:1)", &summary) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn counts_of_rounded_values_are_interpolated() {
        let many = one_to(100_000);
        for (name, expected) in [("TC(50000:)", 50_000.0), ("TC(:1000)", 1_000.0), ("TC(0:)", 100_000.0)] {
            let found = value(name, &many);
            assert!((found / expected - 1.0).abs() < 0.002, "{name}: {found}");
        }
        let found = value("TC(50000:)", &many);
        assert!(found.fract() > 0.0, "{found}");
        let both = found + value("TC(:50000)", &many);
        assert!((both - 100_000.0).abs() < 1e-6, "{both}");
    }

    #[test]
    fn nothing_has_no_statistics_and_sets_have_no_percentiles() {
        assert_eq!(Statistic::Sum.of(&Summary::default()), None);
        let hidden = Summary::opaque(4.0, 10.0, 1.0, 5.0);
        assert_eq!(Statistic::Average.of(&hidden), Some(2.5));
        assert_eq!(Statistic::Percentile(50.0).of(&hidden), None);
        assert_eq!(Statistic::parse("PR(:3)").unwrap().of(&hidden), None);
        let mut negative = one_to(3);
        negative.add(-1.0, 1.0);
        assert_eq!(Statistic::parse("TC(2:)").unwrap().of(&negative), None);
        assert_eq!(Statistic::Sum.of(&negative), Some(5.0));
    }

    #[test]
    fn names_that_are_none() {
        for name in [
            "",
            "sum",
            "p",
            "p101",
            "p-1",
            "pNaN",
            "p1e1",
            "PR",
            "PR(:)",
            "PR(3)",
            "PR(5:3)",
            "PR(1%:2%)",
            "tm",
            "TM(5%:4%)",
            "TM(5%:7)",
            "xx90",
        ] {
            assert_eq!(Statistic::parse(name), None, "{name}");
        }
        assert_eq!(Statistic::parse("P99"), Some(Statistic::Percentile(99.0)));
        assert!(Statistic::Sum.is_plain() && !Statistic::Percentile(1.0).is_plain());
    }

    #[test]
    fn rare_percentiles_need_many_values() {
        let fewest = |name: &str| Statistic::parse(name).unwrap().fewest();
        assert!((fewest("p99").unwrap() - 1_000.0).abs() < 1e-6);
        assert!((fewest("p50").unwrap() - 20.0).abs() < 1e-6);
        assert!((fewest("p10").unwrap() - 100.0).abs() < 1e-6);
        assert_eq!(fewest("Sum"), None);
    }
}
