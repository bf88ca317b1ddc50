//! The commands for AppSpec documents, offline.

use std::path::Path;

use crate::support::{bluegreen, command, ended, folder, with_stdin};
use bluegreen_core::appspec::sha256;
use serde_json::Value;

const ARN: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7";

fn new_document() -> String {
    let made = bluegreen(&["appspec", "new", "--task-definition", ARN, "--container", "web", "--port", "8080"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    made.stdout
}

#[test]
fn a_new_document_is_valid_and_its_hash_is_of_its_bytes() {
    let made = bluegreen(&["appspec", "new", "--task-definition", ARN, "--container", "web", "--port", "8080"]);
    assert!(made.stdout.contains(ARN) && made.stdout.contains("8080"), "{}", made.stdout);
    assert!(made.stderr.contains(&sha256(&made.stdout)), "{}", made.stderr);
    let checked = with_stdin(&["appspec", "validate", "-"], &made.stdout);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{}", checked.stderr);
    assert_eq!(checked.stderr, "1 document: 1 valid, 0 invalid\n");
}

#[test]
fn lambda_documents_too() {
    let arguments = ["--alias", "live", "--current-version", "1", "--target-version", "2"];
    let all = [&["appspec", "new", "--function", "pay", "--hook", "beforeallowtraffic=check"][..], &arguments].concat();
    let made = bluegreen(&all);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("AWS::Lambda::Function") && made.stdout.contains("BeforeAllowTraffic"));
    let latest = [&["appspec", "new", "--function", "pay"][..], &arguments[..4], &["--target-version", "$LATEST"]];
    let refused = bluegreen(&latest.concat());
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("publish a version first"), "{}", refused.stderr);
}

#[test]
fn options_may_not_say_what_a_file_may_not() {
    let base = ["appspec", "new", "--task-definition", ARN, "--container", "web", "--port", "8080"];
    for (hooks, what) in [
        (&["--hook", "AfterEverything=check"][..], "no such hook"),
        (&["--hook", "AfterInstall=a", "--hook", "AfterInstall=b"], "given twice"),
    ] {
        let refused = bluegreen(&[&base[..], hooks].concat());
        assert_eq!(refused.code, 2, "{hooks:?}");
        assert!(refused.stderr.contains(what), "{}", refused.stderr);
    }
    let refused = bluegreen(&["appspec", "new", "--task-definition", ARN]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--container and --port"), "{}", refused.stderr);
}

#[test]
fn several_ports_are_reported_not_cut_to_the_first() {
    let dir = folder("several-ports");
    let definition = serde_json::json!({
        "family": "web",
        "memory": "512",
        "containerDefinitions": [
            { "name": "web", "image": "example/web:1", "portMappings": [{ "containerPort": 8080 }] },
            { "name": "log", "image": "example/log:1", "portMappings": [{ "containerPort": 9090 }] },
        ],
    });
    std::fs::write(dir.join("taskdef.json"), definition.to_string()).unwrap();
    let refused = ended(command(&["appspec", "new", "--task-definition", "taskdef.json"]).current_dir(&dir));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--container log --port 9090"), "{}", refused.stderr);
    let arguments = ["appspec", "new", "--task-definition", "taskdef.json", "--container", "log"];
    let chosen = ended(command(&arguments).current_dir(&dir));
    assert_eq!(chosen.code, 0, "{}", chosen.stderr);
    assert!(chosen.stdout.contains("9090") && chosen.stdout.contains("<TASK_DEFINITION>"), "{}", chosen.stdout);
}

fn documents(dir: &Path, count: usize) -> Vec<String> {
    let good = new_document();
    for index in 0..count {
        let text = if index % 10 == 9 { good.replace("ContainerPort", "ContainerPart") } else { good.clone() };
        std::fs::write(dir.join(format!("{index:04}.yaml")), text).unwrap();
    }
    (0..count).map(|index| format!("{index:04}.yaml")).collect()
}

#[test]
fn a_thousand_documents_in_one_process() {
    let dir = folder("thousand");
    let files = documents(&dir, 1000);
    let checked = ended(command(&["appspec", "validate"]).args(&files).current_dir(&dir));
    assert_eq!(checked.code, 2);
    assert!(checked.stderr.starts_with("1000 documents: 900 valid, 100 invalid"), "{}", checked.stderr);
    assert!(checked.stdout.contains("0009.yaml:"), "findings are the data");
    assert!(!checked.stdout.contains("0008.yaml:"), "valid documents are silent");
}

#[test]
fn programs_get_one_object_a_document() {
    let dir = folder("json-documents");
    let mut files = documents(&dir, 10);
    files.push("missing.yaml".to_owned());
    let checked = ended(command(&["appspec", "validate", "--output", "json"]).args(&files).current_dir(&dir));
    assert_eq!((checked.code, checked.stderr.as_str()), (2, ""));
    let lines: Vec<Value> = checked.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[0]["valid"], true);
    assert_eq!(lines[0]["sha256"], sha256(&new_document()));
    assert_eq!(lines[9]["valid"], false);
    assert!(lines[9]["findings"][0]["line"].is_u64(), "{}", lines[9]);
    assert!(lines[10]["error"].as_str().is_some_and(|text| text.contains("missing.yaml cannot be read")));
    let last = &lines[11];
    assert_eq!((&last["type"], &last["documents"], &last["invalid"]), (&"summary".into(), &11.into(), &2.into()));
}

