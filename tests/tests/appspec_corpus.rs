//! Documents in the shapes that people and other tools write, under `appspec/corpus`: each is read, nothing that
//! CodeDeploy knows is lost on the way through, and what is not CodeDeploy's is told.

#![allow(clippy::unwrap_used, reason = "helpers of tests over files of our own")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_core::appspec::{self, Document, Event, Patch, Target, TaskDefinitionRef};
use bluegreen_core::diagnostic::{Report, codes};
use bluegreen_core::document;
use serde_json::Value;

const ARN: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/registered-now:4711";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("appspec/corpus")
}

/// Names and texts of all documents, in order.
fn corpus() -> Vec<(String, String)> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<(String, String)> = entries
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml" || kind == "json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// A document as a release reads it: one whose task definition is somebody's own placeholder is a template.
fn read(name: &str, text: &str) -> Document {
    match appspec::parse(name, text) {
        Ok(document) => document,
        Err(report) => {
            let about: BTreeSet<&str> = report.diagnostics.iter().filter(|d| d.is_error()).map(|d| d.code).collect();
            let revision_only = about.is_subset(&BTreeSet::from([codes::APPSPEC_TASK_DEFINITION, codes::APPSPEC_TYPE]));
            assert!(revision_only, "{report}");
            appspec::parse_template(name, text).unwrap_or_else(|report| panic!("{report}"))
        }
    }
}

/// Every value with the keys down to it, in lower case, and as text: what is left of a document without its spelling.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| walk(value, &format!("{path}/{}", key.to_lowercase()), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| walk(item, &format!("{path}/{i}"), found));
            }
            Value::Null => {}
            Value::String(text) => drop(found.insert(path.to_owned(), text.clone())),
            // `0` and `0.0` are one number.
            other => drop(found.insert(path.to_owned(), other.to_string().trim_end_matches(".0").to_owned())),
        }
    }
    let mut found = BTreeMap::new();
    walk(value, "", &mut found);
    found
}

fn tree(text: &str) -> Value {
    document::parse(text).root.unwrap().to_json()
}

#[test]
fn the_corpus_is_large_and_its_list_is_complete() {
    let documents = corpus();
    assert!(documents.len() >= 25, "only {}", documents.len());
    let list = fs::read_to_string(root().join("README.md")).unwrap();
    for (name, _) in &documents {
        assert!(list.contains(&format!("| `{name}` |")), "{name} is not in README.md");
    }
    assert_eq!(list.matches("\n| `").count(), documents.len(), "README.md lists what is not there");
}

#[test]
fn every_document_round_trips() {
    for (name, text) in corpus() {
        let document = read(&name, &text);
        let normal = [appspec::render_yaml(&document.spec), appspec::render_json(&document.spec)];
        for rendered in &normal {
            let again = appspec::parse(&name, rendered).unwrap_or_else(|report| panic!("{report}\n{rendered}"));
            assert_eq!(again.spec, document.spec, "{name}\n{rendered}");
            let left: Vec<_> = again.warnings.iter().filter(|d| d.code != codes::APPSPEC_HOOK_ORDER).collect();
            assert!(left.is_empty(), "{name}: the normal form has nothing to mind: {left:?}");
        }
        for kept in [document.to_yaml(), document.to_json()] {
            let again = read(&name, &kept);
            assert_eq!((&again.spec, tree(&kept)), (&document.spec, tree(&text)), "{name}\n{kept}");
            let codes = |document: &Document| document.warnings.iter().map(|d| d.code).collect::<BTreeSet<_>>();
            assert_eq!(codes(&again), codes(&document), "{name}");
        }
    }
}

/// What the typed value drops is exactly what was reported as nobody's key.
#[test]
fn nothing_that_codedeploy_knows_is_lost() {
    for (name, text) in corpus() {
        let document = read(&name, &text);
        let told: Vec<String> = document
            .warnings
            .iter()
            .filter(|d| d.code == codes::APPSPEC_KEY)
            .map(|d| d.place.map(|place| text[place.span.start..place.span.end].to_lowercase()).unwrap())
            .collect();
        let normal = leaves(&tree(&appspec::render_json(&document.spec)));
        let placeholder = document.spec.unresolved().is_some();
        for (path, value) in leaves(&tree(&text)) {
            let stranger = path.split('/').any(|key| told.iter().any(|told| told == key));
            let expected = if path.ends_with("/taskdefinition") && placeholder {
                "<TASK_DEFINITION>".into()
            } else {
                value.clone()
            };
            let value = if path == "/version" { "0".to_owned() } else { expected };
            assert!(stranger || normal.get(&path) == Some(&value), "{name}: {path} = {value} is lost:\n{normal:#?}");
            assert!(!stranger || !normal.contains_key(&path), "{name}: {path} is told to be nobody's and is kept");
        }
    }
}

