//! WebSocket and HTTP/2, with clients and servers of third parties.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, Request, Response, Version as HttpVersion};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::kit::{Backend, Client, Rig, bounded, forward, group, state};
use crate::proxy::{AnsweredBy, Group, Listener, Table, TargetState, Version};

async fn websockets() -> Backend {
    Backend::talking(Arc::default(), |stream| async move {
        // Plain requests end here, which is fine for a target of these tests.
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        socket.send(Message::text("welcome")).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn open(address: SocketAddr) -> Socket {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, answer) =
        tokio_tungstenite::client_async(format!("ws://{address}/chat"), stream).await.expect("an upgrade");
    assert_eq!(answer.status(), 101);
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
    socket
}

#[tokio::test]
async fn a_websocket_is_tunnelled_and_outlives_weights_and_draining() {
    bounded(async {
        let (blue, green) = (websockets().await, Backend::named("green").await);
        let rig = Rig::new();
        let groups = |states: &[TargetState]| {
            vec![state(group("blue", &[blue.address]), states), group("green", &[green.address])]
        };
        let rules = |old, new| vec![forward(&[("blue", old), ("green", new)], None)];
        let address = rig.install(rules(1, 0), groups(&[])).await;
        let mut socket = open(address).await;
        let seen = rig.notes.last();
        assert_eq!((seen.status, seen.by, seen.group.as_deref()), (101, AnsweredBy::Target, Some("blue")));
        socket.send(Message::text("one")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("one"));
        rig.install(rules(0, 1), groups(&[TargetState::Draining])).await;
        let big = Message::binary(vec![7; 300_000]);
        socket.send(big.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), big);
        assert_eq!(Client::new(address).await.get("/").await.text(), "green");
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
        drop(socket);
        // Ends at once: nothing is left of the tunnel.
        rig.proxy.shutdown(Duration::from_secs(3_600)).await;
    })
    .await;
}

#[tokio::test]
async fn a_websocket_that_says_nothing_is_closed() {
    bounded(async {
        let blue = websockets().await;
        let rig = Rig::new();
        let mut listener = Listener::new("front", 0, vec![forward(&[("blue", 1)], None)]);
        listener.idle_timeout = Duration::from_millis(50);
        let address =
            rig.table(Table { listeners: vec![listener], groups: vec![group("blue", &[blue.address])] }).await;
        let mut socket = open(address).await;
        assert!(!matches!(socket.next().await, Some(Ok(_))));
    })
    .await;
}

#[tokio::test]
async fn a_target_may_decline_an_upgrade() {
    bounded(async {
        let green = Backend::named("green").await;
        let rig = Rig::new();
        let address = rig.split(&[("green", 1, green.address)], None).await;
        let mut client = Client::new(address).await;
        let asked = [("connection", "upgrade"), ("upgrade", "websocket")];
        for _ in 0..2 {
            let answer = client.ask("GET", "/", &asked).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, "green"));
        }
    })
    .await;
}

async fn h2(address: SocketAddr) -> http2::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, conn) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(conn);
    sender
}

/// A target that speaks HTTP/2 (or 1.1) and says what it heard, with a trailer.
async fn modern() -> Backend {
    Backend::talking(Arc::default(), |stream| async move {
        let service = service_fn(|request: Request<Incoming>| async move {
            let heard = format!("{:?} {} {}", request.version(), request.method(), request.uri());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            let frames = [Frame::data(Bytes::from(heard)), Frame::data(body), Frame::trailers(trailers)];
            let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
            Ok::<_, Infallible>(Response::new(body))
        });
        let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    })
    .await
}

#[tokio::test]
async fn http_2_in_and_http_1_out() {
    bounded(async {
        let blue = Backend::named("blue").await;
        let rig = Rig::new();
        let address = rig.split(&[("blue", 1, blue.address)], None).await;
        let sender = h2(address).await;
        let asks = (0..200).map(|_| {
            let mut sender = sender.clone();
            async move {
                sender.ready().await.unwrap();
                let request = Request::get("http://shop.example/path").body(Full::default()).unwrap();
                let answer = sender.send_request(request).await.unwrap();
                assert_eq!((answer.status().as_u16(), answer.version()), (200, HttpVersion::HTTP_2));
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "blue");
            }
        });
        futures::future::join_all(asks).await;
        assert_eq!(blue.count(), 200);
        assert_eq!(rig.notes.by_group()["blue"], 200);
    })
    .await;
}

#[tokio::test]
async fn http_2_all_the_way_keeps_trailers() {
    bounded(async {
        let modern = modern().await;
        let rig = Rig::new();
        let groups = vec![Group { version: Version::Http2, ..group("grpc", &[modern.address]) }];
        let address = rig.install(vec![forward(&[("grpc", 1)], None)], groups).await;
        let mut sender = h2(address).await;
        for _ in 0..3 {
            let request = Request::post("http://shop.example/Service/Call").header("te", "trailers");
            let answer = sender.send_request(request.body(Full::from("ping")).unwrap()).await.unwrap();
            let body = answer.into_body().collect().await.unwrap();
            assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
            assert_eq!(body.to_bytes(), "HTTP/2.0 POST http://shop.example/Service/Callping");
        }
        assert_eq!(modern.connections.load(Ordering::Relaxed), 1, "one connection for all");
    })
    .await;
}

#[tokio::test]
async fn http_1_in_and_http_2_out() {
    bounded(async {
        let modern = modern().await;
        let rig = Rig::new();
        let groups = vec![Group { version: Version::Http2, ..group("modern", &[modern.address]) }];
        let address = rig.install(vec![forward(&[("modern", 1)], None)], groups).await;
        let mut client = Client::new(address).await;
        for _ in 0..3 {
            let answer = client.get("/path").await;
            assert_eq!(answer.text(), "HTTP/2.0 GET http://shop.example/path");
        }
    })
    .await;
}

#[tokio::test]
async fn an_http_2_target_that_is_gone_is_502() {
    bounded(async {
        let rig = Rig::new();
        let nowhere = super::kit::nowhere().await;
        let groups = vec![Group { version: Version::Http2, ..group("modern", &[nowhere]) }];
        let address = rig.install(vec![forward(&[("modern", 1)], None)], groups).await;
        assert_eq!(Client::new(address).await.get("/").await.status, 502);
        assert!(rig.notes.last().connection_error);
        // A target that does not speak it.
        let plain = Backend::named("plain").await;
        let groups = vec![Group { version: Version::Http2, ..group("modern", &[plain.address]) }];
        let address = rig.install(vec![forward(&[("modern", 1)], None)], groups).await;
        assert_eq!(Client::new(address).await.get("/").await.status, 502);
    })
    .await;
}
