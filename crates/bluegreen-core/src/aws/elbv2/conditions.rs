//! Conditions as JSON, to be shown and compared; they are never sent.

use aws_sdk_elasticloadbalancingv2::types::RuleCondition;
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

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{
        HttpHeaderConditionConfig, QueryStringConditionConfig, QueryStringKeyValuePair,
    };

    use super::*;

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
