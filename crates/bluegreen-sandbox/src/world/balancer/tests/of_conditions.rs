//! Conditions of rules.

use super::*;

#[test]
fn conditions_are_shown_in_both_forms() {
    let hosts = json!([{"Field": "host-header", "Values": ["a.example.com"],
                        "HostHeaderConfig": {"Values": ["a.example.com"]}}]);
    for (given, shown) in [
        (json!([{"Field": "host-header", "Values": ["a.example.com"]}]), hosts.clone()),
        (json!([{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}]), hosts.clone()),
        (hosts.clone(), hosts),
        (
            json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*", "/b"]}}]),
            json!([{"Field": "path-pattern", "Values": ["/a/*", "/b"],
                    "PathPatternConfig": {"Values": ["/a/*", "/b"]}}]),
        ),
        (
            json!([{"Field": "path-pattern", "RegexValues": ["^/v[0-9]+/"]}]),
            json!([{"Field": "path-pattern", "RegexValues": ["^/v[0-9]+/"],
                    "PathPatternConfig": {"RegexValues": ["^/v[0-9]+/"]}}]),
        ),
    ] {
        assert_eq!(conditions::normal(&given).unwrap(), shown, "{given}");
    }
    // The others have one form alone.
    let same = json!([
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Cookie", "Values": ["*ab=b*"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}, {"Value": "x"}]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["2001:db8::/32"]}},
    ]);
    assert_eq!(conditions::normal(&same).unwrap(), same);
}

#[test]
fn conditions_are_refused_as_aws_refuses_them() {
    let host = |values: Value| json!({"Field": "host-header", "HostHeaderConfig": {"Values": values}});
    let path = |values: Value| json!({"Field": "path-pattern", "PathPatternConfig": {"Values": values}});
    let header =
        |name: &str| json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": ["a"]}});
    let method = |text: &str| json!({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": [text]}});
    let source = |text: &str| json!({"Field": "source-ip", "SourceIpConfig": {"Values": [text]}});
    let query = |pair: Value| json!({"Field": "query-string", "QueryStringConfig": {"Values": [pair]}});
    let long = "x".repeat(129);
    for bad in [
        json!([]),
        json!([{"Field": "cookie", "Values": ["a"]}]),
        json!([{"Values": ["/a"]}]),
        json!([{"Field": "path-pattern"}]),
        json!([{"Field": "path-pattern", "Values": ["/a", "/b"]}]),
        json!([{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/b"]}}]),
        json!([{"Field": "path-pattern", "HostHeaderConfig": {"Values": ["a.example.com"]}}]),
        json!([{"Field": "path-pattern", "Values": ["/a"], "RegexValues": ["b"]}]),
        json!([{"Field": "http-header", "Values": ["a"]}]),
        json!([{"Field": "source-ip", "SourceIpConfig": {"RegexValues": ["1.*"]}}]),
        json!([path(json!(["/a"])), path(json!(["/b"]))]),
        json!([host(json!(["a.example.com"])), host(json!(["b.example.com"]))]),
        json!([method("GET"), method("PUT")]),
        json!([source("10.0.0.0/8"), source("11.0.0.0/8")]),
        json!([path(json!(["/1", "/2", "/3", "/4", "/5", "/6"]))]),
        json!([path(json!(["/1", "/2", "/3"])), host(json!(["a.b.c", "b.b.c"])), header("X-A")]),
        json!([path(json!(["/*/*/*", "/?/?/?"]))]),
        json!([path(json!(["/a b"]))]),
        json!([path(json!([format!("/{long}")]))]),
        json!([host(json!(["localhost"]))]),
        json!([host(json!(["example.c0m"]))]),
        json!([host(json!(["a_b.example.com"]))]),
        json!([header("Host")]),
        json!([header("X-*")]),
        json!([header("")]),
        json!([header(&"x".repeat(41))]),
        json!([method("get")]),
        json!([source("10.0.0.1")]),
        json!([source("10.0.0.0/33")]),
        json!([query(json!({"Key": "a"}))]),
        json!([query(json!({"Key": long, "Value": "a"}))]),
    ] {
        let code = conditions::normal(&bad).map_err(|refused| refused.code);
        assert_eq!(code, Err("ValidationError"), "{bad}");
    }
    for good in [
        json!([header("X-A"), header("X-B"), query(json!({"Value": r"\*\*\*\*\*\*"}))]),
        json!([path(json!(["/1", "/2", "/3", "/4", "/5"]))]),
        json!([host(json!(["*.example.com"])), path(json!(["*"])), source("0.0.0.0/0"), method("M-SEARCH")]),
    ] {
        assert!(conditions::normal(&good).is_ok(), "{good}");
    }
}
