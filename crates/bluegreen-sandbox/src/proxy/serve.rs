//! Listeners: accepting, and one connection's life.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::cookies::Sealer;
use super::exchange::{Client, answer};
use super::headers::Origin;
use super::io::{Gauge, Io};
use super::routes::Routes;
use super::sample::Observer;

/// Streams of one HTTP/2 connection at a time, as the load balancer has it.
const STREAMS: u32 = 128;
/// How long to wait when the system has no descriptor left.
const BREATH: Duration = Duration::from_millis(10);

/// What all listeners share.
pub(crate) struct Core {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) sealer: Sealer,
    pub(crate) workers: Vec<Handle>,
    pub(crate) started: Instant,
    /// What the calendar said then, as time since 1970.
    pub(crate) calendar: Duration,
    turn: AtomicUsize,
    open: watch::Sender<usize>,
}

impl Core {
    pub(crate) fn new(observer: Arc<dyn Observer>, workers: Vec<Handle>, calendar: Duration) -> Core {
        Core {
            observer,
            sealer: Sealer::new(),
            workers,
            started: Instant::now(),
            calendar,
            turn: AtomicUsize::new(0),
            open: watch::channel(0).0,
        }
    }

    /// The time since 1970.
    pub(crate) fn wall(&self, at: Instant) -> Duration {
        self.calendar + at.saturating_duration_since(self.started)
    }

    /// How many connections and tunnels are open.
    pub(crate) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    fn next_worker(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.workers.len()
    }
}

/// A connection or a tunnel, counted while anyone holds it.
#[derive(Clone)]
pub(crate) struct Open(#[expect(dead_code, reason = "only its end matters")] Arc<Counted>);

struct Counted(Arc<Core>);

impl Open {
    fn new(core: &Arc<Core>) -> Open {
        core.open.send_modify(|open| *open += 1);
        Open(Arc::new(Counted(core.clone())))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

/// A listener that listens.
pub(crate) struct Front {
    pub(crate) core: Arc<Core>,
    /// Where it really listens.
    pub(crate) address: SocketAddr,
    routes: RwLock<Arc<Routes>>,
    stopping: AtomicBool,
    stop: watch::Sender<()>,
    accepting: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Front {
    /// Begins to accept.
    pub(crate) fn start(core: &Arc<Core>, socket: Socket, routes: Arc<Routes>) -> Arc<Front> {
        let Socket { listener, address, worker } = socket;
        let front = Arc::new(Front {
            core: core.clone(),
            address,
            routes: RwLock::new(routes),
            stopping: AtomicBool::new(false),
            stop: watch::channel(()).0,
            accepting: Mutex::new(None),
        });
        let accepting = core.workers[worker].spawn(accept(front.clone(), listener, worker)).abort_handle();
        *front.accepting.lock().unwrap_or_else(PoisonError::into_inner) = Some(accepting);
        front
    }

    /// What it routes by now.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next request on, it routes by these.
    pub(crate) fn reroute(&self, routes: Arc<Routes>) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = routes;
    }

    /// Accepts nothing more; connections end when their requests have.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(accepting) = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take() {
            accepting.abort();
        }
        self.stop.send_replace(());
    }
}

/// A socket that listens; nobody accepts yet.
pub(crate) struct Socket {
    listener: TcpListener,
    address: SocketAddr,
    worker: usize,
}

impl Socket {
    /// Takes the port asked for if it can, otherwise any.
    pub(crate) fn bind(core: &Core, port: u16) -> io::Result<Socket> {
        let bound = |port| {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
            socket.listen(1024)
        };
        let worker = core.next_worker();
        let _within = core.workers[worker].enter();
        let asked = if port >= 1024 { bound(port).ok() } else { None };
        let listener = match asked {
            Some(listener) => listener,
            None => bound(0)?,
        };
        Ok(Socket { address: listener.local_addr()?, listener, worker })
    }
}

async fn accept(front: Arc<Front>, listener: TcpListener, here: usize) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(BREATH).await;
            continue;
        };
        let worker = front.core.next_worker();
        if worker == here {
            tokio::spawn(serve(front.clone(), stream, peer, worker));
        } else if let Ok(stream) = stream.into_std() {
            let served = front.clone();
            front.core.workers[worker].spawn(async move {
                if let Ok(stream) = TcpStream::from_std(stream) {
                    serve(served, stream, peer, worker).await;
                }
            });
        }
    }
}

/// One connection, until it is closed, or idle for too long, or the listener stops and nothing is under way.
async fn serve(front: Arc<Front>, stream: TcpStream, peer: SocketAddr, worker: usize) {
    // Without it answers only come later; nothing to give a connection up for.
    let _ = stream.set_nodelay(true);
    let gauge = Gauge::new();
    let client = Arc::new(Client {
        front: front.clone(),
        worker,
        origin: Origin::new(peer.ip(), front.address.port()),
        gauge: gauge.clone(),
        open: Open::new(&front.core),
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(STREAMS);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let client = client.clone();
        async move { Ok::<_, Infallible>(answer(client, request).await) }
    });
    let mut conn = pin!(builder.serve_connection_with_upgrades(Io::new(stream, gauge.clone()), service));
    let mut stop = front.stop.subscribe();
    let mut stopped = pin!(stop.changed());
    let mut alarm = pin!(sleep_until(Instant::now() + front.routes().idle));
    let (mut polled, mut asked) = (false, false);
    std::future::poll_fn(|cx| {
        loop {
            // How a connection ends is the client's affair.
            if conn.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            // The task is woken for either of these once it has polled them; it need not poll them every time.
            let first = !std::mem::replace(&mut polled, true);
            if first && stopped.as_mut().poll(cx).is_ready() || front.stopping.load(Ordering::Acquire) {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Pending;
                }
                conn.as_mut().graceful_shutdown();
                continue;
            }
            if first || alarm.is_elapsed() {
                let idle = front.routes().idle;
                while alarm.as_mut().poll(cx).is_ready() {
                    // A target that is silent is the concern of its own connection, which gives up sooner.
                    let until = gauge.moved() + idle * if gauge.busy() { 2 } else { 1 };
                    if until <= Instant::now() {
                        return Poll::Ready(());
                    }
                    alarm.as_mut().reset(until);
                }
            }
            return Poll::Pending;
        }
    })
    .await;
}
