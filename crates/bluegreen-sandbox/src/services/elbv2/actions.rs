//! Actions in both directions. What is left out is filled in as AWS fills it in, so that a reader sees what a reader of
//! AWS sees: a single group in two places, a weight of 1, stickiness that is off, the defaults of a redirect.

use bluegreen_core::model::{Action, ActionKind, Forward, ForwardGroup, GroupStickiness, TargetGroupArn, Weight};
use serde_json::{Map as Object, Value, json};

use super::{arn, invalid};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};

/// Never shown: AWS keeps the secret, and how it came is nobody's business.
const SECRETS: [&str; 2] = ["ClientSecret", "UseExistingClientSecret"];

/// The actions of a request, in the order in which they are performed. `old` are those that they replace.
pub(super) fn read(inputs: &[Input], old: Option<&[Action]>) -> Result<Vec<Action>, ApiError> {
    let mut actions = inputs.iter().map(|input| one(input, old)).collect::<Result<Vec<_>, _>>()?;
    if let [alone] = actions.as_mut_slice() {
        alone.order.get_or_insert(1);
    }
    // A stable order: actions that lack one stay where they are and are refused later.
    if actions.iter().all(|action| action.order.is_some()) {
        actions.sort_by_key(|action| action.order);
    }
    Ok(actions)
}

fn one(input: &Input, old: Option<&[Action]>) -> Result<Action, ApiError> {
    let order = input.int_within("Order", 1, 50_000)?.and_then(|order| i32::try_from(order).ok());
    let name = input.required_text("Type")?;
    let config = match name {
        "forward" => return Ok(Action { order, kind: ActionKind::Forward(forward(input)?) }),
        "redirect" => redirect(&required(input, "RedirectConfig")?)?,
        "fixed-response" => fixed_response(&required(input, "FixedResponseConfig")?)?,
        "authenticate-oidc" => oidc(&required(input, "AuthenticateOidcConfig")?, old)?,
        "authenticate-cognito" => cognito(&required(input, "AuthenticateCognitoConfig")?)?,
        "jwt-validation" => jwt(&required(input, "JwtValidationConfig")?)?,
        other => return Err(invalid(format!("{}: '{other}' is no type of an action", input.at("Type")))),
    };
    Ok(Action { order, kind: ActionKind::Other { name: name.to_owned(), config } })
}

fn required(input: &Input, name: &str) -> Result<Input, ApiError> {
    input.map(name)?.ok_or_else(|| invalid(format!("{} must be specified for this type of action", input.at(name))))
}

fn forward(input: &Input) -> Result<Forward, ApiError> {
    let single = input.text("TargetGroupArn")?.filter(|text| !text.is_empty());
    let Some(config) = input.map("ForwardConfig")? else {
        let text = single.ok_or_else(|| invalid("a forward action needs a target group"))?;
        let groups = vec![ForwardGroup { arn: arn(text, "target group")?, weight: Weight::try_from(1).ok() }];
        return Ok(Forward { groups, stickiness: Some(GroupStickiness { enabled: false, duration_seconds: None }) });
    };
    let groups = config.list("TargetGroups")?.unwrap_or_default();
    let groups = groups.iter().map(group).collect::<Result<Vec<_>, _>>()?;
    if let Some(single) = single
        && (groups.len() != 1 || groups[0].arn.as_str() != single)
    {
        return Err(invalid(
            "where both TargetGroupArn and ForwardConfig are given, they must name the same one target group",
        ));
    }
    let stickiness = config.map("TargetGroupStickinessConfig")?;
    let stickiness = stickiness.as_ref().map(stickiness_of).transpose()?;
    let off = GroupStickiness { enabled: false, duration_seconds: None };
    Ok(Forward { groups, stickiness: Some(stickiness.unwrap_or(off)) })
}

fn group(input: &Input) -> Result<ForwardGroup, ApiError> {
    let arn: TargetGroupArn = arn(input.required_text("TargetGroupArn")?, "target group")?;
    let weight = input.int("Weight")?.unwrap_or(1);
    let fits = u32::try_from(weight).ok().and_then(|weight| Weight::try_from(weight).ok());
    let weight = fits.ok_or_else(|| invalid(format!("weight {weight} of '{arn}' must be between 0 and 999")))?;
    Ok(ForwardGroup { arn, weight: Some(weight) })
}

fn stickiness_of(input: &Input) -> Result<GroupStickiness, ApiError> {
    let seconds = input.int_within("DurationSeconds", 1, 604_800)?;
    let duration_seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    Ok(GroupStickiness { enabled: input.bool("Enabled")?.unwrap_or(false), duration_seconds })
}

/// Copies members of a configuration: those that must be there, and those that have a default.
fn texts(input: &Input, must: &[&str], may: &[(&str, Option<&str>)]) -> Result<Object<String, Value>, ApiError> {
    let mut config = Object::new();
    for name in must {
        config.insert((*name).to_owned(), json!(input.required_text(name)?));
    }
    for (name, default) in may {
        if let Some(text) = input.text(name)?.or(*default) {
            config.insert((*name).to_owned(), json!(text));
        }
    }
    Ok(config)
}

