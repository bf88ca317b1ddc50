//! A single value: its text, and what the text would be by YAML 1.2's core schema.

use serde_json::Value;

/// A scalar as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The value, escapes resolved, variables substituted.
    ///
    /// Not for messages where [`Scalar::substituted`] holds: use [`Scalar::shown`].
    pub text: String,
    /// Whether it was quoted, a block, or tagged `!!str`, and so can be nothing but a string.
    pub quoted: bool,
    /// What the file says, where a variable was substituted.
    pub written: Option<String>,
}

/// What a scalar is by YAML 1.2's core schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// `true` or `false`; `yes`, `no`, `on` and `off` are strings.
    Bool(bool),
    /// A whole number that fits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Everything else.
    String,
}

impl Scalar {
    /// A scalar as it was read.
    pub fn new(text: impl Into<String>, quoted: bool) -> Scalar {
        Scalar { text: text.into(), quoted, written: None }
    }

    /// Whether its text comes from a variable, wholly or in part, and so may be secret.
    pub fn substituted(&self) -> bool {
        self.written.is_some()
    }

    /// What the file says, cut to a length that fits a message; never a variable's value.
    pub fn shown(&self) -> String {
        let text = self.written.as_deref().unwrap_or(&self.text);
        match text.char_indices().nth(60) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text.to_owned(),
        }
    }

    /// What it is by YAML 1.2's core schema. A value with a variable in it is always a string.
    pub fn plain(&self) -> Plain {
        if self.quoted || self.substituted() {
            return Plain::String;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
            "true" | "True" | "TRUE" => Plain::Bool(true),
            "false" | "False" | "FALSE" => Plain::Bool(false),
            text => number(text),
        }
    }

    /// What it is, for messages: `a number`, `text` …
    pub fn describe(&self) -> &'static str {
        match self.plain() {
            Plain::Null => "nothing",
            Plain::Bool(_) => "a truth value",
            Plain::Int(_) | Plain::Float(_) => "a number",
            Plain::String => "text",
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self.plain() {
            Plain::Null => Value::Null,
            Plain::Bool(truth) => Value::Bool(truth),
            Plain::Int(number) => Value::from(number),
            Plain::Float(number) => {
                serde_json::Number::from_f64(number).map_or_else(|| Value::from(self.text.as_str()), Value::Number)
            }
            Plain::String => Value::from(self.text.as_str()),
        }
    }
}

fn number(text: &str) -> Plain {
    if let Some(digits) = text.strip_prefix("0x") {
        return plain_digits(digits, 16).map_or(Plain::String, Plain::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return plain_digits(digits, 8).map_or(Plain::String, Plain::Int);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse() {
            Ok(number) => Plain::Int(number),
            Err(_) => text.parse().map_or(Plain::String, Plain::Float),
        };
    }
    match unsigned {
        ".inf" | ".Inf" | ".INF" => Plain::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => Plain::Float(f64::NAN),
        // Rust's own parser also takes words such as `inf`, which YAML does not.
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            text.parse().map_or(Plain::String, Plain::Float)
        }
        _ => Plain::String,
    }
}

fn plain_digits(digits: &str, radix: u32) -> Option<i64> {
    digits.chars().all(|c| c.is_digit(radix)).then(|| i64::from_str_radix(digits, radix).ok()).flatten()
}
