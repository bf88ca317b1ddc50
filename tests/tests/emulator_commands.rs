//! The commands around a release, with the real binary on the emulator: signals, orders from a second terminal, plans
//! in files, and the way back to the version before.

use std::io::Read;
use std::process::{Command, Stdio};

use bluegreen_tests::emulator::{Emulator, Finished, Operator, Outcome, Release, Spec, Trouble, World};
use serde_json::Value;

const JSON: [&str; 3] = ["--insecure-endpoint", "--output", "json"];

/// A release that holds for a minute at 10 %, so that there is time to do something to it.
fn slow() -> Spec {
    Spec { weights: vec![10, 100], pause: "60s", ..Spec::brisk() }
}

fn run(release: &Release, arguments: &[&str]) -> Outcome<Finished> {
    release.start(arguments)?.finish()
}

fn with_json(arguments: &[&str]) -> Vec<String> {
    arguments.iter().chain(&JSON).map(|argument| (*argument).to_owned()).collect()
}

fn aws(release: &Release, arguments: &[&str]) -> Outcome<Finished> {
    let all = with_json(arguments);
    run(release, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Starts a release and waits until it holds at 10 %.
fn holding(release: &Release) -> Outcome<Operator> {
    let mut operator = release.deploy()?;
    operator.wait_for("the hold at 10 %", |line| {
        line["type"] == "waiting" && line["why"].as_str().is_some_and(|why| why.contains("hold"))
    })?;
    Ok(operator)
}

fn signal(operator: &Operator, name: &str) -> Outcome<()> {
    let status = Command::new("kill").args(["-s", name, &operator.pid().to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(Trouble::new(format!("kill -s {name}: {other:?}"))),
    }
}

fn assert_code(finished: &Finished, code: i32) {
    assert_eq!(finished.code, Some(code), "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

fn green_weight(world: &World) -> Outcome<Option<u64>> {
    Ok(world.look()?.weight(world.rule(), "green"))
}

#[test]
fn an_interrupt_leaves_the_weights_and_resume_goes_on() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &slow())?;
    for name in ["INT", "TERM"] {
        let operator = if name == "INT" {
            holding(&release)?
        } else {
            let mut again = release.start(&["resume", "--insecure-endpoint", "--output", "json"])?;
            again.wait_for("the hold again", |line| line["type"] == "waiting")?;
            again
        };
        signal(&operator, name)?;
        let left = operator.finish()?;
        assert_code(&left, 6);
        assert!(left.output().contains("bluegreen resume") || left.output().contains("\"interrupted\""));
        assert_eq!(green_weight(&world)?, Some(10), "SIG{name} leaves the weights where they are");
    }
    assert_code(&run(&release, &["status"])?, 6);
    let refused = release.deploy()?.finish()?;
    assert_code(&refused, 3);
    assert!(refused.output().contains("is not over"), "{}", refused.output());
    assert_code(&run(&release, &["promote", "--full"])?, 0);
    assert_code(&aws(&release, &["resume"])?, 0);
    assert_eq!(green_weight(&world)?, Some(100));
    assert_code(&run(&release, &["status"])?, 0);
    Ok(())
}

#[test]
fn orders_from_a_second_terminal_reach_the_operator() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &slow())?;
    let before = world.look()?;
    let operator = holding(&release)?;
    let busy = release.deploy()?.finish()?;
    assert_code(&busy, 8);
    assert!(busy.output().contains(&operator.pid().to_string()), "it names the owner:\n{}", busy.output());
    assert_code(&run(&release, &["resume"])?, 8);
    assert_code(&run(&release, &["pause"])?, 0);
    assert_code(&run(&release, &["abort"])?, 0);
    assert_code(&operator.finish()?, 4);
    assert_eq!(world.look()?.rules(), before.rules());
    assert_code(&run(&release, &["status"])?, 4);
    assert_code(&run(&release, &["undo", "--yes"])?, 3);
    Ok(())
}

#[test]
fn abort_takes_over_where_no_operator_is_left() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &slow())?;
    let before = world.look()?;
    let operator = holding(&release)?;
    signal(&operator, "KILL")?;
    operator.finish()?;
    assert_eq!(green_weight(&world)?, Some(10));
    assert_code(&aws(&release, &["abort"])?, 4);
    assert_eq!(world.look()?.rules(), before.rules());
    Ok(())
}

#[test]
fn a_plan_in_a_file_is_run_exactly_and_once() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec { weights: vec![10, 100], ..Spec::brisk() })?;
    assert_code(&aws(&release, &["plan", "--out", "plan.json"])?, 0);
    assert!(emulator.mutations()?.is_empty(), "a plan writes nothing");
    assert_code(&aws(&release, &["plan", "--out", "late.json"])?, 0);
    // What the spec says by now does not matter to a plan that exists.
    release.write("bluegreen.yaml", "nothing of use")?;
    let deployed = aws(&release, &["deploy", "--yes", "--plan", "plan.json"])?;
    assert_code(&deployed, 0);
    let saved =
        std::fs::read_to_string(release.path().join("plan.json")).map_err(|why| Trouble::new(why.to_string()))?;
    let saved: Value = serde_json::from_str(&saved).map_err(|why| Trouble::new(why.to_string()))?;
    assert_eq!(deployed.run().as_deref(), saved["plan"]["run"].as_str());
    assert_eq!(deployed.events()[0]["body"]["started"]["hash"], saved["hash"]);
    let again = aws(&release, &["deploy", "--yes", "--plan", "plan.json"])?;
    assert_code(&again, 3);
    // The other plan was made for a world in which blue served.
    let late = aws(&release, &["deploy", "--yes", "--plan", "late.json"])?;
    assert_code(&late, 3);
    assert!(late.output().contains("no longer as it was"), "{}", late.output());
    Ok(())
}

