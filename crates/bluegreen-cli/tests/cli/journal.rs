//! Commands that read or steer a run through its journal, without AWS.

use std::path::{Path, PathBuf};

use crate::support::journal::{SECRET, operator, plan, promoted, run_id, write};
use crate::support::{Ended, bluegreen, folder};
use bluegreen_core::event::Look;
use bluegreen_core::journal::{Fact, FileStore, Terminal, Verb};
use bluegreen_core::model::ByColor;
use bluegreen_core::observe::AlarmState;
use serde_json::Value;

/// Runs a command over the journals in `root`.
fn over(root: &Path, arguments: &[&str]) -> Ended {
    bluegreen(&[arguments, &["--state", root.to_str().unwrap()]].concat())
}

/// One run of one service in a folder of its own.
fn one(name: &str, facts: Vec<Fact>, ending: Option<Terminal>) -> (PathBuf, FileStore) {
    let root = folder(name);
    let store = write(&root, &plan("web", run_id("web", 1).as_str()), facts, ending);
    (root, store)
}

#[test]
fn the_status_code_tells_the_outcome() {
    for (terminal, code) in [
        (Terminal::Promoted, 0),
        (Terminal::Refused, 3),
        (Terminal::RolledBack, 4),
        (Terminal::Aborted, 4),
        (Terminal::Held, 5),
        (Terminal::RollbackFailed, 7),
    ] {
        let (root, _) = one("status", promoted(), Some(terminal));
        for form in ["plain", "json", "human"] {
            let ended = over(&root, &["status", "--output", form]);
            assert_eq!(ended.code, code, "{terminal}: {}", ended.stderr);
        }
        let watched = over(&root, &["status", "--watch", "--output", "json"]);
        assert_eq!(watched.code, code, "{terminal}");
    }
}

#[test]
fn an_open_run_without_operator_can_be_resumed_and_with_one_is_running() {
    let (root, store) = one("open", vec![Fact::GreenAtStart], None);
    let gone = over(&root, &["status"]);
    assert_eq!(gone.code, 6);
    assert!(gone.stdout.contains("bluegreen resume"), "{}", gone.stdout);
    assert_eq!(over(&root, &["status", "--watch"]).code, 6);
    let _held = store.open_run(&run_id("web", 1), &operator()).unwrap();
    let alive = over(&root, &["status"]);
    assert_eq!(alive.code, 0);
    assert!(alive.stdout.contains("at work"), "{}", alive.stdout);
}

#[test]
fn what_people_read_fits_eighty_columns_and_logs_a_hundred() {
    let (root, _) = one("columns", promoted(), Some(Terminal::Held));
    for (verb, columns) in [("status", 80), ("explain", 80), ("replay", 100), ("promote", 80), ("resume", 80)] {
        let ended = over(&root, &[verb]);
        for line in ended.stdout.lines().chain(ended.stderr.lines()) {
            assert!(line.chars().count() <= columns, "{verb}: {line}");
        }
    }
}

/// What an operator writes beside the journal: a look at `at`, with a wait for `records` records.
fn glance(store: &FileStore, at: &str, records: u64) -> PathBuf {
    let rule = plan("web", run_id("web", 1).as_str()).baseline.routes[0].id.clone();
    let look = Look {
        at: at.parse().unwrap(),
        set: "10".parse().unwrap(),
        configured: vec![(rule, Some(100_000))],
        observed: Some(98_000),
        tasks: Some(ByColor { blue: (4, 4), green: (4, 3) }),
        health: ByColor { blue: None, green: None },
        alarms: vec![("web-5xx".to_owned(), AlarmState::Ok)],
        control: None,
    };
    let wait = serde_json::json!({ "at": at, "until": at, "why": "green to stay healthy" });
    let seen = serde_json::json!({ "v": 1, "records": records, "look": look, "wait": wait });
    let path = store.run_path(&run_id("web", 1)).with_extension("look.json");
    std::fs::write(&path, seen.to_string()).unwrap();
    path
}

#[test]
fn status_shows_what_the_operator_sees_while_that_is_fresh() {
    let (root, store) = one("look", vec![Fact::GreenAtStart], None);
    // Far ahead, so that it is fresh whenever this runs.
    glance(&store, "2199-11-23T06:00:00Z", 2);
    let gone = over(&root, &["status"]).stdout;
    assert!(!gone.contains("configured 10%") && !gone.contains("stay healthy"), "nobody looks any more: {gone}");
    let _held = store.open_run(&run_id("web", 1), &operator()).unwrap();
    let seen = over(&root, &["status"]).stdout;
    for part in ["configured 10%", "observed 9.8%", "3/4 tasks", "1 ok", "green to stay healthy", "seen      0s ago"] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let json: Value = serde_json::from_str(&over(&root, &["status", "--output", "json"]).stdout).unwrap();
    assert_eq!((&json["observed"], &json["lookedAt"]), (&98_000.into(), &json["lastLook"]));
    glance(&store, "2026-11-23T06:00:00Z", 2);
    let stale = over(&root, &["status"]).stdout;
    assert!(!stale.contains("configured") && stale.contains("how things are now is not known"), "{stale}");
    std::fs::write(glance(&store, "2199-11-23T06:00:00Z", 2), "half a li").unwrap();
    assert_eq!(over(&root, &["status"]).code, 0, "a file that cannot be read is no file");
}

