//! `bluegreen experiment` without AWS: files, consent, journals.

use std::collections::BTreeMap;
use std::path::Path;

use bluegreen_core::experiment::{self, Body, Ending, Fact, Facts, Journal, Plan, Record, Store};
use bluegreen_core::journal::Operator;
use bluegreen_core::model::{RunId, Timestamp};
use bluegreen_core::observe::{RouteSnapshot, TaggedRoute, TargetGroup, TargetHealth};
use bluegreen_core::plan::Site;
use bluegreen_core::spec::experiment::parse;
use serde_json::json;

use crate::support::{bluegreen, folder};

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333";

fn text() -> String {
    format!(
        "version: 1\nname: checkout\nenvironments: {{ prod: {{ cluster: shop }} }}\n\
         route: {{ rule: '{ELB}:listener-rule/app/shop/50dc/f2f7/9683' }}\ncontrol: now\n\
         variants: {{ now: {{ targetGroup: now }}, other: {{ targetGroup: other }} }}\nsplit: {{}}\n\
         goals: [ {{ metric: errorRate, better: lower }} ]\nexpiry: 14d\n"
    )
}

fn plan(second: u32) -> Plan {
    let (experiment, _) = parse("experiment.yaml", &text(), None, &|_| None).unwrap();
    let group = |name: &str| TargetGroup {
        arn: format!("{ELB}:targetgroup/{name}/1").parse().unwrap(),
        load_balancers: vec![],
        protocol: "HTTP".to_owned(),
        target_type: "ip".to_owned(),
        vpc: "vpc-1".to_owned(),
        drain_seconds: 1,
        target_sticky: false,
    };
    let actions = json!([{ "kind": { "forward": { "groups": [{ "arn": group("now").arn }] } } }]);
    let route = RouteSnapshot {
        id: experiment.base.clone(),
        priority: "10".to_owned(),
        conditions: json!([{ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/*"] } }]),
        actions: serde_json::from_value(actions).unwrap(),
    };
    let health = TargetHealth { healthy: 1, ..TargetHealth::default() };
    let facts = Facts {
        routes: vec![TaggedRoute { route, rewrites: false, tags: BTreeMap::default() }],
        rules: 1,
        groups: vec![(group("now"), health), (group("other"), health)],
    };
    let site = Site {
        account: "111122223333".to_owned(),
        region: "eu-west-3".to_owned(),
        cluster: "shop".to_owned(),
        service: "checkout".to_owned(),
        environment: "prod".to_owned(),
    };
    let now: Timestamp = format!("2026-11-23T12:00:{second:02}Z").parse().unwrap();
    let (plan, findings) = experiment::plan(&experiment, site, RunId::new("checkout", now, 1), now, &facts);
    plan.unwrap_or_else(|| panic!("{findings:?}"))
}

/// A journal under `root` with these facts after its start.
fn journal(root: &Path, plan: &Plan, facts: &[Fact]) {
    let operator = Operator { user: "u".into(), host: "h".into(), pid: 1, version: "0".into() };
    let journal = Store::new(root, &plan.site).open(&plan.id, &operator).unwrap();
    let bodies = facts.iter().map(|fact| Body::Fact(fact.clone()));
    let all = std::iter::once(Body::Started { plan: Box::new(plan.clone()), operator: operator.clone() }).chain(bodies);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (seq, body) in (0..).zip(all) {
        runtime.block_on(journal.append(&Record { seq, at: plan.created_at, body })).unwrap();
    }
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let ended = bluegreen(&["experiment", "start"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
}

#[test]
fn a_wrong_file_is_told_with_its_places() {
    let file = folder("experiment-wrong").join("experiment.yaml");
    std::fs::write(&file, text().replace("control: now", "control: new")).unwrap();
    let ended = bluegreen(&["experiment", "start", "--yes", "--file", &file.display().to_string()]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("BG0401") && ended.stderr.contains("did you mean `now`?"), "{}", ended.stderr);
}

#[test]
fn a_journal_tells_how_it_stands_without_aws() {
    let root = folder("experiment-offline");
    let state = root.display().to_string();
    let status = |more: &[&str]| bluegreen(&[&["experiment", "status", "--offline", "--state", &state], more].concat());
    let none = status(&[]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("there is no experiment"), "{}", none.stderr);

    let old = plan(1);
    journal(&root, &old, &[Fact::Live, Fact::Ending(Ending::Expired), Fact::Ended { changed: vec![] }]);
    let over = status(&[]);
    assert_eq!(over.code, 0, "{}", over.stderr);
    assert!(over.stdout.contains("ended: its time is over"), "{}", over.stdout);

    let broken = plan(2);
    journal(&root, &broken, &[Fact::Live, Fact::Invalid { why: "units are lost".to_owned() }]);
    let found = status(&["--output", "json"]);
    assert_eq!(found.code, 5, "{}", found.stderr);
    let document: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!((&document["standing"], &document["id"]), (&json!("invalid"), &json!(broken.id)), "the one that runs");
    assert_eq!(document["assessment"]["goals"][0]["verdict"], "invalid");
    assert_eq!(status(&[old.id.as_str()]).code, 0, "the other by its id");
    let unknown = status(&["nope"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains(broken.id.as_str()), "{}", unknown.stderr);
}

#[test]
fn a_variant_that_is_not_there_cannot_be_promoted() {
    let root = folder("experiment-promote");
    journal(&root, &plan(1), &[Fact::Live]);
    let ended = bluegreen(&["experiment", "promote", "third", "--yes", "--state", &root.display().to_string()]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("it has now, other"), "{}", ended.stderr);
}

#[test]
fn both_schemas_are_printed() {
    let title = |arguments: &[&str]| {
        let schema: serde_json::Value = serde_json::from_str(&bluegreen(arguments).stdout).unwrap();
        schema["title"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(title(&["schema"]), "bluegreen.yaml");
    assert_eq!(title(&["schema", "experiment"]), "experiment.yaml");
}
