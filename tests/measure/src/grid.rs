//! Many releases of each kind, looked at every minute for an hour.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::methods::{self, NAMES};
use crate::traffic::{Cell, Noise, Traffic};

/// Requests a second.
pub const RPS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
/// The canary's share.
pub const SHARES: [f64; 4] = [0.05, 0.1, 0.25, 0.5];
/// The control's failure rate.
pub const BASES: [f64; 3] = [0.0001, 0.001, 0.01];
/// How many times as often a bad canary fails.
pub const RATIOS: [f64; 4] = [1.5, 2.0, 5.0, 20.0];
/// Looks, one a minute.
pub const MINUTES: usize = 60;

/// All 48 cells.
pub fn cells() -> Vec<Cell> {
    let cells = RPS.into_iter().flat_map(|rps| SHARES.into_iter().map(move |share| (rps, share)));
    cells.flat_map(|(rps, share)| BASES.into_iter().map(move |base| Cell { rps, share, base })).collect()
}

/// The cells in which failures come in bursts too.
pub const BURST_CELLS: [Cell; 4] = [
    Cell { rps: 1000.0, share: 0.05, base: 0.001 },
    Cell { rps: 10.0, share: 0.05, base: 0.001 },
    Cell { rps: 100.0, share: 0.05, base: 0.001 },
    Cell { rps: 1000.0, share: 0.5, base: 0.001 },
];

/// Releases of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// The traffic.
    pub cell: Cell,
    /// How failures come.
    pub noise: Noise,
    /// How many times as often the canary fails; 1 for a healthy one.
    pub ratio: f64,
    /// It is healthy for so many minutes first.
    pub onset: usize,
    /// So many of them.
    pub runs: u32,
}

/// The whole grid: healthy ones, healthy ones in bursts, and bad ones.
pub fn jobs(healthy: u32, bad: u32) -> Vec<Job> {
    let null = |cell, noise| Job { cell, noise, ratio: 1.0, onset: 0, runs: healthy };
    let mut jobs = Vec::new();
    for cell in cells() {
        jobs.extend([null(cell, Noise::Independent), null(cell, Noise::Common)]);
        jobs.extend(RATIOS.map(|ratio| Job { cell, noise: Noise::Independent, ratio, onset: 0, runs: bad }));
    }
    for cell in BURST_CELLS {
        jobs.extend(Noise::ALL[2..].iter().map(|noise| null(cell, *noise)));
    }
    jobs.extend(RATIOS.map(|ratio| late(ratio, bad)));
    jobs
}

/// A canary that becomes bad when half of the hour is over, in a cell where that is found within the other half.
fn late(ratio: f64, runs: u32) -> Job {
    Job { cell: BURST_CELLS[0], noise: Noise::Independent, ratio, onset: LATE, runs }
}

/// The minute in which late ones become bad.
pub const LATE: usize = MINUTES / 2;

/// What one method made of the releases of one job.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    runs: u32,
    /// Releases sent back in each minute, from the first on.
    minutes: [u32; MINUTES],
    harmed: f64,
    harmed_squares: f64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { runs: 0, minutes: [0; MINUTES], harmed: 0.0, harmed_squares: 0.0 }
    }
}

impl Tally {
    fn add(&mut self, minute: Option<usize>, harmed: f64) {
        self.runs += 1;
        if let Some(minute) = minute {
            self.minutes[minute - 1] += 1;
        }
        self.harmed += harmed;
        self.harmed_squares += harmed * harmed;
    }

    /// Releases sent back.
    pub fn found(&self) -> u32 {
        self.minutes.iter().sum()
    }

    /// All releases.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// The part that was sent back.
    pub fn rate(&self) -> f64 {
        f64::from(self.found()) / f64::from(self.runs)
    }

    /// The standard error of [`Tally::rate`], not below that of a single finding.
    pub fn rate_error(&self) -> f64 {
        let runs = f64::from(self.runs);
        let rate = self.rate().clamp(runs.recip(), 1.0 - runs.recip());
        (rate * (1.0 - rate) / runs).sqrt()
    }

    /// The minute by which half of all releases had been sent back, if ever.
    pub fn median(&self) -> Option<usize> {
        let mut sum = 0;
        self.minutes
            .iter()
            .position(|found| {
                sum += found;
                2 * sum >= self.runs
            })
            .map(|index| index + 1)
    }

    /// Minutes until it was sent back, an hour where it was not: mean and standard error.
    pub fn minutes(&self) -> (f64, f64) {
        let each = |power: i32| -> f64 {
            let found =
                self.minutes.iter().zip(1..).map(|(count, minute)| f64::from(*count) * f64::from(minute).powi(power));
            found.sum::<f64>() + f64::from(self.runs - self.found()) * (MINUTES as f64).powi(power)
        };
        mean_and_error(each(1), each(2), self.runs)
    }

    /// Failed requests of the canary until then, of the whole hour where it was not: mean and standard error.
    pub fn harmed(&self) -> (f64, f64) {
        mean_and_error(self.harmed, self.harmed_squares, self.runs)
    }
}

fn mean_and_error(sum: f64, squares: f64, runs: u32) -> (f64, f64) {
    let runs = f64::from(runs);
    let mean = sum / runs;
    (mean, ((squares / runs - mean * mean).max(0.0) / runs).sqrt())
}

/// What every method made of one job, in the order of [`NAMES`].
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The job.
    pub job: Job,
    /// One for each method.
    pub tallies: Vec<Tally>,
}

/// Carries out one job; all methods see the same traffic.
pub fn run(job: Job, seed: u64) -> Outcome {
    let mut tallies = vec![Tally::default(); NAMES.len()];
    for number in 0..job.runs {
        release(job, seed ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15), &mut tallies);
    }
    Outcome { job, tallies }
}

fn release(job: Job, seed: u64, tallies: &mut [Tally]) {
    let mut traffic = Traffic::new(job.cell, if job.onset == 0 { job.ratio } else { 1.0 }, job.noise, seed);
    let mut methods = methods::all(job.cell);
    let mut found: [Option<(usize, f64)>; NAMES.len()] = [None; NAMES.len()];
    let mut harmed = 0.0;
    for number in 1..=MINUTES {
        if job.onset > 0 && number == job.onset + 1 {
            traffic.worsen(job.ratio);
        }
        let minute = traffic.minute();
        harmed += minute.canary_bad;
        for (method, found) in methods.iter_mut().zip(&mut found) {
            if found.is_none() && method.look(minute) {
                *found = Some((number, harmed));
            }
        }
        // Who has not found a bad one yet counts all of its hour: traffic goes on for it.
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    for (tally, found) in tallies.iter_mut().zip(found) {
        tally.add(found.map(|(minute, _)| minute), found.map_or(harmed, |(_, harmed)| harmed));
    }
}

/// Carries out all jobs on so many threads. Each has its own seed, by its place.
pub fn run_all(jobs: &[Job], seed: u64, threads: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { break };
                    let outcome = run(*job, seed.wrapping_add(index as u64) << 20);
                    if let Ok(mut done) = done.lock() {
                        done.push((index, outcome));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
