//! A stage of a pipeline as CodeBuild starts it: artifacts in folders, variables that name them, a new build each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulator::{Operator, Outcome, Release, Spec, Trouble, World};

/// The digest of the image that the pipeline has built.
pub const DIGEST: &str = "sha256:2c4269d573d9fc6e9e95d5e8f3de2dd0b07c19912551f25e848415b5dd783acf";

/// The action of a pipeline with its input artifacts. Every [`Action::build`] is a build of its own: nothing but the
/// artifacts and the state folder outlives it.
#[derive(Debug)]
pub struct Action {
    source: Release,
    image: TempDir,
    state: TempDir,
    execution: String,
}

/// One build of the action.
#[derive(Debug)]
pub struct Build {
    folder: TempDir,
    /// `bluegreen` at work.
    pub operator: Operator,
}

impl Action {
    /// A source artifact with spec, `taskdef.json` and `appspec.yaml`, and the artifact of an ECR source with
    /// `imageDetail.json`. The version that is released has these settings of the demo service.
    pub fn new(world: &World, spec: &Spec, settings: &[(&str, &str)]) -> Outcome<Self> {
        let all = [("VERSION", "v2")].into_iter().chain(settings.iter().copied());
        let environment: Vec<Value> = all.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let source = Release::of(world, spec, &json!(environment))?;
        let temporary = || tempfile::tempdir().map_err(Trouble::at("making a folder for the pipeline"));
        let action = Self { source, image: temporary()?, state: temporary()?, execution: EXECUTION.to_owned() };
        action.edit("bluegreen.yaml", |text| {
            let images = format!(", images: {{ {}: \"{}\" }}", world.value("container"), spec.image);
            text.replace(&images, "")
        })?;
        action.edit("taskdef.json", |text| text.replace("example/web:1", "<IMAGE1_NAME>"))?;
        let appspec = APPSPEC.replace("CONTAINER", world.value("container"));
        action.source.write("appspec.yaml", &appspec)?;
        action.image("sandbox/demo")?;
        Ok(action)
    }

    /// Puts the image of this repository into the artifact, as an ECR source action writes it.
    pub fn image(&self, repository: &str) -> Outcome<()> {
        let detail = json!({
            "ImageSizeInBytes": "44728918",
            "ImageDigest": DIGEST,
            "Version": "1.0",
            "ImagePushedAt": "Mon Nov 02 08:12:36 UTC 2026",
            "RegistryId": "111122223333",
            "RepositoryName": repository,
            "ImageURI": format!("{repository}@{DIGEST}"),
            "ImageTags": ["2"],
        });
        fs::write(self.image.path().join("imageDetail.json"), detail.to_string())
            .map_err(Trouble::at("imageDetail.json"))
    }

    /// Changes a file of the source artifact.
    pub fn edit(&self, name: &str, change: impl FnOnce(String) -> String) -> Outcome<()> {
        let path = self.source.path().join(name);
        let text = fs::read_to_string(&path).map_err(Trouble::at(name))?;
        fs::write(&path, change(text)).map_err(Trouble::at(name))
    }

    /// Another execution of the pipeline begins.
    pub fn execute(&mut self, execution: &str) {
        execution.clone_into(&mut self.execution);
    }

    /// The state folder is lost.
    pub fn forget(&mut self) -> Outcome<()> {
        self.state = tempfile::tempdir().map_err(Trouble::at("making a folder for the state"))?;
        Ok(())
    }

    /// CodeBuild starts the action, or starts it again: `bluegreen pipeline codebuild` with these further options.
    pub fn build(&self, options: &[&str]) -> Outcome<Build> {
        let folder = tempfile::tempdir().map_err(Trouble::at("making a folder for the build"))?;
        let mut command = self.source.command(&["pipeline", "codebuild"])?;
        command
            .args(["--out", "bluegreen-out", "--insecure-endpoint"])
            .args(options)
            .current_dir(folder.path())
            .env("BLUEGREEN_STATE", self.state.path())
            .env("BLUEGREEN_EXECUTION_ID", &self.execution)
            .env("CODEBUILD_SRC_DIR", self.source.path())
            .env("CODEBUILD_SRC_DIR_Image", self.image.path())
            .env("CODEBUILD_INITIATOR", "codepipeline/shop")
            .env("CODEBUILD_RESOLVED_SOURCE_VERSION", "4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a")
            .env("CODEBUILD_BUILD_ID", "release:7e1c0d7a-9f4e-4b0f-9a3b-0b1c2d3e4f5a")
            .env("CI", "true");
        Ok(Build { folder, operator: Operator::start(command)? })
    }
}

impl Build {
    /// Waits for the end of `bluegreen`, and for what the next command of the buildspec sees.
    pub fn finish(self) -> Outcome<Built> {
        let finished = self.operator.finish()?;
        let out = self.folder.path().join("bluegreen-out");
        let variables = sourced(&out)?;
        Ok(Built { finished, variables, out, _folder: self.folder })
    }
}

/// A build that has ended.
#[derive(Debug)]
pub struct Built {
    /// How `bluegreen` ended.
    pub finished: crate::emulator::Finished,
    /// What the next command finds in its environment: the variables whose name begins with `BLUEGREEN_`.
    pub variables: BTreeMap<String, String>,
    /// The folder of the output artifact.
    pub out: PathBuf,
    _folder: TempDir,
}

impl Built {
    /// The value of a variable; empty where there is none.
    pub fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    /// A file of the output artifact.
    pub fn file(&self, name: &str) -> Outcome<String> {
        fs::read_to_string(self.out.join(name)).map_err(Trouble::at(name))
    }
}

/// What a shell exports once it has sourced the variables, in the way of a buildspec.
fn sourced(out: &Path) -> Outcome<BTreeMap<String, String>> {
    let script = "set -eu; . \"$1/variables.sh\"; env";
    let printed = Command::new("sh")
        .args(["-c", script, "next", &out.display().to_string()])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .map_err(Trouble::at("the next command"))?;
    if !printed.status.success() {
        return Err(Trouble::new(format!("the next command: {}", String::from_utf8_lossy(&printed.stderr))));
    }
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let ours = pairs.filter(|(name, _)| name.starts_with("BLUEGREEN_"));
    Ok(ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The pipeline's execution, as `#{codepipeline.PipelineExecutionId}` gives it.
const EXECUTION: &str = "0b1c2d3e-4f5a-4b7c-8d9e-0f1a2b3c4d5e";

/// As CodePipeline's blue/green action takes it.
const APPSPEC: &str = "version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo:
          ContainerName: \"CONTAINER\"
          ContainerPort: 8080
";
