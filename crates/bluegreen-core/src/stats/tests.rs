//! The reference vectors, computed by two independent implementations, to 1e-9 relative.

use serde_json::Value;

use super::comparison::{Comparison, Guards, NonInferiority, increment};
use super::wealth::{favouring_small, geometric};
use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../testdata/statistics.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn minutes(value: &Value) -> Vec<Minute> {
    let row = |row: &Value| {
        let row = floats(row);
        Minute::new(row[0], row[1], row[2], row[3])
    };
    value.as_array().unwrap().iter().map(row).collect()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= 1e-9, "{found} instead of {expected}: off by {error:e}");
}

#[track_caller]
fn all_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(found, expected)| close(*found, *expected));
}

fn run(mut process: Comparison, minutes: &[Minute]) -> Vec<f64> {
    minutes.iter().map(|minute| process.add(*minute)).collect()
}

#[test]
fn the_grid_and_its_weights() {
    let grid = geometric(1.5, 256.0, 16);
    all_close(&grid, &floats(&vectors()["grid"]["rel"]));
    all_close(&favouring_small(&grid), &floats(&vectors()["grid"]["weights"]));
}

#[test]
fn one_increment() {
    for row in vectors()["increment"].as_array().unwrap() {
        let row = floats(row);
        close(increment(Minute::new(row[0], row[1], row[2], row[3]), row[4], row[5]), row[6]);
    }
}

