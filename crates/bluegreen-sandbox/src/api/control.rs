//! What a demo or a test can see and arrange beside AWS's own operations, as JSON under `/_sandbox/`.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Api;
use crate::faults::FaultPlan;
use crate::world::codedeploy::Function;

/// Where the control endpoints are.
pub(super) const PREFIX: &str = "/_sandbox/";

const KNOWN: &str = "GET clock, requests, weights, faults; POST faults, disarm, hooks, pause, unpause, forget";

/// Why a control request is refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("there is no {method} {PREFIX}{name}: there are {KNOWN}, all under {PREFIX}")]
    Unknown { method: Method, name: String },
    #[error("the body is not a JSON object: {0}")]
    Body(serde_json::Error),
    #[error("`function` is missing: it is the name that a hook has in an AppSpec or a deployment configuration")]
    NoFunction,
    #[error("say what stands for the function: `command` (words divided by spaces, or a list), `url`, or `passes`")]
    NoAnswer,
    #[error("`plan` is missing: it is a text such as \"throttle=0.3\"")]
    NoPlan,
    #[error("`{0}` has a wrong type: {1} is expected")]
    Type(&'static str, &'static str),
    #[error("{0}")]
    Plan(#[from] crate::faults::PlanError),
}

impl Api {
    pub(super) fn control(&self, method: &Method, path: &str, body: &[u8]) -> Response<Bytes> {
        let name = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let (status, answer) = match self.controlled(method, name, body) {
            Ok(answer) => (StatusCode::OK, answer),
            Err(refused @ Refused::Unknown { .. }) => (StatusCode::NOT_FOUND, json!({"error": refused.to_string()})),
            Err(refused) => (StatusCode::BAD_REQUEST, json!({"error": refused.to_string()})),
        };
        let mut response = Response::new(Bytes::from(answer.to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    fn controlled(&self, method: &Method, name: &str, body: &[u8]) -> Result<Value, Refused> {
        match (method.as_str(), name) {
            ("GET", "clock") => {
                self.advance();
                let world = self.lock_world();
                Ok(json!({"now": world.now().to_string(), "ms": world.now_ms()}))
            }
            ("GET", "requests") => Ok(json!({"requests": self.requests()})),
            ("GET", "weights") => {
                self.advance();
                Ok(json!({"weights": self.weights()}))
            }
            ("GET", "faults") => Ok(self.told_faults()),
            ("POST", "faults") => {
                self.arm(body)?;
                Ok(self.told_faults())
            }
            ("POST", "disarm") => {
                self.disarm();
                Ok(json!({}))
            }
            ("POST", "hooks") => {
                self.set_function(body)?;
                Ok(json!({}))
            }
            ("POST", "pause" | "unpause") => {
                self.pause(name == "pause");
                Ok(json!({}))
            }
            ("POST", "forget") => {
                self.lock_book().forget(&self.lock_world());
                Ok(json!({}))
            }
            _ => Err(Refused::Unknown { method: method.clone(), name: name.to_owned() }),
        }
    }

    /// `{"plan": "throttle=0.3", "client": "release", "times": 2}`; the last two may be missing.
    fn arm(&self, body: &[u8]) -> Result<(), Refused> {
        let asked: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(Refused::Body)?;
        let text = |name: &'static str| match asked.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(Refused::Type(name, "a text")),
        };
        let times = match asked.get("times") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().ok_or(Refused::Type("times", "a number that is not negative"))?),
        };
        let client = text("client")?;
        let plan = FaultPlan::parse(text("plan")?.ok_or(Refused::NoPlan)?)?;
        for rule in plan.rules() {
            let rule = client.map_or_else(|| rule.clone(), |client| rule.clone().of(client));
            self.add_fault(times.map_or_else(|| rule.clone(), |times| rule.clone().times(times)));
        }
        Ok(())
    }

    /// `{"function": "smoke", "command": "./smoke.sh --quick"}`; in place of `command` there may be `url`, or `passes`
    /// with `takes` in milliseconds.
    fn set_function(&self, body: &[u8]) -> Result<(), Refused> {
        let asked: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(Refused::Body)?;
        let name = asked.get("function").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or(Refused::NoFunction)?;
        let function = match (asked.get("command"), asked.get("url"), asked.get("passes")) {
            (Some(Value::String(text)), None, None) if !text.trim().is_empty() => Function::command(text),
            (Some(Value::Array(words)), None, None) => {
                let words = words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                let words = words.filter(|words| !words.is_empty());
                Function::Command(words.ok_or(Refused::Type("command", "a text or a list of texts"))?)
            }
            (None, Some(Value::String(url)), None) => Function::Url(url.clone()),
            (None, None, Some(Value::Bool(passes))) => {
                let takes = asked.get("takes").map_or(Some(0), Value::as_u64);
                let takes = takes.ok_or(Refused::Type("takes", "a number that is not negative"))?;
                Function::Scripted { takes, passes: *passes }
            }
            _ => return Err(Refused::NoAnswer),
        };
        self.lock_world().set_function(name, function);
        Ok(())
    }

    fn told_faults(&self) -> Value {
        let told = |rule: &crate::faults::FaultRule| {
            json!({
                "id": rule.id(),
                "plan": rule.to_string(),
                "client": rule.operator,
                "timesLeft": rule.left,
                "fired": rule.fired(),
            })
        };
        json!({"faults": self.faults().iter().map(told).collect::<Vec<_>>()})
    }
}
