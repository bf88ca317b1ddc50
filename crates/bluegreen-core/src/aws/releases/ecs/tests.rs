use serde_json::{Value, json};

use super::*;
use crate::aws::testing::{Answer, Script, calls, json as answer, names, refusal};
use crate::model::{DeploymentSite, DeploymentWait};
use crate::observe::{DeploymentStatus, LifecycleEvent, OldAndNew};
use crate::ports::{DeploymentRequest, run_mark};

const HOME: &str = "arn:aws:ecs:eu-west-3:111122223333";
const RUN: &str = "run-1";

fn id(name: &str) -> String {
    format!("{HOME}:service-deployment/shop/web/{name}")
}

fn service_revision(name: &str) -> String {
    format!("{HOME}:service-revision/shop/web/{name}")
}

fn definition(revision: u32) -> String {
    format!("{HOME}:task-definition/web:{revision}")
}

fn pause(details: &Value) -> Value {
    let mut hook = json!({"targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"]});
    if !details.is_null() {
        hook["hookDetails"] = details.clone();
    }
    hook
}

fn mark(run: &str) -> Value {
    pause(&json!({"bluegreen": run_mark(&run.parse().unwrap())}))
}

/// A deployment as `DescribeServiceDeployments` shows it, with `more` on top.
fn deployment(name: &str, status: &str, hooks: &[Value], more: &Value) -> Value {
    let mut found = json!({
        "serviceDeploymentArn": id(name), "status": status, "createdAt": 1_700_000_000.5,
        "targetServiceRevision": {"arn": service_revision(name), "requestedTaskCount": 3, "runningTaskCount": 2,
                                  "pendingTaskCount": 1, "requestedProductionTrafficWeight": 12.5},
        "sourceServiceRevisions": [
            {"arn": service_revision("old"), "requestedTaskCount": 3, "runningTaskCount": 3, "pendingTaskCount": 0},
        ],
        "deploymentConfiguration": {"strategy": "CANARY", "lifecycleHooks": hooks},
    });
    for (name, value) in more.as_object().unwrap() {
        found[name] = value.clone();
    }
    found
}

fn ours(status: &str, more: &Value) -> Value {
    deployment("a", status, &[mark(RUN)], more)
}

fn listed(names: &[&str]) -> Answer {
    let briefs: Vec<_> = names.iter().map(|name| json!({"serviceDeploymentArn": id(name), "status": "X"})).collect();
    answer(&json!({"serviceDeployments": briefs}))
}

fn described(deployments: &[Value]) -> Answer {
    answer(&json!({"serviceDeployments": deployments, "failures": []}))
}

fn revisions(revisions: &[(&str, u32)]) -> Answer {
    let revision = |(name, number): &(&str, u32)| json!({"serviceRevisionArn": service_revision(name), "taskDefinition": definition(*number)});
    answer(&json!({"serviceRevisions": revisions.iter().map(revision).collect::<Vec<_>>()}))
}

async fn look(script: &Script, run: Option<&str>, known: Option<&str>) -> Result<ManagedDeployments, CallError> {
    let site = DeploymentSite::Ecs { cluster: "shop".to_owned(), service: "web".to_owned() };
    let run = run.map(|run| run.parse().unwrap());
    let known = known.map(|name| DeploymentId::new(id(name)));
    let since = "2023-11-14T00:00:00Z".parse().unwrap();
    script.ports().await.releases.deployments(&site, run.as_ref(), known.as_ref(), since).await
}

