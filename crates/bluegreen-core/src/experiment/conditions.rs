//! Conditions of rules: one form for all, what AWS allows, and which rules can never take the same request.

use serde_json::{Map, Value, json};

use crate::spec::experiment::By;

/// Values of all conditions of a rule.
pub const VALUES_MAX: usize = 5;
/// Wildcards in all of them.
pub const WILDCARDS_MAX: usize = 5;

/// The condition of a route that has none: every path.
pub(super) fn any() -> Value {
    json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["*"]}}])
}

/// Conditions in the form in which two can be compared and one can be sent.
///
/// AWS shows a host or path twice, as `Values` and in its configuration, and takes it once; what is empty is left out.
pub fn normal(conditions: &Value) -> Value {
    conditions.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(one).collect()
}

fn one(condition: &Value) -> Value {
    let mut normal = Map::new();
    let field = condition.get("Field").and_then(Value::as_str).unwrap_or_default();
    normal.insert("Field".to_owned(), json!(field));
    let old = ["Values", "RegexValues"].map(|name| (name, condition.get(name)));
    let members = condition.as_object().into_iter().flatten();
    let configs: Vec<(&String, &Value)> =
        members.filter(|(name, value)| name.ends_with("Config") && value.is_object()).collect();
    for (name, config) in &configs {
        normal.insert((*name).clone(), filled(config));
    }
    let name = match field {
        "host-header" => "HostHeaderConfig",
        "path-pattern" => "PathPatternConfig",
        _ => return Value::Object(normal),
    };
    if configs.is_empty() {
        let config = old.into_iter().filter_map(|(name, values)| Some((name.to_owned(), values?.clone())));
        normal.insert(name.to_owned(), filled(&Value::Object(config.collect())));
    }
    Value::Object(normal)
}

/// Without nulls and empty lists, members in the order of their names.
fn filled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            let mut kept: Vec<(&String, &Value)> = members.iter().filter(|(_, value)| !empty(value)).collect();
            kept.sort_by_key(|(name, _)| *name);
            kept.into_iter().map(|(name, value)| (name.clone(), filled(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(filled).collect(),
        other => other.clone(),
    }
}

/// What `base` takes, and of that what a cohort is known by.
pub(super) fn refined(base: &Value, by: &By) -> Value {
    let mut conditions = normal(base).as_array().cloned().unwrap_or_default();
    conditions.push(one(&match by {
        By::Header { name, values } => {
            json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": values}})
        }
        // There is no condition for one cookie: the header is `a=1; b=2`, and the cookie stands alone in it, first, last
        // or between two others.
        By::Cookie { name, value } => {
            let pair = format!("{name}={value}");
            let values = [pair.clone(), format!("{pair};*"), format!("*; {pair}"), format!("*; {pair};*")];
            json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Cookie", "Values": values}})
        }
        By::Query { key, values } => {
            let pairs: Vec<Value> = values.iter().map(|value| json!({"Key": key, "Value": value})).collect();
            json!({"Field": "query-string", "QueryStringConfig": {"Values": pairs}})
        }
    }));
    Value::Array(conditions)
}

/// What keeps AWS from taking these conditions, in words.
pub(super) fn beyond_limits(conditions: &Value) -> Option<String> {
    let texts: Vec<&str> = conditions.as_array().into_iter().flatten().flat_map(values).collect();
    let counted = conditions.as_array().into_iter().flatten().map(|condition| values(condition).len()).sum::<usize>();
    if counted > VALUES_MAX {
        return Some(format!("{counted} condition values; a rule has {VALUES_MAX} at most"));
    }
    let wildcards: usize = texts.iter().map(|text| wildcards(text)).sum();
    if wildcards > WILDCARDS_MAX {
        return Some(format!("{wildcards} wildcards in its conditions; a rule has {WILDCARDS_MAX} at most"));
    }
    let long = texts.iter().find(|text| text.chars().count() > 128)?;
    Some(format!("a condition value of {} characters; 128 is the most", long.chars().count()))
}

/// The values of one condition, regular expressions included; of a query string the values without their keys.
fn values(condition: &Value) -> Vec<&str> {
    let config = condition.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("Config"));
    let lists = ["Values", "RegexValues"].map(|name| config.and_then(|(_, config)| config.get(name)));
    lists
        .into_iter()
        .flatten()
        .flat_map(|list| list.as_array().map(Vec::as_slice).unwrap_or_default())
        .filter_map(|item| item.as_str().or_else(|| item.get("Value").and_then(Value::as_str)))
        .collect()
}

/// `*` and `?` that no backslash stands before.
fn wildcards(text: &str) -> usize {
    let mut escaped = false;
    let mut count = 0;
    for letter in text.chars() {
        count += usize::from(!escaped && matches!(letter, '*' | '?'));
        escaped = letter == '\\' && !escaped;
    }
    count
}

