//! The two-proportion z-test on all counts so far, repeated every minute at 5 %, one-sided: what a dashboard with a
//! significance column does.

use bluegreen_core::stats::Minute;

use super::Method;

#[derive(Default)]
pub(super) struct ZTest(Minute);

/// The one-sided normal quantile of 5 %.
const QUANTILE: f64 = 1.644_853_626_951_472_2;

impl Method for ZTest {
    fn look(&mut self, minute: Minute) -> bool {
        let all = &mut self.0;
        all.canary_bad += minute.canary_bad;
        all.control_bad += minute.control_bad;
        all.canary += minute.canary;
        all.control += minute.control;
        if all.canary <= 0.0 || all.control <= 0.0 {
            return false;
        }
        let pooled = (all.canary_bad + all.control_bad) / (all.canary + all.control);
        let variance = pooled * (1.0 - pooled) * (all.canary.recip() + all.control.recip());
        let difference = all.canary_bad / all.canary - all.control_bad / all.control;
        variance > 0.0 && difference > QUANTILE * variance.sqrt()
    }
}
