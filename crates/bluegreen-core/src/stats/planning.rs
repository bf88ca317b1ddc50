//! What a plan can find, and how long that takes, before anything is released.

use super::comparison::Guards;

/// About how many minutes it takes, in the median, until a canary that fails `ratio` times as often as the control is
/// sent back at `alpha`, at this traffic.
///
/// `per_minute`: requests of both arms together; `share`: the canary's part of them; `base`: the control's failure rate.
/// Infinite where nothing can be found: no traffic, no failures, or a ratio of 1 or less.
pub fn minutes_to_detect(per_minute: f64, share: f64, base: f64, ratio: f64, alpha: f64, guards: Guards) -> f64 {
    let chance = |value: f64| value > 0.0 && value < 1.0;
    let possible = per_minute > 0.0 && chance(share) && base > 0.0 && ratio > 1.0 && chance(alpha);
    if !possible {
        return f64::INFINITY;
    }
    let failures = per_minute * base * (1.0 - share + ratio * share);
    let canarys = ratio * share / (1.0 - share + ratio * share);
    let information = canarys * (canarys / share).ln() + (1.0 - canarys) * ((1.0 - canarys) / (1.0 - share)).ln();
    let growth = failures / (1.0 + (failures - 1.0).max(0.0) * guards.burst_share) * information;
    let needed = -alpha.ln();
    // Few failures: each is its own bet. Many: the cap and the time that the mixture takes to choose its bettor.
    if failures <= FEW {
        return (needed + LEARNING) / growth;
    }
    let cap = guards.cap.map_or(f64::INFINITY, f64::ln);
    (needed / cap).ceil().max(needed / growth.min(cap) + LEARNING / growth)
}

/// Up to so many failures a minute, minutes are not what limits.
const FEW: f64 = 3.0;
/// What the mixture pays, in natural units, until it has found its alternative: from simulation.
const LEARNING: f64 = 2.5;
