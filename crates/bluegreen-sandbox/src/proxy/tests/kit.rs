//! Targets and clients that speak HTTP/1.1 by hand, so that the tests see every byte and little besides the proxy runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::proxy::{
    Action, AnsweredBy, Condition, Group, Listener, Observer, Proxy, Rule, Sample, Table, Target, TargetState,
};

/// No test hangs.
pub(super) async fn bounded<T>(test: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), test).await.expect("the test ends in time")
}

/// A sample with its own strings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) rule: Option<String>,
    pub(super) group: Option<String>,
    pub(super) target: Option<String>,
    pub(super) status: u16,
    pub(super) by: AnsweredBy,
    pub(super) connection_error: bool,
    pub(super) fail_open: bool,
}

#[derive(Default)]
pub(super) struct Notes(Mutex<Vec<Seen>>);

impl Notes {
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(super) fn last(&self) -> Seen {
        self.0.lock().unwrap().last().cloned().expect("a sample")
    }

    /// How many answers each group has given, and how many the proxy gave by itself.
    pub(super) fn by_group(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.0.lock().unwrap().iter() {
            let name = match seen.by {
                AnsweredBy::Target => seen.group.clone().unwrap_or_default(),
                AnsweredBy::Balancer => format!("{}", seen.status),
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

impl Observer for Notes {
    fn observed(&self, sample: &Sample<'_>) {
        let own = |text: Option<&str>| text.map(str::to_owned);
        self.0.lock().unwrap().push(Seen {
            rule: own(sample.rule),
            group: own(sample.group),
            target: own(sample.target),
            status: sample.status,
            by: sample.answered_by,
            connection_error: sample.connection_error,
            fail_open: sample.fail_open,
        });
    }
}

/// A proxy with its notes.
pub(super) struct Rig {
    pub(super) proxy: Proxy,
    pub(super) notes: Arc<Notes>,
}

impl Rig {
    pub(super) fn new() -> Rig {
        let notes = Arc::new(Notes::default());
        Rig { proxy: Proxy::with_workers(notes.clone(), 2).unwrap(), notes }
    }

    /// One listener `front`; returns its address.
    pub(super) async fn install(&self, rules: Vec<Rule>, groups: Vec<Group>) -> SocketAddr {
        self.table(Table { listeners: vec![Listener::new("front", 0, rules)], groups }).await
    }

    pub(super) async fn table(&self, table: Table) -> SocketAddr {
        self.proxy.install(table).await.unwrap()[0].address
    }

    /// A weighted split among groups that are named like their only targets.
    pub(super) async fn split(&self, parts: &[(&str, u16, SocketAddr)], sticky: Option<Duration>) -> SocketAddr {
        let weights: Vec<(&str, u16)> = parts.iter().map(|(name, weight, _)| (*name, *weight)).collect();
        let groups = parts.iter().map(|(name, _, address)| group(name, &[*address])).collect();
        self.install(vec![forward(&weights, sticky)], groups).await
    }
}

pub(super) fn group(name: &str, addresses: &[SocketAddr]) -> Group {
    let targets = addresses.iter().enumerate();
    Group::new(name, targets.map(|(at, address)| Target::healthy(format!("{name}-{at}"), *address)).collect())
}

/// The default rule: a split.
pub(super) fn forward(weights: &[(&str, u16)], sticky: Option<Duration>) -> Rule {
    let groups = weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
    Rule { id: "rule".to_owned(), conditions: Vec::new(), action: Action::Forward { groups, sticky } }
}

pub(super) fn rule(id: &str, conditions: Vec<Condition>, action: Action) -> Rule {
    Rule { id: id.to_owned(), conditions, action }
}

pub(super) fn state(mut group: Group, states: &[TargetState]) -> Group {
    for (target, state) in group.targets.iter_mut().zip(states) {
        target.state = *state;
    }
    group
}

/// A target that answers every request with its name.
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    pub(super) requests: Arc<AtomicUsize>,
    pub(super) connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Backend {
    pub(super) async fn named(name: &str) -> Backend {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-from: {name}\r\n\r\n{name}", name.len());
        Backend::saying(answer.into_bytes()).await
    }

    /// The same bytes for every request without a body; its connections stay open.
    pub(super) async fn saying(answer: Vec<u8>) -> Backend {
        let requests = Arc::<AtomicUsize>::default();
        let counted = requests.clone();
        let answer: Arc<[u8]> = answer.into();
        Backend::talking(requests, move |mut stream| {
            let (answer, counted) = (answer.clone(), counted.clone());
            async move {
                let mut seen = Vec::new();
                loop {
                    let mut out = Vec::new();
                    while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                        seen.drain(..end + 4);
                        counted.fetch_add(1, Ordering::Relaxed);
                        out.extend_from_slice(&answer);
                    }
                    if !out.is_empty() && stream.write_all(&out).await.is_err() {
                        return;
                    }
                    match stream.read_buf(&mut seen).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) => {}
                    }
                }
            }
        })
        .await
    }

    /// A target whose every connection is this conversation.
    pub(super) async fn talking<F>(
        requests: Arc<AtomicUsize>,
        talk: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Backend
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let counted = connections.clone();
        let accepting = tokio::spawn(async move {
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true).unwrap();
                talks.spawn(talk(stream));
            }
        });
        Backend { address, requests, connections, accepting }
    }

    pub(super) fn count(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits for a request that comes in one piece; whether there was one.
pub(super) async fn heard(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0)
}

