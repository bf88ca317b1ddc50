//! The spec files under `appspec/`: valid ones are read whole, invalid ones say exactly what is expected of them.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_core::diagnostic::Report;
use bluegreen_core::model::{Percent, Step};
use bluegreen_core::{document, spec};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("appspec")
}

fn files(folder: &str, prefix: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    files.sort();
    files
}

fn examples() -> Vec<(String, String)> {
    let examples = files("examples", "bluegreen-");
    assert!(examples.len() >= 3);
    examples
}

/// The environment that all files of this test are read in.
fn variable(name: &str) -> Option<String> {
    match name {
        "IMAGE" => Some("111122223333.dkr.ecr.eu-west-3.amazonaws.com/frontend:1.4.2".to_owned()),
        "SECRET" => Some("hunter2-hunter2".to_owned()),
        _ => None,
    }
}

/// The environment's name stands in the file's first line where it is not `prod`.
fn environment(text: &str) -> Option<&str> {
    match text.lines().next()?.strip_prefix("# --environment ") {
        Some("none") => None,
        Some(name) => Some(name),
        None => Some("prod"),
    }
}

fn read(name: &str, text: &str) -> Result<(spec::Spec, Vec<bluegreen_core::diagnostic::Diagnostic>), Report> {
    spec::parse(name, text, environment(text), &variable)
}

/// Compares a checked-in text with what the code makes now; `UPDATE_EXPECTED=1` writes it instead.
fn expect(path: &Path, made: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(path, made).unwrap();
        return Ok(());
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == made {
        return Ok(());
    }
    let same = expected.lines().zip(made.lines()).take_while(|(one, other)| one == other).count();
    let from = |text: &str| text.lines().skip(same).take(12).collect::<Vec<_>>().join("\n");
    Err(format!(
        "{} differs from line {} on; expected:\n{}\nfound:\n{}\n(UPDATE_EXPECTED=1 writes it anew)",
        path.display(),
        same + 1,
        from(&expected),
        from(made)
    ))
}

#[test]
fn every_invalid_file_says_what_is_expected() {
    let files = files("invalid/spec", "");
    assert!(files.len() >= 36, "only {} invalid files", files.len());
    let mut failures = Vec::new();
    for (name, text) in &files {
        let made = match read(name, text) {
            Err(report) => report.render(),
            Ok((_, warnings)) => {
                assert!(name.starts_with("warn-"), "{name} is valid");
                assert!(!warnings.is_empty(), "{name} has no warning");
                Report::new(name, text, warnings).render()
            }
        };
        assert!(!made.contains("hunter2"), "{name} shows a variable's value:\n{made}");
        let wide = made.lines().find(|line| line.chars().count() > 80 && line.split(' ').count() > 8);
        assert_eq!(wide, None, "{name}: too wide");
        failures.extend(expect(&root().join("invalid/spec").join(name).with_extension("expected"), &made).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_invalid_file_yields_the_code_that_it_is_about() {
    for (name, text) in files("invalid/spec", "") {
        let code =
            text.lines().find_map(|line| line.strip_prefix("# expects ")).unwrap_or_else(|| panic!("{name}: no code"));
        let found: Vec<&str> = match read(&name, &text) {
            Err(report) => report.diagnostics.iter().map(|finding| finding.code).collect(),
            Ok((_, warnings)) => warnings.iter().map(|finding| finding.code).collect(),
        };
        for code in code.split_whitespace() {
            assert!(found.contains(&code), "{name}: expected {code}, found {found:?}");
        }
    }
}

/// A code that no file shows is a code that nobody has read.
#[test]
fn every_code_of_a_spec_is_shown_by_a_file() {
    let all: String = files("invalid/spec", "").into_iter().map(|(_, text)| text).collect();
    let shown =
        |code: &str| all.lines().filter_map(|line| line.strip_prefix("# expects ")).any(|line| line.contains(code));
    let spec = bluegreen_core::diagnostic::codes::ALL.iter().map(|code| code.code).filter(|code| *code < "BG0200");
    // Files of a megabyte or of twenty thousand values are made by the tests of `document`, and bytes that are no text
    // never come as far as a spec.
    let elsewhere = ["BG0003", "BG0012", "BG0022"];
    let missing: Vec<&str> = spec.filter(|code| !shown(code) && !elsewhere.contains(code)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn examples_are_valid_and_end_with_a_bake() {
    for (name, text) in examples() {
        let (spec, warnings) = read(&name, &text).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(warnings, [], "{name}");
        let end = &spec.steps[spec.steps.len() - 2..];
        assert!(matches!(end, [Step::SetWeight(Percent::FULL), Step::Bake(_)]), "{name}");
        assert!(spec.alarms.len() >= 2);
        if let spec::Release::Register { file, .. } = &spec.release {
            let text = fs::read_to_string(root().join("examples").join(file)).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }
}

#[test]
fn the_schema_is_current_and_takes_the_examples() {
    let schema = spec::json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    expect(&root().join("schema/bluegreen.schema.json"), &text).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (name, text) in examples() {
        let value = document::parse(&text).root.unwrap().to_json();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
    }
    // An editor must not mark as wrong what only warns, nor pass what lacks its required keys.
    for (name, text) in files("invalid/spec", "warn-") {
        assert!(validator.is_valid(&document::parse(&text).root.unwrap().to_json()), "{name}");
    }
    assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
}

/// Every place in an example where a mapping's key stands, as ranges of bytes.
fn keys(node: &document::Node, found: &mut Vec<std::ops::Range<usize>>) {
    for (key, value) in node.entries().unwrap_or_default() {
        found.push(key.place.span.start..key.place.span.end);
        keys(value, found);
    }
    node.items().unwrap_or_default().iter().for_each(|item| keys(item, found));
}

#[test]
fn a_key_with_one_wrong_letter_is_an_error() {
    // The user's own names: a letter more in one of them is another name.
    let own = ["prod", "beta", "frontend", "api", "log-router", "Version", "added", "kept"];
    let validator = jsonschema::draft202012::new(&spec::json_schema()).unwrap();
    let mut tried = 0;
    for (name, text) in examples() {
        let mut places = Vec::new();
        keys(&document::parse(&text).root.unwrap(), &mut places);
        for place in places.into_iter().filter(|place| !own.contains(&&text[place.clone()])) {
            let key = text[place.clone()].to_owned();
            let (first, rest) = key.split_at(1);
            let (start, last) = key.split_at(key.len() - 1);
            let doubled = format!("{key}{last}");
            let upper = format!("{}{rest}", first.to_uppercase());
            let wrong = [rest.to_owned(), start.to_owned(), doubled, format!("{start}q"), upper, format!("x{key}")];
            for wrong in wrong.into_iter().filter(|wrong| *wrong != key) {
                let mut changed = text.clone();
                changed.replace_range(place.clone(), &wrong);
                let report =
                    read(&name, &changed).err().unwrap_or_else(|| panic!("{name}: `{wrong}` for `{key}` is taken"));
                assert!(report.has_errors());
                tried += 1;
                // The letter less can make the key of its neighbour: as JSON, one of the two is lost.
                if report.diagnostics.iter().any(|finding| finding.code == "BG0002") {
                    continue;
                }
                let value = document::parse(&changed).root.unwrap().to_json();
                assert!(!validator.is_valid(&value), "{name}: the schema takes `{wrong}` for `{key}`");
            }
        }
    }
    assert!(tried > 300, "only {tried} changes were tried");
}
