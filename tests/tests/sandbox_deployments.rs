//! What CodeDeploy moves, in the sandbox, by documents alone: the AWS CLI's own `ecs deploy` with a document of ours,
//! `bluegreen appspec deploy` for a service and for a function, and a service's move to ECS's own deployments.

use std::fs;
use std::process::{Command, Output, Stdio};

use bluegreen_tests::emulator::{Outcome, Trouble, binary};
use bluegreen_tests::sandbox::{Sandbox, until};
use serde_json::{Value, json};
use tempfile::TempDir;

const FUNCTION: &str = "version: 0.0
resources:
  - pay: {type: 'AWS::Lambda::Function', properties: {name: pay, alias: live, currentversion: '1', targetversion: '2'}}
";

/// What every deployment of the function is told.
const PAY: [&str; 6] = ["--application", "functions", "--deployment-group", "pay", "--poll", "200ms"];

/// A sandbox with `tests/sandbox/deployments.py`'s world, and a folder to work in.
struct World {
    sandbox: Sandbox,
    names: Value,
    folder: TempDir,
}

impl World {
    fn open(speed: &str) -> Outcome<World> {
        let sandbox = Sandbox::start(&["--speed", speed, "--metric-period", "1s"])?;
        let names = said(&sandbox.run("deployments.py", &[])?)?;
        let folder = tempfile::tempdir().map_err(Trouble::at("making a folder"))?;
        Ok(World { sandbox, names, folder })
    }

    fn act(&self, act: &str, more: &[&str]) -> Outcome<Value> {
        said(&self.sandbox.run("deployments.py", &[&["--act", act], more].concat())?)
    }

    fn write(&self, name: &str, text: &str) -> Outcome<String> {
        let path = self.folder.path().join(name);
        fs::write(&path, text).map_err(Trouble::at(name))?;
        Ok(path.to_string_lossy().into_owned())
    }

    fn command(&self, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(binary()?);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", self.sandbox.endpoint())
            .env("AWS_REGION", "eu-west-3")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("BLUEGREEN_INSECURE_ENDPOINT", "true")
            .stdin(Stdio::null());
        Ok(command)
    }

    fn bluegreen(&self, arguments: &[&str]) -> Outcome<Output> {
        self.command(arguments)?.output().map_err(Trouble::at(arguments.join(" ")))
    }

    /// The deployments that there are, as AWS tells them.
    fn deployments(&self) -> Outcome<Vec<Value>> {
        Ok(self.act("show", &[])?["deployments"].as_array().cloned().unwrap_or_default())
    }

    /// Starts the function's deployment and returns it once it is under way.
    fn function(&self, more: &[&str]) -> Outcome<std::process::Child> {
        let document = self.write("function.yaml", FUNCTION)?;
        let arguments = [&["appspec", "deploy", &document, "--yes"], &PAY[..], more].concat();
        let child = self.command(&arguments)?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(Trouble::at("bluegreen"))?;
        until("the deployment is under way", || {
            Ok(self.deployments()?.iter().any(|one| one["status"] == "InProgress").then_some(()))
        })?;
        Ok(child)
    }
}

fn said(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(Trouble::at(format!("reading {text}")))
}

fn assert_code(out: &Output, code: i32) {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(out.status.code(), Some(code), "{}\n{}", said(&out.stdout), said(&out.stderr));
}

fn lines(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// A task definition to register, as the AWS CLI wants it.
fn taskdef() -> String {
    json!({
        "family": "frontend", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": "web", "image": "sandbox/demo:2", "essential": true,
            "environment": [{ "name": "VERSION", "value": "v2" }],
            "portMappings": [{ "containerPort": 8080, "protocol": "tcp" }],
        }],
    })
    .to_string()
}

#[test]
fn the_aws_cli_deploys_what_was_built_and_so_do_we() -> Outcome<()> {
    let world = World::open("60")?;
    let built = world.bluegreen(&["appspec", "build", "--cluster", "shop", "--service", "frontend"])?;
    assert_code(&built, 0);
    let appspec = world.write("appspec.yaml", &String::from_utf8_lossy(&built.stdout))?;
    let done = world.act("deploy", &["--appspec", &appspec, "--taskdef", &world.write("taskdef.json", &taskdef())?])?;
    assert!(done["said"].as_str().is_some_and(|said| said.contains("Successfully deployed")), "{done}");
    let first = &world.deployments()?[0];
    assert_eq!((&first["status"], &first["creator"]), (&json!("Succeeded"), &json!("user")));

    // The same document by our own command, back to the revision before.
    let revision = world.names["taskDefinition"].as_str().unwrap_or_default();
    let group = ["--application", "AppECS-shop-frontend", "--deployment-group", "DgpECS-shop-frontend"];
    let arguments = ["appspec", "deploy", &appspec, "--task-definition", revision, "--poll", "200ms", "--yes"];
    let out = world.bluegreen(&[&arguments[..], &group].concat())?;
    assert_code(&out, 0);
    for event in ["BeforeInstall", "AllowTraffic", "AfterAllowTraffic"] {
        assert!(lines(&out).contains(&format!("{event} Succeeded")), "{event}:\n{}", lines(&out));
    }
    let shown = world.act("show", &[])?;
    let primary = shown["service"]["taskSets"].as_array().into_iter().flatten().find(|set| set["status"] == "PRIMARY");
    assert_eq!(primary.map(|set| &set["taskDefinition"]), Some(&json!(revision)));
    Ok(())
}

