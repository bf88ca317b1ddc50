//! A bettor who wants an answer by a given time.
//!
//! The other bettors each believe in one ratio and bet on it for ever. This one changes its belief from minute to minute:
//! it bets on the ratio with which it would be likeliest to have enough by the end, given what it holds and how much is
//! still to be seen. A ratio that is chosen from the past is as good as a fixed one for the guarantee, so all that the
//! rule decides is power. It follows the wealth of a fixed-length test, whose part of the goal `w` is worth
//! `φ(Φ⁻¹(w))/w` standard deviations of what is left (Browne 1999, "Reaching goals by a deadline").

/// Its state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Horizon {
    /// Evidence is wanted after so many minutes, and again after as many more.
    minutes: u32,
    /// ln E that is wanted.
    goal: f64,
    /// The burst share by which its bets are tempered, where that is more than what tempers all.
    burst_share: f64,
    seen: u32,
    /// The variance, in the units of ln θ, of all that was seen.
    information: f64,
}

/// Its bets are more careful with bursts than the others': what it has left at the end is bet boldly.
const CAREFUL: f64 = 2.5;
/// What a minute tells before any was seen.
const INFORMATION: f64 = 0.25;
/// It bets on no ratio outside. Below the lowest of the others, it would call differences regressions that nobody minds.
const RATIOS: std::ops::RangeInclusive<f64> = 1.5..=256.0;

impl Horizon {
    pub(super) fn new(minutes: u32, goal: f64, burst_share: f64) -> Horizon {
        Horizon { minutes: minutes.max(1), goal, burst_share: CAREFUL * burst_share, seen: 0, information: 0.0 }
    }

    /// What it bets on next, while it holds e^`held`.
    pub(super) fn ratio(&self, held: f64) -> f64 {
        let left = f64::from(self.minutes - self.seen % self.minutes);
        let each = (self.information + INFORMATION) / (f64::from(self.seen) + 1.0);
        // √(2·ln(1/w)) less 0.36 is φ(Φ⁻¹(w))/w to a tenth, from w = 10⁻⁴ to ½.
        let deviations = ((2.0 * (self.goal - held).max(0.0)).sqrt() - 0.36).max(0.1);
        (deviations / (each * left).sqrt()).exp().clamp(*RATIOS.start(), *RATIOS.end())
    }

    /// What tempers its bet in a minute with so many failures, where `temper` tempers all.
    pub(super) fn temper(&self, temper: f64, bad: f64) -> f64 {
        temper.min((1.0 + (bad - 1.0).max(0.0) * self.burst_share).recip())
    }

    /// Remembers a minute that it has bet on.
    pub(super) fn push(&mut self, temper: f64, bad: f64, share: f64) {
        self.seen = self.seen.saturating_add(1);
        self.information += self.temper(temper, bad) * bad * share * (1.0 - share);
    }
}
