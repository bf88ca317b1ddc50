//! Lengths of time with their units: `250ms`, `90s`, `5m`, `1h30m`, `2d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A bare number: seconds or minutes?
    #[error("`{0}` has no unit: expected a duration such as `{0}s` or `{0}m`")]
    NoUnit(String),
    /// Anything else.
    #[error("`{0}` is not a duration: expected numbers with the units ms, s, m, h or d, such as 90s or 1h30m")]
    Shape(String),
}

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a length of time. Units are required, from large to small, each at most once.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let shape = || DurationError::Shape(text.to_owned());
    let compact: String = text.split_whitespace().collect();
    if compact == "0" {
        return Ok(Duration::ZERO);
    }
    if !compact.is_empty() && compact.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DurationError::NoUnit(compact));
    }
    let (mut rest, mut total, mut ceiling) = (compact.as_str(), 0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(shape)?;
        let number: u64 = rest[..digits].parse().map_err(|_| shape())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, scale) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters]).ok_or_else(shape)?;
        if *scale >= ceiling {
            return Err(shape());
        }
        ceiling = *scale;
        rest = &rest[letters..];
        total = number.checked_mul(*scale).and_then(|part| total.checked_add(part)).ok_or_else(shape)?;
    }
    // A release that outlives a year is a typo, and keeps all later arithmetic far from overflow.
    if compact.is_empty() || total > 366 * 86_400_000 {
        return Err(shape());
    }
    Ok(Duration::from_millis(total))
}

/// Writes a length of time so that [`parse`] reads it back, to the millisecond.
pub fn format(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, scale) in UNITS.iter().rev() {
        if millis >= *scale {
            text.push_str(&format!("{}{unit}", millis / scale));
            millis %= scale;
        }
    }
    text
}

/// `#[serde(with = "model::duration")]`: as text with units.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// `#[serde(with = "model::duration")]`: from text with units.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_required_and_ordered() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("10"), Err(DurationError::NoUnit("10".into())));
        for bad in ["", "m", "-5m", "5m1h", "1m1m", "5 minutes", "1.5h", "99999999999999999999s", "400d", "5µs"] {
            assert!(matches!(parse(bad), Err(DurationError::Shape(_))), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for millis in [0, 1, 999, 1000, 61_000, 90_061_001, 366 * 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
