//! Conditions as JSON: shown, compared, and sent where a rule is made.

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig, PathPatternConditionConfig,
    QueryStringConditionConfig, QueryStringKeyValuePair, RuleCondition, SourceIpConditionConfig,
};
use serde_json::{Map, Value, json};

/// The conditions under AWS's member names, in AWS's order.
pub(super) fn to_json(conditions: &[RuleCondition]) -> Value {
    Value::Array(conditions.iter().map(condition).collect())
}

fn condition(condition: &RuleCondition) -> Value {
    let mut json = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            json.insert(name.to_owned(), value);
        }
    };
    put("Field", condition.field.as_ref().map(|field| json!(field)));
    put("Values", list(condition.values.as_ref()));
    put("RegexValues", list(condition.regex_values.as_ref()));
    let host = condition.host_header_config.as_ref();
    put("HostHeaderConfig", host.map(|host| patterns(host.values.as_ref(), host.regex_values.as_ref())));
    let path = condition.path_pattern_config.as_ref();
    put("PathPatternConfig", path.map(|path| patterns(path.values.as_ref(), path.regex_values.as_ref())));
    put(
        "HttpHeaderConfig",
        condition.http_header_config.as_ref().map(|header| {
            let mut json = patterns(header.values.as_ref(), header.regex_values.as_ref());
            if let Some(name) = &header.http_header_name {
                json["HttpHeaderName"] = json!(name);
            }
            json
        }),
    );
    put(
        "QueryStringConfig",
        condition.query_string_config.as_ref().map(|query| {
            let pairs = query.values.as_deref().unwrap_or_default().iter();
            let pairs: Vec<Value> = pairs.map(|pair| json!({"Key": pair.key, "Value": pair.value})).collect();
            json!({ "Values": pairs })
        }),
    );
    let method = condition.http_request_method_config.as_ref();
    put("HttpRequestMethodConfig", method.map(|method| patterns(method.values.as_ref(), None)));
    put(
        "SourceIpConfig",
        condition.source_ip_config.as_ref().map(|source| {
            let mut json = patterns(source.values.as_ref(), None);
            if let Some(family) = &source.ip_address_type {
                json["IpAddressType"] = json!(family.as_str());
            }
            json
        }),
    );
    Value::Object(json)
}

/// AWS writes empty lists for what is not there; left out, two readings are equal whichever way they came.
fn list(values: Option<&Vec<String>>) -> Option<Value> {
    values.filter(|values| !values.is_empty()).map(|values| json!(values))
}

fn patterns(values: Option<&Vec<String>>, regex: Option<&Vec<String>>) -> Value {
    let mut json = Map::new();
    for (name, values) in [("Values", values), ("RegexValues", regex)] {
        if let Some(values) = list(values) {
            json.insert(name.to_owned(), values);
        }
    }
    Value::Object(json)
}

/// Conditions to be sent: each with its configuration, in the form that [`to_json`] writes. Whatever is not understood
/// is an error, since a rule with less conditions would take more requests.
pub(super) fn from_json(conditions: &Value) -> Result<Vec<RuleCondition>, String> {
    let list = conditions.as_array().ok_or("the conditions are no list")?;
    list.iter().map(|condition| read(condition).ok_or_else(|| format!("not a known condition: {condition}"))).collect()
}

fn read(condition: &Value) -> Option<RuleCondition> {
    let members = condition.as_object()?;
    let field = members.get("Field")?.as_str()?;
    let (name, config) = members.iter().find(|(name, _)| *name != "Field")?;
    let config = config.as_object()?;
    let values = |name: &str| match config.get(name) {
        Some(values) => values.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        None => Some(Vec::new()),
    };
    let some = |values: Vec<String>| (!values.is_empty()).then_some(values);
    let built = RuleCondition::builder().field(field);
    let known: &[&str] = match name.as_str() {
        "HttpHeaderConfig" => &["HttpHeaderName", "Values", "RegexValues"],
        "HostHeaderConfig" | "PathPatternConfig" => &["Values", "RegexValues"],
        _ => &["Values"],
    };
    if members.len() != 2 || config.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let regex = some(values("RegexValues")?);
    let built = match (field, name.as_str()) {
        ("host-header", "HostHeaderConfig") => {
            let config = HostHeaderConditionConfig::builder().set_values(some(values("Values")?));
            built.host_header_config(config.set_regex_values(regex).build())
        }
        ("path-pattern", "PathPatternConfig") => {
            let config = PathPatternConditionConfig::builder().set_values(some(values("Values")?));
            built.path_pattern_config(config.set_regex_values(regex).build())
        }
        ("http-header", "HttpHeaderConfig") => {
            let header = config.get("HttpHeaderName")?.as_str()?;
            let config = HttpHeaderConditionConfig::builder().http_header_name(header).set_regex_values(regex);
            built.http_header_config(config.set_values(some(values("Values")?)).build())
        }
        ("http-request-method", "HttpRequestMethodConfig") => {
            let config = HttpRequestMethodConditionConfig::builder().set_values(some(values("Values")?));
            built.http_request_method_config(config.build())
        }
        ("source-ip", "SourceIpConfig") => {
            let config = SourceIpConditionConfig::builder().set_values(some(values("Values")?));
            built.source_ip_config(config.build())
        }
        ("query-string", "QueryStringConfig") => {
            let pairs = config.get("Values")?.as_array()?.iter().map(pair).collect::<Option<Vec<_>>>()?;
            built.query_string_config(QueryStringConditionConfig::builder().set_values(Some(pairs)).build())
        }
        _ => return None,
    };
    Some(built.build())
}

fn pair(pair: &Value) -> Option<QueryStringKeyValuePair> {
    let key = pair.get("Key").and_then(Value::as_str).map(str::to_owned);
    Some(QueryStringKeyValuePair::builder().set_key(key).value(pair.get("Value")?.as_str()?).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_was_shown() {
        let shown = json!([
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example"]}},
            {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/a"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"Values": ["b"], "HttpHeaderName": "X-A"}},
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "k", "Value": "v"}]}},
        ]);
        assert_eq!(to_json(&from_json(&shown).unwrap()), shown);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for condition in [
            json!({"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}),
            json!({"Field": "path-pattern", "HostHeaderConfig": {"Values": ["/a"]}}),
            json!({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"], "IpAddressType": "ipv4"}}),
            json!({"Field": "path-pattern", "PathPatternConfig": {"Values": [1]}}),
            json!({"Field": "path-pattern"}),
        ] {
            assert!(from_json(&json!([condition])).is_err(), "{condition}");
        }
    }

    #[test]
    fn every_part_of_a_condition_shows() {
        let header =
            HttpHeaderConditionConfig::builder().http_header_name("X-A").values("b").regex_values("c+").build();
        let pair = QueryStringKeyValuePair::builder().value("v").build();
        let conditions = [
            RuleCondition::builder().field("path-pattern").values("/api/*").build(),
            RuleCondition::builder().field("http-header").http_header_config(header).build(),
            RuleCondition::builder()
                .field("query-string")
                .query_string_config(QueryStringConditionConfig::builder().values(pair).build())
                .build(),
        ];
        assert_eq!(
            to_json(&conditions),
            json!([
                {"Field": "path-pattern", "Values": ["/api/*"]},
                {"Field": "http-header",
                 "HttpHeaderConfig": {"Values": ["b"], "RegexValues": ["c+"], "HttpHeaderName": "X-A"}},
                {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": null, "Value": "v"}]}},
            ])
        );
    }
}
