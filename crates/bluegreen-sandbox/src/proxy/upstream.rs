//! Targets: connections to them, kept for later requests, and one exchange over one of them.
//!
//! An HTTP/1.1 connection has no task of its own. Whoever sends a request over it polls it, which spares two wake-ups and
//! two changes of task a request; a connection at rest is polled by nobody, and asked whether it is still there when it
//! is taken again. Every worker has its own connections.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout};

use super::cookies;
use super::io::{Busy, Gauge, Io};

/// How long a target may take to accept a connection, as the load balancer has it.
const CONNECT: Duration = Duration::from_secs(10);
/// Connections at rest that one worker keeps for one target.
const KEPT: usize = 1024;

/// One target, for as long as tables name it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    /// What a cookie says instead of the id.
    pub(crate) tag: u64,
    outstanding: AtomicUsize,
    retired: AtomicBool,
    workers: Box<[Shelf]>,
}

/// One worker's connections to one target.
#[derive(Default)]
struct Shelf {
    #[expect(clippy::vec_box, reason = "a connection goes back and forth; only its address moves")]
    idle: Mutex<Vec<Box<Link>>>,
    shared: Mutex<Option<http2::SendRequest<Sent>>>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shelf")
    }
}

/// One request under way at a target, counted until its answer's body has ended.
#[derive(Debug)]
pub(crate) struct Outstanding(Arc<Upstream>);