#[test]
fn the_normal_form_stays_as_it_is() {
    let document = new_document().replace("TaskDefinition:", "taskdefinition:");
    let once = with_stdin(&["appspec", "show", "-"], &document);
    assert_eq!(once.code, 0, "{}", once.stderr);
    assert!(once.stdout.contains("TaskDefinition:"));
    assert!(once.stderr.contains(&sha256(&once.stdout)) && once.stderr.contains(&sha256(&document)));
    let twice = with_stdin(&["appspec", "show", "-"], &once.stdout);
    assert_eq!(once.stdout, twice.stdout);
    let json = with_stdin(&["appspec", "show", "-", "--format", "json"], &once.stdout);
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"], ARN);
}

/// As a team has it: its own spelling, its own keys, its own placeholder.
const OWN: &str = r#"{"version": 0.0, "team": "edge", "resources": [{"web": {"type": "AWS::ECS::Service", "properties":
{"taskDefinition": "<REVISION>", "loadBalancerInfo": {"containerName": "web", "containerPort": 8080}}}}]}"#;

#[test]
fn a_document_of_ones_own_gets_its_revision_and_keeps_the_rest() {
    let patched = with_stdin(&["appspec", "patch", "-", "--task-definition", ARN], OWN);
    assert_eq!(patched.code, 0, "{}", patched.stderr);
    let expected = OWN.replace("<REVISION>", ARN);
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&patched.stdout), value(&expected), "JSON stays JSON");
    assert!(patched.stderr.contains("properties.taskDefinition: <REVISION> becomes arn:"), "{}", patched.stderr);
    assert!(patched.stderr.contains("unknown key `team`"), "{}", patched.stderr);
    assert!(patched.stderr.contains(&sha256(&patched.stdout)));
    let network = ["--subnet", "subnet-1", "--security-group", "sg-1", "--assign-public-ip", "no"];
    let all = [&["appspec", "patch", "-", "--port", "81", "--format", "yaml"][..], &network].concat();
    let again = with_stdin(&all, &patched.stdout);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stdout.contains("containerPort: 81\n") && again.stdout.contains("AssignPublicIp: DISABLED\n"));
    let same = with_stdin(&["appspec", "patch", "-", "--port", "81"], &again.stdout);
    assert!(same.stderr.contains("says all of that already"), "{}", same.stderr);
}

#[test]
fn a_patch_that_makes_no_sense_is_refused() {
    for (more, what) in [
        (&[][..], "nothing to patch"),
        (&["--port", "81"], "neither an ARN nor a placeholder"),
        (&["--task-definition", "<TASK_DEFINITION>"], "is what a patch replaces"),
        (&["--task-definition", ARN, "--container", "a b"], "the patched document is not valid"),
        (&["--task-definition", ARN, "--target-version", "2"], "the document deploys an ECS service"),
        (&["--subnet", "subnet-1"], "--assign-public-ip"),
    ] {
        let refused = with_stdin(&[&["appspec", "patch", "-"], more].concat(), &OWN.replace("<REVISION>", "to come"));
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.stdout);
        let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(what), "{more:?}: {said}");
    }
}

#[test]
fn a_deployment_is_checked_before_anything_is_asked() {
    let where_to = ["--application", "app", "--deployment-group", "group"];
    let lambda = ["appspec", "new", "--function", "pay", "--alias", "live", "--current-version", "1"];
    let lambda = bluegreen(&[&lambda[..], &["--target-version", "2"]].concat()).stdout;
    for (document, more, what) in [
        (lambda.as_str(), &[][..], "there is no terminal to ask at whether to start the deployment"),
        (&lambda, &["--yes", "--target-version", "1"], "both 1: nothing would be deployed"),
        (&lambda, &["--yes", "--task-definition", ARN], "a task definition cannot be set"),
        (&lambda, &["--yes", "--poll", "10"], "has no unit"),
        (OWN, &["--yes"], "is not filled in here"),
        (&OWN.replace("REVISION", "TASK_DEFINITION"), &["--yes"], "name the revision with --task-definition ARN"),
    ] {
        let refused = with_stdin(&[&["appspec", "deploy", "-"], &where_to[..], more].concat(), document);
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.stderr);
        let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(what), "{more:?}: {said}");
    }
}
