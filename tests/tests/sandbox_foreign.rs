//! Two tools on one service: runs of ours are watched and stopped by the AWS CLI, and deployments that the AWS CLI
//! started are shown, watched and left alone by ours. Everything is real but AWS: processes, customers, and the CLI.

use bluegreen_tests::emulator::{Engine, Finished, Operator, Outcome, Release, Spec, World};
use bluegreen_tests::sandbox::{AtWork, Sandbox, Traffic, until};
use serde_json::{Value, json};

const DONE: Option<i32> = Some(0);
const REFUSED: Option<i32> = Some(3);
const ROLLED_BACK: Option<i32> = Some(4);
const WAITS: Option<i32> = Some(5);

/// The names that the AWS CLI and the console give.
const APPLICATION: &str = "AppECS-shop-frontend";
const GROUP: &str = "DgpECS-shop-frontend";

const APPSPEC: &str = "version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo: { ContainerName: web, ContainerPort: 8080 }
";

/// A sandbox with the engine's world, customers on it, and a folder to release from.
struct Stage {
    engine: Engine,
    sandbox: Sandbox,
    world: World,
    traffic: Traffic,
    release: Release,
}

impl Stage {
    fn open(engine: Engine) -> Outcome<Stage> {
        // CodeDeploy counts in minutes; with ECS it is health checks that take their time.
        let (speed, pause) = if engine == Engine::CodeDeploy { ("60", "30m") } else { ("5", "30s") };
        let sandbox = Sandbox::start(&["--metric-period", &format!("{speed}s"), "--speed", speed])?;
        let world = sandbox.world(&["--engine", engine.world(), "--period", speed])?;
        let traffic = Traffic::start(sandbox.listening(world.listener())?, 50.0)?;
        traffic.more(20)?;
        let spec = Spec { image: "sandbox/demo:2", weights: vec![10, 100], pause, engine, ..Spec::brisk() };
        let release = Release::of(&world, &spec, &json!([{ "name": "VERSION", "value": "v2" }]))?;
        Ok(Stage { engine, sandbox, world, traffic, release })
    }

    /// A run of ours, holding at 10 %.
    fn holding(&self) -> Outcome<Operator> {
        let mut operator = self.release.deploy()?;
        let at_ten = |line: &Value| {
            let shares = line["look"]["configured"].as_array().map(Vec::as_slice).unwrap_or_default();
            line["type"] == "looked" && shares.iter().any(|route| route[1] == 100_000)
        };
        operator.wait_for("10 %", at_ten)?;
        Ok(operator)
    }

