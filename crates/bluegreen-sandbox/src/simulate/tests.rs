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
    eprintln!("{summary:#?}");
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
