//! Flagger's rule with the built-in check of its guide: `request-success-rate` of at least 99 in each interval of one
//! minute, `threshold: 5` failed checks.
//!
//! Failed checks add up over the whole analysis and are never forgotten, and an interval without a value is a failed one
//! (its scheduler halts the advancement in both cases).

use bluegreen_core::stats::Minute;

use super::{Method, rate};

#[derive(Default)]
pub(super) struct Flagger {
    failed_checks: u32,
}

const SUCCESS_MIN: f64 = 0.99;
const THRESHOLD: u32 = 5;

impl Method for Flagger {
    fn look(&mut self, minute: Minute) -> bool {
        let passed = rate(minute).is_some_and(|rate| 1.0 - rate >= SUCCESS_MIN);
        self.failed_checks += u32::from(!passed);
        self.failed_checks >= THRESHOLD
    }
}
