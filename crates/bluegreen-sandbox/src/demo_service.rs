//! The built-in service of the demo and of rehearsals: an HTTP server that is as good or as bad as its environment says.
//!
//! It is run as a process of its own by whoever has an executable for it; this module is everything but the executable.
//! It reads no environment and no clock by itself beyond its timers: [`Config::read`] is given the variables.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `HOST`, `PORT` | where it listens; port 0 takes any | `127.0.0.1`, `8080` |
//! | `VERSION` | what it answers as, in the body and as `X-Version` | `v1` |
//! | `BLUEGREEN_TASK` | its task, in the body and as `X-Task` | `-` |
//! | `ERROR_RATE` | the share of requests that fail with 500: `0.1` or `10%` | 0 |
//! | `LATENCY` | how long an answer takes: `20ms`, or drawn from `20ms..80ms` | none |
//! | `CRASH_AFTER` | exits with code 1 after `30s`, or after `1000 requests`, of which the last goes unanswered | never |
//! | `HEALTHY` | `false`: `/healthz` answers 500 | `true` |
//! | `START_DELAY` | how long it takes until it listens | none |
//! | `SEED` | a number: the same requests in the same order fail and dawdle in every run | random |
//!
//! `/healthz` is the health check, untouched by errors and latency. Every other path answers the same JSON; `/work` also
//! takes `?ms=20` (extra time), `bytes=1000` (extra body) and `status=503` (its answer).

mod answer;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

pub use self::settings::{Config, ConfigError, Crash};

use crate::tasks::guard;

/// How long open requests have once the service was asked to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long it waits when it cannot take connections.
const BREATH: Duration = Duration::from_millis(10);

/// Why the service does not run any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to end with SIGTERM and let its requests finish.
    Asked,
    /// The process that started it is gone.
    ParentGone,
    /// It crashed as its settings say.
    Crashed,
}

impl Ending {
    /// The exit code that goes with it.
    pub fn code(self) -> u8 {
        match self {
            Ending::Asked | Ending::ParentGone => 0,
            Ending::Crashed => 1,
        }
    }
}

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its address is not to be had.
    #[error("cannot listen on {address}: set HOST and PORT to a free local address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The operating system gave no way to hear of signals.
    #[error("cannot watch for SIGTERM")]
    Signal(#[source] std::io::Error),
}

/// A running service's own state.
struct Service {
    config: Config,
    served: AtomicU64,
    worn_out: Notify,
}

/// Serves until it is asked to end, crashes as told, or its parent is gone. `bound` is told where it listens.
pub async fn serve(config: Config, bound: impl FnOnce(SocketAddr)) -> Result<Ending, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let service = Arc::new(Service { config, served: AtomicU64::new(0), worn_out: Notify::new() });
    tokio::select! {
        ended = accept(Arc::clone(&service), bound, async { terminate.recv().await; }) => ended,
        () = guard::parent_gone(), if service.config.parent_pipe => Ok(Ending::ParentGone),
        () = crash(&service) => Ok(Ending::Crashed),
    }
}

async fn crash(service: &Service) {
    match service.config.crash {
        Some(Crash::Time(after)) => tokio::time::sleep(after).await,
        Some(Crash::Requests(_)) => service.worn_out.notified().await,
        None => std::future::pending().await,
    }
}

async fn accept(
    service: Arc<Service>,
    bound: impl FnOnce(SocketAddr),
    asked: impl Future<Output = ()>,
) -> Result<Ending, ServeError> {
    let address = service.config.address;
    let mut asked = std::pin::pin!(asked);
    tokio::select! {
        () = tokio::time::sleep(service.config.start_delay) => {}
        () = &mut asked => return Ok(Ending::Asked),
    }
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    bound(listener.local_addr().map_err(listen)?);
    let server = auto::Builder::new(TokioExecutor::new());
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut asked => break,
        };
        let Ok((stream, _)) = accepted else {
            // A connection that was gone before it was taken, or too many open files for the moment.
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        let answers = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, std::convert::Infallible>(service.answer(request).await) }
        });
        let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), answers).into_owned());
        // What a client does to its own connection is no concern of the service.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    Ok(Ending::Asked)
}

impl Service {
    async fn answer(&self, request: answer::Request) -> answer::Response {
        if request.uri().path() == "/healthz" {
            return answer::health(&self.config);
        }
        let number = self.served.fetch_add(1, Ordering::Relaxed) + 1;
        if matches!(self.config.crash, Some(Crash::Requests(limit)) if number >= limit) {
            self.worn_out.notify_one();
            // The process ends; what a crash leaves behind has no answer.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(answer::latency(&self.config, number, request.uri())).await;
        answer::answer(&self.config, number, request.uri())
    }
}

#[cfg(test)]
mod tests;
