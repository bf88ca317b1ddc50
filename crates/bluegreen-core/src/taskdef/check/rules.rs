//! The single checks, each with what was found and what to do about it.

mod containers;

use serde_json::{Map, Value};

use super::{Check, Depth, below, kind};
use crate::diagnostic::{Diagnostic, codes};
use crate::taskdef::placeholder;

type Object = Map<String, Value>;

pub(super) fn run(check: &mut Check<'_>, document: &Object, depth: Depth) {
    family(check, document);
    let containers = containers::containers(check, document);
    nulls(check, "", document);
    if depth == Depth::Shape {
        return;
    }
    let misspelt = spellings(check, document);
    for field in ["cpu", "memory", "networkMode", "taskRoleArn", "executionRoleArn"] {
        text_field(check, document, "", field);
    }
    choices(check, document);
    fargate(check, document, &misspelt);
    containers::essential(check, &containers);
    for (pointer, container) in &containers {
        containers::ports(check, document, pointer, container);
        containers::memory(check, document, pointer, container);
        containers::variables(check, pointer, container);
    }
    tags(check, document);
}

fn family(check: &mut Check<'_>, document: &Object) {
    match document.get("family") {
        None => {
            let missing =
                Diagnostic::error(codes::TASKDEF_MISSING, "`family` is missing: a task definition belongs to a family");
            let spelled = document.keys().find(|key| key.eq_ignore_ascii_case("family"));
            let help = spelled.map_or_else(
                || "add `\"family\": \"NAME\"`; each registration becomes its next revision".to_owned(),
                |key| format!("`{key}` has to be spelled `family`: ECS tells capitals apart"),
            );
            check.missing("", missing.help(help));
        }
        Some(Value::String(family)) if placeholder::whole(family).is_some() || is_name(family) => {}
        Some(Value::String(family))
            if family
                .rsplit_once(':')
                .is_some_and(|(name, revision)| is_name(name) && revision.parse::<u32>().is_ok()) =>
        {
            let name = family.split(':').next().unwrap_or_default();
            let found = Diagnostic::error(codes::TASKDEF_NAME, format!("the family `{family}` names a revision"));
            check.value("/family", found.help(format!("write `{name}` alone: ECS numbers the revisions itself")));
        }
        Some(Value::String(family)) => {
            let found =
                Diagnostic::error(codes::TASKDEF_NAME, format!("the family `{family}` is no name that ECS takes"));
            check.value("/family", found.help("a family is 1 to 255 of A-Z, a-z, 0-9, `_` and `-`"));
        }
        Some(other) => wrong_type(check, "/family", "family", "a string", other),
    }
}

fn nulls(check: &mut Check<'_>, pointer: &str, object: &Object) {
    let mut pending: Vec<(String, &Value)> = object.iter().map(|(key, value)| (below(pointer, key), value)).collect();
    while let Some((place, value)) = pending.pop() {
        match value {
            Value::Null => {
                let key = place.rsplit('/').next().unwrap_or_default();
                let found = if key.bytes().all(|b| b.is_ascii_digit()) {
                    Diagnostic::error(codes::TASKDEF_NULL, "a list has `null` in it: ECS takes no nulls")
                } else {
                    Diagnostic::error(codes::TASKDEF_NULL, format!("`{key}` is null: ECS takes no nulls"))
                };
                check.key(&place, found.help("remove it, or give it a value; an absent field means ECS's default"));
            }
            Value::Array(items) => {
                pending.extend(items.iter().enumerate().map(|(i, item)| (format!("{place}/{i}"), item)));
            }
            Value::Object(members) => pending.extend(members.iter().map(|(key, member)| (below(&place, key), member))),
            _ => {}
        }
    }
}

/// The top-level fields that are looked at, or often misspelt.
const KNOWN: [&str; 9] = [
    "cpu",
    "memory",
    "networkMode",
    "requiresCompatibilities",
    "taskRoleArn",
    "executionRoleArn",
    "volumes",
    "placementConstraints",
    "runtimePlatform",
];

/// Fields that are only known in another spelling: CloudFormation's and Terraform's, mostly.
/// Returns what was meant.
fn spellings(check: &mut Check<'_>, document: &Object) -> Vec<&'static str> {
    let mut meant = Vec::new();
    for key in document.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
        let plain: String = key.chars().filter(|c| *c != '_' && *c != '-').collect();
        if let Some(known) = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(&plain)) {
            meant.push(known);
            let found = Diagnostic::error(codes::TASKDEF_SPELLING, format!("`{key}` is not how ECS spells `{known}`"));
            check.key(
                &below("", key),
                found.help(format!("write `{known}`: ECS would refuse the field, and tells capitals apart")),
            );
        }
    }
    meant
}

fn text_field(check: &mut Check<'_>, object: &Object, pointer: &str, field: &str) {
    match object.get(field) {
        None | Some(Value::String(_) | Value::Null) => {}
        Some(Value::Number(number)) => {
            let found =
                Diagnostic::error(codes::TASKDEF_TYPE, format!("`{field}` of a task is a string, and here a number"));
            check.value(&below(pointer, field), found.help(format!("write it in quotes: `\"{field}\": \"{number}\"`")));
        }
        Some(other) => wrong_type(check, &below(pointer, field), field, "a string", other),
    }
}

