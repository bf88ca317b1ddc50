//! YAML and JSON text as a tree of nodes that know where they stand.
//!
//! The tree holds text only: whether `10` is a number is for the reader of a field to say. So nothing is guessed
//! (`no` stays `no`, `0111` keeps its zero), and a variable's value can never become anything but one scalar.

mod build;
mod scalar;
mod substitute;

use crate::diagnostic::{Diagnostic, Place};

pub use scalar::{Plain, Scalar};
pub use substitute::{Variables, substitute};

/// What a document may cost to read. Aliases are counted as often as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text, and of scalars after aliases and variables are expanded.
    pub bytes: usize,
    /// Scalars, lists and mappings.
    pub nodes: usize,
    /// Levels of nesting.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Ten times the largest file that AWS itself would take (a task definition: 64 KiB), and a number of
        // nodes that a debug build walks within milliseconds.
        Limits { bytes: 1 << 20, nodes: 20_000, depth: 64 }
    }
}

/// One value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands. What an alias brings in stands where its anchor is.
    pub place: Place,
    /// What it is.
    pub kind: NodeKind,
}

/// The three kinds of value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Text, a number, a truth value or nothing.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys, always scalars, with their values in the order of the text. No key stands twice.
    Mapping(Vec<(Node, Node)>),
}

/// A document with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The tree, as far as it can be used; `None` where the text is not YAML at all.
    pub root: Option<Node>,
    /// Findings, in no order. The document is sound only if none is an error.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads one YAML or JSON document under the default [`Limits`].
pub fn parse(text: &str) -> Parsed {
    parse_within(text, Limits::default())
}

/// Reads one YAML or JSON document under given limits.
pub fn parse_within(text: &str, limits: Limits) -> Parsed {
    build::parse(text, limits)
}

impl Node {
    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            NodeKind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is nothing: an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.plain() == Plain::Null)
    }

    /// The entry of a mapping with exactly this key; `None` also where this is no mapping.
    pub fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        let found = self.entries()?.iter().find(|(name, _)| name.text() == Some(key))?;
        Some((&found.0, &found.1))
    }

    /// The value under exactly this key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// All entries whose key is `key` but for the case of ASCII letters, in the order of the text.
    pub fn entries_ignoring_case(&self, key: &str) -> Vec<(&Node, &Node)> {
        let same = |name: &Node| name.text().is_some_and(|text| text.eq_ignore_ascii_case(key));
        let entries = self.entries().unwrap_or_default().iter();
        entries.filter(|(name, _)| same(name)).map(|(name, value)| (name, value)).collect()
    }

    /// The first value whose key is `key` but for the case of ASCII letters.
    pub fn get_ignoring_case(&self, key: &str) -> Option<&Node> {
        self.entries_ignoring_case(key).first().map(|(_, value)| *value)
    }

    /// What kind of value it is, for messages: `a list`, `a mapping`, `a number` …
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.describe(),
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }

    /// The number of nodes from here down, keys included.
    pub fn count(&self) -> usize {
        1 + match &self.kind {
            NodeKind::Scalar(_) => 0,
            NodeKind::Sequence(items) => items.iter().map(Node::count).sum::<usize>(),
            NodeKind::Mapping(entries) => entries.iter().map(|(key, value)| key.count() + value.count()).sum(),
        }
    }

    /// The value as JSON, plain scalars read by YAML 1.2's core schema.
    ///
    /// Numbers that JSON cannot hold (infinities, not-a-number) stay text.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.to_json(),
            NodeKind::Sequence(items) => items.iter().map(Node::to_json).collect(),
            NodeKind::Mapping(entries) => {
                let member = |(key, value): &(Node, Node)| (key.text().unwrap_or_default().to_owned(), value.to_json());
                serde_json::Value::Object(entries.iter().map(member).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests;
