//! Heads and bodies on their way through.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::kit::{Backend, Client, Rig, bounded, heard};

/// A target that answers with the head that it was sent.
async fn mirror() -> Backend {
    Backend::talking(Arc::default(), |stream| async move {
        let mut stream = BufReader::new(stream);
        loop {
            let mut head = String::new();
            loop {
                let start = head.len();
                match stream.read_line(&mut head).await {
                    Ok(read) if read > 0 => {}
                    _ => return,
                }
                if &head[start..] == "\r\n" {
                    break;
                }
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: x-private\r\nx-private: 1\r\nkeep-alive: 5\r\ncontent-length: {}\r\n\r\n{head}",
                head.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn the_target_sees_who_asked_and_nothing_of_the_connection() {
    bounded(async {
        let mirror = mirror().await;
        let rig = Rig::new();
        let address = rig.split(&[("mirror", 1, mirror.address)], None).await;
        let mut client = Client::new(address).await;
        let sent = [("connection", "x-mine"), ("x-mine", "1"), ("x-forwarded-for", "9.9.9.9"), ("x-kept", "yes")];
        let answer = client.ask("GET", "/path?query=%20", &sent).await;
        let head = answer.text();
        assert!(head.starts_with("GET /path?query=%20 HTTP/1.1\r\n"), "{head}");
        for line in [
            "host: shop.example",
            "x-kept: yes",
            "x-forwarded-for: 9.9.9.9, 127.0.0.1",
            "x-forwarded-proto: http",
            &format!("x-forwarded-port: {}", address.port()),
        ] {
            assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
        }
        assert!(head.contains("x-amzn-trace-id: Root=1-"));
        assert!(!head.contains("x-mine") && !head.contains("connection"), "{head}");
        for name in ["connection", "x-private", "keep-alive"] {
            assert_eq!(answer.header(name), None);
        }
        let head = client.ask("GET", "http://other.example/abs?x", &[]).await.text();
        assert!(head.starts_with("GET /abs?x HTTP/1.1\r\n") && head.contains("host: other.example\r\n"), "{head}");
    })
    .await;
}

#[tokio::test]
async fn answers_without_a_body_stay_without() {
    bounded(async {
        let rig = Rig::new();
        for (method, said, status, length) in [
            ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n", 200, Some("1234")),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
            ("GET", "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n", 304, None),
            ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, Some("0")),
        ] {
            let target = Backend::saying(said.as_bytes().to_vec()).await;
            let address = rig.split(&[("t", 1, target.address)], None).await;
            let mut client = Client::new(address).await;
            for _ in 0..3 {
                let answer = client.ask(method, "/", &[]).await;
                assert_eq!((answer.status, answer.header("content-length")), (status, length), "{method} {said}");
            }
            let connections = target.connections.load(std::sync::atomic::Ordering::Relaxed);
            assert_eq!(connections, 1, "the connection is kept: {method} {said}");
        }
    })
    .await;
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    bounded(async {
        let said = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let target = Backend::saying(said.as_bytes().to_vec()).await;
        let rig = Rig::new();
        let address = rig.split(&[("t", 1, target.address)], None).await;
        assert_eq!(Client::new(address).await.get("/").await.text(), "ok");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection() {
    bounded(async {
        let target = Backend::talking(Arc::default(), |mut stream| async move {
            heard(&mut stream).await;
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end").await.unwrap();
        })
        .await;
        let rig = Rig::new();
        let address = rig.split(&[("t", 1, target.address)], None).await;
        let mut client = Client::new(address).await;
        for _ in 0..2 {
            assert_eq!(client.get("/").await.text(), "until the end", "and the client's own stays open");
        }
    })
    .await;
}

/// A target that sends a request's body back as it comes.
async fn echo() -> Backend {
    Backend::talking(Arc::default(), |stream| async move {
        let mut stream = BufReader::new(stream);
        loop {
            let mut length = None;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.trim().parse::<usize>().ok();
                }
                if line == "\r\n" {
                    break;
                }
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            if let Some(mut left) = length {
                while left > 0 {
                    let mut bytes = vec![0; left.min(65_536)];
                    let read = stream.read(&mut bytes).await.unwrap();
                    left -= read;
                    stream.write_all(format!("{read:x}\r\n").as_bytes()).await.unwrap();
                    stream.write_all(&bytes[..read]).await.unwrap();
                    stream.write_all(b"\r\n").await.unwrap();
                }
                stream.write_all(b"0\r\n\r\n").await.unwrap();
            } else {
                // Chunks go back as they are.
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.unwrap();
                    let size = usize::from_str_radix(line.trim(), 16).unwrap();
                    let mut bytes = vec![0; size + 2];
                    stream.read_exact(&mut bytes).await.unwrap();
                    stream.write_all(line.as_bytes()).await.unwrap();
                    stream.write_all(&bytes).await.unwrap();
                    if size == 0 {
                        break;
                    }
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn large_bodies_both_ways() {
    bounded(async {
        let echo = echo().await;
        let rig = Rig::new();
        let address = rig.split(&[("echo", 1, echo.address)], None).await;
        let body: Vec<u8> = (0..4 << 20).map(|at: u32| at.to_le_bytes()[at as usize % 3]).collect();
        let client = Client::new(address).await;
        let (mut reader, mut writer) = client.halves();
        for chunked in [false, true] {
            let sending = async {
                let head = "POST / HTTP/1.1\r\nhost: a\r\n";
                if chunked {
                    writer.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
                    for chunk in body.chunks(100_000) {
                        writer.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await.unwrap();
                        writer.write_all(chunk).await.unwrap();
                        writer.write_all(b"\r\n").await.unwrap();
                    }
                    writer.write_all(b"0\r\n\r\n").await.unwrap();
                } else {
                    let head = format!("{head}content-length: {}\r\n\r\n", body.len());
                    writer.write_all(head.as_bytes()).await.unwrap();
                    writer.write_all(&body).await.unwrap();
                }
            };
            let (answer, ()) = tokio::join!(reader.answer(false), sending);
            assert!(answer.status == 200 && answer.body == body, "chunked: {chunked}");
        }
        assert_eq!(echo.connections.load(std::sync::atomic::Ordering::Relaxed), 1);
    })
    .await;
}

#[tokio::test]
async fn bodies_flow_before_they_are_complete() {
    bounded(async {
        let echo = echo().await;
        let rig = Rig::new();
        let address = rig.split(&[("echo", 1, echo.address)], None).await;
        let mut client = Client::new(address).await;
        client.write(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for round in 0..3 {
            client.write(b"5\r\nhello\r\n").await;
            if round == 0 {
                assert_eq!(client.head().await.status, 200);
            }
            assert_eq!(client.exactly(10).await, b"5\r\nhello\r\n");
        }
        client.write(b"0\r\n\r\n").await;
        assert_eq!(client.exactly(5).await, b"0\r\n\r\n");
    })
    .await;
}

#[tokio::test]
async fn a_get_with_a_body_keeps_it() {
    bounded(async {
        let echo = echo().await;
        let rig = Rig::new();
        let address = rig.split(&[("echo", 1, echo.address)], None).await;
        let mut client = Client::new(address).await;
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
        assert_eq!(client.answer(false).await.text(), "abc");
    })
    .await;
}

#[tokio::test]
async fn whoever_expects_100_is_told_to_go_on() {
    bounded(async {
        let echo = echo().await;
        let rig = Rig::new();
        let address = rig.split(&[("echo", 1, echo.address)], None).await;
        let mut client = Client::new(address).await;
        client.write(b"PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n").await;
        assert_eq!(client.head().await.status, 100);
        client.write(b"abc").await;
        let answer = client.answer(false).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "abc"));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_its_target_back() {
    // More than all the buffers of the system on the way, which grow to 32 MiB on some.
    const TOTAL: usize = 96 << 20;
    bounded(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let flood = Backend::talking(Arc::default(), move |mut stream| {
            let tell = tell.clone();
            async move {
                heard(&mut stream).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {TOTAL}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                let block = vec![b'x'; 65_536];
                let mut sent = 0;
                while sent < TOTAL {
                    // Held back: nothing goes out for a while, and nothing will until the client reads.
                    if timeout(Duration::from_millis(100), stream.writable()).await.is_err() {
                        tell.send(sent).unwrap();
                        stream.writable().await.unwrap();
                    }
                    sent += stream.try_write(&block[..block.len().min(TOTAL - sent)]).unwrap_or(0);
                }
                tell.send(sent).unwrap();
                let _ = stream.read(&mut [0]).await;
            }
        })
        .await;
        let rig = Rig::new();
        let address = rig.split(&[("flood", 1, flood.address)], None).await;
        let mut client = Client::reading_little(address).await;
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(told.recv().await.unwrap() < TOTAL);
        assert_eq!(client.answer(false).await.body.len(), TOTAL);
    })
    .await;
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_has_gone() {
    bounded(async {
        let (_keep, hold) = watch::channel(());
        let refuses = Backend::talking(Arc::default(), move |mut stream| {
            let mut hold = hold.clone();
            async move {
                heard(&mut stream).await;
                stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
                let _ = hold.changed().await;
            }
        })
        .await;
        let rig = Rig::new();
        let address = rig.split(&[("t", 1, refuses.address)], None).await;
        let mut client = Client::new(address).await;
        client.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\nsome").await;
        let answer = client.answer(false).await;
        assert_eq!((answer.status, answer.text().as_str()), (413, "no"));
        // The rest of the body will not come; the half-used connection is not kept.
        drop(client);
        let mut client = Client::new(address).await;
        client.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(client.answer(false).await.status, 413);
        assert_eq!(refuses.connections.load(std::sync::atomic::Ordering::Relaxed), 2);
    })
    .await;
}
