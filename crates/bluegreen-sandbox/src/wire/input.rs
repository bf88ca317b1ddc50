//! What was asked for, read with the types that an operation expects.
//!
//! The query protocol knows only text, so there `10` is a number and `true` a truth value; JSON and CBOR must have the
//! type. Absent and `null` are the same. Errors have the code that the service uses.

use aws_smithy_types::base64;
use jiff::Timestamp;

use super::{ApiError, Map, Node, Protocol, Service};

static NOTHING: Map = Map::new();

/// The parameters of a request, or a structure among them.
#[derive(Clone, Debug)]
pub struct Input {
    node: Node,
    /// Where this is in the request; empty at the top.
    path: String,
    service: Service,
    protocol: Protocol,
}

impl Input {
    /// The parameters of a request to `service`.
    pub fn new(service: Service, protocol: Protocol, node: Node) -> Input {
        Input { node, path: String::new(), service, protocol }
    }

    /// The tree as it came: with the query protocol, every scalar is text.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The members of the tree; none if it is no structure.
    pub fn fields(&self) -> &Map {
        self.node.as_map().unwrap_or(&NOTHING)
    }

    /// A member as it came; `None` where it is absent or null.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.fields().get(name).filter(|node| **node != Node::Null)
    }

    /// Whether a member is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let node = self.get(name);
        node.map(|node| node.as_text().ok_or_else(|| self.mismatch(name, node, "String"))).transpose()
    }

    /// Text that must be there and not be empty.
    pub fn required_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| self.missing(name))
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let whole = match node {
            Node::Int(whole) => Some(*whole),
            Node::Float(float) => whole(*float),
            Node::Text(text) if self.typeless() => text.trim().parse().ok(),
            _ => None,
        };
        whole.map(Some).ok_or_else(|| self.mismatch(name, node, "Integer"))
    }

    /// A whole number that must be there.
    pub fn required_int(&self, name: &str) -> Result<i64, ApiError> {
        self.int(name)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number between two bounds, both allowed.
    pub fn int_within(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, ApiError> {
        let found = self.int(name)?;
        if let Some(found) = found.filter(|found| !(min..=max).contains(found)) {
            return Err(self.invalid(name, &format!("{found} is not between {min} and {max}")));
        }
        Ok(found)
    }

    /// A number.
    pub fn float(&self, name: &str) -> Result<Option<f64>, ApiError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let float = as_float(node, self.typeless());
        float.map(Some).ok_or_else(|| self.mismatch(name, node, "Double"))
    }

    /// A number that must be there.
    pub fn required_float(&self, name: &str) -> Result<f64, ApiError> {
        self.float(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list of numbers.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<f64>>, ApiError> {
        let Some(items) = self.items(name)? else { return Ok(None) };
        let float = |item| as_float(item, self.typeless()).ok_or_else(|| self.mismatch(name, item, "Double"));
        items.iter().map(float).collect::<Result<_, _>>().map(Some)
    }

    /// Yes or no.
    pub fn bool(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let truth = match node {
            Node::Bool(truth) => Some(*truth),
            Node::Text(text) if self.typeless() && text.eq_ignore_ascii_case("true") => Some(true),
            Node::Text(text) if self.typeless() && text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        truth.map(Some).ok_or_else(|| self.mismatch(name, node, "Boolean"))
    }

    /// A moment: epoch seconds or ISO 8601.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let at = match node {
            Node::Time(at) => Some(*at),
            Node::Text(text) => text.parse().ok().or_else(|| moment(text.parse().ok()?)),
            #[expect(clippy::cast_precision_loss, reason = "moments that jiff knows are below 2^53 seconds")]
            Node::Int(whole) => moment(*whole as f64),
            Node::Float(float) => moment(*float),
            _ => None,
        };
        at.map(Some).ok_or_else(|| self.mismatch(name, node, "Timestamp"))
    }

    /// A moment that must be there.
    pub fn required_time(&self, name: &str) -> Result<Timestamp, ApiError> {
        self.time(name)?.ok_or_else(|| self.missing(name))
    }

    /// Bytes; base64 except in CBOR.
    pub fn blob(&self, name: &str) -> Result<Option<Vec<u8>>, ApiError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let bytes = match node {
            Node::Blob(bytes) => Some(bytes.clone()),
            Node::Text(text) => base64::decode(text).ok(),
            _ => None,
        };
        bytes.map(Some).ok_or_else(|| self.mismatch(name, node, "Blob"))
    }

    /// A structure.
    pub fn map(&self, name: &str) -> Result<Option<Input>, ApiError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        match node {
            Node::Map(_) => Ok(Some(self.inner(self.at(name), node.clone()))),
            Node::Text(text) if self.typeless() && text.is_empty() => {
                Ok(Some(self.inner(self.at(name), Node::Map(Map::new()))))
            }
            _ => Err(self.mismatch(name, node, "Structure")),
        }
    }

    /// A structure that must be there.
    pub fn required_map(&self, name: &str) -> Result<Input, ApiError> {
        self.map(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list of structures; `None` where it is absent, which some operations tell from an empty one.
    pub fn list(&self, name: &str) -> Result<Option<Vec<Input>>, ApiError> {
        let Some(items) = self.items(name)? else { return Ok(None) };
        let mut inputs = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let path = format!("{}.{}.member", self.at(name), place + 1);
            match item {
                Node::Map(_) => inputs.push(self.inner(path, item.clone())),
                _ => return Err(self.mismatch(name, item, "Structure")),
            }
        }
        Ok(Some(inputs))
    }

    /// A list of structures that must be there; it may be empty.
    pub fn required_list(&self, name: &str) -> Result<Vec<Input>, ApiError> {
        self.list(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list of texts; `None` where it is absent.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        let Some(items) = self.items(name)? else { return Ok(None) };
        let text = |item: &Node| item.as_text().map(str::to_owned).ok_or_else(|| self.mismatch(name, item, "String"));
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// A list of texts that must be there; it may be empty.
    pub fn required_strings(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.strings(name)?.ok_or_else(|| self.missing(name))
    }

    /// A map from text to text, in its order; `None` where it is absent.
    pub fn pairs(&self, name: &str) -> Result<Option<Vec<(String, String)>>, ApiError> {
        let Some(map) = self.map(name)? else { return Ok(None) };
        let pair = |(key, node): (&str, &Node)| match node {
            Node::Text(text) => Ok((key.to_owned(), text.clone())),
            _ => Err(self.mismatch(name, node, "String")),
        };
        map.fields().iter().map(pair).collect::<Result<_, _>>().map(Some)
    }

    /// The error for a value that the operation does not take: `why` says what is wrong with it and what would be right.
    pub fn invalid(&self, name: &str, why: &str) -> ApiError {
        ApiError::validation(self.service, format!("{}: {why}", self.at(name)))
    }

    /// The error for a parameter that must be there.
    pub fn missing(&self, name: &str) -> ApiError {
        let path = self.at(name);
        match self.service {
            Service::Elbv2 | Service::Sts => ApiError::sender(
                "ValidationError",
                format!(
                    "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                    lower_camel(&path)
                ),
            ),
            Service::CloudWatch => ApiError::sender("MissingParameter", format!("The parameter {path} is required.")),
            Service::CodeDeploy => {
                let code = format!("{}RequiredException", upper_first(name));
                ApiError::sender(code, format!("{path} must be specified."))
            }
            Service::Ecs | Service::Tagging => {
                ApiError::sender("InvalidParameterException", format!("{path} can not be blank."))
            }
        }
    }

    /// The path of a member, as errors name it.
    pub fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn mismatch(&self, name: &str, found: &Node, expected: &str) -> ApiError {
        let path = self.at(name);
        if self.typeless() {
            let found = found.as_text().map_or("a structure or list".to_owned(), |text| format!("'{text}'"));
            return ApiError::sender("MalformedInput", format!("{path}: {found} is not of type {expected}"));
        }
        ApiError::malformed(format!("{path}: {} can not be converted to {expected}", kind(found)))
    }

    fn items(&self, name: &str) -> Result<Option<&[Node]>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Node::List(items)) => Ok(Some(items)),
            // The query protocol says of an empty list only that its name is there.
            Some(Node::Text(text)) if self.typeless() && text.is_empty() => Ok(Some(&[])),
            Some(node) => Err(self.mismatch(name, node, "List")),
        }
    }

    fn inner(&self, path: String, node: Node) -> Input {
        Input { node, path, service: self.service, protocol: self.protocol }
    }

    fn typeless(&self) -> bool {
        self.protocol == Protocol::Query
    }
}

