//! A user's own document with some of its values replaced, and all the rest as it stands.
//!
//! The change is made in the tree that was read, never in the text: the user's spelling of keys, their order, and keys
//! that only the user knows stay. Comments and anchors are the text's alone and are not kept.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{AppSpec, Document, Network, Target, parse, render};
use crate::diagnostic::{Diagnostic, Report};
use crate::model::TaskDefinitionArn;

/// What to replace; what is `None` stays as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// ECS: the revision to deploy.
    pub task_definition: Option<TaskDefinitionArn>,
    /// ECS: the container that gets the traffic.
    pub container: Option<String>,
    /// ECS: the container's port.
    pub port: Option<u16>,
    /// ECS: where the tasks stand, as a whole.
    pub network: Option<Network>,
    /// Lambda: the version that the alias points to now.
    pub current_version: Option<u64>,
    /// Lambda: the version to deploy.
    pub target_version: Option<u64>,
}

/// One value that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The keys down to it, as the document spells them, joined with dots.
    pub path: String,
    /// What stood there; `None` where nothing did.
    pub before: Option<Value>,
    /// What stands there now.
    pub after: Value,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match &self.before {
            Some(before) => write!(f, "{}: {} becomes {}", self.path, shown(before), shown(&self.after)),
            None => write!(f, "{}: {} is added", self.path, shown(&self.after)),
        }
    }
}

/// A document after a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// What it says.
    pub spec: AppSpec,
    /// What was replaced by something else, in the order of [`Patch`].
    pub changes: Vec<Change>,
    /// What CodeDeploy would take, but perhaps not as meant: without places, since the text is another now.
    pub warnings: Vec<Diagnostic>,
    tree: Value,
}

/// Why a document cannot be patched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// A value for the other kind of resource.
    #[error("{what} cannot be set: the document deploys {deploys}")]
    OtherKind {
        /// What was to be set.
        what: &'static str,
        /// What the document deploys.
        deploys: &'static str,
    },
    /// The new document breaks a rule.
    #[error("the patched document is not valid: {}", errors(.0))]
    Invalid(Box<Report>),
}

fn errors(report: &Report) -> String {
    let errors = report.diagnostics.iter().filter(|found| found.is_error());
    errors.map(|found| found.message.as_str()).collect::<Vec<_>>().join("; ")
}

impl Document {
    /// The document with some of its values replaced. The result passes the rules that a file has to pass.
    ///
    /// # Errors
    ///
    /// A value that belongs to the other kind of resource, and whatever is wrong with the new document.
    pub fn patch(&self, patch: &Patch) -> Result<Patched, PatchError> {
        check_kind(&self.spec, patch)?;
        let mut tree = self.tree.clone();
        let mut changes = Vec::new();
        for (keys, value) in wanted(patch) {
            changes.extend(set(&mut tree, keys, value));
        }
        let text = as_json(&tree);
        let read = if self.spec.unresolved().is_some() && patch.task_definition.is_none() {
            super::parse_template("the patched document", &text)
        } else {
            parse("the patched document", &text)
        };
        let Document { spec, mut warnings, .. } = read.map_err(|report| PatchError::Invalid(Box::new(report)))?;
        for warning in &mut warnings {
            warning.place = None;
        }
        Ok(Patched { spec, changes, warnings, tree })
    }

    /// The document as JSON, with keys as they are written, ending with a line break.
    pub fn to_json(&self) -> String {
        as_json(&self.tree)
    }

    /// The document as YAML, with keys as they are written, ending with a line break. Comments are not kept.
    pub fn to_yaml(&self) -> String {
        render::tree_yaml(&self.tree)
    }
}

impl Patched {
    /// The document as JSON, with keys as the user wrote them, ending with a line break.
    pub fn to_json(&self) -> String {
        as_json(&self.tree)
    }

    /// The document as YAML, with keys as the user wrote them, ending with a line break.
    pub fn to_yaml(&self) -> String {
        render::tree_yaml(&self.tree)
    }
}

