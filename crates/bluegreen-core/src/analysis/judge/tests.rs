//! Rows in, verdict out.

use super::*;
use crate::analysis::{Counts, LateRow, Metric};

const START: i64 = 1_800_000_000;

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(START + 60 * number).unwrap()
}

/// The canary has 5 % of 100 requests a second; both arms fail in `canary` and `control` of a thousand.
fn row(number: i64, canary: f64, control: f64) -> Row {
    Row {
        at: minute(number),
        metric: "errors".to_owned(),
        canary: Some(Counts { bad: (0.3 * canary).round(), all: 300.0 }),
        control: Some(Counts { bad: (5.7 * control).round(), all: 5700.0 }),
        share: Some(0.05),
    }
}

fn rows(minutes: i64, canary: f64, control: f64) -> Vec<Row> {
    (0..minutes).map(|number| row(number, canary, control)).collect()
}

/// A step of `step` minutes, looked at after `seen`, without warm-up.
fn window(seen: i64, step: u64) -> Window {
    Window {
        healthy_since: minute(0),
        step_since: minute(0),
        step: Duration::from_secs(60 * step),
        until: minute(seen),
    }
}

fn strict() -> Judge {
    Judge { warm_up: Duration::ZERO, ..Judge::default() }
}

fn verdict(with: &Judge, rows: Vec<Row>, window: Window) -> Verdict {
    judge(with, &Rows::new(rows), window).verdict
}

fn kind(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Fail { .. } => "fail",
        Verdict::Pass { early: true, .. } => "early",
        Verdict::Pass { early: false, .. } => "pass",
        Verdict::Inconclusive { .. } => "inconclusive",
        Verdict::Open { .. } => "open",
    }
}

#[test]
fn what_the_counts_say() {
    let early = Judge { pass_early: true, ..strict() };
    let harmless = Judge { harmless: Some(0.02), ..strict() };
    let limited = Judge { limit: Some(0.01), ..strict() };
    let cases: [(&str, &Judge, Vec<Row>, Window, &str); 12] = [
        ("five times as bad", &strict(), rows(12, 50.0, 10.0), window(12, 30), "fail"),
        ("as bad, step under way", &strict(), rows(12, 10.0, 10.0), window(12, 30), "open"),
        ("as bad, at the end", &strict(), rows(60, 10.0, 10.0), window(60, 60), "pass"),
        ("as bad, early", &early, rows(59, 10.0, 10.0), window(59, 60), "early"),
        ("too little to tell", &strict(), rows(5, 0.0, 1.0), window(5, 5), "inconclusive"),
        ("too little to tell, and harmless", &harmless, rows(5, 0.0, 1.0), window(5, 5), "pass"),
        ("no rows at all", &strict(), Vec::new(), window(30, 30), "inconclusive"),
        (
            "half of the minutes",
            &strict(),
            rows(30, 10.0, 10.0).into_iter().step_by(2).collect(),
            window(30, 30),
            "inconclusive",
        ),
        ("broken", &strict(), rows(1, 900.0, 10.0), window(1, 30), "fail"),
        ("both arms fail", &strict(), rows(12, 300.0, 300.0), window(12, 30), "open"),
        ("both arms fail, above the limit", &limited, rows(12, 300.0, 300.0), window(12, 30), "fail"),
        ("before the minute is closed", &strict(), rows(1, 900.0, 10.0), window(0, 30), "open"),
    ];
    for (name, with, rows, window, expected) in cases {
        let found = verdict(with, rows, window);
        assert_eq!(kind(&found), expected, "{name}: {found:?}");
    }
}

#[test]
fn a_canary_without_requests_goes_back() {
    let silent = |number| Row { canary: None, ..row(number, 0.0, 10.0) };
    let found = verdict(&strict(), (0..8).map(silent).collect(), window(8, 30));
    assert_eq!(kind(&found), "fail", "{found:?}");
    // Without a share nobody knows what it should have had.
    let unknown = |number| Row { share: None, ..silent(number) };
    let found = verdict(&strict(), (0..8).map(unknown).collect(), window(8, 8));
    assert_eq!(kind(&found), "inconclusive", "{found:?}");
}

#[test]
fn a_wrong_split_passes_nothing() {
    let wrong = |number| Row { share: Some(0.2), ..row(number, 10.0, 10.0) };
    let rows = Rows::new((0..60).map(wrong).collect());
    let found = judge(&strict(), &rows, window(60, 61));
    assert_eq!(kind(&found.verdict), "open", "{found:?}");
    assert!(found.split >= SPLIT_LIMIT);
    assert_eq!(kind(&judge(&strict(), &rows, window(60, 60)).verdict), "inconclusive");
}

#[test]
fn the_warm_up_is_not_looked_at() {
    let mut cold = rows(20, 10.0, 10.0);
    cold[0] = row(0, 900.0, 10.0);
    let patient = Judge { warm_up: MINUTE, ..strict() };
    assert_eq!(kind(&verdict(&patient, cold.clone(), window(20, 30))), "open");
    assert_eq!(kind(&verdict(&strict(), cold, window(20, 30))), "fail");
}

#[test]
fn a_metric_that_is_only_shown_decides_nothing() {
    let shown =
        Judge { metrics: vec![Metric::named("errors"), Metric { dry_run: true, ..Metric::named("slow") }], ..strict() };
    let mut both = rows(12, 10.0, 10.0);
    both.extend(rows(12, 500.0, 10.0).into_iter().map(|row| Row { metric: "slow".to_owned(), ..row }));
    let found = judge(&shown, &Rows::new(both), window(12, 30));
    assert_eq!(kind(&found.verdict), "open");
    assert!(found.metrics[1].worse > 4.6, "it is judged all the same: {:?}", found.metrics[1]);
}

