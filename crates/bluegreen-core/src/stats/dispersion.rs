//! How much more the past minutes vary than independent failures would.

/// One past minute, given how many failures there were in all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    /// The canary's failures.
    pub(super) canary_bad: f64,
    /// All failures, above 0.
    pub(super) bad: f64,
    /// The canary's share of requests.
    pub(super) share: f64,
    /// What the minute's bets were tempered by.
    pub(super) temper: f64,
}

/// The minutes with failures so far; the others say nothing about how failures vary.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Past {
    minutes: Vec<Split>,
    canary: Ratio,
    control: Ratio,
}

/// Failures, and how many there would be if they fell on both arms alike.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ratio {
    found: f64,
    expected: f64,
}

impl Ratio {
    fn add(&mut self, found: f64, expected: f64) {
        self.found += found;
        self.expected += expected;
    }

    /// Half a failure is added to both.
    fn value(self) -> f64 {
        (self.found + 0.5) / (self.expected + 0.5)
    }
}

/// So many minutes' worth of belief in no overdispersion at all.
const BELIEF: f64 = 3.0;

impl Past {
    pub(super) fn push(&mut self, minute: Split) {
        if minute.bad > 0.0 {
            self.canary.add(minute.canary_bad, minute.bad * minute.share);
            self.control.add(minute.bad - minute.canary_bad, minute.bad * (1.0 - minute.share));
            self.minutes.push(minute);
        }
    }

    pub(super) fn minutes(&self) -> &[Split] {
        &self.minutes
    }

    /// The estimate, 1 or more. Residuals are around the fitted ratio, so that a steady regression does not inflate it.
    pub(super) fn dispersion(&self) -> f64 {
        let ratio = self.canary.value() / self.control.value();
        let (mut squares, mut weights, mut heaviest) = (0.0, 0.0, 0.0_f64);
        for minute in &self.minutes {
            let chance = ratio * minute.share / (1.0 - minute.share + ratio * minute.share);
            let variance = minute.bad * chance * (1.0 - chance);
            if variance <= 0.0 {
                continue;
            }
            let weight = variance.min(1.0);
            squares += weight * (minute.canary_bad - minute.bad * chance).powi(2) / variance;
            weights += weight;
            heaviest = heaviest.max(weight);
        }
        // Fitting the ratio costs one degree of freedom.
        ((BELIEF + squares) / (BELIEF + (weights - heaviest.min(1.0)).max(0.0))).max(1.0)
    }
}
