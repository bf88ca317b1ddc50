//! The judge's arithmetic beside SciPy's distributions (`tests/stats/peers.py`), which know nothing of our formulae.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use bluegreen_core::stats::{Absolute, Comparison, Guards, Minute, increment, ratio_interval, unit_split};
use bluegreen_tests::emulator::python;
use serde_json::{Value, json};

/// One question, our answer, and how close the peer's has to be, relative to it (absolute below 1).
struct Case {
    question: Value,
    ours: Vec<f64>,
    within: f64,
}

/// What both compute in closed form. SciPy takes the difference of two logarithms of probabilities, each of which is far
/// larger than it where counts are in the thousands.
const CLOSED: f64 = 1e-9;
/// Ends of an interval are roots of a function that SciPy's quadrature enters.
const ROOTS: f64 = 1e-8;

fn case(ask: &str, of: &Value, ours: Vec<f64>, within: f64) -> Case {
    Case { question: json!({ "ask": ask, "of": of }), ours, within }
}

fn minute(row: [f64; 4]) -> Minute {
    Minute::new(row[0], row[1], row[2], row[3])
}

const HOURS: [[[f64; 4]; 4]; 4] = [
    [[0.0, 6.0, 300.0, 5700.0], [1.0, 5.0, 310.0, 5690.0], [0.0, 7.0, 295.0, 5705.0], [2.0, 4.0, 300.0, 5700.0]],
    [[6.0, 6.0, 300.0, 5700.0], [7.0, 5.0, 290.0, 5710.0], [5.0, 7.0, 310.0, 5690.0], [9.0, 4.0, 305.0, 5695.0]],
    [[1.0, 6.0, 300.0, 5700.0], [2.0, 5.0, 300.0, 5700.0], [6.0, 4.0, 1500.0, 4500.0], [7.0, 5.0, 1480.0, 4520.0]],
    [[40.0, 35.0, 3e4, 3e4], [22.0, 41.0, 3e4, 3e4], [38.0, 33.0, 3e4, 3e4], [30.0, 30.0, 3e4, 3e4]],
];

fn increments() -> Vec<Case> {
    let rows =
        [[1.0, 0.0, 300.0, 5700.0], [3.0, 6.0, 300.0, 5700.0], [5.0, 5.0, 3000.0, 3000.0], [0.0, 40.0, 60.0, 540.0]];
    let ratios = [(2.0, 1.0), (20.0, 1.0), (5.0, 1.25), (1.0, 0.5)];
    let pairs = rows.into_iter().flat_map(|row| ratios.map(|ratio| (row, ratio)));
    pairs
        .map(|(row, (theta, theta0))| {
            let of = json!([row[0], row[1], row[2], row[3], theta, theta0]);
            case("increment", &of, vec![increment(minute(row), theta, theta0)], CLOSED)
        })
        .collect()
}

fn mixtures() -> Vec<Case> {
    let ours = |rows: &[[f64; 4]]| {
        let mut process = Comparison::new(1.0, Guards::OFF);
        rows.iter().map(|row| process.add(minute(*row))).collect()
    };
    HOURS.iter().map(|rows| case("comparison", &json!([rows]), ours(rows), CLOSED)).collect()
}

fn limits() -> Vec<Case> {
    let rows = [[0.0, 300.0], [1.0, 310.0], [0.0, 295.0], [3.0, 300.0], [0.0, 60_000.0]];
    let ours = |limit: f64| {
        let mut process = Absolute::below(limit).unwrap();
        rows.iter().map(|row| process.add(row[0], row[1])).collect()
    };
    [0.005, 0.2].map(|limit| case("below", &json!([limit, rows]), ours(limit), CLOSED)).into()
}

fn splits() -> Vec<Case> {
    let cases: [(&[f64], &[f64]); 5] = [
        (&[300.0, 5700.0], &[0.05, 0.95]),
        (&[5200.0, 4800.0], &[0.5, 0.5]),
        (&[0.0, 200.0], &[0.05, 0.95]),
        (&[330.0, 340.0, 330.0], &[0.25, 0.5, 0.25]),
        (&[100.0, 120.0, 80.0, 110.0, 90.0], &[0.2, 0.2, 0.2, 0.2, 0.2]),
    ];
    let ours = |assigned, shares| vec![unit_split(assigned, shares).unwrap()];
    cases
        .map(|(assigned, shares)| case("unit_split", &json!([assigned, shares]), ours(assigned, shares), CLOSED))
        .into()
}

fn intervals() -> Vec<Case> {
    let ours = |rows: &[[f64; 4]]| {
        let minutes: Vec<Minute> = rows.iter().map(|row| minute(*row)).collect();
        let found = ratio_interval(&minutes, 0.05, Guards::OFF).unwrap();
        vec![found.low, found.high, found.log_evidence]
    };
    HOURS.iter().map(|rows| case("interval", &json!([rows, 0.05]), ours(rows), ROOTS)).collect()
}

fn ask(cases: &[Case]) -> Vec<Vec<f64>> {
    let questions: Vec<&Value> = cases.iter().map(|case| &case.question).collect();
    let mut peer = python(Path::new("stats/peers.py")).unwrap();
    let mut child = peer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let text = serde_json::to_vec(&questions).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    serde_json::from_slice(&ended.stdout).unwrap()
}

#[test]
fn scipy_says_the_same() {
    let cases: Vec<Case> = [increments(), mixtures(), limits(), splits(), intervals()].into_iter().flatten().collect();
    let answers = ask(&cases);
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(answers) {
        assert_eq!(case.ours.len(), answer.len(), "{}", case.question);
        for (ours, theirs) in case.ours.iter().zip(answer) {
            let apart = (ours - theirs).abs() / ours.abs().max(1.0);
            assert!(apart <= case.within, "{}: {ours} and {theirs}, {apart:e} apart", case.question);
        }
    }
}