/// An address where nobody listens.
pub(super) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What a browser would send back, by the cookie's name.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.iter().filter(|(key, _)| key == "set-cookie");
        let mut pairs = cookies.map(|(_, value)| value.split(';').next().unwrap().to_owned());
        pairs.find(|pair| pair.starts_with(&format!("{name}=")))
    }
}

/// A client with one connection.
pub(super) struct Client<S = BufReader<TcpStream>> {
    stream: S,
}

impl Client {
    pub(super) async fn new(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// One whose side of the connection holds little that it has not read.
    pub(super) async fn reading_little(address: SocketAddr) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(65_536).unwrap();
        Client { stream: BufReader::new(socket.connect(address).await.unwrap()) }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: shop.example\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.write(head.as_bytes()).await;
        self.answer(method == "HEAD").await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    /// Sends the same request many times without waiting in between and counts who answered: `x-from`, the last header
    /// that the targets of these tests send, is put before the proxy's `date`.
    pub(super) async fn volley(&mut self, count: usize) -> BTreeMap<String, usize> {
        self.write(&b"GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n".repeat(count)).await;
        let mut counts = BTreeMap::new();
        let mut line = Vec::new();
        let mut answered = 0;
        while answered < count {
            line.clear();
            assert!(self.stream.read_until(b'\n', &mut line).await.unwrap() > 0, "closed after {answered}");
            if let Some(name) = line.strip_prefix(b"x-from: ") {
                *counts.entry(String::from_utf8_lossy(name.trim_ascii_end()).into_owned()).or_default() += 1;
                answered += 1;
            } else if line.ends_with(b"HTTP/1.1 200 OK\r\n") || !line.windows(9).any(|nine| nine == b"HTTP/1.1 ") {
                // The body has no line end: the next status line follows it at once.
            } else {
                panic!("{}", String::from_utf8_lossy(&line));
            }
        }
        loop {
            line.clear();
            self.stream.read_until(b'\n', &mut line).await.unwrap();
            if line == b"\r\n" {
                break;
            }
        }
        let last = self.stream.fill_buf().await.unwrap().len();
        self.stream.consume(last);
        counts
    }

    /// Whether the other side has closed, once it has.
    pub(super) async fn closed(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.stream.read(&mut byte).await, Ok(0) | Err(_))
    }

    /// The two halves of the connection.
    pub(super) fn halves(self) -> (Client<BufReader<OwnedReadHalf>>, OwnedWriteHalf) {
        let (reader, writer) = self.stream.into_inner().into_split();
        (Client { stream: BufReader::new(reader) }, writer)
    }
}

impl<S: AsyncBufRead + Unpin> Client<S> {
    /// The next bytes as they are.
    pub(super) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// Everything until the other side closes.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.stream.read_to_end(&mut bytes).await;
        bytes
    }

    pub(super) async fn head(&mut self) -> Answer {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status line: {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None => return Answer { status, headers, body: Vec::new() },
            }
        }
    }

    pub(super) async fn answer(&mut self, bodiless: bool) -> Answer {
        let mut answer = self.head().await;
        if bodiless {
            return answer;
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut line = String::new();
                self.stream.read_line(&mut line).await.unwrap();
                let length = usize::from_str_radix(line.trim(), 16).unwrap();
                let mut chunk = vec![0; length + 2];
                self.stream.read_exact(&mut chunk).await.unwrap();
                if length == 0 {
                    return answer;
                }
                answer.body.extend_from_slice(&chunk[..length]);
            }
        }
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body).await.unwrap();
        answer
    }
}
