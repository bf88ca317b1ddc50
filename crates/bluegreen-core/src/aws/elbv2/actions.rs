//! Actions in both directions, losing nothing.
//!
//! The normal form of a forward: always through `ForwardConfig`, a weight for a group that stands alone (AWS fills
//! in 1), and stickiness written out (left out it means off). So what is read after a write equals what was written.

use aws_sdk_elasticloadbalancingv2::types as sdk;
use serde_json::{Map, Value};

use crate::model::{Action, ActionKind, ArnError, Forward, ForwardGroup, GroupStickiness, TargetGroupArn, Weight};

mod configs;

/// Why an action cannot be carried over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ActionError {
    /// A type that came after this version.
    #[error(
        "this version does not know actions of type `{0}` and could not write one back: use a newer version or \
         take the route out of the spec"
    )]
    UnknownType(String),
    /// A part that every such action has.
    #[error("an action of type `{0}` lacks {1}")]
    Lacks(String, &'static str),
    /// A target group that is none.
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// A number out of its range.
    #[error("{0} is out of range for {1}")]
    Range(i64, &'static str),
    /// A configuration member that this type of action does not have.
    #[error("an action of type `{name}` cannot carry `{member}`")]
    Member {
        /// The type.
        name: String,
        /// The member, or what is wrong with it.
        member: String,
    },
}

/// The domain's view of an action. Unknown types are refused: they could not be written back.
pub(super) fn from_sdk(action: &sdk::Action) -> Result<Action, ActionError> {
    let kind = action.r#type.as_ref().ok_or_else(|| ActionError::Lacks("?".to_owned(), "its type"))?;
    let name = kind.as_str().to_owned();
    let config = match kind {
        sdk::ActionTypeEnum::Forward => {
            return Ok(Action { order: action.order, kind: ActionKind::Forward(forward_from_sdk(action)?) });
        }
        sdk::ActionTypeEnum::AuthenticateOidc => action.authenticate_oidc_config.as_ref().map(configs::from_oidc),
        sdk::ActionTypeEnum::AuthenticateCognito => {
            action.authenticate_cognito_config.as_ref().map(configs::from_cognito)
        }
        sdk::ActionTypeEnum::Redirect => action.redirect_config.as_ref().map(configs::from_redirect),
        sdk::ActionTypeEnum::FixedResponse => action.fixed_response_config.as_ref().map(configs::from_fixed_response),
        sdk::ActionTypeEnum::JwtValidation => action.jwt_validation_config.as_ref().map(configs::from_jwt),
        _ => return Err(ActionError::UnknownType(name)),
    };
    let config = config.ok_or_else(|| ActionError::Lacks(name.clone(), "its configuration"))?;
    Ok(Action { order: action.order, kind: ActionKind::Other { name, config } })
}

/// An action of which only the type is shown.
pub(super) fn opaque(name: String) -> Action {
    Action { order: None, kind: ActionKind::Other { name, config: Map::new() } }
}

/// The action as it is sent.
pub(super) fn to_sdk(action: &Action) -> Result<sdk::Action, ActionError> {
    let built = sdk::Action::builder().set_order(action.order);
    let (name, config) = match &action.kind {
        ActionKind::Forward(forward) => {
            let config = forward_to_sdk(forward)?;
            return Ok(built.r#type(sdk::ActionTypeEnum::Forward).forward_config(config).build());
        }
        ActionKind::Other { name, config } => (name.as_str(), config.clone()),
    };
    let kind = sdk::ActionTypeEnum::from(name);
    let mut fields = Fields { name, config };
    let built = match &kind {
        sdk::ActionTypeEnum::AuthenticateOidc => built.authenticate_oidc_config(configs::to_oidc(&mut fields)?),
        sdk::ActionTypeEnum::AuthenticateCognito => {
            built.authenticate_cognito_config(configs::to_cognito(&mut fields)?)
        }
        sdk::ActionTypeEnum::Redirect => built.redirect_config(configs::to_redirect(&mut fields)?),
        sdk::ActionTypeEnum::FixedResponse => built.fixed_response_config(configs::to_fixed_response(&mut fields)?),
        sdk::ActionTypeEnum::JwtValidation => built.jwt_validation_config(configs::to_jwt(&mut fields)?),
        _ => return Err(ActionError::UnknownType(name.to_owned())),
    };
    fields.end()?;
    Ok(built.r#type(kind).build())
}

fn forward_from_sdk(action: &sdk::Action) -> Result<Forward, ActionError> {
    let config = action.forward_config.as_ref();
    let listed = config.and_then(|config| config.target_groups.as_deref()).unwrap_or_default();
    let alone = listed.len() < 2;
    let mut groups = listed.iter().map(|group| group_from_sdk(group, alone)).collect::<Result<Vec<_>, _>>()?;
    if groups.is_empty() {
        // The short form: one group, named beside the configuration.
        let text = action.target_group_arn.as_deref();
        let arn = text.ok_or_else(|| ActionError::Lacks("forward".to_owned(), "target groups"))?.parse()?;
        groups.push(ForwardGroup { arn, weight: Some(weight(1)?) });
    }
    let stickiness = config.and_then(|config| config.target_group_stickiness_config.as_ref());
    let stickiness = GroupStickiness {
        enabled: stickiness.and_then(|stickiness| stickiness.enabled).unwrap_or(false),
        duration_seconds: match stickiness.and_then(|stickiness| stickiness.duration_seconds) {
            Some(seconds) => Some(
                u32::try_from(seconds).map_err(|_| ActionError::Range(seconds.into(), "stickiness DurationSeconds"))?,
            ),
            None => None,
        },
    };
    Ok(Forward { groups, stickiness: Some(stickiness) })
}

fn group_from_sdk(group: &sdk::TargetGroupTuple, alone: bool) -> Result<ForwardGroup, ActionError> {
    let text = group.target_group_arn.as_deref();
    let arn: TargetGroupArn =
        text.ok_or_else(|| ActionError::Lacks("forward".to_owned(), "a target group's ARN"))?.parse()?;
    let number = group.weight.or(alone.then_some(1));
    Ok(ForwardGroup { arn, weight: number.map(weight).transpose()? })
}

fn weight(number: i32) -> Result<Weight, ActionError> {
    let range = || ActionError::Range(number.into(), "a weight (0 to 999)");
    u32::try_from(number).ok().and_then(|number| Weight::try_from(number).ok()).ok_or_else(range)
}

fn forward_to_sdk(forward: &Forward) -> Result<sdk::ForwardActionConfig, ActionError> {
    if forward.groups.is_empty() {
        return Err(ActionError::Lacks("forward".to_owned(), "target groups"));
    }
    let alone = forward.groups.len() == 1;
    let mut config = sdk::ForwardActionConfig::builder();
    for group in &forward.groups {
        let weight = group.weight.map(|weight| i32::from(weight.get())).or(alone.then_some(1));
        let tuple = sdk::TargetGroupTuple::builder().target_group_arn(group.arn.as_str()).set_weight(weight);
        config = config.target_groups(tuple.build());
    }
    if let Some(stickiness) = &forward.stickiness {
        let seconds = stickiness.duration_seconds.map(|seconds| {
            i32::try_from(seconds).map_err(|_| ActionError::Range(seconds.into(), "stickiness DurationSeconds"))
        });
        let sent = sdk::TargetGroupStickinessConfig::builder().enabled(stickiness.enabled);
        config = config.target_group_stickiness_config(sent.set_duration_seconds(seconds.transpose()?).build());
    }
    Ok(config.build())
}

/// The members of a configuration, taken out one by one so that a forgotten one is noticed.
struct Fields<'a> {
    name: &'a str,
    config: Map<String, Value>,
}

impl Fields<'_> {
    fn bad(&self, member: &str) -> ActionError {
        ActionError::Member { name: self.name.to_owned(), member: member.to_owned() }
    }

    fn take<T>(&mut self, member: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, ActionError> {
        match self.config.shift_remove(member) {
            None => Ok(None),
            Some(value) => read(&value).map(Some).ok_or_else(|| self.bad(&format!("{member}: {value}"))),
        }
    }

    fn text(&mut self, member: &str) -> Result<Option<String>, ActionError> {
        self.take(member, |value| value.as_str().map(str::to_owned))
    }

    /// Fails if a member is left: it would be dropped without a word.
    fn end(self) -> Result<(), ActionError> {
        match self.config.keys().next() {
            None => Ok(()),
            Some(member) => Err(self.bad(member)),
        }
    }
}

#[cfg(test)]
mod tests;
