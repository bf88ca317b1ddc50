//! What the proxy says by itself.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, SERVER};
use http::request::Parts;
use http::{Response, StatusCode};

use super::conditions::host;
use super::table::{Redirect, Scheme};
use super::upstream::Given;

/// The name under which a load balancer of AWS answers by itself.
const NAME: HeaderValue = HeaderValue::from_static("awselb/2.0");

/// A page that says no more than its status.
pub(crate) fn error(status: StatusCode) -> Response<Given> {
    let title = match status {
        StatusCode::SERVICE_UNAVAILABLE => "503 Service Temporarily Unavailable",
        StatusCode::GATEWAY_TIMEOUT => "504 Gateway Time-out",
        StatusCode::BAD_GATEWAY => "502 Bad Gateway",
        StatusCode::BAD_REQUEST => "400 Bad Request",
        _ => status.as_str(),
    };
    let page = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
    let mut answer = whole(status, page);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

/// A fixed response.
pub(crate) fn fixed(status: u16, content_type: &str, body: &str) -> Response<Given> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut answer = whole(status, body.to_owned());
    if let Ok(kind) = HeaderValue::from_str(content_type)
        && !content_type.is_empty()
    {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    answer
}

/// A redirect, its placeholders filled in from the request.
pub(crate) fn redirect(redirect: &Redirect, request: &Parts, scheme: Scheme, port: u16) -> Response<Given> {
    let port = port.to_string();
    let host = host(request);
    let path = request.uri.path().trim_start_matches('/');
    let values = [
        ("protocol", scheme.as_str()),
        ("host", host),
        ("port", port.as_str()),
        ("path", path),
        ("query", request.uri.query().unwrap_or_default()),
    ];
    let protocol = fill(&redirect.protocol, &values).to_ascii_lowercase();
    let query = fill(&redirect.query, &values);
    let mut location = format!(
        "{protocol}://{}:{}{}",
        fill(&redirect.host, &values),
        fill(&redirect.port, &values),
        fill(&redirect.path, &values)
    );
    if !query.is_empty() {
        location.push('?');
        location.push_str(&query);
    }
    let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::FOUND);
    let mut answer = whole(status, String::new());
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

fn whole(status: StatusCode, body: String) -> Response<Given> {
    let body = (!body.is_empty()).then(|| Bytes::from(body));
    let mut answer = Response::new(Given::Whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(SERVER, NAME);
    answer
}

/// Replaces `#{name}`; a name that is unknown stays as it is. What is filled in is not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("#{") {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        let known = rest.find('}').and_then(|end| {
            let (_, value) = values.iter().find(|(name, _)| *name == &rest[2..end])?;
            Some((end + 1, *value))
        });
        let (length, value) = known.unwrap_or((2, "#{"));
        filled.push_str(value);
        rest = &rest[length..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn location(to: &Redirect, uri: &str) -> String {
        let request = Request::builder().uri(uri).header("host", "shop.example:8080").body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let answer = redirect(to, &parts, Scheme::Http, 8080);
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn redirects_keep_what_they_do_not_change() {
        let same = Redirect::default();
        assert_eq!(location(&same, "/a/b?c=d"), "http://shop.example:8080/a/b?c=d");
        assert_eq!(location(&same, "/"), "http://shop.example:8080/");
        let secure = Redirect { protocol: "HTTPS".to_owned(), port: "443".to_owned(), ..Redirect::default() };
        assert_eq!(location(&secure, "/a?b"), "https://shop.example:443/a?b");
        let moved = Redirect {
            host: "new.#{host}".to_owned(),
            path: "/from/#{host}/#{path}".to_owned(),
            query: "was=#{port}&#{query}&#{nothing}".to_owned(),
            ..Redirect::default()
        };
        assert_eq!(
            location(&moved, "/x?q=1"),
            "http://new.shop.example:8080/from/shop.example/x?was=8080&q=1&#{nothing}"
        );
    }

    #[test]
    fn placeholders_that_are_none() {
        for text in ["#{", "#", "}", "#{}", "a#{b", "#{host"] {
            assert_eq!(fill(text, &[("host", "h")]), text);
        }
        assert_eq!(fill("#{#{host}", &[("host", "h")]), "#{h");
        assert_eq!(fill("#{host}", &[("host", "#{host}")]), "#{host}");
    }
}
