//! What AWS tells a lifecycle hook, and what it wants to hear.

use serde::Deserialize;
use serde_json::{Value, json};

/// The hook that `CodeDeploy` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeDeployEvent {
    /// The deployment's id.
    pub deployment: String,
    /// The id of this one call of the hook.
    pub execution: String,
}

/// What ECS tells a hook, as far as a smoke test can use it. Everything may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcsEvent {
    /// The lifecycle stage.
    pub stage: String,
    /// The service's ARN.
    pub service: String,
    /// The ARN of the service revision that is being deployed.
    pub revision: String,
}

/// Why an event cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is no JSON.
    #[error("the event is no JSON object")]
    Syntax(#[from] serde_json::Error),
    /// It is another event.
    #[error(
        "the event has no `{0}`: expected what CodeDeploy gives a lifecycle hook, {{\"DeploymentId\": …, \"LifecycleEventHookExecutionId\": …}}"
    )]
    Missing(&'static str),
    /// It is ECS's.
    #[error("this is an event of an ECS service deployment, which is answered by what the function returns")]
    OfEcs,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    deployment_id: Option<String>,
    lifecycle_event_hook_execution_id: Option<String>,
}

impl CodeDeployEvent {
    /// Reads the event of a Lambda function.
    ///
    /// # Errors
    ///
    /// It is not what `CodeDeploy` sends.
    pub fn parse(text: &str) -> Result<CodeDeployEvent, EventError> {
        let value: Value = serde_json::from_str(text)?;
        if EcsEvent::of(&value) != EcsEvent::default() {
            return Err(EventError::OfEcs);
        }
        let wire: Wire = serde_json::from_value(value)?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(CodeDeployEvent {
            deployment: given(wire.deployment_id).ok_or(EventError::Missing("DeploymentId"))?,
            execution: given(wire.lifecycle_event_hook_execution_id)
                .ok_or(EventError::Missing("LifecycleEventHookExecutionId"))?,
        })
    }
}

impl EcsEvent {
    /// Reads the event of a Lambda function. What this version does not know of it is passed over.
    ///
    /// # Errors
    ///
    /// It is no JSON.
    pub fn parse(text: &str) -> Result<EcsEvent, EventError> {
        Ok(EcsEvent::of(&serde_json::from_str(text)?))
    }

    fn of(value: &Value) -> EcsEvent {
        // The facts stand below `executionDetails`, or at the top.
        let details = value.get("executionDetails").unwrap_or(value);
        let text = |from: &Value, key: &str| from.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        EcsEvent {
            stage: text(value, "lifecycleStage"),
            service: text(details, "serviceArn"),
            revision: text(details, "targetServiceRevisionArn"),
        }
    }
}

/// What a hook of ECS returns.
pub fn ecs_answer(passed: bool) -> Value {
    json!({ "hookStatus": if passed { "SUCCEEDED" } else { "FAILED" } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_of_codedeploy_is_read() {
        let text = r#"{"DeploymentId":"d-ABC","LifecycleEventHookExecutionId":"eyJlbmM"}"#;
        let event = CodeDeployEvent::parse(text).unwrap();
        assert_eq!((event.deployment.as_str(), event.execution.as_str()), ("d-ABC", "eyJlbmM"));
        for (wrong, said) in [
            ("", "no JSON"),
            ("{}", "`DeploymentId`"),
            (r#"{"DeploymentId":"d-ABC"}"#, "`LifecycleEventHookExecutionId`"),
            (r#"{"DeploymentId":"","LifecycleEventHookExecutionId":"x"}"#, "`DeploymentId`"),
            (r#"{"lifecycleStage":"POST_SCALE_UP"}"#, "an ECS service deployment"),
        ] {
            let error = CodeDeployEvent::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_event_of_ecs_is_read_as_far_as_it_is_known() {
        let event = EcsEvent::parse(
            r#"{"executionDetails":{"serviceArn":"arn:s","targetServiceRevisionArn":"arn:r","new":[1]},"lifecycleStage":"POST_SCALE_UP"}"#,
        );
        let expected = EcsEvent { stage: "POST_SCALE_UP".into(), service: "arn:s".into(), revision: "arn:r".into() };
        assert_eq!(event.unwrap(), expected);
        assert_eq!(EcsEvent::parse("{}").unwrap(), EcsEvent::default());
        assert_eq!(ecs_answer(true).to_string(), r#"{"hookStatus":"SUCCEEDED"}"#);
        assert_eq!(ecs_answer(false).to_string(), r#"{"hookStatus":"FAILED"}"#);
    }
}
