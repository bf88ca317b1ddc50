//! One request's way to its target and back.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};

use super::exchange::Client;
use super::io::Busy;
use super::table::{Scheme, Version};
use super::upstream::{Given, Link, Outstanding, Sent, Upstream};
use super::{headers, tunnel};

/// A connection that has rested for longer than this may be closing at the target's end just now.
const FRESH: Duration = Duration::from_secs(1);

/// Why a target gave no answer.
pub(crate) enum Failure {
    /// No connection came about.
    Unreached(io::Error),
    /// The connection broke, or the answer was none.
    Broken,
    /// Nothing came for too long.
    Silent,
    /// The client's own body broke off.
    Client,
}

impl Failure {
    /// What the client gets.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Failure::Unreached(error) if error.kind() == io::ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Failure::Unreached(_) | Failure::Broken => StatusCode::BAD_GATEWAY,
            Failure::Silent => StatusCode::GATEWAY_TIMEOUT,
            Failure::Client => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Failure {
        let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        if cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut) {
            Failure::Silent
        } else if error.is_user() {
            Failure::Client
        } else {
            Failure::Broken
        }
    }
}

impl<T> From<TrySendError<T>> for Failure {
    fn from(error: TrySendError<T>) -> Failure {
        error.into_error().into()
    }
}

/// From a client to a target.
pub(crate) struct Way<'a> {
    pub(crate) client: &'a Arc<Client>,
    pub(crate) upstream: &'a Arc<Upstream>,
    /// How long the target may be silent.
    pub(crate) idle: Duration,
    pub(crate) began: Instant,
}

impl Way<'_> {
    /// Hands over a client's request and waits for the head of the answer.
    pub(crate) async fn deliver(
        &self,
        version: Version,
        request: Request<Sent>,
        scheme: Scheme,
        now: Duration,
    ) -> Result<Response<Given>, Failure> {
        let outstanding = Outstanding::new(self.upstream);
        let busy = Busy::new(&self.client.gauge);
        let (mut parts, body) = request.into_parts();
        let upgrade = headers::upgrade(&parts);
        let on_upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| upgrade.is_some());
        headers::forward(&mut parts, &self.client.origin, scheme, now);
        if version == Version::Http2 {
            headers::as_http2(&mut parts);
            let answer = self.over_http2(Request::from_parts(parts, body)).await?;
            return Ok(answer.map(|body| Given::Shared(body, (outstanding, busy))));
        }
        headers::as_http1(&mut parts, body.size_hint().exact().is_none());
        if let Some(protocol) = upgrade {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, protocol);
        }
        let (answer, link) = self.over_http1(Request::from_parts(parts, body)).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer.map(|body| Given::from_link(body, link, self.client.worker, outstanding, busy)));
        }
        // A target that switches although nobody asked for it makes no sense.
        let on_upgrade = on_upgrade.ok_or(Failure::Broken)?;
        let held = (outstanding, busy, self.client.open.clone());
        let idle = self.idle;
        tokio::spawn(async move {
            if let (Some((target, said)), Ok(upgraded)) = (link.into_tunnel().await, on_upgrade.await) {
                tunnel::join(TokioIo::new(upgraded), target, said, idle).await;
            }
            drop(held);
        });
        Ok(answer.map(|_| Given::Whole(None)))
    }

    /// One exchange over a connection at rest or, when there is none or the target has closed it meanwhile, over a new
    /// one.
    async fn over_http1(&self, mut request: Request<Sent>) -> Result<(Response<Incoming>, Box<Link>), Failure> {
        let repeatable = repeatable(&request);
        if let Some(mut link) = self.upstream.take(self.client.worker, (!repeatable).then_some(FRESH)) {
            let spare = repeatable.then(|| copy(&request));
            let mut error = match link.send(request, self.began, self.idle).await {
                Ok(answer) => return Ok((answer, link)),
                Err(error) => error,
            };
            // A request that was never written may always be sent again; one that may have been read, only if reading
            // it twice does no harm.
            let unsent = error.take_message();
            let failure = Failure::from(error);
            request = match (unsent, spare) {
                (Some(request), _) => request,
                (None, Some(request)) if matches!(failure, Failure::Broken) => request,
                _ => return Err(failure),
            };
        }
        let mut link = self.upstream.connect().await.map_err(Failure::Unreached)?;
        let answer = link.send(request, Instant::now(), self.idle).await?;
        Ok((answer, link))
    }

    async fn over_http2(&self, request: Request<Sent>) -> Result<Response<Incoming>, Failure> {
        let worker = self.client.worker;
        let spare = repeatable(&request).then(|| copy(&request));
        let (mut sender, new) = self.upstream.share(worker).await.map_err(Failure::Unreached)?;
        let mut error = match timeout(self.idle, sender.try_send_request(request)).await {
            Err(_) => return Err(Failure::Silent),
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
        };
        let unsent = error.take_message();
        let failure = Failure::from(error);
        let Some(request) = unsent.or(spare).filter(|_| !new && matches!(failure, Failure::Broken)) else {
            return Err(failure);
        };
        let (mut sender, _) = self.upstream.share(worker).await.map_err(Failure::Unreached)?;
        match timeout(self.idle, sender.try_send_request(request)).await {
            Err(_) => Err(Failure::Silent),
            Ok(answer) => Ok(answer?),
        }
    }
}

/// Whether sending it twice is the same as sending it once.
fn repeatable(request: &Request<Sent>) -> bool {
    request.method().is_safe() && matches!(request.body(), Sent::Nothing)
}

fn copy(request: &Request<Sent>) -> Request<Sent> {
    let mut copy = Request::new(Sent::Nothing);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}
