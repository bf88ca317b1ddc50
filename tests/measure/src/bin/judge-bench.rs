//! How long it takes to judge one further minute of many releases at once.
//!
//!     bash tests/bench/judge.sh

#![allow(clippy::print_stdout, reason = "printing is what it is for")]
#![allow(clippy::disallowed_methods, reason = "time is what it measures")]

use std::time::{Duration, Instant};

use bluegreen_core::analysis::{Counts, Evidence, Judge, Metric, Row, Window};
use bluegreen_core::model::Timestamp;
use bluegreen_measure::traffic::{Cell, Noise, Traffic};

const RELEASES: u64 = 1_000;
const METRICS: [&str; 5] = ["errors", "slow", "very-slow", "lost", "checkout"];
const HISTORY: i64 = 60;
const FURTHER: i64 = 10;
const START: i64 = 1_800_000_000;

fn main() {
    let judge = Judge {
        metrics: METRICS.into_iter().map(Metric::named).collect(),
        harmless: Some(0.005),
        limit: Some(0.05),
        ..Judge::default()
    };
    let mut releases: Vec<(Evidence, Vec<Traffic>)> = (0..RELEASES).map(|number| release(&judge, number)).collect();
    for number in 0..HISTORY {
        for (evidence, traffic) in &mut releases {
            let rows = rows(traffic, number);
            add(evidence, &rows);
        }
    }
    let mut slowest = Duration::ZERO;
    let mut all = Duration::ZERO;
    for number in HISTORY..HISTORY + FURTHER {
        let rows: Vec<Vec<Row>> = releases.iter_mut().map(|(_, traffic)| rows(traffic, number)).collect();
        let begun = Instant::now();
        let mut decided = 0_usize;
        for ((evidence, _), rows) in releases.iter_mut().zip(&rows) {
            add(evidence, rows);
            decided += usize::from(evidence.verdict(window(number + 1)) != evidence.verdict(window(0)));
        }
        let took = begun.elapsed();
        std::hint::black_box(decided);
        (slowest, all) = (slowest.max(took), all + took);
    }
    let mean = all / u32::try_from(FURTHER).unwrap_or(1);
    println!(
        "one further minute after {HISTORY}, {RELEASES} releases × {} metrics, one core: {:.1} ms on average, {:.1} ms at most",
        METRICS.len(),
        mean.as_secs_f64() * 1e3,
        slowest.as_secs_f64() * 1e3
    );
}

fn release(judge: &Judge, number: u64) -> (Evidence, Vec<Traffic>) {
    let cell = Cell { rps: 100.0, share: 0.05, base: 0.01 };
    let traffic = (0..5).map(|metric| Traffic::new(cell, 1.0, Noise::Independent, 5 * number + metric));
    (Evidence::new(judge, minute(0)), traffic.collect())
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(START + 60 * number).unwrap_or_default()
}

fn rows(traffic: &mut [Traffic], number: i64) -> Vec<Row> {
    let row = |(name, traffic): (&str, &mut Traffic)| {
        let counts = traffic.minute();
        Row {
            at: minute(number),
            metric: name.to_owned(),
            canary: Some(Counts { bad: counts.canary_bad, all: counts.canary }),
            control: Some(Counts { bad: counts.control_bad, all: counts.control }),
            share: Some(0.05),
        }
    };
    METRICS.into_iter().zip(traffic).map(row).collect()
}

fn add(evidence: &mut Evidence, rows: &[Row]) {
    for row in rows {
        // Rows are made in order.
        let _ = evidence.add(row);
    }
}

fn window(until: i64) -> Window {
    let step = Duration::from_secs(3600);
    Window { healthy_since: minute(0), step_since: minute(0), step, until: minute(until) }
}
