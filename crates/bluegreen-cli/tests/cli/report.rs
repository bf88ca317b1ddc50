//! `bluegreen report`: a page and a document from a journal alone.

use std::path::Path;

use bluegreen_core::journal::{FileStore, Terminal};
use serde_json::Value;

use crate::support::journal::{SECRET, plan, promoted, run_id, write};
use crate::support::{Ended, command, ended, folder};

/// A folder with one promoted run, and its store.
fn one(name: &str) -> (std::path::PathBuf, FileStore) {
    let root = folder(name);
    let store =
        write(&root.join("state"), &plan("web", run_id("web", 1).as_str()), promoted(), Some(Terminal::Promoted));
    (root, store)
}

fn report(root: &Path, arguments: &[&str]) -> Ended {
    let state = root.join("state");
    let mut all = vec!["--state", state.to_str().unwrap(), "report"];
    all.extend(arguments);
    ended(command(&all).current_dir(root))
}

#[test]
fn a_page_is_written_and_its_name_printed() {
    let (root, _) = one("report-page");
    let made = report(&root, &[]);
    let name = format!("bluegreen-{}.html", run_id("web", 1));
    assert_eq!((made.code, made.stdout.as_str(), made.stderr.as_str()), (0, format!("{name}\n").as_str(), ""));
    let page = std::fs::read_to_string(root.join(&name)).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("exit code 0") && !page.contains(SECRET));
    assert_eq!(report(&root, &[]).code, 0, "a report is written anew");
    std::fs::write(root.join(&name), "mine").unwrap();
    let refused = report(&root, &[]);
    assert_eq!(refused.code, 2);
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("is not a bluegreen report") && said.contains("--force overwrites it"), "{said}");
    assert_eq!(std::fs::read_to_string(root.join(&name)).unwrap(), "mine");
    assert_eq!(report(&root, &["--force"]).code, 0);
    assert_eq!(std::fs::read_to_string(root.join(&name)).unwrap(), page, "the same journal, the same bytes");
}

#[test]
fn a_page_goes_where_it_is_told_to() {
    let (root, _) = one("report-out");
    let run = run_id("web", 1);
    assert_eq!(report(&root, &[run.as_str(), "--out", "a.html"]).stdout, "a.html\n");
    let page = std::fs::read_to_string(root.join("a.html")).unwrap();
    assert_eq!(report(&root, &["--out", "-"]).stdout, page);
    for nowhere in [".", "no/such/folder/a.html"] {
        let refused = report(&root, &["--out", nowhere]);
        assert!(refused.code != 0 && refused.stderr.contains("help: "), "{nowhere}: {}", refused.stderr);
    }
    let files: Vec<_> = std::fs::read_dir(&root).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
}

#[test]
fn the_same_as_one_document() {
    let (root, _) = one("report-json");
    let made = report(&root, &["--output", "json"]);
    assert_eq!((made.code, made.stdout.lines().count()), (0, 1), "{}", made.stderr);
    let json: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&json["v"], &json["type"], &json["exit"]), (&1.into(), &"report".into(), &0.into()));
    assert_eq!((&json["outcome"]["terminal"], &json["change"]["new"]), (&"promoted".into(), &"web:8".into()));
    assert!(!made.stdout.contains(SECRET));
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1, "nothing is written that was not asked for");
    let both = report(&root, &["--output", "json", "--out", "a.html"]);
    assert!(root.join("a.html").exists() && serde_json::from_str::<Value>(&both.stdout).is_ok());
    let mixed = report(&root, &["--output", "json", "--out", "-"]);
    assert_eq!((mixed.code, mixed.stdout.as_str()), (2, ""));
}

#[test]
fn looks_that_were_kept_are_shown() {
    let (root, store) = one("report-looks");
    let run = run_id("web", 1);
    let rule = plan("web", run.as_str()).baseline.routes[0].id.clone();
    let look = serde_json::json!({
        "at": "2026-11-23T06:00:02Z", "set": "10", "configured": [[rule, 100_000]], "observed": 98_000, "tasks": null,
        "health": { "blue": null, "green": null }, "alarms": [["web-5xx", "alarm"]],
    });
    let lines = format!("{}\nhalf a li", serde_json::json!({ "v": 1, "look": look }));
    std::fs::write(store.run_path(&run).with_extension("looks.jsonl"), lines).unwrap();
    let made = report(&root, &["--output", "json"]);
    let json: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&json["looks"], &json["trace"]["observed"][0]["ppm"]), (&1.into(), &98_000.into()), "{}", made.stderr);
    assert_eq!(json["alarms"][0]["redAt"], "2026-11-23T06:00:02Z");
    let state = root.join("state");
    let listed = ended(&mut command(&["--state", state.to_str().unwrap(), "status", "--all"]));
    assert_eq!(listed.stdout.lines().count(), 1, "they are no run: {}", listed.stdout);
}

#[test]
fn a_journal_that_was_changed_gives_no_report() {
    let (root, store) = one("report-changed");
    let path = store.run_path(&run_id("web", 1));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("attached", "evicted", 1)).unwrap();
    assert_eq!(report(&root, &[]).code, 1);
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1);
}
