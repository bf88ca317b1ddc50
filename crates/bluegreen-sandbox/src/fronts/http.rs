//! The API over HTTP/1.1 on the loopback interface, for clients in other processes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{Api, Dropped};
use crate::wire::BODY_MAX;

/// A client that does not send its head or body for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECTIONS_MAX: usize = 512;
const HEADERS_MAX: usize = 100;
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// After a failed accept, which is mostly a lack of file handles.
const BREATH: Duration = Duration::from_millis(50);

/// A running server. Dropping it ends all connections at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<Option<Duration>>,
    running: JoinHandle<()>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port cannot be listened on.
    #[error("cannot listen on 127.0.0.1:{port}; choose another port, or 0 for any that is free")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Server {
    /// Serves `api` on this port of 127.0.0.1, and on no other address; 0 is any free port.
    pub async fn start(api: Api, port: u16) -> Result<Server, ServeError> {
        let failed = |source| ServeError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(None);
        let running = tokio::spawn(accept(listener, api, stopped));
        Ok(Server { address, stop, running })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an endpoint URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more connections; requests that are being answered have `grace` to end.
    pub async fn shutdown(mut self, grace: Duration) {
        self.stop.send_replace(Some(grace));
        // It ends by itself; if it panicked, it has ended as well.
        let _ = (&mut self.running).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn accept(listener: TcpListener, api: Api, mut stop: watch::Receiver<Option<Duration>>) {
    let (graceful, mut connections) = (GracefulShutdown::new(), JoinSet::new());
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let grace = loop {
        let stream = tokio::select! {
            stopped = stop.wait_for(Option::is_some) => break stopped.ok().and_then(|grace| *grace).unwrap_or_default(),
            Some(_) = connections.join_next() => continue,
            stream = next(&listener, &room) => stream,
        };
        let Some((stream, place)) = stream else { continue };
        let api = api.clone();
        let service = service_fn(move |request| answer(api.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // A connection that breaks concerns its client alone, who sees it.
            let _ = connection.await;
            drop(place);
        });
    };
    drop(listener);
    // What still runs after that ends with `connections`.
    let _ = tokio::time::timeout(grace, graceful.shutdown()).await;
}

/// The next connection, when there is room for it; `None` where accepting failed.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    if let Ok((stream, _)) = listener.accept().await {
        // Answers are small, and a client waits for each.
        stream.set_nodelay(true).ok();
        return Some((stream, place));
    }
    tokio::time::sleep(BREATH).await;
    None
}

async fn answer(api: Api, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    if is_foreign(&head.headers) {
        return Ok(plain(
            StatusCode::FORBIDDEN,
            "the sandbox answers only to programs on this machine, as 127.0.0.1\n",
        ));
    }
    // Known before it is read; without a length, the limit ends the reading.
    if body.size_hint().lower() > BODY_MAX as u64 {
        return Ok(too_large());
    }
    let body = match tokio::time::timeout(PATIENCE, Limited::new(body, BODY_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Ok(too_large());
        }
        Ok(Err(_)) => return Err(Dropped),
        Err(_) => return Ok(plain(StatusCode::REQUEST_TIMEOUT, "the body did not come\n")),
    };
    Ok(api.answer(Request::from_parts(head, body)).await?.map(Full::new))
}

/// Whether a web page elsewhere is behind the request: its browser says so in `Origin`, or, where a name of that page
/// was made to lead here, in `Host`.
fn is_foreign(headers: &HeaderMap) -> bool {
    let host = |name: HeaderName| {
        let value = headers.get(name)?.to_str().unwrap_or("?");
        let authority = value.split_once("://").map_or(value, |(_, authority)| authority);
        let uri: Option<Uri> = authority.parse().ok();
        Some(uri.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default())
    };
    let is_local = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
    [HOST, ORIGIN].into_iter().filter_map(host).any(|host| !is_local(&host))
}

fn too_large() -> Response<Full<Bytes>> {
    plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than any request of AWS\n")
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
