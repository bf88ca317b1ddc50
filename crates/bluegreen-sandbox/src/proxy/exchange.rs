//! One request: its rule, its group, its target, its answer.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};

use super::io::{Busy, Gauge};
use super::routes::{Deed, Forward, Members, Routes};
use super::sample::{AnsweredBy, Sample};
use super::serve::{Front, Open};
use super::table;
use super::upstream::{Given, Link, Outstanding, Sent, Upstream};
use super::{answers, cookies, headers, tunnel};

/// A connection that has rested for longer than this may be closing at the target's end just now.
const FRESH: Duration = Duration::from_secs(1);
/// The longest path with its query.
const LONGEST: usize = 16 * 1024;
/// What the load balancer notes for a client that leaves before its answer.
const CLIENT_LEFT: u16 = 460;

/// One client's connection.
pub(crate) struct Client {
    pub(crate) front: Arc<Front>,
    pub(crate) worker: usize,
    pub(crate) origin: headers::Origin,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) open: Open,
}

/// What has come about so far; told once, also when the client leaves in the middle.
struct Report<'a> {
    front: &'a Front,
    routes: &'a Routes,
    started: Instant,
    rule: Option<&'a str>,
    group: Option<&'a Members>,
    target: Option<&'a str>,
    connection_error: bool,
    told: bool,
}

impl Report<'_> {
    fn tell(&mut self, status: u16, answered_by: AnsweredBy) {
        self.told = true;
        self.front.core.observer.observed(&Sample {
            listener: &self.routes.listener,
            balancer: &self.routes.balancer,
            rule: self.rule,
            group: self.group.map(|group| group.id.as_str()),
            target: self.target,
            status,
            answered_by,
            connection_error: self.connection_error,
            latency: self.started.elapsed(),
            fail_open: self.target.is_some() && self.group.is_some_and(|group| group.fail_open),
        });
    }

    fn own(&mut self, answer: Response<Given>) -> Response<Given> {
        self.tell(answer.status().as_u16(), AnsweredBy::Balancer);
        answer
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(CLIENT_LEFT, AnsweredBy::Balancer);
        }
    }
}

/// Answers one request.
pub(crate) async fn answer(client: Arc<Client>, request: Request<Incoming>) -> Response<Given> {
    let routes = client.front.routes();
    let mut report = Report {
        front: &client.front,
        routes: &routes,
        started: Instant::now(),
        rule: None,
        group: None,
        target: None,
        connection_error: false,
        told: false,
    };
    let (parts, body) = request.into_parts();
    if let Some(status) = refused(&parts) {
        return report.own(answers::error(status));
    }
    let Some(rule) = routes.choose(&parts, client.origin.peer) else {
        return report.own(answers::error(StatusCode::SERVICE_UNAVAILABLE));
    };
    report.rule = Some(&rule.id);
    match &rule.deed {
        Deed::Fixed { status, content_type, body } => report.own(answers::fixed(*status, content_type, body)),
        Deed::Redirect(to) => report.own(answers::redirect(to, &parts, routes.scheme, client.front.address.port())),
        Deed::Forward(plan) => forward(&client, plan, parts, body, &mut report).await,
    }
}

/// What no rule is asked about.
fn refused(request: &Parts) -> Option<StatusCode> {
    let path = request.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if request.method == Method::TRACE {
        Some(StatusCode::METHOD_NOT_ALLOWED)
    } else if path > LONGEST {
        Some(StatusCode::URI_TOO_LONG)
    } else if request.method == Method::CONNECT
        || (request.version == Version::HTTP_11 && request.headers.get_all(HOST).iter().count() != 1)
    {
        Some(StatusCode::BAD_REQUEST)
    } else {
        None
    }
}