    /// Somebody else's deployment, which stays where it waits to be told to go on.
    fn foreign(&self) -> Outcome<Option<AtWork>> {
        let theirs = definition().to_string();
        if self.engine == Engine::CodeDeploy {
            let ready = r#"{"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 600}"#;
            self.deploy(&["update-deployment-group", "--application-name", APPLICATION, "--current-deployment-group-name", GROUP,
                "--blue-green-deployment-configuration", &format!(r#"{{"deploymentReadyOption": {ready},
                "terminateBlueInstancesOnDeploymentSuccess": {{"action": "TERMINATE", "terminationWaitTimeInMinutes": 1}}}}"#)])?;
            self.release.write("theirs.json", &theirs)?;
            self.release.write("appspec.yaml", APPSPEC)?;
            let file = |name: &str| self.release.path().join(name).display().to_string();
            let files = ["--task-definition", &file("theirs.json"), "--codedeploy-appspec", &file("appspec.yaml")];
            let service = ["ecs", "deploy", "--cluster", "shop", "--service", "frontend"];
            return self.sandbox.aws_at_work(&[&service[..], &files[..]].concat()).map(Some);
        }
        let made = self.sandbox.aws(&["ecs", "register-task-definition", "--cli-input-json", &theirs])?;
        let pause = json!({ "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"],
            "timeoutConfiguration": { "timeoutInMinutes": 600, "action": "ROLLBACK" } });
        let configuration = json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [pause] });
        let revision = made["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_default();
        self.sandbox.aws(&[
            "ecs",
            "update-service",
            "--cluster",
            "shop",
            "--service",
            "frontend",
            "--task-definition",
            revision,
            "--deployment-configuration",
            &configuration.to_string(),
        ])?;
        Ok(None)
    }

    fn deploy(&self, arguments: &[&str]) -> Outcome<Value> {
        self.sandbox.aws(&[&["deploy"], arguments].concat())
    }

    /// The only deployment there is, by what the AWS CLI lists.
    fn only(&self) -> Outcome<String> {
        let list = |arguments: &[&str]| self.sandbox.aws(arguments);
        let id = if self.engine == Engine::CodeDeploy {
            let group = ["--application-name", APPLICATION, "--deployment-group-name", GROUP];
            list(&[&["deploy", "list-deployments"], &group[..]].concat())?["deployments"][0].take()
        } else {
            let service = ["--cluster", "shop", "--service", "frontend", "--status", "IN_PROGRESS"];
            let found = list(&[&["ecs", "list-service-deployments"], &service[..]].concat())?;
            found["serviceDeployments"][0]["serviceDeploymentArn"].clone()
        };
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    /// The AWS CLI stops it and has it rolled back.
    fn stop(&self, id: &str) -> Outcome<()> {
        match self.engine {
            Engine::CodeDeploy => self.deploy(&["stop-deployment", "--deployment-id", id, "--auto-rollback-enabled"]),
            _ => self.sandbox.aws(&["ecs", "stop-service-deployment", "--service-deployment-arn", id]),
        }
        .map(drop)
    }

    /// The AWS CLI lets it go on, by the command that `status` names.
    fn go_on(&self, shown: &str) -> Outcome<()> {
        let command = shown.lines().map(str::trim).find(|line| line.starts_with("aws ") && line.contains(" continue-"));
        let arguments: Vec<&str> = command.unwrap_or_default().split(' ').skip(1).collect();
        self.sandbox.aws(&arguments).map(drop)
    }

    fn status(&self, more: &[&str]) -> Outcome<Operator> {
        let status = ["status", "--file", "bluegreen.yaml", "--insecure-endpoint"];
        self.release.start(&[&status[..], more].concat())
    }

    /// What `status` prints once the foreign deployment waits.
    fn waiting(&self) -> Outcome<Value> {
        until("the deployment waits", || {
            let seen = self.status(&["--output", "json"])?.finish()?;
            Ok((seen.code == WAITS).then(|| seen.events().pop()).flatten())
        })
    }

    /// The versions that answer the next requests, and nobody was harmed.
    fn assert_served_by(self, version: &str) -> Outcome<()> {
        let before = self.traffic.more(20)?;
        let after = self.traffic.more(60)?;
        for (name, counts) in &after.versions {
            let grown = counts.requests > before.versions.get(name).map_or(0, |counts| counts.requests);
            assert_eq!(grown, name == version, "{name} answers: {grown}");
        }
        let tally = self.traffic.stop();
        assert_eq!(tally.counts.ok, tally.counts.requests, "{:?}, {:?}", tally.versions, tally.transport);
        Ok(())
    }
}

/// Version 2 as somebody else would register it.
fn definition() -> Value {
    json!({
        "family": "frontend", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "web", "image": "sandbox/demo:2", "essential": true,
            "environment": [{ "name": "VERSION", "value": "v2" }],
            "portMappings": [{ "containerPort": 8080, "protocol": "tcp" }],
        }],
    })
}

fn assert_code(finished: &Finished, code: Option<i32>) {
    assert_eq!(finished.code, code, "signal {:?}; it printed:\n{}", finished.signal, finished.output());
}