/// Fields with a fixed set of values. A value that is unknown in any spelling is left to ECS, which may know it.
fn choices(check: &mut Check<'_>, document: &Object) {
    let platforms = ["FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES"];
    let modes = ["awsvpc", "bridge", "host", "none"];
    match document.get("requiresCompatibilities") {
        Some(Value::Array(list)) => {
            for (i, entry) in list.iter().enumerate() {
                choice(check, &format!("/requiresCompatibilities/{i}"), entry, &platforms);
            }
        }
        None | Some(Value::Null) => {}
        Some(other) => {
            wrong_type(check, "/requiresCompatibilities", "requiresCompatibilities", "a list of strings", other);
        }
    }
    if let Some(mode) = document.get("networkMode") {
        choice(check, "/networkMode", mode, &modes);
    }
}

fn choice(check: &mut Check<'_>, pointer: &str, value: &Value, known: &[&str]) {
    let Value::String(text) = value else { return };
    let meant = known.iter().find(|name| name.eq_ignore_ascii_case(text) && **name != text);
    if let Some(meant) = meant {
        let found =
            Diagnostic::error(codes::TASKDEF_VALUE, format!("`{text}` is none of the values that ECS takes here"));
        check.value(pointer, found.help(format!("write `{meant}`: ECS tells capitals apart")));
    }
}

/// What Fargate needs; fields in `misspelt` are there under another name and reported already.
fn fargate(check: &mut Check<'_>, document: &Object, misspelt: &[&str]) {
    let list = document.get("requiresCompatibilities").and_then(Value::as_array);
    let wanted =
        list.into_iter().flatten().any(|entry| entry.as_str().is_some_and(|e| e.eq_ignore_ascii_case("FARGATE")));
    if !wanted {
        return;
    }
    match document.get("networkMode") {
        None if misspelt.contains(&"networkMode") => {}
        None => {
            let found = Diagnostic::error(codes::TASKDEF_FARGATE, "Fargate needs `networkMode`, which is missing");
            check.key(
                "/requiresCompatibilities",
                found.help("add `\"networkMode\": \"awsvpc\"`, the only one that Fargate has"),
            );
        }
        Some(Value::String(mode)) if !mode.eq_ignore_ascii_case("awsvpc") && placeholder::whole(mode).is_none() => {
            let found = Diagnostic::error(codes::TASKDEF_FARGATE, format!("Fargate cannot run network mode `{mode}`"));
            check.value(
                "/networkMode",
                found.help("write `awsvpc`, or take `FARGATE` out of `requiresCompatibilities`"),
            );
        }
        Some(_) => {}
    }
    for (field, example) in [("cpu", "256"), ("memory", "512")] {
        if !misspelt.contains(&field) && document.get(field).is_none_or(|value| value.as_str() == Some("")) {
            let found = Diagnostic::error(
                codes::TASKDEF_FARGATE,
                format!("Fargate needs `{field}` of the whole task, which is missing"),
            );
            let help = format!(
                "add `\"{field}\": \"{example}\"` beside `family`; the containers' own `{field}` is not enough"
            );
            check.key("/requiresCompatibilities", found.help(help));
        }
    }
}

fn tags(check: &mut Check<'_>, document: &Object) {
    let tags = match document.get("tags") {
        None | Some(Value::Null) => return,
        Some(Value::Array(tags)) => tags,
        Some(other) => return wrong_type(check, "/tags", "tags", "a list of objects with `key` and `value`", other),
    };
    for (i, tag) in tags.iter().enumerate() {
        let place = format!("/tags/{i}");
        match tag.get("key").and_then(Value::as_str) {
            None => {
                let found = Diagnostic::error(codes::TASKDEF_TYPE, "this tag has no `key`");
                check.missing(&place, found.help("write `{\"key\": …, \"value\": …}`, both strings, in lower case"));
            }
            Some(key) if super::is_reserved(key) => {
                let found = Diagnostic::error(codes::TASKDEF_TAG, format!("the tag `{key}` is reserved for AWS"));
                check.value(&place, found.help("take it out: ECS refuses tags that begin with `aws:`"));
            }
            Some(_) => {}
        }
    }
}

fn wrong_type(check: &mut Check<'_>, pointer: &str, field: &str, expected: &str, found: &Value) {
    if found.is_null() {
        return; // reported as null
    }
    let message = format!("`{field}` is {expected}, and here {}", kind(found));
    let finding = Diagnostic::error(codes::TASKDEF_TYPE, message);
    let scalar = matches!(found, Value::Number(_) | Value::Bool(_) | Value::String(_));
    let help = if pointer == "/tags" {
        "write `[{\"key\": NAME, \"value\": …}]`, one object for each tag"
    } else if expected.starts_with("a string") && scalar {
        "write it in quotes"
    } else if expected.starts_with("a list") && (scalar || found.is_object()) {
        "put it in brackets: `[…]`, also where there is only one"
    } else {
        return check.value(pointer, finding);
    };
    check.value(pointer, finding.help(help));
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