#[test]
fn a_functions_alias_moves_and_goes_back_when_red() -> Outcome<()> {
    let world = World::open("60")?;
    let document = world.write("function.yaml", FUNCTION)?;
    let all = [&["appspec", "deploy", &document, "--alarm", "errors", "--yes", "--output", "json"], &PAY[..]].concat();
    let good = world.bluegreen(&all)?;
    assert_code(&good, 0);
    let events: Vec<Value> = String::from_utf8_lossy(&good.stdout).lines().map(said).collect::<Outcome<_>>()?;
    let shares: Vec<u64> = events.iter().filter_map(|event| event["deployment"]["sharePpm"].as_u64()).collect();
    assert!(shares.contains(&100_000) && shares.ends_with(&[1_000_000]), "{shares:?}");
    assert_eq!(events.last().map(|event| &event["outcome"]), Some(&json!("reached")));

    // Red before: nothing is started.
    world.act("alarm", &["--state", "ALARM"])?;
    let before = world.deployments()?.len();
    let red = world.bluegreen(&all)?;
    assert_code(&red, 3);
    assert_eq!(world.deployments()?.len(), before);
    Ok(())
}

#[test]
fn red_on_the_way_is_taken_back() -> Outcome<()> {
    // Slow enough that five minutes at a tenth last as long as the test needs.
    let world = World::open("5")?;
    let child = world.function(&["--alarm", "errors", "--allow-insufficient-data"])?;
    world.act("alarm", &["--state", "ALARM"])?;
    let out = child.wait_with_output().map_err(Trouble::at("bluegreen"))?;
    assert_code(&out, 4);
    assert!(lines(&out).contains("stopping"), "{}", lines(&out));
    let all = world.deployments()?;
    let by = |creator: &str| all.iter().find(|one| one["creator"] == creator).map(|one| one["status"].clone());
    assert_eq!((by("user"), by("codeDeployRollback")), (Some(json!("Stopped")), Some(json!("Succeeded"))));
    Ok(())
}

#[test]
fn one_that_was_left_is_found_again_and_a_foreign_one_refuses() -> Outcome<()> {
    let world = World::open("10")?;
    let child = world.function(&["--run", "run-1"])?;
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    kill.map_err(Trouble::at("kill"))?;
    let left = child.wait_with_output().map_err(Trouble::at("bluegreen"))?;
    assert_code(&left, 6);
    assert!(lines(&left).contains("--run run-1"), "{}", lines(&left));

    let document = world.write("function.yaml", FUNCTION)?;
    let again =
        |run: &str| world.bluegreen(&[&["appspec", "deploy", &document, "--yes", "--run", run], &PAY[..]].concat());
    let foreign = again("run-2")?;
    assert_code(&foreign, 3);
    assert!(lines(&foreign).contains("of run run-1"), "{}", lines(&foreign));
    assert_code(&again("run-1")?, 0);
    assert_eq!(world.deployments()?.len(), 1, "it was started once");
    // Over and done: the same run starts nothing more.
    assert_code(&again("run-1")?, 0);
    assert_eq!(world.deployments()?.len(), 1);
    Ok(())
}

#[test]
fn a_service_moves_from_codedeploy_to_ecs() -> Outcome<()> {
    let world = World::open("60")?;
    let role = "arn:aws:iam::111122223333:role/balancer";
    let base = ["migrate", "--cluster", "shop", "--service", "frontend"];
    let with = |more: &[&str]| world.bluegreen(&[&base[..], more].concat());
    let roleless = with(&["--dry-run"])?;
    assert_code(&roleless, 3);
    assert_code(&with(&["--role-arn", role])?, 2);
    let dry = with(&["--role-arn", role, "--dry-run"])?;
    assert_code(&dry, 0);
    assert!(lines(&dry).contains("The way back"), "{}", lines(&dry));
    assert_eq!(world.act("show", &[])?["service"]["deploymentController"]["type"], "CODE_DEPLOY");

    let done = with(&["--role-arn", role, "--strategy", "canary:10%:1m", "--bake", "2m", "--yes"])?;
    assert_code(&done, 0);
    let service = world.act("show", &[])?["service"].clone();
    assert_eq!(service["deploymentController"]["type"], "ECS");
    assert_eq!(service["deploymentConfiguration"]["strategy"], "CANARY");
    assert_eq!(service["deploymentConfiguration"]["bakeTimeInMinutes"], 2);
    let groups = &world.names["targetGroups"];
    let balancer = &service["loadBalancers"][0];
    assert_eq!(balancer["targetGroupArn"], groups["blue"]);
    assert_eq!(balancer["advancedConfiguration"]["alternateTargetGroupArn"], groups["green"]);
    assert_eq!(balancer["advancedConfiguration"]["roleArn"], role);
    // The pair stands on the listener, and nothing has moved.
    let listener = world.names["listener"].as_str().unwrap_or_default();
    let (blue, green) = (groups["blue"].as_str().unwrap_or_default(), groups["green"].as_str().unwrap_or_default());
    assert_eq!(world.sandbox.weights_of(listener, green)?, [0]);
    assert!(world.sandbox.weights_of(listener, blue)?.iter().all(|weight| *weight > 0));
    assert_code(&with(&["--role-arn", role, "--dry-run"])?, 3);
    Ok(())
}
