//! What a task definition's containers are here: local programs, found in the definition's own document.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::place::Network;

/// The image that is built in.
const DEMO: &str = "sandbox/demo";
/// The prefix of an image that is a local program.
const PROCESS: &str = "process:";
/// ECS's stop timeout where the definition names none.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What a task runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its containers, in the definition's order; at least one is essential.
    pub containers: Vec<Container>,
    /// How they are reached.
    pub network: Network,
    /// What of the definition is left out, for people; written to the task's log when it starts.
    pub notes: Vec<String>,
}

/// One container as a program.
#[derive(Clone, PartialEq)]
pub struct Container {
    /// Its name in the definition.
    pub name: String,
    /// The program and its arguments; the program is looked up in `PATH` unless it has a slash.
    pub argv: Vec<String>,
    /// The environment of its definition. `PATH` and `HOME` come from the sandbox's own where it does not set them.
    pub env: BTreeMap<String, String>,
    /// Whether the task ends with it.
    pub essential: bool,
    /// The ports it listens on, by its definition.
    pub ports: Vec<u16>,
    /// How long it has between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
    /// Where it is started; where the sandbox runs if none.
    pub directory: Option<PathBuf>,
    /// Whether the program itself ends when its standard input does, so that it needs no guard.
    pub watches_parent: bool,
}

/// Values of an environment are often secrets: only their names are shown.
impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container")
            .field("name", &self.name)
            .field("argv", &self.argv)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("essential", &self.essential)
            .field("ports", &self.ports)
            .field("stop_timeout", &self.stop_timeout)
            .field("directory", &self.directory)
            .field("watches_parent", &self.watches_parent)
            .finish()
    }
}

/// Why a task definition cannot run here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrunnable {
    /// It has no containers, or none is essential.
    #[error("the task definition has no essential container: give `containerDefinitions` at least one")]
    NoContainer,
    /// An essential container's image is none that the sandbox can run.
    #[error(
        "container {container:?} has the image {image:?} and no `command`: the sandbox runs local processes and pulls no \
         images; use `process:/path/to/program arg…`, give the container a `command`, or use the built-in `sandbox/demo`"
    )]
    Image {
        /// The container's name.
        container: String,
        /// Its image.
        image: String,
    },
    /// The built-in service was given arguments, which it does not take.
    #[error(
        "container {container:?} gives a `command` or an `entryPoint` to the built-in `sandbox/demo`: it takes its \
         settings from `environment` (VERSION, ERROR_RATE, LATENCY and others)"
    )]
    DemoCommand {
        /// The container's name.
        container: String,
    },
    /// A member does not have the shape that ECS gives it.
    #[error("container {container:?}: `{member}` must be {expected}, and is {found}")]
    Member {
        /// The container's name.
        container: String,
        /// The member of the container's definition.
        member: &'static str,
        /// What ECS takes there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

/// What the task definition `definition` (the document as ECS describes it, in camel case) runs. `demo_service` is the
/// argument vector of the built-in service. Containers that are not essential and cannot run here are left out with a
/// note.
///
/// `process:` images are split at white space and take a `command` as further arguments; an `entryPoint` replaces an
/// image's program.
pub fn command_of(definition: &Value, demo_service: &[String]) -> Result<Plan, Unrunnable> {
    let network = match definition.get("networkMode").and_then(Value::as_str) {
        Some("awsvpc") => Network::Awsvpc,
        _ => Network::Bridge,
    };
    let mut plan = Plan { containers: Vec::new(), network, notes: Vec::new() };
    let members = definition.get("containerDefinitions").and_then(Value::as_array);
    for member in members.into_iter().flatten() {
        let reader = Reader { member, name: member.get("name").and_then(Value::as_str).unwrap_or_default() };
        let mut notes = Vec::new();
        match reader.container(demo_service, &mut notes) {
            Ok(container) => {
                plan.containers.push(container);
                plan.notes.append(&mut notes);
            }
            Err(why) if !reader.essential() => plan.notes.push(format!("left out, being not essential: {why}")),
            Err(why) => return Err(why),
        }
    }
    if plan.containers.iter().any(|container| container.essential) { Ok(plan) } else { Err(Unrunnable::NoContainer) }
}

struct Reader<'a> {
    member: &'a Value,
    name: &'a str,
}

