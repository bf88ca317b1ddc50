//! One request: its rule, its group, its target, its answer.

use std::sync::Arc;

use http::header::{CONNECTION, HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use super::delivery::{Failure, Way};
use super::io::Gauge;
use super::routes::{Deed, Forward, Members, Routes};
use super::sample::{AnsweredBy, Sample};
use super::serve::{Front, Open};
use super::upstream::{Given, Sent};
use super::{answers, cookies, headers};

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
    parts: Parts,
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
    let way = Way { client, upstream, idle: report.routes.idle, began: report.started };
    let body = if body.is_end_stream() { Sent::Nothing } else { Sent::Stream(body) };
    let delivered = way.deliver(group.version, Request::from_parts(parts, body), report.routes.scheme, now).await;
    let mut answer = match delivered {
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