#[test]
fn a_wait_is_over_with_the_next_record() {
    let (root, store) = one("look-wait", vec![Fact::GreenAtStart], None);
    glance(&store, "2199-11-23T06:00:00Z", 1);
    let _held = store.open_run(&run_id("web", 1), &operator()).unwrap();
    let seen = over(&root, &["status"]).stdout;
    assert!(seen.contains("configured 10%") && !seen.contains("stay healthy"), "{seen}");
}

#[test]
fn a_replay_has_every_record_and_no_secret() {
    let (root, _) = one("replay", promoted(), Some(Terminal::Promoted));
    let replayed = over(&root, &["replay", "--output", "json"]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    let lines: Vec<Value> = replayed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 7, "six records and the result");
    for (seq, line) in lines[..6].iter().enumerate() {
        assert_eq!((&line["v"], &line["type"], &line["seq"]), (&1.into(), &"recorded".into(), &seq.into()));
        assert_eq!(line["run"], run_id("web", 1).as_str());
        assert!(line["at"].is_string());
    }
    assert_eq!((&lines[6]["type"], &lines[6]["exit"]), (&"result".into(), &0.into()));
    for arguments in [&["replay"][..], &["replay", "--output", "json"], &["explain"], &["status", "--output", "json"]] {
        let shown = over(&root, arguments);
        assert_eq!(shown.code, 0);
        assert!(!shown.stdout.contains(SECRET) && !shown.stderr.contains(SECRET), "{arguments:?}");
    }
}

#[test]
fn explain_says_why() {
    let (root, _) = one("explain", promoted(), Some(Terminal::Promoted));
    let told = over(&root, &["explain"]);
    assert_eq!(told.code, 0);
    assert!(told.stdout.contains("the test says so"), "{}", told.stdout);
    let json: Value = serde_json::from_str(&over(&root, &["explain", "--output", "json"]).stdout).unwrap();
    assert!(json["lines"].as_array().is_some_and(|lines| !lines.is_empty()));
}

#[test]
fn a_journal_that_was_changed_is_not_believed() {
    let (root, store) = one("changed", promoted(), Some(Terminal::Promoted));
    let path = store.run_path(&run_id("web", 1));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("attached", "evicted", 1)).unwrap();
    for verb in ["status", "explain", "replay"] {
        let ended = over(&root, &[verb]);
        assert_eq!(ended.code, 1, "{verb}");
        assert!(ended.stderr.contains(".jsonl"), "{verb}: {}", ended.stderr);
    }
}

#[test]
fn a_run_whose_beginning_is_damaged_is_not_passed_over_for_an_older_one() {
    let (root, _) = one("beginning", promoted(), Some(Terminal::Promoted));
    let second = run_id("web", 2);
    let store = write(&root, &plan("web", second.as_str()), vec![Fact::GreenAtStart], None);
    let path = store.run_path(&second);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("started", "strated", 1)).unwrap();
    for verb in ["status", "abort", "resume", "explain"] {
        let ended = over(&root, &[verb]);
        assert_eq!(ended.code, 1, "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains(second.as_str()), "{verb}: {}", ended.stderr);
    }
    assert_eq!(over(&root, &["status", run_id("web", 1).as_str()]).code, 0, "a run that is named can be read");
    // Not one whole record: nothing was done in its name.
    std::fs::write(&path, &text[..100]).unwrap();
    assert_eq!(over(&root, &["status"]).code, 0);
}

#[test]
fn orders_are_written_down_and_say_who_takes_them() {
    let (root, store) = one("orders", vec![Fact::GreenAtStart], None);
    let run = run_id("web", 1);
    let paused = over(&root, &["pause"]);
    assert_eq!(paused.code, 0, "{}", paused.stderr);
    assert!(paused.stderr.contains(&format!("bluegreen resume {run}")), "{}", paused.stderr);
    let held = store.open_run(&run, &operator()).unwrap();
    let promoted = over(&root, &["promote", "--full"]);
    assert!(promoted.stderr.contains("told ann@desk (pid 4711)"), "{}", promoted.stderr);
    let aborted = over(&root, &["abort", "--output", "json"]);
    assert_eq!(aborted.code, 0, "the operator goes back, not this process");
    let answer: Value = serde_json::from_str(&aborted.stdout).unwrap();
    assert_eq!((&answer["verb"], &answer["operator"]), (&"abort".into(), &"ann@desk (pid 4711)".into()));
    drop(held);
    let by = &store.waiting(&run).unwrap()[0].by;
    assert!(!by.starts_with("unknown@") && !by.contains("pid"), "without USER the system knows the name: {by}");
    let verbs: Vec<Verb> = store.waiting(&run).unwrap().iter().map(|command| command.verb).collect();
    assert_eq!(verbs, [Verb::Pause, Verb::PromoteFull, Verb::Abort]);
}

