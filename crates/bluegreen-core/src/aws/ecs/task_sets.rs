//! Task sets of services with an external controller.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Scale, ScaleUnit};
use serde_json::{Value, json};

use crate::aws::classify::{outcome, own};
use crate::aws::wire::ReplaceBody;
use crate::ports::{ErrorClass, Outcome, TaskSetRequest};

const CREATE: &str = "ecs:CreateTaskSet";
const UPDATE: &str = "ecs:UpdateTaskSet";
const DELETE: &str = "ecs:DeleteTaskSet";
const MAKE_PRIMARY: &str = "ecs:UpdateServicePrimaryTaskSet";

/// Sends one change.
pub(super) async fn change(client: &Client, cluster: &str, service: &str, request: &TaskSetRequest) -> Outcome<()> {
    match request {
        TaskSetRequest::Create(document) => create(client, cluster, service, document).await,
        TaskSetRequest::Scale { set, scale } => {
            let scale = Scale::builder().value(scale.percent()).unit(ScaleUnit::Percent).build();
            let call = client.update_task_set().cluster(cluster).service(service).task_set(set).scale(scale);
            outcome(UPDATE, call.send().await).map(drop)
        }
        TaskSetRequest::Delete { set } => {
            // Without `force` AWS deletes only what has been scaled to nothing.
            let call = client.delete_task_set().cluster(cluster).service(service).task_set(set).force(true);
            outcome(DELETE, call.send().await).map(drop)
        }
        TaskSetRequest::MakePrimary { set } => {
            let call = client.update_service_primary_task_set().cluster(cluster).service(service).primary_task_set(set);
            outcome(MAKE_PRIMARY, call.send().await).map(drop)
        }
    }
}

