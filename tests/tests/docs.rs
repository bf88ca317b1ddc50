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
fn the_reference_of_experiments_is_generated() {
    same_as_file("docs/reference/experiment.md", &bluegreen_core::spec::experiment::reference_markdown());
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

/// The codes in the sources of a folder that begin with `family`, a digit less than whole.
fn codes(folder: &Path, family: &str, found: &mut std::collections::BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes(&path, family, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.extend(
                text.split(&format!("\"{family}")).skip(1).map(|rest| format!("{family}{}", &rest[..6 - family.len()])),
            );
        }
    }
}

/// The codes of `family` in the first column of a page's tables.
fn listed(page: &str, family: &str) -> std::collections::BTreeSet<String> {
    let page = fs::read_to_string(root().join(page)).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).filter(|row| row.starts_with(family));
    rows.map(|row| row[..6].to_owned()).collect()
}

#[test]
fn every_finding_of_an_experiment_is_listed() {
    let mut used = std::collections::BTreeSet::new();
    codes(&root().join("crates/bluegreen-core/src/experiment"), "BG41", &mut used);
    codes(&root().join("crates/bluegreen-cli/src"), "BG41", &mut used);
    assert_eq!(used, listed("docs/guide/experiments.md", "BG41"));
}

#[test]
fn every_finding_of_the_preflight_is_listed() {
    let mut used = std::collections::BTreeSet::new();
    codes(&root().join("crates/bluegreen-core/src/plan"), "BG3", &mut used);
    codes(&root().join("crates/bluegreen-cli/src"), "BG3", &mut used);
    assert_eq!(used, listed("docs/reference/preflight.md", "BG3"));
}
