use super::*;

fn hook(argv: &[&str], timeout: Duration) -> Hook {
    Hook { argv: argv.iter().map(|&part| part.to_owned()).collect(), timeout }
}

fn hooks(dir: &std::path::Path) -> ProcessHooks {
    let vars = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("AWS_SECRET_ACCESS_KEY", "s3cr3t"), ("aws_profile", "prod")];
    ProcessHooks::new(dir, vars.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

const AMPLE: Duration = Duration::from_secs(60);

async fn run(argv: &[&str], values: &[(&'static str, String)]) -> HookEnd {
    let dir = tempfile::tempdir().unwrap();
    hooks(dir.path()).run(&hook(argv, AMPLE), values).await
}

fn failed(end: HookEnd) -> String {
    match end {
        HookEnd::Failed(why) => why,
        HookEnd::Passed => panic!("the hook passed"),
    }
}

#[tokio::test]
async fn the_exit_status_decides() {
    assert_eq!(run(&["true"], &[]).await, HookEnd::Passed);
    let why = failed(run(&["sh", "-c", "echo out; echo err >&2; exit 7"], &[]).await);
    assert_eq!(why, "`sh` exited with status 7\nout\nerr");
    let why = failed(run(&["sh", "-c", "kill -TERM $$"], &[]).await);
    assert!(why.contains("signal: 15"), "{why}");
    assert!(failed(run(&["/no/such/program"], &[]).await).contains("cannot be started"));
    assert!(failed(run(&[], &[]).await).contains("names no program"));
}

#[tokio::test]
async fn values_are_arguments_and_never_shell() {
    let dir = tempfile::tempdir().unwrap();
    let evil = "https://x/;touch evil $(touch evil) `touch evil` {{run}}";
    let values = [("testUrl", evil.to_owned()), ("run", "run-1".to_owned())];
    let argv = ["sh", "-c", "printf '%s\\n' \"$1\" >&2; exit 1", "check", "{{ testUrl }}|{{run}}|{{other}}|{{"];
    let why = failed(hooks(dir.path()).run(&hook(&argv, AMPLE), &values).await);
    assert_eq!(why.lines().nth(1).unwrap(), format!("{evil}|run-1|{{{{other}}}}|{{{{"));
    assert!(!dir.path().join("evil").exists());
}

#[tokio::test]
async fn the_program_itself_is_not_filled_in() {
    let why = failed(run(&["{{run}}"], &[("run", "true".to_owned())]).await);
    assert!(why.contains("{{run}}"), "{why}");
}

#[tokio::test]
async fn a_program_beside_the_spec_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("smoke.sh");
    std::fs::write(&script, "#!/bin/sh\npwd\nexit 1\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let why = failed(hooks(dir.path()).run(&hook(&["./smoke.sh"], AMPLE), &[]).await);
    let home = dir.path().canonicalize().unwrap();
    assert_eq!(why.lines().nth(1), home.to_str());
}

#[tokio::test]
async fn our_credentials_stay_ours() {
    let why = failed(run(&["sh", "-c", "env; exit 1"], &[]).await);
    assert!(why.contains("PATH=") && !why.to_ascii_uppercase().contains("AWS_"), "{why}");
    // This process has variables that were not handed over, cargo's among them.
    assert!(!why.contains("CARGO_"), "{why}");
}

/// A named pipe in `dir`, and a reader that ends with everything written once the last writer is gone.
fn pipe(dir: &std::path::Path) -> (String, tokio::task::JoinHandle<String>) {
    let pipe = dir.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = pipe.to_str().unwrap().to_owned();
    (path, tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe).unwrap()))
}

/// What the writers left behind wrote. A reader that is still waiting for its first writer gets one that says nothing.
async fn written(path: &str, reader: tokio::task::JoinHandle<String>) -> String {
    drop(std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap());
    reader.await.unwrap()
}

/// A grandchild that would outlive its parent and say so.
const GRANDCHILD: &str = "exec 3>\"$1\"; (sleep 5; echo alive >&3) &";

#[tokio::test]
async fn a_timeout_ends_the_grandchildren_too() {
    let dir = tempfile::tempdir().unwrap();
    let (path, reader) = pipe(dir.path());
    let argv = ["sh", "-c", &format!("{GRANDCHILD} wait"), "check", &path];
    let why = failed(hooks(dir.path()).run(&hook(&argv, Duration::from_millis(300)), &[]).await);
    assert!(why.contains("still running after 300ms and was killed"), "{why}");
    assert_eq!(written(&path, reader).await, "");
}

#[tokio::test]
async fn a_check_that_passes_leaves_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (path, reader) = pipe(dir.path());
    let argv = ["sh", "-c", &format!("{GRANDCHILD} exit 0"), "check", &path];
    assert_eq!(hooks(dir.path()).run(&hook(&argv, AMPLE), &[]).await, HookEnd::Passed);
    assert_eq!(written(&path, reader).await, "");
}

#[tokio::test]
async fn a_run_that_is_cancelled_leaves_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let ((path, reader), (second, started)) = {
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        (pipe(dir.path()), pipe(&inner))
    };
    let argv = ["sh", "-c", &format!("{GRANDCHILD} echo ready >\"$2\"; wait"), "check", &path, &second];
    let (hooks, hook) = (hooks(dir.path()), hook(&argv, AMPLE));
    tokio::select! {
        end = hooks.run(&hook, &[]) => panic!("{end:?}"),
        said = started => assert_eq!(said.unwrap(), "ready\n"),
    }
    assert_eq!(written(&path, reader).await, "");
}

#[tokio::test]
async fn only_the_end_of_the_output_is_told() {
    let why = failed(run(&["sh", "-c", "seq 1 100000; printf '\\033[31mlast\\033[0m\\n'; exit 1"], &[]).await);
    let lines: Vec<&str> = why.lines().skip(1).collect();
    assert_eq!((lines.len(), lines[0], lines[LINES - 1]), (LINES, "99982", "last"));
    let why = failed(run(&["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; exit 1"], &[]).await);
    assert!(why.len() < BYTES + 200, "{}", why.len());
}