fn as_float(node: &Node, typeless: bool) -> Option<f64> {
    match node {
        #[expect(clippy::cast_precision_loss, reason = "a float was asked for")]
        Node::Int(whole) => Some(*whole as f64),
        Node::Float(float) => Some(*float),
        Node::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text if typeless => text.trim().parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn whole(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the whole numbers that a float has exactly")]
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

/// Epoch seconds as a moment, to the millisecond; `None` beyond what a calendar has.
pub(super) fn moment(seconds: f64) -> Option<Timestamp> {
    let milliseconds = (seconds * 1_000.0).round();
    Timestamp::from_millisecond(whole(milliseconds)?).ok()
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::Null => "NULL_VALUE",
        Node::Bool(_) => "BOOLEAN_VALUE",
        Node::Int(_) | Node::Float(_) => "NUMBER_VALUE",
        Node::Text(_) => "STRING_VALUE",
        Node::Blob(_) => "BLOB_VALUE",
        Node::Time(_) => "TIMESTAMP_VALUE",
        Node::List(_) => "LIST_VALUE",
        Node::Map(_) => "STRUCTURE_VALUE",
    }
}

fn lower_camel(path: &str) -> String {
    path.split('.').map(|part| with_first(part, char::to_ascii_lowercase)).collect::<Vec<_>>().join(".")
}

fn upper_first(name: &str) -> String {
    with_first(name, char::to_ascii_uppercase)
}

fn with_first(name: &str, change: impl Fn(&char) -> char) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", change(&first), letters.as_str()))
}
