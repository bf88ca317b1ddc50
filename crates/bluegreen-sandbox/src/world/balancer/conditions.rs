//! The conditions of a rule: what AWS takes, and how it shows them.
//!
//! A host or path can be given in an old form (`Values`) and in a new one (`HostHeaderConfig`, `PathPatternConfig`).
//! Whichever was used, both are shown afterwards.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::super::refusal::Refused;

/// Values of all conditions of a rule.
const MOST_VALUES: usize = 5;
/// Wildcards in all of them.
const MOST_WILDCARDS: usize = 5;

/// The fields, the member that holds their configuration, and whether a rule can have several of them.
const FIELDS: [(&str, &str, bool); 6] = [
    ("host-header", "HostHeaderConfig", false),
    ("path-pattern", "PathPatternConfig", false),
    ("http-header", "HttpHeaderConfig", true),
    ("http-request-method", "HttpRequestMethodConfig", false),
    ("query-string", "QueryStringConfig", true),
    ("source-ip", "SourceIpConfig", false),
];

/// One condition, read.
struct Condition {
    field: &'static str,
    config: &'static str,
    values: Vec<String>,
    regex: Vec<String>,
    header: Option<String>,
    /// Keys and values of a query string.
    pairs: Vec<(Option<String>, String)>,
}

/// The list of conditions as AWS shows it, or why it does not take it.
pub(crate) fn normal(conditions: &Value) -> Result<Value, Refused> {
    let given = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
    if given.is_empty() {
        return Err(Refused::value("a rule needs at least one condition"));
    }
    let conditions = given.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for (field, _, several) in FIELDS {
        if !several && conditions.iter().filter(|condition| condition.field == field).count() > 1 {
            return Err(Refused::value(format!("a rule can have only one '{field}' condition")));
        }
    }
    let values = conditions.iter().map(Condition::count).sum::<usize>();
    if values > MOST_VALUES {
        return Err(Refused::value(format!("a rule can only have '{MOST_VALUES}' condition values; found {values}")));
    }
    let wildcards = conditions.iter().map(Condition::wildcards).sum::<usize>();
    if wildcards > MOST_WILDCARDS {
        let text = format!("a rule can only have '{MOST_WILDCARDS}' condition wildcards; found {wildcards}");
        return Err(Refused::value(text));
    }
    conditions.iter().try_for_each(Condition::check)?;
    Ok(conditions.iter().map(Condition::show).collect())
}

