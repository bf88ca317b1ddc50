//! Journals for tests, written record by record through the library.

use std::path::Path;

use bluegreen_core::journal::{Body, Ending, Fact, FileStore, Journal, Operator, Record, Terminal};
use bluegreen_core::model::{
    Action, ActionKind, AfterCommit, AlarmPolicy, ByColor, Capacity, Color, DriftPolicy, Forward, ForwardGroup,
    Percent, RollbackPolicy, RouteId, RunId, Step, Timestamp, Timing, Weight,
};
use bluegreen_core::observe::RouteSnapshot;
use bluegreen_core::plan::{Baseline, Engine, PLAN_VERSION, Plan, PlannedAlarm, Release, ServiceBaseline, Site};
use serde_json::json;

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333";

/// The value of a variable in the plan's task definition, which no output may show.
pub(crate) const SECRET: &str = "hunter2-hunter2";

/// A plan of this service and run that registers a revision.
pub(crate) fn plan(service: &str, run: &str) -> Plan {
    let group = |color: &str| format!("{ELB}:targetgroup/{service}-{color}/73e2d6bc24d8a067").parse().unwrap();
    let groups = ByColor { blue: group("blue"), green: group("green") };
    let member = |arn: &bluegreen_core::model::TargetGroupArn, weight: u32| ForwardGroup {
        arn: arn.clone(),
        weight: Some(Weight::try_from(weight).unwrap()),
    };
    let forward = Forward { groups: vec![member(&groups.blue, 100), member(&groups.green, 0)], stickiness: None };
    let rule = format!("{ELB}:listener-rule/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee");
    let at: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
    let fleet = |color: Color, desired: u32| ServiceBaseline {
        arn: format!("arn:aws:ecs:eu-west-3:111122223333:service/shop/{service}-{color}"),
        name: format!("{service}-{color}"),
        created_at: None,
        task_definition: "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7".parse().unwrap(),
        desired,
    };
    let document = json!({
        "family": "web",
        "containerDefinitions": [{
            "name": "web",
            "image": "example/web:8",
            "environment": [{ "name": "PASSWORD", "value": SECRET }],
        }],
    });
    Plan {
        version: PLAN_VERSION,
        run: run.parse().unwrap(),
        created_at: at,
        site: Site {
            account: "111122223333".to_owned(),
            region: "eu-west-3".to_owned(),
            cluster: "shop".to_owned(),
            service: service.to_owned(),
            environment: "prod".to_owned(),
        },
        baseline: Baseline {
            captured_at: at,
            stable: Color::Blue,
            routes: vec![RouteSnapshot {
                id: RouteId::Rule(rule.parse().unwrap()),
                priority: "10".to_owned(),
                conditions: json!([]),
                actions: vec![Action { order: None, kind: ActionKind::Forward(forward) }],
            }],
            test_route: None,
            services: ByColor { blue: fleet(Color::Blue, 4), green: fleet(Color::Green, 0) },
        },
        groups,
        load_balancer: format!("{ELB}:loadbalancer/app/shop/50dc6c495c0c9188").parse().unwrap(),
        release: Release::Register { family: "web".to_owned(), document },
        steps: vec![
            Step::SetWeight("10".parse().unwrap()),
            Step::Hold(std::time::Duration::from_secs(300)),
            Step::SetWeight(Percent::FULL),
            Step::Bake(std::time::Duration::from_secs(600)),
        ],
        capacity: Capacity::Full,
        after: AfterCommit::KeepWarm,
        alarms: vec![PlannedAlarm { name: "web-5xx".to_owned(), definition: String::new(), window_seconds: 60 }],
        alarm_policy: AlarmPolicy::default(),
        drift: DriftPolicy::Hold,
        rollback: RollbackPolicy::default(),
        pre_traffic: Vec::new(),
        test_url: None,
        timing: Timing::default(),
        engine: Engine::Alb,
        analysis: None,
        control: None,
    }
}

/// Somebody who is not this test.
pub(crate) fn operator() -> Operator {
    Operator { user: "ann".to_owned(), host: "desk".to_owned(), pid: 4711, version: "0.1.0".to_owned() }
}

fn append(journal: &dyn Journal, seq: u64, body: Body) {
    let second = 1_795_413_600 + i64::try_from(seq).unwrap();
    let record = Record { seq, at: Timestamp::from_second(second).unwrap(), body };
    ready(journal.append(&record)).unwrap();
}

/// The file store's futures are ready at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Writes a run of these facts, over with `ending` where one is given, and returns its store.
pub(crate) fn write(root: &Path, plan: &Plan, facts: Vec<Fact>, ending: Option<Terminal>) -> FileStore {
    let store = FileStore::new(root, &plan.site);
    let journal = store.open_run(&plan.run, &operator()).unwrap();
    let started = Body::Started { plan: Box::new(plan.clone()), hash: plan.hash(), operator: operator() };
    append(&journal, 0, started);
    let mut seq = 1;
    for fact in facts {
        append(&journal, seq, Body::Fact(fact));
        seq += 1;
    }
    if let Some(terminal) = ending {
        append(&journal, seq, Body::Finished(Ending { terminal, why: "the test says so".to_owned() }));
    }
    store
}

/// The facts of a run that promoted `web:8`.
pub(crate) fn promoted() -> Vec<Fact> {
    let arn = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:8".parse().unwrap();
    vec![Fact::GreenAtStart, Fact::Attached, Fact::TaskDefinition(arn), Fact::Committed]
}

/// A run id of this service that sorts by `number`.
pub(crate) fn run_id(service: &str, number: u32) -> RunId {
    format!("20261123t0600{number:02}z-{service}-00000{number}").parse().unwrap()
}
