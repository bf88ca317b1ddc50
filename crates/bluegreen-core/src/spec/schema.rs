//! The table as a JSON Schema, draft 2020-12.
//!
//! Every scalar may also be a variable, which the schema takes for granted; what depends on more than one value is
//! left to the program.

use serde_json::{Map as Members, Value, json};

use super::shape::{Keys, Object, Shape};
use super::table;
use super::text::TextKind;

/// A file of this table, without what only one kind of file needs.
pub(super) fn of(table: &'static Object, title: &str, description: &str) -> Members<String, Value> {
    let mut defs = Members::new();
    defs.insert(
        "variable".to_owned(),
        json!({
            "description": "A value from the environment: ${NAME}, ${NAME:-default} or ${NAME:?message}.",
            "type": "string",
            "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:[-?][^}]*)?\}",
        }),
    );
    let file = object(table, &mut defs);
    let mut root = Members::new();
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!(title));
    root.insert("description".to_owned(), json!(description));
    if let Value::Object(members) = file {
        root.extend(members);
    }
    root.insert("$defs".to_owned(), Value::Object(defs));
    root
}

pub(super) fn schema() -> Value {
    let mut root = of(&table::SPEC, "bluegreen.yaml", "A canary or blue/green release of an AWS ECS service.");
    // Definitions stand at the end.
    let defs = root.shift_remove("$defs").unwrap_or_default();
    // Only our own weights have to be told where traffic is: without a service that AWS moves, those are meant.
    root.insert("if".to_owned(), json!({ "properties": { "fleet": { "not": { "required": ["service"] } } } }));
    root.insert(
        "then".to_owned(),
        json!({
            "required": ["traffic"],
            "properties": { "traffic": {
                "required": ["targetGroups"],
                "anyOf": [{ "required": ["rules"] }, { "required": ["defaultActions"] }],
            } },
        }),
    );
    root.insert("$defs".to_owned(), defs);
    Value::Object(root)
}

fn shape(shape: &Shape, defs: &mut Members<String, Value>) -> Value {
    match shape {
        Shape::Text(kind) => text(kind, defs),
        Shape::Word(words) => {
            let word = |(word, meaning): &(&str, &str)| json!({ "const": word, "description": meaning });
            let words = words.values.iter().map(word);
            json!({ "anyOf": words.chain([variable()]).collect::<Vec<_>>() })
        }
        Shape::Duration(_) => reference("duration", defs, || {
            json!({
                "description": "A length of time with its units, such as 30s, 5m or 1h30m.",
                "anyOf": [
                    { "type": "string", "pattern": r"^\s*(0|[0-9][0-9\s]*(ms|s|m|h|d)\s*([0-9][0-9\s]*(ms|s|m|h|d)\s*)*)$" },
                    { "const": 0 },
                    variable(),
                ],
            })
        }),
        Shape::Share => reference("share", defs, || {
            json!({
                "description": "A percentage with at most one decimal, such as 5 or 12.5.",
                "anyOf": [
                    { "type": "number", "minimum": 0, "maximum": 100 },
                    { "type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]+)? ?%?$" },
                    variable(),
                ],
            })
        }),
        Shape::Integer { min, max } if min == max => json!({ "const": min }),
        Shape::Integer { min, max } => {
            json!({ "anyOf": [{ "type": "integer", "minimum": min, "maximum": max }, variable()] })
        }
        Shape::Number { min, max } => {
            json!({ "anyOf": [{ "type": "number", "minimum": min, "maximum": max }, variable()] })
        }
        Shape::Rate { .. } => reference("rate", defs, || {
            json!({
                "description": "A percentage with its sign, such as 1% or 0.05%.",
                "anyOf": [{ "type": "string", "pattern": r"^[0-9]+(\.[0-9]*)?\s*%$" }, variable()],
            })
        }),
        Shape::Flag => json!({ "anyOf": [{ "type": "boolean" }, variable()] }),
        Shape::NoData => reference("noData", defs, || {
            json!({
                "description": "What to do without an answer: `allow`, `refuse`, or `wait` with a duration.",
                "anyOf": [{ "enum": ["allow", "refuse"] }, { "type": "string", "pattern": r"^wait\s+[0-9]" }, variable()],
            })
        }),
        Shape::List(list) => {
            let mut array = json!({ "type": "array", "items": self::shape(&list.item, defs), "maxItems": list.max });
            if list.min > 0 {
                array["minItems"] = json!(list.min);
            }
            if list.unique {
                array["uniqueItems"] = json!(true);
            }
            array
        }
        Shape::Map(map) => json!({
            "type": "object",
            "propertyNames": { "pattern": map.name.pattern },
            "additionalProperties": self::shape(&map.value, defs),
            "minProperties": 1,
        }),
        Shape::Object(object) => self::object(object, defs),
        Shape::Either(shapes) => {
            json!({ "anyOf": shapes.iter().map(|one| self::shape(one, defs)).collect::<Vec<_>>() })
        }
        Shape::Later(_) => json!(false),
    }
}

fn object(object: &Object, defs: &mut Members<String, Value>) -> Value {
    let fields = || object.fields.iter().filter(|field| field.current());
    let mut properties = Members::new();
    for field in fields() {
        let mut property = Members::new();
        property.insert("description".to_owned(), json!(field.doc));
        if let Some(default) = field.default.filter(|default| !default.contains("the ")) {
            property.insert("default".to_owned(), if default == "[]" { json!([]) } else { json!(default) });
        }
        if let Value::Object(members) = shape(&field.shape, defs) {
            // The field's own description is the nearer one.
            members.into_iter().for_each(|(name, value)| {
                property.entry(name).or_insert(value);
            });
        }
        properties.insert(field.key.to_owned(), Value::Object(property));
    }
    let required: Vec<&str> = fields().filter(|field| field.required).map(|field| field.key).collect();
    let mut result = Members::new();
    result.insert("type".to_owned(), json!("object"));
    result.insert("properties".to_owned(), Value::Object(properties));
    result.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        result.insert("required".to_owned(), json!(required));
    }
    let each = |keys: &[&str]| keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>();
    match object.keys {
        Keys::Any => {}
        Keys::One(keys) => drop(result.insert("oneOf".to_owned(), json!(each(keys)))),
        Keys::Some(keys) => drop(result.insert("anyOf".to_owned(), json!(each(keys)))),
        Keys::AtMostOne(keys) => drop(result.insert("not".to_owned(), json!({ "required": keys }))),
    }
    Value::Object(result)
}

fn text(kind: &'static TextKind, defs: &mut Members<String, Value>) -> Value {
    reference(kind.name, defs, || {
        let mut description = kind.expected.to_owned();
        if let Some(first) = description.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let plain = if kind.pattern.is_empty() {
            json!({ "type": "string" })
        } else {
            json!({ "type": "string", "pattern": kind.pattern })
        };
        json!({ "description": format!("{description}."), "anyOf": [plain, variable()] })
    })
}

fn variable() -> Value {
    json!({ "$ref": "#/$defs/variable" })
}

/// A reference to a definition that is made on first use.
fn reference(name: &str, defs: &mut Members<String, Value>, make: impl FnOnce() -> Value) -> Value {
    if !defs.contains_key(name) {
        defs.insert(name.to_owned(), make());
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}
