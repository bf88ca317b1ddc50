//! The program's edge: the one place that asks the machine for its variables and the time.

use std::sync::Arc;

use bluegreen_core::drive::{FastClock, SystemClock};
use bluegreen_core::model::Timestamp;
use bluegreen_core::ports::Clock;

/// Names the time of a sandbox that runs faster than this machine: `2026-11-23T18:00:00Z*60`.
pub(crate) const CLOCK: &str = "BLUEGREEN_CLOCK";

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

/// The clock that everything goes by: this machine's, or that of the sandbox that the environment leads to.
pub(crate) fn clock() -> Arc<dyn Clock> {
    match var(CLOCK).and_then(|text| text.parse::<FastClock>().ok()) {
        Some(fast) => Arc::new(fast),
        None => Arc::new(SystemClock),
    }
}