/// Fills a template with the revision that was registered for it: the content to send to CodeDeploy, as JSON.
///
/// # Errors
///
/// Whatever is wrong with the template, or with the document that comes of it.
pub fn fill(source_name: &str, template: &str, revision: TaskDefinitionArn) -> Result<String, Report> {
    let document = super::parse_template(source_name, template)?;
    let Target::Ecs(_) = &document.spec.target else { return Ok(document.to_json()) };
    let patch = Patch { task_definition: Some(revision), ..Patch::default() };
    match document.patch(&patch) {
        Ok(patched) => Ok(patched.to_json()),
        Err(PatchError::Invalid(report)) => Err(*report),
        Err(other @ PatchError::OtherKind { .. }) => {
            let finding = Diagnostic::error(crate::diagnostic::codes::APPSPEC_RESOURCE_TYPE, other.to_string());
            Err(Report::new(source_name, template, vec![finding]))
        }
    }
}

fn as_json(tree: &Value) -> String {
    format!("{tree:#}\n")
}

fn check_kind(spec: &AppSpec, patch: &Patch) -> Result<(), PatchError> {
    let (deploys, strange) = match spec.target {
        Target::Ecs(_) => (
            "an ECS service",
            [
                patch.current_version.map(|_| "the version of a function"),
                patch.target_version.map(|_| "the version of a function"),
                None,
                None,
            ],
        ),
        Target::Lambda(_) => (
            "a Lambda function",
            [
                patch.task_definition.as_ref().map(|_| "a task definition"),
                patch.container.as_ref().map(|_| "a container"),
                patch.port.map(|_| "a port"),
                patch.network.as_ref().map(|_| "a network"),
            ],
        ),
    };
    match strange.into_iter().flatten().next() {
        Some(what) => Err(PatchError::OtherKind { what, deploys }),
        None => Ok(()),
    }
}

/// The keys below `Properties`, in their documented spelling, with what they are to hold.
fn wanted(patch: &Patch) -> impl Iterator<Item = (&'static [&'static str], Value)> {
    let entries: [(&'static [&'static str], Option<Value>); 6] = [
        (&["TaskDefinition"], patch.task_definition.as_ref().map(|arn| json!(arn.as_str()))),
        (&["LoadBalancerInfo", "ContainerName"], patch.container.as_ref().map(|name| json!(name))),
        (&["LoadBalancerInfo", "ContainerPort"], patch.port.map(|port| json!(port))),
        (&["NetworkConfiguration"], patch.network.as_ref().map(render::network)),
        (&["CurrentVersion"], patch.current_version.map(|version| json!(version.to_string()))),
        (&["TargetVersion"], patch.target_version.map(|version| json!(version.to_string()))),
    ];
    entries.into_iter().filter_map(|(keys, value)| Some((keys, value?)))
}

/// Replaces one value below `Properties`; `None` where it is that already.
fn set(tree: &mut Value, keys: &[&str], value: Value) -> Option<Change> {
    let mut path = Vec::new();
    let resources = member(tree, "Resources", &mut path);
    let resource = resources.as_array_mut().and_then(|items| items.first_mut())?;
    let (_, resource) = resource.as_object_mut()?.iter_mut().next()?;
    path.clear();
    let mut slot = member(resource, "Properties", &mut path);
    for key in keys {
        slot = member(slot, key, &mut path);
    }
    if *slot == value {
        return None;
    }
    let before = std::mem::replace(slot, value.clone());
    Some(Change { path: path.join("."), before: (!before.is_null()).then_some(before), after: value })
}

/// The value under a key in any case; made where there is none. What was no mapping becomes one.
fn member<'t>(tree: &'t mut Value, key: &str, path: &mut Vec<String>) -> &'t mut Value {
    if !tree.is_object() {
        *tree = Value::Object(Map::new());
    }
    let known = tree.as_object().and_then(|map| map.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned());
    let key = known.unwrap_or_else(|| key.to_owned());
    path.push(key.clone());
    &mut tree[key]
}

#[cfg(test)]
mod tests;
