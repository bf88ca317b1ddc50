//! The AppSpec documents, task definitions and image files under `appspec/`: valid ones are read whole, invalid ones say
//! exactly what is expected of them.

#![allow(
    clippy::unwrap_used,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "helpers of tests over files of our own"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_core::appspec::{self, Target, TaskDefinitionRef};
use bluegreen_core::diagnostic::{Report, codes};
use bluegreen_core::taskdef::{self, TaskDefinition};

const INVALID: &str = "invalid/appspec";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("appspec")
}

fn text(folder: &str, name: &str) -> String {
    fs::read_to_string(root().join(folder).join(name)).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"))
}

/// Names and texts of a folder's documents, in order.
fn files(folder: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names
        .retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml" || extension == "json"));
    names.sort();
    names.into_iter().map(|name| (text(folder, &name), name)).map(|(text, name)| (name, text)).collect()
}

fn task(name: &str) -> TaskDefinition {
    TaskDefinition::parse(name, &text("examples", name)).unwrap_or_else(|report| panic!("{report}"))
}

/// Every finding about a document whose kind its name tells. `# against FILE` names the task definition to compare with.
fn findings(name: &str, text: &str) -> Report {
    let valid = || Report::new(name, text, Vec::new());
    if name.starts_with("taskdef-") {
        return TaskDefinition::parse(name, text).map_or_else(|report| report, |_| valid());
    }
    if name.starts_with("imagedetail-") {
        return taskdef::parse_image_detail(name, text).map_or_else(|report| report, |_| valid());
    }
    if name.starts_with("imagedefinitions-") {
        return taskdef::parse_image_definitions(name, text).map_or_else(|report| report, |_| valid());
    }
    match appspec::parse(name, text) {
        Err(report) => report,
        Ok(document) => {
            let against = text.lines().find_map(|line| line.strip_prefix("# against "));
            let mut findings = document.warnings.clone();
            findings.extend(against.map(|file| document.validate_against(&task(file))).unwrap_or_default());
            Report::new(name, text, findings)
        }
    }
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
    Err(format!("{}\n--- expected\n{expected}\n--- found\n{made}\n(UPDATE_EXPECTED=1 writes it anew)", path.display()))
}

