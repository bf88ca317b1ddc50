//! What of a task definition may be shown: names always, values only where no secret is expected.

use serde_json::{Map, Value};

/// What stands in the place of a hidden value.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Parts of key and variable names that announce a secret.
const TELLTALES: [&str; 9] =
    ["password", "passwd", "secret", "token", "apikey", "accesskey", "privatekey", "credential", "passphrase"];

/// Members whose every value is hidden, by the key of the list or map that holds them.
pub(crate) fn hides(key: &str) -> bool {
    matches!(key, "environment" | "secrets" | "secretOptions") || announces_secret(key)
}

/// Whether a name says that its value is a secret. Names of AWS fields that only point at one
/// (`credentialsParameter`, `credentialSpecs`) are no exception: an ARN less in a log harms nobody.
pub(crate) fn announces_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    TELLTALES.iter().any(|telltale| plain.contains(telltale))
}

/// A copy in which the values of environment variables, secrets and everything that sounds like one are hidden.
pub(crate) fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.iter().map(member).collect()),
        Value::Array(items) => Value::Array(items.iter().map(redacted).collect()),
        Value::String(text) => Value::String(redacted_text(text)),
        other => other.clone(),
    }
}

fn member((key, value): (&String, &Value)) -> (String, Value) {
    let shown = if hides(key) { names_only(value) } else { redacted(value) };
    (key.clone(), shown)
}

/// Keeps names (the value of `name`) and the shape; hides every other scalar.
fn names_only(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let shown = if key == "name" { value.clone() } else { names_only(value) };
                    (key.clone(), shown)
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(names_only).collect()),
        Value::Null => Value::Null,
        _ => Value::String(HIDDEN.to_owned()),
    }
}

/// Hides the password of a URL and the value of `NAME=VALUE` or `--name=value` where the name announces a secret.
pub(crate) fn redacted_text(text: &str) -> String {
    let text = without_url_password(text);
    if !text.contains('=') {
        return text;
    }
    let words = text.split(' ').map(|word| match word.split_once('=') {
        Some((name, value)) if !value.is_empty() && announces_secret(name) => format!("{name}={HIDDEN}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn without_url_password(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        shown.push_str(head);
        let authority = &tail[..tail.find(['/', ' ', '"', '\'']).unwrap_or(tail.len())];
        rest = match authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
            Some((user, password)) => {
                shown.push_str(user);
                shown.push(':');
                shown.push_str(HIDDEN);
                &tail[user.len() + 1 + password.len()..]
            }
            None => tail,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_stay_and_values_go() {
        let shown = redacted(&json!({
            "name": "web",
            "environment": [{"name": "LOG", "value": "debug-1"}],
            "secrets": [{"name": "DB", "valueFrom": "arn:x-1"}],
            "logConfiguration": {
                "logDriver": "splunk",
                "options": {"splunk-token": "t-1", "splunk-url": "https://u:p-1@host:8088/x"},
                "secretOptions": [{"name": "splunk-token", "valueFrom": "arn:y-1"}]
            },
            "command": ["run", "--password=q-1", "--level=info", "export API_KEY=k-1 && go"],
            "dockerLabels": {"my.api-key": "l-1"}
        }));
        let text = shown.to_string();
        for hidden in ["debug-1", "arn:x-1", "t-1", "p-1", "arn:y-1", "q-1", "k-1", "l-1"] {
            assert!(!text.contains(hidden), "{hidden} is shown in {text}");
        }
        for kept in ["LOG", "DB", "splunk-token", "https://u:(hidden)@host:8088/x", "--level=info", "&& go"] {
            assert!(text.contains(kept), "{kept} is missing in {text}");
        }
    }

    #[test]
    fn a_map_of_variables_is_hidden_too() {
        let shown = redacted(&json!({"environment": {"A": "v-1", "n": [true, 7]}}));
        assert_eq!(shown, json!({"environment": {"A": HIDDEN, "n": [HIDDEN, HIDDEN]}}));
    }
}