/// The document itself goes over the wire, so that members which the SDK does not know are copied too.
async fn create(client: &Client, cluster: &str, service: &str, document: &Value) -> Outcome<()> {
    let Some(members) = document.as_object() else {
        return Outcome::NotApplied(own(CREATE, ErrorClass::Invalid, "the request is not a JSON object"));
    };
    let mut body = members.clone();
    body.insert("cluster".to_owned(), json!(cluster));
    body.insert("service".to_owned(), json!(service));
    let definition = body.get("taskDefinition").and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = Value::Object(body).to_string().into_bytes();
    let call = client.create_task_set().cluster(cluster).service(service).task_definition(definition);
    outcome(CREATE, call.customize().interceptor(ReplaceBody(body)).send().await).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::{Answer, Script, json as answer};
    use crate::model::SetScale;
    use crate::observe::TaskSetStatus;

    const SERVICE: &str = "arn:aws:ecs:eu-west-3:111122223333:service/shop/web";
    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/web-green/1";

    async fn send(answers: Vec<Answer>, request: &TaskSetRequest) -> (Outcome<()>, String, Value) {
        let script = Script::start(answers);
        let sent = script.ports().await.fleet.change_task_set("shop", "web", request).await;
        let heard = script.heard();
        assert_eq!(heard.len(), 1, "a change is sent once");
        let (top, body) = heard[0].split_once("\n\n").unwrap();
        (sent, top.to_owned(), serde_json::from_str(body).unwrap())
    }

    fn refusal(code: &str) -> Answer {
        let body = json!({"__type": code, "message": "no"}).to_string();
        Answer::Body(400, "application/x-amz-json-1.1", body.into_bytes())
    }

    #[tokio::test]
    async fn a_set_is_made_with_every_member_of_the_request() {
        let request = json!({
            "taskDefinition": "web:2", "clientToken": "t-1", "externalId": "bluegreen run r-1", "newThing": {"deep": 1},
            "scale": {"value": 33.33, "unit": "PERCENT"},
            "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80}],
        });
        let made = answer(&json!({"taskSet": {"id": "ecs-svc/1"}}));
        let (outcome, head, body) = send(vec![made], &TaskSetRequest::Create(request.clone())).await;
        assert_eq!(outcome, Outcome::Applied(()));
        assert!(head.contains("CreateTaskSet"), "{head}");
        let mut whole = request;
        whole["cluster"] = json!("shop");
        whole["service"] = json!("web");
        assert_eq!(body, whole);
    }

    #[tokio::test]
    async fn the_other_changes_name_their_set() {
        let set = || "ecs-svc/1".to_owned();
        let named = |name: &str| json!({"cluster": "shop", "service": "web", name: "ecs-svc/1"});
        let mut scaled = named("taskSet");
        scaled["scale"] = json!({"value": 25.0, "unit": "PERCENT"});
        let mut deleted = named("taskSet");
        deleted["force"] = json!(true);
        for (request, operation, expected) in [
            (TaskSetRequest::Scale { set: set(), scale: SetScale::exactly(1, 4) }, ".UpdateTaskSet", scaled),
            (TaskSetRequest::Delete { set: set() }, ".DeleteTaskSet", deleted),
            (TaskSetRequest::MakePrimary { set: set() }, ".UpdateServicePrimaryTaskSet", named("primaryTaskSet")),
        ] {
            let (outcome, head, body) = send(vec![answer(&json!({"taskSet": {}}))], &request).await;
            assert_eq!(outcome, Outcome::Applied(()));
            assert!(head.contains(operation), "{head}");
            assert_eq!(body, expected);
        }
    }

    #[tokio::test]
    async fn a_quota_that_is_used_up_is_no_throttling() {
        for (code, class) in [
            ("LimitExceededException", ErrorClass::Invalid),
            ("InvalidParameterException", ErrorClass::Invalid),
            ("ThrottlingException", ErrorClass::Throttled),
            ("TaskSetNotFoundException", ErrorClass::NotFound),
        ] {
            let (sent, ..) =
                send(vec![refusal(code)], &TaskSetRequest::Create(json!({"taskDefinition": "web:2"}))).await;
            assert!(matches!(&sent, Outcome::NotApplied(error) if error.class == class), "{code}: {sent:?}");
        }
        let (sent, ..) = send(vec![Answer::HangUp], &TaskSetRequest::Delete { set: "x".to_owned() }).await;
        assert!(matches!(sent, Outcome::Unknown(_)), "{sent:?}");
    }

    #[tokio::test]
    async fn the_sets_of_a_service_are_seen_with_it() {
        let set = |id: &str, status: &str, scale: &Value| {
            json!({
                "id": id, "status": status, "taskDefinition": "web:7", "computedDesiredCount": 1, "runningCount": 1,
                "pendingCount": 0, "scale": scale, "externalId": "bluegreen run 20261123t060512z-web-000001",
                "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80}],
            })
        };
        let full = json!({"value": 33.33, "unit": "PERCENT"});
        let service = json!({
            "serviceArn": SERVICE, "serviceName": "web", "status": "ACTIVE", "desiredCount": 3, "runningCount": 2,
            "pendingCount": 0, "deploymentController": {"type": "EXTERNAL"},
            "taskSets": [set("ecs-svc/1", "PRIMARY", &full), set("ecs-svc/2", "DRAINING", &Value::Null),
                         set("ecs-svc/3", "DREAMING", &full)],
        });
        let script = Script::start(vec![answer(&json!({"services": [service]}))]);
        let names = ["web".to_owned(), "web".to_owned()];
        let found = script.ports().await.fleet.services("shop", &names).await.unwrap();
        assert_eq!(found[0], found[1]);
        assert_eq!(script.heard()[0].matches("\"web\"").count(), 1, "asked for once");
        let [primary, draining, unknown] = found[0].task_sets.as_slice() else { panic!("{found:?}") };
        assert_eq!((primary.desired, primary.of, primary.scale), (1, 3, SetScale::exactly(1, 3)));
        assert_eq!(primary.target_groups, [GROUP.parse().unwrap()]);
        assert!(primary.is_primary() && primary.is_of(&"20261123t060512z-web-000001".parse().unwrap()));
        assert_eq!(primary.task_definition.short(), "web:7");
        assert!(!draining.is_live() && u16::from(draining.scale) == 0);
        assert_eq!(unknown.status, TaskSetStatus::Unknown("DREAMING".to_owned()));
    }
}
