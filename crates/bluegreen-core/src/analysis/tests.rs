//! What the judge says of data that is missing, late, wrong or absurd: the right thing, or that it does not know.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * number).unwrap()
}

/// The canary has 5 % of 100 requests a second and fails in `canary` of them, the control in 6 a minute.
fn row(number: i64, canary: f64) -> Row {
    Row {
        at: minute(number),
        metric: "errors".to_owned(),
        canary: Some(Counts { bad: canary, all: 300.0 }),
        control: Some(Counts { bad: 57.0, all: 5700.0 }),
        share: Some(0.05),
    }
}

/// Every row of an hour, changed.
fn hour(change: impl Fn(i64, Row) -> Row) -> Vec<Row> {
    (0..60).map(|number| change(number, row(number, 3.0))).collect()
}

fn strict() -> Judge {
    Judge { warm_up: Duration::ZERO, ..Judge::default() }
}

fn window(minutes: i64) -> Window {
    let step = Duration::from_secs(3600);
    Window { healthy_since: minute(0), step_since: minute(0), step, until: minute(minutes) }
}

fn kind(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Fail { .. } => "fail",
        Verdict::Pass { .. } => "pass",
        Verdict::Inconclusive { .. } => "inconclusive",
        Verdict::Open { .. } => "open",
    }
}

fn arms(row: Row, canary: Option<(f64, f64)>, control: Option<(f64, f64)>) -> Row {
    let counts = |(bad, all)| Counts { bad, all };
    Row { canary: canary.map(counts), control: control.map(counts), ..row }
}

#[test]
fn data_that_is_not_what_it_should_be() {
    let good = (3.0, 300.0);
    let control = (57.0, 5700.0);
    let cases: Vec<(&str, Vec<Row>, &str)> = vec![
        ("as it should be", hour(|_, row| row), "pass"),
        ("no rows", Vec::new(), "inconclusive"),
        ("no data", hour(|_, row| arms(row, None, None)), "inconclusive"),
        ("no traffic", hour(|_, row| arms(row, Some((0.0, 0.0)), Some((0.0, 0.0)))), "inconclusive"),
        ("no traffic of the control", hour(|_, row| arms(row, Some(good), Some((0.0, 0.0)))), "inconclusive"),
        ("no data of the control", hour(|_, row| arms(row, Some(good), None)), "inconclusive"),
        ("no data of the canary", hour(|_, row| arms(row, None, Some(control))), "fail"),
        ("no traffic of the canary", hour(|_, row| arms(row, Some((0.0, 0.0)), Some(control))), "fail"),
        ("half of the rows", hour(|_, row| row).into_iter().step_by(2).collect(), "inconclusive"),
        (
            "half of the canary's data, whose share is not known",
            hour(|number, row| match number % 2 {
                0 => row,
                _ => Row { share: None, ..arms(row, None, Some(control)) },
            }),
            "inconclusive",
        ),
        (
            "a metric that appears only on errors",
            hour(|_, row| row).into_iter().filter(|row| row.at.as_second() / 60 % 3 == 0).collect(),
            "inconclusive",
        ),
        ("a counter that goes back", hour(|_, row| arms(row, Some((-3.0, -300.0)), Some(control))), "inconclusive"),
        ("one bad count of them", hour(|_, row| arms(row, Some((-3.0, 300.0)), Some(control))), "inconclusive"),
        ("no number", hour(|_, row| arms(row, Some((f64::NAN, 300.0)), Some(control))), "inconclusive"),
        ("no number of requests", hour(|_, row| arms(row, Some((3.0, f64::NAN)), Some(control))), "inconclusive"),
        ("infinitely many", hour(|_, row| arms(row, Some((3.0, f64::INFINITY)), Some(control))), "inconclusive"),
        ("more than can be counted", hour(|_, row| arms(row, Some((1e280, 1e300)), Some(control))), "inconclusive"),
        ("a control that is none", hour(|_, row| arms(row, Some(good), Some((57.0, -1.0)))), "inconclusive"),
        ("a thousand million a minute", hour(|_, row| arms(row, Some((5e4, 5e7)), Some((9.5e5, 9.5e8)))), "pass"),
        ("the same, five times as bad", hour(|_, row| arms(row, Some((2.5e5, 5e7)), Some((9.5e5, 9.5e8)))), "fail"),
        ("every request bad, in both", hour(|_, row| arms(row, Some((300.0, 300.0)), Some((5700.0, 5700.0)))), "pass"),
        ("before everything", hour(|_, row| Row { at: Timestamp::MIN, ..row }), "inconclusive"),
        ("after everything", hour(|_, row| Row { at: Timestamp::MAX, ..row }), "inconclusive"),
        ("another metric's", hour(|_, row| Row { metric: "others".to_owned(), ..row }), "inconclusive"),
    ];
    for (name, rows, expected) in cases {
        let found = judge(&strict(), &Rows::new(rows), window(60)).verdict;
        assert_eq!(kind(&found), expected, "{name}: {found:?}");
    }
}

