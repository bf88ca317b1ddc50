//! What the user probably meant.

use super::shape::{Field, Object, Shape};

/// The candidate that `found` is a misspelling of, if any is near enough.
pub(super) fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = found.to_lowercase();
    let allowed = (lower.chars().count() / 3).clamp(1, 3);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    // `alarmFreshness` for `freshness`, `serviceName` for `service`.
    let extended = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        candidate.len() >= 4 && (lower.starts_with(&candidate) || lower.ends_with(&candidate))
    };
    let rank = |candidate: &'a str| match distance(candidate) {
        near if near <= allowed => Some((near, candidate)),
        _ => extended(candidate).then_some((allowed + 1, candidate)),
    };
    // Long texts are no misspelt keys, and the distance is quadratic in their length.
    let near = candidates.filter(|_| found.len() <= 64).filter_map(rank);
    near.min_by_key(|(distance, _)| *distance).map(|(_, near)| near)
}

/// Where in a file of this table a key belongs, if it is known at all: `at the top level`, `under \`traffic.test\``.
pub(super) fn elsewhere(key: &str, table: &Object) -> Option<String> {
    if table.fields.iter().any(|field| field.key == key && field.current()) {
        return Some("at the top level".to_owned());
    }
    let path = table.fields.iter().find_map(|field| path_to(key, &field.shape, field.key))?;
    Some(format!("under `{path}`"))
}

fn path_to(key: &str, shape: &Shape, path: &str) -> Option<String> {
    match shape {
        Shape::Object(object) => {
            let fields = object.fields.iter().filter(|field| field.current());
            if fields.clone().any(|field| field.key == key) {
                return Some(path.to_owned());
            }
            fields.clone().find_map(|field| path_to(key, &field.shape, &format!("{path}.{}", field.key)))
        }
        Shape::Map(map) => path_to(key, &map.value, &format!("{path}.{}", map.key)),
        Shape::List(list) => path_to(key, &list.item, &format!("{path}[]")),
        Shape::Either(shapes) => shapes.iter().find_map(|shape| path_to(key, shape, path)),
        _ => None,
    }
}

/// What to write for a key that is missing.
pub(super) fn missing(field: &Field) -> String {
    match &field.shape {
        Shape::Object(object) => object.cure.to_owned(),
        Shape::Map(map) => map.cure.to_owned(),
        Shape::List(list) => list.cure.to_owned(),
        Shape::Integer { min, max } if min == max => format!("write `{}: {min}`", field.key),
        shape => format!("add `{}`: {}", field.key, shape.expected()),
    }
}