#[test]
fn one_bad_metric_of_four_is_found_and_named() {
    let names = ["errors", "slow", "lost", "checkout"];
    let four = Judge { metrics: names.into_iter().map(Metric::named).collect(), ..strict() };
    let all = names.into_iter().flat_map(|name| {
        let ratio = if name == "lost" { 80.0 } else { 10.0 };
        rows(15, ratio, 10.0).into_iter().map(move |row| Row { metric: name.to_owned(), ..row })
    });
    let found = verdict(&four, all.collect(), window(15, 30));
    assert!(matches!(&found, Verdict::Fail { metric, .. } if metric == "lost"), "{found:?}");
}

#[test]
fn the_onset_is_the_first_bad_minute() {
    let mut late = rows(10, 10.0, 10.0);
    late.extend((10..25).map(|number| row(number, 80.0, 10.0)));
    let found = judge(&strict(), &Rows::new(late), window(25, 30));
    assert_eq!(kind(&found.verdict), "fail");
    assert_eq!(found.metrics[0].onset, Some(minute(10)));
}

#[test]
fn rows_in_any_order_and_twice_are_the_same_rows() {
    let straight = Rows::new(rows(12, 20.0, 10.0));
    let mut shuffled = rows(12, 900.0, 10.0);
    shuffled.extend(rows(12, 20.0, 10.0).into_iter().rev());
    assert_eq!(Rows::new(shuffled), straight, "a later row replaces an earlier one");
}

#[test]
fn a_crossing_stays_a_crossing() {
    let mut recovered = rows(4, 200.0, 10.0);
    recovered.extend((4..40).map(|number| row(number, 0.0, 10.0)));
    assert_eq!(kind(&verdict(&strict(), recovered, window(40, 60))), "fail");
}

#[test]
fn broken_minutes_are_let_pass_up_to_a_number() {
    let lenient = Judge { failure_limit: 1, ..strict() };
    let broken = |numbers: &[i64]| {
        let mut rows = rows(4, 10.0, 10.0);
        rows.iter_mut().filter(|row| numbers.contains(&((row.at.as_second() - START) / 60))).for_each(|row| {
            row.canary = Some(Counts { bad: 25.0, all: 30.0 });
        });
        judge(&lenient, &Rows::new(rows), window(4, 30))
    };
    assert_eq!(kind(&broken(&[0]).verdict), "open");
    let twice = broken(&[0, 3]);
    assert_eq!(kind(&twice.verdict), "fail", "{twice:?}");
    assert_eq!(twice.metrics[0].tripped_at, Some(minute(3)), "{twice:?}");
}

#[test]
fn judgements_are_read_back_as_written() {
    let no_control_failure = rows(6, 40.0, 0.0);
    for rows in [rows(12, 20.0, 10.0), no_control_failure, Vec::new()] {
        let written = judge(&strict(), &Rows::new(rows), window(12, 30));
        let text = serde_json::to_string(&written).unwrap();
        let read: Judgement = serde_json::from_str(&text).unwrap();
        assert_eq!(read.metrics[0].ratio, written.metrics[0].ratio);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}

#[test]
fn a_canary_that_falls_silent_goes_back_and_a_late_report_of_it_does_not() {
    let silent = |from: i64, upto: i64| {
        let row = |number| match number {
            number if number < from => row(number, 10.0, 10.0),
            number => Row { canary: None, ..row(number, 10.0, 10.0) },
        };
        (0..upto).map(row).collect::<Vec<Row>>()
    };
    assert_eq!(kind(&verdict(&strict(), silent(3, 12), window(12, 30))), "fail");
    // The same evidence of a split, and then nothing at all: nobody knows of any traffic.
    assert_eq!(kind(&verdict(&strict(), silent(3, 5), window(12, 30))), "open");
}

#[test]
fn a_minute_more_is_the_same_as_all_minutes_afresh() {
    let names = ["errors", "slow"];
    let two = Judge { metrics: names.map(Metric::named).to_vec(), harmless: Some(0.02), limit: Some(0.05), ..strict() };
    let rates = [5.0, 12.0, 8.0, 15.0, 31.0];
    let canary = |number: i64, name: &str| match name {
        "slow" => 4.0 * rates[usize::try_from(number).unwrap() % 5],
        _ => rates[usize::try_from(number).unwrap() % 5],
    };
    let minute_of =
        |number: i64| names.map(|name| Row { metric: name.to_owned(), ..row(number, canary(number, name), 10.0) });
    let mut evidence = Evidence::new(&two, minute(0));
    let mut all = Vec::new();
    for number in 0..30 {
        for row in minute_of(number) {
            evidence.add(&row).unwrap();
            all.push(row);
        }
        let now = window(number + 1, 20);
        assert_eq!(evidence.judgement(now), judge(&two, &Rows::new(all.clone()), now), "minute {number}");
    }
    let before = evidence.clone();
    for late in [row(28, 10.0, 10.0), row(29, 10.0, 10.0)] {
        let expected = LateRow { metric: "errors".to_owned(), at: late.at };
        assert_eq!(evidence.add(&late), Err(expected));
    }
    assert_eq!(evidence, before);
}
