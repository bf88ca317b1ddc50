//! What the load balancer adds to messages and what it takes away.

use std::net::IpAddr;
use std::time::Duration;

use http::Version;
use http::header::{
    CONNECTION, COOKIE, EXPECT, Entry, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme, Uri};

use super::table::Scheme;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is the same for all requests of one connection.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) peer: IpAddr,
    address: HeaderValue,
    port: HeaderValue,
}

impl Origin {
    pub(crate) fn new(peer: IpAddr, port: u16) -> Origin {
        let peer = peer.to_canonical();
        let empty = HeaderValue::from_static("");
        Origin {
            peer,
            address: HeaderValue::try_from(peer.to_string()).unwrap_or(empty),
            port: HeaderValue::from(port),
        }
    }
}

/// Takes away what is between two neighbours only; both ways.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if let Entry::Occupied(connection) = headers.entry(CONNECTION) {
        let (_, values) = connection.remove_entry_mult();
        let named: Vec<HeaderName> = values
            .filter_map(|value| value.to_str().map(str::to_owned).ok())
            .flat_map(|value| value.split(',').filter_map(|name| name.trim().parse().ok()).collect::<Vec<_>>())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

/// The protocol that a request asks to go on with.
pub(crate) fn upgrade(request: &Parts) -> Option<HeaderValue> {
    let asked = request.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let asked = asked.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    (asked && request.version == Version::HTTP_11).then(|| request.headers.get(UPGRADE).cloned()).flatten()
}

/// Makes a client's request one for a target, all but its form.
pub(crate) fn forward(request: &mut Parts, origin: &Origin, scheme: Scheme, now: Duration) {
    let headers = &mut request.headers;
    let trailers = headers.get(TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    strip(headers);
    if let Entry::Occupied(te) = headers.entry(TE)
        && !trailers
    {
        te.remove_entry_mult();
    }
    // The proxy itself says 100 Continue when it begins to read the body.
    headers.remove(EXPECT);
    match headers.entry(FORWARDED_FOR) {
        Entry::Vacant(entry) => {
            entry.insert(origin.address.clone());
        }
        Entry::Occupied(mut entry) => {
            let mut line = joined(entry.iter(), b", ");
            line.extend_from_slice(b", ");
            line.extend_from_slice(origin.address.as_bytes());
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                entry.insert(line);
            }
        }
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme.as_str()));
    headers.insert(FORWARDED_PORT, origin.port.clone());
    let trace = match headers.get(TRACE).and_then(|trace| trace.to_str().ok()) {
        None => trace_id("Root", now),
        Some(given) => traced(given, now),
    };
    if let Ok(trace) = HeaderValue::try_from(trace) {
        headers.insert(TRACE, trace);
    }
}

/// The form of HTTP/1.1: a path, and the host in its header. `streams` says that there is a body of unknown length.
pub(crate) fn as_http1(request: &mut Parts, streams: bool) {
    if let Some(authority) = request.uri.authority().cloned() {
        if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
            request.headers.insert(HOST, host);
        }
        let path = request.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        request.uri = Uri::from(path);
    }
    if request.version == Version::HTTP_2 {
        // HTTP/2 may send a cookie line in pieces.
        if let Entry::Occupied(mut entry) = request.headers.entry(COOKIE)
            && entry.iter().nth(1).is_some()
            && let Ok(line) = HeaderValue::from_bytes(&joined(entry.iter(), b"; "))
        {
            entry.insert(line);
        }
    }
    if streams {
        request.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    request.version = Version::HTTP_11;
}

/// The form of HTTP/2: the whole address, and no host header.
pub(crate) fn as_http2(request: &mut Parts) {
    let host = request.headers.remove(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let mut uri = std::mem::take(&mut request.uri).into_parts();
    uri.authority = uri.authority.or(host).or(Some(Authority::from_static("localhost")));
    uri.scheme = Some(UriScheme::HTTP);
    uri.path_and_query = uri.path_and_query.or(Some(PathAndQuery::from_static("/")));
    request.uri = Uri::from_parts(uri).unwrap_or_default();
    request.version = Version::HTTP_2;
}

fn joined<'a>(values: impl Iterator<Item = &'a HeaderValue>, between: &[u8]) -> Vec<u8> {
    values.map(HeaderValue::as_bytes).collect::<Vec<_>>().join(between)
}

fn trace_id(field: &str, now: Duration) -> String {
    let mut id = String::with_capacity(64);
    id.push_str(field);
    id.push_str("=1-");
    hex(&mut id, now.as_secs(), 8);
    id.push('-');
    hex(&mut id, fastrand::u64(..), 16);
    hex(&mut id, fastrand::u64(..), 8);
    id
}

