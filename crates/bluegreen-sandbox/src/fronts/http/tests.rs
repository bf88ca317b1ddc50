use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::api::RunningClock;
use crate::faults::FaultPlan;
use crate::world::{Config, World};

async fn server(plan: &str) -> Server {
    let world = Arc::new(Mutex::new(World::new(Config::fast(1))));
    let api = Api::new(world, Arc::new(RunningClock::new(0, 1.0)), FaultPlan::parse(plan).unwrap().faults(1));
    Server::start(api, 0).await.unwrap()
}

fn request(host: &str, more: &str) -> String {
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    format!("POST / HTTP/1.1\r\nhost: {host}\r\n{more}content-length: {}\r\n\r\n{body}", body.len())
}

/// Sends `text` and reads until the server closes.
async fn told(server: &Server, text: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn it_answers_on_the_loopback_interface_and_keeps_connections() {
    let server = server("").await;
    assert!(server.address().ip().is_loopback() && server.url().starts_with("http://127.0.0.1:"));
    let twice = format!("{}{}", request("127.0.0.1", ""), request("localhost:1", "connection: close\r\n"));
    let answer = told(&server, &twice).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("<Account>111122223333</Account>").count(), 2, "{answer}");
    server.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let first = server("").await;
    let world = Arc::new(Mutex::new(World::new(Config::fast(1))));
    let api = Api::new(world, Arc::new(RunningClock::new(0, 1.0)), FaultPlan::default().faults(1));
    let port = first.address().port();
    let refused = Server::start(api, port).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("127.0.0.1:{port}; choose another port")), "{refused}");
}

#[tokio::test]
async fn web_pages_of_elsewhere_are_refused() {
    let server = server("").await;
    for (host, more) in [
        ("pages.example", ""),
        ("127.0.0.1.pages.example", ""),
        ("127.0.0.1", "origin: https://pages.example\r\n"),
        ("127.0.0.1", "origin: null\r\n"),
    ] {
        let answer = told(&server, &request(host, &format!("connection: close\r\n{more}"))).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{host} {more}: {answer}");
    }
    for (host, more) in [("sandbox.localhost:80", ""), ("[::1]", "origin: http://localhost:3000\r\n")] {
        let answer = told(&server, &request(host, &format!("connection: close\r\n{more}"))).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{host} {more}: {answer}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_unread() {
    let server = server("").await;
    let large = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", BODY_MAX + 1);
    let answer = told(&server, &large).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let chunked = "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let endless = format!("{chunked}{:x}\r\n{}", BODY_MAX + 1, "x".repeat(BODY_MAX + 1));
    let answer = told(&server, &endless).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let long = "x".repeat(HEAD_BYTES_MAX);
    let answer = told(&server, &format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{answer}");
    let many = "a: b\r\n".repeat(HEADERS_MAX);
    let answer = told(&server, &format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_lost_answer_is_a_closed_connection_and_a_hung_one_an_open_one() {
    let dropping = server("drop=1").await;
    assert_eq!(told(&dropping, &request("localhost", "")).await, "");
    let hanging = server("hang=1").await;
    let mut stream = TcpStream::connect(hanging.address()).await.unwrap();
    stream.write_all(request("localhost", "").as_bytes()).await.unwrap();
    // The request has arrived, and a shutdown does not wait for it longer than it is told to.
    let ask = "GET /_sandbox/requests HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    while !told(&hanging, ask).await.contains("GetCallerIdentity") {
        tokio::task::yield_now().await;
    }
    hanging.shutdown(Duration::from_millis(10)).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_the_port() {
    let server = server("").await;
    let address = server.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(request("localhost", "").as_bytes()).await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    server.shutdown(Duration::from_secs(60)).await;
    idle.read_to_end(&mut Vec::new()).await.ok();
    assert!(TcpStream::connect(address).await.is_err());
}
