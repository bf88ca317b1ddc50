//! What the spec asks to release becomes a document to register, or a revision that exists.

use super::{Finding, Release, Survey, roles};
use crate::diagnostic::Report;
use crate::observe::RouteSnapshot;
use crate::spec::{Release as Asked, Spec};
use crate::taskdef::{TaskDefError, TaskDefinition};

/// Why there is nothing to release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The task definition has errors.
    #[error("the task definition has errors")]
    Report(#[source] Report),
    /// The images do not fit the task definition.
    #[error("the task definition cannot be released")]
    TaskDefinition(#[from] TaskDefError),
    /// The live definition cannot be copied.
    #[error("the live task definition cannot be copied: {}", .0.what)]
    Live(Finding),
    /// The spec names a file, and its text was not given.
    #[error("the text of {0} is missing")]
    NoText(String),
}

/// Resolves what `spec` asks for. `text` is the content of the file that it names, if it names one.
pub fn release(spec: &Spec, survey: &Survey, text: Option<&str>) -> Result<Release, ReleaseError> {
    let (definition, images) = match &spec.release {
        Asked::Existing(arn) => return Ok(Release::Existing(arn.clone())),
        Asked::Register { file, images } => {
            let name = file.display().to_string();
            let text = text.ok_or_else(|| ReleaseError::NoText(name.clone()))?;
            (TaskDefinition::parse(&name, text).map_err(ReleaseError::Report)?, images)
        }
        Asked::Live { images } => (live(survey)?, images),
    };
    let definition = definition.with_images(images)?;
    Ok(Release::Register { family: definition.family().to_owned(), document: definition.to_register_request()? })
}

/// The colour that serves, where each has a service of its own.
fn serving(survey: &Survey) -> Result<crate::model::Color, ReleaseError> {
    let routes: Vec<&RouteSnapshot> = survey.routes.iter().filter_map(|reading| reading.ok()).collect();
    match (survey.groups.blue.ok(), survey.groups.green.ok()) {
        (Some(blue), Some(green)) => {
            let groups = crate::model::ByColor { blue: blue.arn.clone(), green: green.arn.clone() };
            roles(&routes, &groups).map_err(ReleaseError::Live)
        }
        _ => Err(unreadable("the target groups cannot be read".to_owned())),
    }
}

fn unreadable(what: String) -> ReleaseError {
    ReleaseError::Live(Finding::refuse("BG3001", what, "name a task definition file"))
}

/// The definition that serves now: not "the newest revision", which may never have served.
fn live(survey: &Survey) -> Result<TaskDefinition, ReleaseError> {
    if let (Some(_), Err(error)) = (&survey.live, &survey.services.blue.value) {
        return Err(unreadable(error.to_string()));
    }
    let stable = match survey.one_service() {
        // Both colours share it, and it is read once.
        true => crate::model::Color::Blue,
        false => serving(survey)?,
    };
    let found = survey.revisions.get(stable).value.as_ref().map_err(|error| unreadable(error.to_string()))?;
    TaskDefinition::from_live(found.arn.short(), &found.document).map_err(ReleaseError::Report)
}
