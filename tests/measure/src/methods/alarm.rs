//! CloudWatch threshold alarms on the canary alone, as teams set them up for rollbacks: M of the last N one-minute
//! datapoints beyond a threshold (the evaluation of CloudWatch's alarms with "datapoints to alarm"; a missing datapoint
//! is not breaching).

use bluegreen_core::stats::Minute;

use super::{Method, rate};

pub(super) struct Alarm {
    measure: Measure,
    threshold: f64,
    needed: u32,
    /// The last three datapoints, newest in the lowest bit: whether each was breaching.
    breaching: u32,
}

enum Measure {
    Rate,
    Count,
}

impl Alarm {
    /// The failure rate above a threshold in 2 of 3 minutes.
    pub(super) fn rate(threshold: f64) -> Alarm {
        Alarm { measure: Measure::Rate, threshold, needed: 2, breaching: 0 }
    }

    /// The number of failures above a threshold in 3 of 3 minutes.
    pub(super) fn count(threshold: f64) -> Alarm {
        Alarm { measure: Measure::Count, threshold, needed: 3, breaching: 0 }
    }
}

impl Method for Alarm {
    fn look(&mut self, minute: Minute) -> bool {
        let value = match self.measure {
            Measure::Rate => rate(minute).unwrap_or(0.0),
            Measure::Count => minute.canary_bad,
        };
        self.breaching = (self.breaching << 1 | u32::from(value > self.threshold)) & 0b111;
        self.breaching.count_ones() >= self.needed
    }
}