#[tokio::test]
async fn our_deployment_is_found_by_its_mark_and_shown_whole() {
    let more = json!({
        "lifecycleStage": "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "lifecycleHookDetails": [
            {"hookId": "h0", "targetType": "AWS_LAMBDA", "targetArn": "arn:aws:lambda:x", "status": "SUCCEEDED"},
            {"hookId": "h1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "expiresAt": 1_700_000_600.0,
             "timeoutAction": "ROLLBACK"},
        ],
    });
    let script = Script::start(vec![
        listed(&["a"]),
        listed(&["a", "b"]),
        described(&[deployment("b", "SUCCESSFUL", &[], &json!({})), ours("IN_PROGRESS", &more)]),
        revisions(&[("a", 8)]),
    ]);
    let found = look(&script, Some(RUN), None).await.unwrap();
    assert_eq!((found.rollback, found.others.len()), (None, 0));
    let ours = found.ours.unwrap();
    assert_eq!(
        (ours.id.as_str(), ours.status, ours.creator.as_str()),
        (id("a").as_str(), DeploymentStatus::InProgress, "")
    );
    assert_eq!(ours.run.map(|run| run.to_string()).as_deref(), Some(RUN));
    assert_eq!(ours.created_at.to_string(), "2023-11-14T22:13:20.5Z");
    assert_eq!(ours.task_definition.map(|found| found.to_string()), Some(definition(8)));
    assert_eq!((ours.stage.as_deref(), ours.share_ppm), (Some("PRE_PRODUCTION_TRAFFIC_SHIFT"), Some(125_000)));
    let stage = "PRE_PRODUCTION_TRAFFIC_SHIFT".to_owned();
    assert_eq!(ours.waits_for, Some(DeploymentWait::Pause { hook: "h1".to_owned(), stage }));
    assert_eq!(ours.wait_ends.map(Timestamp::as_second), Some(1_700_000_600));
    assert_eq!(ours.tasks, OldAndNew { old: (3, 3), new: (3, 2) });
    assert_eq!((ours.why, ours.rolled_back_by, ours.rollback_of), (None, None, None));
    let events: Vec<_> = ours.events.iter().map(|event| (event.name.as_str(), event.status.as_str())).collect();
    assert_eq!(
        events,
        [
            ("PRE_PRODUCTION_TRAFFIC_SHIFT", "IN_PROGRESS"),
            ("AWS_LAMBDA arn:aws:lambda:x h0", "SUCCEEDED"),
            ("PAUSE h1", "AWAITING_ACTION")
        ]
    );

    let calls = calls(&script);
    assert_eq!(
        names(&calls),
        ["ListServiceDeployments", "ListServiceDeployments", "DescribeServiceDeployments", "DescribeServiceRevisions"]
    );
    let active = json!(["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"]);
    assert_eq!((&calls[0].1["status"], &calls[0].1["createdAt"]), (&active, &Value::Null));
    assert_eq!(
        (&calls[1].1["status"], calls[1].1["createdAt"]["after"].as_f64()),
        (&Value::Null, Some(1_699_920_000.0))
    );
    assert_eq!((&calls[1].1["cluster"], &calls[1].1["service"]), (&json!("shop"), &json!("web")));
    assert_eq!(calls[2].1["serviceDeploymentArns"], json!([id("a"), id("b")]));
    assert_eq!(calls[3].1["serviceRevisionArns"], json!([service_revision("a")]));
}

#[tokio::test]
async fn a_known_deployment_is_described_by_its_id() {
    let other = deployment("b", "PENDING", &[mark("run-2")], &json!({}));
    let script = Script::start(vec![
        listed(&["b"]),
        described(&[ours("SUCCESSFUL", &json!({})), other]),
        revisions(&[("a", 8), ("b", 9)]),
    ]);
    let found = look(&script, Some(RUN), Some("a")).await.unwrap();
    assert_eq!(found.ours.unwrap().status, DeploymentStatus::Succeeded);
    assert_eq!((found.others.len(), found.others[0].id.as_str()), (1, id("b").as_str()));
    assert_eq!(found.others[0].run.as_ref().map(ToString::to_string).as_deref(), Some("run-2"));

    let missing = answer(&json!({"serviceDeployments": [], "failures": [{"arn": id("a"), "reason": "MISSING"}]}));
    let script = Script::start(vec![listed(&[]), missing]);
    assert_eq!(look(&script, Some(RUN), Some("a")).await.unwrap_err().class, ErrorClass::NotFound);
}

