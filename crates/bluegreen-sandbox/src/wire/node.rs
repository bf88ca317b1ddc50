//! The tree that requests and answers are, whatever their bytes look like.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use jiff::Timestamp;
use serde_json::{Number, Value};

/// A value of a request or an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Node {
    /// Nothing. A [`Map`] built by [`node!`](crate::node) has none.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text. Requests of the query protocol have no other scalars.
    Text(String),
    /// Bytes; base64 where the wire has only text.
    Blob(Vec<u8>),
    /// A moment; answers carry it to the millisecond.
    Time(Timestamp),
    /// A list.
    List(Vec<Node>),
    /// A structure or a map.
    Map(Map),
}

/// Members in the order in which they were put in, each name once.
#[derive(Clone, Debug, Default)]
pub struct Map(Vec<(String, Node)>);

impl Map {
    /// A map without members.
    pub const fn new() -> Map {
        Map(Vec::new())
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The member of that name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.0.iter_mut().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// Whether there is such a member.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Puts a member at the end, or in the place of the one that has its name.
    pub fn insert(&mut self, name: impl Into<String>, node: impl Into<Node>) {
        let (name, node) = (name.into(), node.into());
        match self.get_mut(&name) {
            Some(old) => *old = node,
            None => self.0.push((name, node)),
        }
    }

    /// The same as [`Map::insert`], but nothing happens for [`Node::Null`].
    pub fn put(&mut self, name: &str, node: impl Into<Node>) {
        match node.into() {
            Node::Null => {}
            node => self.insert(name, node),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Node> {
        let place = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(place).1)
    }

    /// The members in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Node)> {
        self.0.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Maps with the same members are equal, whatever their order: no wire promises one.
impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.len() == other.len() && self.iter().all(|(name, node)| other.get(name) == Some(node))
    }
}

impl<K: Into<String>, V: Into<Node>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Map {
        // Names that come from a caller may be many: one index instead of a search for each.
        let mut places = BTreeMap::new();
        let mut map = Map::new();
        for (name, node) in members {
            let (name, node) = (name.into(), node.into());
            let place = *places.entry(name.clone()).or_insert(map.0.len());
            match map.0.get_mut(place) {
                Some((_, old)) => *old = node,
                None => map.0.push((name, node)),
            }
        }
        map
    }
}

impl IntoIterator for Map {
    type Item = (String, Node);
    type IntoIter = std::vec::IntoIter<(String, Node)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Node {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match self {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The member of that name, if it is a map that has one.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_map().and_then(|map| map.get(name))
    }

    /// A JSON document as a tree, in its order. Whole numbers that do not fit into 64 signed bits become floats.
    pub fn from_json(value: Value) -> Node {
        match value {
            Value::Null => Node::Null,
            Value::Bool(truth) => Node::Bool(truth),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Node::Int(whole),
                None => Node::Float(number.as_f64().unwrap_or(f64::MAX)),
            },
            Value::String(text) => Node::Text(text),
            Value::Array(items) => Node::List(items.into_iter().map(Node::from_json).collect()),
            Value::Object(members) => Node::Map(members.into_iter().collect()),
        }
    }

    /// The tree as JSON the way awsJson has it: moments in epoch seconds, bytes in base64, NaN and infinities as text.
    pub fn to_json(&self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(truth) => Value::Bool(*truth),
            Node::Int(whole) => Value::from(*whole),
            Node::Float(float) => {
                Number::from_f64(*float).map_or_else(|| Value::from(special_float(*float)), Value::Number)
            }
            Node::Text(text) => Value::from(text.as_str()),
            Node::Blob(bytes) => Value::from(base64::encode(bytes)),
            Node::Time(at) => Number::from_f64(epoch_seconds(*at)).map_or(Value::Null, Value::Number),
            Node::List(items) => items.iter().map(Node::to_json).collect(),
            Node::Map(map) => Value::Object(map.iter().map(|(key, node)| (key.to_owned(), node.to_json())).collect()),
        }
    }
}

/// Seconds since 1970, to the millisecond.
pub(super) fn epoch_seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "jiff's years fit into 48 bits of milliseconds")]
    let milliseconds = at.as_millisecond() as f64;
    milliseconds / 1_000.0
}

