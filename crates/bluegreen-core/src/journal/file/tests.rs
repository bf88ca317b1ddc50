//! The store against torn writes, damage, second operators and dead ones.

mod corpus;
mod judged;
mod managed;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};

use futures::FutureExt;
use tempfile::TempDir;

use super::*;
use crate::journal::Terminal;
use crate::view::testing::{Script, operator, other_operator, plan, start};

/// File calls do not wait for anything but the disk: their futures are done when first looked at.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

fn store(root: &TempDir) -> FileStore {
    FileStore::new(root.path(), &plan().site)
}

/// A journal with these records, closed again.
fn written(root: &TempDir, records: &[Record]) -> FileStore {
    let store = store(root);
    let journal = store.open_run(&plan().run, &operator()).unwrap();
    for record in records {
        block_on(journal.append(record)).unwrap();
    }
    store
}

fn some_records() -> Vec<Record> {
    let mut script = Script::begun();
    script.ready();
    script.records.truncate(4);
    script.records
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_is_written_is_read_and_only_by_its_user() {
    let root = dir();
    let records = some_records();
    let store = written(&root, &records);
    assert_eq!(store.read(&plan().run).unwrap(), Contents { records: records.clone(), torn: None });
    let again = store.open_run(&plan().run, &operator()).unwrap();
    assert_eq!(block_on(again.read()).unwrap(), records);
    let file = store.run_path(&plan().run);
    assert_eq!(
        file,
        root.path().join("111122223333/eu-west-3/shop-prod/frontend/runs/20261123t060512z-frontend-1a2b3c.jsonl")
    );
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(store.dir()), mode(&store.dir().join("owner.json"))), (0o600, 0o700, 0o600));
    assert_eq!(mode(&store.dir().join("lock")), 0o600);
}

#[test]
fn a_torn_last_line_never_counts_and_goes_with_the_next_append() {
    let records = some_records();
    let root = dir();
    let store = written(&root, &records);
    let path = store.run_path(&plan().run);
    let whole = std::fs::read(&path).unwrap();
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last_line + 1..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let contents = store.read(&plan().run).unwrap();
        assert_eq!(contents.records, records[..3], "cut at {cut}");
        assert_eq!(contents.torn, Some(Torn { line: 4, bytes: (cut - last_line) as u64 }));
        assert_eq!(std::fs::read(&path).unwrap(), &whole[..cut], "reading changed the file");
        let journal = store.open_run(&plan().run, &operator()).unwrap();
        assert!(journal.torn().is_some());
        assert_eq!(block_on(journal.read()).unwrap().len(), 3);
        block_on(journal.append(&records[3])).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn a_wrong_last_line_is_torn_and_a_wrong_line_before_it_is_damage() {
    let records = some_records();
    let root = dir();
    let store = written(&root, &records);
    let path = store.run_path(&plan().run);
    let whole = std::fs::read(&path).unwrap();
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let third_line = whole[..last_line - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        store.read(&plan().run)
    };
    let version = "{\"v\":".len();
    for at in (last_line..whole.len() - 1).step_by(2).filter(|at| *at != last_line + version) {
        assert_eq!(flipped(at).unwrap().records.len(), 3, "flipped at {at}");
    }
    for at in (third_line..last_line - 1).step_by(3) {
        let error = flipped(at).unwrap_err();
        let JournalError::Damaged { place, what } = &error else { panic!("flipped at {at}: {error}") };
        assert!(place.ends_with("frontend-1a2b3c.jsonl:3"), "{place}");
        assert!(what.contains("baseline") || what.contains("version"), "{what}");
    }
    // Nobody goes on with such a journal either.
    assert!(matches!(store.open_run(&plan().run, &operator()), Err(JournalError::Damaged { .. })));
}

#[test]
fn removed_lines_and_later_versions_are_told() {
    let root = dir();
    let store = written(&root, &some_records());
    let path = store.run_path(&plan().run);
    let whole = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    std::fs::write(&path, [lines[0], lines[2]].concat()).unwrap();
    let error = store.read(&plan().run).unwrap_err().to_string();
    assert!(error.contains("jsonl:2: record 2 stands where record 1 belongs"), "{error}");
    // Even at the end: a later program's record is no torn line, and must not be cut off.
    let later = lines[2].replacen("\"v\":1", "\"v\":7", 1);
    std::fs::write(&path, [lines[0], lines[1], &later].concat()).unwrap();
    let error = store.read(&plan().run).unwrap_err().to_string();
    assert!(error.contains("jsonl:3: it was written in version 7"), "{error}");
    assert!(error.contains("use the release of bluegreen that began the run, or a later one"), "{error}");
    let unknown = r#"{"seq":2,"at":"2026-11-23T06:05:12Z","body":{"fact":"teleported"}}"#;
    let sum = &hex_of(unknown)[..16];
    let unknown = format!("{{\"v\":1,\"sum\":\"{sum}\",\"record\":{unknown}}}\n");
    std::fs::write(&path, [lines[0], lines[1], &unknown].concat()).unwrap();
    let error = store.read(&plan().run).unwrap_err().to_string();
    assert!(error.contains("jsonl:3: it is whole, but this program does not understand it"), "{error}");
}

fn hex_of(text: &str) -> String {
    use sha2::{Digest, Sha256};
    crate::plan::hex(&Sha256::digest(text.as_bytes()))
}

#[test]
fn only_the_next_record_is_taken() {
    let root = dir();
    let records = some_records();
    let store = written(&root, &records[..2]);
    let journal = store.open_run(&plan().run, &operator()).unwrap();
    for wrong in [1, 3] {
        let error = block_on(journal.append(&records[wrong])).unwrap_err();
        assert_eq!(error, JournalError::Conflict { expected: wrong as u64, found: 2 });
    }
    // Somebody whose lock failed writes as well: the second one to come loses.
    let line = line::encode(&records[2]).unwrap();
    let path = store.run_path(&plan().run);
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&line).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = block_on(journal.append(&records[2])).unwrap_err();
    assert_eq!(error, JournalError::Conflict { expected: 2, found: 3 });
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    assert_eq!(block_on(journal.append(&records[2])).unwrap_err(), JournalError::Conflict { expected: 2, found: 3 });
    assert_eq!(std::fs::read(&path).unwrap()[..before.len()], before);
}

