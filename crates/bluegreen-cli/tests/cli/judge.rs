//! `bluegreen judge` on files of counts.

use crate::support::{bluegreen, folder};

const COLUMNS: &str = "at,metric,canary_bad,canary,control_bad,control,share";

/// Half an hour at 100 requests a second, 5 % of them on the canary, which has `bad` failures a minute; the control six.
fn file(bad: &str) -> String {
    let row = |minute: u32| format!("2026-11-23T06:{minute:02}:00Z,errors,{bad},300,6,5700,0.05\n");
    let text = format!("{COLUMNS}\n{}", (0..30).map(row).collect::<String>());
    written(&format!("judge-{bad}"), &text)
}

fn written(name: &str, text: &str) -> String {
    let file = folder(name).join("counts.csv");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_worse_canary_fails() {
    let ended = bluegreen(&["judge", "--data", &file("3")]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let first = ended.stdout.lines().next().unwrap();
    assert!(first.starts_with("FAIL: errors: the canary fails more often than the control: 9.5 times"), "{first}");
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ended.stdout);
    assert!(ended.stdout.contains("worse since"), "{}", ended.stdout);
}

#[test]
fn one_that_is_as_good_passes_with_enough_requests() {
    let path = file("0.3");
    let ended = bluegreen(&["judge", "--data", &path, "--harmless", "1%", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer["verdict"]["pass"]["early"], false);
    let ended = bluegreen(&["judge", "--data", &path, "--min-requests", "10000"]);
    assert_eq!(ended.code, 5, "{}", ended.stdout);
    assert!(ended.stdout.starts_with("INCONCLUSIVE: errors: the canary had 9000 requests"), "{}", ended.stdout);
}

#[test]
fn wrong_files_are_named_with_their_line() {
    let file = written("judge-wrong", &format!("{COLUMNS}\n2026-11-23T06:05:00Z,errors,one,300,6,5700,\n"));
    let ended = bluegreen(&["judge", "--data", &file]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("line 2: `one` is no count"), "{}", ended.stderr);
    let ended = bluegreen(&["judge", "--data", &self::file("1"), "--metric", "slow=1"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("its metrics are errors"), "{}", ended.stderr);
}
