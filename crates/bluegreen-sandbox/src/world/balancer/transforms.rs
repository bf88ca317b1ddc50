//! What AWS checks about the transforms of a rule.

use serde_json::Value;

use super::super::refusal::Refused;

/// Checks a list of transforms: at most one of each type, each with its configuration.
pub(super) fn check(transforms: &Value) -> Result<(), Refused> {
    let mut seen: Vec<&str> = Vec::new();
    for transform in transforms.as_array().into_iter().flatten() {
        let kind = transform.get("Type").and_then(Value::as_str).unwrap_or_default();
        let config = match kind {
            "host-header-rewrite" => "HostHeaderRewriteConfig",
            "url-rewrite" => "UrlRewriteConfig",
            _ => return Err(Refused::value(format!("'{kind}' is no type of a transform"))),
        };
        if seen.contains(&kind) {
            return Err(Refused::value(format!("a rule takes one transform of type '{kind}'")));
        }
        let rewrites = transform.get(config).and_then(|config| config.get("Rewrites")).and_then(Value::as_array);
        let text = |rewrite: &Value, member: &str| {
            rewrite.get(member).and_then(Value::as_str).is_some_and(|text| text.len() <= 1_024)
        };
        let whole = |rewrite: &Value| text(rewrite, "Regex") && text(rewrite, "Replace");
        if !rewrites.is_some_and(|rewrites| !rewrites.is_empty() && rewrites.iter().all(whole)) {
            let text = format!("a transform of type '{kind}' needs {config}.Rewrites with Regex and Replace");
            return Err(Refused::value(text));
        }
        seen.push(kind);
    }
    Ok(())
}
