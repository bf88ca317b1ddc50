//! The table as Markdown.

use std::fmt::Write;

use super::shape::{Keys, Object, Shape};

pub(super) fn markdown(table: &Object) -> String {
    let mut out = String::from("| key | value | default | what it does |\n|---|---|---|---|\n");
    object(table, "", &mut out);
    out
}

fn object(object: &Object, path: &str, out: &mut String) {
    for field in object.fields.iter().filter(|field| field.current()) {
        let path = if path.is_empty() { field.key.to_owned() } else { format!("{path}.{}", field.key) };
        let default = match field.default {
            _ if field.required => "required".to_owned(),
            Some(default) if default.contains("the ") => default.to_owned(),
            Some(default) => format!("`{default}`"),
            None => alternatives(object, field.key),
        };
        let mut doc = field.doc.to_owned();
        for (word, meaning) in words(&field.shape) {
            let _ = write!(doc, " `{word}`: {meaning}.");
        }
        let value = field.shape.expected();
        let _ = writeln!(out, "| `{path}` | {} | {default} | {} |", cell(&value), cell(&doc));
        inside(&field.shape, &path, out);
    }
}

/// What stands for the default of a key that is one of several.
fn alternatives(object: &Object, key: &str) -> String {
    let (words, keys) = match object.keys {
        Keys::One(keys) => ("exactly one of", keys),
        Keys::Some(keys) => ("at least one of", keys),
        Keys::AtMostOne(keys) => ("at most one of", keys),
        Keys::Any => return String::new(),
    };
    if !keys.contains(&key) {
        return String::new();
    }
    format!("{words} {}", keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))
}

fn inside(shape: &Shape, path: &str, out: &mut String) {
    match shape {
        Shape::Object(nested) => object(nested, path, out),
        Shape::Map(map) => {
            let path = format!("{path}.{}", map.key);
            if !matches!(map.value, Shape::Object(_)) {
                let _ = writeln!(out, "| `{path}` | {} | | One {}. |", cell(&map.value.expected()), map.entry);
            }
            inside(&map.value, &path, out);
        }
        Shape::List(list) => inside(&list.item, &format!("{path}[]"), out),
        // A list in the place of a mapping is short for one of its keys.
        Shape::Either(shapes) => {
            let shapes = shapes.iter().filter(|one| !matches!(one, Shape::List(_)));
            shapes.for_each(|one| inside(one, path, out));
        }
        _ => {}
    }
}

fn words(shape: &Shape) -> &'static [(&'static str, &'static str)] {
    match shape {
        Shape::Word(words) if words.values.len() > 1 => words.values,
        _ => &[],
    }
}

/// Text that cannot end a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
