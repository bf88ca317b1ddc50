//! The ready-made pipeline: its template is judged by cfn-lint, its permissions by what the adapters call, its commands
//! by the program itself, and its files by the readers of the stage.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bluegreen_core::document::{self, Node, NodeKind};
use bluegreen_core::{appspec, spec, taskdef::TaskDefinition};
use bluegreen_tests::emulator::{Outcome, Trouble, binary, python};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn folder() -> PathBuf {
    root().join("appspec/examples/pipeline")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

const BUILDSPECS: [&str; 2] = ["buildspec.yml", "buildspec-release.yml"];

#[test]
fn cfn_lint_finds_nothing_in_the_template() -> Outcome<()> {
    let judged = python(Path::new("pipeline/lint.py"))?
        .args(["--format", "parseable", "--"])
        .arg(folder().join("pipeline.yaml"))
        .output()
        .map_err(Trouble::at("cfn-lint"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&judged.stdout), String::from_utf8_lossy(&judged.stderr));
    assert!(judged.status.success() && said.trim().is_empty(), "{said}");
    Ok(())
}

#[test]
fn cfn_lint_really_looks() -> Outcome<()> {
    let wrong = text("pipeline.yaml").replace("ProjectName: !Ref Build", "ProjectName: !Ref Bild");
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().map_err(Trouble::at("a template"))?;
    fs::write(file.path(), wrong).map_err(Trouble::at("a template"))?;
    let judged = python(Path::new("pipeline/lint.py"))?.arg("--").arg(file.path()).output();
    let judged = judged.map_err(Trouble::at("cfn-lint"))?;
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(!judged.status.success() && said.contains("Bild"), "{said}");
    Ok(())
}

/// The value of a key of a mapping.
fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let NodeKind::Mapping(members) = &node.kind else { return None };
    members.iter().find(|(name, _)| scalar(name).as_deref() == Some(key)).map(|(_, value)| value)
}

fn scalar(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Scalar(scalar) => Some(scalar.text.clone()),
        _ => None,
    }
}

/// The scalars of a list; a mapping in it is what a colon in an unquoted command makes of it.
fn list(node: &Node) -> Vec<String> {
    let NodeKind::Sequence(items) = &node.kind else { panic!("a list is expected: {node:?}") };
    items.iter().map(|item| scalar(item).unwrap_or_else(|| panic!("no command: {item:?}"))).collect()
}

fn buildspec(name: &str) -> Node {
    let parsed = document::parse(&text(name));
    assert!(parsed.diagnostics.is_empty(), "{name}: {:?}", parsed.diagnostics);
    parsed.root.unwrap()
}

/// Every command of a buildspec, in its order.
fn commands(name: &str) -> Vec<String> {
    let spec = buildspec(name);
    let phases = get(&spec, "phases").unwrap();
    let named = ["install", "pre_build", "build", "post_build"].into_iter().filter_map(|phase| get(phases, phase));
    named
        .flat_map(|phase| ["commands", "finally"].into_iter().filter_map(|key| get(phase, key)))
        .flat_map(list)
        .collect()
}

#[test]
fn buildspecs_are_what_codebuild_reads() {
    let known = ["version", "env", "phases", "artifacts"];
    for name in BUILDSPECS {
        let spec = buildspec(name);
        let NodeKind::Mapping(members) = &spec.kind else { panic!("{name} is no mapping") };
        for (key, _) in members {
            assert!(known.contains(&scalar(key).unwrap().as_str()), "{name}: {key:?}");
        }
        assert_eq!(get(&spec, "version").and_then(scalar).as_deref(), Some("0.2"), "{name}");
        let NodeKind::Mapping(phases) = &get(&spec, "phases").unwrap().kind else { panic!("{name} has no phases") };
        for (phase, content) in phases {
            let phase = scalar(phase).unwrap();
            assert!(["install", "pre_build", "build", "post_build"].contains(&phase.as_str()), "{name}: {phase}");
            assert!(get(content, "commands").is_some(), "{name}: {phase}");
        }
        assert!(!list(get(get(&spec, "artifacts").unwrap(), "files").unwrap()).is_empty(), "{name}");
        assert!(!commands(name).is_empty(), "{name}");
    }
}

#[test]
fn the_commands_are_commands_of_a_shell() {
    for name in BUILDSPECS {
        for command in commands(name) {
            let parsed = Command::new("bash").args(["-n", "-c", &command]).output().unwrap();
            assert!(parsed.status.success(), "{name}: {command}: {}", String::from_utf8_lossy(&parsed.stderr));
        }
    }
}

/// Runs the program with `--help` behind the arguments: it gets there only if it knows all of them.
fn assert_known(place: &str, command: &str) -> Outcome<()> {
    let words = command.split_whitespace().skip(1).map(|word| word.trim_matches(['\'', '"']));
    // What stands behind `--` is another program's.
    let words: Vec<&str> = words.take_while(|word| !["--", "|", ">", "&&", "#", "<"].contains(word)).collect();
    let asked = Command::new(binary()?).args(&words).arg("--help").stdin(Stdio::null()).output();
    let asked = asked.map_err(Trouble::at(command))?;
    assert!(asked.status.success(), "{place}: {command}: {}", String::from_utf8_lossy(&asked.stderr));
    Ok(())
}

