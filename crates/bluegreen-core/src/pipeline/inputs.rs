//! What a stage's artifacts say is to be released.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::artifact::{ArtifactError, Artifacts, Located, PRIMARY};
use crate::appspec::{self, Target, TaskDefinitionRef};
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::taskdef::{self, ImageDetail, TaskDefError, TaskDefinition, placeholder};

mod images;
mod text;

/// The largest file that is read, in bytes: what the pipeline's own blue/green action takes of a whole artifact.
pub const FILE_MAX: usize = 3 * 1024 * 1024;

/// The names under which CodePipeline's own actions look for their files.
const TASKDEF: &str = "taskdef.json";
const APPSPEC: &str = "appspec.yaml";
const DETAIL: &str = "imageDetail.json";
const DEFINITIONS: &str = "imagedefinitions.json";

/// Which files to take, where the usual ones are not meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The task definition.
    pub taskdef: Option<Located>,
    /// The file that the spec names, which comes after `taskdef` and before any that is found by its name.
    pub spec_file: Option<PathBuf>,
    /// The images that the spec names, by container: for containers that the artifacts give no image.
    pub spec_images: BTreeMap<String, String>,
    /// The AppSpec document.
    pub appspec: Option<Located>,
    /// The one that the spec names, which comes after `appspec` and before any that is found by its name.
    pub spec_appspec: Option<PathBuf>,
    /// The `imagedefinitions.json`.
    pub definitions: Option<Located>,
    /// The artifacts with an `imageDetail.json`, in order.
    pub images: Vec<ImageChoice>,
}

/// One artifact with an `imageDetail.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChoice {
    /// The artifact's name.
    pub artifact: String,
    /// The placeholder that its image replaces, without the angle brackets.
    pub placeholder: String,
}

/// What the artifacts say.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The task definition with its images, ready to be registered; `None` where the live one is to be copied.
    pub definition: Option<TaskDefinition>,
    /// The images by container, for the live definition, where no definition is given.
    pub images: BTreeMap<String, String>,
    /// The AppSpec document, checked against the definition.
    pub appspec: Option<AppSpecFile>,
    /// What was taken from where, a line each.
    pub notes: Vec<String>,
    /// What to mind about the files.
    pub warnings: Vec<Report>,
}

/// The AppSpec document of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpecFile {
    /// Where it is.
    pub file: PathBuf,
    /// What it says.
    pub document: appspec::Document,
}

/// Why the artifacts do not say what to release.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// An artifact or a file is named that is none.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A file cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something is wrong in a file.
    #[error("{} cannot be used", .0.source_name)]
    File(#[source] Box<Report>),
    /// A file that was named is not there.
    #[error("there is no {file}{}", instead.map_or_else(String::new, |other| format!(", but {other} is there")))]
    Missing {
        /// The file.
        file: String,
        /// A file beside it that is easily taken for it.
        instead: Option<&'static str>,
    },
    /// Artifacts hold different files of one name.
    #[error("{name} is in several artifacts, and they differ: {}", artifacts.join(", "))]
    Several {
        /// The file's name.
        name: &'static str,
        /// The artifacts.
        artifacts: Vec<String>,
    },
    /// The placeholders of the task definition and the images do not fit.
    #[error("{file} and the images do not fit")]
    Images {
        /// The task definition's file.
        file: String,
        /// What does not fit.
        #[source]
        source: TaskDefError,
    },
    /// Two images are given for one placeholder.
    #[error("the placeholder `<{0}>` is given two images")]
    Twice(String),
    /// Two images are given for one container.
    #[error("container `{container}` is given two images: {filled} by its placeholder, {named} by {file}")]
    Conflict {
        /// The container.
        container: String,
        /// The image that an `imageDetail.json` names.
        filled: String,
        /// The image that the `imagedefinitions.json` names.
        named: String,
        /// The `imagedefinitions.json`.
        file: String,
    },
    /// There are images, but no task definition that says which containers they are for.
    #[error("{0} names an image, and there is no task definition that says for which container")]
    NoContainer(String),
}

