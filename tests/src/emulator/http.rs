//! Just enough HTTP for the control endpoints: one request, one connection, JSON both ways.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::{Outcome, Trouble};

/// The emulator answers control requests from memory; longer than this means that it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends one request to the port on 127.0.0.1 and returns the JSON reply; any status but 200 is a trouble.
pub(crate) fn json(port: u16, method: &str, path: &str, document: Option<&Value>) -> Outcome<Value> {
    let doing = format!("{method} {path}");
    let body = document.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(Trouble::at(&doing))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(Trouble::at(&doing))?;
    stream.write_all(request.as_bytes()).map_err(Trouble::at(&doing))?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).map_err(Trouble::at(&doing))?;
    let reply = String::from_utf8_lossy(&reply);
    let (head, body) = reply.split_once("\r\n\r\n").ok_or_else(|| Trouble::new(format!("{doing}: no HTTP reply")))?;
    if head.split_whitespace().nth(1) != Some("200") {
        return Err(Trouble::new(format!("{doing}: {}: {body}", head.lines().next().unwrap_or_default())));
    }
    serde_json::from_str(body).map_err(Trouble::at(format!("{doing}: reply is not JSON")))
}
