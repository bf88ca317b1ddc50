//! The two files in which builds name images: `imageDetail.json` and `imagedefinitions.json`.
//!
//! Their names are alike and they are mixed up all the time, so each is recognised where the other is expected.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::{Check, JsonFile, kind};
use super::image::{ImageError, ImageRef};
use crate::diagnostic::{Diagnostic, Report, codes};

/// The largest `imagedefinitions.json` that the pipeline's ECS action reads, in bytes.
const DEFINITIONS_MAX: usize = 100 * 1024;

/// What `imageDetail.json` says: the image that a build pushed or a source action saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDetail {
    /// `ImageURI`: what a placeholder such as `<IMAGE1_NAME>` becomes.
    pub uri: ImageRef,
    /// `ImageDigest`, which an ECR source action adds.
    pub digest: Option<String>,
    /// `ImageTags`, which an ECR source action adds.
    pub tags: Vec<String>,
}

impl ImageDetail {
    /// The image pinned to its digest where one is known, so that a tag pushed again changes nothing.
    ///
    /// # Errors
    ///
    /// `ImageDigest` is no digest.
    pub fn pinned(&self) -> Result<ImageRef, ImageError> {
        match &self.digest {
            Some(digest) => self.uri.pinned(digest),
            None => Ok(self.uri.clone()),
        }
    }
}

/// Reads `imageDetail.json`: one object with `ImageURI`.
///
/// # Errors
///
/// Everything that is wrong with it; an `imagedefinitions.json` is recognised and told apart.
pub fn parse_image_detail(source_name: &str, text: &str) -> Result<ImageDetail, Report> {
    let file = JsonFile::read(source_name, text)?;
    let mut check = Check::new(&file);
    check.duplicates();
    let detail = match &file.value {
        Value::Object(root) => detail(&mut check, root),
        other => {
            let entry = other.get(0).is_some_and(|entry| entry.get("imageUri").is_some());
            let found = if entry {
                Diagnostic::error(codes::IMAGE_FILE_MIXED, "this is an imagedefinitions.json, and an imageDetail.json is expected")
                    .help("imageDetail.json is one object, `{\"ImageURI\": IMAGE}`; the list with `name` and `imageUri` belongs to the pipeline's rolling ECS action")
            } else {
                Diagnostic::error(
                    codes::IMAGE_FILE,
                    format!("imageDetail.json is an object with `ImageURI`, and here {}", kind(other)),
                )
            };
            check.missing("", found);
            None
        }
    };
    detail.filter(|_| check.findings.is_empty()).ok_or_else(|| check.report())
}

fn detail(check: &mut Check<'_>, root: &Map<String, Value>) -> Option<ImageDetail> {
    let uri = match root.get("ImageURI") {
        Some(Value::String(uri)) => uri,
        Some(other) => {
            let message = format!("`ImageURI` is a string, and here {}", kind(other));
            check.value("/ImageURI", Diagnostic::error(codes::IMAGE_FILE, message));
            return None;
        }
        None => {
            let spelled = root.keys().find(|key| key.eq_ignore_ascii_case("ImageURI"));
            let found = Diagnostic::error(codes::IMAGE_FILE, "`ImageURI` is missing: it names the image to release");
            let help = match spelled {
                Some(key) => format!("`{key}` has to be spelled `ImageURI`: the pipeline tells capitals apart"),
                None if root.contains_key("containerDefinitions") => {
                    "this is a task definition; imageDetail.json is `{\"ImageURI\": IMAGE}`".to_owned()
                }
                None => "add `\"ImageURI\": \"REGISTRY/REPOSITORY@sha256:DIGEST\"`".to_owned(),
            };
            check.missing("", found.help(help));
            return None;
        }
    };
    let uri = image(check, "/ImageURI", uri);
    let digest = root.get("ImageDigest").and_then(Value::as_str).map(str::to_owned);
    if let (Some(uri), Some(digest)) = (&uri, &digest)
        && let Err(error) = uri.pinned(digest)
    {
        check.value("/ImageDigest", Diagnostic::error(codes::TASKDEF_IMAGE, error.to_string()));
    }
    let tags = root.get("ImageTags").and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(ImageDetail { uri: uri?, digest, tags })
}

