//! The answers of the query protocol.

use std::borrow::Cow;

use aws_smithy_xml::encode::{ScopeWriter, XmlWriter};
use jiff::Timestamp;

use super::node::special_float;
use super::{ApiError, Map, Node};

/// Members that are maps, where a tree has nothing that tells them from structures.
const MAPS: [&str; 2] = ["AuthenticationRequestExtraParams", "ExtendedStatistics"];

/// `<OpResponse><OpResult>…</OpResult><ResponseMetadata>…`.
pub(super) fn answer(namespace: &str, operation: &str, members: &Map, request_id: &str) -> String {
    let mut document = String::new();
    let root = name(&format!("{operation}Response")).into_owned();
    let result = name(&format!("{operation}Result")).into_owned();
    {
        let mut writer = XmlWriter::new(&mut document);
        let mut root = writer.start_el(&root).write_ns(namespace, None).finish();
        {
            let mut result = root.start_el(&result).finish();
            structure(&mut result, members);
            result.finish();
        }
        {
            let mut metadata = root.start_el("ResponseMetadata").finish();
            leaf(&mut metadata, "RequestId", request_id);
            metadata.finish();
        }
        root.finish();
    }
    document
}

/// `<ErrorResponse>`.
pub(super) fn error(namespace: &str, error: &ApiError, code: &str, request_id: &str) -> String {
    let mut document = String::new();
    {
        let mut writer = XmlWriter::new(&mut document);
        let mut root = writer.start_el("ErrorResponse").write_ns(namespace, None).finish();
        {
            let mut inner = root.start_el("Error").finish();
            leaf(&mut inner, "Type", error.fault.name());
            leaf(&mut inner, "Code", code);
            leaf(&mut inner, "Message", &error.message);
            inner.finish();
        }
        leaf(&mut root, "RequestId", request_id);
        root.finish();
    }
    document
}

fn structure(scope: &mut ScopeWriter<'_, '_>, members: &Map) {
    for (key, node) in members.iter().filter(|(_, node)| **node != Node::Null) {
        element(scope, &name(key), node);
    }
}

fn element(scope: &mut ScopeWriter<'_, '_>, tag: &str, node: &Node) {
    let text = match node {
        Node::List(items) => {
            let mut list = scope.start_el(tag).finish();
            for item in items {
                element(&mut list, "member", item);
            }
            list.finish();
            return;
        }
        Node::Map(members) => {
            let mut inner = scope.start_el(tag).finish();
            if MAPS.contains(&tag) {
                entries(&mut inner, members);
            } else {
                structure(&mut inner, members);
            }
            inner.finish();
            return;
        }
        Node::Null => Cow::Borrowed(""),
        Node::Text(text) => Cow::Borrowed(text.as_str()),
        Node::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Node::Int(whole) => Cow::Owned(whole.to_string()),
        Node::Float(float) if float.is_finite() => Cow::Owned(format!("{float:?}")),
        Node::Float(float) => Cow::Borrowed(special_float(*float)),
        Node::Blob(bytes) => Cow::Owned(aws_smithy_types::base64::encode(bytes)),
        Node::Time(at) => Cow::Owned(date_time(*at)),
    };
    leaf(scope, tag, &text);
}

/// A map: its keys are values, not names of elements.
fn entries(scope: &mut ScopeWriter<'_, '_>, members: &Map) {
    for (key, node) in members.iter() {
        let mut entry = scope.start_el("entry").finish();
        leaf(&mut entry, "key", key);
        element(&mut entry, "value", node);
        entry.finish();
    }
}

fn leaf(scope: &mut ScopeWriter<'_, '_>, tag: &str, text: &str) {
    let mut element = scope.start_el(tag).finish();
    element.data(&readable(text));
    element.finish();
}

/// ISO 8601 to the millisecond, in UTC.
fn date_time(at: Timestamp) -> String {
    let whole = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    format!("{whole:.3}")
}

/// XML has no way to write most control characters, not even escaped; a reader would refuse the whole answer.
fn readable(text: &str) -> Cow<'_, str> {
    let forbidden =
        |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { Cow::Owned(text.replace(forbidden, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A member's name as an element: parameters that are echoed may have any name.
fn name(key: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && key.chars().all(plain) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("_{}", key.replace(|c: char| !plain(c), "_")))
}
