//! What every container must have, and what its ports and variables may look like.

use std::collections::HashSet;

use serde_json::Value;

use super::{Check, Object, is_name, wrong_type};
use crate::diagnostic::{Diagnostic, codes};
use crate::taskdef::check::{below, kind};
use crate::taskdef::image::ImageRef;
use crate::taskdef::{closest, placeholder};

/// Checks names and images, and returns the containers that are objects, with their pointers.
pub(super) fn containers<'d>(check: &mut Check<'_>, document: &'d Object) -> Vec<(String, &'d Object)> {
    let root = "/containerDefinitions";
    let list = match document.get("containerDefinitions") {
        None => {
            let missing = Diagnostic::error(
                codes::TASKDEF_MISSING,
                "`containerDefinitions` is missing: a task needs at least one container",
            );
            let mut spelled =
                document.keys().map(String::as_str).filter(|key| closest(key, ["containerDefinitions"]).is_some());
            let help = spelled.next_back().map_or_else(
                || "add `\"containerDefinitions\": [{\"name\": …, \"image\": …}]`".to_owned(),
                |key| format!("`{key}` has to be spelled `containerDefinitions`"),
            );
            check.missing("", missing.help(help));
            return Vec::new();
        }
        Some(Value::Array(list)) => list,
        Some(other) => {
            wrong_type(check, root, "containerDefinitions", "a list of objects", other);
            return Vec::new();
        }
    };
    if list.is_empty() {
        let found = Diagnostic::error(
            codes::TASKDEF_MISSING,
            "`containerDefinitions` is empty: a task needs at least one container",
        );
        check.value(root, found.help("add an object with `name` and `image`"));
    }
    let mut names = HashSet::new();
    let mut objects = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        let pointer = format!("{root}/{i}");
        let Value::Object(container) = entry else {
            wrong_type(check, &pointer, "containerDefinitions[…]", "an object", entry);
            continue;
        };
        container_name(check, &pointer, container, &mut names);
        container_image(check, &pointer, container);
        objects.push((pointer, container));
    }
    objects
}

fn container_name<'d>(check: &mut Check<'_>, pointer: &str, container: &'d Object, names: &mut HashSet<&'d str>) {
    let place = below(pointer, "name");
    match container.get("name") {
        None => {
            let found = Diagnostic::error(codes::TASKDEF_MISSING, "this container has no `name`");
            check.missing(
                pointer,
                found.help("load balancers, images and AppSpec documents refer to containers by name: add one"),
            );
        }
        Some(Value::String(name)) if !is_name(name) => {
            let found =
                Diagnostic::error(codes::TASKDEF_NAME, format!("the container name `{name}` is none that ECS takes"));
            check.value(&place, found.help("a container's name is 1 to 255 of A-Z, a-z, 0-9, `_` and `-`"));
        }
        Some(Value::String(name)) if !names.insert(name) => {
            let found = Diagnostic::error(codes::TASKDEF_NAME, format!("two containers are named `{name}`"));
            check.value(&place, found.help("give each container its own name"));
        }
        Some(Value::String(_)) => {}
        Some(other) => wrong_type(check, &place, "name", "a string", other),
    }
}

fn container_image(check: &mut Check<'_>, pointer: &str, container: &Object) {
    let place = below(pointer, "image");
    let named = container.get("name").and_then(Value::as_str).map_or_else(String::new, |name| format!(" `{name}`"));
    match container.get("image") {
        None => {
            let found = Diagnostic::error(codes::TASKDEF_MISSING, format!("the container{named} has no `image`"));
            let help = "add the image, or a placeholder such as `<IMAGE1_NAME>` that a pipeline fills in";
            check.missing(pointer, found.help(help));
        }
        Some(Value::String(image)) if !placeholder::names_in(image).is_empty() => {}
        Some(Value::String(image)) => {
            if let Err(error) = image.parse::<ImageRef>() {
                let found = Diagnostic::error(codes::TASKDEF_IMAGE, error.to_string());
                let help = if image.starts_with('<') {
                    "a placeholder is `<NAME>`, its name a letter and then letters, digits, `_` and `-`"
                } else {
                    "expected REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST"
                };
                check.value(&place, found.help(help));
            }
        }
        Some(other) => wrong_type(check, &place, "image", "a string", other),
    }
}

pub(super) fn ports(check: &mut Check<'_>, document: &Object, pointer: &str, container: &Object) {
    let place = below(pointer, "portMappings");
    let mappings = match container.get("portMappings") {
        None | Some(Value::Null) => return,
        Some(Value::Array(mappings)) => mappings,
        Some(other) => return wrong_type(check, &place, "portMappings", "a list of objects", other),
    };
    let awsvpc = document.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
    for (i, mapping) in mappings.iter().enumerate() {
        let place = format!("{place}/{i}");
        let Value::Object(mapping) = mapping else {
            wrong_type(check, &place, "portMappings[…]", "an object", mapping);
            continue;
        };
        let container_port = port(check, &place, mapping, "containerPort", 1);
        let host_port = port(check, &place, mapping, "hostPort", 0);
        if container_port.is_none()
            && !mapping.contains_key("containerPort")
            && !mapping.contains_key("containerPortRange")
        {
            let found = Diagnostic::error(codes::TASKDEF_PORT, "this port mapping has no `containerPort`");
            check.missing(&place, found.help("add the port that the container listens on"));
        }
        if let (Some(inside), Some(outside)) = (container_port, host_port)
            && awsvpc
            && outside != 0
            && inside != outside
        {
            let message = format!(
                "`hostPort` {outside} differs from `containerPort` {inside}, and network mode awsvpc maps no ports"
            );
            let found = Diagnostic::error(codes::TASKDEF_PORT, message);
            check.value(&below(&place, "hostPort"), found.help("take `hostPort` out, or make it equal"));
        }
    }
}