#[test]
fn every_invalid_document_says_what_is_expected() {
    let files = files(INVALID);
    assert!(files.len() >= 80, "only {} invalid documents", files.len());
    let mut failures = Vec::new();
    for (name, text) in &files {
        let report = findings(name, text);
        assert!(!report.diagnostics.is_empty(), "{name} is valid");
        assert_eq!(report.has_errors(), !name.starts_with("warn-"), "{name}");
        let made = report.render();
        assert!(!made.contains("hunter2"), "{name} shows a secret:\n{made}");
        let wide = made.lines().find(|line| line.chars().count() > 80 && line.split(' ').count() > 8);
        assert_eq!(wide, None, "{name}: too wide");
        failures.extend(expect(&root().join(INVALID).join(name).with_extension("expected"), &made).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What a file is about is written in it, so that rewriting the expected texts cannot lose it.
#[test]
fn every_invalid_document_yields_the_code_that_it_is_about() {
    for (name, text) in files(INVALID).into_iter().filter(|(name, _)| name.ends_with(".yaml")) {
        let expected = text.lines().find_map(|line| line.strip_prefix("# expects "));
        let found: Vec<&str> = findings(&name, &text).diagnostics.iter().map(|finding| finding.code).collect();
        for code in expected.unwrap_or_else(|| panic!("{name}: no code")).split(' ') {
            assert!(found.contains(&code), "{name}: expected {code}, found {found:?}");
        }
    }
}

/// No expected text may outlive its document, nor a document and its text part company.
#[test]
fn expected_texts_and_documents_come_in_pairs() {
    let stem = |name: &str| Path::new(name).file_stem().unwrap().to_str().unwrap().to_owned();
    let documents: Vec<String> = files(INVALID).iter().map(|(name, _)| stem(name)).collect();
    let entries = fs::read_dir(root().join(INVALID)).unwrap().map(|entry| entry.unwrap().path());
    let mut texts: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "expected"))
        .map(|path| stem(path.to_str().unwrap()))
        .collect();
    texts.sort();
    let mut sorted = documents;
    sorted.sort();
    assert_eq!(texts, sorted);
}

/// A code that no file shows is a code whose text nobody has read.
#[test]
fn every_code_of_these_files_is_shown_by_one() {
    let shown: String = files(INVALID).iter().map(|(name, text)| findings(name, text).render()).collect();
    let ours = codes::ALL.iter().map(|code| code.code).filter(|code| ("BG0200".."BG0400").contains(code));
    // Documents with hundreds of mistakes are made below.
    let ours = ours.filter(|code| *code != codes::TOO_MANY_FINDINGS);
    let missing: Vec<&str> = ours.filter(|code| !shown.contains(&format!("[{code}]"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn example_documents_are_valid_and_survive_rendering() {
    let examples: Vec<_> = files("examples").into_iter().filter(|(name, _)| name.starts_with("appspec-")).collect();
    assert!(examples.len() >= 5);
    for (name, text) in examples {
        let document = appspec::parse(&name, &text).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(document.warnings, [], "{name}");
        for rendered in [appspec::render_yaml(&document.spec), appspec::render_json(&document.spec)] {
            let again = appspec::parse(&name, &rendered).unwrap_or_else(|report| panic!("{report}"));
            assert_eq!(again.spec, document.spec, "{name}");
            assert_eq!(appspec::sha256(&rendered).len(), 64);
        }
        if let Target::Ecs(_) = document.spec.target {
            let family = if name.contains("ec2") { "ec2-taskdef.json" } else { "pipeline-taskdef.json" };
            assert_eq!(document.validate_against(&task(family)), [], "{name}");
        }
    }
}

/// The files of a pipeline, put together as its blue/green action does.
#[test]
fn a_pipeline_fills_in_its_placeholders() {
    let detail = taskdef::parse_image_detail("imageDetail.json", &text("examples", "imageDetail.json")).unwrap();
    let image = detail.pinned().unwrap();
    assert!(!image.is_mutable_tag());
    let template = task("pipeline-taskdef.json");
    assert!(template.to_register_request().is_err(), "an unresolved placeholder is never registered");
    let values = BTreeMap::from([("IMAGE1_NAME".to_owned(), image.to_string())]);
    let request = template.resolve(&values).unwrap().to_register_request().unwrap();
    assert_eq!(request["containerDefinitions"][0]["image"], image.as_str());

    let document = appspec::parse("appspec-pipeline.yaml", &text("examples", "appspec-pipeline.yaml")).unwrap();
    assert_eq!(document.spec.unresolved(), Some("<TASK_DEFINITION>"));
    let arn = "arn:aws:ecs:eu-west-3:111122223333:task-definition/frontend:43";
    let spec = document.spec.with_task_definition(arn.parse().unwrap());
    let Target::Ecs(ecs) = &spec.target else { panic!("not ECS") };
    assert_eq!(ecs.task_definition, TaskDefinitionRef::Arn(arn.parse().unwrap()));
    assert!(appspec::render_yaml(&spec).contains(&format!("TaskDefinition: {arn}\n")));

    let images = taskdef::parse_image_definitions("f", &text("examples", "imagedefinitions.json")).unwrap();
    let rolled = template.with_images(&images).unwrap();
    assert_eq!(rolled.containers()[0].image, images["frontend"]);
}

/// A thousand sound documents, and two that are as large and as wrong as documents can be: neither the number of findings
/// nor a line that holds the whole file may make the work grow with the square of the text.
#[test]
fn a_thousand_documents_are_checked_in_one_go() {
    let (name, good) = ("appspec-ecs-fargate.yaml", text("examples", "appspec-ecs-fargate.yaml"));
    let task = task("taskdef.json");
    for i in 0..1000 {
        let copy = good.replace("frontend:42", &format!("frontend:{}", i + 1));
        let document = appspec::parse(name, &copy).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(document.validate_against(&task), []);
    }
    // Documents of the largest size that is read, full of findings.
    let hooks = "  - BeforeInstal: x\n".repeat(6_000);
    let report = appspec::parse(name, &format!("{good}{hooks}")).unwrap_err();
    assert_eq!(report.diagnostics.len(), 201, "one of them says that there are more");
    let containers = "{\"name\": \"a b\", \"image\": \"A\"},".repeat(9_000);
    let text = format!("{{\"family\": \"f\", \"memory\": \"1\", \"containerDefinitions\": [{containers} 1]}}");
    assert_eq!(TaskDefinition::parse("taskdef.json", &text).unwrap_err().diagnostics.len(), 201);
}