/// Asked by the spec, `status` shows our run; where its journal is not, it shows the deployment, and whose it is.
fn assert_known_by_its_run(stage: &Stage, id: &str) -> Outcome<()> {
    let here = stage.status(&["--output", "json"])?.finish()?;
    assert_code(&here, DONE);
    let run = here.run();
    assert_eq!((&here.events()[0]["type"], run.is_some()), (&json!("status"), true), "{}", here.output());
    let elsewhere = stage.status(&["--output", "json", "--state", "elsewhere"])?.finish()?;
    let seen = &elsewhere.events()[0];
    assert_eq!((&seen["type"], &seen["deployment"]["id"]), (&json!("deployment"), &json!(id)), "{seen}");
    assert_eq!(elsewhere.run(), run, "{seen}");
    Ok(())
}

/// Ours goes back when somebody else stops its deployment, and says so.
fn stopped_by_the_aws_cli(stage: Stage, operator: Operator, id: &str) -> Outcome<()> {
    assert_known_by_its_run(&stage, id)?;
    stage.stop(id)?;
    let finished = operator.finish()?;
    assert_code(&finished, ROLLED_BACK);
    let short = id.rsplit('/').next().unwrap_or(id);
    assert!(finished.output().contains(short), "it names the deployment {short}:\n{}", finished.output());
    let green = stage.sandbox.weights_of(stage.world.rule(), stage.world.group("green"))?;
    assert_eq!(green, [0, 10, 0]);
    stage.assert_served_by("v1")
}

#[test]
fn the_aws_cli_watches_and_stops_our_run_over_codedeploy() -> Outcome<()> {
    let stage = Stage::open(Engine::CodeDeploy)?;
    let operator = stage.holding()?;
    let id = stage.only()?;
    let asked = ["--deployment-id", &id];
    let seen = stage.deploy(&[&["get-deployment"], &asked[..]].concat())?;
    assert_eq!(seen["deploymentInfo"]["status"], "InProgress");
    let description = seen["deploymentInfo"]["description"].as_str().unwrap_or_default();
    assert!(
        description.starts_with("bluegreen run ") && description.contains("-frontend-"),
        "it names the run: {description}"
    );
    let targets = stage.deploy(&[&["list-deployment-targets"], &asked[..]].concat())?;
    assert_eq!(targets["targetIds"], json!(["shop:frontend"]));
    let batch = [&["batch-get-deployment-targets"], &asked[..], &["--target-ids", "shop:frontend"]].concat();
    let seen = stage.deploy(&batch)?;
    let sets = seen["deploymentTargets"][0]["ecsTarget"]["taskSetsInfo"].as_array().cloned().unwrap_or_default();
    let weights: Vec<&Value> = sets.iter().map(|set| &set["trafficWeight"]).collect();
    assert_eq!(weights, [90.0, 10.0]);
    stopped_by_the_aws_cli(stage, operator, &id)
}

#[test]
fn the_aws_cli_watches_and_stops_our_run_over_ecs() -> Outcome<()> {
    let stage = Stage::open(Engine::Ecs)?;
    let operator = stage.holding()?;
    let id = stage.only()?;
    let seen = stage.sandbox.aws(&["ecs", "describe-service-deployments", "--service-deployment-arns", &id])?;
    let seen = &seen["serviceDeployments"][0];
    assert_eq!(seen["status"], "IN_PROGRESS", "{seen}");
    assert_eq!(seen["targetServiceRevision"]["requestedProductionTrafficWeight"], 10.0, "{seen}");
    stopped_by_the_aws_cli(stage, operator, &id)
}

