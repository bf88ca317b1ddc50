//! Argo Rollouts' analysis with the condition of its guide's CloudWatch example, "at least five values, and all of them at
//! most 0.01", and its documented default of `failureLimit: 0`: the first measurement that fails aborts.
//!
//! Measured every minute over the last five values, from the fifth on. Kinder than the example: minutes without requests
//! give no value, and are not counted against the five.

use bluegreen_core::stats::Minute;

use super::{Method, rate};

#[derive(Default)]
pub(super) struct Argo {
    values: u32,
    bad: u32,
}

const RATE_MAX: f64 = 0.01;
const WINDOW: u32 = 5;

impl Method for Argo {
    fn look(&mut self, minute: Minute) -> bool {
        let Some(rate) = rate(minute) else { return false };
        self.values += 1;
        self.bad = (self.bad << 1 | u32::from(rate > RATE_MAX)) & ((1 << WINDOW) - 1);
        self.values >= WINDOW && self.bad > 0
    }
}
