use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::*;
use crate::{demo_service, load};

const CHILD: &str = "SANDBOX_TEST_CHILD";
const GUARDED: &str = "SANDBOX_TEST_GUARDED";

/// The test binary again, with this one test as its program: what it does depends on its environment.
#[test]
fn child() {
    let variable = |name: &str| std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    let Some(role) = variable(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let code = runtime.block_on(async {
        match role.as_str() {
            "demo" => {
                let config = demo_service::Config::read(variable).unwrap();
                let ending = demo_service::serve(config, |address| println!("listening on {address}")).await;
                i32::from(ending.unwrap().code())
            }
            "guard" => {
                let argv: Vec<String> = variable(GUARDED).unwrap().split(' ').map(str::to_owned).collect();
                guard::guard(&argv).await.unwrap()
            }
            "stubborn" => {
                let terminate = tokio::signal::unix::SignalKind::terminate();
                let _deaf = tokio::signal::unix::signal(terminate).unwrap();
                let config = demo_service::Config::read(variable).unwrap();
                let _listener = tokio::net::TcpListener::bind(config.address).await.unwrap();
                // Nobody may be left to kill it when a test fails.
                tokio::time::sleep(Duration::from_secs(60)).await;
                0
            }
            "leaver" => {
                let mut heir = std::process::Command::new(&me()[0]);
                std::os::unix::process::CommandExt::process_group(&mut heir, 0);
                #[expect(clippy::zombie_processes, reason = "it outlives its parent: that is what is tested")]
                let heir = heir.args(&me()[1..]).env(CHILD, "stubborn").env("PORT", "0").spawn().unwrap();
                println!("\nheir {}", heir.id());
                0
            }
            "sandbox" => {
                let (tell, mut heard) = mpsc::unbounded_channel();
                let supervisor = Supervisor::new(tell);
                supervisor.start(launch(1, Network::Awsvpc, vec![demo(&[])]));
                let Some(TaskEvent::Running { address, .. }) = heard.recv().await else { panic!("no task") };
                println!("\ntask at {address}");
                std::future::pending().await
            }
            other => panic!("no role {other}"),
        }
    });
    std::process::exit(code);
}

fn me() -> Vec<String> {
    let exe = std::env::current_exe().unwrap().into_os_string().into_string().unwrap();
    [&exe, "--exact", "tasks::tests::child", "--nocapture"].map(str::to_owned).to_vec()
}

fn container(argv: &[&str]) -> Container {
    Container {
        name: "web".to_owned(),
        argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        env: BTreeMap::new(),
        essential: true,
        ports: Vec::new(),
        stop_timeout: Duration::from_secs(20),
        directory: None,
        watches_parent: false,
    }
}

fn role(role: &str, env: &[(&str, &str)]) -> Container {
    let env =
        [(CHILD, role)].into_iter().chain(env.iter().copied()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Container { argv: me(), env: env.collect(), ports: vec![8080], watches_parent: true, ..container(&[]) }
}

fn demo(env: &[(&str, &str)]) -> Container {
    role("demo", env)
}

/// The service under a guard that the supervisor knows nothing of.
fn guarded_demo() -> Container {
    let service = format!("env {CHILD}=demo {}", me().join(" "));
    role("guard", &[(GUARDED, &service)])
}

fn launch(id: u64, network: Network, containers: Vec<Container>) -> Launch {
    Launch { id, name: String::new(), plan: Plan { containers, network, notes: Vec::new() } }
}

fn alone(id: u64, container: Container) -> Launch {
    launch(id, Network::Bridge, vec![container])
}

struct Bench {
    supervisor: Supervisor,
    events: mpsc::UnboundedReceiver<TaskEvent>,
}

impl Bench {
    fn new() -> Bench {
        let (tell, events) = mpsc::unbounded_channel();
        Bench { supervisor: Supervisor::new(tell), events }
    }

    async fn running(&mut self) -> SocketAddr {
        match self.events.recv().await {
            Some(TaskEvent::Running { address, .. }) => address,
            other => panic!("{other:?}"),
        }
    }

    async fn exited(&mut self) -> (u64, Option<i32>, String) {
        match self.events.recv().await {
            Some(TaskEvent::Exited { id, code, reason }) => (id, code, reason),
            other => panic!("{other:?}"),
        }
    }

    /// Starts a service and waits until it answers its health check.
    async fn serving(&mut self, launch: Launch) -> SocketAddr {
        self.supervisor.start(launch);
        let address = self.running().await;
        answering(address).await;
        address
    }

    fn groups(&self, id: u64) -> Vec<Pid> {
        self.supervisor.shared.table().tasks[&id].groups.clone()
    }

    /// Drops the supervisor and waits until every process it had was seen to end.
    async fn end(mut self) {
        drop(self.supervisor);
        while self.events.recv().await.is_some() {}
    }
}

/// Returns when the target passes a health check.
async fn answering(address: SocketAddr) {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let prober = probe::Prober::new(tell);
    let check = probe::Check {
        protocol: probe::Protocol::Http,
        path: "/healthz".to_owned(),
        port: None,
        matcher: probe::Matcher::default(),
        interval: Duration::from_millis(10),
        timeout: Duration::from_secs(20),
    };
    prober.watch("", address, check);
    while !heard.recv().await.unwrap().passed {}
}

/// The answer to `GET path`, head and body, from a server that closes the connection after it.
async fn get(address: SocketAddr, path: &str) -> String {
    use tokio::io::AsyncWriteExt;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Returns when the process at the other end is gone.
async fn ended(open: &mut TcpStream) {
    assert!(matches!(open.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}

fn gone(group: Pid) -> bool {
    rustix::process::test_kill_process_group(group) == Err(rustix::io::Errno::SRCH)
}

#[tokio::test]
async fn an_awsvpc_task_answers_at_its_own_address_on_its_own_port() {
    let mut bench = Bench::new();
    let one = bench.serving(launch(1, Network::Awsvpc, vec![demo(&[("VERSION", "v1"), ("PORT", "1")])])).await;
    let two = bench.serving(launch(2, Network::Awsvpc, vec![demo(&[("VERSION", "v2")])])).await;
    assert_ne!(one, two);
    if cfg!(target_os = "linux") {
        assert_ne!(one.ip(), two.ip());
        assert_eq!((one.port(), two.port()), (8080, 8080));
    }
    for (address, version, task) in [(one, "v1", "1"), (two, "v2", "2")] {
        let answer = get(address, "/shop").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains(&format!("x-version: {version}\r\n")), "{answer}");
        assert!(answer.contains(&format!("x-task: {task}\r\n")), "{answer}");
        assert!(answer.contains(r#""path":"/shop","request":1"#), "{answer}");
    }
    assert_eq!(bench.supervisor.running(), [1, 2]);
    let expected = Binding { container: "web".to_owned(), container_port: 8080, address: two };
    assert_eq!(bench.supervisor.bindings(2), [expected]);
    bench.end().await;
}

#[tokio::test]
async fn bridge_tasks_share_an_address_and_have_their_own_ports() {
    let mut bench = Bench::new();
    let one = bench.serving(alone(1, demo(&[]))).await;
    let two = bench.serving(alone(2, demo(&[]))).await;
    assert_eq!((one.ip().to_string(), one.ip()), ("127.0.0.1".to_owned(), two.ip()));
    assert_ne!(one.port(), two.port());
    bench.end().await;
}

#[tokio::test]
async fn exit_codes_are_told() {
    let mut bench = Bench::new();
    for (id, program, code) in [(1, "/bin/true", 0), (2, "/bin/false", 1)] {
        bench.supervisor.start(alone(id, container(&[program])));
        assert_eq!(bench.running().await.port(), 0);
        let (exited, told, reason) = bench.exited().await;
        assert_eq!((exited, told), (id, Some(code)));
        assert!(reason.starts_with("Essential container in task exited (web: exit status: "), "{reason}");
    }
    assert!(bench.supervisor.running().is_empty());
}

#[tokio::test]
async fn a_program_that_is_not_there_never_runs() {
    let mut bench = Bench::new();
    let good = container(&["/bin/sleep", "1000"]);
    let bad = Container { name: "side".to_owned(), ..container(&["/no/such/program"]) };
    bench.supervisor.start(launch(7, Network::Bridge, vec![good, bad]));
    let (id, code, reason) = bench.exited().await;
    assert_eq!((id, code), (7, None));
    assert!(reason.starts_with("CannotStartContainerError: \"/no/such/program\" of container \"side\""), "{reason}");
    assert!(reason.contains("a program of this machine"), "{reason}");
    assert!(bench.supervisor.running().is_empty());
    assert_eq!(bench.supervisor.logs(7)[0].stream, Stream::Note);
    bench.supervisor.start(alone(8, container(&[])));
    assert!(bench.exited().await.2.contains("no program to run"));
}

#[tokio::test]
async fn the_environment_is_the_definitions_own_and_the_place() {
    let mut bench = Bench::new();
    let env = [("COLOUR", "blue"), ("PORT", "1"), ("PATH", "/bin:/usr/bin")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    let mut launch = alone(1, Container { env, ports: vec![80, 81], ..container(&["env"]) });
    launch.name = "task-1".to_owned();
    bench.supervisor.start(launch);
    let address = bench.running().await;
    bench.exited().await;
    let lines: Vec<String> = bench.supervisor.logs(1).into_iter().map(|line| line.text).collect();
    let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
    assert_eq!(value("COLOUR").as_deref(), Some("blue"));
    assert_eq!(value("PATH").as_deref(), Some("/bin:/usr/bin"));
    assert_eq!(value("HOST").as_deref(), Some("127.0.0.1"));
    assert_eq!(value("PORT"), Some(address.port().to_string()));
    assert_eq!(value("PORT_80"), Some(address.port().to_string()));
    assert_ne!(value("PORT_81").unwrap(), address.port().to_string());
    assert_eq!(value("BLUEGREEN_TASK").as_deref(), Some("task-1"));
    assert_eq!(value("BLUEGREEN_PARENT_PIPE").as_deref(), Some("1"));
    let known = ["COLOUR", "PATH", "HOME", "HOST", "PORT", "PORT_80", "PORT_81", "BLUEGREEN_TASK", PARENT_PIPE];
    let names = lines.iter().map(|line| line.split('=').next().unwrap());
    let strange: Vec<_> = names.filter(|name| !known.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[tokio::test]
async fn a_task_that_crashes_under_load_is_seen_by_both_sides() {
    let mut bench = Bench::new();
    let address = bench.serving(alone(1, demo(&[("VERSION", "v3"), ("CRASH_AFTER", "5 requests")]))).await;
    let pace = load::Pace::Closed { clients: 1 };
    let load = load::Load { pace, limit: Some(6), ..load::Load::new(address) };
    let tally = load.start().unwrap().finished().await;
    assert_eq!(tally.versions["v3"].ok, 4);
    assert_eq!(tally.counts.transport_errors, 2);
    assert_eq!(bench.exited().await.1, Some(1));
}

#[tokio::test]
async fn a_task_is_asked_to_end_before_it_is_made_to() {
    let mut bench = Bench::new();
    bench.serving(alone(1, demo(&[]))).await;
    bench.supervisor.stop(1);
    assert_eq!(bench.exited().await, (1, Some(0), "Task stopped on request".to_owned()));

    bench.supervisor.start(alone(2, container(&["/bin/sleep", "1000"])));
    bench.running().await;
    bench.supervisor.stop(2);
    assert_eq!(bench.exited().await.1, Some(143));

    bench.supervisor.stop(3);
    assert!(bench.supervisor.running().is_empty());
}

#[tokio::test]
async fn a_service_that_is_asked_to_end_lives_until_it_has_answered() {
    use tokio::io::AsyncWriteExt;
    let mut bench = Bench::new();
    let address = bench.serving(alone(1, demo(&[("LATENCY", "150ms")]))).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nhost: demo\r\n\r\n").await.unwrap();
    // An answer to a later connection proves that the first request was taken.
    get(address, "/healthz").await;
    bench.supervisor.stop(1);
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert_eq!(bench.exited().await.1, Some(0));
}

#[tokio::test]
async fn a_task_that_does_not_end_is_killed_after_its_time() {
    let mut bench = Bench::new();
    let stubborn = Container { stop_timeout: Duration::from_millis(50), ..role("stubborn", &[]) };
    bench.supervisor.start(alone(1, stubborn));
    let address = bench.running().await;
    while TcpStream::connect(address).await.is_err() {
        tokio::task::yield_now().await;
    }
    let group = bench.groups(1)[0];
    bench.supervisor.stop(1);
    assert_eq!(bench.exited().await.1, Some(137));
    assert!(gone(group));
}

#[tokio::test]
async fn a_task_ends_with_an_essential_container_and_not_with_another() {
    let mut bench = Bench::new();
    let named =
        |name: &str, essential, argv: &[&str]| Container { name: name.to_owned(), essential, ..container(argv) };
    let side = named("side", false, &["/bin/true"]);
    let web = named("web", true, &["/bin/sleep", "1000"]);
    bench.supervisor.start(launch(1, Network::Bridge, vec![side, web.clone()]));
    bench.running().await;
    // Its group's number may be somebody else's from then on.
    while bench.groups(1).len() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(!*bench.supervisor.shared.table().tasks[&1].ending.borrow(), "the task ends with its side car");
    bench.supervisor.stop(1);
    assert_eq!(bench.exited().await.1, Some(143));

    let crashing = named("agent", true, &["/bin/false"]);
    bench.supervisor.start(launch(2, Network::Bridge, vec![web, crashing]));
    bench.running().await;
    let groups = bench.groups(2);
    let (id, code, reason) = bench.exited().await;
    assert_eq!((id, code), (2, Some(1)));
    assert!(reason.contains("agent: exit status: 1"), "{reason}");
    assert!(groups.into_iter().all(gone), "the other container is left");
}

#[tokio::test]
async fn what_a_container_started_goes_with_it() {
    let mut bench = Bench::new();
    let address = bench.serving(alone(1, guarded_demo())).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    // The guard alone is killed, which leaves its program, the service, an orphan.
    rustix::process::kill_process(bench.groups(1)[0], rustix::process::Signal::KILL).unwrap();
    assert_eq!(bench.exited().await.1, Some(137));
    ended(&mut open).await;
}

#[tokio::test]
async fn a_dropped_supervisor_leaves_nobody() {
    let mut bench = Bench::new();
    for id in 1..=3 {
        bench.supervisor.start(alone(id, container(&["/bin/sleep", "1000"])));
        bench.running().await;
    }
    let groups: Vec<Pid> = (1..=3).flat_map(|id| bench.groups(id)).collect();
    assert!(groups.iter().all(|group| !gone(*group)));
    bench.end().await;
    assert!(groups.into_iter().all(gone));
}

#[tokio::test]
async fn who_left_the_group_and_holds_its_output_does_not_hold_up_the_end() {
    let mut bench = Bench::new();
    bench.supervisor.start(alone(1, role("leaver", &[])));
    bench.running().await;
    assert_eq!(bench.exited().await.1, Some(0));
    let lines = bench.supervisor.logs(1);
    let heir = lines.iter().find_map(|line| line.text.strip_prefix("heir ")).unwrap().parse().unwrap();
    let heir = Pid::from_raw(heir).unwrap();
    rustix::process::kill_process(heir, rustix::process::Signal::KILL).expect("it still held the output");
}

#[test]
fn a_runtime_that_goes_takes_its_tasks_along() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (bench, address) = runtime.block_on(async {
        let mut bench = Bench::new();
        let address = bench.serving(alone(1, guarded_demo())).await;
        (bench, address)
    });
    let mut open = std::net::TcpStream::connect(address).unwrap();
    drop(runtime);
    // Not the guard alone, which was started by the runtime, but what it runs as well.
    assert!(matches!(std::io::Read::read(&mut open, &mut [0; 1]), Ok(0) | Err(_)));
    drop(bench);
}

#[tokio::test]
async fn a_shutdown_waits_for_all_and_starts_no_more() {
    let mut bench = Bench::new();
    bench.serving(alone(1, demo(&[]))).await;
    bench.supervisor.start(alone(2, container(&["/bin/sleep", "1000"])));
    bench.running().await;
    let groups = [bench.groups(1), bench.groups(2)].concat();
    bench.supervisor.shutdown().await;
    assert!(groups.into_iter().all(gone));
    let mut codes = [bench.exited().await, bench.exited().await].map(|(id, code, _)| (id, code));
    codes.sort_unstable();
    assert_eq!(codes, [(1, Some(0)), (2, Some(143))]);
    bench.supervisor.start(alone(3, container(&["/bin/sleep", "1000"])));
    assert_eq!(bench.exited().await, (3, None, "the sandbox is being taken down".to_owned()));
    bench.supervisor.shutdown().await;
}

#[tokio::test]
async fn an_id_that_runs_is_not_started_twice_and_is_free_after_its_end() {
    let mut bench = Bench::new();
    bench.supervisor.start(alone(1, container(&["/bin/sleep", "1000"])));
    bench.running().await;
    let groups = bench.groups(1);
    bench.supervisor.start(alone(1, container(&["/bin/sleep", "1000"])));
    assert_eq!(bench.groups(1), groups);
    bench.supervisor.kill_all();
    assert_eq!(bench.exited().await.1, Some(137));
    bench.supervisor.start(alone(1, container(&["/bin/true"])));
    bench.running().await;
    assert_eq!(bench.exited().await.1, Some(0));
}

#[tokio::test]
async fn notes_of_the_plan_and_both_outputs_are_in_the_log() {
    let mut bench = Bench::new();
    let mut launch = alone(1, container(&["ls", "/", "/no/such/place"]));
    launch.plan.notes = vec!["secret TOKEN is left out".to_owned()];
    bench.supervisor.start(launch);
    bench.running().await;
    bench.exited().await;
    let lines = bench.supervisor.logs(1);
    assert_eq!((lines[0].stream, lines[0].text.as_str()), (Stream::Note, "secret TOKEN is left out"));
    assert!(lines.iter().any(|line| line.stream == Stream::Out && line.text == "etc"), "{lines:?}");
    assert!(lines.iter().any(|line| line.stream == Stream::Err && line.text.contains("/no/such/place")), "{lines:?}");
    assert!(bench.supervisor.logs(99).is_empty());
}

#[tokio::test]
async fn only_the_last_ended_tasks_are_remembered() {
    let mut bench = Bench::new();
    let last = u64::try_from(BURIED_MAX).unwrap();
    for id in 0..=last {
        bench.supervisor.start(alone(id, container(&["/no/such/program"])));
        bench.exited().await;
    }
    assert!(bench.supervisor.logs(0).is_empty());
    assert!(!bench.supervisor.logs(1).is_empty() && !bench.supervisor.logs(last).is_empty());
}

#[tokio::test]
async fn a_killed_sandbox_leaves_no_built_in_service() {
    let mut sandbox = tokio::process::Command::new(&me()[0])
        .args(&me()[1..])
        .env(CHILD, "sandbox")
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut out = sandbox.stdout.take().unwrap();
    let address = loop {
        let text = String::from_utf8_lossy(&said);
        if let Some((_, rest)) = text.split_once("task at ")
            && let Some((address, _)) = rest.split_once('\n')
        {
            break address.parse::<SocketAddr>().unwrap();
        }
        assert_ne!(out.read_buf(&mut said).await.unwrap(), 0, "it said {:?}", String::from_utf8_lossy(&said));
    };
    answering(address).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    sandbox.kill().await.unwrap();
    // Nobody is left to tell the service.
    ended(&mut open).await;
}

#[tokio::test]
async fn a_guard_leaves_sigterm_to_its_program_and_tells_its_code() {
    let mut bench = Bench::new();
    bench.serving(alone(1, guarded_demo())).await;
    bench.supervisor.stop(1);
    assert_eq!(bench.exited().await.1, Some(0), "the guard ended before its program did");
}

#[tokio::test]
async fn a_guard_ends_its_program_with_its_parent() {
    let mut bench = Bench::new();
    // A place, from a task that ended.
    bench.supervisor.start(alone(1, Container { ports: vec![80], ..container(&["/bin/true"]) }));
    let address = bench.running().await;
    let mut guard = tokio::process::Command::new(&me()[0])
        .args(&me()[1..])
        .envs(guarded_demo().env)
        .envs([("HOST", address.ip().to_string()), ("PORT", address.port().to_string())])
        .env(PARENT_PIPE, "1")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    answering(address).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    drop(guard.stdin.take());
    ended(&mut open).await;
    assert!(!guard.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_guard_says_what_it_cannot_run() {
    assert!(matches!(guard::guard(&[]).await, Err(guard::GuardError::NoProgram)));
    let error = guard::guard(&["/no/such/program".to_owned()]).await.unwrap_err();
    assert!(error.to_string().starts_with("\"/no/such/program\" could not be started"), "{error}");
}

#[tokio::test]
async fn only_programs_that_do_not_watch_their_parent_are_guarded() {
    let (tell, events) = mpsc::unbounded_channel();
    let supervisor = Supervisor::guarded(tell, vec!["env".to_owned(), "GUARDED=yes".to_owned()]);
    let mut bench = Bench { supervisor, events };
    for (id, watches_parent) in [(1, false), (2, true)] {
        bench.supervisor.start(alone(id, Container { watches_parent, ..container(&["env"]) }));
        bench.running().await;
        bench.exited().await;
        let guarded = bench.supervisor.logs(id).iter().any(|line| line.text == "GUARDED=yes");
        assert_eq!(guarded, !watches_parent);
    }
}