/// Reads `imagedefinitions.json`: a list of `{"name": CONTAINER, "imageUri": IMAGE}`. Returns images by container.
///
/// # Errors
///
/// Everything that is wrong with it; an `imageDetail.json` is recognised and told apart.
pub fn parse_image_definitions(source_name: &str, text: &str) -> Result<BTreeMap<String, String>, Report> {
    if text.len() > DEFINITIONS_MAX {
        let message = format!("the file has {} bytes: the pipeline reads at most {DEFINITIONS_MAX}", text.len());
        return Err(Report::new(source_name, "", vec![Diagnostic::error(codes::TOO_LARGE, message)]));
    }
    let file = JsonFile::read(source_name, text)?;
    let mut check = Check::new(&file);
    check.duplicates();
    let mut images = BTreeMap::new();
    match &file.value {
        Value::Array(entries) => {
            if entries.is_empty() {
                let found = Diagnostic::error(codes::IMAGE_FILE, "the list is empty: nothing would be released");
                check.value("", found.help("add `{\"name\": CONTAINER, \"imageUri\": IMAGE}`"));
            }
            for (i, entry) in entries.iter().enumerate() {
                definition(&mut check, i, entry, &mut images);
            }
        }
        other => {
            let detail = other.get("ImageURI").is_some();
            let found = if detail {
                Diagnostic::error(codes::IMAGE_FILE_MIXED, "this is an imageDetail.json, and an imagedefinitions.json is expected")
                    .help("imagedefinitions.json is a list, `[{\"name\": CONTAINER, \"imageUri\": IMAGE}]`; the object with `ImageURI` belongs to the pipeline's blue/green action")
            } else {
                Diagnostic::error(
                    codes::IMAGE_FILE,
                    format!("imagedefinitions.json is a list, and here {}", kind(other)),
                )
                .help("write `[{\"name\": CONTAINER, \"imageUri\": IMAGE}]`")
            };
            check.missing("", found);
        }
    }
    if check.findings.is_empty() { Ok(images) } else { Err(check.report()) }
}

fn definition(check: &mut Check<'_>, i: usize, entry: &Value, images: &mut BTreeMap<String, String>) {
    let mut member = |key: &str| match entry.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        found => {
            let message = match found {
                None => format!("this entry has no `{key}`"),
                Some(Value::String(_)) => format!("`{key}` of this entry is empty"),
                Some(other) => format!("`{key}` of this entry is a string, and here {}", kind(other)),
            };
            let finding = Diagnostic::error(codes::IMAGE_FILE, message);
            check.missing(&format!("/{i}"), finding.help("write `{\"name\": CONTAINER, \"imageUri\": IMAGE}`"));
            None
        }
    };
    let (name, uri) = (member("name"), member("imageUri"));
    let (Some(name), Some(uri)) = (name, uri) else { return };
    image(check, &format!("/{i}/imageUri"), &uri);
    if images.contains_key(&name) {
        let found = Diagnostic::error(codes::IMAGE_FILE, format!("the container `{name}` stands twice in the list"));
        check.value(&format!("/{i}/name"), found.help("keep one image for each container"));
    }
    images.insert(name, uri);
}

fn image(check: &mut Check<'_>, pointer: &str, text: &str) -> Option<ImageRef> {
    match text.parse() {
        Ok(image) => Some(image),
        Err(error) => {
            let found = Diagnostic::error(codes::TASKDEF_IMAGE, ImageError::to_string(&error));
            check.value(pointer, found.help("expected REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST"));
            None
        }
    }
}
