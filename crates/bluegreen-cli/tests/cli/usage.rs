//! What goes wrong before anything is reached: exit code 2, and a message that says what to do.

use std::process::Stdio;

use crate::support::{bluegreen, command, ended, folder};

#[test]
fn wrong_arguments_are_usage() {
    for arguments in [
        &["--no-such-option"][..],
        &["no-such-command"],
        &[],
        &["deploy", "--image", "no-equals-sign"],
        &["deploy", "--plan", "p.json", "--image", "web=example/web:2"],
        &["appspec", "new"],
        &["appspec", "new", "--function", "f"],
        &["completions", "no-such-shell"],
        &["--output", "xml", "schema"],
    ] {
        let ended = bluegreen(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?} has no data");
        assert!(!ended.stderr.is_empty(), "{arguments:?} says why");
    }
}

#[test]
fn versions_go_to_stdout() {
    let ended = bluegreen(&["--version"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.stdout, format!("bluegreen {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_release_without_a_terminal_needs_a_yes() {
    let dir = folder("no-terminal");
    // There is no spec either: the missing yes comes first, since nothing may be asked later.
    let refused = ended(command(&["deploy"]).current_dir(&dir));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    for verb in ["retry", "undo"] {
        let refused = ended(command(&[verb]).current_dir(&dir));
        assert_eq!(refused.code, 2, "{verb}");
        assert!(refused.stderr.contains("--yes"), "{verb}: {}", refused.stderr);
    }
}

#[test]
fn a_missing_spec_says_how_to_name_it() {
    let dir = folder("no-spec");
    for arguments in [&["verify"][..], &["plan"], &["deploy", "--yes"], &["deploy", "--dry-run"]] {
        let ended = ended(command(arguments).current_dir(&dir));
        assert_eq!(ended.code, 2, "{arguments:?}");
        assert!(ended.stderr.contains("error: bluegreen.yaml cannot be read"), "{}", ended.stderr);
        assert!(ended.stderr.contains("  caused by: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("  help: name the spec with --file"), "{}", ended.stderr);
    }
}

#[test]
fn findings_about_a_spec_have_their_places() {
    let dir = folder("bad-spec");
    std::fs::write(dir.join("bluegreen.yaml"), "version: 1\nservise: web\n").unwrap();
    let ended = ended(command(&["verify"]).current_dir(&dir));
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("bluegreen.yaml:2:1: error["), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn what_is_no_plan_is_not_run() {
    let dir = folder("no-plan");
    std::fs::write(dir.join("p.json"), "{}").unwrap();
    let ended = ended(command(&["deploy", "--yes", "--plan", "p.json"]).current_dir(&dir));
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("this is no plan file"), "{}", ended.stderr);
}

#[test]
fn an_edited_plan_is_not_run() {
    let dir = folder("edited-plan");
    let plan = crate::support::journal::plan("web", "20261123t060000z-web-000001");
    let file = |count: u32| {
        let mut edited = plan.clone();
        edited.baseline.services.blue.desired = count;
        serde_json::json!({ "hash": plan.hash(), "plan": edited }).to_string()
    };
    std::fs::write(dir.join("edited.json"), file(5)).unwrap();
    let edited = ended(command(&["deploy", "--yes", "--plan", "edited.json"]).current_dir(&dir));
    assert_eq!(edited.code, 2);
    assert!(edited.stderr.contains("it was edited"), "{}", edited.stderr);
    // The same file unedited gets past that check, and is refused because its run exists.
    std::fs::write(dir.join("whole.json"), file(4)).unwrap();
    crate::support::journal::write(&dir.join("state"), &plan, Vec::new(), None);
    let known = ended(command(&["deploy", "--yes", "--plan", "whole.json", "--state", "state"]).current_dir(&dir));
    assert_eq!(known.code, 3, "{}", known.stderr);
    assert!(known.stderr.contains("has been started before"), "{}", known.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_trouble() {
    for arguments in [&["man"][..], &["completions", "bash"], &["schema"], &["--help"]] {
        let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}
