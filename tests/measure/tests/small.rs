//! A small grid, the same in every run: what the large one shows in full (`bash tests/bench/judge-grid.sh --check`).

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::time::Duration;

use bluegreen_core::analysis::{Counts, Evidence, Judge, Row, Verdict, Window};
use bluegreen_core::model::Timestamp;
use bluegreen_measure::grid::{self, Job};
use bluegreen_measure::methods;
use bluegreen_measure::traffic::{Cell, Noise, Traffic};
use bluegreen_measure::{bounds, page};

const CELLS: [Cell; 3] = [
    Cell { rps: 10.0, share: 0.5, base: 0.001 },
    Cell { rps: 100.0, share: 0.05, base: 0.001 },
    Cell { rps: 1000.0, share: 0.05, base: 0.001 },
];

fn jobs() -> Vec<Job> {
    let healthy =
        |cell| [Noise::Independent, Noise::Common].map(|noise| Job { cell, noise, ratio: 1.0, onset: 0, runs: 400 });
    let bad = |cell| grid::RATIOS.map(|ratio| Job { cell, noise: Noise::Independent, ratio, onset: 0, runs: 200 });
    let mut jobs: Vec<Job> = CELLS.into_iter().flat_map(|cell| healthy(cell).into_iter().chain(bad(cell))).collect();
    jobs.extend(Noise::ALL[2..].iter().map(|noise| Job {
        cell: CELLS[2],
        noise: *noise,
        ratio: 1.0,
        onset: 0,
        runs: 400,
    }));
    jobs
}

#[test]
fn every_bound_holds_on_a_small_grid_whatever_the_threads() {
    let outcomes = grid::run_all(&jobs(), 1, 2);
    assert_eq!(bounds::broken(&outcomes), Vec::<String>::new());
    assert_eq!(grid::run_all(&jobs()[..4], 1, 1), outcomes[..4]);
    let page = page::page(&outcomes);
    assert!(page.contains("| judge |") && page.contains("100 / 5 % / 0.1 % / ×5"), "{page}");
}

#[test]
fn a_judge_that_fires_at_anything_is_noticed() {
    let mut outcomes = grid::run_all(&jobs(), 1, 2);
    // The z-test in the judge's place: a third of all healthy canaries go back.
    for outcome in &mut outcomes {
        let last = outcome.tallies.len() - 1;
        outcome.tallies.swap(0, last);
    }
    let broken = bounds::broken(&outcomes);
    let says = |what: &str| broken.iter().any(|sentence| sentence.contains(what));
    assert!(says("independent:") && says("common:") && says("cluster3:"), "{broken:#?}");
}

#[test]
fn a_judge_that_sees_nothing_is_noticed() {
    let mut outcomes = grid::run_all(&jobs(), 1, 2);
    // "More than five failures" in the judge's place: never true where there are few.
    for outcome in &mut outcomes {
        outcome.tallies.swap(0, 3);
    }
    let broken = bounds::broken(&outcomes);
    let says = |what: &str| broken.iter().any(|sentence| sentence.contains(what));
    assert!(says("% found") && says("requests harmed"), "{broken:#?}");
}

/// The rule that is measured is the one that sends releases back.
#[test]
fn whole_releases_are_judged_in_the_same_minute() {
    let minute = |number: i64| Timestamp::from_second(1_800_000_000 + 60 * number).unwrap();
    for (seed, cell) in (0..30).zip(CELLS.into_iter().cycle()) {
        let mut traffic = Traffic::new(cell, 5.0, Noise::Independent, seed);
        let mut rule = methods::all(cell);
        let settings = Judge { warm_up: Duration::ZERO, ..Judge::default() };
        let mut evidence = Evidence::new(&settings, minute(0));
        for number in 0..60 {
            let counts = traffic.minute();
            evidence
                .add(&Row {
                    at: minute(number),
                    metric: "errors".to_owned(),
                    canary: Some(Counts { bad: counts.canary_bad, all: counts.canary }),
                    control: Some(Counts { bad: counts.control_bad, all: counts.control }),
                    share: Some(cell.share),
                })
                .unwrap();
            let step = Duration::from_secs(3600);
            let window = Window { healthy_since: minute(0), step_since: minute(0), step, until: minute(number + 1) };
            let failed = matches!(evidence.verdict(window), Verdict::Fail { .. });
            assert_eq!(rule[0].look(counts), failed, "seed {seed}, minute {number}");
            if failed {
                break;
            }
        }
    }
}