/// A foreign deployment is shown, refused by `deploy`, watched, and goes on when it is told to.
fn adopted(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let idle = stage.status(&["--output", "json"])?.finish()?;
    assert_code(&idle, DONE);
    assert_eq!(idle.events()[0]["deployment"], Value::Null);
    let _theirs = stage.foreign()?;
    let seen = stage.waiting()?;
    let id = seen["deployment"]["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!((&seen["type"], &seen["exit"]), (&json!("deployment"), &json!(5)));
    assert_eq!(id, stage.only()?, "the AWS CLI tells of the same one");
    assert!(seen.get("run").is_none() && seen["deployment"]["status"] == "inProgress", "{seen}");

    let shown = stage.status(&["--output", "plain"])?.finish()?;
    assert_code(&shown, WAITS);
    let shown = shown.lines.join("\n");
    assert!(shown.contains(&id) && shown.contains("not bluegreen") && shown.contains("frontend:2"), "{shown}");

    let refused = stage.release.deploy()?.finish()?;
    assert_code(&refused, REFUSED);
    assert!(refused.output().contains(&id), "it names the deployment:\n{}", refused.output());
    if engine == Engine::CodeDeploy {
        assert!(refused.output().contains("made by user"), "and its owner:\n{}", refused.output());
    }
    assert_eq!(stage.world.look()?.revisions().len(), 2, "nothing but theirs was registered");

    let mut watcher = stage.status(&["--watch", "--poll", "200ms", "--output", "json"])?;
    watcher.wait_for("the deployment", |line| line["type"] == "seen" && line["deployment"]["id"] == *id)?;
    stage.go_on(&shown)?;
    let finished = watcher.finish()?;
    assert_code(&finished, DONE);
    let result = finished.events().pop().unwrap_or_default();
    assert_eq!((&result["type"], &result["outcome"]), (&json!("result"), &json!("reached")), "{result}");
    assert_code(&stage.status(&[])?.finish()?, DONE);
    stage.assert_served_by("v2")
}

#[test]
fn what_aws_ecs_deploy_started_is_adopted_and_refused() -> Outcome<()> {
    adopted(Engine::CodeDeploy)
}

#[test]
fn what_aws_ecs_update_service_started_is_adopted_and_refused() -> Outcome<()> {
    adopted(Engine::Ecs)
}

/// A foreign deployment that is stopped is watched until the old version has its traffic again.
fn watched_back(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let _theirs = stage.foreign()?;
    stage.waiting()?;
    let id = stage.only()?;
    let mut watcher = stage.status(&["--watch", "--poll", "200ms", "--output", "json"])?;
    watcher.wait_for("the deployment", |line| line["type"] == "seen")?;
    stage.stop(&id)?;
    let finished = watcher.finish()?;
    assert_code(&finished, ROLLED_BACK);
    let mut named = vec!["status", "--deployment", &id, "--insecure-endpoint"];
    if engine == Engine::CodeDeploy {
        named.extend(["--application", APPLICATION, "--deployment-group", GROUP]);
    }
    let later = stage.release.start(&named)?.finish()?;
    assert_code(&later, ROLLED_BACK);
    stage.assert_served_by("v1")
}

#[test]
fn a_deployment_of_codedeploy_is_watched_on_its_way_back() -> Outcome<()> {
    watched_back(Engine::CodeDeploy)
}

#[test]
fn a_deployment_of_ecs_is_watched_on_its_way_back() -> Outcome<()> {
    watched_back(Engine::Ecs)
}

/// Somebody else begins after our plan was made and accepted: ours starts nothing.
fn overtaken(engine: Engine) -> Outcome<()> {
    let stage = Stage::open(engine)?;
    let slow = if engine == Engine::CodeDeploy { "slow@900s" } else { "slow@75s" };
    stage.sandbox.arm(&format!("{slow}:ecs:RegisterTaskDefinition=1"), 1)?;
    let mut operator = stage.release.deploy()?;
    operator.wait_for("the run", |line| line["type"] == "recorded")?;
    until("our registration", || Ok((stage.sandbox.fired()? > 0).then_some(())))?;
    let _theirs = stage.foreign()?;
    let seen = stage.waiting()?;
    let id = seen["deployment"]["id"].as_str().unwrap_or_default();
    let finished = operator.finish()?;
    assert_code(&finished, REFUSED);
    let short = id.rsplit('/').next().unwrap_or(id);
    assert!(finished.output().contains(short), "it names {short}:\n{}", finished.output());
    assert_eq!(stage.only()?, id, "ours started none");
    stage.assert_served_by("v1")
}

#[test]
fn a_deployment_of_codedeploy_that_came_first_is_left_alone() -> Outcome<()> {
    overtaken(Engine::CodeDeploy)
}

#[test]
fn a_deployment_of_ecs_that_came_first_is_left_alone() -> Outcome<()> {
    overtaken(Engine::Ecs)
}
