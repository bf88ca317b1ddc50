//! One client: a connection that is kept alive, and the cookies that it was given.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::tally::Outcome;

pub(super) type Message = Request<Empty<Bytes>>;

/// The header by which a service says its version.
const VERSION: &str = "x-version";
/// A client keeps no more cookies than this.
const COOKIES_MAX: usize = 50;

#[derive(Debug)]
pub(super) struct Client {
    target: SocketAddr,
    message: Message,
    connection: Option<Connection>,
    cookies: Option<Jar>,
}

#[derive(Debug)]
struct Connection {
    sender: http1::SendRequest<Empty<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    pub(super) fn new(target: SocketAddr, message: Message, cookies: bool) -> Client {
        Client { target, message, connection: None, cookies: cookies.then(Jar::default) }
    }

    /// Sends one request and reads its answer to the end.
    ///
    /// A request that cannot even be handed to a connection kept from before, because the other side has closed it
    /// meanwhile, is sent on a new one; a request that may have been read is never sent twice. Dropped half-way, it takes
    /// its connection along.
    pub(super) async fn request(&mut self) -> Outcome {
        if let Some(connection) = self.connection.take()
            && let Some(outcome) = self.exchange(connection).await
        {
            return outcome;
        }
        let Some(connection) = self.connect().await else { return Outcome::Transport("connect") };
        self.exchange(connection).await.unwrap_or(Outcome::Transport("closed"))
    }

    async fn connect(&self) -> Option<Connection> {
        let stream = TcpStream::connect(self.target).await.ok()?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let driver = tokio::spawn(async move { drop(connection.await) });
        Some(Connection { sender, driver })
    }

    /// The outcome; none where the request was not sent.
    async fn exchange(&mut self, mut connection: Connection) -> Option<Outcome> {
        connection.sender.ready().await.ok()?;
        let mut message = self.message.clone();
        if let Some(value) = self.cookies.as_ref().and_then(Jar::header) {
            message.headers_mut().append(COOKIE, value);
        }
        let mut answer = match connection.sender.try_send_request(message).await {
            Ok(answer) => answer,
            Err(mut error) => return error.take_message().is_none().then_some(Outcome::Transport("closed")),
        };
        if let Some(jar) = &mut self.cookies {
            jar.keep(answer.headers());
        }
        let version = answer.headers().get(VERSION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        while let Some(frame) = answer.body_mut().frame().await {
            if frame.is_err() {
                return Some(Outcome::Transport("body"));
            }
        }
        self.connection = Some(connection);
        Some(Outcome::Answer { status, version })
    }
}

/// Cookies by name. Paths and domains are not looked at: a load has one host, and its paths are few.
#[derive(Debug, Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim());
            let gone = attributes.split(';').any(|attribute| {
                let (key, age) = attribute.split_once('=').unwrap_or((attribute, ""));
                key.trim().eq_ignore_ascii_case("max-age") && age.trim().parse::<i64>().is_ok_and(|age| age <= 0)
            });
            if gone {
                self.0.remove(name);
            } else if !name.is_empty() && (self.0.len() < COOKIES_MAX || self.0.contains_key(name)) {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn header(&self) -> Option<HeaderValue> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join("; ")).filter(|text| !text.is_empty()).and_then(|text| HeaderValue::from_str(&text).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_replaced_and_dropped() {
        let mut jar = Jar::default();
        let mut given = |cookies: &[&str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
            }
            jar.keep(&headers);
            jar.header().map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(given(&["nonsense", "=x"]), None);
        assert_eq!(
            given(&["AWSALBTG=abc=; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Path=/", "a=1"]).as_deref(),
            Some("AWSALBTG=abc=; a=1")
        );
        assert_eq!(given(&["a=2; Max-Age=60"]).as_deref(), Some("AWSALBTG=abc=; a=2"));
        assert_eq!(given(&["a=; max-age=0"]).as_deref(), Some("AWSALBTG=abc="));
        let many: Vec<String> = (0..100).map(|number| format!("c{number}=1")).collect();
        let kept = given(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(kept.split("; ").count(), COOKIES_MAX);
    }
}
