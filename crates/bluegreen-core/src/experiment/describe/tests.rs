use super::*;
use crate::experiment::judge::tests::{shop, state, users};
use crate::experiment::plan::tests::{COHORTS, made};
use crate::experiment::{judge, power};
use crate::spec::experiment::Kind;

/// Compares a checked-in text with what the code makes now; `UPDATE_EXPECTED=1` writes it instead.
fn expect(name: &str, made: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/experiment/describe").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), made, "UPDATE_EXPECTED=1 writes {name} anew");
    let wide = made.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "{name}");
}

#[test]
fn a_plan_is_told_whole() {
    let plan = made("split: { stickiness: 7d }");
    let history: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(10 + i % 3), 1000.0)).collect();
    let split = describe(&plan, &power(&plan.design, &[history]));
    let cohorts = made(COHORTS);
    let cohorts = describe(&cohorts, &power(&cohorts.design, &[vec![]]));
    expect("plan.expected", &format!("{split}\n{cohorts}"));
}

#[test]
fn a_standing_is_told_whole() {
    let mut state = state(users(Kind::Mean), 120, shop(1.3, 1000.0, 1000.0));
    let now = state.plan.created_at;
    let one = |state: &State| describe_standing(state, &Assessment::default(), &Standing::Running, now);
    assert!(one(&state).contains("being set up"), "{}", one(&state));
    state.live_since = Some(now);
    let mut told = describe_standing(&state, &judge(&state, true), &Standing::Running, now);
    told += "\n";
    let ended = Standing::Ended(Ending::Guardrail { metric: "errorRate".into(), variant: "other".into() });
    state.ending = Some((Ending::Expired, now));
    assert!(one(&state).contains("ending: its time is over"), "a call was killed on its way out: {}", one(&state));
    state.ended = Some(vec!["rule 5 (api) was changed".into()]);
    state.minutes.clear();
    told += &describe_standing(&state, &judge(&state, false), &ended, now);
    expect("status.expected", &told);
}

#[test]
fn times_are_short() {
    assert_eq!(long(0.0), "0m");
    assert_eq!(long(59.5), "1h");
    assert_eq!(long(1501.0), "1d1h");
    assert_eq!(long(1e9), "more than a year");
}
