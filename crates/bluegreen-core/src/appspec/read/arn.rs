//! ARNs of task definitions and functions, and the short forms that stand in their place.

use crate::appspec::{TASK_DEFINITION_PLACEHOLDER, TaskDefinitionRef};
use crate::diagnostic::codes;
use crate::model::{Arn, TaskDefinitionArn};
use crate::taskdef::placeholder;

/// A finding without its place: code, message, help.
pub(in crate::appspec) type Finding = (&'static str, String, String);

/// Regions that tell their partition by their name.
const PARTITIONS: &[(&str, &str)] = &[
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

const PATTERN: &str = "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION";

/// A full ARN with a revision, or the placeholder.
pub(in crate::appspec) fn task_definition(text: &str) -> Result<TaskDefinitionRef, Finding> {
    if text == TASK_DEFINITION_PLACEHOLDER {
        return Ok(TaskDefinitionRef::Placeholder);
    }
    task_definition_arn(text).map(TaskDefinitionRef::Arn)
}

fn task_definition_arn(text: &str) -> Result<TaskDefinitionArn, Finding> {
    let code = codes::APPSPEC_TASK_DEFINITION;
    if let Some(name) = placeholder::whole(text) {
        let message = format!("the placeholder `<{name}>` is not filled in here");
        return Err((
            code,
            message,
            "write `<TASK_DEFINITION>`, the one placeholder that a pipeline fills in for it".to_owned(),
        ));
    }
    if !text.starts_with("arn:") {
        let (message, help) = if is_family(text.split(':').next().unwrap_or_default()) {
            (
                format!("`{text}` is a short name: CodeDeploy takes the full ARN alone"),
                format!("write `{}`, or `<TASK_DEFINITION>` for a pipeline", expanded(text)),
            )
        } else {
            (
                format!("`{text}` is neither an ARN nor a placeholder"),
                format!("write `{PATTERN}`, or `<TASK_DEFINITION>` for a pipeline"),
            )
        };
        return Err((code, message, help));
    }
    let arn: TaskDefinitionArn = text.parse().map_err(|error: crate::model::ArnError| {
        // What is expected is said once, in the help.
        let message = error.to_string();
        (code, message.split(": expected").next().unwrap_or_default().to_owned(), format!("write `{PATTERN}`"))
    })?;
    let parts = arn.parts();
    if parts.region.is_empty() || parts.account.is_empty() {
        return Err((code, format!("`{text}` lacks its region or account"), format!("write `{PATTERN}`")));
    }
    let name = parts.resource.trim_start_matches("task-definition/");
    match name.split_once(':') {
        None if is_family(name) => Err((
            code,
            format!("`{text}` names no revision"),
            format!("add it: `…task-definition/{name}:REVISION`; CodeDeploy does not take the newest by itself"),
        )),
        Some((family, revision)) if is_family(family) && is_positive(revision) => {
            mismatch(&parts, code).map_or(Ok(arn), Err)
        }
        _ => Err((
            code,
            format!("`{name}` is no family and revision"),
            "a family is 1 to 255 of A-Z, a-z, 0-9, `_` and `-`; a revision is a whole number from 1".to_owned(),
        )),
    }
}

fn expanded(short: &str) -> String {
    let revision = if short.contains(':') { "" } else { ":REVISION" };
    format!("arn:aws:ecs:REGION:ACCOUNT:task-definition/{short}{revision}")
}

/// A function's name, name with qualifier, or ARN, as a hook.
pub(super) fn function(text: &str) -> Result<(), Finding> {
    let code = codes::APPSPEC_HOOK_VALUE;
    let help = "write a function's name, or `arn:aws:lambda:REGION:ACCOUNT:function:NAME`".to_owned();
    if !text.starts_with("arn:") {
        let name = text.split_once(":function:").map_or(text, |(_, name)| name);
        if is_function(name) {
            return Ok(());
        }
        let message = if text.contains([',', ' ']) {
            format!("`{text}` is not one function: a hook runs exactly one")
        } else if text.contains(['/', '.']) {
            format!("`{text}` is a file: a hook of ECS or Lambda runs a Lambda function")
        } else {
            format!("`{text}` is not the name of a function")
        };
        return Err((code, message, help));
    }
    let Ok(arn) = text.parse::<Arn>() else {
        return Err((code, format!("`{text}` is not an ARN"), help));
    };
    let name = arn.resource.strip_prefix("function:").filter(|_| arn.service == "lambda");
    match name {
        Some(name) if is_function(name) && !arn.region.is_empty() && !arn.account.is_empty() => {
            mismatch(&arn, code).map_or(Ok(()), Err)
        }
        _ => Err((code, format!("`{text}` is not the ARN of a function"), help)),
    }
}

/// A region that lies in another partition than the ARN says.
fn mismatch(arn: &Arn, code: &'static str) -> Option<Finding> {
    let region = arn.region.as_str();
    let (_, partition) = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix))?;
    (*partition != arn.partition).then(|| {
        let message = format!("the region {region} is not in the partition `{}`", arn.partition);
        (code, message, format!("begin the ARN with `arn:{partition}:`"))
    })
}

/// `NAME` or `NAME:QUALIFIER`.
fn is_function(text: &str) -> bool {
    let (name, qualifier) = text.split_once(':').map_or((text, None), |(name, qualifier)| (name, Some(qualifier)));
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (1..=140).contains(&name.len())
        && word(name)
        && qualifier.is_none_or(|q| q == "$LATEST" || ((1..=128).contains(&q.len()) && word(q)))
}

/// The shape of families, containers, functions and aliases.
pub(super) fn is_family(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// A whole number from 1 without leading zeros.
pub(super) fn is_positive(text: &str) -> bool {
    !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u64>().is_ok()
}