impl InputError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            InputError::Artifact(_) | InputError::Unreadable { .. } | InputError::File(_) => return None,
            InputError::Missing { instead: Some(other), .. } if *other == DEFINITIONS => {
                "imagedefinitions.json is a list by container, for a task definition without placeholders: leave \
                 --image1 out to take it; a build for placeholders writes `{\"ImageURI\": IMAGE}` to imageDetail.json"
                    .to_owned()
            }
            InputError::Missing { .. } => "is it among the files of the artifact that the build declares?".to_owned(),
            InputError::Several { name, artifacts } => {
                let artifact = artifacts.last().map_or(PRIMARY, String::as_str);
                match *name {
                    DETAIL => format!("say which is meant: --image1 {artifact}"),
                    DEFINITIONS => format!("say which is meant: --image-definitions {artifact}::{name}"),
                    APPSPEC => format!("say which is meant: --appspec {artifact}::{name}"),
                    _ => format!("say which is meant: --taskdef {artifact}::{name}"),
                }
            }
            InputError::Images { source: TaskDefError::UnusedPlaceholder { unused, known, .. }, .. } => {
                let wanted = unused.first().map_or("IMAGE1_NAME", String::as_str);
                match known.first() {
                    Some(name) => format!("name the placeholder with the artifact: --image1 ARTIFACT={name}"),
                    None => format!("write `\"image\": \"<{wanted}>\"` for the container that gets the image"),
                }
            }
            InputError::Images { source: TaskDefError::Unresolved { places, .. }, .. } => {
                let name = places.keys().next().map_or("IMAGE1_NAME", String::as_str);
                format!("give each an artifact with an imageDetail.json: --image1 ARTIFACT={name}")
            }
            InputError::Images { .. } => "the names in imagedefinitions.json are those of containers".to_owned(),
            InputError::Twice(_) => "give every --imageN a placeholder of its own".to_owned(),
            InputError::Conflict { .. } => "leave out --image-definitions, or the placeholder".to_owned(),
            InputError::NoContainer(_) => format!(
                "add {TASKDEF} with `\"image\": \"<IMAGE1_NAME>\"` to an artifact, or have the build write {DEFINITIONS}"
            ),
        };
        Some(text)
    }
}

impl From<Report> for InputError {
    fn from(report: Report) -> InputError {
        InputError::File(Box::new(report))
    }
}

/// The whole content of a file, up to one byte more than [`FILE_MAX`]; `None` where it does not exist.
type Read<'a> = &'a dyn Fn(&Path) -> std::io::Result<Option<Vec<u8>>>;

/// Reads what the artifacts say. `read` gives the content of a file, up to one byte more than [`FILE_MAX`], or `None`
/// where it does not exist.
///
/// # Errors
///
/// The first thing that keeps the artifacts from saying one thing; everything that is wrong within one file at once.
pub fn gather(artifacts: &Artifacts, choice: &Choice, read: Read<'_>) -> Result<Inputs, InputError> {
    let files = Files { artifacts, read };
    let template = template(&files, choice)?;
    let mut notes = Vec::new();
    let open = template.as_ref().is_some_and(|(_, definition)| !definition.placeholders().is_empty());
    let chosen = images::choose(&files, choice, open)?;
    notes.extend(chosen.note.clone());
    let (definition, images) = match (&template, chosen.details.first()) {
        (Some((file, definition)), _) => {
            (Some(images::fill(&file.name, definition, &chosen, &choice.spec_images, &mut notes)?), BTreeMap::new())
        }
        (None, Some(detail)) => return Err(InputError::NoContainer(detail.file.clone())),
        (None, None) => {
            let named = chosen.definitions.unwrap_or_default();
            if !named.1.is_empty() {
                notes.push(format!("images of {}, for the live task definition", named.0));
            }
            let mut images = choice.spec_images.clone();
            images.extend(named.1);
            (None, images)
        }
    };
    let mut warnings = Vec::new();
    let document = appspec_file(&files, choice, definition.as_ref(), &mut warnings)?;
    notes.extend(document.iter().map(|(name, _)| format!("AppSpec of {name}")));
    Ok(Inputs { definition, images, appspec: document.map(|(_, file)| file), notes, warnings })
}

/// The files of the artifacts.
struct Files<'a> {
    artifacts: &'a Artifacts,
    read: Read<'a>,
}

