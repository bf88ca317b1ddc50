use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::aws::testing::{Answer, Script, calls, json as answer, names, refusal};
use crate::model::{DeploymentSite, DeploymentWait};
use crate::observe::{DeploymentStatus, ManagedDeployments, OldAndNew};
use crate::ports::DeploymentRequest;

mod conversions;
mod plans;

const REVISION: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:8";
const RUN: &str = "run-1";

/// A deployment as `GetDeployment` shows it, with `more` on top.
fn info(id: &str, status: &str, more: &Value) -> Value {
    let mut info = json!({
        "applicationName": "shop", "deploymentGroupName": "web", "deploymentId": id, "status": status,
        "createTime": 1_700_000_000.25, "creator": "user", "computePlatform": "ECS",
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 60},
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30},
        },
    });
    for (name, value) in more.as_object().unwrap() {
        info[name] = value.clone();
    }
    info
}

fn marked(id: &str, status: &str) -> Value {
    info(id, status, &json!({"description": format!("bluegreen run {RUN} of shop/web")}))
}

fn ids(ids: &[&str]) -> Answer {
    answer(&json!({"deployments": ids}))
}

fn infos(infos: &[Value]) -> Answer {
    answer(&json!({"deploymentsInfo": infos}))
}

fn got(info: &Value) -> Answer {
    answer(&json!({"deploymentInfo": info}))
}

fn event(name: &str, status: &str, end: Option<f64>) -> Value {
    let mut event = json!({"lifecycleEventName": name, "status": status});
    if let Some(end) = end {
        (event["startTime"], event["endTime"]) = (json!(end - 1.0), json!(end));
    }
    event
}

fn set(label: Option<&str>, weight: f64, desired: u32, running: u32) -> Value {
    let mut set = json!({"identifer": "ecs-svc/1", "desiredCount": desired, "pendingCount": 0, "runningCount": running,
                         "status": "ACTIVE", "trafficWeight": weight, "targetGroup": {"name": "web-1"}});
    if let Some(label) = label {
        set["taskSetLabel"] = json!(label);
    }
    set
}

/// The answers to `ListDeploymentTargets` and `BatchGetDeploymentTargets`.
fn target(events: &[Value], sets: &[Value]) -> [Answer; 2] {
    let target = json!({"deploymentTargetType": "ECSTarget", "ecsTarget": {
        "deploymentId": "d-1", "targetId": "shop:web", "status": "InProgress",
        "lifecycleEvents": events, "taskSetsInfo": sets,
    }});
    [answer(&json!({"targetIds": ["shop:web"]})), answer(&json!({"deploymentTargets": [target]}))]
}

/// Targets that tell nothing.
fn no_target() -> Answer {
    answer(&json!({"targetIds": []}))
}

async fn look(script: &Script, run: Option<&str>, known: Option<&str>) -> Result<ManagedDeployments, CallError> {
    let site = DeploymentSite::CodeDeploy { application: "shop".to_owned(), group: "web".to_owned() };
    let run = run.map(|run| run.parse().unwrap());
    let known = known.map(DeploymentId::new);
    let since = "2023-11-14T00:00:00Z".parse().unwrap();
    script.ports().await.releases.deployments(&site, run.as_ref(), known.as_ref(), since).await
}

