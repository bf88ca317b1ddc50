//! Tests that may be looked at whenever one likes: counts in, evidence out.
//!
//! Everything here is a pure function of the rows that it is given, without randomness and without state outside the
//! value at hand, so every verdict can be computed again from the stored rows.
//!
//! The unit of evidence is the *e-value*: the wealth of a bettor who starts with 1 and cannot be expected to win while
//! the null hypothesis holds. By Ville's inequality the chance that it *ever* reaches `1/α` is at most `α`, however
//! often one looks. Wealth is kept as a natural logarithm, since it may span hundreds of orders of magnitude.
//!
//! | question | answer |
//! |---|---|
//! | does the canary fail more often than the control? | [`Comparison`] |
//! | is it certainly not twice as bad? | [`NonInferiority`] |
//! | is its own rate below, or above, a limit? | [`Absolute`] |
//! | is a gauge worse, minute by minute? | [`SignBets`] |
//! | do several metrics together say so? | [`weighted_mean`] |
//! | by how much? | [`ratio_interval`], [`BlockDifference`] |
//! | is the split what was configured? | [`RequestSplit`], [`unit_split`] |
//! | what can be found, and when? | [`minutes_to_detect`] |
//! | does it plainly not work at all? | [`tripped`] |

mod absolute;
mod blocks;
mod comparison;
mod dispersion;
mod horizon;
mod planning;
mod ratio;
mod signs;
mod split;
mod wealth;

pub use absolute::Absolute;
pub use blocks::{BlockDifference, BlockInterval};
pub use comparison::{Comparison, Guards, NonInferiority, increment};
pub use planning::minutes_to_detect;
pub use ratio::{RatioInterval, ratio_interval};
pub use signs::SignBets;
pub use split::{RequestSplit, unit_split};
pub(crate) use wealth::log_sum_exp;
pub use wealth::weighted_mean;

/// One closed minute of both arms: bad requests and requests.
///
/// Counts may be fractional: CloudWatch interpolates its trimmed counts. A minute in which one arm had no request is no
/// evidence and changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Minute {
    /// Bad requests of the canary.
    pub canary_bad: f64,
    /// Bad requests of the control.
    pub control_bad: f64,
    /// All requests of the canary.
    pub canary: f64,
    /// All requests of the control.
    pub control: f64,
}

impl Minute {
    /// From canary's bad, control's bad, canary's and control's requests.
    pub fn new(canary_bad: f64, control_bad: f64, canary: f64, control: f64) -> Minute {
        Minute { canary_bad, control_bad, canary, control }
    }

    /// The same minute with the arms' parts exchanged.
    #[must_use]
    pub fn swapped(self) -> Minute {
        Minute {
            canary_bad: self.control_bad,
            control_bad: self.canary_bad,
            canary: self.control,
            control: self.canary,
        }
    }

    fn bad(self) -> f64 {
        self.canary_bad + self.control_bad
    }

    /// Whether both arms were there to be compared, with counts that can be counts.
    fn is_evidence(self) -> bool {
        let all = [self.canary_bad, self.control_bad, self.canary, self.control];
        all.into_iter().all(is_count) && self.canary > 0.0 && self.control > 0.0
    }
}

/// Whether a number can count requests of a minute: neither negative, which a counter that was set back would make it,
/// nor beyond what a double counts one by one.
pub fn is_count(number: f64) -> bool {
    (0.0..=COUNT_MAX).contains(&number)
}

const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

/// Whether a minute shows a canary that does not work at all: of at least 20 requests more than half bad, beyond what one
/// burst among few requests makes likely (three standard errors), while the control had less than a tenth. Outside every
/// guarantee, and for outages too plain to wait for one.
pub fn tripped(minute: Minute) -> bool {
    const CANARY_REQUESTS_MIN: f64 = 20.0;
    let beyond_half = minute.canary_bad - minute.canary / 2.0;
    let control_bad = if minute.control > 0.0 { minute.control_bad / minute.control } else { 0.0 };
    minute.canary >= CANARY_REQUESTS_MIN && beyond_half >= 1.5 * minute.canary.sqrt() && control_bad < 0.1
}

#[cfg(test)]
mod tests;
