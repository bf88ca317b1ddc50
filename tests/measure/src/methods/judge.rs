//! The judge's own rule for one metric at an α of 1 %: the comparison, and the tripwire beside it.

use bluegreen_core::stats::{Comparison, Guards, Minute, tripped};

use super::Method;

pub(super) struct Judge(Comparison);

const ALPHA: f64 = 0.01;

impl Default for Judge {
    fn default() -> Judge {
        Judge(Comparison::new(1.0, Guards::default()))
    }
}

impl Judge {
    /// For a release that is known to be looked at for so many minutes.
    pub(super) fn with_horizon(minutes: u32) -> Judge {
        Judge(Comparison::with_horizon(minutes, -ALPHA.ln(), Guards::default()))
    }
}

impl Method for Judge {
    fn look(&mut self, minute: Minute) -> bool {
        self.0.add(minute) >= -ALPHA.ln() || tripped(minute)
    }
}