#[test]
fn a_run_that_is_over_takes_no_orders() {
    let (root, store) = one("over", promoted(), Some(Terminal::Promoted));
    for verb in ["promote", "pause", "abort"] {
        let refused = over(&root, &[verb]);
        assert_eq!(refused.code, 3, "{verb}: {}", refused.stderr);
        assert!(refused.stderr.contains("is over: Promoted"), "{verb}: {}", refused.stderr);
    }
    assert!(store.waiting(&run_id("web", 1)).unwrap().is_empty());
    assert_eq!(over(&root, &["resume"]).code, 0, "it is promoted");
}

#[test]
fn a_run_that_somebody_works_on_is_not_taken_over() {
    let (root, store) = one("taken", vec![Fact::GreenAtStart], None);
    let _held = store.open_run(&run_id("web", 1), &operator()).unwrap();
    let refused = over(&root, &["resume"]);
    assert_eq!(refused.code, 8);
    assert!(refused.stderr.contains("ann@desk (pid 4711)"), "{}", refused.stderr);
}

#[test]
fn undo_and_retry_refuse_what_makes_no_sense() {
    let refused = |name: &str, facts, ending, arguments: &[&str], what: &str| {
        let (root, _) = one(name, facts, ending);
        let ended = over(&root, arguments);
        assert_eq!(ended.code, 3, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(what), "{arguments:?}: {}", ended.stderr);
    };
    let back = Some(Terminal::RolledBack);
    let run = run_id("web", 1);
    refused("undo-1", vec![Fact::GreenAtStart], back, &["undo", "--yes"], "nothing to undo");
    refused("undo-2", vec![], Some(Terminal::Refused), &["undo", "--yes"], "no run to undo");
    refused("undo-3", vec![], None, &["undo", "--yes"], "is not over");
    refused("undo-4", vec![], back, &["undo", "--yes", "--to", run.as_str()], "promoted nothing");
    refused("retry-1", promoted(), Some(Terminal::Promoted), &["retry", "--yes"], "nothing to try again");
    refused("retry-2", vec![], None, &["retry", "--yes"], "bluegreen resume");
    refused("retry-3", vec![], Some(Terminal::RollbackFailed), &["retry", "--yes"], "bluegreen resume");
}

#[test]
fn only_the_last_change_can_be_undone() {
    let (root, _) = one("two-runs", promoted(), Some(Terminal::Promoted));
    let mut second = plan("web", run_id("web", 2).as_str());
    second.created_at = "2026-11-23T07:00:00Z".parse().unwrap();
    write(&root, &second, promoted(), Some(Terminal::Promoted));
    let first = run_id("web", 1);
    let refused = over(&root, &["undo", "--yes", first.as_str()]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("came after it"), "{}", refused.stderr);
}

#[test]
fn of_several_services_the_run_has_to_be_named() {
    let (root, _) = one("several", promoted(), Some(Terminal::Promoted));
    write(&root, &plan("pay", run_id("pay", 2).as_str()), promoted(), Some(Terminal::RolledBack));
    let unnamed = over(&root, &["status"]);
    assert_eq!(unnamed.code, 2);
    assert!(unnamed.stderr.contains(run_id("pay", 2).as_str()), "{}", unnamed.stderr);
    assert_eq!(over(&root, &["status", run_id("pay", 2).as_str()]).code, 4);
    // The only run that is not over can be meant without a name.
    write(&root, &plan("cart", run_id("cart", 3).as_str()), vec![Fact::GreenAtStart], None);
    let open = over(&root, &["status"]);
    assert_eq!(open.code, 6);
    assert!(open.stdout.contains(run_id("cart", 3).as_str()), "{}", open.stdout);
}

#[test]
fn every_run_is_listed_newest_first() {
    let (root, store) = one("list", promoted(), Some(Terminal::Promoted));
    write(&root, &plan("pay", run_id("pay", 2).as_str()), vec![Fact::GreenAtStart], None);
    let listed = over(&root, &["status", "--all"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = listed.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let (web, pay) = (run_id("web", 1), run_id("pay", 2));
    assert_eq!(lines, [[pay.as_str(), "stopped"], [web.as_str(), "Promoted"]]);
    std::fs::write(store.run_path(&web), "no record\n{}\n").unwrap();
    let json = over(&root, &["status", "--all", "--output", "json"]).stdout;
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert!(last["trouble"].is_string(), "a damaged run is listed with its trouble: {last}");
}

#[test]
fn without_runs_there_is_nothing_to_show() {
    let root = folder("empty");
    for arguments in [&["status"][..], &["explain"], &["promote"], &["status", "2026"]] {
        let ended = over(&root, arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
    }
}