#[tokio::test]
async fn our_deployment_is_found_by_its_mark_and_shown_whole() {
    let [listed, described] = target(
        &[
            event("Install", "Succeeded", Some(1_700_000_100.0)),
            event("AllowTraffic", "InProgress", None),
            event("AfterAllowTraffic", "Pending", None),
        ],
        &[set(Some("Blue"), 90.0, 3, 3), set(Some("Green"), 10.0, 3, 2)],
    );
    let mut ours = marked("d-1", "InProgress");
    ours["revision"] = json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": json!({
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": REVISION, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80},
        }}}],
    }).to_string()}});
    let script = Script::start(vec![
        ids(&["d-1"]),
        ids(&["d-0", "d-1"]),
        infos(&[info("d-0", "Succeeded", &json!({})), ours]),
        listed,
        described,
    ]);
    let found = look(&script, Some(RUN), None).await.unwrap();
    assert_eq!((found.rollback, found.others.len()), (None, 0));

    let ours = found.ours.unwrap();
    assert_eq!((ours.id.as_str(), ours.creator.as_str(), ours.status), ("d-1", "user", DeploymentStatus::InProgress));
    assert_eq!(ours.run.map(|run| run.to_string()).as_deref(), Some(RUN));
    assert_eq!(ours.created_at.to_string(), "2023-11-14T22:13:20.25Z");
    assert_eq!(ours.task_definition.map(|revision| revision.to_string()).as_deref(), Some(REVISION));
    assert_eq!((ours.stage.as_deref(), ours.share_ppm, ours.waits_for), (Some("AllowTraffic"), Some(100_000), None));
    assert_eq!(ours.tasks, OldAndNew { old: (3, 3), new: (3, 2) });
    let events: Vec<_> = ours.events.iter().map(|event| (event.name.as_str(), event.status.as_str())).collect();
    assert_eq!(events, [("Install", "Succeeded"), ("AllowTraffic", "InProgress"), ("AfterAllowTraffic", "Pending")]);

    let calls = calls(&script);
    assert_eq!(
        names(&calls),
        [
            "ListDeployments",
            "ListDeployments",
            "BatchGetDeployments",
            "ListDeploymentTargets",
            "BatchGetDeploymentTargets"
        ]
    );
    assert_eq!(calls[0].1["includeOnlyStatuses"], json!(["Created", "Queued", "InProgress", "Baking", "Ready"]));
    assert_eq!(calls[0].1["createTimeRange"], Value::Null);
    assert_eq!(
        (&calls[1].1["includeOnlyStatuses"], calls[1].1["createTimeRange"]["start"].as_f64()),
        (&Value::Null, Some(1_699_920_000.0))
    );
    assert_eq!(calls[2].1["deploymentIds"], json!(["d-0", "d-1"]));
    assert_eq!((&calls[0].1["applicationName"], &calls[0].1["deploymentGroupName"]), (&json!("shop"), &json!("web")));
}

#[tokio::test]
async fn a_known_deployment_is_asked_for_by_its_id() {
    let script = Script::start(vec![
        ids(&["d-1"]),
        got(&info("d-1", "Created", &json!({}))),
        refusal("DeploymentNotStartedException"),
    ]);
    let found = look(&script, Some(RUN), Some("d-1")).await.unwrap();
    assert_eq!(found.ours.unwrap().status, DeploymentStatus::Pending);
    assert_eq!(names(&calls(&script)), ["ListDeployments", "GetDeployment", "ListDeploymentTargets"]);

    // AWS may name the target before it tells of it.
    let script = Script::start(vec![
        ids(&[]),
        got(&info("d-1", "Created", &json!({}))),
        answer(&json!({"targetIds": ["shop:web"]})),
        refusal("DeploymentNotStartedException"),
    ]);
    assert_eq!(look(&script, Some(RUN), Some("d-1")).await.unwrap().ours.unwrap().events, []);

    let script = Script::start(vec![ids(&[]), refusal("DeploymentDoesNotExistException")]);
    assert_eq!(look(&script, Some(RUN), Some("d-1")).await.unwrap_err().class, ErrorClass::NotFound);
}

#[tokio::test]
async fn nobody_elses_mark_is_ours() {
    let other = info("d-2", "InProgress", &json!({"description": "bluegreen run run-10", "creator": "CloudFormation"}));
    let script = Script::start(vec![ids(&["d-2"]), ids(&["d-2"]), infos(&[other]), no_target()]);
    let found = look(&script, Some(RUN), None).await.unwrap();
    assert_eq!((found.ours, found.others.len()), (None, 1));
    assert_eq!((found.others[0].creator.as_str(), found.others[0].stage.as_ref()), ("CloudFormation", None));
    assert_eq!(found.others[0].run.as_ref().map(ToString::to_string).as_deref(), Some("run-10"));
}

#[tokio::test]
async fn without_a_run_only_what_is_under_way_is_listed() {
    let script = Script::start(vec![ids(&["d-2"]), infos(&[marked("d-2", "Baking")]), no_target()]);
    let found = look(&script, None, None).await.unwrap();
    assert_eq!((found.ours, found.others.len()), (None, 1));
}

