//! What the proxy tells about each request.

use std::time::Duration;

/// Who wrote an answer's status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnsweredBy {
    /// The target.
    Target,
    /// The proxy itself.
    Balancer,
}

/// One request, told when its answer's head is there.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The listener's id.
    pub listener: &'a str,
    /// The load balancer's id.
    pub balancer: &'a str,
    /// The rule's id; `None` when the request was refused before any rule was asked.
    pub rule: Option<&'a str>,
    /// The group that was chosen.
    pub group: Option<&'a str>,
    /// The target that was chosen.
    pub target: Option<&'a str>,
    /// The status that the client got; 460 when it left before one came.
    pub status: u16,
    /// Who wrote it.
    pub answered_by: AnsweredBy,
    /// No connection to the target came about.
    pub connection_error: bool,
    /// From the request's head to the answer's head.
    pub latency: Duration,
    /// The target was chosen although it is not healthy, because none of its group is.
    pub fail_open: bool,
}

/// Somebody who counts. Called once a request on the threads that serve: it must be cheap and must not block.
pub trait Observer: Send + Sync {
    /// One request was answered.
    fn observed(&self, sample: &Sample<'_>);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observed(&self, _: &Sample<'_>) {}
}
