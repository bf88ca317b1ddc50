//! Shares of a service's tasks, as task sets take them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A task set's share of its service's tasks in hundredths of a percent, 0 to 10 000.
///
/// ECS rounds the product with the service's count up. Hundredths tell apart every count up to 5000 tasks, which is more
/// than a service may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct SetScale(u16);

/// A share above 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task set's scale is at most 10000 hundredths of a percent, found {0}")]
pub struct ScaleError(u16);

impl SetScale {
    /// All tasks of the service.
    pub const FULL: SetScale = SetScale(10_000);

    /// The share that gives exactly `wanted` of a service's `all` tasks; all of them where more are wanted.
    pub fn exactly(wanted: u32, all: u32) -> SetScale {
        if wanted >= all {
            return SetScale::FULL;
        }
        let nearest = u64::from(wanted) * 10_000 / u64::from(all);
        let nearest = SetScale(u16::try_from(nearest).unwrap_or(10_000));
        // A product that ought to be whole may come out a trifle above it where it is computed in binary, and be rounded
        // to one task more. Which way round it is multiplied is not documented.
        let whole = |scale: &SetScale| {
            let (all, percent) = (f64::from(all), scale.percent());
            [all * percent / 100.0, percent / 100.0 * all].iter().all(|tasks| tasks.ceil() <= f64::from(wanted))
        };
        let lower = SetScale(nearest.0.saturating_sub(1));
        if whole(&nearest) { nearest } else { lower }
    }

    /// The share as AWS writes it, to the nearest hundredth; numbers outside 0 to 100 are brought inside.
    pub fn from_percent(percent: f64) -> SetScale {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10000")]
        let hundredths = (percent.clamp(0.0, 100.0) * 100.0).round() as u16;
        SetScale(hundredths)
    }

    /// The share in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl TryFrom<u16> for SetScale {
    type Error = ScaleError;

    fn try_from(hundredths: u16) -> Result<Self, Self::Error> {
        if hundredths <= 10_000 { Ok(SetScale(hundredths)) } else { Err(ScaleError(hundredths)) }
    }
}

impl From<SetScale> for u16 {
    fn from(scale: SetScale) -> u16 {
        scale.0
    }
}

impl fmt::Display for SetScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decimal product, rounded up: what AWS documents.
    fn tasks(scale: SetScale, all: u32) -> u32 {
        (all * u32::from(u16::from(scale))).div_ceil(10_000)
    }

    #[test]
    fn every_count_has_a_share_that_gives_exactly_it() {
        for all in (1..=400).chain([1_000, 4_999, 5_000]) {
            for wanted in 0..=all {
                let scale = SetScale::exactly(wanted, all);
                assert_eq!(tasks(scale, all), wanted, "{wanted} of {all} at {scale}");
                let binary = [f64::from(all) * scale.percent() / 100.0, scale.percent() / 100.0 * f64::from(all)];
                assert!(binary.iter().all(|tasks| tasks.ceil() <= f64::from(wanted)), "{wanted} of {all} at {scale}");
            }
        }
    }

    #[test]
    fn shares_read_well() {
        for (wanted, all, text) in [(4, 4, "100 %"), (1, 4, "25 %"), (1, 3, "33.33 %"), (0, 4, "0 %"), (9, 4, "100 %")]
        {
            assert_eq!(SetScale::exactly(wanted, all).to_string(), text);
        }
        assert_eq!(SetScale::exactly(0, 0), SetScale::FULL);
    }

    #[test]
    fn shares_survive_both_ways() {
        for hundredths in 0..=10_000 {
            let scale = SetScale::try_from(hundredths).unwrap();
            assert_eq!(SetScale::from_percent(scale.percent()), scale);
        }
        assert!(SetScale::try_from(10_001).is_err());
        assert_eq!(SetScale::from_percent(f64::NAN), SetScale(0));
        assert_eq!(SetScale::from_percent(170.0), SetScale::FULL);
    }
}