/// Whether no request can ever satisfy both: they ask for different hosts, paths or methods.
///
/// What is not understood counts as met by every request, so that a `true` can be relied on.
pub fn disjoint(one: &Value, other: &Value) -> bool {
    ["host-header", "path-pattern", "http-request-method"].iter().any(|field| {
        let of = |conditions: &Value| -> Option<Vec<String>> {
            let list = conditions.as_array()?;
            let condition = list.iter().find(|condition| condition["Field"] == **field)?;
            let regex = |(_, config): (&String, &Value)| config.get("RegexValues").is_some();
            if condition.as_object()?.iter().any(regex) {
                return None;
            }
            // Hosts are compared without regard to case; for the others that only finds less disjoint.
            Some(values(condition).into_iter().map(str::to_lowercase).collect())
        };
        match (of(&normal(one)), of(&normal(other))) {
            (Some(one), Some(other)) if !one.is_empty() && !other.is_empty() => {
                one.iter().all(|one| other.iter().all(|other| apart(one, other)))
            }
            _ => false,
        }
    })
}

/// Whether two patterns differ before the first wildcard of either.
fn apart(one: &str, other: &str) -> bool {
    let cut = |text: &str| text.find(['*', '?', '\\']).unwrap_or(text.len());
    let (to, other_to) = (cut(one), cut(other));
    let (head, other_head) = (&one.as_bytes()[..to], &other.as_bytes()[..other_to]);
    let shared = head.len().min(other_head.len());
    let plain = to == one.len() && other_to == other.len();
    head[..shared] != other_head[..shared] || (plain && one != other)
        // A text without wildcards that ends before the other's literal beginning does cannot match it.
        || (to == one.len() && head.len() < other_head.len())
        || (other_to == other.len() && other_head.len() < head.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(values: &[&str]) -> Value {
        json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": values}}])
    }

    #[test]
    fn both_forms_of_a_path_are_one() {
        let old = json!([{"Field": "path-pattern", "Values": ["/a/*"]}]);
        let both = json!([{"Field": "path-pattern", "Values": ["/a/*"], "RegexValues": [],
            "PathPatternConfig": {"Values": ["/a/*"]}}]);
        assert_eq!(normal(&old), path(&["/a/*"]));
        assert_eq!(normal(&both), path(&["/a/*"]));
        let header = json!([{"Field": "http-header", "HttpHeaderConfig": {"Values": ["b"], "HttpHeaderName": "X"}}]);
        let shown = json!([{"Field": "http-header", "Values": [],
            "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": ["b"]}, "SourceIpConfig": null}]);
        assert_eq!(normal(&shown).to_string(), normal(&header).to_string());
    }

    #[test]
    fn a_cookie_is_matched_whole() {
        let refined = refined(&path(&["/shop/*"]), &By::Cookie { name: "beta".into(), value: "1".into() });
        assert_eq!(refined[1]["HttpHeaderConfig"]["Values"], json!(["beta=1", "beta=1;*", "*; beta=1", "*; beta=1;*"]));
        assert_eq!(beyond_limits(&refined), None, "five values with five wildcards are just allowed");
        let two = super::refined(&path(&["/a", "/b"]), &By::Cookie { name: "beta".into(), value: "1".into() });
        assert_eq!(beyond_limits(&two).as_deref(), Some("6 condition values; a rule has 5 at most"));
    }

    #[test]
    fn limits_are_aws_own() {
        assert!(beyond_limits(&path(&["/*", "/*", "/*", "/*", "/?"])).is_none());
        assert!(beyond_limits(&path(&["/*?", "/*", "/*", "/*", "/?"])).is_some());
        assert!(beyond_limits(&path(&["/\\*?", "/*", "/*", "/*", "/?"])).is_none(), "an escaped one is none");
        let query = json!([{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "b"}]}}]);
        assert!(beyond_limits(&query).is_none());
        assert!(beyond_limits(&path(&[&"x".repeat(129)])).is_some());
    }

    #[test]
    fn disjoint_only_where_it_is_certain() {
        let host = |host: &str| json!([{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}]);
        assert!(disjoint(&host("a.example"), &host("b.example")));
        assert!(!disjoint(&host("A.example"), &host("a.example")));
        assert!(!disjoint(&host("*.example"), &host("a.example")));
        assert!(disjoint(&path(&["/a/*"]), &path(&["/b/*", "/c"])));
        assert!(!disjoint(&path(&["/a/*"]), &path(&["/a/b"])));
        assert!(!disjoint(&path(&["/a*"]), &path(&["/ab*"])));
        assert!(disjoint(&path(&["/a"]), &path(&["/ab*"])), "the shorter text lacks the other's beginning");
        assert!(!disjoint(&path(&["/a"]), &host("a.example")), "one may have both");
        assert!(!disjoint(&path(&["/a"]), &json!([])));
        let regex = json!([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/b"]}}]);
        assert!(!disjoint(&path(&["/a"]), &regex));
        let method = |m: &str| json!([{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": [m]}}]);
        assert!(disjoint(&method("GET"), &method("POST")));
    }
}
