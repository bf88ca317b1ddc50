//! Hooks of deployments: what stands for their functions is run here, and its end is the answer.

use std::collections::BTreeSet;
use std::process::Stdio;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::{Request, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::world::codedeploy::{Function, WantedHook};

/// No more of what a command printed last is told.
const SAID_MAX: usize = 200;

/// A hook has come to its end.
#[derive(Debug)]
pub(super) struct HookEvent {
    pub(super) hook: WantedHook,
    /// Why it did not pass.
    pub(super) ended: Result<(), String>,
}

/// What carries hooks out. Dropped, it ends them.
#[derive(Debug)]
pub(super) struct Hooks {
    running: JoinSet<()>,
    /// Runs that were begun and are still wanted.
    begun: BTreeSet<String>,
    events: mpsc::UnboundedSender<HookEvent>,
    /// The argument vector that a command is added to, so that none survives the sandbox.
    guard: Vec<String>,
    /// What leads a client of AWS to the sandbox.
    environment: Vec<(&'static str, String)>,
}

impl Hooks {
    pub(super) fn new(
        events: mpsc::UnboundedSender<HookEvent>,
        guard: Vec<String>,
        environment: Vec<(&'static str, String)>,
    ) -> Hooks {
        Hooks { running: JoinSet::new(), begun: BTreeSet::new(), events, guard, environment }
    }

    /// Begins what has not begun. One that nobody wants any more runs on, as a function would.
    pub(super) fn run(&mut self, wanted: Vec<WantedHook>) {
        while self.running.try_join_next().is_some() {}
        self.begun.retain(|id| wanted.iter().any(|hook| hook.id == *id));
        for hook in wanted {
            if !self.begun.insert(hook.id.clone()) {
                continue;
            }
            let (events, guard, environment) = (self.events.clone(), self.guard.clone(), self.environment.clone());
            self.running.spawn(async move {
                let ended = match &hook.function {
                    Function::Command(argv) => command(&hook, argv, &guard, environment).await,
                    Function::Url(url) => send(&hook, url).await,
                    Function::Scripted { .. } => return,
                };
                // Nobody listens where the sandbox has ended.
                let _ = events.send(HookEvent { hook, ended });
            });
        }
    }
}

/// Runs a command to its end; what it prints last says why it failed.
async fn command(
    hook: &WantedHook,
    argv: &[String],
    guard: &[String],
    environment: Vec<(&'static str, String)>,
) -> Result<(), String> {
    let mut words = guard.iter().chain(argv);
    let program = words.next().ok_or_else(|| "no command is given".to_owned())?;
    let mut command = Command::new(program);
    command
        .args(words)
        .envs(environment)
        .env("DEPLOYMENT_ID", &hook.deployment)
        .env("LIFECYCLE_EVENT_HOOK_EXECUTION_ID", &hook.id)
        .env("LIFECYCLE_EVENT", hook.event)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A guard ends its whole group when its input ends, which a kill of itself alone would keep it from.
        .process_group(0)
        .kill_on_drop(guard.is_empty());
    let mut child = command.spawn().map_err(|error| format!("{program} cannot be started: {error}"))?;
    let _input = child.stdin.take();
    let output = child.wait_with_output().await.map_err(|error| format!("{program} was lost: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stderr, &output.stdout].map(|text| String::from_utf8_lossy(text).trim().to_owned());
    let last = said.iter().find_map(|text| text.lines().last()).unwrap_or("it said nothing");
    let last: String = last.chars().filter(|letter| !letter.is_control()).take(SAID_MAX).collect();
    Err(format!("{}: {last}", output.status))
}

/// Sends the event that a function would get; 2xx is a yes.
async fn send(hook: &WantedHook, url: &str) -> Result<(), String> {
    let wrong = |what: &str| format!("{url} is no address that a hook can be sent to: {what}");
    let uri: Uri = url.parse().map_err(|_| wrong("it cannot be read"))?;
    if uri.scheme_str() != Some("http") {
        return Err(wrong("it must begin with http://"));
    }
    let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await;
    let stream = stream.map_err(|error| format!("{authority} cannot be reached: {error}"))?;
    let event = json!({
        "DeploymentId": hook.deployment, "LifecycleEventHookExecutionId": hook.id, "LifecycleEvent": hook.event,
    });
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(event.to_string())))
        .map_err(|_| wrong("it cannot be asked for"))?;
    let lost = |error: hyper::Error| format!("{authority} gave no answer: {error}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    let status = answer.map_err(lost)?.status();
    if status.is_success() { Ok(()) } else { Err(format!("{authority} answered {status}")) }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn ended(function: Function) -> Result<(), String> {
        let (events, mut ends) = mpsc::unbounded_channel();
        let mut hooks = Hooks::new(events, Vec::new(), vec![("AWS_ENDPOINT_URL", "http://here".to_owned())]);
        let hook =
            WantedHook { deployment: "d-ABC".to_owned(), id: "run-1".to_owned(), event: "AfterInstall", function };
        hooks.run(vec![hook.clone()]);
        hooks.run(vec![hook]);
        let end = ends.recv().await.unwrap();
        assert_eq!((end.hook.id.as_str(), hooks.begun.len()), ("run-1", 1));
        hooks.run(Vec::new());
        assert!(ends.try_recv().is_err(), "a run is begun once");
        end.ended
    }

    fn shell(text: &str) -> Function {
        Function::Command(["sh", "-c", text].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn a_command_answers_by_its_exit_status_and_knows_what_it_is_for() {
        let all = "test $DEPLOYMENT_ID:$LIFECYCLE_EVENT_HOOK_EXECUTION_ID:$LIFECYCLE_EVENT = d-ABC:run-1:AfterInstall \
                   && test $AWS_ENDPOINT_URL = http://here";
        assert_eq!(ended(shell(all)).await, Ok(()));
        let why = ended(shell("echo first; echo 'checkout is broken'; exit 3")).await.unwrap_err();
        assert!(why.contains('3') && why.ends_with("checkout is broken"), "{why}");
        let why = ended(Function::Command(vec!["/nowhere/at/all".to_owned()])).await.unwrap_err();
        assert!(why.starts_with("/nowhere/at/all cannot be started"), "{why}");
    }

    #[tokio::test]
    async fn an_address_answers_by_its_status() {
        for (status, good) in [("204 No Content", true), ("500 Internal Server Error", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = Vec::new();
                while !read.ends_with(b"}") {
                    read.push(stream.read_u8().await.unwrap());
                }
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                String::from_utf8(read).unwrap()
            });
            let end = ended(Function::Url(format!("http://{address}/smoke?x=1"))).await;
            assert_eq!(end.is_ok(), good, "{end:?}");
            let request = server.await.unwrap();
            assert!(request.starts_with("POST /smoke?x=1 HTTP/1.1") && request.contains("\"d-ABC\""), "{request}");
        }
        assert!(ended(Function::Url("https://example.com/".to_owned())).await.unwrap_err().contains("http://"));
    }
}
