//! The images that builds have made, and where they go.

use super::{
    BTreeMap, Choice, DEFINITIONS, DETAIL, Files, ImageChoice, ImageDetail, InputError, TaskDefError, TaskDefinition,
    placeholder, taskdef,
};
use crate::diagnostic::{Diagnostic, Report, codes};

/// The placeholder of the first image, where nobody says otherwise.
const FIRST: &str = "IMAGE1_NAME";

/// The images to use.
pub(super) struct Chosen {
    /// One for each placeholder.
    pub(super) details: Vec<Detail>,
    /// The `imagedefinitions.json` with its images by container.
    pub(super) definitions: Option<(String, BTreeMap<String, String>)>,
    /// What was left out, and why.
    pub(super) note: Option<String>,
}

/// One `imageDetail.json`.
pub(super) struct Detail {
    /// The file's name.
    pub(super) file: String,
    placeholder: String,
    /// The image, by its digest where one is known.
    image: String,
}

/// Chooses among what was named and what is found. `open` says whether the task definition has placeholders.
pub(super) fn choose(files: &Files<'_>, choice: &Choice, open: bool) -> Result<Chosen, InputError> {
    let named = choice.definitions.as_ref().map(|located| files.named(located)).transpose()?;
    let details = match choice.images.as_slice() {
        [] => found_detail(files)?.into_iter().collect(),
        named => named.iter().map(|image| named_detail(files, image)).collect::<Result<Vec<_>, _>>()?,
    };
    let found = match named {
        Some(file) => return Ok(Chosen { details, definitions: Some(read_definitions(&file)?), note: None }),
        None => files.found(DEFINITIONS)?.map(|(_, file)| file),
    };
    let Some(file) = found else { return Ok(Chosen { details, definitions: None, note: None }) };
    if details.is_empty() {
        return Ok(Chosen { details, definitions: Some(read_definitions(&file)?), note: None });
    }
    // A build that serves both of the pipeline's own actions writes both files, for one image.
    if open || !choice.images.is_empty() {
        let note = Some(format!("{} is left out: imageDetail.json names the images", file.name));
        return Ok(Chosen { details, definitions: None, note });
    }
    let left_out = details.iter().map(|detail| detail.file.as_str()).collect::<Vec<_>>().join(", ");
    let note = Some(format!(
        "{left_out} is left out: the task definition has no placeholder, and {} names containers",
        file.name
    ));
    Ok(Chosen { details: Vec::new(), definitions: Some(read_definitions(&file)?), note })
}

fn found_detail(files: &Files<'_>) -> Result<Option<Detail>, InputError> {
    let Some((_, file)) = files.found(DETAIL)? else { return Ok(None) };
    detail(&file, FIRST).map(Some)
}

fn named_detail(files: &Files<'_>, image: &ImageChoice) -> Result<Detail, InputError> {
    let (artifact, folder) = files.artifacts.find(&image.artifact)?;
    let name = format!("{artifact}::{DETAIL}");
    if let Some(file) = files.at(&name, &folder.join(DETAIL))? {
        return detail(&file, &image.placeholder);
    }
    let other = files.at(&format!("{artifact}::{DEFINITIONS}"), &folder.join(DEFINITIONS))?;
    Err(InputError::Missing { file: name, instead: other.map(|_| DEFINITIONS) })
}

fn detail(file: &super::File, placeholder: &str) -> Result<Detail, InputError> {
    let detail: ImageDetail = taskdef::parse_image_detail(&file.name, &file.text)?;
    let image = detail.pinned().map_err(|error| {
        Report::new(&file.name, &file.text, vec![Diagnostic::error(codes::TASKDEF_IMAGE, error.to_string())])
    })?;
    let image = image.as_str().to_owned();
    Ok(Detail { file: file.name.clone(), placeholder: placeholder.to_owned(), image })
}

fn read_definitions(file: &super::File) -> Result<(String, BTreeMap<String, String>), InputError> {
    Ok((file.name.clone(), taskdef::parse_image_definitions(&file.name, &file.text)?))
}

/// The definition with its images, nothing left open.
pub(super) fn fill(
    file: &str,
    definition: &TaskDefinition,
    chosen: &Chosen,
    spec_images: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> Result<TaskDefinition, InputError> {
    let unfit = |source: TaskDefError| InputError::Images { file: file.to_owned(), source };
    let mut values = placeholder::Values::new();
    for detail in &chosen.details {
        if values.insert(detail.placeholder.clone(), detail.image.clone()).is_some() {
            return Err(InputError::Twice(detail.placeholder.clone()));
        }
        notes.push(format!("<{}> is {} ({})", detail.placeholder, detail.image, detail.file));
    }
    let mut filled = definition.resolve(&values).map_err(unfit)?;
    if let Some((source, images)) = &chosen.definitions {
        for container in definition.containers() {
            let named = images.get(container.name);
            let now = filled.container(container.name).map(|container| container.image.to_owned());
            if let (Some(named), Some(now)) = (named, now)
                && now != container.image
                && now != *named
            {
                let (container, named) = (container.name.to_owned(), named.clone());
                return Err(InputError::Conflict { container, filled: now, named, file: source.clone() });
            }
        }
        filled = filled.with_images(images).map_err(unfit)?;
        notes.extend(images.iter().map(|(container, image)| format!("container {container} gets {image} ({source})")));
    }
    let rest = untouched(definition, &filled, spec_images);
    filled = filled.with_images(&rest).map_err(unfit)?;
    filled.to_register_request().map_err(unfit)?;
    notes.insert(0, format!("task definition of {file}"));
    Ok(filled)
}

/// The spec's images of those containers that the artifacts gave none; names of no container stay, to be reported.
fn untouched(
    template: &TaskDefinition,
    filled: &TaskDefinition,
    spec_images: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let given = |name: &str| {
        let (before, after) = (template.container(name), filled.container(name));
        before.zip(after).is_some_and(|(before, after)| before.image != after.image)
    };
    let rest = spec_images.iter().filter(|(name, _)| !given(name));
    rest.map(|(name, image)| (name.clone(), image.clone())).collect()
}