#[test]
fn foreign_bytes_and_a_lost_file_stop_the_run() {
    let root = dir();
    let records = some_records();
    let store = written(&root, &records[..2]);
    let path = store.run_path(&plan().run);
    let journal = store.open_run(&plan().run, &operator()).unwrap();
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"hello").unwrap();
    let error = block_on(journal.append(&records[2])).unwrap_err().to_string();
    assert!(error.contains("something other than a record was written"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = block_on(journal.append(&records[2])).unwrap_err().to_string();
    assert!(error.starts_with("cannot append to ") && error.contains("put it back from a copy"), "{error}");
    assert!(!path.exists(), "a journal without its beginning was made");
}

#[test]
fn a_run_that_was_never_begun_is_not_found() {
    let root = dir();
    let store = store(&root);
    let run = plan().run;
    let missing = JournalError::NotFound(run.to_string());
    assert_eq!(store.read(&run).unwrap_err(), missing);
    assert_eq!(store.give(&run, Verb::Abort, "ann", start()).unwrap_err(), missing);
    let journal = store.open_run(&run, &operator()).unwrap();
    assert_eq!(block_on(journal.read()).unwrap_err(), missing);
    // Killed while writing its very first record, it was not begun either, and may be begun again.
    std::fs::write(store.run_path(&run), b"{\"v\":1,\"su").unwrap();
    drop(journal);
    assert_eq!(store.read(&run).unwrap_err(), missing);
    let journal = store.open_run(&run, &operator()).unwrap();
    block_on(journal.append(&some_records()[0])).unwrap();
    assert_eq!(store.read(&run).unwrap().records.len(), 1);
}

#[test]
fn a_second_operator_is_refused_with_the_owners_name_until_the_first_leaves() {
    let root = dir();
    let store = written(&root, &some_records());
    assert_eq!(store.owner(), None);
    let held = store.open_run(&plan().run, &operator()).unwrap();
    let other_run: RunId = "20261123t070000z-frontend-ffffff".parse().unwrap();
    let error = store.open_run(&other_run, &other_operator()).unwrap_err();
    let owner = "ann@desk (pid 4711)".to_owned();
    assert_eq!(error, JournalError::Held { run: plan().run.to_string(), owner });
    assert_eq!(store.owner().unwrap(), Owner { run: plan().run, operator: operator() });
    assert!(store.is_alive(&plan().run) && !store.is_alive(&other_run));
    let mut site = plan().site;
    site.service = "checkout".into();
    let beside = FileStore::new(root.path(), &site).open_run(&other_run, &other_operator());
    assert!(beside.is_ok(), "another service has another lock");
    drop(held);
    assert_eq!(store.owner(), None);
    assert!(store.open_run(&other_run, &other_operator()).is_ok());
}

#[test]
fn a_note_without_its_process_names_nobody() {
    let root = dir();
    let store = written(&root, &some_records());
    let stale = Owner { run: plan().run, operator: operator() };
    std::fs::write(store.dir().join("owner.json"), serde_json::to_vec(&stale).unwrap()).unwrap();
    assert_eq!(store.owner(), None);
    let lock = place::open_lock(&store.dir().join("lock")).unwrap();
    lock.try_lock().unwrap();
    let error = store.open_run(&plan().run, &other_operator()).unwrap_err().to_string();
    assert!(error.contains("another process") && !error.contains("ann"), "{error}");
}

const CHILD: &str = "BLUEGREEN_TEST_HOLD";

/// Not a test by itself: what the child process of the test below runs. It holds the journal until it is killed.
#[test]
fn child_that_holds() {
    let Some(root) = std::env::vars().find(|(name, _)| name == CHILD).map(|(_, value)| value) else { return };
    let store = FileStore::new(Path::new(&root), &plan().site);
    let _held = store.open_run(&plan().run, &operator()).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\nholding").unwrap();
    out.flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

fn holding_child(root: &TempDir) -> Child {
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal::file::tests::child_that_holds", "--nocapture"])
        .env(CHILD, root.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line == "holding");
    assert!(ready, "the child did not take the lock");
    child
}

#[test]
fn another_process_is_refused_and_a_killed_one_frees_the_lock() {
    let root = dir();
    let store = written(&root, &some_records());
    let mut child = holding_child(&root);
    let error = store.open_run(&plan().run, &other_operator()).unwrap_err();
    assert_eq!(error, JournalError::Held { run: plan().run.to_string(), owner: "ann@desk (pid 4711)".to_owned() });
    assert!(store.runs().unwrap()[0].alive);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(store.owner(), None, "its note is still there, but counts for nothing");
    assert!(store.dir().join("owner.json").exists());
    assert!(store.open_run(&plan().run, &other_operator()).is_ok());
}

#[test]
fn orders_come_oldest_first_and_are_taken_once() {
    let root = dir();
    let mut script = Script::begun();
    let store = written(&root, &script.records);
    let run = plan().run;
    let journal = store.open_run(&run, &operator()).unwrap();
    let verbs = [Verb::Pause, Verb::Promote, Verb::PromoteFull, Verb::Abort];
    let later = start().checked_add(std::time::Duration::from_secs(60)).unwrap();
    let late = store.give(&run, Verb::Abort, "eve@desk pid 9", later).unwrap();
    let ids: Vec<String> =
        verbs.iter().map(|verb| store.give(&run, *verb, "eve@desk pid 9", start()).unwrap()).collect();
    let commands = block_on(journal.commands()).unwrap();
    let order: Vec<&str> = commands.iter().map(|command| command.id.as_str()).collect();
    let expected: Vec<&str> = ids.iter().chain([&late]).map(String::as_str).collect();
    assert_eq!(order, expected);
    assert_eq!(commands[0].verb, Verb::Pause);
    assert_eq!((commands[0].by.as_str(), commands[0].at), ("eve@desk pid 9", start()));

    script.fact(Fact::Commanded(commands[0].clone()));
    block_on(journal.append(script.last())).unwrap();
    assert_eq!(block_on(journal.commands()).unwrap(), commands[1..]);
    // Killed between the record and the removal of the file: the record is what counts.
    let left = store.inbox_dir(&run).join(format!("{}.json", commands[0].id));
    assert!(!left.exists());
    std::fs::write(&left, serde_json::to_vec(&commands[0]).unwrap()).unwrap();
    assert_eq!(block_on(journal.commands()).unwrap(), commands[1..]);
    assert_eq!(store.waiting(&run).unwrap(), commands[1..]);
    drop(journal);
    let journal = store.open_run(&run, &operator()).unwrap();
    assert_eq!(block_on(journal.commands()).unwrap(), commands[1..]);
}

#[test]
fn what_is_no_order_does_not_drown_an_abort() {
    let root = dir();
    let store = written(&root, &some_records());
    let run = plan().run;
    store.give(&run, Verb::Abort, "eve", start()).unwrap();
    let inbox = store.inbox_dir(&run);
    std::fs::write(inbox.join("0000.json"), br#"{"id":"0000","at":"2026-11-23T06:05:12Z","by":"x","verb":"dance"}"#)
        .unwrap();
    std::fs::write(inbox.join("half.json"), b"{").unwrap();
    std::fs::write(inbox.join(".tmp.new"), b"{").unwrap();
    let verbs: Vec<Verb> = store.waiting(&run).unwrap().iter().map(|command| command.verb).collect();
    assert_eq!(verbs, [Verb::Abort]);
}

#[test]
fn an_order_with_a_path_as_its_id_removes_nothing() {
    let root = dir();
    let victim = root.path().join("victim.json");
    std::fs::write(&victim, b"x").unwrap();
    let inbox = root.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    inbox::forget(&inbox, "../victim");
    assert!(victim.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_its_cure() {
    let root = dir();
    let blocked = root.path().join("file");
    std::fs::write(&blocked, b"not a folder").unwrap();
    let store = FileStore::new(blocked.join("state"), &plan().site);
    let error = store.open_run(&plan().run, &operator()).unwrap_err().to_string();
    assert!(error.starts_with("cannot create ") && error.contains("file/state"), "{error}");
    assert!(error.contains("a file is in the way of that folder"), "{error}");
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = place::storage("append to", Path::new("/state/x"), &denied).to_string();
    assert_eq!(
        error,
        "cannot append to /state/x: permission denied; make it writable for this user, or set BLUEGREEN_STATE to a \
         folder that is"
    );
}

#[test]
fn the_state_folder_comes_from_the_environment() {
    let root = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        state_root(&|name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
    };
    let home = ("HOME", "/home/ann");
    assert_eq!(root(&[home]).unwrap(), Path::new("/home/ann/.local/state/bluegreen"));
    assert_eq!(root(&[home, ("XDG_STATE_HOME", "/var/x")]).unwrap(), Path::new("/var/x/bluegreen"));
    assert_eq!(root(&[home, ("XDG_STATE_HOME", "x")]).unwrap(), Path::new("/home/ann/.local/state/bluegreen"));
    assert_eq!(root(&[home, ("BLUEGREEN_STATE", "mine"), ("XDG_STATE_HOME", "/x")]).unwrap(), Path::new("mine"));
    assert_eq!(root(&[home, ("BLUEGREEN_STATE", "")]).unwrap(), Path::new("/home/ann/.local/state/bluegreen"));
    let error = root(&[]).unwrap_err().to_string();
    assert!(error.contains("set BLUEGREEN_STATE"), "{error}");
}

#[test]
fn names_are_safe_as_files() {
    assert_eq!(place::file_name("shop-prod_1.2"), "shop-prod_1.2");
    assert_eq!(place::file_name("../etc"), "%2e.%2fetc");
    assert_eq!(place::file_name(".."), "%2e.");
    assert_eq!(place::file_name(""), "%");
    assert_ne!(place::file_name("a/b"), place::file_name("a%2fb"));
    let long = |tail: &str| place::file_name(&format!("{}{tail}", "é".repeat(200)));
    assert!(long("a").len() < 160 && long("a") != long("b"));
}

/// A run of its own in `store`, begun at `at`.
fn begin(store: &FileStore, run: &str, at: &str, ending: Option<Terminal>) {
    let mut plan = plan();
    plan.run = run.parse().unwrap();
    let mut script = Script::new(plan.clone());
    script.records[0].at = at.parse().unwrap();
    script.now = at.parse().unwrap();
    if let Some(terminal) = ending {
        script.finish(terminal, "so");
    }
    let journal = store.open_run(&plan.run, &operator()).unwrap();
    for record in &script.records {
        block_on(journal.append(record)).unwrap();
    }
}

#[test]
fn runs_are_listed_newest_first_and_damage_does_not_hide_the_others() {
    let root = dir();
    let store = store(&root);
    begin(&store, "zz-first", "2026-11-20T00:00:00Z", Some(Terminal::RolledBack));
    begin(&store, "aa-second", "2026-11-21T00:00:00Z", None);
    begin(&store, "mm-third", "2026-11-22T00:00:00Z", None);
    std::fs::OpenOptions::new()
        .append(true)
        .open(store.run_path(&"mm-third".parse().unwrap()))
        .unwrap()
        .write_all(b"broken\nbroken\n")
        .unwrap();
    let _held = store.open_run(&"aa-second".parse().unwrap(), &operator()).unwrap();
    let runs = store.runs().unwrap();
    let row = |run: &RunSummary| (run.run.to_string(), run.alive, run.ending.as_ref().map(|e| e.terminal));
    assert_eq!(
        runs.iter().map(row).collect::<Vec<_>>(),
        [
            ("mm-third".to_owned(), false, None),
            ("aa-second".to_owned(), true, None),
            ("zz-first".to_owned(), false, Some(Terminal::RolledBack)),
        ]
    );
    assert!(runs[0].trouble.as_ref().unwrap().contains("jsonl:2"), "{:?}", runs[0].trouble);
    assert_eq!((&runs[1].trouble, runs[1].plan_hash.as_ref().map(String::len)), (&None, Some(64)));
    assert_eq!(store.latest().unwrap().unwrap().as_str(), "mm-third");
}

#[test]
fn a_run_is_found_by_a_prefix_over_all_services() {
    let root = dir();
    let (here, mut site) = (store(&root), plan().site);
    site.region = "eu-central-1".into();
    let there = FileStore::new(root.path(), &site);
    begin(&here, "abc-1", "2026-11-20T00:00:00Z", None);
    begin(&here, "abc-12", "2026-11-21T00:00:00Z", None);
    begin(&there, "xyz-1", "2026-11-19T00:00:00Z", None);
    let find = |prefix: &str| FileStore::find(root.path(), prefix).map(|found| (found.store, found.run.to_string()));
    assert_eq!(find("XY").unwrap(), (there, "xyz-1".to_owned()));
    assert_eq!(find("abc-1").unwrap(), (here.clone(), "abc-1".to_owned()), "the whole id beats a longer one");
    let error = find("abc").unwrap_err().to_string();
    assert_eq!(error, "`abc` may be any of abc-12, abc-1: give more of the id");
    let error = find("q").unwrap_err().to_string();
    assert!(error.starts_with("no run begins with `q` under "), "{error}");
    assert_eq!(FileStore::newest(root.path()).unwrap().unwrap().run.as_str(), "abc-12");
    assert_eq!(FileStore::newest(&root.path().join("none")).unwrap(), None);
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let root = dir();
    let records = some_records();
    let store = written(&root, &records[..2]);
    let path = store.run_path(&plan().run);
    let journal = store.open_run(&plan().run, &operator()).unwrap();
    // As after a write that failed half-way and could not be undone at once.
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"v\":1,\"sum").unwrap();
    journal.tail().dirty = true;
    block_on(journal.append(&records[2])).unwrap();
    assert_eq!(store.read(&plan().run).unwrap(), Contents { records: records[..3].to_vec(), torn: None });
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_counts_as_unwritten() {
    let root = dir();
    let store = store(&root);
    let journal = store.open_run(&plan().run, &operator()).unwrap();
    std::os::unix::fs::symlink("/dev/full", store.run_path(&plan().run)).unwrap();
    let error = block_on(journal.append(&some_records()[0])).unwrap_err().to_string();
    assert!(error.starts_with("cannot append to ") && error.contains("free some space there"), "{error}");
    assert_eq!(journal.tail().count, 0);
    std::fs::remove_file(store.run_path(&plan().run)).unwrap();
    block_on(journal.append(&some_records()[0])).unwrap();
    assert_eq!(store.read(&plan().run).unwrap().records.len(), 1);
}