async fn forward<'a>(
    client: &Arc<Client>,
    plan: &'a Forward,
    mut parts: Parts,
    body: Incoming,
    report: &mut Report<'a>,
) -> Response<Given> {
    let core = &client.front.core;
    let now = core.wall(report.started);
    let cookie = |name| core.sealer.open(&parts.headers, name, now);
    let pinned = plan.sticky.and_then(|_| cookie(cookies::GROUP));
    let pinned = pinned.and_then(|tag| plan.groups.iter().find(|group| group.tag == tag));
    let Some(group) = pinned.or_else(|| plan.split.pick().map(|index| &plan.groups[index])) else {
        return report.own(answers::error(StatusCode::SERVICE_UNAVAILABLE));
    };
    report.group = Some(group);
    let pinned = group.sticky.and_then(|_| cookie(cookies::TARGET)).and_then(|tag| group.pinned(tag));
    let Some(upstream) = pinned.or_else(|| group.pick()) else {
        return report.own(answers::error(StatusCode::SERVICE_UNAVAILABLE));
    };
    report.target = Some(&upstream.id);
    let outstanding = Outstanding::new(upstream);
    let busy = Busy::new(&client.gauge);

    let upgrade = headers::upgrade(&parts);
    let on_upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| upgrade.is_some());
    headers::forward(&mut parts, &client.origin, report.routes.scheme, now);
    let body = if body.is_end_stream() { Sent::Nothing } else { Sent::Stream(body) };
    let worker = client.worker;
    let idle = report.routes.idle;
    let done = if group.version == table::Version::Http2 {
        headers::as_http2(&mut parts);
        over_http2(upstream, worker, Request::from_parts(parts, body), idle)
            .await
            .map(|answer| answer.map(|body| Given::Shared(body, (outstanding, busy))))
    } else {
        headers::as_http1(&mut parts, body.size_hint().exact().is_none());
        if let Some(protocol) = upgrade {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, protocol);
        }
        let began = report.started;
        match over_http1(upstream, worker, Request::from_parts(parts, body), began, idle).await {
            Ok((answer, link)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => match on_upgrade {
                Some(on_upgrade) => {
                    let held = (outstanding, busy, client.open.clone());
                    tokio::spawn(async move {
                        if let (Some((target, said)), Ok(upgraded)) = (link.into_tunnel().await, on_upgrade.await) {
                            tunnel::join(TokioIo::new(upgraded), target, said, idle).await;
                        }
                        drop(held);
                    });
                    Ok(answer.map(|_| Given::Whole(None)))
                }
                // Nobody asked for it.
                None => Err(Failure::Broken),
            },
            Ok((answer, link)) => Ok(answer.map(|body| Given::from_link(body, link, worker, outstanding, busy))),
            Err(failure) => Err(failure),
        }
    };
    let mut answer = match done {
        Ok(answer) => answer,
        Err(failure) => {
            report.connection_error = matches!(failure, Failure::Unreached(_));
            return report.own(answers::error(failure.status()));
        }
    };
    given(&mut answer);
    if let Some(lasts) = plan.sticky {
        core.sealer.pin(answer.headers_mut(), cookies::GROUP, group.tag, lasts, now);
    }
    if let Some(lasts) = group.sticky {
        core.sealer.pin(answer.headers_mut(), cookies::TARGET, upstream.tag, lasts, now);
    }
    report.tell(answer.status().as_u16(), AnsweredBy::Target);
    answer
}

/// Makes a target's answer one for a client.
fn given(answer: &mut Response<Given>) {
    let switched =
        (answer.status() == StatusCode::SWITCHING_PROTOCOLS).then(|| answer.headers().get(UPGRADE).cloned()).flatten();
    headers::strip(answer.headers_mut());
    if let Some(protocol) = switched {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        answer.headers_mut().insert(UPGRADE, protocol);
    }
    *answer.version_mut() = Version::HTTP_11;
    *answer.extensions_mut() = http::Extensions::new();
}

/// Why a target gave no answer.
enum Failure {
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
    fn status(&self) -> StatusCode {
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

/// One exchange over a connection at rest or, when there is none or the target has closed it meanwhile, over a new one.
async fn over_http1(
    upstream: &Arc<Upstream>,
    worker: usize,
    mut request: Request<Sent>,
    began: Instant,
    idle: Duration,
) -> Result<(Response<Incoming>, Box<Link>), Failure> {
    let repeatable = repeatable(&request);
    if let Some(mut link) = upstream.take(worker, (!repeatable).then_some(FRESH)) {
        let spare = repeatable.then(|| copy(&request));
        let mut error = match link.send(request, began, idle).await {
            Ok(answer) => return Ok((answer, link)),
            Err(error) => error,
        };
        // A request that was never written may always be sent again; one that may have been read, only if reading it
        // twice does no harm.
        let unsent = error.take_message();
        let failure = Failure::from(error);
        request = match (unsent, spare) {
            (Some(request), _) => request,
            (None, Some(request)) if matches!(failure, Failure::Broken) => request,
            _ => return Err(failure),
        };
    }
    let mut link = upstream.connect().await.map_err(Failure::Unreached)?;
    let answer = link.send(request, Instant::now(), idle).await?;
    Ok((answer, link))
}

async fn over_http2(
    upstream: &Arc<Upstream>,
    worker: usize,
    request: Request<Sent>,
    idle: Duration,
) -> Result<Response<Incoming>, Failure> {
    let spare = repeatable(&request).then(|| copy(&request));
    let (mut sender, new) = upstream.share(worker).await.map_err(Failure::Unreached)?;
    let mut error = match timeout(idle, sender.try_send_request(request)).await {
        Err(_) => return Err(Failure::Silent),
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error,
    };
    let unsent = error.take_message();
    let failure = Failure::from(error);
    let Some(request) = unsent.or(spare).filter(|_| !new && matches!(failure, Failure::Broken)) else {
        return Err(failure);
    };
    let (mut sender, _) = upstream.share(worker).await.map_err(Failure::Unreached)?;
    match timeout(idle, sender.try_send_request(request)).await {
        Err(_) => Err(Failure::Silent),
        Ok(answer) => Ok(answer?),
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
