//! Small rehearsals, each for one thing that it must show.

use bluegreen_core::spec;

use super::*;

const SPEC: &str = r#"
version: 1
service: web
environments:
  test: { region: eu-west-3, account: "111122223333", cluster: shop }
engine: alb
taskDefinition: { file: web.json }
fleet:
  services: { blue: web-blue, green: web-green }
traffic:
  targetGroups: { blue: shop-blue, green: shop-green }
  rules: ["arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/f2f7/9683"]
strategy:
  canary:
    steps:
      - setWeight: 10
      - pause: { duration: 5m }
      - pause: {}
      - setWeight: 50
      - pause: { duration: 5m }
bake: 5m
alarms: [web-errors]
"#;

fn rehearsal() -> Rehearsal {
    let (spec, _) = spec::parse("bluegreen.yaml", SPEC, None, &|_| None).unwrap();
    Rehearsal {
        spec,
        tasks: 4,
        rps: 100,
        baseline_errors: 0.001,
        canary_errors: 0.05,
        alarm: AlarmModel::default(),
        metric_period: std::time::Duration::from_secs(60),
        faults: FaultPlan::default(),
        drift: false,
        kill: false,
        runs: 12,
        seed: 0,
    }
}

#[test]
fn a_bad_canary_is_detected_and_a_good_one_is_not() {
    let summary = rehearsal().run();
    assert_eq!(summary.bad.detected.count, 12, "{summary:#?}");
    assert_eq!(summary.bad.ends.get("RolledBack"), Some(&12), "{summary:#?}");
    let found = summary.bad.detection_seconds.unwrap();
    // A point is published a minute after its minute has closed, and the alarm looks once a minute.
    assert!((60.0..300.0).contains(&found.median), "{found:?}");
    assert!(summary.bad.rollback_seconds.unwrap().p90 < 120.0, "{summary:#?}");
    // 10 requests a second fail at 5 %.
    let expected = found.median * 0.5;
    assert!((0.5..2.0).contains(&(summary.bad.harmed.median / expected)), "{summary:#?}");
    assert_eq!(summary.good.ends.get("Promoted"), Some(&12), "{summary:#?}");
    assert!(summary.good.duration_seconds.unwrap().median > 900.0);
    assert!(summary.assumptions.iter().any(|text| text.contains("promoted at once")));
}

#[test]
fn fewer_requests_are_detected_later_or_not_at_all() {
    let found = |rps: u64| Rehearsal { rps, canary_errors: 0.02, ..rehearsal() }.run().bad;
    let (many, few) = (found(1_000), found(2));
    assert_eq!(many.detected.count, 12, "{many:?}");
    let late = |found: &Canary| found.detection_seconds.map_or(f64::INFINITY, |spread| spread.p90);
    assert!(late(&few) > late(&many), "{few:?} {many:?}");
    assert!(few.harmed.median < many.harmed.median, "{few:?} {many:?}");
}

#[test]
fn faster_metrics_find_it_earlier() {
    let minute = rehearsal().run().bad.detection_seconds.unwrap();
    let metric_period = std::time::Duration::from_secs(5);
    let alarm = "errors>1%:1/1x5s".parse().unwrap();
    let fast = Rehearsal { alarm, metric_period, ..rehearsal() }.run().bad.detection_seconds.unwrap();
    assert!(fast.p90 < minute.median, "{fast:?} {minute:?}");
}

#[test]
fn a_noisy_baseline_sends_good_versions_back() {
    let noisy = Rehearsal { baseline_errors: 0.012, ..rehearsal() }.run();
    assert!(noisy.good.false_rollbacks.count > 6, "{noisy:#?}");
    assert!(noisy.good.false_rollbacks.interval[0] > 0.25, "{noisy:#?}");
}

#[test]
fn without_alarms_nothing_is_detected() {
    let mut blind = Rehearsal { runs: 3, ..rehearsal() };
    blind.spec.alarms.clear();
    let summary = blind.run();
    assert_eq!(summary.bad.ends.get("Promoted"), Some(&3), "{summary:#?}");
    assert!(summary.bad.harmed.median > 1_000.0, "{summary:#?}");
    assert!(summary.assumptions.iter().any(|text| text.contains("no alarms")));
}

#[test]
fn the_same_seed_gives_the_same_summary_and_another_one_another() {
    let story = |seed| Rehearsal { runs: 4, kill: true, drift: true, seed, ..rehearsal() }.run();
    assert_eq!(story(3), story(3));
    let (mut other, first) = (story(4), story(3));
    other.seed = first.seed;
    assert_ne!(first, other);
}

