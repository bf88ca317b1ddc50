//! One health check.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri, Version};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::{Check, Protocol, Reason};

/// What a load balancer calls itself when it checks.
const AGENT: &str = "ELB-HealthChecker/2.0";

/// Checks `target` once.
pub(super) async fn check(target: SocketAddr, check: &Check) -> Result<(), Reason> {
    let address = SocketAddr::new(target.ip(), check.port.unwrap_or(target.port()));
    let asked = async {
        let stream = TcpStream::connect(address).await.ok()?;
        match check.protocol {
            Protocol::Tcp => Some(None),
            Protocol::Http | Protocol::Http2 => ask(stream, address, check).await.map(Some),
        }
    };
    match tokio::time::timeout(check.timeout, asked).await {
        Err(_) => Err(Reason { code: "Target.Timeout", description: "Request timed out".to_owned() }),
        Ok(None) => Err(Reason { code: "Target.FailedHealthChecks", description: "Health checks failed".to_owned() }),
        Ok(Some(Some(status))) if !check.matcher.takes(status.as_u16()) => Err(Reason {
            code: "Target.ResponseCodeMismatch",
            description: format!("Health checks failed with these codes: [{}]", status.as_u16()),
        }),
        Ok(Some(_)) => Ok(()),
    }
}

/// The status of the answer; none where no answer comes that can be read.
async fn ask(stream: TcpStream, address: SocketAddr, check: &Check) -> Option<StatusCode> {
    let io = TokioIo::new(stream);
    let request = Request::get(&check.path).header(USER_AGENT, AGENT).header(ACCEPT, "*/*");
    // The connection works only while it is polled, and is dropped with this check.
    if check.protocol == Protocol::Http2 {
        let mut parts = check.path.parse::<Uri>().ok()?.into_parts();
        parts.scheme = Some(http::uri::Scheme::HTTP);
        parts.authority = address.to_string().parse().ok();
        let uri = Uri::from_parts(parts).ok()?;
        let request = request.uri(uri).version(Version::HTTP_2).body(Empty::<Bytes>::new()).ok()?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.ok()?;
        let answer = with(connection, sender.send_request(request)).await;
        return answer.ok().map(|answer| answer.status());
    }
    let request = request.header(HOST, address.to_string()).header(CONNECTION, "close");
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let (mut sender, connection) = http1::handshake(io).await.ok()?;
    let answer = with(connection, sender.send_request(request)).await;
    answer.ok().map(|answer| answer.status())
}

/// What `work` gives while `connection` is polled. A connection that ends first leaves its answer, if it read one.
async fn with<T>(connection: impl Future, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        _ = connection => work.await,
    }
}
