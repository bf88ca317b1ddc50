//! Options of the commands that stand in a pipeline, and of hooks.

use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::model::duration;
use bluegreen_core::pipeline::Located;
use clap::{Args, Subcommand};

use super::AwsArgs;

/// `bluegreen pipeline`
#[derive(Debug, Args)]
pub(crate) struct PipelineArgs {
    #[command(subcommand)]
    pub(crate) command: PipelineCommand,
}

/// Where the stage runs.
#[derive(Debug, Subcommand)]
pub(crate) enum PipelineCommand {
    /// Release what the input artifacts of a CodeBuild action name
    ///
    /// Takes taskdef.json, appspec.yaml, imageDetail.json and imagedefinitions.json from the artifacts, where
    /// CodePipeline's own deploy actions look for them, and the spec from the primary artifact. The run belongs to the
    /// pipeline's execution: a stage that is tried again goes on with it, or tells again how it ended.
    Codebuild(Box<CodebuildArgs>),
}

/// `bluegreen pipeline codebuild`
#[derive(Debug, Args)]
pub(crate) struct CodebuildArgs {
    /// The spec, in the primary artifact where no other is named
    #[arg(short, long, value_name = "[ARTIFACT::]FILE", default_value = "bluegreen.yaml")]
    pub(crate) file: Located,
    /// Which of the spec's environments [default: the only one]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// The pipeline's execution [default: $BLUEGREEN_EXECUTION_ID, $CODEPIPELINE_EXECUTION_ID, then the pipeline's name
    /// with the revision of its source]
    #[arg(long, value_name = "ID")]
    pub(crate) execution_id: Option<String>,
    /// Release again in an execution whose run is over: 2 for the second time
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempt: u32,
    /// The task definition [default: the spec's file, then the taskdef.json of any artifact]
    #[arg(long, value_name = "[ARTIFACT::]FILE")]
    pub(crate) taskdef: Option<Located>,
    /// The AppSpec document [default: the appspec.yaml of any artifact]
    #[arg(long, value_name = "[ARTIFACT::]FILE")]
    pub(crate) appspec: Option<Located>,
    /// The images by container [default: the imagedefinitions.json of any artifact]
    #[arg(long, value_name = "[ARTIFACT::]FILE")]
    pub(crate) image_definitions: Option<Located>,
    #[command(flatten)]
    pub(crate) images: ImageArgs,
    /// An alarm that may be red at the start; can be given several times
    #[arg(long, value_name = "ALARM")]
    pub(crate) allow_red: Vec<String>,
    /// Where the output artifact goes: variables, report and journal
    #[arg(long, value_name = "DIR", default_value = "bluegreen-out")]
    pub(crate) out: PathBuf,
    /// Stop after the plan: nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// The artifacts whose images replace placeholders.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ImageArgs {
    /// The artifact whose imageDetail.json replaces <IMAGE1_NAME>, or another placeholder [default: the one that has it]
    #[arg(long, value_name = "ARTIFACT[=NAME]", value_parser = image)]
    pub(crate) image1: Option<(String, Option<String>)>,
    /// The same for <IMAGE2_NAME>
    #[arg(long, value_name = "ARTIFACT[=NAME]", value_parser = image)]
    pub(crate) image2: Option<(String, Option<String>)>,
    /// The same for <IMAGE3_NAME>
    #[arg(long, value_name = "ARTIFACT[=NAME]", value_parser = image)]
    pub(crate) image3: Option<(String, Option<String>)>,
    /// The same for <IMAGE4_NAME>
    #[arg(long, value_name = "ARTIFACT[=NAME]", value_parser = image)]
    pub(crate) image4: Option<(String, Option<String>)>,
}

impl ImageArgs {
    /// Every artifact that was named with its placeholder.
    pub(crate) fn named(&self) -> impl Iterator<Item = (String, String)> {
        let all = [&self.image1, &self.image2, &self.image3, &self.image4].into_iter().zip(1..);
        all.filter_map(|(given, number): (_, u32)| {
            let (artifact, placeholder) = given.clone()?;
            Some((artifact, placeholder.unwrap_or_else(|| format!("IMAGE{number}_NAME"))))
        })
    }
}

/// `bluegreen hook`
#[derive(Debug, Args)]
pub(crate) struct HookArgs {
    /// The deployment that waits [default: read with the event from stdin]
    #[arg(long, value_name = "ID", requires = "execution_id", conflicts_with = "ecs")]
    pub(crate) deployment_id: Option<String>,
    /// CodeDeploy's id of this call of the hook
    #[arg(long, value_name = "ID", requires = "deployment_id", conflicts_with = "ecs")]
    pub(crate) execution_id: Option<String>,
    /// Answer an ECS service deployment: print what a Lambda function returns
    #[arg(long)]
    pub(crate) ecs: bool,
    /// After this long the check is ended and has failed; an hour after the event AWS waits no longer
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = timeout)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    /// The check and its arguments; {{deploymentId}}, {{stage}}, {{service}} and {{revision}} are filled in
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// `ARTIFACT` or `ARTIFACT=NAME`; the name may stand in its angle brackets, and behind a colon.
fn image(text: &str) -> Result<(String, Option<String>), String> {
    let (artifact, name) = match text.split_once(['=', ':']) {
        Some((artifact, name)) => (artifact, Some(name)),
        None => (text, None),
    };
    let bare = |name: &str| name.strip_prefix('<').and_then(|name| name.strip_suffix('>')).unwrap_or(name).to_owned();
    let name = name.map(bare);
    let sound = |name: &String| bluegreen_core::taskdef::placeholder::whole(&format!("<{name}>")).is_some();
    if artifact.is_empty() || name.as_ref().is_some_and(|name| !sound(name)) {
        return Err(
            "expected ARTIFACT, or ARTIFACT=NAME with the text between < and >, such as Build=APP_IMAGE".to_owned()
        );
    }
    Ok((artifact.to_owned(), name))
}

/// `CodeDeploy` waits for an hour, and the answer takes a while too.
const TIMEOUT_MAX: Duration = Duration::from_secs(55 * 60);

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration::parse(text).map_err(|error| error.to_string())?;
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        return Err("expected up to 55m: an hour after the event AWS waits no longer".to_owned());
    }
    Ok(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_with_its_placeholder() {
        let named = |text: &str| image(text).map(|(artifact, name)| (artifact, name.unwrap_or_default()));
        let expected = |artifact: &str, name: &str| Ok((artifact.to_owned(), name.to_owned()));
        assert_eq!(named("Build"), expected("Build", ""));
        assert_eq!(named("Build=APP"), expected("Build", "APP"));
        assert_eq!(named("Build:<APP>"), expected("Build", "APP"));
        for wrong in ["", "=APP", "Build=", "Build=A B", "Build=1", "Build=<A"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
        let all = ImageArgs { image2: image("B").ok(), image4: image("D=X").ok(), ..ImageArgs::default() };
        let all: Vec<_> = all.named().collect();
        assert_eq!(all, [("B".to_owned(), "IMAGE2_NAME".to_owned()), ("D".to_owned(), "X".to_owned())]);
    }

    #[test]
    fn a_hook_ends_before_its_hour() {
        assert_eq!(timeout("55m"), Ok(TIMEOUT_MAX));
        assert!(timeout("56m").is_err() && timeout("0s").is_err());
    }
}
