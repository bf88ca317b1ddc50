use serde_json::json;

use super::*;
use crate::appspec::parse_template;
use crate::diagnostic::codes;

const ARN: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:8";

const OWN: &str = "# ours
version: 0.0
owner: {team: edge, pagers: [a, b], notes: {}, none: []}
resources:
  - web:
      type: AWS::ECS::Service
      properties:
        taskDefinition: put here by the build
        loadBalancerInfo:
          containerName: web
          containerPort: \"80\"
          scheme: internal
hooks:
  - afterInstall: check
";

const LAMBDA: &str = "version: 0.0
Resources:
  - pay: {Type: 'AWS::Lambda::Function', Properties: {name: pay, alias: live, currentversion: '1', targetversion: '2'}}
";

fn own() -> Document {
    parse_template("f", OWN).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn what_is_not_replaced_stays_as_it_was_spelt() {
    let patch = Patch { task_definition: Some(ARN.parse().unwrap()), ..Patch::default() };
    let patched = own().patch(&patch).unwrap();
    let expected = format!(
        "version: 0.0
owner:
  team: edge
  pagers:
    - a
    - b
  notes: {{}}
  none: []
resources:
  - web:
      type: AWS::ECS::Service
      properties:
        taskDefinition: {ARN}
        loadBalancerInfo:
          containerName: web
          containerPort: \"80\"
          scheme: internal
hooks:
  - afterInstall: check
"
    );
    assert_eq!(patched.to_yaml(), expected);
    let said: Vec<String> = patched.changes.iter().map(ToString::to_string).collect();
    assert_eq!(said, [format!("properties.taskDefinition: put here by the build becomes {ARN}")]);
    let codes: Vec<&str> = patched.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [codes::APPSPEC_KEY, codes::APPSPEC_PORT, codes::APPSPEC_KEY]);
    assert!(patched.warnings.iter().all(|warning| warning.place.is_none()), "no line of the new text is meant");
}

#[test]
fn every_part_is_replaced_where_it_stands_or_added() {
    let network =
        Network { subnets: vec!["subnet-1".into()], security_groups: vec!["sg-1".into()], assign_public_ip: false };
    let patch = Patch {
        task_definition: Some(ARN.parse().unwrap()),
        container: Some("side".into()),
        port: Some(81),
        network: Some(network.clone()),
        ..Patch::default()
    };
    let patched = own().patch(&patch).unwrap();
    let Target::Ecs(ecs) = &patched.spec.target else { panic!("a function") };
    assert_eq!((ecs.container_name.as_str(), ecs.container_port, &ecs.network), ("side", 81, &Some(network)));
    let paths: Vec<&str> = patched.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "properties.taskDefinition",
            "properties.loadBalancerInfo.containerName",
            "properties.loadBalancerInfo.containerPort",
            "properties.NetworkConfiguration",
        ]
    );
    assert!(patched.changes[3].to_string().ends_with(" is added"), "{}", patched.changes[3]);
    let again = parse("f", &patched.to_json()).unwrap();
    let unchanged = again.patch(&patch).unwrap();
    assert_eq!((unchanged.changes.len(), unchanged.to_json()), (0, patched.to_json()));
}

#[test]
fn functions_get_versions_and_nothing_of_a_service() {
    let document = parse("f", LAMBDA).unwrap();
    let patched = document.patch(&Patch { target_version: Some(3), ..Patch::default() }).unwrap();
    assert_eq!(patched.changes[0].to_string(), "Properties.targetversion: 2 becomes 3");
    let same = document.patch(&Patch { target_version: Some(1), ..Patch::default() }).unwrap_err();
    assert!(matches!(&same, PatchError::Invalid(_)), "{same}");
    let error = document.patch(&Patch { port: Some(1), ..Patch::default() }).unwrap_err().to_string();
    assert_eq!(error, "a port cannot be set: the document deploys a Lambda function");
    let error = own().patch(&Patch { current_version: Some(1), ..Patch::default() }).unwrap_err().to_string();
    assert_eq!(error, "the version of a function cannot be set: the document deploys an ECS service");
    assert_eq!(fill("f", LAMBDA, ARN.parse().unwrap()).unwrap(), document.to_json());
}

#[test]
fn a_patch_cannot_make_a_document_that_a_file_could_not_be() {
    let patch = Patch { container: Some("a b".into()), ..Patch::default() };
    let error = own().patch(&patch).unwrap_err().to_string();
    assert!(error.starts_with("the patched document is not valid: `a b` is not"), "{error}");
    let left = own().patch(&Patch { port: Some(8080), ..Patch::default() }).unwrap();
    assert_eq!(left.spec.unresolved(), Some("<TASK_DEFINITION>"), "the revision is still to come");
    assert_eq!(left.to_json().matches("put here by the build").count(), 1);
}

#[test]
fn a_template_is_filled_with_json() {
    let content = fill("f", OWN, ARN.parse().unwrap()).unwrap();
    let value: Value = serde_json::from_str(&content).unwrap();
    assert_eq!(value["resources"][0]["web"]["properties"]["taskDefinition"], json!(ARN));
    assert_eq!(value["owner"]["pagers"], json!(["a", "b"]));
    let report = fill("f", &OWN.replace("containerName: web", ""), ARN.parse().unwrap()).unwrap_err();
    assert!(report.diagnostics.iter().any(|found| found.code == codes::APPSPEC_MISSING), "{report}");
}