#[test]
fn the_program_knows_every_option_that_is_shown() -> Outcome<()> {
    let mut seen = 0;
    for name in BUILDSPECS {
        for command in commands(name).iter().filter(|command| command.starts_with("bluegreen ")) {
            assert_known(name, command)?;
            seen += 1;
        }
    }
    let guide = fs::read_to_string(root().join("docs/guide/pipeline.md")).unwrap();
    for block in guide.split("```").skip(1).step_by(2) {
        let whole = block.replace("\\\n", " ");
        let lines = whole.lines().map(|line| line.trim().trim_start_matches("- ").trim_start_matches("$ "));
        for command in lines.filter(|line| line.starts_with("bluegreen ")) {
            assert_known("docs/guide/pipeline.md", command)?;
            seen += 1;
        }
    }
    for option in guide.split('`').skip(1).step_by(2).filter(|code| code.starts_with("bluegreen ")) {
        assert_known("docs/guide/pipeline.md", option)?;
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} commands were found");
    Ok(())
}

#[test]
fn what_the_buildspec_exports_is_what_the_stage_sets() -> Outcome<()> {
    let place = tempfile::tempdir().map_err(Trouble::at("a folder"))?;
    // Outside of a build the stage refuses, and sets them all the same.
    let refused = Command::new(binary()?)
        .args(["pipeline", "codebuild"])
        .current_dir(place.path())
        .env_clear()
        .env("HOME", place.path())
        .output()
        .map_err(Trouble::at("a stage"))?;
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    let set = fs::read_to_string(place.path().join("bluegreen-out/variables.env")).map_err(Trouble::at("variables"))?;
    let set: BTreeSet<&str> = set.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let exported = list(get(get(&buildspec("buildspec-release.yml"), "env").unwrap(), "exported-variables").unwrap());
    for name in &exported {
        assert!(set.contains(name.as_str()), "{name} is not among {set:?}");
    }
    let guide = fs::read_to_string(root().join("docs/guide/pipeline.md")).unwrap();
    for name in set {
        assert!(guide.contains(&format!("| `{name}` |")), "the guide does not tell of {name}");
    }
    Ok(())
}

#[test]
fn the_files_of_the_source_fit_each_other() {
    let (spec, warnings) = spec::parse("bluegreen.yaml", &text("bluegreen.yaml"), None, &|_| None).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(spec.environment.name, "prod", "the buildspec names it");
    assert!(commands("buildspec-release.yml").iter().any(|command| command.contains("--environment prod")));
    let definition = TaskDefinition::parse("taskdef.json", &text("taskdef.json")).unwrap();
    assert_eq!(definition.placeholders().into_keys().collect::<Vec<_>>(), ["IMAGE1_NAME"]);
    let document = appspec::parse("appspec.yaml", &text("appspec.yaml")).unwrap();
    assert_eq!(document.validate_against(&definition), []);
}

/// The words of a text that look like an operation: `service:Operation`.
fn operations(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-');
    let looks = |text: &&str| {
        text.split_once(':').is_some_and(|(service, operation)| {
            !service.is_empty()
                && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && operation.starts_with(|c: char| c.is_ascii_uppercase())
                && operation.chars().all(|c| c.is_ascii_alphanumeric())
        })
    };
    text.split(word).filter(looks).map(str::to_owned).collect()
}

/// Every operation that the adapters name, as IAM names it.
fn called() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.ends_with("tests.rs") {
                found.extend(operations(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&root().join("crates/bluegreen-core/src/aws"), &mut found);
    found.into_iter().map(|operation| operation.replace("elbv2:", "elasticloadbalancing:")).collect()
}

/// What the release's role may do.
fn granted() -> BTreeSet<String> {
    let text = text("pipeline.yaml");
    let role = text.split_once("\n  ReleaseRole:\n").unwrap().1;
    operations(role.split_once("\nOutputs:\n").unwrap().0)
}

#[test]
fn the_role_may_do_what_the_release_calls() {
    // A hook's answer is given elsewhere, and a default action's listener is added by who needs it: the guide says so.
    // Rules are made and deleted, and their tags read, by experiments, which are no releases.
    let elsewhere = [
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:DescribeTags",
    ];
    let services = ["codedeploy:", "ecs:", "elasticloadbalancing:", "cloudwatch:", "sts:"];
    let called = called();
    assert!(called.len() > 20 && called.contains("elasticloadbalancing:ModifyRule"), "{called:?}");
    let missing: Vec<&String> = called
        .iter()
        .filter(|operation| services.iter().any(|service| operation.starts_with(service)))
        .filter(|operation| !elsewhere.contains(&operation.as_str()) && !granted().contains(*operation))
        .collect();
    assert!(missing.is_empty(), "the template's role may not call {missing:?}");
}

#[test]
fn the_role_may_do_no_more() {
    // What one call needs beside its own permission, and a condition's name.
    let implied = [
        "codedeploy:GetApplicationRevision",
        "codedeploy:RegisterApplicationRevision",
        "ecs:CreateAction",
        "ecs:TagResource",
    ];
    let called = called();
    let release = ["codedeploy:", "ecs:", "elasticloadbalancing:", "cloudwatch:"];
    let more: Vec<String> = granted()
        .into_iter()
        .filter(|operation| release.iter().any(|service| operation.starts_with(service)))
        .filter(|operation| !implied.contains(&operation.as_str()) && !called.contains(operation))
        .collect();
    assert!(more.is_empty(), "nothing calls {more:?}");
    let text = text("pipeline.yaml");
    assert!(!text.contains(":*]") && !text.contains("Action: \"*\"") && !text.contains("Action: '*'"));
}
