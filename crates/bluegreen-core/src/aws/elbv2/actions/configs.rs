//! The configurations of all actions but forwards, as JSON under AWS's member names.

use std::collections::HashMap;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use serde_json::{Map, Value, json};

use super::{ActionError, Fields};

/// Collects the members that are there.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn put(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    fn text(self, name: &str, value: Option<&String>) -> Self {
        self.put(name, value.map(String::as_str))
    }

    /// Sorted, so that two readings of one action are equal.
    fn params(self, name: &str, value: Option<&HashMap<String, String>>) -> Self {
        let sorted = value.map(|params| {
            let mut pairs: Vec<_> = params.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        });
        self.put(name, sorted)
    }
}

fn params(value: &Value) -> Option<HashMap<String, String>> {
    value.as_object()?.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// AWS never returns the client's secret, so nothing of it is kept.
pub(super) fn from_oidc(config: &sdk::AuthenticateOidcActionConfig) -> Map<String, Value> {
    Members::default()
        .text("Issuer", config.issuer.as_ref())
        .text("AuthorizationEndpoint", config.authorization_endpoint.as_ref())
        .text("TokenEndpoint", config.token_endpoint.as_ref())
        .text("UserInfoEndpoint", config.user_info_endpoint.as_ref())
        .text("ClientId", config.client_id.as_ref())
        .text("SessionCookieName", config.session_cookie_name.as_ref())
        .text("Scope", config.scope.as_ref())
        .put("SessionTimeout", config.session_timeout)
        .params("AuthenticationRequestExtraParams", config.authentication_request_extra_params.as_ref())
        .put(
            "OnUnauthenticatedRequest",
            config
                .on_unauthenticated_request
                .as_ref()
                .map(aws_sdk_elasticloadbalancingv2::types::AuthenticateOidcActionConditionalBehaviorEnum::as_str),
        )
        .0
}

/// Tells AWS to keep the secret that it has: without this flag the write is refused for want of one.
pub(super) fn to_oidc(fields: &mut Fields<'_>) -> Result<sdk::AuthenticateOidcActionConfig, ActionError> {
    Ok(sdk::AuthenticateOidcActionConfig::builder()
        .set_issuer(fields.text("Issuer")?)
        .set_authorization_endpoint(fields.text("AuthorizationEndpoint")?)
        .set_token_endpoint(fields.text("TokenEndpoint")?)
        .set_user_info_endpoint(fields.text("UserInfoEndpoint")?)
        .set_client_id(fields.text("ClientId")?)
        .use_existing_client_secret(true)
        .set_session_cookie_name(fields.text("SessionCookieName")?)
        .set_scope(fields.text("Scope")?)
        .set_session_timeout(fields.take("SessionTimeout", Value::as_i64)?)
        .set_authentication_request_extra_params(fields.take("AuthenticationRequestExtraParams", params)?)
        .set_on_unauthenticated_request(fields.text("OnUnauthenticatedRequest")?.map(|text| text.as_str().into()))
        .build())
}

pub(super) fn from_cognito(config: &sdk::AuthenticateCognitoActionConfig) -> Map<String, Value> {
    Members::default()
        .text("UserPoolArn", config.user_pool_arn.as_ref())
        .text("UserPoolClientId", config.user_pool_client_id.as_ref())
        .text("UserPoolDomain", config.user_pool_domain.as_ref())
        .text("SessionCookieName", config.session_cookie_name.as_ref())
        .text("Scope", config.scope.as_ref())
        .put("SessionTimeout", config.session_timeout)
        .params("AuthenticationRequestExtraParams", config.authentication_request_extra_params.as_ref())
        .put(
            "OnUnauthenticatedRequest",
            config
                .on_unauthenticated_request
                .as_ref()
                .map(aws_sdk_elasticloadbalancingv2::types::AuthenticateCognitoActionConditionalBehaviorEnum::as_str),
        )
        .0
}

pub(super) fn to_cognito(fields: &mut Fields<'_>) -> Result<sdk::AuthenticateCognitoActionConfig, ActionError> {
    Ok(sdk::AuthenticateCognitoActionConfig::builder()
        .set_user_pool_arn(fields.text("UserPoolArn")?)
        .set_user_pool_client_id(fields.text("UserPoolClientId")?)
        .set_user_pool_domain(fields.text("UserPoolDomain")?)
        .set_session_cookie_name(fields.text("SessionCookieName")?)
        .set_scope(fields.text("Scope")?)
        .set_session_timeout(fields.take("SessionTimeout", Value::as_i64)?)
        .set_authentication_request_extra_params(fields.take("AuthenticationRequestExtraParams", params)?)
        .set_on_unauthenticated_request(fields.text("OnUnauthenticatedRequest")?.map(|text| text.as_str().into()))
        .build())
}

pub(super) fn from_redirect(config: &sdk::RedirectActionConfig) -> Map<String, Value> {
    Members::default()
        .text("Protocol", config.protocol.as_ref())
        .text("Port", config.port.as_ref())
        .text("Host", config.host.as_ref())
        .text("Path", config.path.as_ref())
        .text("Query", config.query.as_ref())
        .put(
            "StatusCode",
            config
                .status_code
                .as_ref()
                .map(aws_sdk_elasticloadbalancingv2::types::RedirectActionStatusCodeEnum::as_str),
        )
        .0
}

pub(super) fn to_redirect(fields: &mut Fields<'_>) -> Result<sdk::RedirectActionConfig, ActionError> {
    Ok(sdk::RedirectActionConfig::builder()
        .set_protocol(fields.text("Protocol")?)
        .set_port(fields.text("Port")?)
        .set_host(fields.text("Host")?)
        .set_path(fields.text("Path")?)
        .set_query(fields.text("Query")?)
        .set_status_code(fields.text("StatusCode")?.map(|text| text.as_str().into()))
        .build())
}

pub(super) fn from_fixed_response(config: &sdk::FixedResponseActionConfig) -> Map<String, Value> {
    Members::default()
        .text("MessageBody", config.message_body.as_ref())
        .text("StatusCode", config.status_code.as_ref())
        .text("ContentType", config.content_type.as_ref())
        .0
}

pub(super) fn to_fixed_response(fields: &mut Fields<'_>) -> Result<sdk::FixedResponseActionConfig, ActionError> {
    Ok(sdk::FixedResponseActionConfig::builder()
        .set_message_body(fields.text("MessageBody")?)
        .set_status_code(fields.text("StatusCode")?)
        .set_content_type(fields.text("ContentType")?)
        .build())
}

pub(super) fn from_jwt(config: &sdk::JwtValidationActionConfig) -> Map<String, Value> {
    let claim = |claim: &sdk::JwtValidationActionAdditionalClaim| {
        let claim = Members::default()
            .put(
                "Format",
                claim
                    .format
                    .as_ref()
                    .map(aws_sdk_elasticloadbalancingv2::types::JwtValidationActionAdditionalClaimFormatEnum::as_str),
            )
            .text("Name", claim.name.as_ref())
            .put("Values", claim.values.clone());
        Value::Object(claim.0)
    };
    let claims = config.additional_claims.as_deref();
    Members::default()
        .text("JwksEndpoint", config.jwks_endpoint.as_ref())
        .text("Issuer", config.issuer.as_ref())
        .put("AdditionalClaims", claims.map(|claims| claims.iter().map(claim).collect::<Vec<_>>()))
        .0
}

pub(super) fn to_jwt(fields: &mut Fields<'_>) -> Result<sdk::JwtValidationActionConfig, ActionError> {
    let claim = |value: &Value| -> Option<sdk::JwtValidationActionAdditionalClaim> {
        let value = value.as_object()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let known = value.keys().all(|key| ["Format", "Name", "Values"].contains(&key.as_str()));
        let built = sdk::JwtValidationActionAdditionalClaim::builder()
            .set_format(text("Format").map(Into::into))
            .set_name(text("Name").map(str::to_owned))
            .set_values(value.get("Values").map(|values| strings(values).ok_or(())).transpose().ok()?);
        known.then(|| built.build())
    };
    let claims = fields.take("AdditionalClaims", |value| value.as_array()?.iter().map(claim).collect())?;
    Ok(sdk::JwtValidationActionConfig::builder()
        .set_jwks_endpoint(fields.text("JwksEndpoint")?)
        .set_issuer(fields.text("Issuer")?)
        .set_additional_claims(claims)
        .build())
}
