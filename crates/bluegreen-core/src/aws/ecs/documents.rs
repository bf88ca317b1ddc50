//! Task definitions as they go over the wire: JSON in, JSON out, whatever the SDK's types know of it.

use serde_json::{Map, Value, json};

/// The tags of a description and of a request.
const TAGS: &str = "tags";

/// Why a document cannot be read or sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    /// The answer is no JSON, or lacks the definition.
    #[error("the answer has no task definition")]
    NoDefinition,
    /// The document is not the request that AWS takes.
    #[error("the task definition {0}")]
    Shape(&'static str),
}

/// The description of a definition, with its tags as a request would carry them.
///
/// AWS returns tags beside the definition and takes them inside. Tags that AWS itself has set cannot be sent and are
/// left out.
pub(super) fn described(body: &[u8]) -> Result<Value, DocumentError> {
    let mut answer: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DocumentError::NoDefinition)?;
    let definition = answer.shift_remove("taskDefinition");
    let Some(Value::Object(mut definition)) = definition else { return Err(DocumentError::NoDefinition) };
    if let Some(Value::Array(mut tags)) = answer.shift_remove(TAGS) {
        tags.retain(|tag| !key(tag).is_some_and(|key| key.starts_with("aws:")));
        if !tags.is_empty() {
            definition.insert(TAGS.to_owned(), Value::Array(tags));
        }
    }
    Ok(Value::Object(definition))
}

/// A request that is ready to be sent.
pub(super) struct Request {
    /// The family, for the SDK's own checks.
    pub(super) family: String,
    /// The JSON.
    pub(super) body: Vec<u8>,
}

/// `document` with one more tag; a tag of the same key (a run's copy of an older run's document) is replaced.
pub(super) fn request(document: &Value, tag: &str, value: &str) -> Result<Request, DocumentError> {
    let mut document = document.as_object().cloned().ok_or(DocumentError::Shape("is not a JSON object"))?;
    let family = document.get("family").and_then(Value::as_str).filter(|family| !family.is_empty());
    let family = family.ok_or(DocumentError::Shape("has no `family`"))?.to_owned();
    let mut tags = match document.shift_remove(TAGS) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(tags)) => tags,
        Some(_) => return Err(DocumentError::Shape("has `tags` that are not a list")),
    };
    tags.retain(|existing| key(existing) != Some(tag));
    tags.push(json!({ "key": tag, "value": value }));
    document.insert(TAGS.to_owned(), Value::Array(tags));
    let body = serde_json::to_vec(&document).map_err(|_| DocumentError::Shape("cannot be written as JSON"))?;
    Ok(Request { family, body })
}

fn key(tag: &Value) -> Option<&str> {
    tag.get("key").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_survive_both_ways() {
        let answer = json!({
            "taskDefinition": {"family": "web", "revision": 3, "newThing": {"deep": [1, null, 2.5]}},
            "tags": [{"key": "team", "value": "x"}, {"key": "aws:cloudformation:stack-name", "value": "y"}],
        });
        let document = described(answer.to_string().as_bytes()).unwrap();
        assert_eq!(document["newThing"], json!({"deep": [1, null, 2.5]}));
        assert_eq!(document["tags"], json!([{"key": "team", "value": "x"}]));

        let sent = request(&document, "bluegreen:run", "run-1").unwrap();
        assert_eq!(sent.family, "web");
        let sent: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(sent["newThing"], document["newThing"]);
        assert_eq!(sent["tags"], json!([{"key": "team", "value": "x"}, {"key": "bluegreen:run", "value": "run-1"}]));
    }

    #[test]
    fn an_older_runs_tag_is_replaced() {
        let document = json!({"family": "web", "tags": [{"key": "bluegreen:run", "value": "old"}]});
        let sent: Value = serde_json::from_slice(&request(&document, "bluegreen:run", "new").unwrap().body).unwrap();
        assert_eq!(sent["tags"], json!([{"key": "bluegreen:run", "value": "new"}]));
    }

    #[test]
    fn documents_that_are_no_request_are_refused() {
        for bad in
            [json!([]), json!({}), json!({"family": 3}), json!({"family": ""}), json!({"family": "x", "tags": 1})]
        {
            assert!(request(&bad, "t", "v").is_err(), "{bad}");
        }
        for bad in ["", "{}", "[]", r#"{"taskDefinition": 1}"#] {
            assert!(described(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
