//! `bluegreen demo` with nothing but the program: what it shows is so, and it leaves a report of each run.

use std::process::{Command, Output, Stdio};

use bluegreen_tests::emulator::{Outcome, Trouble, binary};

/// Plays a scenario; what it wrote for people, and the names of the files that it left.
fn demo(scenario: &str) -> Outcome<(Output, String, Vec<String>)> {
    let dir = tempfile::tempdir().map_err(Trouble::at("making a folder for the demo"))?;
    let mut command = Command::new(binary()?);
    // The demo needs no account, and must not find one.
    command.args(["demo", "--no-tty", "--scenario", scenario, "--dir"]).arg(dir.path()).env_clear();
    let ended = command.stdin(Stdio::null()).output().map_err(Trouble::at("bluegreen demo"))?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let files = std::fs::read_dir(dir.path()).map_err(Trouble::at("the demo's folder"))?;
    let names = files.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    Ok((ended, said, names))
}

/// The part of the demo from this command on, up to the next one.
fn act<'a>(said: &'a str, definition: &str) -> &'a str {
    let from = said.split_once(&format!("--task-definition {definition}\n")).map_or("", |(_, rest)| rest);
    from.split_once("\n$ bluegreen").map_or(from, |(act, _)| act)
}

#[test]
fn a_good_version_is_promoted_and_a_bad_one_is_caught() -> Outcome<()> {
    let (ended, said, files) = demo("all")?;
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let good = act(&said, "v2.json");
    assert!(good.contains("Promoted after"), "{said}");
    assert!(good.contains(" requests, 0 failed\n"), "{said}");
    assert!(good.contains("version 1 ") && good.contains("version 2 "), "{said}");
    let bad = act(&said, "v3.json");
    assert!(bad.contains("going back to the baseline: alarm shop-blue-errors is red"), "{said}");
    assert!(bad.contains("RolledBack after"), "{said}");
    assert!(bad.contains("the canary gets 10%") && !bad.contains("the canary gets 50%"), "{said}");
    assert!(!bad.contains(" requests, 0 failed"), "the alarm had something to see: {said}");
    let reports = files.iter().filter(|name| name.starts_with("bluegreen-2")).count();
    assert_eq!(reports, 2, "{files:?}");
    Ok(())
}

#[test]
fn somebody_elses_edit_is_held() -> Outcome<()> {
    let (ended, said, _) = demo("drift")?;
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("was changed by someone else: expected blue 50"), "{said}");
    assert!(said.contains("Held after") && said.contains(" requests, 0 failed\n"), "{said}");
    Ok(())
}