#[tokio::test]
async fn the_mark_is_found_wherever_it_stands_in_the_details() {
    let text = run_mark(&RUN.parse().unwrap());
    for details in
        [json!(text), json!([1, null, {"deep": [text]}]), json!({"n": 1.5, "why": format!("by {text} of shop")})]
    {
        let found = deployment("a", "IN_PROGRESS", &[pause(&json!({"x": true})), pause(&details)], &json!({}));
        let script = Script::start(vec![listed(&["a"]), listed(&[]), described(&[found]), revisions(&[("a", 8)])]);
        assert!(look(&script, Some(RUN), None).await.unwrap().ours.is_some(), "{details}");
    }
    for details in [json!("bluegreen run run-10"), json!({"bluegreen": "run-1"}), json!(1), json!(false)] {
        let found = deployment("a", "IN_PROGRESS", &[pause(&details)], &json!({}));
        let script = Script::start(vec![listed(&["a"]), listed(&[]), described(&[found]), revisions(&[("a", 8)])]);
        let found = look(&script, Some(RUN), None).await.unwrap();
        assert_eq!((found.ours, found.others.len()), (None, 1), "{details}");
    }
}

#[tokio::test]
async fn where_pauses_keep_no_details_the_revisions_tag_tells() {
    let tagged = |run: &str| {
        answer(&json!({"taskDefinition": {"taskDefinitionArn": definition(8)},
                       "tags": [{"key": "bluegreen:run", "value": run}]}))
    };
    for (run, is_ours) in [(RUN, true), ("run-2", false)] {
        let found = deployment("a", "IN_PROGRESS", &[pause(&Value::Null)], &json!({}));
        let script = Script::start(vec![
            listed(&["a"]),
            listed(&["a"]),
            described(&[found]),
            revisions(&[("a", 8)]),
            tagged(run),
            revisions(&[("a", 8)]),
        ]);
        let found = look(&script, Some(RUN), None).await.unwrap();
        assert_eq!((found.ours.is_some(), found.others.is_empty()), (is_ours, is_ours));
        if let Some(ours) = found.ours {
            assert_eq!(ours.run.map(|run| run.to_string()).as_deref(), Some(RUN));
        }
        assert_eq!(calls(&script)[4].1["include"], json!(["TAGS"]));
    }
}

#[tokio::test]
async fn a_deployment_that_never_asked_for_our_pauses_is_anothers() {
    // Somebody else may deploy the revision that our run registered.
    for hooks in [vec![], vec![mark("run-2")], vec![json!({"targetType": "AWS_LAMBDA", "lifecycleStages": []})]] {
        let found = deployment("a", "IN_PROGRESS", &hooks, &json!({}));
        let script = Script::start(vec![listed(&["a"]), listed(&["a"]), described(&[found]), revisions(&[("a", 8)])]);
        let found = look(&script, Some(RUN), None).await.unwrap();
        assert_eq!((found.ours, found.others.len()), (None, 1));
    }
}

#[tokio::test]
async fn without_a_run_only_what_is_under_way_is_listed() {
    let strange = deployment("b", "HIBERNATING", &[], &json!({"lifecycleStage": "DREAM"}));
    let script = Script::start(vec![
        listed(&["a", "b"]),
        described(&[ours("STOP_REQUESTED", &json!({})), strange]),
        revisions(&[]),
    ]);
    let found = look(&script, None, None).await.unwrap();
    assert_eq!((found.ours, found.others.len()), (None, 2));
    assert_eq!(found.others[1].status, DeploymentStatus::Unknown("HIBERNATING".to_owned()));
    assert_eq!((found.others[1].stage.as_deref(), found.others[1].task_definition.as_ref()), (Some("DREAM"), None));
    let script = Script::start(vec![listed(&[])]);
    assert_eq!(look(&script, None, None).await, Ok(ManagedDeployments::default()));
}

