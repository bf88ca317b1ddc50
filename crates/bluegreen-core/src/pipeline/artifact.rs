//! The folders into which CodeBuild puts a stage's input artifacts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// The variable with the primary artifact's folder; each other one has its name behind it.
const VARIABLE: &str = "CODEBUILD_SRC_DIR";

/// The word for the primary artifact, whose own name CodeBuild does not tell.
pub(super) const PRIMARY: &str = "primary";

/// Every input artifact of the stage, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifacts {
    primary: PathBuf,
    others: BTreeMap<String, PathBuf>,
}

/// A file inside an artifact: `ARTIFACT::PATH`, or `PATH` in the primary artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    artifact: Option<String>,
    path: String,
}

/// Why an artifact or a file in one cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// This is no build of `CodeBuild`.
    #[error("{VARIABLE} is not set: `CodeBuild` sets it to the folder of the primary input artifact")]
    NoBuild,
    /// No input artifact has this name.
    #[error("the stage has no input artifact `{name}`: it has {}", known.join(", "))]
    Unknown {
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The path leads out of the artifact.
    #[error("`{0}` is no file inside an artifact: write ARTIFACT::PATH, or PATH in the primary artifact, without `..`")]
    Outside(String),
}

impl Artifacts {
    /// Finds them among the variables of the build.
    ///
    /// # Errors
    ///
    /// There is no primary artifact, as outside of `CodeBuild`.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Artifacts, ArtifactError> {
        let mut primary = None;
        let mut others = BTreeMap::new();
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            if name == VARIABLE {
                primary = Some(PathBuf::from(value));
            } else if let Some(artifact) = name.strip_prefix(VARIABLE).and_then(|rest| rest.strip_prefix('_')) {
                others.insert(artifact.to_owned(), PathBuf::from(value));
            }
        }
        Ok(Artifacts { primary: primary.ok_or(ArtifactError::NoBuild)?, others })
    }

    /// Every artifact with its folder, the primary one first.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Path)> {
        let others = self.others.iter().map(|(name, folder)| (name.as_str(), folder.as_path()));
        std::iter::once((PRIMARY, self.primary.as_path())).chain(others)
    }

    /// The name under which an artifact is known here, with its folder.
    ///
    /// A name with characters that a variable's name cannot have is found by the variable that has `_` in their place.
    ///
    /// # Errors
    ///
    /// No input artifact has the name.
    pub fn find(&self, name: &str) -> Result<(&str, &Path), ArtifactError> {
        let tame = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let exact = self.others.get_key_value(name);
        let alike = || self.others.iter().find(|(known, _)| tame(known) == tame(name));
        match exact.or_else(alike) {
            Some((known, folder)) => Ok((known, folder)),
            None if name == PRIMARY => Ok((PRIMARY, &self.primary)),
            None => {
                let known = self.all().map(|(name, _)| format!("`{name}`")).collect();
                Err(ArtifactError::Unknown { name: name.to_owned(), known })
            }
        }
    }

    /// The whole path of a file.
    ///
    /// # Errors
    ///
    /// No input artifact has the name.
    pub fn path(&self, located: &Located) -> Result<PathBuf, ArtifactError> {
        let folder = match &located.artifact {
            Some(name) => self.find(name)?.1,
            None => &self.primary,
        };
        Ok(folder.join(&located.path))
    }
}

impl FromStr for Located {
    type Err = ArtifactError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (artifact, path) = match text.split_once("::") {
            Some((artifact, path)) => (Some(artifact.to_owned()), path),
            None => (None, text),
        };
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        let named = artifact.as_ref().is_none_or(|name| !name.is_empty());
        if path.is_empty() || !named || !Path::new(path).components().all(inside) {
            return Err(ArtifactError::Outside(text.to_owned()));
        }
        Ok(Located { artifact, path: path.to_owned() })
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.artifact {
            Some(artifact) => write!(f, "{artifact}::{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn artifacts() -> Artifacts {
        let all = [
            ("CODEBUILD_SRC_DIR", "/src"),
            ("CODEBUILD_SRC_DIR_Build_Output", "/01"),
            ("CODEBUILD_SRC_DIR_Empty", ""),
            ("CODEBUILD_SRC_DIRECTORY", "/none"),
            ("HOME", "/root"),
        ];
        Artifacts::from_vars(vars(&all)).unwrap()
    }

    #[test]
    fn artifacts_are_found_among_the_variables() {
        let all = artifacts();
        let found: Vec<_> = all.all().collect();
        assert_eq!(found, [("primary", Path::new("/src")), ("Build_Output", Path::new("/01"))]);
        assert_eq!(Artifacts::from_vars(vars(&[("HOME", "/root")])), Err(ArtifactError::NoBuild));
    }

    #[test]
    fn a_file_is_found_in_its_artifact() {
        let path = |text: &str| text.parse::<Located>().and_then(|located| artifacts().path(&located));
        assert_eq!(path("taskdef.json"), Ok("/src/taskdef.json".into()));
        assert_eq!(path("primary::deploy/taskdef.json"), Ok("/src/deploy/taskdef.json".into()));
        assert_eq!(path("Build_Output::x.json"), Ok("/01/x.json".into()));
        assert_eq!(path("Build-Output::x.json"), Ok("/01/x.json".into()), "a variable's name has no dash");
        for outside in ["", "Build_Output::", "::x", "../x", "/etc/passwd", "Build_Output::/x", "a/../../x"] {
            assert_eq!(path(outside), Err(ArtifactError::Outside(outside.to_owned())));
        }
        let unknown = path("Source::x.json").unwrap_err().to_string();
        assert_eq!(unknown, "the stage has no input artifact `Source`: it has `primary`, `Build_Output`");
    }

    #[test]
    fn an_artifact_that_is_called_primary_is_the_one() {
        let all = vars(&[("CODEBUILD_SRC_DIR", "/src"), ("CODEBUILD_SRC_DIR_primary", "/other")]);
        let artifacts = Artifacts::from_vars(all).unwrap();
        assert_eq!(artifacts.find("primary"), Ok(("primary", Path::new("/other"))));
    }
}