/// A file that was read.
struct File {
    /// As findings name it: `ARTIFACT::PATH`.
    name: String,
    path: PathBuf,
    text: String,
}

impl Files<'_> {
    fn at(&self, name: &str, path: &Path) -> Result<Option<File>, InputError> {
        let bytes = (self.read)(path).map_err(|source| InputError::Unreadable { file: name.to_owned(), source })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let text = text::decoded(name, bytes)?;
        Ok(Some(File { name: name.to_owned(), path: path.to_owned(), text }))
    }

    /// A file that was named.
    fn named(&self, located: &Located) -> Result<File, InputError> {
        let path = self.artifacts.path(located)?;
        let name = located.to_string();
        self.at(&name, &path)?.ok_or(InputError::Missing { file: name, instead: None })
    }

    /// A file that the spec names.
    fn of_spec(&self, path: &Path) -> Result<File, InputError> {
        let name = path.display().to_string();
        self.at(&name, path)?.ok_or(InputError::Missing { file: name, instead: None })
    }

    /// The file of this name at the root of any artifact. Copies of one content are one file.
    fn found(&self, name: &'static str) -> Result<Option<(String, File)>, InputError> {
        let mut found: Vec<(String, File)> = Vec::new();
        for (artifact, folder) in self.artifacts.all() {
            if let Some(file) = self.at(&format!("{artifact}::{name}"), &folder.join(name))? {
                found.push((artifact.to_owned(), file));
            }
        }
        if found.windows(2).any(|pair| pair[0].1.text != pair[1].1.text) {
            let artifacts = found.into_iter().map(|(artifact, _)| artifact).collect();
            return Err(InputError::Several { name, artifacts });
        }
        Ok(found.into_iter().next())
    }
}

/// The task definition that placeholders are filled in: as the command line, the spec or its name says.
fn template(files: &Files<'_>, choice: &Choice) -> Result<Option<(File, TaskDefinition)>, InputError> {
    let file = match (&choice.taskdef, &choice.spec_file) {
        (Some(located), _) => Some(files.named(located)?),
        (None, Some(path)) => Some(files.of_spec(path)?),
        (None, None) => files.found(TASKDEF)?.map(|(_, file)| file),
    };
    let Some(file) = file else { return Ok(None) };
    let definition = TaskDefinition::parse(&file.name, &file.text)?;
    Ok(Some((file, definition)))
}

fn appspec_file(
    files: &Files<'_>,
    choice: &Choice,
    definition: Option<&TaskDefinition>,
    warnings: &mut Vec<Report>,
) -> Result<Option<(String, AppSpecFile)>, InputError> {
    let file = match (&choice.appspec, &choice.spec_appspec) {
        (Some(located), _) => Some(files.named(located)?),
        (None, Some(path)) => Some(files.of_spec(path)?),
        (None, None) => files.found(APPSPEC)?.map(|(_, file)| file),
    };
    let Some(File { name, path, text }) = file else { return Ok(None) };
    let document = appspec::parse(&name, &text)?;
    let mut findings = match &document.spec.target {
        Target::Lambda(_) => {
            let found = "the document is for a Lambda function, and this stage releases an ECS service";
            vec![Diagnostic::error(codes::APPSPEC_RESOURCE_TYPE, found)]
        }
        Target::Ecs(ecs) => match (&ecs.task_definition, definition) {
            (TaskDefinitionRef::Arn(arn), Some(_)) => {
                let found = format!(
                    "the document names {}, so the task definition of the artifacts would not be released",
                    arn.short()
                );
                let help = "write `TaskDefinition: <TASK_DEFINITION>`: it becomes the revision that is registered";
                vec![Diagnostic::error(codes::APPSPEC_TASK_DEFINITION, found).help(help)]
            }
            _ => Vec::new(),
        },
    };
    findings.extend(definition.into_iter().flat_map(|definition| document.validate_against(definition)));
    findings.extend(document.warnings.iter().cloned());
    if !findings.is_empty() {
        let report = Report::new(&name, &text, findings);
        if report.has_errors() {
            return Err(report.into());
        }
        warnings.push(report);
    }
    Ok(Some((name, AppSpecFile { file: path, document })))
}

#[cfg(test)]
mod tests;
