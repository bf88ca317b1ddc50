//! The API as the SDK's own connector: real clients, real bytes, no sockets, and tokio's clock may be paused.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::api::Api;

/// The client to hand to the configuration of an SDK client, with any https endpoint: no request leaves the process.
pub fn http_client(api: Api) -> SharedHttpClient {
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connector { api: api.clone(), patience: settings.read_timeout() })
    })
}

struct Connector {
    api: Api,
    /// The client's read timeout: with sockets, its connector keeps to it.
    patience: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("a body that is streamed is not expected from a client of these services")]
    Streamed,
    #[error("the request is none for HTTP")]
    Request(#[source] http::Error),
    #[error("no answer within {0:?}")]
    Silence(Duration),
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (api, patience) = (self.api.clone(), self.patience);
        HttpConnectorFuture::new(async move {
            let request = outgoing(&request).map_err(|why| ConnectorError::user(why.into()))?;
            let answer = match patience {
                Some(patience) => tokio::time::timeout(patience, api.answer(request))
                    .await
                    .map_err(|_| ConnectorError::timeout(NoAnswer::Silence(patience).into()))?,
                None => api.answer(request).await,
            };
            incoming(answer.map_err(|dropped| ConnectorError::io(dropped.into()))?)
        })
    }
}

fn outgoing(request: &HttpRequest) -> Result<http::Request<Bytes>, NoAnswer> {
    let body = request.body().bytes().ok_or(NoAnswer::Streamed)?;
    let mut outgoing = http::Request::builder().method(request.method()).uri(request.uri());
    for (name, value) in request.headers() {
        outgoing = outgoing.header(name, value);
    }
    outgoing.body(Bytes::copy_from_slice(body)).map_err(NoAnswer::Request)
}

fn incoming(response: http::Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
    let (head, body) = response.into_parts();
    let status = StatusCode::try_from(head.status.as_u16()).map_err(|why| ConnectorError::other(why.into(), None))?;
    let mut incoming = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &head.headers {
        let value = value.to_str().map_err(|why| ConnectorError::other(why.into(), None))?;
        incoming.headers_mut().append(name.as_str().to_owned(), value.to_owned());
    }
    Ok(incoming)
}