#[tokio::test]
async fn a_rollback_is_found_from_both_ends() {
    let ours = |rollback: &str| {
        let mut ours = marked("d-1", "Stopped");
        ours["errorInformation"] = json!({"code": "ALARM_ACTIVE", "message": "an alarm is on"});
        ours["rollbackInfo"] = json!({"rollbackDeploymentId": rollback, "rollbackMessage": "taken back"});
        ours
    };
    // What takes ours back repeats our mark, and is not ours.
    let mut back = marked("d-9", "InProgress");
    back["creator"] = json!("codeDeployRollback");
    back["rollbackInfo"] = json!({"rollbackTriggeringDeploymentId": "d-1", "rollbackMessage": "taking back"});

    // Ours names it, and it has ended.
    back["status"] = json!("Succeeded");
    let script = Script::start(vec![ids(&[]), got(&ours("d-9")), got(&back), no_target(), no_target()]);
    let found = look(&script, Some(RUN), Some("d-1")).await.unwrap();
    let stopped = found.ours.unwrap();
    assert_eq!((stopped.status, stopped.rolled_back_by), (DeploymentStatus::Stopped, Some(DeploymentId::new("d-9"))));
    assert_eq!(stopped.why.as_deref(), Some("ALARM_ACTIVE: an alarm is on; taken back"));
    let rollback = found.rollback.unwrap();
    assert_eq!((rollback.status, rollback.rollback_of), (DeploymentStatus::Succeeded, Some(DeploymentId::new("d-1"))));
    assert_eq!((rollback.run, rollback.rolled_back_by), (None, None));

    // Only it names ours.
    back["status"] = json!("InProgress");
    let script = Script::start(vec![
        ids(&["d-9"]),
        ids(&["d-1", "d-9"]),
        infos(&[marked("d-1", "Stopped"), back]),
        no_target(),
        no_target(),
    ]);
    let found = look(&script, Some(RUN), None).await.unwrap();
    assert_eq!(found.ours.unwrap().id.as_str(), "d-1");
    assert_eq!((found.rollback.unwrap().id.as_str(), found.others.len()), ("d-9", 0));
}

#[tokio::test]
async fn every_page_is_read_and_a_hundred_go_into_one_call() {
    let many: Vec<String> = (0..101).map(|n| format!("d-{n:03}")).collect();
    let ended = |ids: &[String]| infos(&ids.iter().map(|id| info(id, "Succeeded", &json!({}))).collect::<Vec<_>>());
    let script = Script::start(vec![
        ids(&[]),
        answer(&json!({"deployments": &many[..100], "nextToken": "more"})),
        answer(&json!({"deployments": &many[100..]})),
        ended(&many[..100]),
        ended(&many[100..]),
    ]);
    assert_eq!(look(&script, Some(RUN), None).await, Ok(ManagedDeployments::default()));
    assert_eq!(calls(&script)[2].1["nextToken"], "more");
}

#[tokio::test]
async fn answers_that_lack_what_they_must_have_are_not_understood() {
    let without = |name: &str| {
        let mut info = marked("d-1", "InProgress");
        info.as_object_mut().unwrap().remove(name);
        info
    };
    for script in [
        vec![ids(&["d-1"]), ids(&[]), infos(&[])],
        vec![ids(&["d-1"]), ids(&[]), infos(&[without("status")])],
        vec![ids(&["d-1"]), ids(&[]), infos(&[without("createTime")])],
        vec![ids(&["d-1"]), ids(&[]), infos(&[without("deploymentId")])],
        [
            vec![ids(&["d-1"]), ids(&[]), infos(&[marked("d-1", "InProgress")])],
            target(&[json!({"lifecycleEventName": "Install"})], &[]).into(),
        ]
        .into_iter()
        .flatten()
        .collect(),
    ] {
        let script = Script::start(script);
        assert_eq!(look(&script, Some(RUN), None).await.unwrap_err().class, ErrorClass::Malformed);
    }
    let script = Script::start(vec![ids(&[]), answer(&json!({}))]);
    assert_eq!(look(&script, None, Some("d-1")).await.unwrap_err().class, ErrorClass::Malformed);
}

#[tokio::test]
async fn waits_end_where_aws_said_that_they_would() {
    for (status, started, stage, minutes) in
        [("Ready", false, "AfterAllowTestTraffic", 30), ("InProgress", true, "AllowTraffic", 60)]
    {
        let mut ours = marked("d-1", status);
        ours["instanceTerminationWaitTimeStarted"] = json!(started);
        let end = 1_700_000_100.0;
        let [listed, described] = target(
            &[
                event("Install", "Succeeded", Some(end - 50.0)),
                event(stage, "Succeeded", Some(end)),
                event("Later", "Pending", None),
            ],
            &[],
        );
        let script = Script::start(vec![ids(&[]), got(&ours), listed, described]);
        let found = look(&script, None, Some("d-1")).await.unwrap().ours.unwrap();
        assert_eq!(found.wait_ends.map(Timestamp::as_second), Some(1_700_000_100 + minutes * 60), "{status}");
        assert_eq!(found.stage.as_deref(), Some(stage));
    }
}

