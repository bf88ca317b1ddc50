//! Kayenta's judge on the failure rates of 30 minutes: Mann-Whitney with its fixed confidence of 0.98 and tolerance of
//! 0.25. The canary fails where the lower end of the interval for the shift is above a quarter of the estimated shift, in
//! the direction of an increase and at any effect size (`allowedIncrease: 1`, on the ratio of means).
//!
//! The interval is the usual one of ranked differences with the normal approximation. Minutes without requests are left
//! out (`nanStrategy: remove`); where no value differs, its judge adds noise and finds nothing, which is what is done here
//! without the noise.

use bluegreen_core::stats::Minute;

use super::Method;

#[derive(Default)]
pub(super) struct Kayenta {
    minutes: u32,
    canary: Vec<f64>,
    control: Vec<f64>,
}

const AT: u32 = 30;
/// The two-sided normal quantile of 0.98.
const QUANTILE: f64 = 2.326_347_874_040_841;
const TOLERANCE: f64 = 0.25;

impl Method for Kayenta {
    fn look(&mut self, minute: Minute) -> bool {
        self.minutes += 1;
        if self.minutes > AT {
            return false;
        }
        let push = |series: &mut Vec<f64>, bad: f64, all: f64| {
            if all > 0.0 {
                series.push(bad / all);
            }
        };
        push(&mut self.canary, minute.canary_bad, minute.canary);
        push(&mut self.control, minute.control_bad, minute.control);
        self.minutes == AT && self.high()
    }
}

impl Kayenta {
    fn high(&self) -> bool {
        let (canary, control) = (&self.canary, &self.control);
        let mut shifts: Vec<f64> =
            canary.iter().flat_map(|left| control.iter().map(move |right| left - right)).collect();
        if shifts.is_empty() {
            return false;
        }
        let (m, n) = (canary.len() as f64, control.len() as f64);
        let half = QUANTILE * (m * n * (m + n + 1.0) / 12.0).sqrt();
        let rank = (m * n / 2.0 - half).floor();
        if rank < 0.0 {
            return false;
        }
        let middle = shifts.len() / 2;
        let (below, estimate, _) = shifts.select_nth_unstable_by(middle, f64::total_cmp);
        let estimate = *estimate;
        let rank = (rank as usize).min(below.len().saturating_sub(1));
        if below.is_empty() {
            return false;
        }
        let lower = *below.select_nth_unstable_by(rank, f64::total_cmp).1;
        let more = canary.iter().sum::<f64>() / m >= control.iter().sum::<f64>() / n;
        more && lower > 0.0 && lower > TOLERANCE * estimate.abs()
    }
}
