//! What changed between two definitions, in words that may be printed.

use std::fmt;

use serde_json::{Map, Value};

use super::redact::{announces_secret, hides, redacted_text};

/// The longest value shown, in characters.
const SHOWN_MAX: usize = 100;

/// One difference. `Display` is one line: `~ containerDefinitions[web].image: "a" -> "b"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where: keys joined by dots, list entries by name or number (`containerDefinitions[web].portMappings[0]`).
    pub path: String,
    /// What happened there.
    pub kind: ChangeKind,
}

/// What happened at a place. Values are compact JSON, cut where long; `None` where they must not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the new definition has it.
    Added(Option<String>),
    /// Only the old definition has it.
    Removed(Option<String>),
    /// Both have it, with other values.
    Changed(Option<(String, String)>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            ChangeKind::Added(Some(new)) => write!(f, "+ {path}: {new}"),
            ChangeKind::Added(None) => write!(f, "+ {path}: added (value hidden)"),
            ChangeKind::Removed(Some(old)) => write!(f, "- {path}: {old}"),
            ChangeKind::Removed(None) => write!(f, "- {path}: removed (value hidden)"),
            ChangeKind::Changed(Some((old, new))) => write!(f, "~ {path}: {old} -> {new}"),
            ChangeKind::Changed(None) => write!(f, "~ {path}: changed (values hidden)"),
        }
    }
}

pub(super) fn diff(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Change> {
    let awsvpc = |document: &Map<String, Value>| document.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
    let mut walk = Walk { changes: Vec::new(), old_awsvpc: awsvpc(old), new_awsvpc: awsvpc(new) };
    walk.objects("", "", old, new, false);
    walk.changes
}

struct Walk {
    changes: Vec<Change>,
    old_awsvpc: bool,
    new_awsvpc: bool,
}

impl Walk {
    /// Compares the members of two objects, `list` being the key of the list or map that holds them.
    fn objects(&mut self, path: &str, list: &str, old: &Map<String, Value>, new: &Map<String, Value>, hidden: bool) {
        let added = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(added) {
            let before = old.get(key).filter(|value| !is_default(list, key, value, old, self.old_awsvpc));
            let after = new.get(key).filter(|value| !is_default(list, key, value, new, self.new_awsvpc));
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.values(&below, key, before, after, hidden || hides(key));
        }
    }

    fn values(&mut self, path: &str, key: &str, old: Option<&Value>, new: Option<&Value>, hidden: bool) {
        match (old, new) {
            (None, None) => {}
            (Some(old), Some(new)) if old == new => {}
            (Some(Value::Object(old)), Some(Value::Object(new))) => self.objects(path, key, old, new, hidden),
            (old, new) if is_list(old) && is_list(new) => {
                self.lists(path, key, entries(old), entries(new), hidden);
            }
            (Some(old), Some(new)) => {
                let shown = (!hidden).then(|| (show(old), show(new)));
                // Two values that differ only in what is blanked would read as equal.
                let shown = shown.filter(|(old, new)| old != new);
                self.push(path, ChangeKind::Changed(shown));
            }
            (None, Some(new)) => self.push(path, ChangeKind::Added((!hidden).then(|| show(new)))),
            (Some(old), None) => self.push(path, ChangeKind::Removed((!hidden).then(|| show(old)))),
        }
    }

    /// Entries with names are matched by name, others by position.
    fn lists(&mut self, path: &str, key: &str, old: &[Value], new: &[Value], hidden: bool) {
        let named = |list: &[Value]| list.iter().all(|entry| label(entry).is_some());
        if key == "command" || key == "entryPoint" || !named(old) || !named(new) {
            return self.positions(path, key, old, new, hidden);
        }
        let find = |list: &'_ [Value], name: &str| list.iter().position(|entry| label(entry).as_deref() == Some(name));
        for entry in old {
            let name = label(entry).unwrap_or_default();
            self.entry(path, key, &name, Some(entry), find(new, &name).map(|i| &new[i]), hidden);
        }
        for entry in new {
            let name = label(entry).unwrap_or_default();
            if find(old, &name).is_none() {
                self.entry(path, key, &name, None, Some(entry), hidden);
            }
        }
    }

    fn positions(&mut self, path: &str, key: &str, old: &[Value], new: &[Value], hidden: bool) {
        let scalars = |list: &[Value]| list.iter().all(|entry| !entry.is_object() && !entry.is_array());
        if scalars(old) && scalars(new) {
            // Arguments mean something together only: the whole list is one value.
            let whole = |list: &[Value]| show(&Value::Array(list.to_vec()));
            let kind = match (old, new) {
                (old, new) if old == new => return,
                ([], new) => ChangeKind::Added((!hidden).then(|| whole(new))),
                (old, []) => ChangeKind::Removed((!hidden).then(|| whole(old))),
                (old, new) => {
                    let shown = (!hidden).then(|| (whole(old), whole(new)));
                    ChangeKind::Changed(shown.filter(|(old, new)| old != new))
                }
            };
            return self.push(path, kind);
        }
        for i in 0..old.len().max(new.len()) {
            self.entry(path, key, &i.to_string(), old.get(i), new.get(i), hidden);
        }
    }

    fn entry(&mut self, path: &str, key: &str, name: &str, old: Option<&Value>, new: Option<&Value>, hidden: bool) {
        let path = format!("{path}[{name}]");
        // A variable is one thing: its name with a hidden value, rather than one change for each of its members.
        let one = hidden
            || old.or(new).and_then(|entry| entry.get("name")).and_then(Value::as_str).is_some_and(announces_secret);
        match (old, new) {
            (Some(old), Some(new)) if one && old != new => self.push(&path, ChangeKind::Changed(None)),
            (Some(Value::Object(old)), Some(Value::Object(new))) => self.objects(&path, key, old, new, hidden),
            (Some(entry), None) => self.push(&path, ChangeKind::Removed((!one).then(|| summary(entry)))),
            (None, Some(entry)) => self.push(&path, ChangeKind::Added((!one).then(|| summary(entry)))),
            (old, new) => self.values(&path, "", old, new, hidden),
        }
    }

    fn push(&mut self, path: &str, kind: ChangeKind) {
        self.changes.push(Change { path: path.to_owned(), kind });
    }
}

fn is_list(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_array)
}