#[test]
fn a_late_row_counts_as_if_it_had_been_there() {
    let on_time = Rows::new(hour(|_, row| row));
    let mut late = hour(|number, row| if number == 7 { arms(row, Some((300.0, 300.0)), None) } else { row });
    late.push(row(7, 3.0));
    assert_eq!(judge(&strict(), &Rows::new(late), window(60)), judge(&strict(), &on_time, window(60)));
}

#[test]
fn what_spills_over_a_minute_is_the_next_ones() {
    let spilled = hour(|number, row| match number {
        // Three answers came after their minute, in which there was no further request.
        10 => arms(row, Some((0.0, 300.0)), Some((57.0, 5700.0))),
        11 => arms(row, Some((3.0, 0.0)), Some((57.0, 5700.0))),
        _ => row,
    });
    let found = judge(&strict(), &Rows::new(spilled), window(60));
    assert!((found.metrics[0].canary_bad - 58.0 * 3.0 - 3.0).abs() < 1e-9, "{found:?}");
    // And no more of them than there is room for.
    let absurd = hour(|number, row| if number == 11 { arms(row, Some((1e9, 0.0)), Some((57.0, 5700.0))) } else { row });
    let found = judge(&strict(), &Rows::new(absurd), window(60));
    assert!((found.metrics[0].canary_bad - 58.0 * 3.0 - 300.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_clock_that_jumps_passes_nothing() {
    let rows = Rows::new(hour(|_, row| row));
    let at = |step_since, until| Window { step_since, until, ..window(60) };
    let cases = [
        ("back before the step", at(minute(0), minute(-30)), "open"),
        ("back to the beginning of time", at(minute(0), Timestamp::MIN), "open"),
        ("to the end of time", at(minute(0), Timestamp::MAX), "pass"),
        ("a step that begins tomorrow", at(minute(1440), minute(60)), "open"),
        ("a step that began when nothing was seen", at(minute(-600), minute(60)), "pass"),
    ];
    for (name, window, expected) in cases {
        let found = judge(&strict(), &rows, window).verdict;
        assert_eq!(kind(&found), expected, "{name}: {found:?}");
    }
    let long = Window { step: Duration::MAX, ..at(Timestamp::MIN, Timestamp::MAX) };
    assert_eq!(kind(&judge(&strict(), &rows, long).verdict), "open");
}

#[test]
fn settings_that_are_no_chance_decide_nothing() {
    let bad = Rows::new(hour(|number, _| row(number, 60.0)));
    let good = Rows::new(hour(|_, row| row));
    for alpha in [0.0, 1.0, 2.0, -0.5, f64::NAN, f64::INFINITY] {
        let blind = Judge { alpha, ..strict() };
        assert_ne!(kind(&judge(&blind, &bad, window(60)).verdict), "fail", "alpha {alpha}");
        let gullible = Judge { alpha_pass: alpha, harmless: Some(0.5), ..strict() };
        assert_ne!(kind(&judge(&gullible, &good, window(60)).verdict), "pass", "alpha_pass {alpha}");
    }
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let weightless = Judge { metrics: vec![Metric { weight, ..Metric::named("errors") }], ..strict() };
        assert_eq!(kind(&judge(&weightless, &good, window(60)).verdict), "inconclusive", "weight {weight}");
    }
}

/// Numbers as they come from broken sources, and as they should be.
fn number() -> impl Strategy<Value = f64> {
    let odd = prop::sample::select(vec![0.0, -0.0, -1.0, 1e9, 1e15, 1e300, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE]);
    prop_oneof![4 => (0_u32..500).prop_map(f64::from), 1 => odd, 1 => any::<f64>()]
}

fn counts() -> impl Strategy<Value = Option<Counts>> {
    prop::option::weighted(0.8, (number(), number()).prop_map(|(bad, all)| Counts { bad, all }))
}

fn any_row() -> impl Strategy<Value = Row> {
    let at = prop_oneof![9 => (-5_i64..65).prop_map(minute), 1 => Just(Timestamp::MIN), 1 => Just(Timestamp::MAX)];
    let metric = prop::sample::select(vec!["errors", "slow", "others"]);
    let share = prop::option::of(prop_oneof![3 => Just(0.05), 1 => number()]);
    (at, metric, counts(), counts(), share).prop_map(|(at, metric, canary, control, share)| Row {
        at,
        metric: metric.to_owned(),
        canary,
        control,
        share,
    })
}

fn any_judge() -> impl Strategy<Value = Judge> {
    let chance = || prop_oneof![2 => Just(0.05), 1 => number()];
    let rate = || prop::option::of(chance());
    (chance(), chance(), number(), rate(), rate(), number(), number(), any::<bool>(), 0_u32..3).prop_map(
        |(alpha, alpha_pass, not_worse_than, harmless, limit, burst_share, requests_min, pass_early, failure_limit)| {
            Judge {
                metrics: vec![Metric::named("errors"), Metric::named("slow")],
                alpha,
                alpha_pass,
                not_worse_than,
                harmless,
                limit,
                burst_share,
                warm_up: Duration::ZERO,
                requests_min,
                pass_early,
                failure_limit,
                horizon: pass_early.then_some(failure_limit * 30),
            }
        },
    )
}

/// Whether an arm had a request that can be counted.
fn counted(counts: Option<Counts>) -> bool {
    counts.is_some_and(|counts| {
        crate::stats::is_count(counts.bad) && crate::stats::is_count(counts.all) && counts.all > 0.0
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_and_settings_give_a_verdict_and_a_pass_has_evidence(
        settings in any_judge(),
        rows in prop::collection::vec(any_row(), 0..120),
        until in -5_i64..70,
    ) {
        let rows = Rows::new(rows);
        let found = judge(&settings, &rows, window(until));
        if let Verdict::Pass { .. } = found.verdict {
            for metric in ["errors", "slow"] {
                let seen = rows.of(metric).filter(|row| row.at >= minute(0) && row.at < minute(until) && counted(row.canary));
                prop_assert!(seen.count() >= 5, "{metric}: {found:?}");
            }
        }
        for metric in &found.metrics {
            let all = [metric.worse, metric.not_worse, metric.canary_requests, metric.control_requests];
            prop_assert!(all.into_iter().all(|value| value.is_finite() && value >= 0.0), "{metric:?}");
        }
        prop_assert!(found.worse.is_finite() && found.split.is_finite(), "{found:?}");
    }

    #[test]
    fn a_canary_of_which_nothing_is_known_never_passes(
        settings in any_judge(),
        rows in prop::collection::vec(any_row(), 0..120),
    ) {
        let silent = rows.into_iter().map(|row| Row { canary: row.canary.filter(|_| !counted(row.canary)), ..row });
        let found = judge(&settings, &Rows::new(silent.collect()), window(60));
        prop_assert_ne!(kind(&found.verdict), "pass", "{:?}", found);
    }

    #[test]
    fn the_order_in_which_rows_arrive_does_not_matter(
        rows in prop::collection::vec(any_row(), 0..80),
        seed in any::<prop::sample::Index>(),
    ) {
        let straight = Rows::new(rows);
        let mut turned = straight.all().to_vec();
        if !turned.is_empty() {
            let by = seed.index(turned.len());
            turned.rotate_left(by);
        }
        turned.reverse();
        let text = |rows: &Rows| serde_json::to_string(&judge(&strict(), rows, window(60))).unwrap();
        prop_assert_eq!(text(&Rows::new(turned)), text(&straight));
    }
}
