use aws_sdk_ecs::types as sdk;

use super::*;
use crate::aws::testing::{Script, json as answer};
use crate::observe::Controller;
use serde_json::json;

const SERVICE: &str = "arn:aws-cn:ecs:cn-north-1:111122223333:service/shop/web";
const REVISION: &str = "arn:aws-cn:ecs:cn-north-1:111122223333:task-definition/web:7";

fn service() -> sdk::builders::ServiceBuilder {
    let event = |text: &str| sdk::ServiceEvent::builder().message(text).build();
    sdk::Service::builder()
        .service_arn(SERVICE)
        .service_name("web")
        .status("ACTIVE")
        .desired_count(3)
        .task_definition("web:7")
        .created_at(aws_smithy_types::DateTime::from_secs(60))
        .set_events(Some((0..9).map(|n| event(&format!("event {n}\u{1b}[2J"))).collect()))
}

fn controlled(kind: sdk::DeploymentControllerType) -> sdk::builders::ServiceBuilder {
    service().deployment_controller(sdk::DeploymentController::builder().r#type(kind).build().unwrap())
}

#[test]
fn a_short_revision_is_completed_from_its_service() {
    let read = services::snapshot(&service().build()).unwrap();
    assert_eq!(read.task_definition.as_str(), REVISION);
    assert_eq!((read.desired, read.running, read.messages.len()), (3, 0, 5));
    assert_eq!(read.messages[0], "event 0");
    assert_eq!(read.created_at, Some(jiff::Timestamp::from_second(60).unwrap()));

    let deployment = sdk::Deployment::builder().id("ecs-svc/1").status("PRIMARY").task_definition("web:7");
    let read = services::snapshot(&service().deployments(deployment.build()).build()).unwrap();
    assert_eq!(read.deployments[0].task_definition.as_str(), REVISION);

    assert!(services::snapshot(&service().task_definition("web").build()).is_err());
    assert!(services::snapshot(&service().set_task_definition(None).build()).is_err());
}

#[test]
fn the_primary_task_set_knows_what_serves() {
    let set = |status: &str, revision: &str| {
        sdk::TaskSet::builder().id("ecs-svc/1").status(status).task_definition(revision).build()
    };
    let newer = REVISION.rsplit_once(':').map(|(family, _)| format!("{family}:99")).unwrap();
    for (status, without, expected) in
        [("PRIMARY", false, &*newer), ("ACTIVE", false, REVISION), ("ACTIVE", true, &*newer)]
    {
        let found = service().task_sets(set(status, &newer));
        let found = if without { found.set_task_definition(None) } else { found };
        assert_eq!(services::snapshot(&found.build()).unwrap().task_definition.as_str(), expected, "{status}");
    }
}

#[test]
fn who_moves_the_tasks_is_told_apart() {
    let strategy = |name: &str| {
        let configuration =
            sdk::DeploymentConfiguration::builder().strategy(sdk::DeploymentStrategy::from(name)).build();
        controlled(sdk::DeploymentControllerType::Ecs).deployment_configuration(configuration).build()
    };
    let task_set = sdk::TaskSet::builder().id("ecs-svc/1").status("PRIMARY").task_definition(REVISION).build();
    let external = controlled(sdk::DeploymentControllerType::External).set_task_definition(None).task_sets(task_set);
    for (service, expected) in [
        (service().build(), Controller::Rolling),
        (controlled(sdk::DeploymentControllerType::Ecs).build(), Controller::Rolling),
        (strategy("ROLLING"), Controller::Rolling),
        (strategy("BLUE_GREEN"), Controller::Native("BLUE_GREEN".to_owned())),
        (strategy("LINEAR"), Controller::Native("LINEAR".to_owned())),
        (strategy("CANARY"), Controller::Native("CANARY".to_owned())),
        (strategy("SPIRAL"), Controller::Unknown("SPIRAL".to_owned())),
        (controlled(sdk::DeploymentControllerType::CodeDeploy).build(), Controller::CodeDeploy),
        (external.build(), Controller::External),
        (controlled("GHOST".into()).build(), Controller::Unknown("GHOST".to_owned())),
    ] {
        assert_eq!(services::snapshot(&service).unwrap().controller, expected);
    }
}

#[test]
fn failures_inside_an_answer_are_failures() {
    let failed = |reason: &str| failed_service("shop", &Failure::builder().arn("web").reason(reason).build());
    assert_eq!(failed("MISSING").class, ErrorClass::NotFound);
    assert_eq!(failed("SOMETHING").class, ErrorClass::Malformed);
}

#[tokio::test]
async fn members_from_the_future_go_over_the_wire_both_ways() {
    let definition = json!({
        "taskDefinitionArn": REVISION, "family": "web", "status": "ACTIVE",
        "containerDefinitions": [{"name": "app", "warp": {"factor": 9}}],
    });
    let script = Script::start(vec![
        answer(&json!({"taskDefinition": definition, "tags": [{"key": "a", "value": "b"}]})),
        answer(&json!({"taskDefinition": {"taskDefinitionArn": REVISION}})),
    ]);
    let fleet = script.ports().await.fleet;
    let read = fleet.task_definition("web").await.unwrap();
    assert_eq!(read.document["containerDefinitions"], definition["containerDefinitions"]);

    let outcome = fleet.register_task_definition(&read.document, &"run-1".parse().unwrap()).await;
    assert_eq!(outcome, Outcome::Applied(REVISION.parse().unwrap()));
    let second = script.heard().remove(1);
    let (head, body) = second.split_once("\n\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["containerDefinitions"], definition["containerDefinitions"]);
    assert_eq!(body["tags"], json!([{"key": "a", "value": "b"}, {"key": "bluegreen:run", "value": "run-1"}]));
    assert!(head.contains("RegisterTaskDefinition") && head.contains("bluegreen-"), "{head}");
}

#[tokio::test]
async fn a_registration_without_a_name_is_unknown() {
    let script = Script::start(vec![answer(&json!({}))]);
    let document = json!({"family": "web", "containerDefinitions": []});
    let outcome = script.ports().await.fleet.register_task_definition(&document, &"run-1".parse().unwrap()).await;
    assert!(matches!(&outcome, Outcome::Unknown(error) if error.class == ErrorClass::Malformed), "{outcome:?}");
}

#[tokio::test]
async fn failures_and_deleted_services_are_not_found() {
    let described = |status: &str| {
        json!({"services": [{
            "serviceArn": SERVICE, "serviceName": "web", "status": status, "taskDefinition": REVISION,
            "desiredCount": 1, "runningCount": 1, "pendingCount": 0,
        }]})
    };
    let script = Script::start(vec![
        answer(&json!({"services": [], "failures": [{"arn": "web", "reason": "MISSING"}]})),
        answer(&described("INACTIVE")),
        answer(&described("DRAINING")),
        answer(&json!({})),
    ]);
    let fleet = script.ports().await.fleet;
    let names = ["web".to_owned()];
    for expected in [Some(ErrorClass::NotFound), Some(ErrorClass::NotFound), None, Some(ErrorClass::NotFound)] {
        let read = fleet.services("shop", &names).await;
        assert_eq!(read.err().map(|error| error.class), expected);
    }
}

#[tokio::test]
async fn ten_services_go_into_one_call() {
    let services = |range: std::ops::Range<usize>| {
        let described = range.map(|n| {
            json!({"serviceArn": format!("{SERVICE}{n}"), "serviceName": format!("web{n}"), "status": "ACTIVE",
                   "taskDefinition": REVISION, "desiredCount": 1, "runningCount": 1, "pendingCount": 0})
        });
        answer(&json!({"services": described.collect::<Vec<_>>()}))
    };
    let script = Script::start(vec![services(0..10), services(10..11)]);
    let names: Vec<String> = (0..11).map(|n| format!("web{n}")).collect();
    let read = script.ports().await.fleet.services("shop", &names).await.unwrap();
    assert_eq!(read.iter().map(|service| service.name.clone()).collect::<Vec<_>>(), names);
}

#[tokio::test]
async fn a_runs_revision_is_found_by_its_tag_within_its_family() {
    let revision = |text: &str| REVISION.replace("web:7", text);
    let tagged = |text: &str, run: &str| {
        answer(&json!({"taskDefinition": {"taskDefinitionArn": revision(text)},
                       "tags": [{"key": "bluegreen:run", "value": run}]}))
    };
    let script = Script::start(vec![
        answer(&json!({"taskDefinitionArns": [revision("web-admin:9"), revision("web:8")], "nextToken": "more"})),
        answer(&json!({"taskDefinitionArns": [revision("web:7")]})),
        tagged("web:8", "run-0"),
        tagged("web:7", "run-1"),
    ]);
    let found = script.ports().await.fleet.find_task_definition("web", &"run-1".parse().unwrap()).await;
    assert_eq!(found, Ok(Some(REVISION.parse().unwrap())));
    let heard = script.heard();
    assert_eq!(heard.len(), 4);
    assert!(heard[0].contains("DESC") && heard[2].contains("TAGS"), "{heard:?}");
}
