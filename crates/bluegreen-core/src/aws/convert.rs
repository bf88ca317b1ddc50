//! Conversions that several services share.

use std::fmt::Display;
use std::str::FromStr;

use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::classify::malformed;
use crate::ports::CallError;

/// The domain's time; `None` where the SDK's lies outside what the domain can hold.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanos).ok()
}

/// The SDK's time.
pub(super) fn date_time(time: Timestamp) -> DateTime {
    DateTime::from_nanos(time.as_nanosecond()).unwrap_or_else(|_| DateTime::from_secs(time.as_second()))
}

/// A count; AWS's are never negative.
pub(super) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A member that every answer has.
pub(super) fn required<T>(operation: &str, name: &str, value: Option<T>) -> Result<T, CallError> {
    value.ok_or_else(|| malformed(operation, &format!("the answer lacks {name}")))
}

/// A resource name of the kind that the answer must have there.
pub(super) fn arn<T>(operation: &str, name: &str, value: Option<&str>) -> Result<T, CallError>
where
    T: FromStr,
    T::Err: Display,
{
    let text = required(operation, name, value)?;
    text.parse().map_err(|error: T::Err| malformed(operation, &format!("{name}: {error}")))
}

/// The marker of the page after this one. The same marker twice would go round for ever.
pub(super) fn next(
    operation: &str,
    asked: Option<&str>,
    answered: Option<String>,
) -> Result<Option<String>, CallError> {
    let answered = answered.filter(|marker| !marker.is_empty());
    if answered.is_some() && answered.as_deref() == asked {
        return Err(malformed(operation, "the same page marker came twice"));
    }
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_both_ways() {
        for text in ["2026-11-23T06:05:12.345Z", "1969-12-31T23:59:59.5Z"] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(timestamp(&date_time(time)), Some(time), "{text}");
        }
        assert_eq!(timestamp(&DateTime::from_secs(i64::MAX)), None);
    }
}
