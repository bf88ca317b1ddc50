//! ECS keeps the strategy and the hooks of a deployment as the service's own settings. What the user's infrastructure
//! code has declared comes back when the run is over, whichever way it went.

use serde_json::Value;

use crate::decide::{Context, Decision};
use crate::journal::{Fact, Mutation};
use crate::plan::Managed;

use super::send_once;

/// What is left to do for the settings; `None` once they were read back, and for engines that change none.
pub(super) fn restore_settings(context: &Context<'_>) -> Option<Decision> {
    let managed = &context.state.managed;
    let Some(Managed::Ecs(engine)) = context.plan().managed() else { return None };
    if managed.settings_restored || !managed.may_have_started() {
        return None;
    }
    let sent = managed.settings.last();
    let act = Decision::Act {
        mutation: Mutation::RestoreSettings,
        because: "the service's deployment settings come back as they were declared".to_owned(),
    };
    let shows = "the declared settings to show";
    let Some(reading) = &context.seen.settings else {
        return Some(context.wait("the service's settings to be readable"));
    };
    let Ok(found) = &reading.value else { return Some(send_once(context, sent, act, shows)) };
    // A read from before our own start would show the declared settings too.
    let newest = sent.or(managed.starts.last()).map(|write| write.at);
    let believable = sent.is_some() || newest.is_none_or(|at| !context.too_young(reading, at));
    let restored = as_declared(found, &engine.declared);
    Some(match restored && believable {
        true => Decision::Note(Fact::SettingsRestored),
        false => send_once(context, sent, act, shows),
    })
}

/// What is sent to put the declared settings back. AWS keeps what a request leaves out, so what the run may have added
/// is taken away by name.
pub(crate) fn declared_settings(declared: &Value) -> Value {
    let mut settings = declared.clone();
    if let Value::Object(members) = &mut settings {
        members.retain(|_, value| !value.is_null());
        members.entry("strategy").or_insert_with(|| "ROLLING".into());
        members.entry("lifecycleHooks").or_insert_with(|| Value::Array(Vec::new()));
    }
    settings
}

/// Whether all that was declared is so, and nothing of a run is left. What AWS fills in beside it has no effect: the
/// share of a canary where the strategy is another one.
pub fn as_declared(found: &Value, declared: &Value) -> bool {
    let Value::Object(wanted) = declared_settings(declared) else { return same(found, declared) };
    let nothing = Value::Null;
    wanted.iter().all(|(name, value)| {
        let shown = found.get(name).unwrap_or(&nothing);
        same(shown, value) || (shown.is_null() && is_default(name, value))
    })
}

fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "lifecycleHooks" => value.as_array().is_some_and(Vec::is_empty),
        "strategy" => value == "ROLLING",
        _ => value.is_null(),
    }
}

/// Equality of JSON in which `10` and `10.0` are the same number.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}
