//! Task definitions, kept as the JSON they are.
//!
//! A typed model would drop every field that it does not know, and ECS gains fields every month. So the document stays
//! JSON: what this module does not understand it passes on untouched, and what would be refused, or would silently do
//! something else, is reported before anything is registered.

mod artifact;
mod check;
mod diff;
mod image;
mod locate;
mod mask;
pub mod placeholder;
mod redact;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use crate::diagnostic::Report;

pub use artifact::{ImageDetail, parse_image_definitions, parse_image_detail};
pub use check::READ_ONLY;
pub(crate) use check::{cut, json_syntax};
pub use diff::{Change, ChangeKind};
pub use image::{ImageError, ImageRef};

/// A task definition that can be registered once its placeholders are filled in.
///
/// `Debug` and `Display` show the family and the containers' images, never a variable's value.
#[derive(Clone, PartialEq)]
pub struct TaskDefinition {
    document: Map<String, Value>,
    dropped: Vec<String>,
}

/// What is looked at of a container; everything else stays in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Its name, unique in the definition.
    pub name: &'a str,
    /// Its image as written, perhaps a placeholder.
    pub image: &'a str,
    /// Whether the task stops when it does; true unless said otherwise.
    pub essential: bool,
    /// Its port mappings in order. Ranges of ports are left out: no load balancer can use one.
    pub ports: Vec<PortMapping<'a>>,
}

/// One port that a container listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortMapping<'a> {
    /// The port inside the container.
    pub container: u16,
    /// The port on the host; `None` or 0 leaves the choice to ECS.
    pub host: Option<u16>,
    /// `tcp` or `udp`.
    pub protocol: &'a str,
}

