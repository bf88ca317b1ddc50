//! `simulate`: a spec in, a summary out; nothing else is touched.

use crate::support::{bluegreen, folder};

const SPEC: &str = r#"version: 1
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
      - setWeight: 20
      - pause: { duration: 5m }
      - pause: {}
bake: 2m
alarms: [web-errors]
"#;

fn simulate(name: &str, more: &[&str]) -> crate::support::Ended {
    let dir = folder(name);
    let file = dir.join("bluegreen.yaml");
    std::fs::write(&file, SPEC).unwrap();
    let (file, state) = (file.display().to_string(), dir.join("state"));
    let state_text = state.display().to_string();
    let mut arguments = vec!["simulate", "-f", &file, "--state", &state_text];
    arguments.extend(more);
    let ended = bluegreen(&arguments);
    assert!(!state.exists(), "a rehearsal writes no journal");
    ended
}

#[test]
fn a_rehearsal_says_what_it_found_and_what_it_assumed() {
    let ended = simulate("simulate-text", &["--runs", "4", "--canary-errors", "20%", "--alarm", "errors>2%"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stderr);
    let text = &ended.stdout;
    for wanted in [
        "web in test: 4 releases of a bad version and 4 of a good one, seed 0",
        "sent back by an alarm     4 of 4: 100 %",
        "runs ended                4 RolledBack",
        "sent back all the same    0 of 4: 0 %",
        "runs ended                4 Promoted",
        "more than 2 % errors in either group",
        "promoted at once",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn the_document_is_the_same_for_a_seed_and_another_for_another() {
    let document = |name: &str, seed: &str| {
        let ended = simulate(name, &["--runs", "3", "--output", "json", "--seed", seed, "--rps", "500"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    let first = document("simulate-a", "7");
    assert_eq!(first, document("simulate-b", "7"));
    let other = document("simulate-c", "8");
    assert_ne!(first.replace("\"seed\":7", ""), other.replace("\"seed\":8", ""));
    let read: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(read["type"], "simulation");
    assert_eq!(read["bad"]["detected"]["of"], 3);
    assert!(read["good"]["durationSeconds"]["median"].as_f64().unwrap() > 420.0, "{first}");
}

#[test]
fn what_cannot_be_rehearsed_is_refused() {
    for wrong in [
        ["--alarm", "latency>1s"],
        ["--alarm", "errors>1%:1/1x5s"],
        ["--canary-errors", "101%"],
        ["--runs", "0"],
        ["--fault", "storm=1"],
    ] {
        assert_eq!(simulate("simulate-wrong", &wrong).code, 2, "{wrong:?}");
    }
}
