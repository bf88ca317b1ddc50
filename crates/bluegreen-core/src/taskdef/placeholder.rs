//! `<NAME>` placeholders, as CodePipeline's CodeDeployToECS action writes them into templates.
//!
//! They are looked for and filled in inside parsed string values only, never in the text of the file: a value with
//! quotes or newlines in it cannot change the document's shape.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Values by placeholder name, without the angle brackets.
pub type Values = BTreeMap<String, String>;

/// The name if the whole of `text` is one placeholder: `<IMAGE1_NAME>` gives `IMAGE1_NAME`.
pub fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix('<')?.strip_suffix('>')?;
    is_name(name).then_some(name)
}

/// The placeholders inside `text`, in order of appearance; `a<b` and `<<EOF` are none.
pub fn names_in(text: &str) -> Vec<&str> {
    pieces(text)
        .filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
        .collect()
}

/// `text` with every placeholder that `values` knows filled in, in one pass: a value that looks like a placeholder
/// itself stays as it is. Names that were filled in are added to `used`.
pub fn fill(text: &str, values: &Values, used: &mut BTreeSet<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(plain) => filled.push_str(plain),
            Piece::Name(name) => {
                if let Some(value) = values.get(name) {
                    used.insert(name.to_owned());
                    filled.push_str(value);
                } else {
                    filled.push('<');
                    filled.push_str(name);
                    filled.push('>');
                }
            }
        }
    }
    filled
}

/// [`fill`] for every string value below `value`; keys are left alone.
pub fn fill_value(value: &mut Value, values: &Values, used: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.contains('<') => *text = fill(text, values, used),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_value(item, values, used)),
        Value::Object(members) => members.values_mut().for_each(|member| fill_value(member, values, used)),
        _ => {}
    }
}

/// A name is a letter and then letters, digits, `_` and `-`: what the pipeline action's own field takes.
fn is_name(name: &str) -> bool {
    name.len() <= 255
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Splits at placeholders; every byte of `text` comes back exactly once (brackets are implied by `Name`).
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix('<') {
            // A name holds no bracket, so the search ends at the next one and the walk stays linear.
            if let Some(end) = after.find(['<', '>'])
                && after[end..].starts_with('>')
                && is_name(&after[..end])
            {
                rest = &after[end + 1..];
                return Some(Piece::Name(&after[..end]));
            }
            let end = after.find('<').map_or(rest.len(), |at| at + 1);
            let (plain, tail) = rest.split_at(end);
            rest = tail;
            return Some(Piece::Text(plain));
        }
        let end = rest.find('<').unwrap_or(rest.len());
        let (plain, tail) = rest.split_at(end);
        rest = tail;
        Some(Piece::Text(plain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn names_are_found_whole_and_inside() {
        assert_eq!(whole("<IMAGE1_NAME>"), Some("IMAGE1_NAME"));
        assert_eq!(whole("x<IMAGE1_NAME>"), None);
        assert_eq!(whole("<>"), None);
        assert_eq!(names_in("a<B>c<<D>>e<f g>"), ["B", "D"]);
        assert!(names_in("if a<b; then cat <<EOF >x").is_empty());
    }

    #[test]
    fn filling_is_one_pass_and_says_what_it_used() {
        let mut used = BTreeSet::new();
        let text = fill("<A>/<B>:<C>", &values(&[("A", "<B>"), ("B", "b"), ("Z", "z")]), &mut used);
        assert_eq!(text, "<B>/b:<C>");
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn a_value_cannot_change_the_document() {
        let mut document = serde_json::json!({"image": "<A>", "<A>": ["x", 1]});
        fill_value(&mut document, &values(&[("A", "q\", \"privileged\": true")]), &mut BTreeSet::new());
        assert_eq!(document, serde_json::json!({"image": "q\", \"privileged\": true", "<A>": ["x", 1]}));
    }

    proptest! {
        #[test]
        fn text_without_known_names_survives(text in "[<>A-C_ é-]{0,40}") {
            prop_assert_eq!(fill(&text, &Values::new(), &mut BTreeSet::new()), text);
        }
    }
}
