use std::collections::HashMap;

use serde_json::json;

use super::*;

const BLUE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/blue/1";
const GREEN: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/green/2";

fn group(arn: &str, weight: Option<i32>) -> sdk::TargetGroupTuple {
    sdk::TargetGroupTuple::builder().target_group_arn(arn).set_weight(weight).build()
}

fn forward(groups: &[sdk::TargetGroupTuple], sticky: Option<(bool, Option<i32>)>) -> sdk::Action {
    let stickiness = sticky.map(|(enabled, seconds)| {
        sdk::TargetGroupStickinessConfig::builder().enabled(enabled).set_duration_seconds(seconds).build()
    });
    let config = sdk::ForwardActionConfig::builder()
        .set_target_groups(Some(groups.to_vec()))
        .set_target_group_stickiness_config(stickiness)
        .build();
    sdk::Action::builder().r#type(sdk::ActionTypeEnum::Forward).forward_config(config).build()
}

fn params() -> HashMap<String, String> {
    HashMap::from([("prompt".to_owned(), "login".to_owned()), ("display".to_owned(), "page".to_owned())])
}

/// One action of every kind, every member set.
fn every_kind() -> Vec<sdk::Action> {
    let with = |kind: sdk::ActionTypeEnum| sdk::Action::builder().r#type(kind).order(1);
    let oidc = sdk::AuthenticateOidcActionConfig::builder()
        .issuer("https://id")
        .authorization_endpoint("https://id/a")
        .token_endpoint("https://id/t")
        .user_info_endpoint("https://id/u")
        .client_id("client")
        .session_cookie_name("c")
        .scope("openid")
        .session_timeout(604_800)
        .set_authentication_request_extra_params(Some(params()))
        .on_unauthenticated_request(sdk::AuthenticateOidcActionConditionalBehaviorEnum::Deny);
    let cognito = sdk::AuthenticateCognitoActionConfig::builder()
        .user_pool_arn("arn:pool")
        .user_pool_client_id("client")
        .user_pool_domain("domain")
        .session_cookie_name("c")
        .scope("openid")
        .session_timeout(1)
        .set_authentication_request_extra_params(Some(params()))
        .on_unauthenticated_request(sdk::AuthenticateCognitoActionConditionalBehaviorEnum::Allow);
    let redirect = sdk::RedirectActionConfig::builder()
        .protocol("HTTPS")
        .port("443")
        .host("#{host}")
        .path("/#{path}")
        .query("#{query}")
        .status_code(sdk::RedirectActionStatusCodeEnum::Http302);
    let fixed =
        sdk::FixedResponseActionConfig::builder().message_body("no").status_code("503").content_type("text/plain");
    let claim = sdk::JwtValidationActionAdditionalClaim::builder()
        .format(sdk::JwtValidationActionAdditionalClaimFormatEnum::StringArray)
        .name("aud")
        .values("a")
        .values("b");
    let jwt = sdk::JwtValidationActionConfig::builder()
        .jwks_endpoint("https://k")
        .issuer("i")
        .additional_claims(claim.build());
    vec![
        with(sdk::ActionTypeEnum::AuthenticateOidc).authenticate_oidc_config(oidc.build()).build(),
        with(sdk::ActionTypeEnum::AuthenticateCognito).authenticate_cognito_config(cognito.build()).build(),
        with(sdk::ActionTypeEnum::Redirect).redirect_config(redirect.build()).build(),
        with(sdk::ActionTypeEnum::FixedResponse).fixed_response_config(fixed.build()).build(),
        with(sdk::ActionTypeEnum::JwtValidation).jwt_validation_config(jwt.build()).build(),
        forward(&[group(BLUE, Some(90)), group(GREEN, Some(10))], Some((true, Some(3600)))),
        forward(&[group(BLUE, Some(0)), group(GREEN, Some(999))], Some((false, None))),
        forward(&[group(GREEN, Some(7))], Some((false, Some(60)))),
    ]
}

#[test]
fn every_action_goes_there_and_back_unchanged() {
    for action in every_kind() {
        let domain = from_sdk(&action).unwrap();
        let mut sent = to_sdk(&domain).unwrap();
        if let Some(oidc) = &mut sent.authenticate_oidc_config {
            assert_eq!(oidc.use_existing_client_secret.take(), Some(true), "the secret is never returned");
        }
        assert_eq!(sent, action);
        // What is journaled comes back the same.
        let text = serde_json::to_string(&domain).unwrap();
        assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), domain);
    }
}

#[test]
fn only_the_forward_config_is_sent() {
    let mut echoed = forward(&[group(BLUE, Some(1))], Some((false, None)));
    echoed.target_group_arn = Some(BLUE.to_owned());
    let sent = to_sdk(&from_sdk(&echoed).unwrap()).unwrap();
    assert_eq!(sent.target_group_arn, None);
    assert_eq!(sent.forward_config, echoed.forward_config);
}

#[test]
fn all_forms_of_one_group_read_alike() {
    let short = sdk::Action::builder().r#type(sdk::ActionTypeEnum::Forward).target_group_arn(BLUE).build();
    let forms = [short, forward(&[group(BLUE, None)], None), forward(&[group(BLUE, Some(1))], Some((false, None)))];
    let read: Vec<Action> = forms.iter().map(|form| from_sdk(form).unwrap()).collect();
    assert_eq!(read[0], read[1]);
    assert_eq!(read[1], read[2]);
    let explicit = forward(&[group(BLUE, Some(1))], Some((false, None)));
    assert_eq!(to_sdk(&read[0]).unwrap(), explicit);
}

#[test]
fn types_from_the_future_are_refused() {
    let action = sdk::Action::builder().r#type(sdk::ActionTypeEnum::from("teleport")).build();
    assert_eq!(from_sdk(&action), Err(ActionError::UnknownType("teleport".to_owned())));
    assert_eq!(to_sdk(&opaque("teleport".to_owned())), Err(ActionError::UnknownType("teleport".to_owned())));
}

#[test]
fn nothing_is_dropped_on_the_way_out() {
    let other = |name: &str, config: Value| Action {
        order: None,
        kind: ActionKind::Other { name: name.to_owned(), config: config.as_object().unwrap().clone() },
    };
    for (action, member) in [
        (other("redirect", json!({"StatusCode": "HTTP_301", "Fragment": "x"})), "Fragment"),
        (other("redirect", json!({"Port": 443})), "Port: 443"),
        (other("jwt-validation", json!({"AdditionalClaims": [{"Name": "a", "New": 1}]})), "AdditionalClaims"),
        (other("authenticate-oidc", json!({"AuthenticationRequestExtraParams": {"a": 1}})), "ExtraParams"),
    ] {
        let error = to_sdk(&action).unwrap_err().to_string();
        assert!(error.contains(member), "{error}");
    }
}

#[test]
fn forwards_that_make_no_sense_are_refused() {
    for action in [
        forward(&[group(BLUE, Some(1000))], None),
        forward(&[group(BLUE, Some(-1))], None),
        forward(&[group("blue", Some(1))], None),
        forward(&[], None),
        forward(&[group(BLUE, Some(1))], Some((true, Some(-5)))),
        sdk::Action::builder().r#type(sdk::ActionTypeEnum::Redirect).build(),
        sdk::Action::builder().build(),
    ] {
        assert!(from_sdk(&action).is_err(), "{action:?}");
    }
    let empty = Forward { groups: Vec::new(), stickiness: None };
    assert!(to_sdk(&Action { order: None, kind: ActionKind::Forward(empty) }).is_err());
}
