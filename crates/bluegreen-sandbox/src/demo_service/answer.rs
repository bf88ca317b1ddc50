//! What the service answers, as a function of its settings and the request's number.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;

use super::settings::Config;
use crate::seed;

pub(super) type Request = http::Request<Incoming>;
pub(super) type Response = http::Response<Full<Bytes>>;

/// Bounds on what `/work` may ask for: the service must not be a way to fill a machine's memory.
const WORK_MS_MAX: u64 = 60_000;
const WORK_BYTES_MAX: u64 = 10_000_000;

pub(super) fn health(config: &Config) -> Response {
    let (status, text) = match config.healthy {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::INTERNAL_SERVER_ERROR, "unhealthy\n"),
    };
    finish(config, status, "text/plain", text.into())
}

/// How long request `number` takes.
pub(super) fn latency(config: &Config, number: u64, uri: &Uri) -> Duration {
    let (from, to) = config.latency;
    let work = Duration::from_millis(work(uri, "ms").unwrap_or(0).min(WORK_MS_MAX));
    from + to.saturating_sub(from).mul_f64(chance(config.seed, "latency", number)) + work
}

/// The answer to request `number`.
pub(super) fn answer(config: &Config, number: u64, uri: &Uri) -> Response {
    let failed = chance(config.seed, "error", number) < config.error_rate;
    let asked = work(uri, "status").and_then(|status| u16::try_from(status).ok());
    let asked = asked.and_then(|status| StatusCode::from_u16(status).ok()).filter(|status| status.as_u16() >= 200);
    let status = if failed { StatusCode::INTERNAL_SERVER_ERROR } else { asked.unwrap_or(StatusCode::OK) };
    let said = json!({
        "version": config.version,
        "task": config.task,
        "path": uri.path(),
        "request": number,
        "status": status.as_u16(),
    });
    let mut body = format!("{said}\n").into_bytes();
    let extra = work(uri, "bytes").unwrap_or(0).min(WORK_BYTES_MAX);
    body.resize(body.len() + usize::try_from(extra).unwrap_or(0), b'.');
    finish(config, status, "application/json", body.into())
}

/// A number from 0 to 1 (not 1 itself) for request `number`.
fn chance(seed: u64, what: &str, number: u64) -> f64 {
    let [a, b, c, d, ..] = seed::draw(seed, &(what, number)).to_be_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

/// A parameter of `/work`.
fn work(uri: &Uri, name: &str) -> Option<u64> {
    let query = uri.query().filter(|_| uri.path() == "/work")?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?.1.parse().ok()
}

fn finish(config: &Config, status: StatusCode, content: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, text) in [("x-version", &config.version), ("x-task", &config.task)] {
        // The settings took only text that fits into a header.
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    response
}