impl Reader<'_> {
    fn essential(&self) -> bool {
        self.member.get("essential").and_then(Value::as_bool).unwrap_or(true)
    }

    fn container(&self, demo_service: &[String], notes: &mut Vec<String>) -> Result<Container, Unrunnable> {
        let argv = self.argv(demo_service)?;
        Ok(Container {
            name: self.name.to_owned(),
            argv,
            env: self.env(notes)?,
            essential: self.essential(),
            ports: self.ports()?,
            stop_timeout: match self.get("stopTimeout") {
                None => STOP_TIMEOUT,
                Some(value) => value
                    .as_u64()
                    .map(Duration::from_secs)
                    .ok_or_else(|| self.wrong("stopTimeout", "a number of seconds", value))?,
            },
            directory: self.directory()?,
            watches_parent: self.demo().is_some(),
        })
    }

    fn get(&self, member: &str) -> Option<&Value> {
        self.member.get(member).filter(|value| !value.is_null())
    }

    fn wrong(&self, member: &'static str, expected: &'static str, found: &Value) -> Unrunnable {
        let found = match found {
            // What is wrong in an environment may still be a secret.
            Value::Object(_) => "an object".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            other => other.to_string(),
        };
        Unrunnable::Member { container: self.name.to_owned(), member, expected, found }
    }

    fn image(&self) -> &str {
        self.member.get("image").and_then(Value::as_str).unwrap_or_default()
    }

    /// The image's tag, where the image is the built-in one; a digest says nothing of the version.
    fn demo(&self) -> Option<&str> {
        let rest = self.image().strip_prefix(DEMO)?;
        if rest.is_empty() || rest.starts_with('@') { Some("") } else { rest.strip_prefix(':') }
    }

    fn argv(&self, demo_service: &[String]) -> Result<Vec<String>, Unrunnable> {
        let entry_point = self.strings("entryPoint")?;
        let command = self.strings("command")?;
        if self.demo().is_some() {
            if !entry_point.is_empty() || !command.is_empty() {
                return Err(Unrunnable::DemoCommand { container: self.name.to_owned() });
            }
            return Ok(demo_service.to_vec());
        }
        let mut argv = entry_point;
        if argv.is_empty()
            && let Some(line) = self.image().strip_prefix(PROCESS)
        {
            argv = line.split_whitespace().map(str::to_owned).collect();
        }
        argv.extend(command);
        if argv.first().is_none_or(String::is_empty) {
            return Err(Unrunnable::Image { container: self.name.to_owned(), image: self.image().to_owned() });
        }
        if let Some(found) = argv.iter().find(|argument| argument.contains('\0')) {
            return Err(self.wrong("command", "free of zero bytes", &Value::String(found.clone())));
        }
        Ok(argv)
    }

    fn strings(&self, member: &'static str) -> Result<Vec<String>, Unrunnable> {
        let Some(value) = self.get(member) else { return Ok(Vec::new()) };
        let strings = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let strings = strings.ok_or_else(|| self.wrong(member, "a list of strings", value))?;
        Ok(strings.into_iter().map(str::to_owned).collect())
    }

    fn env(&self, notes: &mut Vec<String>) -> Result<BTreeMap<String, String>, Unrunnable> {
        let mut env = BTreeMap::new();
        if let Some(tag) = self.demo().filter(|tag| !tag.is_empty()) {
            env.insert("VERSION".to_owned(), tag.to_owned());
        }
        for entry in self.get("environment").and_then(Value::as_array).into_iter().flatten() {
            let text = |key| entry.get(key).and_then(Value::as_str);
            let (Some(name), value) = (text("name"), text("value").unwrap_or_default()) else {
                return Err(self.wrong("environment", "a list of names and values", entry));
            };
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let found = Value::String(name.to_owned());
                return Err(self.wrong("environment", "names without `=`, and no zero bytes", &found));
            }
            env.insert(name.to_owned(), value.to_owned());
        }
        let secrets = self.get("secrets").and_then(Value::as_array).into_iter().flatten();
        for secret in secrets.filter_map(|secret| secret.get("name").and_then(Value::as_str)) {
            notes.push(format!(
                "container {:?}: secret {secret} is left out, as the sandbox reads no secret store; put a value for \
                 rehearsals in `environment`",
                self.name
            ));
        }
        if self.get("environmentFiles").and_then(Value::as_array).is_some_and(|files| !files.is_empty()) {
            notes.push(format!("container {:?}: `environmentFiles` are not read", self.name));
        }
        Ok(env)
    }

    fn ports(&self) -> Result<Vec<u16>, Unrunnable> {
        let mut ports = Vec::new();
        for mapping in self.get("portMappings").and_then(Value::as_array).into_iter().flatten() {
            // A range of ports has no single one; nothing balances load over it.
            let Some(value) = mapping.get("containerPort") else { continue };
            let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
            let port = port.ok_or_else(|| self.wrong("portMappings", "ports from 1 to 65535", value))?;
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        Ok(ports)
    }

    /// The built-in service ignores the directory, which names one inside an image.
    fn directory(&self) -> Result<Option<PathBuf>, Unrunnable> {
        match self.get("workingDirectory") {
            Some(value) if self.demo().is_none() => {
                let path = value.as_str().filter(|path| !path.is_empty() && !path.contains('\0'));
                Ok(Some(path.ok_or_else(|| self.wrong("workingDirectory", "a path", value))?.into()))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn demo() -> Vec<String> {
        vec!["/bin/bluegreen".to_owned(), "demo-service".to_owned()]
    }

    fn plan(container: &Value) -> Result<Plan, Unrunnable> {
        command_of(&json!({"networkMode": "awsvpc", "containerDefinitions": [container]}), &demo())
    }

    fn argv(container: &Value) -> Vec<String> {
        plan(container).unwrap().containers.remove(0).argv
    }

    #[test]
    fn images_and_commands_become_argument_vectors() {
        let table = [
            (json!({"name": "a", "image": "process:/bin/sleep 10"}), vec!["/bin/sleep", "10"]),
            (json!({"name": "a", "image": "process:sleep"}), vec!["sleep"]),
            (json!({"name": "a", "image": "process:echo a", "command": ["b c"]}), vec!["echo", "a", "b c"]),
            (json!({"name": "a", "image": "nginx:1", "command": ["serve", "$HOME;ls"]}), vec!["serve", "$HOME;ls"]),
            (json!({"name": "a", "image": "x", "entryPoint": ["run"], "command": ["now"]}), vec!["run", "now"]),
            (json!({"name": "a", "image": "process:echo", "entryPoint": ["run"]}), vec!["run"]),
            (json!({"name": "a", "image": "sandbox/demo"}), vec!["/bin/bluegreen", "demo-service"]),
            (json!({"name": "a", "image": "sandbox/demo:v2"}), vec!["/bin/bluegreen", "demo-service"]),
        ];
        for (container, expected) in table {
            assert_eq!(argv(&container), expected, "{container}");
        }
    }

    #[test]
    fn the_demo_takes_its_version_from_the_tag_unless_the_environment_says_it() {
        let version = |container: Value| plan(&container).unwrap().containers[0].env.get("VERSION").cloned();
        assert_eq!(version(json!({"name": "a", "image": "sandbox/demo:v2"})).as_deref(), Some("v2"));
        assert_eq!(version(json!({"name": "a", "image": "sandbox/demo"})), None);
        assert_eq!(version(json!({"name": "a", "image": "sandbox/demo@sha256:2c42"})), None);
        let environment = json!([{"name": "VERSION", "value": "v3"}]);
        let set = json!({"name": "a", "image": "sandbox/demo:v2", "environment": environment});
        assert_eq!(version(set).as_deref(), Some("v3"));
    }

    #[test]
    fn what_cannot_run_says_what_could() {
        let why = plan(&json!({"name": "web", "image": "nginx:1.27"})).unwrap_err().to_string();
        assert!(why.contains(r#"container "web" has the image "nginx:1.27""#), "{why}");
        assert!(why.contains("process:/path/to/program") && why.contains("sandbox/demo"), "{why}");
        for image in ["process:", "process:  ", "", "sandbox/demonstration", "my/sandbox/demo"] {
            let why = plan(&json!({"name": "web", "image": image})).unwrap_err();
            assert!(matches!(why, Unrunnable::Image { .. }), "{image}: {why}");
        }
        let demo = plan(&json!({"name": "web", "image": "sandbox/demo", "command": ["--fast"]})).unwrap_err();
        assert!(matches!(demo, Unrunnable::DemoCommand { .. }));
        let none = command_of(&json!({}), &demo_service_of_nobody()).unwrap_err();
        assert_eq!(none, Unrunnable::NoContainer);
    }

    fn demo_service_of_nobody() -> Vec<String> {
        Vec::new()
    }

    #[test]
    fn members_of_the_wrong_shape_are_named() {
        let table = [
            (json!({"command": "serve"}), "`command` must be a list of strings, and is \"serve\""),
            (json!({"command": ["a\u{0}b"]}), "`command` must be free of zero bytes"),
            (json!({"command": ["a"], "stopTimeout": "10"}), "`stopTimeout` must be a number of seconds"),
            (json!({"command": ["a"], "portMappings": [{"containerPort": 70000}]}), "`portMappings` must be ports"),
            (json!({"command": ["a"], "portMappings": [{"containerPort": 0}]}), "`portMappings` must be ports"),
            (json!({"command": ["a"], "environment": [{"name": "A=B", "value": "x"}]}), "names without `=`"),
            (json!({"command": ["a"], "environment": [{"value": "hunter2"}]}), "and is an object"),
            (json!({"command": ["a"], "workingDirectory": ""}), "`workingDirectory` must be a path"),
        ];
        for (container, expected) in table {
            let why = plan(&container).unwrap_err().to_string();
            assert!(why.contains(expected), "{why}");
        }
    }

    #[test]
    fn defaults_are_those_of_ecs_and_settings_are_taken() {
        let bare = plan(&json!({"name": "a", "image": "process:a"})).unwrap();
        assert_eq!(bare.network, Network::Awsvpc);
        assert_eq!((bare.containers[0].essential, bare.containers[0].stop_timeout), (true, Duration::from_secs(30)));
        let set = plan(&json!({
            "name": "a", "image": "process:a", "stopTimeout": 5, "workingDirectory": "/srv",
            "portMappings": [{"containerPort": 80}, {"containerPort": 80}, {"containerPort": 81}, {"hostPort": 9}],
        }));
        let set = set.unwrap().containers.remove(0);
        assert_eq!((set.stop_timeout, set.ports), (Duration::from_secs(5), vec![80, 81]));
        assert_eq!(set.directory, Some("/srv".into()));
        for mode in ["bridge", "host"] {
            let definition =
                json!({"networkMode": mode, "containerDefinitions": [{"name": "a", "image": "process:a"}]});
            assert_eq!(command_of(&definition, &demo()).unwrap().network, Network::Bridge);
        }
    }

    #[test]
    fn secrets_are_left_out_by_name() {
        let plan = plan(&json!({
            "name": "a", "image": "process:a", "environmentFiles": [{"value": "arn"}],
            "secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:ssm:secret-place"}],
        }));
        let plan = plan.unwrap();
        assert!(plan.containers[0].env.is_empty());
        assert!(plan.notes[0].contains("secret TOKEN is left out") && !plan.notes[0].contains("secret-place"));
        assert!(plan.notes[1].contains("environmentFiles"));
    }

    #[test]
    fn a_side_car_that_cannot_run_is_left_out_and_an_essential_one_is_not() {
        let side = |essential: bool| {
            command_of(
                &json!({"containerDefinitions": [
                    {"name": "web", "image": "process:web"},
                    {"name": "xray", "image": "amazon/xray", "essential": essential},
                ]}),
                &demo(),
            )
        };
        let plan = side(false).unwrap();
        assert_eq!(plan.containers.len(), 1);
        assert!(plan.notes[0].contains(r#"left out, being not essential: container "xray""#), "{:?}", plan.notes);
        assert!(matches!(side(true).unwrap_err(), Unrunnable::Image { container, .. } if container == "xray"));
        let alone = json!({"containerDefinitions": [{"name": "a", "image": "process:a", "essential": false}]});
        assert_eq!(command_of(&alone, &demo()).unwrap_err(), Unrunnable::NoContainer);
    }

    #[test]
    fn values_of_an_environment_are_not_shown() {
        let environment = json!([{"name": "TOKEN", "value": "hunter2"}]);
        let shown = format!("{:?}", plan(&json!({"name": "a", "image": "process:a", "environment": environment})));
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
    }
}
