//! Simulated minutes of a canary and its control, healthy or not, with failures that come alone or together.

use bluegreen_core::stats::Minute;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Gamma, Geometric, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What is released, and into which traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Requests a second, both arms together.
    pub rps: f64,
    /// The canary's share of them.
    pub share: f64,
    /// The control's failure rate.
    pub base: f64,
}

/// How failures of healthy software come, beside the failure rate itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Each on its own.
    Independent,
    /// In one minute of twenty both arms fail twenty times as often: something that both depend on.
    Common,
    /// In clusters of one arm and minute, of geometric size with this mean; as many failures in all as without.
    Clusters(f64),
    /// Each of 20 tasks, once in 500 minutes, fails a tenth of its requests for so many minutes.
    Hiccups(u32),
    /// Each arm's rate is drawn anew every minute: gamma, with this coefficient of variation.
    Gamma(f64),
    /// Each arm's rate wanders: logarithm with standard deviation 0.3, correlated over about five minutes.
    Drift,
}

impl Noise {
    /// All, in the order in which they are shown.
    pub const ALL: [Noise; 8] = [
        Noise::Independent,
        Noise::Common,
        Noise::Clusters(3.0),
        Noise::Clusters(10.0),
        Noise::Hiccups(1),
        Noise::Hiccups(3),
        Noise::Gamma(0.5),
        Noise::Drift,
    ];

    /// Its name in tables.
    pub fn name(self) -> String {
        match self {
            Noise::Independent => "independent".to_owned(),
            Noise::Common => "common".to_owned(),
            Noise::Clusters(mean) => format!("cluster{mean}"),
            Noise::Hiccups(minutes) => format!("hiccup{minutes}"),
            Noise::Gamma(variation) => format!("gamma{variation}"),
            Noise::Drift => "ar0.3".to_owned(),
        }
    }
}

const TASKS: usize = 20;
const HICCUP_CHANCE: f64 = 1.0 / 500.0;
const HICCUP_RATE: f64 = 0.1;
const COMMON_CHANCE: f64 = 0.05;
const COMMON_FACTOR: f64 = 20.0;
const DRIFT_SPREAD: f64 = 0.3;
const DRIFT_KEPT: f64 = 0.8;

/// One release's traffic, minute by minute.
pub struct Traffic {
    rng: Xoshiro256PlusPlus,
    noise: Noise,
    arms: [Arm; 2],
}

struct Arm {
    requests: f64,
    rate: f64,
    tasks: usize,
    /// Minutes that each task's hiccup still lasts.
    hiccups: [u32; TASKS],
    drift: f64,
}

impl Traffic {
    /// The canary fails `ratio` times as often as the control.
    pub fn new(cell: Cell, ratio: f64, noise: Noise, seed: u64) -> Traffic {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let tasks = ((TASKS as f64 * cell.share).round() as usize).max(1);
        let mut arm = |share: f64, rate: f64, tasks: usize| Arm {
            requests: 60.0 * cell.rps * share,
            rate: rate.min(1.0),
            tasks,
            hiccups: [0; TASKS],
            drift: DRIFT_SPREAD * rng.sample::<f64, _>(StandardNormal),
        };
        let arms = [arm(cell.share, ratio * cell.base, tasks), arm(1.0 - cell.share, cell.base, TASKS - tasks)];
        Traffic { rng, noise, arms }
    }

    /// From now on the canary fails so many times as often as before.
    pub fn worsen(&mut self, ratio: f64) {
        self.arms[0].rate = (ratio * self.arms[0].rate).min(1.0);
    }

    /// The next minute.
    pub fn minute(&mut self) -> Minute {
        let common = self.noise == Noise::Common && self.rng.random_bool(COMMON_CHANCE);
        let [canary, control] = &mut self.arms;
        let factor = if common { COMMON_FACTOR } else { 1.0 };
        let (canary_bad, canary) = canary.minute(self.noise, factor, &mut self.rng);
        let (control_bad, control) = control.minute(self.noise, factor, &mut self.rng);
        Minute::new(canary_bad, control_bad, canary, control)
    }
}

impl Arm {
    /// Bad requests, and all. Requests come independently of each other, so that bad and good ones do too, each as a
    /// Poisson number: the same as drawing all, and from them the bad ones.
    fn minute(&mut self, noise: Noise, factor: f64, rng: &mut Xoshiro256PlusPlus) -> (f64, f64) {
        let rate = (factor * self.rate_now(noise, rng)).min(1.0);
        let bad = match noise {
            Noise::Clusters(mean) => clusters(self.requests * rate, mean, rng),
            _ => poisson(self.requests * rate, rng),
        };
        (bad, bad + poisson(self.requests * (1.0 - rate), rng))
    }

    fn rate_now(&mut self, noise: Noise, rng: &mut Xoshiro256PlusPlus) -> f64 {
        match noise {
            Noise::Independent | Noise::Common | Noise::Clusters(_) => self.rate,
            Noise::Hiccups(minutes) => self.rate + HICCUP_RATE * self.hiccuping(minutes, rng),
            Noise::Gamma(variation) => {
                let shape = variation.powi(-2);
                self.rate * Gamma::new(shape, shape.recip()).map_or(1.0, |gamma| gamma.sample(rng))
            }
            Noise::Drift => {
                let news = DRIFT_SPREAD * (1.0 - DRIFT_KEPT * DRIFT_KEPT).sqrt();
                self.drift = DRIFT_KEPT * self.drift + news * rng.sample::<f64, _>(StandardNormal);
                self.rate * (self.drift - DRIFT_SPREAD * DRIFT_SPREAD / 2.0).exp()
            }
        }
    }

    /// The part of the tasks that has a hiccup.
    fn hiccuping(&mut self, minutes: u32, rng: &mut Xoshiro256PlusPlus) -> f64 {
        let mut found = 0_u32;
        for left in &mut self.hiccups[..self.tasks] {
            *left = if *left > 0 {
                *left - 1
            } else if rng.random_bool(HICCUP_CHANCE) {
                minutes
            } else {
                0
            };
            found += u32::from(*left > 0);
        }
        f64::from(found) / self.tasks as f64
    }
}

fn poisson(mean: f64, rng: &mut Xoshiro256PlusPlus) -> f64 {
    Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(rng))
}

fn clusters(mean: f64, size: f64, rng: &mut Xoshiro256PlusPlus) -> f64 {
    let Ok(beyond_first) = Geometric::new(size.recip()) else { return 0.0 };
    (0..poisson(mean / size, rng) as u64).map(|_| 1.0 + beyond_first.sample(rng) as f64).sum()
}
