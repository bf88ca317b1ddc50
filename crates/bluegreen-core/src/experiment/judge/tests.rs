use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::experiment::plan::tests::made;
use crate::experiment::{Plan, queries};
use crate::model::MetricQuery;
use crate::spec::experiment::{Custom, Metric, Source};

/// A plan whose units are users, and whose goal is a share or a mean of a metric of its own.
pub(in crate::experiment) fn users(kind: Kind) -> Plan {
    let mut plan = made("split: {}");
    let custom = |name: &str| Custom {
        namespace: "Shop".to_owned(),
        name: name.to_owned(),
        exposure: None,
        dimensions: BTreeMap::from([("Variant".to_owned(), "{{variant}}".to_owned())]),
    };
    plan.design.unit = Unit::User(custom("Exposed"));
    let metric = Metric { name: "bought".to_owned(), source: Source::Custom(custom("Bought")) };
    plan.design.goals[0] = Goal { metric, kind, higher_is_better: true, margin: 0.05, detect: 0.05 };
    plan.design.planned_blocks = 120;
    plan
}

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A state whose minutes have what `value` says for each series: its name and dimensions in one text.
pub(in crate::experiment) fn state(plan: Plan, minutes: u32, value: impl Fn(u32, &str) -> Option<f64>) -> State {
    let started = crate::experiment::Record {
        seq: 0,
        at: start(),
        body: crate::experiment::Body::Started {
            plan: Box::new(plan),
            operator: crate::journal::Operator { user: "u".into(), host: "h".into(), pid: 1, version: "0".into() },
        },
    };
    let mut state = State::fold(&[started]).unwrap();
    let names: Vec<String> = queries(&state.plan)
        .into_iter()
        .map(|query| {
            let MetricQuery::Series(series) = query else { unreachable!() };
            let dimensions: Vec<&str> = series.dimensions.values().map(String::as_str).collect();
            format!("{} {}", series.name, dimensions.join(" "))
        })
        .collect();
    for index in 0..minutes {
        let at = start().checked_add(SignedDuration::from_mins(index.into())).unwrap();
        let values = names.iter().map(|name| value(index, name)).collect();
        state.minutes.insert(at, Minute { at, values });
    }
    state
}

/// Users and what they bought, the same in both arms but for `better` times as many buyers in the other one.
pub(in crate::experiment) fn shop(better: f64, control: f64, other: f64) -> impl Fn(u32, &str) -> Option<f64> {
    move |minute, name| {
        // A little life, so that blocks differ.
        let life = f64::from((minute * 7) % 5) - 2.0;
        match name {
            "Exposed now" => Some(control),
            "Exposed other" => Some(other),
            "Bought now" => Some(control * 0.1 + life),
            "Bought other" => Some(other * 0.1 * better - life),
            _ => None,
        }
    }
}

#[test]
fn a_better_variant_is_better_and_the_control_is_worse_the_other_way_round() {
    for kind in [Kind::Mean, Kind::Share] {
        let found = judge(&state(users(kind), 120, shop(1.3, 1000.0, 1000.0)), true);
        let goal = &found.goals[0];
        assert_eq!(goal.verdict, GoalVerdict::Better, "{goal:?}");
        let (estimate, low, high) = goal.change.unwrap();
        assert!(low < 0.3 && 0.3 < high && (estimate - 0.3).abs() < 0.02, "{goal:?}");
        let found = judge(&state(users(kind), 120, shop(0.7, 1000.0, 1000.0)), true);
        assert_eq!(found.goals[0].verdict, GoalVerdict::Worse);
        let mut plan = users(kind);
        plan.design.goals[0].higher_is_better = false;
        let found = judge(&state(plan, 120, shop(0.7, 1000.0, 1000.0)), true);
        assert_eq!(found.goals[0].verdict, GoalVerdict::Better);
    }
}

#[test]
fn equal_variants_are_equivalent_only_when_that_is_shown() {
    let few = judge(&state(users(Kind::Mean), 20, shop(1.0, 1000.0, 1000.0)), true);
    assert_eq!(few.goals[0].verdict, GoalVerdict::Inconclusive, "before the burn-in nothing is known");
    let many = judge(&state(users(Kind::Mean), 2000, shop(1.0, 1000.0, 1000.0)), true);
    assert_eq!(many.goals[0].verdict, GoalVerdict::Equivalent, "{:?}", many.goals[0]);
}

#[test]
fn nothing_is_decided_before_its_time_and_nothing_without_data() {
    let early = judge(&state(users(Kind::Mean), 120, shop(1.3, 1000.0, 1000.0)), false);
    assert_eq!(early.goals[0].verdict, GoalVerdict::Early);
    let none = judge(&state(users(Kind::Mean), 120, |_, _| None), true);
    assert_eq!((none.goals[0].verdict, none.minutes), (GoalVerdict::Inconclusive, 0));
    assert_eq!(none.invalid(), None);
    let one_arm = judge(&state(users(Kind::Mean), 120, |_, name| (name == "Bought now").then_some(5.0)), true);
    assert_eq!(one_arm.goals[0].verdict, GoalVerdict::Inconclusive);
}

