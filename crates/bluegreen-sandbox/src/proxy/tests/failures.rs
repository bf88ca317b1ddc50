//! What clients get when targets fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::kit::{Backend, Client, Rig, Seen, bounded, forward, group, heard, nowhere, rule, state};
use crate::proxy::{Action, AnsweredBy, Condition, Listener, Table, TargetState};

/// The status of one request to a lone target, and what was noted.
async fn once(backend: &Backend, method: &str) -> (u16, Seen) {
    let rig = Rig::new();
    let address = rig.split(&[("blue", 1, backend.address)], None).await;
    let answer = Client::new(address).await.ask(method, "/", &[]).await;
    assert_eq!(answer.header("server"), Some("awselb/2.0"));
    (answer.status, rig.notes.last())
}

/// A target that reads a request, says this, and closes.
async fn says(bytes: &'static [u8]) -> Backend {
    let requests = Arc::default();
    let counted = Arc::clone(&requests);
    Backend::talking(requests, move |mut stream| {
        let counted: Arc<std::sync::atomic::AtomicUsize> = counted.clone();
        async move {
            if heard(&mut stream).await {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(bytes).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn no_target_is_503() {
    bounded(async {
        let blue = Backend::named("blue").await;
        let rig = Rig::new();
        let rules = || vec![forward(&[("blue", 1)], None)];
        let draining = state(group("blue", &[blue.address]), &[TargetState::Draining]);
        for groups in [vec![], vec![group("blue", &[])], vec![draining]] {
            let address = rig.install(rules(), groups).await;
            let answer = Client::new(address).await.get("/").await;
            assert_eq!(answer.status, 503);
            let seen = rig.notes.last();
            assert_eq!((seen.group.as_deref(), seen.target, seen.by), (Some("blue"), None, AnsweredBy::Balancer));
            assert!(!seen.fail_open && !seen.connection_error);
        }
        assert_eq!(blue.count(), 0);
    })
    .await;
}

#[tokio::test]
async fn nobody_at_the_address_is_502_and_a_connection_error() {
    bounded(async {
        let rig = Rig::new();
        let address = rig.split(&[("blue", 1, nowhere().await)], None).await;
        let answer = Client::new(address).await.get("/").await;
        assert_eq!(answer.status, 502);
        let seen = rig.notes.last();
        assert!(seen.connection_error);
        assert_eq!((seen.target.as_deref(), seen.by), (Some("blue-0"), AnsweredBy::Balancer));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_502_and_asked_once() {
    bounded(async {
        for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-le"] {
            for method in ["GET", "DELETE"] {
                let target = says(bytes).await;
                let (status, seen) = once(&target, method).await;
                assert_eq!((status, seen.connection_error, target.count()), (502, false, 1));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_502() {
    bounded(async {
        for bytes in [
            &b"SMTP ready\r\n\r\n"[..],
            b"HTTP/1.1 two hundred\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
            // Nobody asked for another protocol.
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
        ] {
            let target = says(bytes).await;
            let (status, _) = once(&target, "GET").await;
            assert_eq!(status, 502, "{}", String::from_utf8_lossy(bytes));
        }
    })
    .await;
}

#[tokio::test]
async fn silence_is_504() {
    bounded(async {
        let silent = Backend::talking(Arc::default(), |stream| async move {
            let _kept = stream;
            std::future::pending::<()>().await;
        })
        .await;
        let rig = Rig::new();
        let mut listener = Listener::new("front", 0, vec![forward(&[("blue", 1)], None)]);
        listener.idle_timeout = Duration::from_millis(20);
        let table = Table { listeners: vec![listener], groups: vec![group("blue", &[silent.address])] };
        let address = rig.table(table).await;
        let answer = Client::new(address).await.get("/").await;
        assert_eq!(answer.status, 504);
        assert!(!rig.notes.last().connection_error);
    })
    .await;
}

#[tokio::test]
async fn silence_in_the_middle_breaks_the_answer_off() {
    bounded(async {
        let stalls = Backend::talking(Arc::default(), |mut stream| async move {
            heard(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let rig = Rig::new();
        let mut listener = Listener::new("front", 0, vec![forward(&[("blue", 1)], None)]);
        listener.idle_timeout = Duration::from_millis(20);
        let table = Table { listeners: vec![listener], groups: vec![group("blue", &[stalls.address])] };
        let address = rig.table(table).await;
        let mut client = Client::new(address).await;
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.rest().await, b"half");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_says_nothing_is_sent_away() {
    bounded(async {
        let rig = Rig::new();
        let mut listener = Listener::new("front", 0, Vec::new());
        listener.idle_timeout = Duration::from_millis(20);
        let address = rig.table(Table { listeners: vec![listener], groups: Vec::new() }).await;
        assert!(Client::new(address).await.closed().await, "before its first request");
        let mut client = Client::new(address).await;
        client.get("/").await;
        assert!(client.closed().await, "after one");
    })
    .await;
}

/// A target that answers the first request of each connection and closes at the second without a word.
async fn forgets() -> Backend {
    let requests = Arc::default();
    let counted: Arc<std::sync::atomic::AtomicUsize> = Arc::clone(&requests);
    Backend::talking(requests, move |mut stream| {
        let counted = counted.clone();
        async move {
            for _ in 0..2 {
                if heard(&mut stream).await && counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                } else {
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_breaks_costs_a_safe_request_nothing() {
    bounded(async {
        let target = forgets().await;
        let rig = Rig::new();
        let address = rig.split(&[("blue", 1, target.address)], None).await;
        let mut client = Client::new(address).await;
        for _ in 0..2 {
            assert_eq!(client.get("/").await.text(), "ok");
        }
        assert_eq!(target.count(), 3, "the second went out twice");
        assert_eq!(rig.notes.take().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_may_have_had_an_effect_is_never_sent_twice() {
    bounded(async {
        let target = forgets().await;
        let rig = Rig::new();
        let address = rig.split(&[("blue", 1, target.address)], None).await;
        let mut client = Client::new(address).await;
        assert_eq!(client.get("/").await.status, 200);
        assert_eq!(client.ask("POST", "/", &[("content-length", "0")]).await.status, 502);
        assert_eq!(target.count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_closed_at_rest_is_not_taken() {
    bounded(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let closes = Backend::talking(Arc::default(), move |mut stream| {
            let tell = tell.clone();
            async move {
                heard(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                drop(stream);
                tell.send(()).unwrap();
            }
        })
        .await;
        let rig = Rig::new();
        let fixed = Action::Fixed { status: 200, content_type: String::new(), body: String::new() };
        let turn = rule("turn", vec![Condition::PathPattern(vec!["/turn".to_owned()])], fixed);
        let rules = vec![turn, forward(&[("blue", 1)], None)];
        let address = rig.install(rules, vec![group("blue", &[closes.address])]).await;
        let mut client = Client::new(address).await;
        for _ in 0..3 {
            assert_eq!(client.ask("POST", "/", &[("content-length", "0")]).await.status, 200);
            told.recv().await.unwrap();
            // The worker hears of the close at the latest with this request.
            client.get("/turn").await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_no_rule_is_asked_about() {
    bounded(async {
        let rig = Rig::new();
        let address = rig.split(&[], None).await;
        let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(17_000));
        for (bytes, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n", 400),
            ("nonsense\r\n\r\n", 400),
            ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
            ("TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", 405),
            (&long, 414),
            ("GET / HTTP/1.0\r\n\r\n", 503),
        ] {
            let mut client = Client::new(address).await;
            client.write(bytes.as_bytes()).await;
            assert_eq!(client.head().await.status, status, "{bytes:.60}");
        }
        assert!(rig.notes.take().iter().all(|seen| seen.by == AnsweredBy::Balancer));
    })
    .await;
}
