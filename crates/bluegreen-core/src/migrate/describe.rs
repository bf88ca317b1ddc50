//! A migration in words, at 80 columns: what a person reads before saying yes.

use serde_json::Value;

use super::{Finding, Migration, Severity, text};
use crate::plan::wrapped;

/// The whole plan as text, ending with a newline.
pub fn describe(migration: &Migration) -> String {
    let mut out = String::new();
    let mut line = |indent: usize, text: &str| out += &wrapped(text, indent);
    let (application, group) = &migration.group;
    line(
        0,
        &format!(
            "Service {} in cluster {}: from CodeDeploy to ECS's own deployments",
            migration.service, migration.cluster
        ),
    );
    line(0, "");
    line(0, "Now");
    line(2, &format!("deployments   CodeDeploy, group {group} of application {application}"));
    line(2, &format!("traffic       all on {}", migration.serves.name()));
    line(0, "");
    line(0, "Will be done");
    if let Some(attach) = &migration.attach {
        line(
            2,
            &format!("- {}: {} is added without weight; no traffic moves", attach.route, migration.alternate.name()),
        );
    }
    line(2, "- one UpdateService, which moves no traffic:");
    for (key, value) in changes(&migration.settings) {
        line(6, &format!("{key} {value}"));
    }
    line(2, "- the service is read back and compared; nothing is deleted");
    line(2, "- where AWS starts a deployment of the same revision because of it, it is named");
    section(&mut out, "Will be lost", &migration.lost);
    section(&mut out, "To remove afterwards, when a release went well", &migration.remove);
    section(&mut out, "The way back", &way_back(migration));
    out
}

fn section(out: &mut String, head: &str, items: &[String]) {
    out.push('\n');
    *out += &wrapped(head, 0);
    for item in items {
        *out += &wrapped(&format!("- {item}"), 2);
    }
}

fn way_back(migration: &Migration) -> Vec<String> {
    vec![
        "AWS documents no way for a service to go back to CodeDeploy. Until a deployment of ECS has run, tasks and \
         traffic are as they were."
            .to_owned(),
        format!(
            "Deployment group {} is left as it is: a new service with the controller CODE_DEPLOY, on the same target \
             groups and under the same name, is moved by it as before.",
            migration.group.1
        ),
    ]
}

/// Every value of the request with its path, in its order.
fn changes(settings: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let configuration = &settings["deploymentConfiguration"];
    found.push(("deploymentController".to_owned(), text(&settings["deploymentController"], "type").to_owned()));
    flat("", configuration, &mut found);
    flat("", &settings["loadBalancers"][0], &mut found);
    found
}

fn flat(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flat(&path, value, found);
            }
        }
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            found.push((path.to_owned(), items.join(", ")));
        }
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}

/// Findings as text, worst first, each with its cure.
pub fn describe_findings(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let head = match finding.severity {
            Severity::Refuse => "refused",
            Severity::Warn => "warning",
        };
        format!(
            "{}{}",
            wrapped(&format!("{head}: {}", finding.what), 0),
            wrapped(&format!("help: {}", finding.cure), 2)
        )
    };
    findings.iter().map(line).collect()
}