fn redirect(input: &Input) -> Result<Object<String, Value>, ApiError> {
    let defaults = [
        ("Protocol", Some("#{protocol}")),
        ("Port", Some("#{port}")),
        ("Host", Some("#{host}")),
        ("Path", Some("/#{path}")),
        ("Query", Some("#{query}")),
    ];
    texts(input, &["StatusCode"], &defaults)
}

fn fixed_response(input: &Input) -> Result<Object<String, Value>, ApiError> {
    texts(input, &["StatusCode"], &[("MessageBody", None), ("ContentType", None)])
}

fn oidc(input: &Input, old: Option<&[Action]>) -> Result<Object<String, Value>, ApiError> {
    let signs_in =
        |action: &Action| matches!(&action.kind, ActionKind::Other { name, .. } if name == "authenticate-oidc");
    let kept = input.bool("UseExistingClientSecret")? == Some(true);
    let has_one = old.is_some_and(|actions| actions.iter().any(signs_in));
    let given = input.text("ClientSecret")?.is_some();
    if !(given || (kept && has_one)) {
        return Err(invalid(format!(
            "{} must be specified, or UseExistingClientSecret where the route has one already",
            input.at("ClientSecret")
        )));
    }
    let must = ["Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "ClientId"];
    session(input, texts(input, &must, &[])?)
}

fn cognito(input: &Input) -> Result<Object<String, Value>, ApiError> {
    session(input, texts(input, &["UserPoolArn", "UserPoolClientId", "UserPoolDomain"], &[])?)
}

/// What both ways to sign in have.
fn session(input: &Input, mut config: Object<String, Value>) -> Result<Object<String, Value>, ApiError> {
    let defaults = [
        ("SessionCookieName", Some("AWSELBAuthSessionCookie")),
        ("Scope", Some("openid")),
        ("OnUnauthenticatedRequest", Some("authenticate")),
    ];
    config.extend(texts(input, &[], &defaults)?);
    let on = config.get("OnUnauthenticatedRequest").and_then(Value::as_str).unwrap_or_default();
    if !["deny", "allow", "authenticate"].contains(&on) {
        return Err(input.invalid("OnUnauthenticatedRequest", "expected deny, allow or authenticate"));
    }
    let timeout = input.int_within("SessionTimeout", 1, 604_800)?.unwrap_or(604_800);
    config.insert("SessionTimeout".to_owned(), json!(timeout));
    if let Some(mut pairs) = input.pairs("AuthenticationRequestExtraParams")? {
        pairs.sort();
        let params: Object<String, Value> = pairs.into_iter().map(|(key, value)| (key, json!(value))).collect();
        config.insert("AuthenticationRequestExtraParams".to_owned(), Value::Object(params));
    }
    Ok(config)
}

fn jwt(input: &Input) -> Result<Object<String, Value>, ApiError> {
    let mut config = texts(input, &["JwksEndpoint", "Issuer"], &[])?;
    let claim = |claim: &Input| {
        let mut read = texts(claim, &["Format", "Name"], &[])?;
        read.insert("Values".to_owned(), json!(claim.required_strings("Values")?));
        Ok(Value::Object(read))
    };
    if let Some(claims) = input.list("AdditionalClaims")? {
        let claims = claims.iter().map(claim).collect::<Result<Vec<_>, ApiError>>()?;
        config.insert("AdditionalClaims".to_owned(), Value::Array(claims));
    }
    Ok(config)
}

/// Actions as `DescribeRules` and `DescribeListeners` show them.
pub(super) fn show(actions: &[Action]) -> Node {
    actions.iter().map(show_one).collect()
}

fn show_one(action: &Action) -> Node {
    let order = action.order;
    match &action.kind {
        ActionKind::Forward(forward) => {
            let single = match forward.groups.as_slice() {
                [group] => Some(group.arn.as_str()),
                _ => None,
            };
            node! { "Type": "forward", "TargetGroupArn": single, "Order": order, "ForwardConfig": show_forward(forward) }
        }
        ActionKind::Other { name, config } => {
            let shown = config.iter().filter(|(member, _)| !SECRETS.contains(&member.as_str()));
            let shown: Map = shown.map(|(member, value)| (member.clone(), Node::from(value))).collect();
            let mut action = Map::new();
            action.insert("Type", name);
            action.put("Order", order);
            action.insert(config_member(name), shown);
            action.into()
        }
    }
}

fn config_member(name: &str) -> &'static str {
    match name {
        "redirect" => "RedirectConfig",
        "fixed-response" => "FixedResponseConfig",
        "authenticate-oidc" => "AuthenticateOidcConfig",
        "authenticate-cognito" => "AuthenticateCognitoConfig",
        _ => "JwtValidationConfig",
    }
}

fn show_forward(forward: &Forward) -> Node {
    let group = |group: &ForwardGroup| {
        let weight = group.weight.map_or(1, Weight::get);
        node! { "TargetGroupArn": group.arn.as_str(), "Weight": weight }
    };
    let stickiness = forward.stickiness.as_ref();
    node! {
        "TargetGroups": forward.groups.iter().map(group).collect::<Node>(),
        "TargetGroupStickinessConfig": node! {
            "Enabled": stickiness.is_some_and(|stickiness| stickiness.enabled),
            "DurationSeconds": stickiness.and_then(|stickiness| stickiness.duration_seconds),
        },
    }
}