fn entries(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What an entry of a list is called: its name or key, or its port.
fn label(entry: &Value) -> Option<String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let port = || {
        let port = entry.get("containerPort").and_then(Value::as_u64)?;
        let protocol = entry.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
        Some(format!("{port}/{protocol}"))
    };
    if entry.get("containerPort").is_some() { port() } else { text("name").or_else(|| text("key")) }
}

/// Whether a value says nothing, or only what ECS assumes anyway and writes out when it describes a definition.
fn is_default(list: &str, key: &str, value: &Value, object: &Map<String, Value>, awsvpc: bool) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Bool(true) => key == "essential" && list == "containerDefinitions",
        Value::Number(number) if key == "cpu" && list == "containerDefinitions" => number.as_u64() == Some(0),
        Value::Number(number) if key == "hostPort" => {
            number.as_u64() == Some(0) || (awsvpc && object.get("containerPort") == Some(value))
        }
        Value::String(text) => key == "protocol" && list == "portMappings" && text == "tcp",
        _ => false,
    }
}

/// A container added or gone is told by its image; anything else by its JSON.
fn summary(entry: &Value) -> String {
    let image = entry.get("image").and_then(Value::as_str);
    image.map_or_else(|| show(entry), |image| format!("image {}", show(&Value::String(image.to_owned()))))
}

fn show(value: &Value) -> String {
    let shown = match value {
        Value::String(text) => Value::String(redacted_text(text)).to_string(),
        other => super::redact::redacted(other).to_string(),
    };
    if shown.chars().count() <= SHOWN_MAX {
        return shown;
    }
    let head: String = shown.chars().take(SHOWN_MAX - 1).collect();
    format!("{head}…")
}
