//! The experiment files under `appspec/`: valid ones are read whole, invalid ones say exactly what is expected of them.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_core::diagnostic::{Diagnostic, Report, codes};
use bluegreen_core::document;
use bluegreen_core::spec::experiment::{Assignment, Experiment, Unit, json_schema, parse};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("appspec")
}

fn files(folder: &str, prefix: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let named =
        yaml.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
    let mut files: Vec<(String, String)> = named.filter(|(name, _)| name.starts_with(prefix)).collect();
    files.sort();
    files
}

fn read(name: &str, text: &str) -> Result<(Experiment, Vec<Diagnostic>), Report> {
    parse(name, text, Some("prod"), &|_| None)
}

/// Compares a checked-in text with what the code makes now; `UPDATE_EXPECTED=1` writes it instead.
fn expect(path: &Path, made: &str) {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(path, made).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(expected, made, "{} (UPDATE_EXPECTED=1 writes it anew)", path.display());
}

#[test]
fn every_invalid_file_says_what_is_expected() {
    let files = files("invalid/experiment", "");
    assert!(files.len() >= 25, "only {} files", files.len());
    for (name, text) in &files {
        let report = read(name, text).err().unwrap_or_else(|| panic!("{name} is valid"));
        let made = report.render();
        let wide = made.lines().find(|line| line.chars().count() > 80 && line.split(' ').count() > 8);
        assert_eq!(wide, None, "{name}: too wide");
        expect(&root().join("invalid/experiment").join(name).with_extension("expected"), &made);
        let codes = text.lines().find_map(|line| line.strip_prefix("# expects ")).unwrap();
        let found: Vec<&str> = report.diagnostics.iter().map(|finding| finding.code).collect();
        for code in codes.split_whitespace() {
            assert!(found.contains(&code), "{name}: expected {code}, found {found:?}");
        }
    }
}

/// A code that no file shows is a code that nobody has read.
#[test]
fn every_code_of_an_experiment_is_shown_by_a_file() {
    let all: String = files("invalid/experiment", "").into_iter().map(|(_, text)| text).collect();
    for known in codes::ALL.iter().filter(|known| known.code.starts_with("BG04")) {
        assert!(all.contains(known.code), "{}", known.code);
    }
}

#[test]
fn examples_reach_the_experiment_whole() {
    let examples = files("examples", "experiment-");
    let read: Vec<Experiment> = examples
        .iter()
        .map(|(name, text)| {
            let (experiment, warnings) = read(name, text).unwrap_or_else(|report| panic!("{report}"));
            assert_eq!(warnings, [], "{name}");
            experiment
        })
        .collect();
    let [cohorts, split] = &read[..] else { panic!("two examples") };
    let names: Vec<&str> = split.design.variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!(names, ["current", "short"], "the control comes first");
    assert_eq!(split.design.assignment, Assignment::Split { sticky: Some(604_800) });
    assert_eq!(split.design.shares(), Some(vec![0.5, 0.5]));
    assert!(matches!(&split.design.unit, Unit::User(custom) if custom.name == "Exposed"));
    assert_eq!(
        split.design.goals.iter().map(|goal| goal.metric.name.as_str()).collect::<Vec<_>>(),
        ["buyers", "returns"]
    );
    assert_eq!((split.design.goals[0].detect, split.design.goals[1].margin), (0.03, 0.02));
    assert_eq!(split.design.planned_blocks, 14 * 1440);
    assert!(matches!(&cohorts.design.assignment, Assignment::Cohorts(all) if all.len() == 3));
    assert_eq!((cohorts.design.shares(), &cohorts.design.unit), (None, &Unit::Request));
    assert_eq!(cohorts.design.guardrails.len(), 1, "errors are watched where nothing is said");
}

#[test]
fn the_schema_is_current_and_takes_the_examples() {
    let schema = json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    expect(&root().join("schema/experiment.schema.json"), &text);
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (name, text) in files("examples", "experiment-") {
        let value = document::parse(&text).root.unwrap().to_json();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
    }
    assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
}