/// The last digits of a number. Formatting would cost as much as all the other headers.
fn hex(text: &mut String, number: u64, digits: u32) {
    for digit in (0..digits).rev() {
        let nibble = (number >> (4 * digit)) & 15;
        text.push(char::from(b"0123456789abcdef"[usize::try_from(nibble).unwrap_or_default()]));
    }
}

/// A trace that somebody has begun keeps its root and everything else; only our own field is new.
fn traced(given: &str, now: Duration) -> String {
    let fields = || given.split(';').map(str::trim).filter(|field| !field.is_empty());
    let rooted = fields().any(|field| field.starts_with("Root="));
    let begun = trace_id(if rooted { "Self" } else { "Root" }, now);
    let rest = fields().filter(|field| !field.starts_with("Self="));
    rest.fold(begun, |trace, field| trace + ";" + field)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const NOW: Duration = Duration::from_secs(0x6500_0000);

    fn parts(version: Version, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn forwarded(headers: &[(&str, &str)]) -> Parts {
        let mut request = parts(Version::HTTP_11, "/", headers);
        forward(&mut request, &Origin::new("127.0.0.9".parse().unwrap(), 8080), Scheme::Https, NOW);
        request
    }

    #[test]
    fn what_is_between_neighbours_goes_no_further() {
        let request = forwarded(&[
            ("connection", "keep-alive, X-Mine"),
            ("connection", "x-other"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("x-mine", "1"),
            ("x-other", "2"),
            ("x-kept", "3"),
        ]);
        let mut names: Vec<&str> = request.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-kept"]);
        assert_eq!(forwarded(&[("te", "trailers")]).headers["te"], "trailers");
    }

    #[test]
    fn the_client_is_named() {
        let request = forwarded(&[("x-forwarded-proto", "forged"), ("x-forwarded-port", "1")]);
        assert_eq!(request.headers["x-forwarded-for"], "127.0.0.9");
        assert_eq!(request.headers["x-forwarded-proto"], "https");
        assert_eq!(request.headers["x-forwarded-port"], "8080");
        let request = forwarded(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "3.3.3.3")]);
        assert_eq!(request.headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.9");
        assert_eq!(request.headers.get_all("x-forwarded-for").iter().count(), 1);
    }

    #[test]
    fn a_trace_is_begun_or_carried_on() {
        let begun = forwarded(&[]).headers["x-amzn-trace-id"].to_str().unwrap().to_owned();
        assert!(begun.starts_with("Root=1-65000000-"), "{begun}");
        assert_eq!(begun.len(), "Root=1-".len() + 8 + 1 + 24);
        let carried = forwarded(&[("x-amzn-trace-id", "Self=1-a-b; Root=1-67891233-abcdef012345678912345678;A=b")]);
        let carried = carried.headers["x-amzn-trace-id"].to_str().unwrap().to_owned();
        assert!(carried.starts_with("Self=1-65000000-"), "{carried}");
        assert!(carried.ends_with(";Root=1-67891233-abcdef012345678912345678;A=b"), "{carried}");
        assert_eq!(carried.matches("Self=").count(), 1, "{carried}");
        let rootless = forwarded(&[("x-amzn-trace-id", "A=b")]);
        let rootless = rootless.headers["x-amzn-trace-id"].to_str().unwrap().to_owned();
        assert!(rootless.starts_with("Root=1-") && rootless.ends_with(";A=b"), "{rootless}");
    }

    #[test]
    fn an_upgrade_takes_both_headers_and_http_1_1() {
        let both = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];
        assert_eq!(upgrade(&parts(Version::HTTP_11, "/", &both)).unwrap(), "websocket");
        assert_eq!(upgrade(&parts(Version::HTTP_10, "/", &both)), None);
        assert_eq!(upgrade(&parts(Version::HTTP_11, "/", &both[..1])), None);
        assert_eq!(upgrade(&parts(Version::HTTP_11, "/", &both[1..])), None);
    }

    #[test]
    fn from_http_2_to_http_1_and_back() {
        let mut request =
            parts(Version::HTTP_2, "http://shop.example:80/a?b=c", &[("cookie", "a=1"), ("cookie", "b=2")]);
        as_http1(&mut request, true);
        assert_eq!(request.uri, "/a?b=c");
        assert_eq!(request.headers["host"], "shop.example:80");
        assert_eq!(request.headers["cookie"], "a=1; b=2");
        assert_eq!(request.headers["transfer-encoding"], "chunked");
        assert_eq!(request.version, Version::HTTP_11);
        let mut request = parts(Version::HTTP_11, "/a?b=c", &[("host", "shop.example")]);
        as_http2(&mut request);
        assert_eq!(request.uri, "http://shop.example/a?b=c");
        assert!(request.headers.get("host").is_none());
    }
}
