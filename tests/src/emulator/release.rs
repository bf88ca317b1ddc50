//! A folder with a spec and a task definition, and the real binary started in it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::operator::Operator;
use super::{Outcome, Trouble, World, profile_folder};

/// What a test wants to vary in `bluegreen.yaml`. Times are short, since the emulator has no traffic to wait for.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The canary's weights, in percent, in order.
    pub weights: Vec<u32>,
    /// The hold after each weight but the last, e.g. `1s`.
    pub pause: &'static str,
    /// Another hold after this weight.
    pub but: Option<(u32, &'static str)>,
    /// The image that is released.
    pub image: &'static str,
    /// The hold at 100 %.
    pub bake: &'static str,
    /// How often the world is looked at.
    pub poll: &'static str,
    /// `settle`, `propagation` and `drain` of the spec, all three.
    pub quiet: &'static str,
    /// `hold` or `rollback`.
    pub drift: &'static str,
    /// Whether the listener's default action is released too.
    pub default_action: bool,
    /// What carries the release out.
    pub engine: Engine,
}

/// The engines as tests make worlds for them: `--engine` of `tests/sandbox/world.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Weights that we write, two services.
    Alb,
    /// Weights that we write, two services, and a third one for a control fleet.
    Control,
    /// Weights that we write, task sets of one service.
    TaskSets,
    /// CodeDeploy.
    CodeDeploy,
    /// ECS's own strategies.
    Ecs,
}

impl Engine {
    /// The word for it in `world.py`.
    pub fn world(self) -> &'static str {
        match self {
            Engine::Alb => "alb",
            Engine::Control => "control",
            Engine::TaskSets => "taskSets",
            Engine::CodeDeploy => "codedeploy",
            Engine::Ecs => "ecs",
        }
    }

    /// The spec's `engine` and `fleet`.
    fn lines(self) -> &'static str {
        match self {
            Engine::Alb => "engine: alb\nfleet:\n  services: { blue: frontend-blue, green: frontend-green }",
            Engine::Control => {
                "engine: alb\nfleet:\n  services: { blue: frontend-blue, green: frontend-green, control: frontend-control }"
            }
            Engine::TaskSets => "engine: alb\nfleet: { taskSets: { service: frontend } }",
            Engine::CodeDeploy => "engine: codedeploy\nfleet: { service: frontend }",
            Engine::Ecs => "engine: ecs\nfleet: { service: frontend }",
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            weights: vec![1, 5, 10, 50, 100],
            pause: "1s",
            but: None,
            image: "example/web:2",
            bake: "2s",
            poll: "200ms",
            quiet: "1s",
            drift: "hold",
            default_action: false,
            engine: Engine::Alb,
        }
    }
}

impl Spec {
    /// As short as the product allows, for tests that run many releases.
    pub fn brisk() -> Self {
        Self { pause: "300ms", bake: "500ms", poll: "100ms", quiet: "200ms", ..Self::default() }
    }

    fn render(&self, world: &World) -> String {
        let mut steps = String::new();
        for (i, weight) in self.weights.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(steps, "      - setWeight: {weight}");
            if i + 1 < self.weights.len() {
                let pause = self.but.filter(|(at, _)| at == weight).map_or(self.pause, |(_, pause)| pause);
                let _ = writeln!(steps, "      - pause: {{ duration: {pause} }}");
            }
        }
        let default = if self.default_action {
            format!("  defaultActions:\n    - {}\n", world.listener())
        } else {
            String::new()
        };
        let Self { bake, poll, quiet, drift, image, .. } = self;
        let (region, account, cluster) = (world.value("region"), world.value("account"), world.value("cluster"));
        let engine = self.engine.lines();
        let control = if self.engine == Engine::Control { ", control: frontend-control" } else { "" };
        let (container, rule) = (world.value("container"), world.rule());
        format!(
            "version: 1
service: frontend
environments:
  test: {{ region: {region}, account: \"{account}\", cluster: {cluster} }}
{engine}
taskDefinition: {{ file: taskdef.json, images: {{ {container}: \"{image}\" }} }}
traffic:
  targetGroups: {{ blue: frontend-blue, green: frontend-green{control} }}
  rules:
    - {rule}
{default}strategy:
  canary:
    steps:
{steps}bake: {bake}
capacity: full
alarms: [frontend-5xx, frontend-latency]
drift: {drift}
rollback: {{ onInterrupt: hold, deadline: 10m, stickyHold: 1s }}
timing:
  poll: {poll}
  settle: {quiet}
  propagation: {quiet}
  drain: {quiet}
  phaseDeadline: 60s
  freshness: 10s
  stableFor: 200ms
"
        )
    }
}

/// The folder a user would run `bluegreen` in; its home and its state folder are inside, so nothing of the machine's
/// own configuration is read.
#[derive(Debug)]
pub struct Release {
    folder: TempDir,
    endpoint: String,
    region: String,
}

impl Release {
    /// Writes `bluegreen.yaml` and `taskdef.json` for this world.
    pub fn new(world: &World, spec: &Spec) -> Outcome<Self> {
        Self::of(world, spec, &json!([]))
    }

    /// The same with this `environment` for the container.
    pub fn of(world: &World, spec: &Spec, environment: &Value) -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(Trouble::at("making a folder for the release"))?;
        let definition = json!({
            "family": "frontend",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{
                "name": world.value("container"),
                "image": "example/web:1",
                "essential": true,
                "environment": environment,
                "portMappings": [{ "containerPort": 8080, "protocol": "tcp" }],
            }],
        });
        let release = Self { folder, endpoint: world.endpoint().to_owned(), region: world.value("region").to_owned() };
        release.write("bluegreen.yaml", &spec.render(world))?;
        release.write("taskdef.json", &definition.to_string())?;
        Ok(release)
    }

    /// Puts a file into the folder, over the one that may be there.
    pub fn write(&self, name: &str, content: &str) -> Outcome<()> {
        fs::write(self.path().join(name), content).map_err(Trouble::at(name))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts `bluegreen deploy` as in the README.
    pub fn deploy(&self) -> Outcome<Operator> {
        self.start(&["deploy", "-f", "bluegreen.yaml", "--yes", "--insecure-endpoint", "--output", "json"])
    }

    /// Starts `bluegreen resume RUN`.
    pub fn resume(&self, run: &str) -> Outcome<Operator> {
        self.start(&["resume", run, "--insecure-endpoint", "--output", "json"])
    }

    /// Starts the real binary with these arguments.
    pub fn start(&self, arguments: &[&str]) -> Outcome<Operator> {
        Operator::start(self.command(arguments)?)
    }

    /// The real binary with these arguments in this folder, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(binary()?);
        command.args(arguments).current_dir(self.path()).env_clear();
        let home = self.path().join("home");
        fs::create_dir_all(&home).map_err(Trouble::at("making the home folder"))?;
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
            .env("HOME", &home)
            .env("USER", "tester")
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CONFIG_HOME", &home)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", &self.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("RUST_BACKTRACE", "1");
        Ok(command)
    }
}

/// The program under test: `BLUEGREEN_BIN`, else the one that cargo built beside this test.
pub fn binary() -> Outcome<PathBuf> {
    let path = match std::env::var_os("BLUEGREEN_BIN") {
        Some(path) => PathBuf::from(path),
        None => profile_folder()?.join("bluegreen"),
    };
    if path.is_file() {
        return Ok(path);
    }
    let found = path.display();
    Err(Trouble::new(format!("no program at {found}; run `cargo build -p bluegreen-cli` or set BLUEGREEN_BIN")))
}