#[test]
fn throttling_slows_releases_and_every_one_comes_to_an_end() {
    let faults = FaultPlan::parse("throttle=0.3").unwrap();
    let summary = Rehearsal { faults, runs: 6, ..rehearsal() }.run();
    assert_eq!(summary.bad.ends.get("RolledBack"), Some(&6), "{summary:#?}");
    // What AWS refuses for too long sends a good version back as well.
    assert!(summary.good.ends.keys().all(|end| end == "Promoted" || end == "RolledBack"), "{summary:#?}");
    let calm = rehearsal().run();
    let long = |found: &Summary| found.good.duration_seconds.unwrap().median;
    assert!(long(&summary) > long(&calm), "{summary:#?}");
    assert!(summary.assumptions.iter().any(|text| text.contains("throttle=0.3")));
}

#[test]
fn drift_holds_the_release_for_a_person() {
    let summary = Rehearsal { drift: true, ..rehearsal() }.run();
    assert!(summary.good.ends.get("Held").is_some_and(|held| *held >= 8), "{summary:#?}");
}

#[test]
fn a_killed_run_comes_to_the_same_end() {
    let summary = Rehearsal { kill: true, ..rehearsal() }.run();
    assert_eq!(summary.bad.ends.get("RolledBack"), Some(&12), "{summary:#?}");
    assert_eq!(summary.good.ends.get("Promoted"), Some(&12), "{summary:#?}");
    let calm = rehearsal().run();
    let long = |found: &Summary| found.good.duration_seconds.unwrap().p90;
    assert!(long(&summary) >= long(&calm), "{summary:#?}");
}

#[test]
fn a_control_fleet_takes_part() {
    let mut with = rehearsal();
    with.spec.control = Some(spec::Control { service: "web-control".into(), target_group: "shop-control".into() });
    let summary = with.run();
    assert_eq!(summary.good.ends.get("Promoted"), Some(&12), "{summary:#?}");
    assert_eq!(summary.bad.ends.get("RolledBack"), Some(&12), "{summary:#?}");
}

/// The same steps with a verdict in the place of the first pause, and no alarm.
fn judged(more: &str) -> Rehearsal {
    let text = SPEC
        .replace(
            "      - setWeight: 10\n      - pause: { duration: 5m }",
            "      - setWeight: 20\n      - analysis: { for: 15m }",
        )
        .replace("alarms: [web-errors]", &format!("alarms: []\n{more}"));
    let (spec, _) = spec::parse("bluegreen.yaml", &text, None, &|_| None).unwrap();
    Rehearsal { spec, runs: 6, ..rehearsal() }
}

#[test]
fn the_judge_is_rehearsed_where_the_spec_asks_for_it() {
    let summary = judged("analysis: { harmless: 1%, metrics: [ { metric: errorRate } ] }").run();
    let bad = &summary.bad;
    assert_eq!((bad.detected.count, bad.by_judge.unwrap().count), (6, 6), "{summary:#?}");
    assert_eq!(bad.inconclusive.unwrap().count, 0, "{summary:#?}");
    assert_eq!((summary.good.false_rollbacks.count, summary.good.inconclusive.unwrap().count), (0, 0), "{summary:#?}");
    assert_eq!(summary.good.ends.get("Promoted"), Some(&6), "{summary:#?}");
}

#[test]
fn a_rehearsal_says_when_there_was_not_enough_evidence() {
    let spec = "analysis: { inconclusive: hold, metrics: [ { metric: errorRate } ] }";
    let summary = Rehearsal { rps: 1, runs: 1, baseline_errors: 0.01, canary_errors: 0.01, ..judged(spec) }.run();
    assert_eq!(summary.good.ends.get("Inconclusive"), Some(&1), "{summary:#?}");
    assert_eq!(summary.good.inconclusive.unwrap().count, 1, "{summary:#?}");
}

#[test]
fn what_the_world_does_not_count_is_left_out_and_said_so() {
    let own = "analysis: [ { metric: { name: signups, namespace: Shop, dimensions: { Color: \"{{color}}\" }, \
               exposure: visits } } ]";
    let summary = Rehearsal { runs: 2, ..judged(own) }.run();
    assert!(summary.bad.by_judge.is_none(), "{summary:#?}");
    let said = summary.assumptions.join("\n");
    assert!(said.contains("left out: signups"), "{said}");
    assert_eq!(summary.good.ends.get("Promoted"), Some(&2), "the step is held for its time: {summary:#?}");
}
