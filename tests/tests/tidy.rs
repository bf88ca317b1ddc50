//! The structure's own tests: budgets, arrows, and words that do not belong here.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CODE_LINES_MAX: usize = 480;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rust_files(below: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(below), &mut found);
    found.sort();
    found
}

/// The code of a file without its inline tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].to_owned()
}

fn is_test_code(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

fn library_files() -> Vec<PathBuf> {
    rust_files("crates").into_iter().filter(|path| !is_test_code(path)).collect()
}

#[test]
fn files_stay_within_their_budget() {
    let too_long: Vec<String> = library_files()
        .iter()
        .map(|path| (path, code(path).lines().count()))
        .filter(|(_, lines)| *lines > CODE_LINES_MAX)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(too_long.is_empty(), "split these: {too_long:#?}");
}

#[test]
fn the_sdk_stays_behind_its_adapters() {
    let core = root().join("crates/bluegreen-core/src");
    let sandbox = root().join("crates/bluegreen-sandbox/src");
    // The sandbox takes the protocols' encoders and the SDK's connector trait, and no service client.
    let adapters = [core.join("aws"), sandbox.join("wire"), sandbox.join("fronts")];
    let outside: Vec<PathBuf> = library_files()
        .into_iter()
        .filter(|path| !adapters.iter().any(|place| path.starts_with(place)) && *path != core.join("aws.rs"))
        .filter(|path| {
            let text = code(path);
            let code_lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            code_lines
                .clone()
                .any(|line| line.contains("aws_sdk_") || line.contains("aws_config") || line.contains("aws_smithy"))
        })
        .collect();
    assert!(outside.is_empty(), "the AWS SDK is used outside its adapters: {outside:#?}");
}

#[test]
fn clocks_stay_in_drive() {
    let core = root().join("crates/bluegreen-core/src");
    // Hooks have a timeout on a process: that is time of the machine, not of the release.
    let allowed = [core.join("drive"), core.join("hooks.rs"), core.join("hooks")];
    let outside: Vec<PathBuf> = rust_files("crates/bluegreen-core/src")
        .into_iter()
        .filter(|path| !is_test_code(path) && !allowed.iter().any(|place| path.starts_with(place)))
        .filter(|path| code(path).contains("tokio::time"))
        .collect();
    assert!(outside.is_empty(), "tokio's clock is used outside drive/: {outside:#?}");
}

#[test]
fn decisions_do_not_wait_or_call() {
    for path in rust_files("crates/bluegreen-core/src/decide") {
        let text = code(&path);
        for word in ["async ", ".await", "tokio", "std::fs", "std::env"] {
            assert!(!text.contains(word), "{} has `{word}`: decisions are pure", path.display());
        }
    }
}

#[test]
fn one_tls_stack() {
    let metadata =
        cargo_metadata::MetadataCommand::new().current_dir(root()).other_options(vec!["--locked".into()]).exec();
    let packages = metadata.unwrap().packages;
    let second: Vec<String> = packages
        .iter()
        .filter(|package| {
            let old = |name: &str, major: u64, minor: u64| {
                package.name.as_str() == name && package.version.major == major && package.version.minor == minor
            };
            old("hyper", 0, 14) || old("rustls", 0, 21)
        })
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    assert!(second.is_empty(), "an AWS crate was added with its default features: {second:?}");
}

#[test]
fn arrows_between_crates_point_one_way() {
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(root()).no_deps().exec().unwrap();
    let allowed: [(&str, &[&str]); 5] = [
        ("bluegreen-core", &[]),
        ("bluegreen-sandbox", &["bluegreen-core"]),
        ("bluegreen-cli", &["bluegreen-core", "bluegreen-sandbox"]),
        ("bluegreen-measure", &["bluegreen-core"]),
        ("bluegreen-tests", &["bluegreen-core", "bluegreen-sandbox", "bluegreen-cli"]),
    ];
    for package in &metadata.packages {
        let (_, may) =
            allowed.iter().find(|(name, _)| package.name.as_str() == *name).expect("a crate that is named here");
        let ours = package.dependencies.iter().filter(|dependency| dependency.name.starts_with("bluegreen-"));
        for dependency in ours {
            assert!(may.contains(&dependency.name.as_str()), "{} must not depend on {}", package.name, dependency.name);
            let bare = package.name.as_str() == "bluegreen-sandbox";
            assert!(!bare || !dependency.uses_default_features, "the sandbox takes core without its AWS adapters");
        }
    }
}

#[test]
fn the_architecture_names_every_module_of_core() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let src = root().join("crates/bluegreen-core/src");
    let modules: BTreeSet<String> = fs::read_dir(src)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("lib.rs"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let table = text.split_once("## Modules of").unwrap().1;
    let named: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(modules, named, "ARCHITECTURE.md's table of modules and core's src/ differ");
}

#[test]
fn nothing_is_left_undone_or_ignored() {
    let mut found = Vec::new();
    for path in rust_files("crates").into_iter().chain(rust_files("tests")) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for word in ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "Not written yet"] {
            if text.contains(word) {
                found.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_shell_runs_what_users_write() {
    for path in library_files() {
        let text = code(&path);
        assert!(!text.contains("\"sh\", \"-c\"") && !text.contains("\"-c\""), "{} starts a shell", path.display());
    }
}