fn port(check: &mut Check<'_>, pointer: &str, mapping: &Object, key: &str, least: u64) -> Option<u64> {
    let value = mapping.get(key)?;
    let place = below(pointer, key);
    match value {
        Value::Number(number) => {
            if let Some(port) = number.as_u64().filter(|port| (least..=65535).contains(port)) {
                Some(port)
            } else {
                let found = Diagnostic::error(codes::TASKDEF_PORT, format!("`{key}` {number} is no port"));
                check.value(&place, found.help(format!("a port is a whole number from {least} to 65535")));
                None
            }
        }
        Value::Null => None,
        Value::String(text) if text.parse::<u16>().is_ok() => {
            let found = Diagnostic::error(codes::TASKDEF_TYPE, format!("`{key}` is a number, and here a string"));
            check.value(&place, found.help(format!("write it without quotes: `\"{key}\": {text}`")));
            None
        }
        Value::String(text) if placeholder::whole(text).is_some() => {
            let found = Diagnostic::error(
                codes::TASKDEF_TYPE,
                format!("`{key}` is a number, and a placeholder can only fill in text"),
            );
            check.value(&place, found.help("write the port's number"));
            None
        }
        other => {
            wrong_type(check, &place, key, "a number", other);
            None
        }
    }
}

pub(super) fn memory(check: &mut Check<'_>, document: &Object, pointer: &str, container: &Object) {
    for field in ["cpu", "memory", "memoryReservation"] {
        if let Some(Value::String(text)) = container.get(field) {
            let found = Diagnostic::error(
                codes::TASKDEF_TYPE,
                format!("`{field}` of a container is a number, and here a string"),
            );
            let help = match text.parse::<u32>() {
                Ok(number) => format!(
                    "write it without quotes: `\"{field}\": {number}`; only the task's own `{field}` is a string"
                ),
                Err(_) => "write a whole number: CPU in units of which 1024 are one vCPU, memory in MiB".to_owned(),
            };
            check.value(&below(pointer, field), found.help(help));
        }
    }
    let has = |object: &Object, field: &str| object.contains_key(field);
    if !has(document, "memory") && !has(container, "memory") && !has(container, "memoryReservation") {
        let found = Diagnostic::error(
            codes::TASKDEF_MEMORY,
            "this container has neither `memory` nor `memoryReservation`, and the task has no `memory`",
        );
        check.missing(pointer, found.help("set one of them, in MiB, or `memory` for the whole task"));
    }
}

/// `environment` and its like are lists of objects; a mapping is the commonest mistake. No value is ever shown.
pub(super) fn variables(check: &mut Check<'_>, pointer: &str, container: &Object) {
    for (list, member) in [("environment", "value"), ("secrets", "valueFrom")] {
        let place = below(pointer, list);
        let entries = match container.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries,
            Some(other) => {
                let found = Diagnostic::error(
                    codes::TASKDEF_TYPE,
                    format!("`{list}` is a list of objects, and here {}", kind(other)),
                );
                check.key(
                    &place,
                    found.help(format!("write `[{{\"name\": NAME, \"{member}\": …}}]`, one object for each variable")),
                );
                continue;
            }
        };
        let mut names = HashSet::new();
        for (i, entry) in entries.iter().enumerate() {
            variable(check, &format!("{place}/{i}"), list, member, entry, &mut names);
        }
    }
}

fn variable<'d>(
    check: &mut Check<'_>,
    pointer: &str,
    list: &str,
    member: &str,
    entry: &'d Value,
    names: &mut HashSet<&'d str>,
) {
    let Some(name) = entry.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
        let found = Diagnostic::error(codes::TASKDEF_TYPE, format!("this entry of `{list}` has no `name`"));
        return check.missing(pointer, found.help(format!("write `{{\"name\": NAME, \"{member}\": …}}`")));
    };
    if !names.insert(name) {
        let found = Diagnostic::error(codes::TASKDEF_TYPE, format!("`{name}` stands twice in `{list}`"));
        check.value(&below(pointer, "name"), found.help("keep one of the two"));
    }
    match entry.get(member) {
        Some(Value::String(_) | Value::Null) => {}
        None => {
            let found = Diagnostic::error(codes::TASKDEF_MISSING, format!("`{name}` in `{list}` has no `{member}`"));
            check.missing(pointer, found.help(format!("add `\"{member}\"`, a string")));
        }
        Some(other) => {
            let found = Diagnostic::error(
                codes::TASKDEF_TYPE,
                format!("the `{member}` of `{name}` is a string, and here {}", kind(other)),
            );
            check.key(&below(pointer, member), found.help("write it in quotes: every variable is text"));
        }
    }
}

pub(super) fn essential(check: &mut Check<'_>, containers: &[(String, &Object)]) {
    let not_essential = |(_, container): &(String, &Object)| container.get("essential") == Some(&Value::Bool(false));
    if !containers.is_empty() && containers.iter().all(not_essential) {
        let found = Diagnostic::error(codes::TASKDEF_ESSENTIAL, "no container is essential: ECS refuses such a task");
        check.key(
            "/containerDefinitions",
            found.help("take `\"essential\": false` out of the container that does the work"),
        );
    }
    for (pointer, container) in containers {
        if let Some(value) = container.get("essential").filter(|value| !value.is_boolean() && !value.is_null()) {
            wrong_type(check, &below(pointer, "essential"), "essential", "true or false without quotes", value);
        }
    }
}
