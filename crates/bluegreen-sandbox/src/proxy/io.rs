//! A socket that knows when it last said or heard something.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// When something last moved on a connection, and how long nothing may.
#[derive(Debug)]
pub(crate) struct Gauge {
    base: Instant,
    /// Microseconds after `base`.
    moved: AtomicU64,
    /// Microseconds; 0 for as long as it likes.
    limit: AtomicU64,
    /// Requests that came over it and are not answered to the end.
    busy: AtomicUsize,
}

/// One request under way over a client's connection.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Gauge>);

impl Busy {
    pub(crate) fn new(gauge: &Arc<Gauge>) -> Busy {
        gauge.busy.fetch_add(1, Ordering::Relaxed);
        Busy(gauge.clone())
    }

    /// Something moved for it.
    pub(crate) fn touch(&self) {
        self.0.touch(Instant::now());
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gauge {
    pub(crate) fn new() -> Arc<Gauge> {
        let zero = || AtomicU64::new(0);
        Arc::new(Gauge { base: Instant::now(), moved: zero(), limit: zero(), busy: AtomicUsize::new(0) })
    }

    /// Something moved.
    pub(crate) fn touch(&self, now: Instant) {
        self.moved.store(micros(now.saturating_duration_since(self.base)), Ordering::Relaxed);
    }

    /// When something last moved.
    pub(crate) fn moved(&self) -> Instant {
        self.base + Duration::from_micros(self.moved.load(Ordering::Relaxed))
    }

    /// Whether a request is under way.
    pub(crate) fn busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// From now on, silence for longer than this is an error.
    pub(crate) fn watch(&self, now: Instant, limit: Duration) {
        self.touch(now);
        self.limit.store(micros(limit).max(1), Ordering::Relaxed);
    }

    /// From now on, silence is fine.
    pub(crate) fn rest(&self) {
        self.limit.store(0, Ordering::Relaxed);
    }

    /// Until when it may be silent; `None` for ever.
    fn patience(&self) -> Option<Instant> {
        match self.limit.load(Ordering::Relaxed) {
            0 => None,
            limit => Some(self.moved() + Duration::from_micros(limit)),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A socket with its gauge. A read that finds nothing for longer than the gauge allows fails as timed out.
#[derive(Debug)]
pub(crate) struct Io {
    stream: TokioIo<TcpStream>,
    gauge: Arc<Gauge>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Io {
    pub(crate) fn new(stream: TcpStream, gauge: Arc<Gauge>) -> Io {
        Io { stream: TokioIo::new(stream), gauge, alarm: None }
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Wakes the task when the gauge's patience may have ended. One timer serves all requests of a connection: when it
    /// goes off too early, it is set anew, so that a request costs no timer.
    fn silent_too_long(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let Some(until) = self.gauge.patience() else { return false };
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if alarm.deadline() > until {
                alarm.as_mut().reset(until);
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return false;
            }
            if until <= Instant::now() {
                return true;
            }
            alarm.as_mut().reset(until);
        }
    }

    fn noted<T>(&mut self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(done, Poll::Ready(Ok(_))) {
            self.gauge.touch(Instant::now());
        }
        done
    }
}

impl Read for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() && self.silent_too_long(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.noted(read)
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(written)
    }
}
