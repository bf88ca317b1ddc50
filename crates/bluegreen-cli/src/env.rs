//! The program's edge: the one place that asks the machine for its variables and the time.

use bluegreen_core::model::Timestamp;

/// A variable of the environment, where it is set and is text.
#[allow(clippy::disallowed_methods, reason = "this is the edge where the environment is read")]
pub(crate) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Every variable that is text.
pub(crate) fn vars() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Now.
#[allow(
    clippy::disallowed_methods,
    reason = "people's orders are stamped here; runs get their time from the clock port"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
