use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

/// What a test's server does with request `number` (from 1) of all connections.
#[derive(Clone)]
enum Act {
    Answer(String),
    AnswerAfter(Duration, String),
    Close,
    Silence,
}

fn ok(headers: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{headers}\r\nok"))
}

struct Server {
    address: SocketAddr,
    /// The heads of the requests, each with its connection's number.
    asked: mpsc::UnboundedReceiver<(u64, String)>,
}

/// A server that does what `act` says.
async fn server(act: impl Fn(u64) -> Act + Clone + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, asked) = mpsc::unbounded_channel();
    let numbers = Arc::new(AtomicU64::new(0));
    tokio::spawn(async move {
        let mut connections = 0;
        while let Ok((stream, _)) = listener.accept().await {
            connections += 1;
            tokio::spawn(talk(stream, connections, act.clone(), Arc::clone(&numbers), tell.clone()));
        }
    });
    Server { address, asked }
}

async fn talk(
    mut stream: TcpStream,
    connection: u64,
    act: impl Fn(u64) -> Act,
    numbers: Arc<AtomicU64>,
    tell: mpsc::UnboundedSender<(u64, String)>,
) {
    let mut read = Vec::new();
    while stream.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
        if !read.ends_with(b"\r\n\r\n") {
            continue;
        }
        let _ = tell.send((connection, String::from_utf8(std::mem::take(&mut read)).unwrap()));
        let answer = match act(numbers.fetch_add(1, Ordering::Relaxed) + 1) {
            Act::Answer(answer) => answer,
            Act::AnswerAfter(after, answer) => {
                tokio::time::sleep(after).await;
                answer
            }
            Act::Close => return,
            Act::Silence => std::future::pending().await,
        };
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

fn closed(target: SocketAddr, clients: usize, limit: u64) -> Load {
    Load { pace: Pace::Closed { clients }, limit: Some(limit), ..Load::new(target) }
}

#[tokio::test]
async fn as_many_requests_are_sent_as_were_asked_for_on_kept_connections() {
    let mut server = server(|number| ok(&format!("x-version: v{}\r\n", number % 2))).await;
    let tally = closed(server.address, 4, 200).start().unwrap().finished().await;
    assert_eq!((tally.counts.requests, tally.counts.ok, tally.counts.failed()), (200, 200, 0));
    assert_eq!((tally.versions["v0"].ok, tally.versions["v1"].ok), (100, 100));
    assert_eq!(tally.latency.count(), 200);
    let mut connections = std::collections::BTreeSet::new();
    while let Ok((connection, head)) = server.asked.try_recv() {
        connections.insert(connection);
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("host: {}\r\n", server.address)), "{head}");
    }
    assert!(connections.len() <= 4, "{connections:?}");
}

#[tokio::test]
async fn host_path_and_headers_are_sent() {
    let mut server = server(|_| ok("")).await;
    let load = Load {
        host: "shop.example".to_owned(),
        path: "/cart?x=1".to_owned(),
        headers: vec![("X-Canary".to_owned(), "yes".to_owned())],
        ..closed(server.address, 1, 1)
    };
    let tally = load.start().unwrap().finished().await;
    assert_eq!(tally.versions[NO_VERSION].ok, 1);
    let (_, head) = server.asked.recv().await.unwrap();
    assert!(head.starts_with("GET /cart?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: shop.example\r\n") && head.contains("x-canary: yes\r\n"), "{head}");
}

#[tokio::test]
async fn each_client_has_its_own_cookies_if_any() {
    for cookies in [true, false] {
        let mut server = server(|number| ok(&format!("set-cookie: first=c{number}; Path=/\r\n"))).await;
        let load = Load { cookies, ..closed(server.address, 1, 3) };
        load.start().unwrap().finished().await;
        let mut sent = Vec::new();
        while let Ok((_, head)) = server.asked.try_recv() {
            sent.extend(head.lines().find_map(|line| line.strip_prefix("cookie: ").map(str::to_owned)));
        }
        let expected: &[&str] = if cookies { &["first=c1", "first=c2"] } else { &[] };
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let closes = server(|_| Act::Close).await;
    let silent = server(|_| Act::Silence).await;
    let bad = server(|_| Act::Answer("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n".to_owned())).await;
    for (target, why) in [(refused, "connect"), (closes.address, "closed"), (silent.address, "timeout")] {
        let load = Load { timeout: Duration::from_millis(200), ..closed(target, 1, 2) };
        let tally = load.start().unwrap().finished().await;
        assert_eq!((tally.counts.requests, tally.counts.transport_errors, tally.latency.count()), (2, 2, 0), "{why}");
        assert_eq!(tally.transport.into_iter().collect::<Vec<_>>(), [(why, 2)]);
    }
    let tally = closed(bad.address, 1, 2).start().unwrap().finished().await;
    assert_eq!((tally.counts.server_errors, tally.counts.failed()), (2, 2));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_of_its_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await;
    });
    let tally = closed(address, 1, 1).start().unwrap().finished().await;
    assert_eq!(tally.transport.into_iter().collect::<Vec<_>>(), [("body", 1)]);
}