#[test]
fn a_patch_changes_the_revision_and_nothing_else() {
    let mut patched = 0;
    for (name, text) in corpus() {
        let document = read(&name, &text);
        if let Target::Lambda(_) = document.spec.target {
            continue;
        }
        patched += 1;
        let patch = Patch { task_definition: Some(ARN.parse().unwrap()), ..Patch::default() };
        let made = document.patch(&patch).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(made.changes.len(), 1, "{name}: {:?}", made.changes);
        assert_eq!(made.spec, document.spec.clone().with_task_definition(ARN.parse().unwrap()), "{name}");
        for rendered in [made.to_yaml(), made.to_json()] {
            let again = appspec::parse(&name, &rendered).unwrap_or_else(|report| panic!("{report}\n{rendered}"));
            assert_eq!(again.spec, made.spec, "{name}");
            let (before, after) = (leaves(&tree(&text)), leaves(&tree(&rendered)));
            let key = after.keys().find(|path| path.ends_with("/taskdefinition")).unwrap().clone();
            assert_eq!(after[&key], ARN, "{name}");
            let without = |mut all: BTreeMap<String, String>| {
                all.remove(&key);
                all
            };
            assert_eq!(without(before), without(after), "{name}\n{rendered}");
        }
        assert_eq!(appspec::fill(&name, &text, ARN.parse().unwrap()).unwrap(), made.to_json(), "{name}");
    }
    assert!(patched >= 25, "only {patched}");
}

/// Editors on Windows write other line ends, and a mark in front.
#[test]
fn line_ends_and_a_byte_order_mark_make_no_difference() {
    for (name, text) in corpus() {
        let spec = read(&name, &text).spec;
        assert_eq!(read(&name, &text.replace('\n', "\r\n")).spec, spec, "{name}");
        assert_eq!(read(&name, &format!("\u{feff}{text}")).spec, spec, "{name}");
    }
}

/// All shapes that the corpus is there for are in it.
#[test]
fn the_corpus_has_every_part_of_the_format() {
    let documents: Vec<Document> = corpus().iter().map(|(name, text)| read(name, text)).collect();
    let hooks: BTreeSet<Event> = documents.iter().flat_map(|d| d.spec.hooks.iter().map(|hook| hook.event)).collect();
    assert_eq!(hooks.len(), Event::ECS.len());
    let mut partitions = BTreeSet::new();
    let mut parts = BTreeSet::new();
    for document in &documents {
        match &document.spec.target {
            Target::Lambda(_) => drop(parts.insert("function")),
            Target::Ecs(ecs) => {
                if let TaskDefinitionRef::Arn(arn) = &ecs.task_definition {
                    partitions.insert(arn.parts().partition);
                }
                parts.extend(ecs.network.as_ref().map(|_| "network"));
                parts.extend(ecs.platform_version.as_ref().map(|_| "platform"));
                parts.extend((!ecs.capacity_providers.is_empty()).then_some("capacity"));
                parts.extend(document.spec.unresolved().map(|_| "placeholder"));
            }
        }
    }
    assert_eq!(parts.len(), 5, "{parts:?}");
    assert!(partitions.len() >= 4, "{partitions:?}");
}

/// What is said about each document, as a person reads it; `UPDATE_EXPECTED=1` writes it anew.
#[test]
fn what_is_to_be_minded_is_said() {
    let mut said = String::new();
    for (name, text) in corpus() {
        let warnings = read(&name, &text).warnings;
        if !warnings.is_empty() {
            said.push_str(&Report::new(name, text, warnings).render());
            said.push('\n');
        }
    }
    let path = root().join("warnings.expected");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &said).unwrap();
    }
    assert_eq!(said, fs::read_to_string(path).unwrap_or_default());
}