fn request() -> DeploymentRequest {
    DeploymentRequest::CodeDeploy {
        application: "shop".to_owned(),
        group: "web".to_owned(),
        config: "CodeDeployDefault.ECSAllAtOnce".to_owned(),
        content: "{\"version\": 0.0}".to_owned(),
        sha256: "ab12".to_owned(),
        description: "bluegreen run run-1".to_owned(),
    }
}

#[tokio::test]
async fn a_start_is_sent_whole_and_rolls_back_by_itself() {
    let script = Script::start(vec![answer(&json!({"deploymentId": "d-1"}))]);
    let outcome = script.ports().await.releases.start(&request()).await;
    assert_eq!(outcome, Outcome::Applied(Some(DeploymentId::new("d-1"))));
    let calls = calls(&script);
    assert_eq!(names(&calls), ["CreateDeployment"]);
    assert_eq!(
        calls[0].1,
        json!({
            "applicationName": "shop", "deploymentGroupName": "web",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce", "description": "bluegreen run run-1",
            "revision": {
                "revisionType": "AppSpecContent",
                "appSpecContent": {"content": "{\"version\": 0.0}", "sha256": "ab12"},
            },
            "autoRollbackConfiguration": {
                "enabled": true,
                "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
            },
        })
    );
}

#[tokio::test]
async fn a_start_is_sent_once_and_never_guessed() {
    let unavailable = || Answer::Body(503, "application/x-amz-json-1.1", b"{}".to_vec());
    for (end, applied) in [
        (refusal("DeploymentLimitExceededException"), Some(ErrorClass::Invalid)),
        (refusal("DeploymentGroupDoesNotExistException"), Some(ErrorClass::NotFound)),
        (refusal("com.amazonaws.codedeploy#ThrottlingException"), Some(ErrorClass::Throttled)),
        (unavailable(), None),
        (Answer::HangUp, None),
        (answer(&json!({})), None),
    ] {
        let script = Script::start(vec![end, answer(&json!({"deploymentId": "d-2"}))]);
        match (script.ports().await.releases.start(&request()).await, applied) {
            (Outcome::NotApplied(error), Some(class)) => assert_eq!(error.class, class, "{error}"),
            (Outcome::Unknown(_), None) => {}
            (outcome, _) => panic!("{outcome:?}"),
        }
        assert_eq!(script.heard().len(), 1);
    }
}

#[tokio::test]
async fn waits_stops_and_hooks_are_answered() {
    let id = DeploymentId::new("d-1");
    let done = || answer(&json!({}));
    let script = Script::start(vec![
        done(),
        done(),
        answer(&json!({"status": "Pending", "statusMessage": "stopping"})),
        answer(&json!({"lifecycleEventHookExecutionId": "x"})),
        done(),
    ]);
    let releases = script.ports().await.releases;
    assert_eq!(releases.go_on(&id, &DeploymentWait::Ready).await, Outcome::Applied(()));
    assert_eq!(releases.go_on(&id, &DeploymentWait::Termination).await, Outcome::Applied(()));
    assert_eq!(releases.stop(&id).await, Outcome::Applied(()));
    assert_eq!(releases.answer_hook(&id, "x", true).await, Outcome::Applied(()));
    assert_eq!(releases.answer_hook(&id, "y", false).await, Outcome::Applied(()));
    let sent = |name: &str, body: Value| (name.to_owned(), body);
    assert_eq!(
        calls(&script),
        [
            sent("ContinueDeployment", json!({"deploymentId": "d-1", "deploymentWaitType": "READY_WAIT"})),
            sent("ContinueDeployment", json!({"deploymentId": "d-1", "deploymentWaitType": "TERMINATION_WAIT"})),
            sent("StopDeployment", json!({"deploymentId": "d-1", "autoRollbackEnabled": true})),
            sent(
                "PutLifecycleEventHookExecutionStatus",
                json!({"deploymentId": "d-1", "lifecycleEventHookExecutionId": "x", "status": "Succeeded"})
            ),
            sent(
                "PutLifecycleEventHookExecutionStatus",
                json!({"deploymentId": "d-1", "lifecycleEventHookExecutionId": "y", "status": "Failed"})
            ),
        ]
    );
}

#[tokio::test]
async fn what_came_too_late_was_not_applied() {
    let id = DeploymentId::new("d-1");
    for code in ["DeploymentAlreadyCompletedException", "DeploymentIsNotInReadyStateException"] {
        let script = Script::start(vec![refusal(code), refusal(code)]);
        let releases = script.ports().await.releases;
        for outcome in [releases.go_on(&id, &DeploymentWait::Ready).await, releases.stop(&id).await] {
            assert!(
                matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid && error.message.contains(code)),
                "{outcome:?}"
            );
        }
    }
}
