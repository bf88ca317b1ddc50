//! The plan and the end, for people or for programs.

use bluegreen_core::migrate::{Migration, Planned, Severity, describe, describe_findings};
use bluegreen_core::ports::CallError;
use serde_json::{Value, json};

use crate::commands::session::Session;
use crate::error::Failure;
use crate::out;

pub(super) fn plan(session: &Session, planned: &Planned) -> Result<(), Failure> {
    if session.json() {
        return out::json(&document(planned));
    }
    if let Some(migration) = &planned.migration {
        out::say_raw(&describe(migration));
    }
    if !planned.findings.is_empty() {
        out::say("");
        out::say_raw(&describe_findings(&planned.findings));
    }
    Ok(())
}

fn document(planned: &Planned) -> Value {
    let findings: Vec<Value> = planned
        .findings
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Refuse => "refuse",
                Severity::Warn => "warn",
            };
            json!({ "severity": severity, "what": finding.what, "cure": finding.cure })
        })
        .collect();
    let plan = planned.migration.as_ref().map(|migration| {
        json!({
            "cluster": migration.cluster,
            "service": migration.service,
            "application": migration.group.0,
            "deploymentGroup": migration.group.1,
            "attach": migration.attach.as_ref().map(|attach| json!({ "route": attach.route, "actions": attach.actions })),
            "updateService": migration.settings,
            "lost": migration.lost,
            "remove": migration.remove,
        })
    });
    json!({ "v": 1, "type": "migration", "accepted": plan.is_some(), "findings": findings, "plan": plan })
}

pub(super) fn done(
    session: &Session,
    migration: &Migration,
    started: &Result<Vec<String>, CallError>,
) -> Result<(), Failure> {
    if session.json() {
        let (deployments, unread) = match started {
            Ok(ids) => (json!(ids), Value::Null),
            Err(error) => (Value::Null, json!(error.to_string())),
        };
        let result = json!({
            "v": 1, "type": "result", "outcome": "migrated", "service": migration.service,
            "deployments": deployments, "unread": unread,
        });
        return out::json(&result);
    }
    out::say(format_args!("service {} is moved by ECS from now on, and was read back so", migration.service));
    match started {
        Ok(ids) if ids.is_empty() => out::say("no deployment began because of it"),
        Ok(ids) => out::say(format_args!("AWS began a deployment because of it: {}", ids.join(", "))),
        Err(error) => out::say(format_args!("whether AWS began a deployment because of it cannot be read: {error}")),
    }
    out::say("next: `engine: ecs` in its spec; `bluegreen plan` shows what a release would do");
    Ok(())
}