/// How AWS spells floats that JSON and XML have no number for.
pub(super) fn special_float(float: f64) -> &'static str {
    match float {
        _ if float.is_nan() => "NaN",
        _ if float > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

macro_rules! from_whole {
    ($($whole:ty),+) => {
        $(impl From<$whole> for Node {
            fn from(whole: $whole) -> Node {
                Node::Int(i64::try_from(whole).unwrap_or(i64::MAX))
            }
        })+
    };
}

from_whole!(i32, u16, u32, u64, usize, i64);

impl From<bool> for Node {
    fn from(truth: bool) -> Node {
        Node::Bool(truth)
    }
}

impl From<f64> for Node {
    fn from(float: f64) -> Node {
        Node::Float(float)
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Node {
        Node::Text(text.to_owned())
    }
}

impl From<&String> for Node {
    fn from(text: &String) -> Node {
        Node::Text(text.clone())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Node {
        Node::Text(text)
    }
}

impl From<Timestamp> for Node {
    fn from(at: Timestamp) -> Node {
        Node::Time(at)
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Node {
        Node::Map(map)
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Node {
        Node::from_json(value)
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Node {
        Node::from_json(value.clone())
    }
}

impl From<&Node> for Node {
    fn from(node: &Node) -> Node {
        node.clone()
    }
}

impl<T: Into<Node>> From<Option<T>> for Node {
    fn from(value: Option<T>) -> Node {
        value.map_or(Node::Null, Into::into)
    }
}

impl<T: Into<Node>> From<Vec<T>> for Node {
    fn from(items: Vec<T>) -> Node {
        items.into_iter().collect()
    }
}

impl<T: Into<Node>, const N: usize> From<[T; N]> for Node {
    fn from(items: [T; N]) -> Node {
        items.into_iter().collect()
    }
}

impl<T: Into<Node> + Clone> From<&[T]> for Node {
    fn from(items: &[T]) -> Node {
        items.iter().cloned().collect()
    }
}

/// Any iterator is a list.
impl<T: Into<Node>> FromIterator<T> for Node {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Node {
        Node::List(items.into_iter().map(Into::into).collect())
    }
}

/// A [`Node::Map`]: `node! { "Name": value, … }`. A value is anything that [`Node`] is made from; members whose value is
/// `None` or [`Node::Null`] are left out, as AWS leaves them out.
#[macro_export]
macro_rules! node {
    ($($name:literal : $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut map = $crate::wire::Map::new();
        $(map.put($name, $value);)*
        $crate::wire::Node::Map(map)
    }};
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_comes_back_as_it_was_and_in_its_order() {
        let text = r#"{"z":1,"a":[true,null,{"x":"y","b":-9007199254740993,"c":0.1,"d":1e30}],"m":{},"l":[]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let back = Node::from_json(value.clone()).to_json();
        assert_eq!(back, value);
        assert_eq!(back.to_string(), value.to_string());
    }

    #[test]
    fn the_macro_leaves_out_what_is_not_there() {
        let absent: Option<&str> = None;
        let node = node! { "A": 1, "B": absent, "C": Some("c"), "D": vec!["d"], "E": Node::Null, "F": node! {} };
        assert_eq!(node.to_json(), json!({"A": 1, "C": "c", "D": ["d"], "F": {}}));
    }

    #[test]
    fn a_name_is_there_once() {
        let map: Map = [("a", 1), ("b", 2), ("a", 3)].into_iter().collect();
        assert_eq!(Node::Map(map.clone()).to_json().to_string(), r#"{"a":3,"b":2}"#);
        let mut same = Map::new();
        same.insert("b", 2);
        same.insert("a", 1);
        same.insert("a", 3);
        assert_eq!(map, same);
        same.remove("a");
        assert_ne!(map, same);
        assert_eq!(same.len(), 1);
    }

    #[test]
    fn what_json_has_no_number_for_is_text_and_moments_are_seconds() {
        let at: Timestamp = "2026-01-01T00:00:00.1239Z".parse().unwrap();
        let node =
            node! { "n": f64::NAN, "i": f64::NEG_INFINITY, "t": at, "b": Node::Blob(vec![1, 2, 3]), "u": u64::MAX };
        let json = json!({"n": "NaN", "i": "-Infinity", "t": 1_767_225_600.123, "b": "AQID", "u": i64::MAX});
        assert_eq!(node.to_json(), json);
    }
}
