//! AppSpec documents, judged by the AWS CLI's own code (`tests/appspec/accept.py`): what we build, and what others write
//! and we patch, is taken by `aws ecs deploy` and means the same to it.

#![allow(clippy::unwrap_used, reason = "helpers of tests over files of our own")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use bluegreen_core::appspec::{
    self, AppSpec, CapacityProvider, Choice, Event, Hook, LoadBalancer, Network, Patch, ServiceFacts, Target,
    TaskDefinitionRef,
};
use bluegreen_core::document;
use bluegreen_core::taskdef::TaskDefinition;
use bluegreen_tests::emulator::{Outcome, Trouble, python};
use serde_json::{Value, json};

/// The revision that the CLI's registration is answered with.
const REGISTERED: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/registered-now:4711";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("appspec").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A case that the CLI has nothing to refuse in, but perhaps the document.
fn case(name: &str, appspec: &str, taskdef: &str) -> Value {
    let taskdef: Value = serde_json::from_str(&read(&format!("examples/{taskdef}"))).unwrap();
    json!({
        "name": name, "appspec": appspec, "taskdef": taskdef,
        "service": "frontend", "cluster": "shop", "platform": "ECS", "target": "frontend",
    })
}

/// The CLI's answers, in the order of the cases.
fn judge(cases: &[Value]) -> Outcome<Vec<Value>> {
    let mut judge = python(Path::new("appspec/accept.py"))?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Trouble::at("accept.py"))?;
    let lines = cases.iter().map(|case| case.to_string() + "\n").collect::<String>();
    let mut stdin = judge.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let out = judge.wait_with_output().map_err(Trouble::at("accept.py"))?;
    writer.join().unwrap().map_err(Trouble::at("accept.py's stdin"))?;
    let said = String::from_utf8_lossy(&out.stdout);
    let answers: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len(), "{said}");
    Ok(answers)
}

/// What the CLI sends for a document means what we would send for it, and its hash is of its bytes.
fn agrees(answer: &Value, ours: &AppSpec) {
    let name = answer["name"].as_str().unwrap();
    let content = answer["content"].as_str().unwrap_or_else(|| panic!("{name} is refused: {}", answer["error"]));
    assert_eq!(appspec::sha256(content), answer["sha256"], "{name}");
    assert_eq!(
        (&answer["application"], &answer["group"]),
        (&json!("AppECS-shop-frontend"), &json!("DgpECS-shop-frontend"))
    );
    let theirs = appspec::parse(name, content).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(theirs.spec, *ours, "{name}");
}

/// Services of every kind that a document is built for.
fn services() -> Vec<(&'static str, ServiceFacts, &'static str)> {
    let lb = |name: &str, port| LoadBalancer {
        container_name: name.into(),
        container_port: port,
        target_group: Some("blue".into()),
    };
    let plain = |task_definition: TaskDefinitionRef| ServiceFacts {
        task_definition,
        load_balancers: Vec::new(),
        network: None,
        platform_version: None,
        capacity_providers: Vec::new(),
    };
    let network = |assign_public_ip| Network {
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        security_groups: vec!["sg-1".into()],
        assign_public_ip,
    };
    let provider = |name: &str, base, weight| CapacityProvider { name: name.into(), base, weight };
    let arn = |name: &str| {
        TaskDefinitionRef::Arn(format!("arn:aws:ecs:eu-west-3:111122223333:task-definition/{name}").parse().unwrap())
    };
    let fargate = || plain(arn("frontend:41"));
    vec![
        ("from the task definition alone", plain(TaskDefinitionRef::Placeholder), "taskdef.json"),
        (
            "Fargate",
            ServiceFacts {
                load_balancers: vec![lb("frontend", 8080)],
                network: Some(network(true)),
                platform_version: Some("LATEST".into()),
                ..fargate()
            },
            "taskdef.json",
        ),
        (
            "Fargate, old platform, private",
            ServiceFacts { network: Some(network(false)), platform_version: Some("1.4.0".into()), ..fargate() },
            "taskdef.json",
        ),
        (
            "Fargate Spot",
            ServiceFacts {
                capacity_providers: vec![provider("FARGATE", 2, 1), provider("FARGATE_SPOT", 0, 4)],
                ..fargate()
            },
            "taskdef.json",
        ),
        (
            "instances",
            ServiceFacts {
                capacity_providers: vec![provider("on-demand", 1, 1), provider("spot", 0, 3)],
                ..plain(arn("orders:7"))
            },
            "ec2-taskdef.json",
        ),
        (
            "no security groups",
            ServiceFacts { network: Some(Network { security_groups: vec![], ..network(true) }), ..fargate() },
            "taskdef.json",
        ),
    ]
}

