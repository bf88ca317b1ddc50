//! ECS keeps the strategy and the hooks of a deployment as the service's own settings. What the user's infrastructure
//! code has declared comes back when the run is over, whichever way it went.

use serde_json::Value;

use crate::decide::{Context, Decision};
use crate::journal::{Fact, Mutation};
use crate::plan::{Managed, Native};
use crate::ports::run_mark;

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
    let restored = same(found, &engine.declared) || (sent.is_some() && !is_ours(context, engine, found));
    Some(match restored && believable {
        true => Decision::Note(Fact::SettingsRestored),
        false => send_once(context, sent, act, shows),
    })
}

/// AWS fills in what a declaration leaves out, so what counts at last is that nothing of this run is left.
fn is_ours(context: &Context<'_>, engine: &Native, found: &Value) -> bool {
    same(found, &engine.configuration) || found.to_string().contains(&run_mark(&context.plan().run))
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
