//! Documents as text: `PascalCase` keys, one order, quotes where YAML would read something else.

use serde_json::{Value, json};

use super::{AppSpec, EcsTarget, LambdaTarget, Network, Target};

/// The document as YAML, ending with a line break.
pub fn render_yaml(spec: &AppSpec) -> String {
    tree_yaml(&value(spec))
}

/// A mapping as YAML, ending with a line break.
pub(super) fn tree_yaml(tree: &Value) -> String {
    let mut out = String::new();
    block(&mut out, tree, 0);
    out
}

/// The document as JSON of two-space indentation, ending with a line break.
pub fn render_json(spec: &AppSpec) -> String {
    format!("{:#}\n", value(spec))
}

fn value(spec: &AppSpec) -> Value {
    let (kind, properties) = match &spec.target {
        Target::Ecs(target) => ("AWS::ECS::Service", ecs(target)),
        Target::Lambda(target) => ("AWS::Lambda::Function", lambda(target)),
    };
    let mut resource = json!({});
    resource[&spec.resource] = json!({"Type": kind, "Properties": properties});
    let mut document = json!({"version": 0.0, "Resources": [resource]});
    if !spec.hooks.is_empty() {
        let hooks = spec.hooks.iter().map(|hook| json!({hook.event.name(): hook.function}));
        document["Hooks"] = hooks.collect();
    }
    document
}

fn ecs(target: &EcsTarget) -> Value {
    let mut properties = json!({
        "TaskDefinition": target.task_definition.as_str(),
        "LoadBalancerInfo": {"ContainerName": target.container_name, "ContainerPort": target.container_port},
    });
    if let Some(version) = &target.platform_version {
        properties["PlatformVersion"] = json!(version);
    }
    if let Some(network) = &target.network {
        properties["NetworkConfiguration"] = self::network(network);
    }
    if !target.capacity_providers.is_empty() {
        let entries = target.capacity_providers.iter();
        properties["CapacityProviderStrategy"] =
            entries.map(|p| json!({"CapacityProvider": p.name, "Base": p.base, "Weight": p.weight})).collect();
    }
    properties
}

pub(super) fn network(network: &Network) -> Value {
    json!({"AwsvpcConfiguration": {
        "Subnets": network.subnets,
        "SecurityGroups": network.security_groups,
        "AssignPublicIp": if network.assign_public_ip { "ENABLED" } else { "DISABLED" },
    }})
}

fn lambda(target: &LambdaTarget) -> Value {
    json!({
        "Name": target.name,
        "Alias": target.alias,
        "CurrentVersion": target.current_version.to_string(),
        "TargetVersion": target.target_version.to_string(),
    })
}

/// Writes a mapping or list, each entry on a line of its own, `indent` columns from the left.
fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) => {
            for (i, (key, member)) in members.iter().enumerate() {
                // The first key of a list's entry stands behind its dash.
                if i > 0 || !out.ends_with("- ") {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                out.push_str(&scalar(key));
                out.push(':');
                entry(out, member, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push('-');
                if item.as_object().is_some_and(|members| !members.is_empty()) {
                    out.push(' ');
                    block(out, item, indent + 2);
                } else {
                    entry(out, item, indent);
                }
            }
        }
        _ => {}
    }
}

/// Writes what follows a key or a dash, and the line's end.
fn entry(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Array(items) if items.is_empty() => out.push_str(" []\n"),
        Value::Object(members) if members.is_empty() => out.push_str(" {}\n"),
        Value::Object(_) | Value::Array(_) => {
            out.push('\n');
            block(out, value, indent + 2);
        }
        Value::String(text) => {
            out.push(' ');
            out.push_str(&scalar(text));
            out.push('\n');
        }
        other => {
            out.push(' ');
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// A string as a YAML scalar: plain where every YAML version reads a string, else in double quotes.
fn scalar(text: &str) -> String {
    let body = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let starts = body.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let safe = body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b':'));
    // A colon at the end would make it a key. Inside it is safe, since no space can follow.
    if starts && safe && !body.ends_with(':') && !is_word(body) { text.to_owned() } else { quoted(text) }
}

/// Words that YAML 1.1 or 1.2 reads as truth values, nothing, or numbers.
fn is_word(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan", "infinity"];
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