#[test]
fn undo_releases_the_version_that_was_stable_before() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec { weights: vec![50, 100], ..Spec::brisk() })?;
    let old = world.look()?.service("frontend-blue")["taskDefinition"].clone();
    assert_code(&release.deploy()?.finish()?, 0);
    assert_eq!(green_weight(&world)?, Some(100));
    assert_code(&aws(&release, &["undo", "--dry-run"])?, 0);
    assert_eq!(green_weight(&world)?, Some(100), "a dry run changes nothing");
    assert_code(&aws(&release, &["undo", "--yes"])?, 0);
    let now = world.settled()?;
    assert_eq!(now.weight(world.rule(), "blue"), Some(100));
    assert_eq!(now.service("frontend-blue")["taskDefinition"], old, "the very revision, not a copy of it");
    assert_eq!(now.revisions().len(), 2, "nothing was registered for it");
    Ok(())
}

#[test]
fn a_retry_releases_the_registered_revision() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &slow())?;
    let operator = holding(&release)?;
    assert_code(&run(&release, &["abort"])?, 0);
    assert_code(&operator.finish()?, 4);
    let mut again = release.start(&["retry", "--yes", "--insecure-endpoint", "--output", "json"])?;
    again.wait_for("the hold at 10 %", |line| {
        line["type"] == "waiting" && line["why"].as_str().is_some_and(|why| why.contains("hold"))
    })?;
    assert_code(&run(&release, &["promote"])?, 0);
    assert_code(&again.finish()?, 0);
    assert_eq!(world.settled()?.revisions().len(), 2, "one new revision for both runs");
    Ok(())
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_release() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec { weights: vec![10, 100], ..Spec::brisk() })?;
    let mut command = release.command(&["deploy", "--yes", "--insecure-endpoint", "--output", "json"])?;
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|why| Trouble::new(why.to_string()))?;
    let mut first = [0_u8; 1];
    if let (Some(mut stdout), stderr) = (child.stdout.take(), child.stderr.take()) {
        stdout.read_exact(&mut first).map_err(|why| Trouble::new(why.to_string()))?;
        drop((stdout, stderr));
    }
    let status = child.wait().map_err(|why| Trouble::new(why.to_string()))?;
    assert_eq!(status.code(), Some(0));
    assert_eq!(green_weight(&world)?, Some(100));
    Ok(())
}

#[test]
fn a_second_terminal_sees_what_the_operator_sees() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &slow())?;
    let operator = holding(&release)?;
    let mut watcher = release.start(&["status", "--watch", "--output", "json"])?;
    let looked = watcher.wait_for("a look", |line| line["type"] == "looked")?;
    assert_eq!(looked["look"]["configured"][0][1], 100_000, "{looked}");
    watcher.wait_for("the wait", |line| line["type"] == "waiting")?;
    assert_code(&run(&release, &["abort"])?, 0);
    assert_code(&operator.finish()?, 4);
    assert_code(&watcher.finish()?, 4);
    Ok(())
}

#[test]
fn nothing_begins_without_a_journal_or_beside_a_damaged_one() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&[])?;
    let release = Release::new(&world, &Spec { weights: vec![50, 100], ..Spec::brisk() })?;
    let nowhere = aws(&release, &["deploy", "--yes", "--state", "/proc/nowhere"])?;
    assert_code(&nowhere, 1);
    assert!(nowhere.output().contains("cannot begin; nothing was changed"), "{}", nowhere.output());
    assert!(emulator.mutations()?.is_empty());
    let state = release.path().join("journals");
    let place = state.display().to_string();
    let first = aws(&release, &["deploy", "--yes", "--state", &place])?;
    assert_code(&first, 0);
    let before = emulator.mutations()?.len();
    let journal = find_journal(&state).ok_or_else(|| Trouble::new("no journal".to_owned()))?;
    let text = std::fs::read_to_string(&journal).map_err(|why| Trouble::new(why.to_string()))?;
    std::fs::write(&journal, text.replacen("outcome", "outcame", 1)).map_err(|why| Trouble::new(why.to_string()))?;
    let refused = aws(&release, &["deploy", "--yes", "--state", &place])?;
    assert_code(&refused, 3);
    assert!(refused.output().contains("may not be over"), "{}", refused.output());
    assert_eq!(emulator.mutations()?.len(), before);
    Ok(())
}

/// The first journal below `folder`; what was seen over a run lies beside it and is none.
fn find_journal(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_journal = |path: &&std::path::PathBuf| {
        let of_looks = path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains('.'));
        path.extension().is_some_and(|found| found == "jsonl") && !of_looks
    };
    let file = entries.iter().find(is_journal).cloned();
    file.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find_journal(path)))
}
