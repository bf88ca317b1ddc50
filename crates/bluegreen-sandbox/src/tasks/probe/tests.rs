use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn http(path: &str) -> Check {
    Check {
        protocol: Protocol::Http,
        path: path.to_owned(),
        port: None,
        matcher: Matcher::default(),
        interval: Duration::from_millis(5),
        timeout: Duration::from_secs(20),
    }
}

/// Answers every connection with `bytes` and closes it; sends what it was asked.
async fn server(bytes: &'static [u8]) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4096];
            let count = stream.read(&mut asked).await.unwrap_or(0);
            let _ = tell.send(String::from_utf8_lossy(&asked[..count]).into_owned());
            let _ = stream.write_all(bytes).await;
        }
    });
    (address, heard)
}

async fn first(address: SocketAddr, check: Check) -> ProbeEvent {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let prober = Prober::new(tell);
    prober.watch("blue", address, check);
    heard.recv().await.unwrap()
}

fn code(event: &ProbeEvent) -> (&str, &str) {
    event.reason.as_ref().map_or(("", ""), |reason| (reason.code, &reason.description))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_good_answer_passes_and_the_request_is_a_health_check() {
    let (address, mut asked) = server(OK).await;
    let event = first(address, http("/healthz?deep=1")).await;
    assert_eq!(event, ProbeEvent { group: "blue".to_owned(), address, passed: true, reason: None });
    let asked = asked.recv().await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get /healthz?deep=1 http/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: {address}\r\n")) && asked.contains("elb-healthchecker/2.0"), "{asked}");
}

#[tokio::test]
async fn a_wrong_status_is_told_with_the_status() {
    let (address, _asked) = server(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await;
    let event = first(address, http("/")).await;
    assert!(!event.passed);
    assert_eq!(code(&event), ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"));
    let wide = Check { matcher: "200-599".parse().unwrap(), ..http("/") };
    assert!(first(address, wide).await.passed);
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let event = first(address, Check { timeout: Duration::from_millis(30), ..http("/") }).await;
    assert_eq!(code(&event), ("Target.Timeout", "Request timed out"));
    let tcp = Check { protocol: Protocol::Tcp, ..http("/") };
    assert!(first(address, tcp).await.passed, "a connection alone passes by TCP");
}

#[tokio::test]
async fn refused_closed_and_garbled_are_failures_without_a_status() {
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (closed, _asked) = server(b"").await;
    let (garbled, _asked) = server(b"SSH-2.0-nothing\r\n\r\n").await;
    let tcp = Check { protocol: Protocol::Tcp, ..http("/") };
    for (address, check) in
        [(refused, http("/")), (refused, tcp), (closed, http("/")), (garbled, http("/")), (closed, http("no path"))]
    {
        let event = first(address, check).await;
        assert_eq!(code(&event), ("Target.FailedHealthChecks", "Health checks failed"), "{address}");
    }
}

#[tokio::test]
async fn a_target_that_speaks_http_2_is_checked_by_it() {
    let (tell, bound) = tokio::sync::oneshot::channel();
    let settings = |name: &str| (name == "PORT").then(|| "0".to_owned());
    let config = crate::demo_service::Config::read(settings).unwrap();
    tokio::spawn(crate::demo_service::serve(config, |address| tell.send(address).unwrap()));
    let address = bound.await.unwrap();
    let good = Check { protocol: Protocol::Http2, ..http("/healthz") };
    assert_eq!(first(address, good.clone()).await.reason, None);
    let event = first(address, Check { path: "/work?status=404".to_owned(), ..good.clone() }).await;
    assert_eq!(code(&event), ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"));
    let (old, _asked) = server(OK).await;
    assert_eq!(code(&first(old, good).await).0, "Target.FailedHealthChecks");
}

#[tokio::test]
async fn another_port_can_be_checked_and_the_target_keeps_its_name() {
    let (address, _asked) = server(OK).await;
    let target = SocketAddr::new(address.ip(), 1);
    let event = first(target, Check { port: Some(address.port()), ..http("/") }).await;
    assert!(event.passed);
    assert_eq!(event.address, target);
}

#[tokio::test]
async fn checks_repeat_and_follow_the_target_through_its_changes() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let prober = Prober::new(tell);
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    prober.watch("blue", address, http("/"));
    assert!(!heard.recv().await.unwrap().passed);
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(OK).await;
        }
    });
    while !heard.recv().await.unwrap().passed {}
    assert!(heard.recv().await.unwrap().passed);
}

#[tokio::test]
async fn the_set_of_targets_can_be_changed() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let prober = Prober::new(tell);
    let ((one, _asked_one), (two, mut asked_two)) = (server(OK).await, server(OK).await);
    let slow = Check { interval: Duration::from_secs(3600), ..http("/") };
    prober.set([("blue".to_owned(), one, slow.clone()), ("green".to_owned(), two, slow.clone())]);
    let mut groups = vec![heard.recv().await.unwrap().group, heard.recv().await.unwrap().group];
    groups.sort();
    assert_eq!(groups, ["blue", "green"]);

    // The same check goes on undisturbed; another one begins anew.
    let other = Check { path: "/other".to_owned(), ..slow.clone() };
    let task = || prober.targets()[&("green".to_owned(), two)].checking.id();
    let before = task();
    prober.set([("green".to_owned(), two, slow)]);
    assert_eq!(task(), before);
    assert_eq!(prober.watched(), [("green".to_owned(), two)]);
    prober.set([("green".to_owned(), two, other)]);
    assert_eq!(heard.recv().await.unwrap().group, "green");
    assert!(asked_two.recv().await.unwrap().starts_with("GET / "));
    assert!(asked_two.recv().await.unwrap().starts_with("GET /other "));

    prober.unwatch("green", two);
    assert!(prober.watched().is_empty());
    drop(prober);
    assert_eq!(heard.recv().await, None, "checks go on without a prober");
}