#[test]
fn the_comparison() {
    let mut seen = 0;
    for (name, case) in vectors()["eprocess"].as_object().unwrap() {
        let Some(rows) = case.get("minutes") else { continue };
        let guards = if name.contains("sharp") { Guards::OFF } else { Guards::default() };
        all_close(&run(Comparison::new(1.0, guards), &minutes(rows)), &floats(&case["log_e"]));
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn the_comparison_with_other_settings() {
    let rows = [(2.0, 6.0), (1.0, 5.0), (3.0, 6.0), (2.0, 7.0)];
    let rows: Vec<Minute> =
        rows.iter().map(|(canary, control)| Minute::new(*canary, *control, 300.0, 5700.0)).collect();
    let guards = Guards::default();
    let cases = [
        ("{}", 1.0, guards),
        ("{'dispersion': False}", 1.0, Guards { dispersion: false, ..guards }),
        ("{'theta0': 1.25}", 1.25, guards),
        ("{'burst_share': 0.2}", 1.0, Guards { burst_share: 0.2, ..guards }),
        ("{'burst_size': 3.0}", 1.0, Guards { burst_size: 3.0, ..guards }),
        ("{'cap': None}", 1.0, Guards { cap: None, ..guards }),
    ];
    for (name, theta0, guards) in cases {
        all_close(&run(Comparison::new(theta0, guards), &rows), &floats(&vectors()["eprocess"][name]));
    }
}

#[test]
fn every_bettor_of_the_trace() {
    let mut process = Comparison::new(1.0, Guards::default());
    for minute in vectors()["trace"].as_array().unwrap() {
        let row = floats(&minute["minute"]);
        close(process.add(Minute::new(row[0], row[1], row[2], row[3])), minute["log_e"].as_f64().unwrap());
        all_close(&process.log_shares(), &floats(&minute["log_wealth_shares"]));
    }
}

#[test]
fn non_inferiority() {
    let case = &vectors()["noninferiority"];
    let mut process = NonInferiority::new(case["theta1"].as_f64().unwrap(), Guards::default());
    let found: Vec<f64> = minutes(&case["minutes"]).into_iter().map(|minute| process.add(minute)).collect();
    all_close(&found, &floats(&case["log_e"]));
}

#[test]
fn a_rate_against_a_limit() {
    let vectors = vectors();
    let cases = [
        ("absolute", Absolute::below(vectors["absolute"]["p_ok"].as_f64().unwrap())),
        ("absolute_upper", Absolute::above(vectors["absolute_upper"]["p0"].as_f64().unwrap())),
    ];
    for (name, process) in cases {
        let mut process = process.unwrap();
        let rows = vectors[name]["minutes"].as_array().unwrap().iter().map(floats);
        let found: Vec<f64> = rows.map(|row| process.add(row[0], row[1])).collect();
        all_close(&found, &floats(&vectors[name]["log_e"]));
    }
}

#[test]
fn signs() {
    let case = &vectors()["sign"];
    let mut process = SignBets::default();
    let found: Vec<f64> = floats(&case["worse"]).iter().map(|worse| process.add(*worse > 0.5)).collect();
    all_close(&found, &floats(&case["log_e"]));
}

#[test]
fn ratio_intervals() {
    let vectors = vectors();
    for case in vectors["cs"].as_array().unwrap() {
        let name = case[0].as_str().unwrap();
        let expected = floats(&case[1]);
        let (rows, guards) = match name {
            "(0,6,300,5700)" => (vec![Minute::new(0.0, 6.0, 300.0, 5700.0)], Guards::default()),
            "120/100 of 5000/5000 burst 0" => (vec![Minute::new(120.0, 100.0, 5000.0, 5000.0)], Guards::OFF),
            name => (minutes(&vectors["eprocess"][name]["minutes"]), Guards::default()),
        };
        let found = ratio_interval(&rows, 0.05, guards).unwrap();
        close(found.low, expected[0]);
        close(found.high, expected[2]);
        close(found.log_evidence, expected[3]);
        // The peak of a flat function is known to the root of a double's precision only, whoever looks for it.
        assert!((found.likeliest - expected[1]).abs() <= 1e-6 * expected[1].max(1.0), "{name}: {found:?}");
    }
}

#[test]
fn without_failures_of_one_arm_the_interval_is_open() {
    let rows = [Minute::new(6.0, 0.0, 300.0, 5700.0)];
    let found = ratio_interval(&rows, 0.05, Guards::default()).unwrap();
    assert!(found.low > 1.0 && found.high.is_infinite(), "{found:?}");
    assert_eq!(ratio_interval(&[], 0.05, Guards::default()), None);
}

#[test]
fn splits_of_units() {
    for row in vectors()["srm"].as_array().unwrap() {
        let row = floats(row);
        close(unit_split(&[row[0], row[1]], &[row[2], 1.0 - row[2]]).unwrap(), row[4]);
    }
}

#[test]
fn splits_of_requests() {
    for (name, case) in vectors()["srm_tolerance"].as_object().unwrap() {
        let mut process = RequestSplit::default();
        let rows = case["minutes"].as_array().unwrap().iter().map(floats);
        let found: Vec<f64> = rows.map(|row| process.add(row[0], row[1], 0.05)).collect();
        all_close(&found, &floats(&case["log_e"]));
        assert_eq!(process.starved(), name.contains("nothing") || name.contains("starved"), "{name}");
    }
}

#[test]
fn differences_of_blocks() {
    let expected = vectors();
    let mut process = BlockDifference::new(0.05, 500);
    let mut found = Vec::new();
    for i in 0..40u32 {
        let at = f64::from;
        let units = (at(500 + (i * 37) % 50), at(500 + (i * 53) % 60));
        process.add((units.0, at(50 + (i * 7) % 9)), (units.1, at(54 + (i * 11) % 10)));
        found.push(process.interval().unwrap());
    }
    for row in expected["block_cs"].as_array().unwrap() {
        let count = usize::try_from(row[0].as_u64().unwrap()).unwrap();
        let interval = found[count - 1];
        close(interval.difference, row[1].as_f64().unwrap());
        match row[2].as_f64() {
            Some(half_width) => close(interval.half_width, half_width),
            None => assert!(interval.half_width.is_infinite()),
        }
        close(interval.p_value, row[3].as_f64().unwrap());
    }
}

#[test]
fn plans() {
    for row in vectors()["plan"].as_array().unwrap() {
        let row = floats(row);
        close(minutes_to_detect(60.0 * row[0], row[1], row[2], row[3], 0.01, Guards::default()), row[4]);
    }
    assert!(minutes_to_detect(0.0, 0.05, 0.001, 2.0, 0.01, Guards::default()).is_infinite());
}

#[test]
fn several_metrics() {
    close(weighted_mean(&[(0.5, -1.2), (0.25, 3.4), (0.25, 5.0)]), 3.800_977_737_551_409_8);
    close(weighted_mean(&[]), 0.0);
}

#[test]
fn failures_needed_beside_a_clean_control() {
    // Share of the canary, and failures until E reaches 20, 100 and 1000.
    let cases = [(0.01, [2, 2, 3]), (0.05, [2, 3, 4]), (0.2, [3, 4, 6]), (0.25, [3, 5, 7]), (0.5, [6, 9, 12])];
    for (share, expected) in cases {
        let mut process = Comparison::new(1.0, Guards::default());
        let log_e: Vec<f64> =
            (0..20).map(|_| process.add(Minute::new(1.0, 0.0, 6000.0 * share, 6000.0 * (1.0 - share)))).collect();
        let needed = |e: f64| log_e.iter().position(|found| *found >= e.ln()).unwrap() + 1;
        assert_eq!([needed(20.0), needed(100.0), needed(1000.0)], expected, "share {share}");
    }
}

#[test]
fn a_minute_without_one_arm_is_no_evidence() {
    let mut process = Comparison::new(1.0, Guards::default());
    let before = process.clone();
    for minute in [
        Minute::new(0.0, 5.0, 0.0, 6000.0),
        Minute::new(2.0, 0.0, 6000.0, 0.0),
        Minute::new(f64::NAN, 0.0, 10.0, 10.0),
        Minute::new(-1.0, 0.0, 10.0, 10.0),
        Minute::new(1.0, 0.0, f64::INFINITY, 10.0),
    ] {
        process.add(minute);
        assert_eq!(process, before, "{minute:?}");
    }
}

#[test]
fn a_thousand_million_requests_a_minute_are_judged() {
    let mut process = Comparison::new(1.0, Guards::default());
    for _ in 0..60 {
        let log_e = process.add(Minute::new(5e4, 9.5e5, 5e7, 9.5e8));
        assert!(log_e.is_finite() && log_e < 1.0, "{log_e}");
    }
    let mut process = Comparison::new(1.0, Guards::default());
    for _ in 0..3 {
        process.add(Minute::new(2.5e5, 9.5e5, 5e7, 9.5e8));
    }
    assert!(process.log_e_max() >= 100f64.ln());
}

#[test]
fn a_canary_that_does_not_work_trips_the_wire() {
    let cases = [
        (Minute::new(17.0, 1.0, 20.0, 380.0), true),
        (Minute::new(16.0, 1.0, 20.0, 380.0), false),
        (Minute::new(176.0, 1.0, 300.0, 5700.0), true),
        (Minute::new(175.0, 1.0, 300.0, 5700.0), false),
        (Minute::new(19.0, 0.0, 19.0, 380.0), false),
        (Minute::new(20.0, 38.0, 20.0, 380.0), false),
        (Minute::new(20.0, 0.0, 20.0, 0.0), true),
    ];
    for (minute, expected) in cases {
        assert_eq!(tripped(minute), expected, "{minute:?}");
    }
}

fn run_on(process: &mut Comparison, minutes: &[Minute]) {
    for minute in minutes {
        process.add(*minute);
    }
}

/// The mean factor of one more minute, over everything that can happen in it, is at most 1: where both arms fail alike,
/// and where the canary fails less.
#[test]
fn nobody_can_expect_to_win_while_the_canary_is_no_worse() {
    let chances = |n: u32, p: f64| -> Vec<f64> {
        let log = |k: u32| libm::lgamma(f64::from(k) + 1.0);
        let of = |k: u32| log(n) - log(k) - log(n - k) + f64::from(k) * p.ln() + f64::from(n - k) * (1.0 - p).ln();
        (0..=n).map(|k| of(k).exp()).collect()
    };
    let (n, m) = (12_u32, 40_u32);
    let pasts: [&[Minute]; 3] = [
        &[],
        &[Minute::new(1.0, 2.0, 12.0, 40.0), Minute::new(0.0, 0.0, 12.0, 40.0)],
        &[Minute::new(5.0, 1.0, 12.0, 40.0), Minute::new(2.0, 9.0, 30.0, 40.0), Minute::new(3.0, 2.0, 12.0, 40.0)],
    ];
    let guards = Guards::default();
    for process in [Comparison::new(1.0, guards), Comparison::with_horizon(4, 100_f64.ln(), guards)] {
        for past in pasts {
            let mut process = process.clone();
            run_on(&mut process, past);
            for (canary, control) in [(0.01, 0.01), (0.1, 0.1), (0.5, 0.5), (0.9, 0.9), (0.05, 0.4)] {
                let (canary, control) = (chances(n, canary), chances(m, control));
                let mut mean = 0.0;
                for (x, chance) in (0..=n).zip(&canary) {
                    for (y, other) in (0..=m).zip(&control) {
                        let minute = Minute::new(x.into(), y.into(), n.into(), m.into());
                        let before = process.log_e();
                        mean += chance * other * (process.clone().add(minute) - before).exp();
                    }
                }
                assert!(mean <= 1.0 + 1e-9, "{mean} after {past:?}");
            }
        }
    }
}

#[test]
fn with_a_horizon_a_small_regression_is_found_by_its_end() {
    // 100 requests a second, 5 %, 0.1 %: what is expected, minute by minute.
    let run = |mut process: Comparison, canary_bad: f64| {
        run_on(&mut process, &[Minute::new(canary_bad, 5.7, 300.0, 5700.0); 60]);
        process.log_e_max()
    };
    let plain = || Comparison::new(1.0, Guards::default());
    let aimed = || Comparison::with_horizon(60, 100_f64.ln(), Guards::default());
    assert!(run(plain(), 0.63) < 100_f64.ln());
    assert!(run(aimed(), 0.63) >= 100_f64.ln());
    assert!(run(aimed(), 0.3) < 0.5);
    // A larger one is found in the next hour too.
    let mut late = aimed();
    run_on(&mut late, &[Minute::new(0.3, 5.7, 300.0, 5700.0); 60]);
    assert!(run(late, 0.9) >= 100_f64.ln());
}