#[tokio::test]
async fn every_page_is_read_and_twenty_go_into_one_call() {
    let many: Vec<String> = (0..21).map(|n| format!("d{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let ended = |names: &[&str]| {
        described(&names.iter().map(|name| deployment(name, "STOPPED", &[], &json!({}))).collect::<Vec<_>>())
    };
    let page = |name: &str, token: Option<&str>| {
        answer(&json!({"serviceDeployments": [{"serviceDeploymentArn": id(name)}], "nextToken": token}))
    };
    let script = Script::start(vec![
        page(many[0], Some("more")),
        page(many[1], None),
        listed(&many[2..]),
        ended(&many[..20]),
        ended(&many[20..]),
    ]);
    assert_eq!(look(&script, Some(RUN), None).await, Ok(ManagedDeployments::default()));
    assert_eq!(calls(&script)[1].1["nextToken"], "more");

    let script = Script::start(vec![page("a", Some("same")), page("a", Some("same"))]);
    assert_eq!(look(&script, None, None).await.unwrap_err().class, ErrorClass::Malformed);
}

#[tokio::test]
async fn answers_that_lack_what_they_must_have_are_not_understood() {
    let waiting = |hook: Value| json!({"lifecycleStage": "POST_SCALE_UP", "lifecycleHookDetails": [hook]});
    let awaiting = json!({"hookId": "h", "status": "AWAITING_ACTION"});
    for found in [
        ours("IN_PROGRESS", &json!({"status": null})),
        ours("IN_PROGRESS", &json!({"createdAt": null})),
        ours("IN_PROGRESS", &waiting(json!({"status": "AWAITING_ACTION"}))),
        ours("IN_PROGRESS", &waiting(json!({"hookId": "h"}))),
        ours("IN_PROGRESS", &json!({"lifecycleHookDetails": [awaiting]})),
        ours("IN_PROGRESS", &json!({"serviceDeploymentArn": null})),
    ] {
        let script =
            Script::start(vec![listed(&["a"]), listed(&[]), described(std::slice::from_ref(&found)), revisions(&[])]);
        assert_eq!(
            look(&script, Some(RUN), None).await.map_err(|error| error.class),
            Err(ErrorClass::Malformed),
            "{found}"
        );
    }
    for script in [
        vec![answer(&json!({"serviceDeployments": [{"status": "PENDING"}]}))],
        vec![listed(&["a"]), described(&[])],
        vec![listed(&["a"]), answer(&json!({"failures": [{"arn": id("a"), "reason": "ODD", "detail": "moon"}]}))],
        vec![
            listed(&["a"]),
            described(&[ours("PENDING", &json!({}))]),
            answer(&json!({"failures": [{"reason": "ODD"}]})),
        ],
        vec![
            listed(&["a"]),
            described(&[ours("PENDING", &json!({}))]),
            answer(&json!({"serviceRevisions": [{"taskDefinition": "x"}]})),
        ],
    ] {
        let script = Script::start(script);
        assert_eq!(look(&script, None, None).await.unwrap_err().class, ErrorClass::Malformed);
    }
}

/// One deployment through the conversion alone.
fn converted(
    status: &str,
    change: impl FnOnce(
        aws_sdk_ecs::types::builders::ServiceDeploymentBuilder,
    ) -> aws_sdk_ecs::types::builders::ServiceDeploymentBuilder,
) -> crate::observe::ManagedDeployment {
    let time = aws_smithy_types::DateTime::from_secs(60);
    let found = ServiceDeployment::builder().service_deployment_arn("arn:x").status(status.into()).created_at(time);
    convert::deployment(&change(found).build(), &HashMap::new()).unwrap()
}

#[test]
fn every_status_has_a_meaning() {
    use DeploymentStatus::{
        Failed, InProgress, Pending, RolledBack, RollingBack, Stopped, Stopping, Succeeded, Unknown,
    };
    for (status, expected, ended) in [
        ("PENDING", Pending, false),
        ("IN_PROGRESS", InProgress, false),
        ("STOP_REQUESTED", Stopping, false),
        ("ROLLBACK_REQUESTED", RollingBack, false),
        ("ROLLBACK_IN_PROGRESS", RollingBack, false),
        ("SUCCESSFUL", Succeeded, true),
        ("ROLLBACK_SUCCESSFUL", RolledBack, true),
        ("STOPPED", Stopped, true),
        ("ROLLBACK_FAILED", Failed, true),
        ("HIBERNATING", Unknown("HIBERNATING".to_owned()), false),
    ] {
        let found = converted(status, |found| found);
        assert_eq!((found.status.has_ended(), found.share_ppm, found.events.len()), (ended, None, 0), "{status}");
        assert_eq!(found.status, expected);
    }
}

#[test]
fn a_pause_is_over_when_the_deployment_is() {
    let hook =
        aws_sdk_ecs::types::DeploymentLifecycleHookDetail::builder().hook_id("h").status("AWAITING_ACTION".into());
    let hook = hook.timeout_action(DeploymentLifecycleHookAction::Rollback).build();
    for (status, waits) in
        [("IN_PROGRESS", true), ("ROLLBACK_IN_PROGRESS", true), ("ROLLBACK_SUCCESSFUL", false), ("STOPPED", false)]
    {
        let found = converted(status, |found| found.lifecycle_stage("X".into()).lifecycle_hook_details(hook.clone()));
        assert_eq!(found.waits_for.is_some(), waits, "{status}");
    }
}

#[test]
fn a_deployment_says_why_it_ended() {
    use aws_sdk_ecs::types::{DeploymentLifecycleHookDetail, Rollback, ServiceDeploymentAlarms};
    let alarms =
        ServiceDeploymentAlarms::builder().triggered_alarm_names("errors").triggered_alarm_names("slow").build();
    let hook = DeploymentLifecycleHookDetail::builder().hook_id("h").status("TIMED_OUT".into());
    let hook = hook.timeout_action(DeploymentLifecycleHookAction::Rollback).build();
    let found = converted("ROLLBACK_SUCCESSFUL", |found| {
        let rollback = Rollback::builder().reason("a breaker\ntripped").build();
        found.status_reason("it failed").rollback(rollback).alarms(alarms).lifecycle_hook_details(hook)
    });
    assert_eq!(found.why.as_deref(), Some("it failed; a breaker tripped; alarms: errors, slow"));
    let message = Some("timed out, which means ROLLBACK".to_owned());
    assert_eq!(found.events, [LifecycleEvent { name: "hook h".to_owned(), status: "TIMED_OUT".to_owned(), message }]);
}

fn request(configuration: Value) -> DeploymentRequest {
    DeploymentRequest::Ecs {
        cluster: "shop".to_owned(),
        service: "web".to_owned(),
        task_definition: definition(8).parse().unwrap(),
        configuration,
    }
}

#[tokio::test]
async fn a_start_is_forced_whole_and_tells_no_id() {
    let configuration = json!({"strategy": "SPIRAL", "warp": {"factor": 9}, "lifecycleHooks": [mark(RUN)]});
    // What the answer shows may be the deployment before.
    let script = Script::start(vec![answer(&json!({"service": {"currentServiceDeployment": id("before")}}))]);
    let outcome = script.ports().await.releases.start(&request(configuration.clone())).await;
    assert_eq!(outcome, Outcome::Applied(None));
    let body = json!({
        "cluster": "shop", "service": "web", "taskDefinition": definition(8), "forceNewDeployment": true,
        "deploymentConfiguration": configuration,
    });
    assert_eq!(calls(&script), [("UpdateService".to_owned(), body)]);
}

#[tokio::test]
async fn a_start_is_sent_once_and_never_guessed() {
    for (end, applied) in [
        (refusal("InvalidParameterException"), Some(ErrorClass::Invalid)),
        (refusal("ServiceNotFoundException"), Some(ErrorClass::NotFound)),
        // A quota, not a rate: the SDK would send it again.
        (refusal("LimitExceededException"), Some(ErrorClass::Invalid)),
        (Answer::Body(500, "application/x-amz-json-1.1", b"{}".to_vec()), None),
        (Answer::HangUp, None),
    ] {
        let script = Script::start(vec![end, answer(&json!({}))]);
        match (script.ports().await.releases.start(&request(json!({}))).await, applied) {
            (Outcome::NotApplied(error), Some(class)) => assert_eq!(error.class, class, "{error}"),
            (Outcome::Unknown(_), None) => {}
            (outcome, _) => panic!("{outcome:?}"),
        }
        assert_eq!(script.heard().len(), 1);
    }
}

#[tokio::test]
async fn pauses_and_stops_are_answered() {
    let deployment = DeploymentId::new(id("a"));
    let script = Script::start(vec![
        answer(&json!({"serviceDeploymentArn": id("a")})),
        answer(&json!({})),
        refusal("ConflictException"),
        refusal("ServiceDeploymentNotFoundException"),
    ]);
    let releases = script.ports().await.releases;
    let wait = DeploymentWait::Pause { hook: "h1".to_owned(), stage: "POST_SCALE_UP".to_owned() };
    assert_eq!(releases.go_on(&deployment, &wait).await, Outcome::Applied(()));
    assert_eq!(releases.stop(&deployment).await, Outcome::Applied(()));
    for class in [ErrorClass::Invalid, ErrorClass::NotFound] {
        let outcome = releases.stop(&deployment).await;
        assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == class), "{outcome:?}");
    }
    let calls = calls(&script);
    let arn = id("a");
    assert_eq!(
        calls[0],
        (
            "ContinueServiceDeployment".to_owned(),
            json!({"serviceDeploymentArn": arn, "hookId": "h1", "action": "CONTINUE"})
        )
    );
    assert_eq!(
        calls[1],
        ("StopServiceDeployment".to_owned(), json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"}))
    );
}

