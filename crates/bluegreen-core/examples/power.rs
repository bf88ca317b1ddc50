//! Whether nine of ten bad canaries are found within the time that a plan tells.
//!
//! `cargo run -p bluegreen-core --no-default-features --example power` simulates independent failures at a steady rate
//! with one look a minute, and prints for each cell the time that `plan::minutes_to_find` tells beside the one in which
//! nine of ten were found.

#![allow(clippy::print_stdout, reason = "it is there to print")]

use bluegreen_core::plan::minutes_to_find;
use bluegreen_core::stats::{Comparison, Guards, Minute, minutes_to_detect};

const RUNS: usize = 200;
const ALPHA: f64 = 0.01;
/// Cells that would take longer than this to simulate are left out.
const LONGEST: f64 = 150.0;

fn main() {
    println!("per minute  share   base  ratio  median told  found  9 of 10 told  found");
    let (mut random, mut ratios) = (Random(1), Vec::new());
    for per_minute in [60.0, 600.0, 6_000.0, 60_000.0] {
        for share in [0.01, 0.05, 0.25, 0.5] {
            for base in [0.001, 0.005, 0.02, 0.1] {
                for ratio in [1.5, 2.0, 3.0, 5.0] {
                    let guards = Guards::default();
                    let median = minutes_to_detect(per_minute, share, base, ratio, ALPHA, guards);
                    let told = minutes_to_find(per_minute, share, base, ratio, ALPHA, guards);
                    if median > LONGEST || per_minute * share < 1.0 {
                        continue;
                    }
                    let cell = Cell { per_minute, share, base, ratio };
                    let mut found: Vec<f64> = (0..RUNS).map(|_| cell.minutes(&mut random, median)).collect();
                    found.sort_by(f64::total_cmp);
                    let (half, most) = (found[RUNS / 2], found[RUNS * 9 / 10]);
                    ratios.push(most / told);
                    println!(
                        "{per_minute:>10} {share:>6} {base:>6} {ratio:>6} {median:>12.1} {half:>6} {told:>13.1} {most:>6}"
                    );
                }
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    let at = |part: usize| ratios[(ratios.len() - 1) * part / 100];
    let kept = ratios.iter().filter(|ratio| **ratio <= 1.0).count();
    println!("{kept} of {} cells within what is told", ratios.len());
    println!("found / told: median {:.2}, 90 % of cells {:.2}, all {:.2}", at(50), at(90), at(100));
}

struct Cell {
    per_minute: f64,
    share: f64,
    base: f64,
    ratio: f64,
}

impl Cell {
    /// Minutes until it is found, or four times what was predicted and a bit.
    fn minutes(&self, random: &mut Random, predicted: f64) -> f64 {
        let (canary, control) = (self.per_minute * self.share, self.per_minute * (1.0 - self.share));
        let mut evidence = Comparison::new(1.0, Guards::default());
        let most = (4.0 * predicted).ceil() + 10.0;
        let mut minute = 0.0;
        while minute < most {
            minute += 1.0;
            let (requests, controls) = (random.poisson(canary), random.poisson(control));
            let bad = random.poisson(requests * self.base * self.ratio).min(requests);
            let controls_bad = random.poisson(controls * self.base).min(controls);
            if evidence.add(Minute::new(bad, controls_bad, requests, controls)) >= -ALPHA.ln() {
                return minute;
            }
        }
        f64::INFINITY
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }

    /// By counting arrivals; a large mean as a sum of smaller ones.
    fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return self.poisson(30.0) + self.poisson(mean - 30.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > limit {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}
