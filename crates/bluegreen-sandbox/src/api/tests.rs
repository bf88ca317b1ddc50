use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::model::Color;
use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::*;
use crate::faults::FaultPlan;
use crate::scenario::Scenario;
use crate::world::codedeploy::Function;
use crate::world::{Config, Deed, When};

const IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

struct Stage {
    api: Api,
}

fn stage(plan: &str) -> Stage {
    staged(World::new(Config::fast(7)), plan)
}

fn staged(world: World, plan: &str) -> Stage {
    let clock = Arc::new(RunningClock::new(world.now_ms(), 1.0));
    let world = Arc::new(Mutex::new(world));
    let faults = FaultPlan::parse(plan).unwrap().faults(1);
    Stage { api: Api::new(world, clock, faults) }
}

fn form(body: &str) -> Request<Bytes> {
    let agent = "aws-sdk-rust/1.3 os/linux lang/rust app/release-1";
    let request = Request::builder().method(Method::POST).uri("/").header("user-agent", agent);
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn text(response: &Response<Bytes>) -> (u16, String) {
    (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
}

impl Stage {
    async fn ask(&self, body: &str) -> Result<(u16, String), Dropped> {
        self.api.answer(form(body)).await.map(|response| text(&response))
    }

    async fn control(&self, method: Method, name: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("/_sandbox/{name}")).body(body.into()).unwrap();
        let response = self.api.answer(request).await.unwrap();
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_and_logged_with_its_caller() {
    let stage = stage("");
    tokio::time::advance(Duration::from_millis(1_500)).await;
    let (status, answer) = stage.ask(IDENTITY).await.unwrap();
    assert!(status == 200 && answer.contains("<Account>111122223333</Account>"), "{answer}");
    assert!(answer.contains("assumed-role/sandbox/release-1"), "{answer}");
    let (status, answer) = stage.ask("Action=AssumeRole&Version=2011-06-15").await.unwrap();
    assert!(status == 501 && answer.contains("the sandbox has no AssumeRole of sts"), "{answer}");
    assert_eq!(stage.ask("nonsense").await.unwrap().0, 400);
    let (_, log) = stage.control(Method::GET, "requests", &Value::Null).await;
    let expected = json!({"index": 0, "time": "2026-01-01T00:00:01.5Z", "service": "sts", "status": 200,
        "operation": "GetCallerIdentity", "client": "release-1", "mutating": false});
    assert_eq!(log["requests"][0], expected);
    assert_eq!((&log["requests"][1]["status"], &log["requests"][1]["mutating"]), (&json!(501), &json!(true)));
    assert_eq!((&log["requests"][2]["index"], &log["requests"][2]["status"]), (&json!(2), &json!(400)));
    assert_eq!(stage.api.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_at_the_same_place_has_the_same_answer() {
    let answer = || async { stage("").ask(IDENTITY).await.unwrap() };
    assert_eq!(answer().await, answer().await);
    let stage = stage("");
    assert_ne!(stage.ask(IDENTITY).await.unwrap(), stage.ask(IDENTITY).await.unwrap(), "each has an id of its own");
}

#[tokio::test(start_paused = true)]
async fn faults_are_what_clients_see() {
    let faulty = |plan| async move {
        let stage = stage(plan);
        let asked = timeout(Duration::from_secs(3600), stage.ask(IDENTITY)).await;
        (asked, stage.api.requests()[0].clone())
    };
    let (answer, logged) = faulty("throttle=1").await;
    let (status, text) = answer.unwrap().unwrap();
    assert!(status == 400 && text.contains("<Code>Throttling</Code>"), "{text}");
    assert_eq!((logged.status, logged.fault), (Some(400), Some(Fault::THROTTLED)));
    assert_eq!(faulty("error:sts=1").await.0.unwrap().unwrap().0, 503);
    let (status, text) = faulty("deny=1").await.0.unwrap().unwrap();
    assert!(status == 403 && text.contains("sts:GetCallerIdentity"), "{text}");
    let (answer, logged) = faulty("drop=1").await;
    assert_eq!((answer.unwrap(), logged.status), (Err(Dropped), None));
    assert_eq!(faulty("drop-applied=1").await.0.unwrap(), Err(Dropped));
    assert!(faulty("hang=1").await.0.is_err(), "it never ends");
    assert!(faulty("hang-applied=1").await.0.is_err(), "it never ends");
    assert_eq!(faulty("throttle:elbv2=1,error:mutations=1").await.0.unwrap().unwrap().0, 200);
    let began = Instant::now();
    assert_eq!(faulty("slow@3s=1").await.0.unwrap().unwrap().0, 200);
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn faults_come_and_go_at_run_time() {
    let stage = stage("");
    let armed = json!({"plan": "throttle:sts=1", "times": 1, "client": "release-1"});
    let (status, told) = stage.control(Method::POST, "faults", &armed).await;
    assert_eq!(status, 200, "{told}");
    let (_, told) = stage.control(Method::POST, "faults", &json!({"plan": "error=1", "client": "other"})).await;
    assert_eq!(told["faults"].as_array().unwrap().len(), 2);
    assert_eq!(stage.ask(IDENTITY).await.unwrap().0, 400);
    assert_eq!(stage.ask(IDENTITY).await.unwrap().0, 200);
    let (_, told) = stage.control(Method::GET, "faults", &Value::Null).await;
    let expected = json!({"id": 0, "plan": "throttle:sts=1", "client": "release-1", "timesLeft": 0, "fired": 1});
    assert_eq!(told["faults"][0], expected);
    stage.control(Method::POST, "disarm", &Value::Null).await;
    assert!(stage.api.faults().is_empty());
    for (asked, about) in [
        (json!({}), "`plan` is missing"),
        (json!({"plan": 1}), "`plan` has a wrong type: a text"),
        (json!({"plan": "error=1", "times": -1}), "`times` has a wrong type"),
        (json!({"plan": "eror=1"}), "no kind of fault"),
        (json!([]), "not a JSON object"),
    ] {
        let (status, told) = stage.control(Method::POST, "faults", &asked).await;
        assert!(status == 400 && told["error"].as_str().unwrap().contains(about), "{told}");
    }
    let (status, told) = stage.control(Method::POST, "nothing", &Value::Null).await;
    assert!(status == 404 && told["error"].as_str().unwrap().contains("GET clock"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn requests_wait_while_they_are_paused() {
    let stage = stage("");
    stage.control(Method::POST, "pause", &Value::Null).await;
    assert!(timeout(Duration::from_secs(60), stage.ask(IDENTITY)).await.is_err());
    assert!(stage.api.requests().is_empty());
    stage.control(Method::POST, "unpause", &Value::Null).await;
    assert_eq!(stage.ask(IDENTITY).await.unwrap().0, 200);
}

#[tokio::test(start_paused = true)]
async fn weights_are_noted_when_they_change_whoever_changes_them() {
    let scenario = Scenario::shop();
    let route = scenario.route_ids().remove(0);
    let groups = scenario.groups();
    let actions = |blue, green| scenario.actions(&route, &[(Color::Blue, Some(blue)), (Color::Green, Some(green))]);
    let mut world = scenario.world();
    let start = world.now_ms();
    world.script(When::At(start + 4_000), Deed::EditRoute(route.clone(), actions(90, 10)));
    world.script(When::At(start + 5_000), Deed::EditRoute(route.clone(), actions(85, 15)));
    let seen_at = world.timestamp(start + 4_000).to_string();
    world.script(When::BeforeCall(1), Deed::EditRoute(route.clone(), actions(80, 20)));
    let stage = staged(world, "");
    let first = stage.api.weights();
    let at_first = first.iter().find(|change| change.arn == route.arn()).unwrap();
    assert_eq!((at_first.by.as_str(), at_first.request), ("nobody", None));

    stage.ask(IDENTITY).await.unwrap();
    assert_eq!(stage.api.weights().len(), first.len());
    tokio::time::advance(Duration::from_secs(6)).await;
    stage.ask(IDENTITY).await.unwrap();
    let (_, told) = stage.control(Method::GET, "weights", &Value::Null).await;
    let changes = &told["weights"].as_array().unwrap()[first.len()..];
    // Two while time passed, each for a while; the last just before the request was handled.
    let green = |change: &Value| change["weights"][groups.green.as_str()].clone();
    assert_eq!(changes.iter().map(green).collect::<Vec<_>>(), [json!(10), json!(15), json!(20)]);
    let expected = json!({"arn": route.arn(), "weights": {groups.blue.as_str(): 90, groups.green.as_str(): 10},
        "stickiness": changes[0]["stickiness"], "by": "third-party", "at": seen_at, "request": 0});
    assert_eq!(changes[0], expected);
    stage.control(Method::POST, "forget", &Value::Null).await;
    assert_eq!(stage.api.weights().len(), first.len());
    assert!(stage.api.requests().is_empty());
}

#[tokio::test]
async fn what_stands_for_a_function_is_said_at_run_time() {
    let stage = stage("");
    for (body, function) in [
        (json!({"function": "smoke", "command": "./smoke --all"}), Function::command("./smoke --all")),
        (json!({"function": "smoke", "command": ["true", "x"]}), Function::Command(vec!["true".into(), "x".into()])),
        (json!({"function": "smoke", "url": "http://localhost:1/"}), Function::Url("http://localhost:1/".into())),
        (json!({"function": "smoke", "passes": false}), Function::Scripted { takes: 0, passes: false }),
        (json!({"function": "smoke", "passes": true, "takes": 5}), Function::Scripted { takes: 5, passes: true }),
    ] {
        assert_eq!(stage.control(Method::POST, "hooks", &body).await, (200, json!({})), "{body}");
        assert_eq!(stage.api.lock_world().function("smoke"), Some(&function));
    }
    for (body, word) in [
        (json!({"command": "true"}), "function"),
        (json!({"function": "smoke"}), "command"),
        (json!({"function": "smoke", "command": []}), "command"),
        (json!({"function": "smoke", "command": " "}), "command"),
        (json!({"function": "smoke", "command": "true", "url": "http://localhost/"}), "command"),
        (json!({"function": "smoke", "passes": true, "takes": -1}), "takes"),
    ] {
        let (status, answer) = stage.control(Method::POST, "hooks", &body).await;
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(word), "{body}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_world_s_time_is_tokio_s_times_a_factor() {
    let clock = RunningClock::new(100, 60.0);
    assert_eq!(clock.now(), 100);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(clock.now(), 60_100);
    let began = Instant::now();
    clock.sleep(6_000).await;
    assert_eq!(began.elapsed(), Duration::from_millis(100));
    assert_eq!(RunningClock::new(0, 0.0).real(1_000), Duration::from_secs(1));
}
