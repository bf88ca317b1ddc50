use aws_sdk_ecs::types as sdk;

use super::*;
use crate::observe::Controller;

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
fn who_moves_the_tasks_is_told_apart() {
    let strategy = |name: &str| {
        let configuration =
            sdk::DeploymentConfiguration::builder().strategy(sdk::DeploymentStrategy::from(name)).build();
        controlled(sdk::DeploymentControllerType::Ecs).deployment_configuration(configuration).build()
    };
    let task_set = sdk::TaskSet::builder().status("PRIMARY").task_definition(REVISION).build();
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
