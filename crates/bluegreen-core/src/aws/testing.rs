//! A server that answers from a script, one request each, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::config::{AwsPorts, ConnectOptions, load, ports};

/// What the server does with one request.
pub(super) enum Answer {
    /// An answer with this status, content type and body.
    Body(u16, &'static str, Vec<u8>),
    /// Closes the connection without a word.
    HangUp,
    /// Says nothing until the client gives up.
    Silence,
}

/// An answer in XML of status 200.
pub(super) fn xml(body: &str) -> Answer {
    Answer::Body(200, "text/xml", body.as_bytes().to_vec())
}

/// An answer in JSON of status 200.
pub(super) fn json(body: &serde_json::Value) -> Answer {
    Answer::Body(200, "application/x-amz-json-1.1", body.to_string().into_bytes())
}

/// A refusal with this code, as services that speak JSON write it.
pub(super) fn refusal(code: &str) -> Answer {
    let body = serde_json::json!({"__type": code, "message": "no"});
    Answer::Body(400, "application/x-amz-json-1.1", body.to_string().into_bytes())
}

/// The operations that were called over JSON, with their bodies.
pub(super) fn calls(script: &Script) -> Vec<(String, serde_json::Value)> {
    let call = |request: &String| {
        let (head, body) = request.split_once("\n\n").unwrap();
        let target = head.lines().find(|line| line.to_ascii_lowercase().starts_with("x-amz-target"));
        let name = target.unwrap().rsplit('.').next().unwrap().trim().to_owned();
        (name, serde_json::from_str(body).unwrap())
    };
    script.heard().iter().map(call).collect()
}

/// The operations alone.
pub(super) fn names(calls: &[(String, serde_json::Value)]) -> Vec<&str> {
    calls.iter().map(|(name, _)| name.as_str()).collect()
}

/// The running script.
pub(super) struct Script {
    address: String,
    heard: Receiver<String>,
}

impl Script {
    /// Answers one request after the other; when the answers are used up, nobody listens any more.
    pub(super) fn start(answers: Vec<Answer>) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let Some(request) = request(&mut stream) else { return };
                tell.send(request).ok();
                reply(stream, answer);
            }
        });
        Script { address, heard }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What arrived so far: heads and bodies as text.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.try_iter().collect()
    }

    /// A configuration that leads here, with made-up credentials and little patience.
    pub(super) async fn config(&self) -> SdkConfig {
        let options = ConnectOptions {
            region: Some("eu-west-3".to_owned()),
            endpoint: Some(self.url()),
            ..ConnectOptions::default()
        };
        let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(500)).build();
        let credentials = SharedCredentialsProvider::new(Credentials::new("AKID", "key", None, None, "test"));
        load(options).await.into_builder().credentials_provider(credentials).timeout_config(patience).build()
    }

    /// The ports that lead here.
    pub(super) async fn ports(&self) -> AwsPorts {
        ports(&self.config().await, true).unwrap()
    }
}

fn request(stream: &mut std::net::TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(format!("{head}\n{}", String::from_utf8_lossy(&body)))
}

fn reply(mut stream: std::net::TcpStream, answer: Answer) {
    match answer {
        Answer::Body(status, kind, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nsmithy-protocol: rpc-v2-cbor\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
        Answer::HangUp => {}
        Answer::Silence => {
            // Returns when the client closes its end.
            let _ = stream.read(&mut [0]);
        }
    }
}
