//! What AWS does not take in task definitions, and what it adds where nothing is said.

use serde_json::{Map as Json, Value, json};

use super::super::{client, invalid};
use crate::wire::{ApiError, Input, Node};

const MOST_CONTAINERS: usize = 10;
const MOST_BYTES: usize = 65_536;
const MODES: [&str; 4] = ["bridge", "host", "awsvpc", "none"];
const COMPATIBLE: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
/// What Fargate has: CPU units, with the least and most memory in MiB and the step between sizes.
const FARGATE: [(u64, u64, u64, u64); 7] = [
    (256, 512, 2_048, 512),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// Checks a registration and puts AWS's defaults into `members`, which are the request's without nulls.
pub(super) fn document(input: &Input, members: &mut Json<String, Value>) -> Result<(), ApiError> {
    let family = input.required_text("family")?;
    if !plain(family) {
        return Err(client("Family contains invalid characters, or more than 255 of them."));
    }
    no_nulls_in_lists(input.node(), "")?;
    let mode = input.text("networkMode")?;
    if let Some(mode) = mode.filter(|mode| !MODES.contains(mode)) {
        return Err(client(format!("networkMode must be one of {}, not {mode}", MODES.join(", "))));
    }
    let wanted = input.strings("requiresCompatibilities")?.unwrap_or_default();
    if let Some(other) = wanted.iter().find(|name| !COMPATIBLE.contains(&name.as_str())) {
        return Err(client(format!("requiresCompatibilities may have {}, not {other}", COMPATIBLE.join(", "))));
    }
    for (name, unit) in [("cpu", "vcpu"), ("memory", "gb")] {
        if let Some(text) = input.text(name)? {
            let size = size(text, unit).ok_or_else(|| client(format!("Invalid '{name}' setting for task: {text}")))?;
            members.insert(name.to_owned(), json!(size.to_string()));
        }
    }
    if wanted.iter().any(|name| name == "FARGATE") {
        fargate(mode, members)?;
    }
    all_containers(&input.required_list("containerDefinitions")?, mode, members.contains_key("memory"))?;
    if let Some(Value::Array(definitions)) = members.get_mut("containerDefinitions") {
        for definition in definitions {
            fill(definition, mode);
        }
    }
    let bytes = serde_json::to_vec(members).map_or(0, |bytes| bytes.len());
    if bytes > MOST_BYTES {
        return Err(client(format!("Actual length: '{bytes}'. Max allowed length is '{MOST_BYTES}' bytes.")));
    }
    Ok(())
}

/// Whether a name has the length and the characters that AWS takes.
fn plain(name: &str) -> bool {
    name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn all_containers(containers: &[Input], mode: Option<&str>, sized: bool) -> Result<(), ApiError> {
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let found = containers.len();
    if found > MOST_CONTAINERS {
        return Err(client(format!("A task definition has at most {MOST_CONTAINERS} containers, not {found}.")));
    }
    let (mut names, mut essential) = (Vec::new(), false);
    for container in containers {
        let name = one_container(container, mode, sized)?;
        if names.contains(&name) {
            return Err(client(format!("Container names must be unique within a task definition: '{name}'.")));
        }
        essential |= container.bool("essential")?.unwrap_or(true);
        names.push(name);
    }
    if !essential {
        return Err(client("At least one container must be essential."));
    }
    Ok(())
}

/// Checks a container and gives its name.
fn one_container(container: &Input, mode: Option<&str>, sized: bool) -> Result<String, ApiError> {
    let text = |name: &str| -> Result<String, ApiError> {
        let found = container.text(name)?.filter(|text| !text.is_empty());
        found.map(str::to_owned).ok_or_else(|| client(format!("Container.{name} should not be null or empty.")))
    };
    let name = text("name")?;
    text("image")?;
    if !plain(&name) {
        return Err(client(format!("Invalid container name '{name}'.")));
    }
    let setting = |why: &str| client(format!("Invalid setting for container '{name}'. {why}"));
    let memory = container.int("memory")?;
    let reservation = container.int("memoryReservation")?;
    container.int("cpu")?;
    match (memory, reservation) {
        (None, None) if !sized => {
            return Err(setting("At least one of 'memory' or 'memoryReservation' must be specified."));
        }
        (Some(memory), _) if memory < 6 => return Err(setting("'memory' must be at least 6 MiB.")),
        (Some(memory), Some(reservation)) if memory < reservation => {
            return Err(setting("'memory' must not be below 'memoryReservation'."));
        }
        _ => {}
    }
    ports(container, &name, mode)?;
    container.strings("command")?;
    container.strings("entryPoint")?;
    for variable in container.list("environment")?.unwrap_or_default() {
        variable.text("name")?;
        variable.text("value")?;
    }
    Ok(name)
}

fn ports(container: &Input, name: &str, mode: Option<&str>) -> Result<(), ApiError> {
    for mapping in container.list("portMappings")?.unwrap_or_default() {
        let port = mapping.int("containerPort")?;
        let host = mapping.int("hostPort")?;
        if port.into_iter().chain(host).any(|port| !(0..=65_535).contains(&port)) {
            return Err(client(format!("Invalid port in the port mappings of container '{name}'.")));
        }
        let same = host.is_none_or(|host| host == 0 || Some(host) == port);
        if let Some(mode @ ("awsvpc" | "host")) = mode.filter(|_| !same) {
            return Err(client(format!(
                "When networkMode={mode}, the host ports and container ports in port mappings must match."
            )));
        }
        if let Some(protocol) = mapping.text("protocol")?.filter(|protocol| !["tcp", "udp"].contains(protocol)) {
            return Err(client(format!("protocol must be tcp or udp, not {protocol}")));
        }
    }
    Ok(())
}

fn fargate(mode: Option<&str>, members: &Json<String, Value>) -> Result<(), ApiError> {
    if mode != Some("awsvpc") {
        return Err(client("Fargate only supports network mode 'awsvpc'."));
    }
    let number = |name: &str| -> Result<u64, ApiError> {
        let found = members.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
        found.ok_or_else(|| client(format!("Fargate requires that '{name}' be defined at the task level.")))
    };
    let (cpu, memory) = (number("cpu")?, number("memory")?);
    let fits = |(units, least, most, step): &(u64, u64, u64, u64)| {
        let stepped = memory.checked_sub(*least).is_some_and(|more| more.is_multiple_of(*step));
        // The smallest size has 512, 1024 and 2048 MiB.
        *units == cpu && stepped && memory <= *most && !(cpu == 256 && memory == 1_536)
    };
    if FARGATE.iter().any(fits) { Ok(()) } else { Err(client("No Fargate configuration exists for given values.")) }
}

/// A size as a number, or in units of 1024 of them: `1024`, `1 vCPU`, `.5 vcpu`, `2GB`.
fn size(text: &str, unit: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let Some(number) = lower.strip_suffix(unit) else { return lower.parse().ok() };
    let number: f64 = number.trim().parse().ok().filter(|number| (0.0..=1_000.0).contains(number))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
    let size = (number * 1_024.0).round() as u64;
    Some(size)
}

/// In lists, null is no entry.
fn no_nulls_in_lists(node: &Node, path: &str) -> Result<(), ApiError> {
    match node {
        Node::List(items) if items.contains(&Node::Null) => Err(invalid(format!("{path} has an entry that is null."))),
        Node::List(items) => items.iter().try_for_each(|item| no_nulls_in_lists(item, path)),
        Node::Map(map) => map.iter().try_for_each(|(name, member)| {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            no_nulls_in_lists(member, &path)
        }),
        _ => Ok(()),
    }
}

/// What AWS says of a container where nobody said it.
fn fill(definition: &mut Value, mode: Option<&str>) {
    let Value::Object(members) = definition else { return };
    for (name, value) in [
        ("cpu", json!(0)),
        ("essential", json!(true)),
        ("portMappings", json!([])),
        ("environment", json!([])),
        ("mountPoints", json!([])),
        ("volumesFrom", json!([])),
        ("systemControls", json!([])),
    ] {
        members.entry(name).or_insert(value);
    }
    let mappings = members.get_mut("portMappings").and_then(Value::as_array_mut).into_iter().flatten();
    for mapping in mappings.filter_map(Value::as_object_mut) {
        let given = mapping.get("hostPort").and_then(Value::as_i64).is_some_and(|port| port > 0);
        if !given && !mapping.contains_key("containerPortRange") {
            let own = mapping.get("containerPort").cloned().filter(|_| matches!(mode, Some("awsvpc" | "host")));
            mapping.insert("hostPort".to_owned(), own.unwrap_or_else(|| json!(0)));
        }
        mapping.entry("protocol").or_insert_with(|| json!("tcp"));
    }
}

/// On what a task definition can run.
pub(super) fn compatibilities(document: &Value) -> Value {
    let mode = document.get("networkMode").and_then(Value::as_str);
    let sized = ["cpu", "memory"].iter().all(|name| document.get(*name).is_some());
    match mode {
        Some("awsvpc") if sized => json!(["EC2", "FARGATE"]),
        Some("awsvpc") => json!(["EC2"]),
        _ => json!(["EXTERNAL", "EC2"]),
    }
}