#[test]
fn what_is_built_is_accepted() -> Outcome<()> {
    let hooks = |all: bool| -> Vec<Hook> {
        let functions = Event::ECS.iter().enumerate().filter(|(i, _)| all || *i == 2);
        functions.map(|(i, event)| Hook { event: *event, function: format!("check-{i}") }).collect()
    };
    let (mut cases, mut ours) = (Vec::new(), Vec::new());
    for (name, facts, file) in services() {
        let task =
            TaskDefinition::parse(file, &read(&format!("examples/{file}"))).unwrap_or_else(|report| panic!("{report}"));
        for hooks in [Vec::new(), hooks(false), hooks(true)] {
            let built = appspec::build(&facts, &task, &Choice::default(), hooks)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            for text in [appspec::render_yaml(&built.spec), appspec::render_json(&built.spec)] {
                cases.push(case(name, &text, file));
                ours.push(built.spec.clone().with_task_definition(REGISTERED.parse().unwrap()));
            }
        }
    }
    assert!(cases.len() >= 36, "{}", cases.len());
    judge(&cases)?.iter().zip(&ours).for_each(|(answer, ours)| agrees(answer, ours));
    Ok(())
}

#[test]
fn what_others_write_means_the_same_to_both() -> Outcome<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("appspec/corpus");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_document = |name: &String| Path::new(name).extension().is_none_or(|end| end != "md" && end != "expected");
    let mut names: Vec<String> = names.filter(is_document).collect();
    names.sort();
    let patch = Patch { task_definition: Some(REGISTERED.parse().unwrap()), ..Patch::default() };
    let (mut cases, mut ours) = (Vec::new(), Vec::new());
    for name in names {
        let text = read(&format!("corpus/{name}"));
        let document = appspec::parse_template(&name, &text).unwrap_or_else(|report| panic!("{report}"));
        if let Target::Lambda(_) = document.spec.target {
            continue;
        }
        let patched = document.patch(&patch).unwrap_or_else(|error| panic!("{name}: {error}"));
        // As it was written, and as we would send it.
        for text in [text, patched.to_yaml(), patched.to_json()] {
            cases.push(case(&name, &text, "taskdef.json"));
            ours.push(patched.clone());
        }
    }
    assert!(cases.len() >= 25 * 3, "{}", cases.len());
    for (answer, ours) in judge(&cases)?.iter().zip(&ours) {
        agrees(answer, &ours.spec);
        // Not only what CodeDeploy knows: every value that the CLI would send, we send.
        let sent = document::parse(answer["content"].as_str().unwrap()).root.unwrap().to_json();
        let would = document::parse(&ours.to_json()).root.unwrap().to_json();
        assert_eq!(sent, would, "{}", answer["name"]);
    }
    Ok(())
}

/// A judge that lets everything through would be none.
#[test]
fn what_the_cli_refuses_is_refused() -> Outcome<()> {
    let good = read("examples/appspec-pipeline.yaml");
    let changed = |name: &str, key: &str, value: &str| {
        let mut case = case(name, &good, "taskdef.json");
        case[key] = json!(value);
        case
    };
    let cases = [
        changed("another service's group", "target", "backend"),
        changed("a function's application", "platform", "Lambda"),
        case("no resources", "version: 0.0\n", "taskdef.json"),
        case("no properties", &good.replace("Properties:", "Props:"), "taskdef.json"),
        case("no task definition", &good.replace("TaskDefinition:", "Task:"), "taskdef.json"),
        case("as it should be", &good, "taskdef.json"),
    ];
    let answers = judge(&cases)?;
    let kinds: Vec<&str> =
        answers.iter().map(|answer| answer["error"].as_str().unwrap_or("").split(':').next().unwrap()).collect();
    let missing = "MissingPropertyError";
    assert_eq!(kinds, ["InvalidProperyError", "InvalidPlatformError", missing, missing, missing, ""]);
    // Of a document without a task definition we are the more lenient: the key is added.
    let added = appspec::fill(
        "f",
        &good.replace("        TaskDefinition: <TASK_DEFINITION>\n", ""),
        REGISTERED.parse().unwrap(),
    );
    assert!(added.unwrap_or_else(|report| panic!("{report}")).contains(REGISTERED));
    for document in [&cases[2], &cases[3]] {
        let text = document["appspec"].as_str().unwrap();
        assert!(appspec::parse_template("f", text).is_err(), "what the CLI refuses, we refuse: {text}");
    }
    Ok(())
}
