//! The spec, as the options want it.

use std::path::{Path, PathBuf};

use bluegreen_core::diagnostic::Report;
use bluegreen_core::spec::{self, Release, Spec};

use crate::args::{ReleaseArgs, SpecArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

/// A spec and the folder that its relative paths start from.
pub(super) struct Loaded {
    pub(super) spec: Spec,
    pub(super) dir: PathBuf,
}

/// Reads the spec and puts the options of the command line in the place of what it says.
pub(super) fn load(args: &SpecArgs, release: &ReleaseArgs) -> Result<Loaded, Failure> {
    let name = args.file.display().to_string();
    let text =
        read_text(&args.file).map_err(|failure| failure.help("name the spec with --file, or change to its folder"))?;
    let (mut spec, warnings) = spec::parse(&name, &text, args.environment.as_deref(), &crate::env::var)?;
    if !warnings.is_empty() {
        out::say_raw(&Report::new(name, text, warnings).render());
    }
    let dir = folder(&args.file);
    spec.release = chosen(spec.release, release)?;
    spec.alarm_policy.allow_red.extend(release.allow_red.iter().cloned());
    check_allowed(&spec, &release.allow_red)?;
    Ok(Loaded { spec, dir })
}

/// A file as text.
pub(super) fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::caused(Exit::Usage, format!("{} cannot be read", file.display()), error))
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A name that gates nothing would be allowed for nothing: more likely a typing error.
pub(super) fn check_allowed(spec: &Spec, allowed: &[String]) -> Result<(), Failure> {
    match allowed.iter().find(|name| !spec.alarms.contains(name)) {
        Some(name) => {
            let known = if spec.alarms.is_empty() { "none".to_owned() } else { spec.alarms.join(", ") };
            Err(Failure::usage(format!("--allow-red {name}: no alarm of the release has this name"))
                .help(format!("its alarms are: {known}")))
        }
        None => Ok(()),
    }
}

/// What to release, with the command line's task definition and images before the spec's.
fn chosen(release: Release, args: &ReleaseArgs) -> Result<Release, Failure> {
    let release = match &args.task_definition {
        Some(text) if text.starts_with("arn:") => Release::Existing(
            text.parse().map_err(|error| Failure::caused(Exit::Usage, "--task-definition cannot be used", error))?,
        ),
        Some(text) => {
            let images = match release {
                Release::Register { images, .. } | Release::Live { images } => images,
                Release::Existing(_) => std::collections::BTreeMap::new(),
            };
            // Given on the command line, the path starts from where the user stands, not from the spec.
            let file = std::path::absolute(text)
                .map_err(|error| Failure::caused(Exit::Usage, format!("{text} is no path"), error))?;
            Release::Register { file, images }
        }
        None => release,
    };
    let overrides = args.image.iter().cloned();
    match release {
        Release::Register { file, mut images } => {
            images.extend(overrides);
            Ok(Release::Register { file, images })
        }
        Release::Live { mut images } => {
            images.extend(overrides);
            Ok(Release::Live { images })
        }
        Release::Existing(arn) if args.image.is_empty() => Ok(Release::Existing(arn)),
        Release::Existing(arn) => {
            let what = format!("--image cannot change {}: a registered revision is released as it is", arn.short());
            Err(Failure::usage(what).help("name a task definition file, or leave --image out"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn args(task_definition: Option<&str>, image: &[(&str, &str)]) -> ReleaseArgs {
        ReleaseArgs {
            image: image.iter().map(|(name, uri)| ((*name).to_owned(), (*uri).to_owned())).collect(),
            task_definition: task_definition.map(str::to_owned),
            allow_red: Vec::new(),
        }
    }

    fn images(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, uri)| ((*name).to_owned(), (*uri).to_owned())).collect()
    }

    const ARN: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7";

    #[test]
    fn images_of_the_command_line_come_first() {
        let spec = Release::Register { file: "t.json".into(), images: images(&[("web", "a:1"), ("log", "l:1")]) };
        let release = chosen(spec, &args(None, &[("web", "a:2")])).unwrap();
        assert_eq!(
            release,
            Release::Register { file: "t.json".into(), images: images(&[("web", "a:2"), ("log", "l:1")]) }
        );
    }

    #[test]
    fn a_revision_takes_no_image() {
        let spec = Release::Live { images: BTreeMap::new() };
        assert!(matches!(chosen(spec.clone(), &args(Some(ARN), &[])), Ok(Release::Existing(_))));
        assert_eq!(chosen(spec.clone(), &args(Some(ARN), &[("web", "a:2")])).unwrap_err().exit(), Exit::Usage);
        assert_eq!(chosen(spec, &args(Some("arn:aws:ecs"), &[])).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn a_file_of_the_command_line_keeps_the_images_of_the_spec() {
        let spec = Release::Live { images: images(&[("web", "a:1")]) };
        let Ok(Release::Register { file, images: kept }) = chosen(spec, &args(Some("other.json"), &[])) else {
            panic!("a file is registered")
        };
        assert!(file.is_absolute() && file.ends_with("other.json"));
        assert_eq!(kept, images(&[("web", "a:1")]));
    }
}