#[tokio::test]
async fn a_service_is_shown_as_aws_shows_it() {
    let service = json!({"serviceName": "web", "status": "ACTIVE", "deploymentConfiguration": {"warp": {"factor": 9}}});
    let gone = json!({"serviceName": "web", "status": "INACTIVE"});
    let script = Script::start(vec![
        answer(&json!({"services": [gone, service], "failures": []})),
        answer(&json!({"services": [gone]})),
        answer(&json!({"services": [], "failures": [{"arn": "web", "reason": "MISSING"}]})),
        answer(&json!({})),
    ]);
    let releases = script.ports().await.releases;
    assert_eq!(releases.service("shop", "web").await, Ok(service));
    for class in [ErrorClass::NotFound, ErrorClass::NotFound, ErrorClass::Malformed] {
        assert_eq!(releases.service("shop", "web").await.unwrap_err().class, class);
    }
    assert_eq!(calls(&script)[0].1, json!({"cluster": "shop", "services": ["web"]}));
}

#[tokio::test]
async fn settings_go_over_the_wire_as_they_are() {
    let script = Script::start(vec![answer(&json!({"service": {}}))]);
    let releases = script.ports().await.releases;
    let settings = json!({"deploymentConfiguration": {"lifecycleHooks": [], "warp": {"factor": 9}}});
    assert_eq!(releases.configure("shop", "web", &settings).await, Outcome::Applied(()));
    let mut body = settings.clone();
    (body["cluster"], body["service"]) = (json!("shop"), json!("web"));
    assert_eq!(calls(&script), [("UpdateService".to_owned(), body)]);

    let outcome = releases.configure("shop", "web", &json!([])).await;
    assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::Invalid), "{outcome:?}");
}