#[tokio::test]
async fn a_connection_that_the_server_ends_politely_costs_no_request() {
    let last = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut server = server(move |_| Act::Answer(last.to_owned())).await;
    let tally = closed(server.address, 1, 5).start().unwrap().finished().await;
    assert_eq!((tally.counts.ok, tally.counts.failed()), (5, 0));
    let mut connections = Vec::new();
    while let Ok((connection, _)) = server.asked.try_recv() {
        connections.push(connection);
    }
    assert_eq!(connections, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_request_that_may_have_been_read_is_not_sent_again() {
    let mut server = server(|number| if number == 2 { Act::Close } else { ok("") }).await;
    let tally = closed(server.address, 1, 3).start().unwrap().finished().await;
    assert_eq!((tally.counts.ok, tally.transport["closed"]), (2, 1));
    let mut asked = 0;
    while server.asked.try_recv().is_ok() {
        asked += 1;
    }
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn a_request_that_took_too_long_leaves_its_connection() {
    let mut server = server(|number| if number == 1 { Act::Silence } else { ok("") }).await;
    let load = Load { timeout: Duration::from_millis(100), ..closed(server.address, 1, 2) };
    let tally = load.start().unwrap().finished().await;
    assert_eq!((tally.counts.ok, tally.transport["timeout"]), (1, 1));
    assert_eq!(server.asked.recv().await.unwrap().0, 1);
    assert_eq!(server.asked.recv().await.unwrap().0, 2, "the late answer would be taken for another request's");
}

#[tokio::test]
async fn a_stalled_target_is_charged_for_the_requests_that_had_to_wait() {
    let stall = Duration::from_millis(200);
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let server = server(move |number| match number {
        1 => Act::AnswerAfter(stall, good.to_owned()),
        _ => Act::Answer(good.to_owned()),
    });
    let pace = Pace::Rate { per_second: 1000.0, clients: 1 };
    let load = Load { pace, limit: Some(100), ..Load::new(server.await.address) };
    let tally = load.start().unwrap().finished().await;
    // The last of the hundred was due after 99 ms and could not be sent before 200 ms.
    assert_eq!(tally.counts.ok, 100);
    assert!(tally.latency.percentile(1.0) >= Duration::from_millis(100), "{:?}", tally.latency.percentile(1.0));
    assert!(tally.latency.percentile(50.0) >= Duration::from_millis(149), "{:?}", tally.latency.percentile(50.0));
    assert!(tally.elapsed >= stall);
}

#[tokio::test]
async fn the_timers_grain_is_not_the_targets_delay() {
    let due = Instant::now();
    assert_eq!(counted_from(Some(due), due + GRAIN), due + GRAIN);
    assert_eq!(counted_from(Some(due), due + GRAIN * 2), due);
    assert_eq!(counted_from(None, due), due);
}

#[tokio::test]
async fn requests_are_due_by_a_fixed_schedule() {
    let server = server(|_| ok("")).await;
    let load =
        Load { pace: Pace::Rate { per_second: 250.0, clients: 3 }, limit: Some(20), ..Load::new(server.address) };
    let generator = load.start().unwrap();
    let begun = generator.shared.begun;
    for ticket in [0, 1, 19, 250] {
        assert_eq!(
            generator.shared.due(ticket),
            Some(begun + Duration::from_millis(4) * u32::try_from(ticket).unwrap())
        );
    }
    let tally = generator.finished().await;
    assert_eq!(tally.counts.ok, 20);
    assert!(tally.elapsed >= Duration::from_millis(4 * 19), "it was ahead of its schedule: {:?}", tally.elapsed);
}

#[tokio::test]
async fn counts_are_readable_while_it_runs_and_a_stop_loses_no_request() {
    let mut server = server(|_| ok("x-version: v1\r\n")).await;
    let load = Load { pace: Pace::Rate { per_second: 2000.0, clients: 8 }, ..Load::new(server.address) };
    let generator = load.start().unwrap();
    for _ in 0..50 {
        server.asked.recv().await.unwrap();
    }
    while generator.tally().counts.requests < 40 {
        tokio::task::yield_now().await;
    }
    let seconds = generator.seconds();
    assert!(seconds.iter().map(|second| second.counts.requests).sum::<u64>() >= 40);
    let tally = generator.stop().await;
    let mut asked = 50;
    while server.asked.try_recv().is_ok() {
        asked += 1;
    }
    assert_eq!((tally.counts.requests, tally.counts.failed()), (asked, 0));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_requests_that_are_not_due() {
    let server = server(|_| ok("")).await;
    let load = Load { pace: Pace::Rate { per_second: 0.001, clients: 4 }, ..Load::new(server.address) };
    let generator = load.start().unwrap();
    while generator.tally().counts.requests < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(generator.stop().await.counts.requests, 1);
}

#[tokio::test]
async fn a_dropped_load_lets_go_of_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let generator = closed(listener.local_addr().unwrap(), 1, 1).start().unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    drop(generator);
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let target = "127.0.0.1:1".parse().unwrap();
    let load = Load::new(target);
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (bad, expected) in [
        (Load { path: "cart".to_owned(), ..load.clone() }, "path \"cart\" cannot be sent"),
        (Load { path: "/a b".to_owned(), ..load.clone() }, "path \"/a b\" cannot be sent"),
        (Load { host: "a/b".to_owned(), ..load.clone() }, "host \"a/b\" cannot be sent"),
        (Load { headers: header("a b", "1"), ..load.clone() }, "header \"a b\" cannot be sent"),
        (Load { headers: header("token", "hunter2\n"), ..load.clone() }, "header \"token\" cannot be sent"),
        (Load { pace: Pace::Closed { clients: 0 }, ..load.clone() }, "at least one client"),
        (Load { pace: Pace::Rate { per_second: 0.0, clients: 1 }, ..load.clone() }, "100000 requests a second"),
        (Load { pace: Pace::Rate { per_second: f64::NAN, clients: 1 }, ..load.clone() }, "cannot be kept"),
    ] {
        let error = bad.start().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}