#[test]
fn a_split_that_is_not_as_planned_blocks_every_verdict() {
    let found = judge(&state(users(Kind::Mean), 120, shop(1.3, 1000.0, 900.0)), true);
    assert_eq!(found.goals[0].verdict, GoalVerdict::Invalid);
    let why = found.invalid().unwrap();
    assert_eq!(why, "units are split 52.63 % / 47.37 % and not 50.00 % / 50.00 % as planned");
    // An arm that is never told about is the same as one that nobody meets.
    let silent = |_, name: &str| (name == "Exposed now").then_some(1000.0);
    assert!(judge(&state(users(Kind::Mean), 5, silent), true).invalid().is_some());
    // What was found once stays found.
    let mut latched = state(users(Kind::Mean), 120, shop(1.3, 1000.0, 1000.0));
    latched.invalid = Some("before".to_owned());
    assert_eq!(judge(&latched, true).goals[0].verdict, GoalVerdict::Invalid);
}

/// Requests of a client that stays are not drawn one by one.
#[test]
fn requests_that_are_split_otherwise_only_warn_where_clients_stay() {
    let requests = |_, name: &str| match name {
        name if name.starts_with("RequestCount") && name.contains("now") => Some(1000.0),
        name if name.starts_with("RequestCount") => Some(500.0),
        _ => None,
    };
    let sticky = judge(&state(made("split: { stickiness: 1d }"), 60, requests), true);
    let split = sticky.split.clone().unwrap();
    assert!(split.alarm && !split.decides, "{split:?}");
    assert_eq!(sticky.invalid(), None);
    let drawn = judge(&state(made("split: { stickiness: 0s }"), 60, requests), true);
    assert!(drawn.invalid().is_some());
    let cohorts = "cohorts: [ { variant: other, header: { name: X-Beta, values: [\"1\"] } } ]";
    assert_eq!(judge(&state(made(cohorts), 60, requests), true).split, None, "nobody was drawn");
}

#[test]
fn a_variant_that_fails_more_often_trips_its_guardrail() {
    let failing = |rate: f64| {
        move |_: u32, name: &str| match name {
            name if name.starts_with("RequestCount") => Some(1000.0),
            name if name.starts_with("HTTPCode_Target_5XX_Count") && name.contains("other") => Some(1000.0 * rate),
            name if name.starts_with("HTTPCode_Target_5XX_Count") => Some(2.0),
            _ => None,
        }
    };
    let bad = judge(&state(made("split: {}"), 15, failing(0.05)), false);
    assert!(bad.guardrails[0].failed, "{:?}", bad.guardrails[0]);
    assert_eq!((bad.guardrails[0].metric.as_str(), bad.guardrails[0].variant.as_str()), ("errorRate", "other"));
    let good = judge(&state(made("split: {}"), 600, failing(0.002)), false);
    assert!(!good.guardrails[0].failed);
    // Missing errors beside requests are none.
    let silent = |_: u32, name: &str| name.starts_with("RequestCount").then_some(1000.0);
    let silent = judge(&state(made("split: {}"), 30, silent), true);
    assert_eq!(silent.guardrails[0].variant_counts, (0.0, 30_000.0));
}

#[test]
fn every_test_gets_its_part_of_alpha() {
    let mut plan = users(Kind::Mean);
    plan.design.goals.push(plan.design.goals[0].clone());
    plan.design.variants.push(plan.design.variants[1].clone());
    plan.groups.push(plan.groups[1].clone());
    let found = judge(&state(plan, 5, |_, _| None), true);
    assert_eq!(found.goals.len(), 4);
    assert!((found.goals[0].alpha - 0.05 / 4.0).abs() < 1e-12);
    assert!((found.guardrails[0].needed - (200.0_f64).ln()).abs() < 1e-12, "two variants, one metric, 1 %");
}

proptest! {
    /// Whatever CloudWatch says: no panic, and no winner without data of both.
    #[test]
    fn strange_counts_are_no_evidence(values in proptest::collection::vec(proptest::option::of(prop_oneof![
        Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), Just(0.0), Just(1e12), 0.0..1e4_f64,
    ]), 40 * 8)) {
        for kind in [Kind::Mean, Kind::Share] {
            let made = state(users(kind), 40, |_, _| None);
            let width = queries(&made.plan).len();
            let mut made = made;
            for (minute, values) in made.minutes.values_mut().zip(values.chunks(8)) {
                minute.values = values.iter().copied().chain(std::iter::repeat(None)).take(width).collect();
            }
            let found = judge(&made, true);
            if found.goals[0].control.is_none() {
                prop_assert_eq!(found.goals[0].verdict, if found.invalid().is_some() { GoalVerdict::Invalid } else { GoalVerdict::Inconclusive });
            }
        }
    }
}