fn read(given: &Value) -> Result<Condition, Refused> {
    let name = given.get("Field").and_then(Value::as_str).unwrap_or_default();
    let Some((field, config, _)) = FIELDS.into_iter().find(|(field, _, _)| *field == name) else {
        let fields = FIELDS.map(|(field, _, _)| field).join(", ");
        return Err(Refused::value(format!("condition field '{name}' must be one of '{fields}'")));
    };
    if let Some((_, other, _)) = FIELDS.iter().find(|(_, other, _)| *other != config && given.get(*other).is_some()) {
        return Err(Refused::value(format!("a condition with field '{field}' cannot have {other}")));
    }
    let inner = given.get(config);
    let member = |name: &str| inner.and_then(|inner| inner.get(name));
    let mut condition = Condition {
        field,
        config,
        values: Vec::new(),
        regex: strings(member("RegexValues")),
        header: member("HttpHeaderName").and_then(Value::as_str).map(str::to_owned),
        pairs: Vec::new(),
    };
    match field {
        "query-string" => condition.pairs = pairs(member("Values"))?,
        _ => condition.values = strings(member("Values")),
    }
    condition.add_old_form(&strings(given.get("Values")), strings(given.get("RegexValues")))?;
    if condition.count() == 0 {
        return Err(Refused::value(format!("a condition with field '{field}' needs at least one value")));
    }
    Ok(condition)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn pairs(value: Option<&Value>) -> Result<Vec<(Option<String>, String)>, Refused> {
    let pair = |pair: &Value| {
        let text = |name: &str| pair.get(name).and_then(Value::as_str).map(str::to_owned);
        let value = text("Value").filter(|value| !value.is_empty());
        Ok((text("Key"), value.ok_or_else(|| Refused::value("a query string condition needs a value"))?))
    };
    value.and_then(Value::as_array).into_iter().flatten().map(pair).collect()
}

impl Condition {
    /// What stands beside the configuration instead of in it.
    fn add_old_form(&mut self, values: &[String], regex: Vec<String>) -> Result<(), Refused> {
        let takes_values = ["host-header", "path-pattern"].contains(&self.field);
        if !values.is_empty() && !takes_values {
            return Err(Refused::value(format!("a condition with field '{}' takes {}", self.field, self.config)));
        }
        if !values.is_empty() && self.values.is_empty() && values.len() > 1 {
            let text = format!("Values takes one value; several go into {}", self.config);
            return Err(Refused::value(text));
        }
        // What was shown comes back with both forms.
        if !values.is_empty() && !self.values.is_empty() && values != self.values {
            let text = format!("only one of Values and {} can be specified", self.config);
            return Err(Refused::value(text));
        }
        if self.values.is_empty() {
            self.values = values.to_vec();
        }
        if !regex.is_empty() && !self.regex.is_empty() && regex != self.regex {
            return Err(Refused::value(format!("only one of RegexValues and {} can be specified", self.config)));
        }
        if self.regex.is_empty() {
            self.regex = regex;
        }
        let takes_regex = takes_values || self.field == "http-header";
        if !self.regex.is_empty() && (!takes_regex || !self.values.is_empty()) {
            let text = "regular expressions are for hosts, paths and headers, and not beside other values";
            return Err(Refused::value(text));
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.values.len() + self.regex.len() + self.pairs.len()
    }

    fn wildcards(&self) -> usize {
        let texts: Vec<&String> = match self.field {
            "host-header" | "path-pattern" | "http-header" => self.values.iter().collect(),
            _ => self.pairs.iter().flat_map(|(key, value)| key.iter().chain([value])).collect(),
        };
        texts.into_iter().map(|text| wildcards(text)).sum()
    }

    fn check(&self) -> Result<(), Refused> {
        let long = |text: &&String| text.chars().count() > 128;
        let keys = self.pairs.iter().flat_map(|(key, value)| key.iter().chain([value]));
        if let Some(text) = self.values.iter().chain(&self.regex).chain(keys).find(long) {
            return Err(Refused::value(format!("condition value '{text}' cannot be longer than '128' characters")));
        }
        let fits: fn(&str) -> bool = match self.field {
            "host-header" => is_host,
            "path-pattern" => is_path,
            "http-request-method" => is_method,
            "source-ip" => is_network,
            _ => |value| !value.is_empty(),
        };
        if let Some(value) = self.values.iter().find(|value| !fits(value)) {
            return Err(Refused::value(format!("condition value '{value}' is not valid for '{}'", self.field)));
        }
        match (self.field, &self.header) {
            ("http-header", Some(name)) if is_header(name) => Ok(()),
            ("http-header", name) => {
                let name = name.as_deref().unwrap_or_default();
                let text = format!(
                    "header name '{name}' must have 1 to 40 of the characters that header names take, without \
                     wildcards, and not be Host"
                );
                Err(Refused::value(text))
            }
            _ => Ok(()),
        }
    }

    fn show(&self) -> Value {
        let mut shown = Map::new();
        let mut inner = Map::new();
        shown.insert("Field".to_owned(), json!(self.field));
        if let Some(name) = &self.header {
            inner.insert("HttpHeaderName".to_owned(), json!(name));
        }
        for (member, values) in [("Values", &self.values), ("RegexValues", &self.regex)] {
            if values.is_empty() {
                continue;
            }
            inner.insert(member.to_owned(), json!(values));
            if ["host-header", "path-pattern"].contains(&self.field) {
                shown.insert(member.to_owned(), json!(values));
            }
        }
        if !self.pairs.is_empty() {
            let pair = |(key, value): &(Option<String>, String)| match key {
                Some(key) => json!({"Key": key, "Value": value}),
                None => json!({"Value": value}),
            };
            inner.insert("Values".to_owned(), self.pairs.iter().map(pair).collect());
        }
        shown.insert(self.config.to_owned(), Value::Object(inner));
        Value::Object(shown)
    }
}

/// `*` and `?` that no backslash stands before.
fn wildcards(text: &str) -> usize {
    let mut escaped = false;
    let mut count = 0;
    for letter in text.chars() {
        count += usize::from(!escaped && (letter == '*' || letter == '?'));
        escaped = letter == '\\' && !escaped;
    }
    count
}

/// Letters, digits, `-`, `.` and wildcards, with a dot, and letters alone after the last one.
fn is_host(host: &str) -> bool {
    let letters = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.*?".contains(&b));
    let end = host.rsplit_once('.').map(|(_, end)| end);
    letters && end.is_some_and(|end| !end.is_empty() && end.bytes().all(|b| b.is_ascii_alphabetic()))
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.$/~\"'@:+&*?".contains(&b))
}

fn is_method(method: &str) -> bool {
    (1..=40).contains(&method.len()) && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_')
}

fn is_header(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b);
    (1..=40).contains(&name.len()) && name.bytes().all(token) && !name.eq_ignore_ascii_case("host")
}

fn is_network(network: &str) -> bool {
    let Some((address, bits)) = network.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse().is_ok_and(|bits: u8| bits <= most)
}
