//! Where the SDK's types are not enough: its requests and answers as they go over the wire.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;

/// The last line of defence against sending credentials in the clear: looks at the request itself, so that no
/// source of endpoints can be forgotten.
#[derive(Debug)]
pub(super) struct RequireTls;

/// A request that would have gone out without TLS.
#[derive(Debug)]
pub(super) struct NotTls {
    host: String,
}

impl fmt::Display for NotTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request to `{}` would go out without TLS and was not sent: use an https:// endpoint", self.host)
    }
}

impl std::error::Error for NotTls {}

impl Intercept for RequireTls {
    fn name(&self) -> &'static str {
        "RequireTls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri();
        if is_tls(uri) { Ok(()) } else { Err(Box::new(NotTls { host: host(uri) })) }
    }
}

/// Whether an address is one of TLS.
pub(super) fn is_tls(url: &str) -> bool {
    url.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("https://"))
}

/// The host and port of an address, without the user and password that may precede it.
pub(super) fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// Sends `0` in place of the body that the SDK made, so that members which the SDK does not know survive.
#[derive(Debug)]
pub(super) struct ReplaceBody(pub(super) Vec<u8>);

impl Intercept for ReplaceBody {
    fn name(&self) -> &'static str {
        "ReplaceBody"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let kind = request.headers().get("content-type").unwrap_or_default();
        if !kind.starts_with("application/x-amz-json-1.") {
            return Err(format!("the SDK speaks `{kind}` to this service, expected JSON").into());
        }
        request.headers_mut().insert("content-length", self.0.len().to_string());
        *request.body_mut() = SdkBody::from(self.0.clone());
        Ok(())
    }
}

/// Keeps the body of the answer (of the last attempt) for a second look.
#[derive(Clone, Debug, Default)]
pub(super) struct KeepBody(Arc<Mutex<Vec<u8>>>);

impl KeepBody {
    /// The bytes of the answer; empty before there is one.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for KeepBody {
    fn name(&self) -> &'static str {
        "KeepBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default().to_vec();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_shown_without_passwords() {
        assert_eq!(host("http://user:secret@localhost:5000/path"), "localhost:5000");
        assert_eq!(host("https://ecs.eu-west-3.amazonaws.com"), "ecs.eu-west-3.amazonaws.com");
        assert_eq!(host("localhost"), "localhost");
    }

    #[test]
    fn only_https_is_tls() {
        assert!(is_tls("https://x") && is_tls("HTTPS://x"));
        for plain in ["http://x", "httpsx://y", "https:/x", "", "é"] {
            assert!(!is_tls(plain), "{plain}");
        }
    }
}
