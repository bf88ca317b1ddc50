//! What the stage is given: artifacts, execution and spec, read from this machine.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use bluegreen_core::pipeline::{self, Artifacts, Choice, Execution, FILE_MAX, Given, ImageChoice, InputError, Inputs};
use bluegreen_core::spec::{Engine, Release, Spec};
use bluegreen_core::taskdef::TaskDefinition;

use super::outlet::Outlet;
use crate::args::{CodebuildArgs, ReleaseArgs, SpecArgs};
use crate::commands::spec::{self, Loaded};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// All that the stage was given.
pub(super) struct Stage {
    pub(super) execution: Execution,
    pub(super) loaded: Loaded,
    definition: Option<TaskDefinition>,
}

impl Stage {
    /// Reads everything, says what was taken from where, and puts what is released into the output artifact.
    pub(super) fn read(args: &CodebuildArgs, outlet: &mut Outlet) -> Result<Stage, Failure> {
        let execution = Execution::find(args.execution_id.as_deref(), &crate::env::var)
            .map_err(|error| Failure::usage(error.to_string()))?;
        outlet.set("BLUEGREEN_EXECUTION_ID", &execution.id);
        if let Some(warning) = execution.warning() {
            out::say(format_args!("warning: {warning}"));
        }
        let artifacts = Artifacts::from_vars(crate::env::vars()).map_err(|error| {
            Failure::usage(error.to_string()).help("elsewhere than in CodeBuild, `bluegreen deploy` releases by hand")
        })?;
        let loaded = load(args, &artifacts)?;
        let mut stage = Stage { execution, loaded, definition: None };
        let Some(choice) = stage.choice(args)? else {
            out::say("the spec names a revision: the artifacts' task definitions and images are left alone");
            return Ok(stage);
        };
        let inputs = pipeline::gather(&artifacts, &choice, &read).map_err(unusable)?;
        for note in &inputs.notes {
            out::say(note);
        }
        for warning in &inputs.warnings {
            out::say_raw(&warning.render());
        }
        stage.take(inputs, outlet)?;
        Ok(stage)
    }

    /// Which files to look for; `None` where the spec releases a revision that exists.
    fn choice(&self, args: &CodebuildArgs) -> Result<Option<Choice>, Failure> {
        let images = args.images.named().map(|(artifact, placeholder)| ImageChoice { artifact, placeholder }).collect();
        let mut choice = Choice {
            taskdef: args.taskdef.clone(),
            appspec: args.appspec.clone(),
            spec_appspec: self.loaded.spec.code_deploy.appspec.as_ref().map(|file| self.loaded.dir.join(file)),
            definitions: args.image_definitions.clone(),
            images,
            ..Choice::default()
        };
        match &self.loaded.spec.release {
            Release::Register { file, images } => {
                choice.spec_file = Some(self.loaded.dir.join(file));
                choice.spec_images.clone_from(images);
            }
            Release::Live { images } => choice.spec_images.clone_from(images),
            Release::Existing(arn) => {
                if choice.taskdef.is_some() || choice.definitions.is_some() || !choice.images.is_empty() {
                    let what = format!("the spec releases {}, and the options name artifacts to release", arn.short());
                    return Err(
                        Failure::usage(what).help("name a file in the spec's taskDefinition, or leave the options out")
                    );
                }
                return Ok(None);
            }
        }
        Ok(Some(choice))
    }

    /// The release becomes what the artifacts say.
    fn take(&mut self, inputs: Inputs, outlet: &Outlet) -> Result<(), Failure> {
        let spec = &mut self.loaded.spec;
        match &inputs.definition {
            Some(definition) => {
                let file = outlet.private("taskdef.json", &definition.for_document())?;
                spec.release = Release::Register { file, images: std::collections::BTreeMap::new() };
            }
            None => spec.release = Release::Live { images: inputs.images },
        }
        if let Some(found) = inputs.appspec {
            if matches!(spec.engine, Engine::Alb | Engine::Ecs) {
                let idle = if found.document.spec.hooks.is_empty() { "" } else { ", and its hooks do not run" };
                out::say(format_args!("only the engine codedeploy works by the AppSpec: it was checked{idle}"));
            }
            spec.code_deploy.appspec = Some(found.file);
        }
        self.definition = inputs.definition;
        Ok(())
    }

    /// The spec with what is released.
    pub(super) fn spec(&self) -> &Spec {
        &self.loaded.spec
    }

    /// The family that is registered, where that is known before the world was looked at.
    pub(super) fn family(&self) -> Option<&str> {
        self.definition.as_ref().map(TaskDefinition::family)
    }

    /// What is released, to be compared.
    pub(super) fn given(&self) -> Given<'_> {
        match (&self.definition, &self.loaded.spec.release) {
            (Some(definition), _) => Given::Definition(definition),
            (None, Release::Existing(arn)) => Given::Existing(arn),
            (None, Release::Register { images, .. } | Release::Live { images }) => Given::Images(images),
        }
    }
}

fn load(args: &CodebuildArgs, artifacts: &Artifacts) -> Result<Loaded, Failure> {
    let file = artifacts.path(&args.file).map_err(|error| Failure::usage(error.to_string()))?;
    let spec = SpecArgs { file, environment: args.environment.clone() };
    let release = ReleaseArgs { allow_red: args.allow_red.clone(), ..ReleaseArgs::default() };
    spec::load(&spec, &release)
}

/// A file's content, up to one byte more than is taken of it.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn unusable(error: InputError) -> Failure {
    let help = error.help();
    let failure = match error {
        InputError::File(report) => return (*report).into(),
        error => Failure::caused(Exit::Usage, "the artifacts do not say what to release", error),
    };
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}
