//! Every help page, compared with a checked-in text: a changed option is a change that somebody wanted.
//!
//! `UPDATE_HELP=1 cargo test -p bluegreen-cli --test cli help` writes them anew.

use std::path::PathBuf;

use crate::support::bluegreen;

const PAGES: [&str; 38] = [
    "",
    "verify",
    "plan",
    "deploy",
    "status",
    "promote",
    "pause",
    "abort",
    "resume",
    "retry",
    "undo",
    "explain",
    "replay",
    "report",
    "appspec",
    "appspec new",
    "appspec build",
    "appspec patch",
    "appspec validate",
    "appspec show",
    "appspec deploy",
    "experiment",
    "experiment start",
    "experiment status",
    "experiment stop",
    "experiment promote",
    "pipeline",
    "pipeline codebuild",
    "hook",
    "migrate",
    "demo",
    "sandbox",
    "sandbox run",
    "simulate",
    "judge",
    "schema",
    "completions",
    "man",
];

fn file(page: &str) -> PathBuf {
    let name = if page.is_empty() { "bluegreen".to_owned() } else { page.replace(' ', "-") };
    [env!("CARGO_MANIFEST_DIR"), "tests", "help", &format!("{name}.txt")].iter().collect()
}

fn written_down(page: &str) -> String {
    std::fs::read_to_string(file(page)).unwrap_or_default()
}

#[test]
fn help_pages_are_as_written_down() {
    let update = std::env::var_os("UPDATE_HELP").is_some();
    for page in PAGES {
        let mut arguments: Vec<&str> = page.split_whitespace().collect();
        arguments.push("--help");
        let ended = bluegreen(&arguments);
        assert_eq!(ended.code, 0, "{page}: {}", ended.stderr);
        assert_eq!(ended.stderr, "", "help is data");
        for line in ended.stdout.lines() {
            assert!(line.chars().count() <= 80, "{page}: {line}");
        }
        if update {
            std::fs::write(file(page), &ended.stdout).unwrap();
        }
        assert_eq!(ended.stdout, written_down(page), "the help of `{page}` changed: UPDATE_HELP=1 writes it anew");
    }
}

#[test]
fn every_command_has_its_page_here() {
    let all = bluegreen(&["--help"]).stdout;
    let commands = all.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        assert!(name == "help" || PAGES.contains(&name), "{name} has no page");
    }
}
