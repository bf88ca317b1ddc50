//! Documentation that is generated stays what the program says; links lead somewhere.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Compares a checked-in file with what the program generates; `UPDATE_EXPECTED=1` rewrites it.
fn same_as_file(file: &str, generated: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, generated).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == generated, "{file} is out of date: run the tests once with UPDATE_EXPECTED=1");
}

#[test]
fn the_reference_of_the_spec_is_generated() {
    same_as_file("docs/reference/spec.md", &bluegreen_core::spec::reference_markdown());
}

#[test]
fn the_table_of_engines_is_generated() {
    same_as_file("docs/reference/engines.md", &bluegreen_core::plan::engines_markdown());
}

#[test]
fn every_code_of_a_finding_in_a_file_is_listed() {
    let mut text = "# Findings in files\n\n| code | meaning |\n|---|---|\n".to_owned();
    for known in bluegreen_core::diagnostic::codes::ALL {
        text += &format!("| {} | {} |\n", known.code, known.explanation);
    }
    same_as_file("docs/reference/findings.md", &text);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for folder in ["", "docs", "docs/guide", "docs/reference", "docs/internals", "docs/adr"] {
        let folder = root().join(folder);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = target.split('#').next().unwrap();
                if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                    broken.push(format!("{}: {target}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_finding_of_the_preflight_is_listed() {
    fn codes(folder: &Path, found: &mut std::collections::BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.extend(text.split("\"BG3").skip(1).map(|rest| format!("BG3{}", &rest[..3])));
            }
        }
    }
    let mut used = std::collections::BTreeSet::new();
    codes(&root().join("crates/bluegreen-core/src/plan"), &mut used);
    codes(&root().join("crates/bluegreen-cli/src"), &mut used);
    let page = fs::read_to_string(root().join("docs/reference/preflight.md")).unwrap();
    let listed = page.lines().filter_map(|line| line.strip_prefix("| BG3")).map(|rest| format!("BG3{}", &rest[..3]));
    assert_eq!(used, listed.collect());
}
