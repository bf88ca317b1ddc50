//! The judge and what others do, over the whole grid, as a page.
//!
//!     bash tests/bench/judge-grid.sh [--check] [--quick]

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]
#![allow(clippy::disallowed_methods, reason = "the figures say how long they took")]

use std::process::ExitCode;
use std::time::Instant;

use bluegreen_measure::{bounds, grid, page};

const SEED: u64 = 20_261_123;
const THREADS: usize = 2;
const HEALTHY: u32 = 20_000;
const BAD: u32 = 2_000;

fn main() -> ExitCode {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let fewer = if asked("--quick") { 20 } else { 1 };
    let begun = Instant::now();
    let outcomes = grid::run_all(&grid::jobs(HEALTHY / fewer, BAD / fewer), SEED, THREADS);
    print!("{}", page::page(&outcomes));
    let releases: u64 = outcomes.iter().map(|outcome| u64::from(outcome.job.runs)).sum();
    eprintln!("{releases} releases in {:.0} s on {THREADS} threads", begun.elapsed().as_secs_f64());
    if !asked("--check") {
        return ExitCode::SUCCESS;
    }
    let broken = bounds::broken(&outcomes);
    for sentence in &broken {
        eprintln!("broken: {sentence}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