impl Outstanding {
    pub(crate) fn new(upstream: &Arc<Upstream>) -> Outstanding {
        upstream.outstanding.fetch_add(1, Ordering::Relaxed);
        Outstanding(upstream.clone())
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Upstream {
    pub(crate) fn new(id: &str, address: SocketAddr, workers: usize) -> Upstream {
        Upstream {
            id: id.to_owned(),
            address,
            tag: cookies::tag(&format!("{id} {address}")),
            outstanding: AtomicUsize::new(0),
            retired: AtomicBool::new(false),
            workers: (0..workers).map(|_| Shelf::default()).collect(),
        }
    }

    /// Requests whose answers have not ended.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// A retired target finishes what it has; connections at rest are closed, and none is kept any more.
    pub(crate) fn retire(&self, retired: bool) {
        self.retired.store(retired, Ordering::Release);
        if retired {
            for shelf in &self.workers {
                held(&shelf.idle).clear();
                held(&shelf.shared).take();
            }
        }
    }

    /// The connection that was used last. One that rests for longer than `fresh` may just be closing at the other end: a
    /// request that cannot be repeated must not meet that.
    pub(crate) fn take(&self, worker: usize, fresh: Option<Duration>) -> Option<Box<Link>> {
        let mut idle = held(&self.workers[worker].idle);
        while let Some(mut link) = idle.pop() {
            if fresh.is_some_and(|fresh| link.gauge.moved().elapsed() > fresh) {
                // Older ones lie below.
                idle.push(link);
                return None;
            }
            if link.open() {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection for later, if there can be a later.
    pub(crate) fn put(&self, worker: usize, mut link: Box<Link>) {
        // The poll brings it to rest, and takes away its hold on the task that used it.
        if !link.open() || !link.sender.is_ready() || self.retired.load(Ordering::Acquire) {
            return;
        }
        link.gauge.rest();
        let mut idle = held(&self.workers[worker].idle);
        if idle.len() < KEPT {
            idle.push(link);
        }
        if self.retired.load(Ordering::Acquire) {
            idle.clear();
        }
    }

    /// A new HTTP/1.1 connection.
    pub(crate) async fn connect(&self) -> io::Result<Box<Link>> {
        let gauge = Gauge::new();
        let io = Io::new(self.dial().await?, gauge.clone());
        let (sender, conn) =
            http1::Builder::new().preserve_header_case(false).handshake(io).await.map_err(io::Error::other)?;
        Ok(Box::new(Link { sender, conn, closed: false, gauge }))
    }

    /// The worker's HTTP/2 connection, and whether it is a new one.
    pub(crate) async fn share(&self, worker: usize) -> io::Result<(http2::SendRequest<Sent>, bool)> {
        let shared = &self.workers[worker].shared;
        if let Some(sender) = held(shared).as_ref().filter(|sender| !sender.is_closed()) {
            return Ok((sender.clone(), false));
        }
        let io = TokioIo::new(self.dial().await?);
        let (sender, conn) = http2::handshake(TokioExecutor::new(), io).await.map_err(io::Error::other)?;
        tokio::spawn(conn);
        if !self.retired.load(Ordering::Acquire) {
            *held(shared) = Some(sender.clone());
        }
        Ok((sender, true))
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = timeout(CONNECT, TcpStream::connect(self.address)).await.map_err(io::Error::from)??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One HTTP/1.1 connection to a target.
pub(crate) struct Link {
    sender: http1::SendRequest<Sent>,
    conn: http1::Connection<Io, Sent>,
    closed: bool,
    gauge: Arc<Gauge>,
}

impl Link {
    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Sent>,
        now: Instant,
        patience: Duration,
    ) -> Result<Response<Incoming>, TrySendError<Request<Sent>>> {
        self.gauge.watch(now, patience);
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
        let (conn, closed) = (&mut self.conn, &mut self.closed);
        std::future::poll_fn(|cx| {
            advance(conn, closed, cx);
            // The connection, which this task polls, is all that could wake it: no second waker, no wake-up of oneself.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }

    /// After a 101: the socket, and what the target has already said on it.
    pub(crate) async fn into_tunnel(mut self) -> Option<(TcpStream, Bytes)> {
        self.gauge.rest();
        if !self.closed {
            std::future::poll_fn(|cx| self.conn.poll_without_shutdown(cx)).await.ok()?;
        }
        let parts = self.conn.into_parts();
        Some((parts.io.into_stream(), parts.read_buf))
    }

    fn open(&mut self) -> bool {
        advance(&mut self.conn, &mut self.closed, &mut Context::from_waker(Waker::noop()));
        !self.closed
    }
}

fn advance(conn: &mut http1::Connection<Io, Sent>, closed: &mut bool, cx: &mut Context<'_>) {
    if !*closed && conn.poll_without_shutdown(cx).is_ready() {
        *closed = true;
    }
}

/// The body of a request to a target.
#[derive(Debug)]
pub(crate) enum Sent {
    Nothing,
    Stream(Incoming),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Sent::Nothing => Poll::Ready(None),
            Sent::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Sent::Nothing => true,
            Sent::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Sent::Nothing => SizeHint::with_exact(0),
            Sent::Stream(body) => body.size_hint(),
        }
    }
}

/// The body of an answer to a client.
pub(crate) enum Given {
    /// The proxy's own words, or a target's that were there at once.
    Whole(Option<Bytes>),
    /// A target's, over a connection that goes back on its shelf at the end.
    Linked(Flow),
    /// A target's, over a shared connection, with what is held until its end.
    Shared(Incoming, #[expect(dead_code, reason = "only its end matters")] (Outstanding, Busy)),
}

/// A body that polls the connection that it comes over.
pub(crate) struct Flow {
    /// What was there at once.
    first: Option<Bytes>,
    body: Incoming,
    link: Option<Box<Link>>,
    worker: usize,
    outstanding: Outstanding,
    busy: Busy,
}

impl Given {
    /// A target's answer; what is there already is taken at once, so that its connection is free for the next request.
    pub(crate) fn from_link(
        body: Incoming,
        link: Box<Link>,
        worker: usize,
        outstanding: Outstanding,
        busy: Busy,
    ) -> Given {
        let mut flow = Flow { first: None, body, link: Some(link), worker, outstanding, busy };
        if flow.body.is_end_stream() {
            flow.release();
            return Given::Whole(None);
        }
        if flow.body.size_hint().exact().is_some_and(|size| size <= 64 * 1024) {
            let mut cx = Context::from_waker(Waker::noop());
            if let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut flow.body).poll_frame(&mut cx) {
                let Ok(data) = frame.into_data() else { return Given::Whole(None) };
                if flow.body.is_end_stream() {
                    flow.release();
                    return Given::Whole(Some(data));
                }
                flow.first = Some(data);
            }
        }
        Given::Linked(flow)
    }
}

impl Flow {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(data) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let mut quiet = Context::from_waker(Waker::noop());
        let mut frame = Pin::new(&mut self.body).poll_frame(&mut quiet);
        if frame.is_pending()
            && let Some(link) = &mut self.link
        {
            advance(&mut link.conn, &mut link.closed, cx);
            frame = Pin::new(&mut self.body).poll_frame(&mut quiet);
        }
        match &frame {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => {
                self.busy.touch();
                if self.body.is_end_stream() {
                    self.release();
                }
            }
            Poll::Ready(None) => self.release(),
            Poll::Ready(Some(Err(_))) => self.link = None,
        }
        frame
    }

    fn release(&mut self) {
        if let Some(link) = self.link.take() {
            self.outstanding.0.put(self.worker, link);
        }
    }
}

impl Body for Given {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Given::Whole(data) => Poll::Ready(data.take().map(|data| Ok(Frame::data(data)))),
            Given::Linked(flow) => flow.poll(cx),
            Given::Shared(body, ..) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Given::Whole(data) => data.is_none(),
            Given::Linked(flow) => flow.first.is_none() && flow.body.is_end_stream(),
            Given::Shared(body, ..) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Given::Whole(data) => SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64)),
            Given::Linked(flow) => match (&flow.first, flow.body.size_hint().exact()) {
                (Some(first), Some(rest)) => SizeHint::with_exact(first.len() as u64 + rest),
                _ => flow.body.size_hint(),
            },
            Given::Shared(body, ..) => body.size_hint(),
        }
    }
}
