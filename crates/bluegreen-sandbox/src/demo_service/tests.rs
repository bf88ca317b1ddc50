use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;

fn config(variables: &[(&str, &str)]) -> Config {
    let variables: BTreeMap<&str, &str> =
        [("PORT", "0"), ("SEED", "1")].into_iter().chain(variables.iter().copied()).collect();
    Config::read(|name| variables.get(name).map(|value| (*value).to_owned())).unwrap()
}

/// A service in this process, until the sender is dropped or says so.
async fn service(variables: &[(&str, &str)]) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<Ending>) {
    let (tell, bound) = oneshot::channel();
    let (stop, asked) = oneshot::channel();
    let service = Arc::new(Service { config: config(variables), served: AtomicU64::new(0), worn_out: Notify::new() });
    let running = tokio::spawn(async move {
        tokio::select! {
            ended = accept(Arc::clone(&service), |address| tell.send(address).unwrap(), async { drop(asked.await) }) => ended.unwrap(),
            () = crash(&service) => Ending::Crashed,
        }
    });
    (bound.await.unwrap(), stop, running)
}

/// The status and the whole answer; none where the connection ended without one.
async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

async fn statuses(variables: &[(&str, &str)], count: usize) -> Vec<u16> {
    let (address, _stop, _running) = service(variables).await;
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(get(address, "/").await.unwrap().0);
    }
    statuses
}

#[tokio::test]
async fn it_says_which_version_and_task_it_is() {
    let (address, _stop, _running) = service(&[("VERSION", "v2"), ("BLUEGREEN_TASK", "t-1")]).await;
    let (status, answer) = get(address, "/shop?x=1").await.unwrap();
    assert_eq!(status, 200);
    assert!(answer.contains("x-version: v2\r\n") && answer.contains("x-task: t-1\r\n"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let expected = serde_json::json!({"version": "v2", "task": "t-1", "path": "/shop", "request": 1, "status": 200});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn the_seed_decides_which_requests_fail() {
    let one = statuses(&[("ERROR_RATE", "30%"), ("SEED", "5")], 40).await;
    let two = statuses(&[("ERROR_RATE", "30%"), ("SEED", "5")], 40).await;
    let other = statuses(&[("ERROR_RATE", "30%"), ("SEED", "6")], 40).await;
    assert_eq!(one, two);
    assert_ne!(one, other);
    let failed = one.iter().filter(|status| **status == 500).count();
    assert!((1..40).contains(&failed), "{one:?}");
    assert!(statuses(&[], 20).await.iter().all(|status| *status == 200));
    assert!(statuses(&[("ERROR_RATE", "1")], 20).await.iter().all(|status| *status == 500));
}

#[test]
fn the_share_of_failures_is_the_one_asked_for() {
    let config = config(&[("ERROR_RATE", "10%"), ("SEED", "3")]);
    let uri = "/".parse().unwrap();
    let failed = (1..=20_000).filter(|number| answer::answer(&config, *number, &uri).status() == 500).count();
    // Four standard deviations about 2000.
    assert!((1830..=2170).contains(&failed), "{failed}");
}

#[test]
fn latency_is_drawn_from_its_span() {
    let config = config(&[("LATENCY", "20ms..80ms")]);
    let uri = "/".parse().unwrap();
    let drawn: Vec<Duration> = (1..=500).map(|number| answer::latency(&config, number, &uri)).collect();
    let (low, high) = (drawn.iter().min().unwrap().as_millis(), drawn.iter().max().unwrap().as_millis());
    assert!((20..25).contains(&low) && (75..=80).contains(&high), "{low}..{high}");
    let work = "/work?ms=100".parse().unwrap();
    assert!(answer::latency(&config, 1, &work) >= Duration::from_millis(120));
    let endless = "/work?ms=99999999999".parse().unwrap();
    assert!(answer::latency(&config, 1, &endless) <= Duration::from_secs(61));
}

#[tokio::test]
async fn work_is_as_its_query_says() {
    let (address, _stop, _running) = service(&[]).await;
    let (status, answer) = get(address, "/work?status=503&bytes=1000&ms=1").await.unwrap();
    assert_eq!(status, 503);
    assert!(answer.ends_with(&".".repeat(1000)));
    assert!(get(address, "/work?bytes=999999999999").await.unwrap().1.len() < 11_000_000);
    for path in ["/work?status=99999", "/work?status=101", "/work?status=x", "/shop?status=503"] {
        assert_eq!(get(address, path).await.unwrap().0, 200, "{path}");
    }
}

#[tokio::test]
async fn health_is_apart_from_errors() {
    let (address, _stop, _running) = service(&[("ERROR_RATE", "1")]).await;
    assert_eq!(get(address, "/healthz").await.unwrap().0, 200);
    let (sick, _stop, _running) = service(&[("HEALTHY", "false")]).await;
    assert_eq!(get(sick, "/healthz").await.unwrap().0, 500);
    assert_eq!(get(sick, "/").await.unwrap().0, 200);
}

#[tokio::test]
async fn it_crashes_with_the_request_that_it_was_told() {
    let (address, _stop, running) = service(&[("CRASH_AFTER", "3 requests")]).await;
    assert_eq!(get(address, "/healthz").await.unwrap().0, 200);
    assert_eq!(get(address, "/").await.unwrap().0, 200);
    assert_eq!(get(address, "/").await.unwrap().0, 200);
    let mut last = TcpStream::connect(address).await.unwrap();
    last.write_all(b"GET / HTTP/1.1\r\nhost: demo\r\n\r\n").await.unwrap();
    assert_eq!(running.await.unwrap(), Ending::Crashed);
    assert_eq!(Ending::Crashed.code(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_crashes_after_a_time_and_starts_after_one() {
    let begun = tokio::time::Instant::now();
    let (_address, _stop, running) = service(&[("START_DELAY", "10s"), ("CRASH_AFTER", "30s")]).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(running.await.unwrap(), Ending::Crashed);
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn asked_to_end_it_finishes_what_it_began() {
    let (address, stop, running) = service(&[("LATENCY", "60ms")]).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nhost: demo\r\n\r\n").await.unwrap();
    // An answer to a later connection proves that the first request was taken.
    get(address, "/healthz").await.unwrap();
    stop.send(()).unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(running.await.unwrap(), Ending::Asked);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_place_that_is_taken_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve(config(&[("PORT", &address.port().to_string())]), |_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}")), "{error}");
}