/// Why something cannot be done with a task definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskDefError {
    /// Images were given for containers that it has not.
    #[error("family `{family}` has no container {}: it has {}{}", listed(unknown), listed(known), hint(suggestion.as_deref()))]
    UnknownContainer {
        /// The definition's family.
        family: String,
        /// The names that no container has.
        unknown: Vec<String>,
        /// The names that containers have.
        known: Vec<String>,
        /// The known name closest to the first unknown one, if any is close.
        suggestion: Option<String>,
    },
    /// The image for a container is no image reference.
    #[error("the image for container `{container}` cannot be used")]
    Image {
        /// The container.
        container: String,
        /// What is wrong with it.
        #[source]
        source: ImageError,
    },
    /// Placeholders are left.
    #[error("family `{family}` still has placeholders: {}; give each a value before registering it", shown(places))]
    Unresolved {
        /// The definition's family.
        family: String,
        /// Each placeholder's name with the paths at which it stands.
        places: BTreeMap<String, Vec<String>>,
    },
    /// A value was given for a placeholder that stands nowhere.
    #[error("no placeholder {} in family `{family}`: {}", listed_in_brackets(unused), remaining(known))]
    UnusedPlaceholder {
        /// The definition's family.
        family: String,
        /// The names that were given.
        unused: Vec<String>,
        /// The placeholders that it has.
        known: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn listed_in_brackets(names: &[String]) -> String {
    names.iter().map(|name| format!("`<{name}>`")).collect::<Vec<_>>().join(", ")
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn remaining(known: &[String]) -> String {
    if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", listed_in_brackets(known)) }
}

fn shown(places: &BTreeMap<String, Vec<String>>) -> String {
    let one = |(name, paths): (&String, &Vec<String>)| format!("`<{name}>` at {}", paths.join(", "));
    places.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl TaskDefinition {
    /// Reads a task definition from JSON: what `RegisterTaskDefinition` takes, or a whole reply of
    /// `DescribeTaskDefinition`, whose tags stand beside the definition and are moved into it.
    ///
    /// Read-only fields and reserved tags (`aws:…`) are dropped and named by [`TaskDefinition::dropped`]; unknown
    /// fields stay. `source_name` is the file's name for the findings. Placeholders may stand in any string value.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once. The values of variables and secrets are blanked in the report's text.
    pub fn parse(source_name: &str, text: &str) -> Result<TaskDefinition, Report> {
        check::parse(source_name, text, check::Depth::Rules)
    }

    /// Takes a definition that ECS itself has returned. Only what this program needs is checked (a family, named
    /// containers, images): ECS has accepted the rest.
    ///
    /// # Errors
    ///
    /// As [`TaskDefinition::parse`], with places in the pretty-printed JSON.
    pub fn from_live(source_name: &str, document: &Value) -> Result<TaskDefinition, Report> {
        check::parse(source_name, &format!("{document:#}"), check::Depth::Shape)
    }

    /// The family, without a revision.
    pub fn family(&self) -> &str {
        self.document.get("family").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its containers in order.
    pub fn containers(&self) -> Vec<Container<'_>> {
        self.container_values().iter().map(container).collect()
    }

    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<Container<'_>> {
        self.containers().into_iter().find(|container| container.name == name)
    }

    /// `awsvpc`, `bridge`, `host` or `none`; `None` where ECS chooses by platform.
    pub fn network_mode(&self) -> Option<&str> {
        self.document.get("networkMode").and_then(Value::as_str)
    }

    /// What it asks to be checked against: `FARGATE`, `EC2`, …
    pub fn requires_compatibilities(&self) -> Vec<&str> {
        let list = self.document.get("requiresCompatibilities").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Any top-level field as JSON.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.document.get(field)
    }

    /// What was dropped while reading: read-only fields by name and reserved tags as `tags[KEY]`.
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// The same definition with other images, by container name. Each image stands in the result exactly as given,
    /// tag or digest.
    ///
    /// # Errors
    ///
    /// Names that no container has (nothing is changed then), and images that are no image references. A whole
    /// placeholder (`<IMAGE1_NAME>`) is taken as an image.
    pub fn with_images(&self, images: &BTreeMap<String, String>) -> Result<TaskDefinition, TaskDefError> {
        let known: Vec<String> = self.containers().iter().map(|container| container.name.to_owned()).collect();
        let unknown: Vec<String> = images.keys().filter(|name| !known.contains(name)).cloned().collect();
        if let Some(first) = unknown.first() {
            let suggestion = closest(first, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(TaskDefError::UnknownContainer {
                family: self.family().to_owned(),
                unknown,
                known,
                suggestion,
            });
        }
        for (container, image) in images.iter().filter(|(_, image)| placeholder::whole(image).is_none()) {
            image.parse::<ImageRef>().map_err(|source| TaskDefError::Image { container: container.clone(), source })?;
        }
        let mut changed = self.clone();
        let containers = changed.document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let image = container.get("name").and_then(Value::as_str).and_then(|name| images.get(name));
            if let (Some(image), Some(slot)) = (image, container.get_mut("image")) {
                *slot = Value::String(image.clone());
            }
        }
        Ok(changed)
    }

    /// The placeholders that are left, each with the paths at which it stands.
    ///
    /// Inside an image every `<NAME>` counts, since no image holds a `<`. Elsewhere only a value that is one
    /// placeholder in capitals and nothing else does: commands and templates are full of angle brackets.
    pub fn placeholders(&self) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for (key, value) in &self.document {
            find_placeholders(key, key, value, &mut found);
        }
        found
    }

    /// The same definition with placeholders filled in, inside string values only.
    ///
    /// # Errors
    ///
    /// A value for a placeholder that stands nowhere: it would be lost, and with it the image that was to be released.
    /// Placeholders without a value stay; [`TaskDefinition::to_register_request`] refuses them.
    pub fn resolve(&self, values: &placeholder::Values) -> Result<TaskDefinition, TaskDefError> {
        let mut used = BTreeSet::new();
        let mut resolved = self.clone();
        resolved.document.values_mut().for_each(|value| placeholder::fill_value(value, values, &mut used));
        let unused: Vec<String> = values.keys().filter(|name| !used.contains(*name)).cloned().collect();
        if !unused.is_empty() {
            let known = self.placeholders().into_keys().collect();
            return Err(TaskDefError::UnusedPlaceholder { family: self.family().to_owned(), unused, known });
        }
        for container in resolved.containers() {
            let pending = !placeholder::names_in(container.image).is_empty();
            if let Some(source) = container.image.parse::<ImageRef>().err().filter(|_| !pending) {
                return Err(TaskDefError::Image { container: container.name.to_owned(), source });
            }
        }
        Ok(resolved)
    }

    /// The input of `RegisterTaskDefinition`.
    ///
    /// # Errors
    ///
    /// Placeholders that have no value yet.
    pub fn to_register_request(&self) -> Result<Value, TaskDefError> {
        let places = self.placeholders();
        if places.is_empty() {
            return Ok(Value::Object(self.document.clone()));
        }
        Err(TaskDefError::Unresolved { family: self.family().to_owned(), places })
    }

    /// The definition as a file holds it: JSON of two-space indentation with every value, ending with a line break.
    /// For files and requests only; use [`TaskDefinition::redacted`] to show it.
    pub fn for_document(&self) -> String {
        format!("{:#}\n", Value::Object(self.document.clone()))
    }

    /// The definition with the values of variables, secrets and all that sounds like one hidden.
    pub fn redacted(&self) -> Value {
        redact::redacted(&Value::Object(self.document.clone()))
    }

    /// What differs from `self` to `new`, in the order of the documents. Defaults that ECS fills in when it describes
    /// a definition (`essential`, empty lists …) are no differences. Values of variables are never among the changes.
    pub fn diff(&self, new: &TaskDefinition) -> Vec<Change> {
        diff::diff(&self.document, &new.document)
    }

    fn container_values(&self) -> &[Value] {
        self.document.get("containerDefinitions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

fn container(value: &Value) -> Container<'_> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let mappings = value.get("portMappings").and_then(Value::as_array);
    let number = |mapping: &Value, key: &str| mapping.get(key).and_then(Value::as_u64).and_then(|n| n.try_into().ok());
    let ports = mappings.into_iter().flatten().filter_map(|mapping| {
        let protocol = mapping.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
        Some(PortMapping { container: number(mapping, "containerPort")?, host: number(mapping, "hostPort"), protocol })
    });
    Container {
        name: text("name"),
        image: text("image"),
        essential: value.get("essential").and_then(Value::as_bool).unwrap_or(true),
        ports: ports.collect(),
    }
}

fn find_placeholders(path: &str, key: &str, value: &Value, found: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::String(text) => {
            let names = match key {
                "image" => placeholder::names_in(text),
                _ => placeholder::whole(text).filter(|name| *name == name.to_uppercase()).into_iter().collect(),
            };
            for name in names {
                found.entry(name.to_owned()).or_default().push(path.to_owned());
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let label = item.get("name").and_then(Value::as_str).map_or_else(|| i.to_string(), str::to_owned);
                find_placeholders(&format!("{path}[{label}]"), "", item, found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                find_placeholders(&format!("{path}.{key}"), key, member, found);
            }
        }
        _ => {}
    }
}

/// The candidate that `word` was most likely meant to be: one slip in three letters, five at most; `None` where none is
/// close.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None; // no misspelt name, and comparing takes time with the square of the length
    }
    let lower = word.to_lowercase();
    let slips = |candidate: &'a str| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate);
    let best = candidates.into_iter().map(slips).min_by_key(|(slips, _)| *slips);
    best.filter(|(slips, candidate)| *slips <= (candidate.len() / 3).clamp(1, 5)).map(|(_, candidate)| candidate)
}

impl fmt::Display for TaskDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let containers: Vec<String> = self.containers().iter().map(|c| format!("{}={}", c.name, c.image)).collect();
        write!(f, "{} ({})", self.family(), containers.join(", "))
    }
}

impl fmt::Debug for TaskDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskDefinition").field("document", &self.redacted()).field("dropped", &self.dropped).finish()
    }
}

#[cfg(test)]
mod tests;
