//! Image references: `registry/repository:tag@digest`, kept exactly as written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name (registry and repository together) that registries accept, in bytes.
const NAME_MAX: usize = 255;

/// A checked image reference. The text is kept as it was asked for: nothing is filled in, nothing normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    text: String,
    /// Bytes of `text` that are the registry's host; 0 where none is named.
    registry: usize,
    /// Bytes of `text` before the tag or digest.
    name: usize,
    /// Byte at which the digest begins, after its `@`.
    digest: Option<usize>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing stands there.
    #[error("the image is empty: expected REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@DIGEST")]
    Empty,
    /// It begins with `http://`, `https://` or `docker://`.
    #[error("`{0}` begins with a scheme: write the image without `{1}`")]
    Scheme(String, &'static str),
    /// The registry's host or port has a form that none has.
    #[error("`{0}` has no valid registry in front of its first `/`: expected HOST or HOST:PORT")]
    Registry(String),
    /// A part of the repository's path has capitals or characters that registries refuse.
    #[error(
        "`{image}` has `{part}` in its repository: only a-z and 0-9 are taken, with single `.`, `_`, `__` or `-` between them"
    )]
    Repository {
        /// The whole text.
        image: String,
        /// The part between slashes that does not fit.
        part: String,
    },
    /// The tag has characters that registries refuse, or is empty or too long.
    #[error(
        "`{image}` has the tag `{tag}`: a tag is 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`, not beginning with `.` or `-`"
    )]
    Tag {
        /// The whole text.
        image: String,
        /// What stands behind the colon.
        tag: String,
    },
    /// A colon with nothing behind it.
    #[error("`{0}` ends with a colon and no tag")]
    NoTag(String),
    /// The digest is not `sha256:` and 64 hexadecimal digits, nor another algorithm's.
    #[error("`{image}` has the digest `{digest}`: expected `sha256:` and 64 digits of 0-9 and a-f")]
    Digest {
        /// The whole text.
        image: String,
        /// What stands behind the `@`.
        digest: String,
    },
    /// Registry and repository together are too long.
    #[error("the image's name has {0} bytes: at most {NAME_MAX} are taken")]
    TooLong(usize),
}

impl ImageRef {
    /// The reference exactly as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port of the registry; `None` where the reference leaves it to Docker Hub.
    pub fn registry(&self) -> Option<&str> {
        (self.registry > 0).then(|| &self.text[..self.registry])
    }

    /// The repository's path without registry, tag and digest.
    pub fn repository(&self) -> &str {
        let start = if self.registry > 0 { self.registry + 1 } else { 0 };
        &self.text[start..self.name]
    }

    /// Registry and repository: what stays when tag and digest are cut off.
    pub fn name(&self) -> &str {
        &self.text[..self.name]
    }

    /// The tag as written; `None` where none is. A registry reads "no tag, no digest" as `latest`.
    pub fn tag(&self) -> Option<&str> {
        let end = self.digest.map_or(self.text.len(), |at| at - 1);
        self.text[self.name..end].strip_prefix(':')
    }

    /// The digest, such as `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.map(|at| &self.text[at..])
    }

    /// Whether another push could make this same text mean another image: true unless a digest pins it.
    pub fn is_mutable_tag(&self) -> bool {
        self.digest.is_none()
    }

    /// The same repository pinned to `digest`; the tag is dropped, since ECS runs the digest anyway.
    pub fn pinned(&self, digest: &str) -> Result<ImageRef, ImageError> {
        format!("{}@{digest}", self.name()).parse()
    }
}

impl FromStr for ImageRef {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        if let Some(scheme) = ["https://", "http://", "docker://"].into_iter().find(|scheme| text.starts_with(scheme)) {
            return Err(ImageError::Scheme(text.to_owned(), scheme));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(ImageError::Digest { image: text.to_owned(), digest: digest.to_owned() });
        }
        // The first part is a registry only if it looks like a host: `team/web` is a path on Docker Hub.
        let registry = match rest.split_once('/') {
            Some((first, _)) if first == "localhost" || first.contains(['.', ':']) => first.len(),
            _ => 0,
        };
        if registry > 0 && !is_host(&rest[..registry]) {
            return Err(ImageError::Registry(text.to_owned()));
        }
        let path_start = if registry > 0 { registry + 1 } else { 0 };
        let name = rest[path_start..].find(':').map_or(rest.len(), |at| path_start + at);
        if let Some(part) = rest[path_start..name].split('/').find(|part| !is_path_part(part)) {
            return Err(ImageError::Repository { image: text.to_owned(), part: part.to_owned() });
        }
        if let Some(tag) = rest[name..].strip_prefix(':').filter(|tag| !is_tag(tag)) {
            if tag.is_empty() {
                return Err(ImageError::NoTag(text.to_owned()));
            }
            return Err(ImageError::Tag { image: text.to_owned(), tag: tag.to_owned() });
        }
        if name > NAME_MAX {
            return Err(ImageError::TooLong(name));
        }
        let digest = digest.map(|digest| text.len() - digest.len());
        Ok(ImageRef { text: text.to_owned(), registry, name, digest })
    }
}

/// `host` or `host:port`, the host of dot-separated labels.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Runs of a-z and 0-9 with one separator (`.`, `_`, `__`, or dashes) between them.
fn is_path_part(part: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    if !bytes.first().is_some_and(|b| alphanumeric(*b)) || !bytes.last().is_some_and(|b| alphanumeric(*b)) {
        return false;
    }
    bytes
        .split(|b| alphanumeric(*b))
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let hexadecimal = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let length = match algorithm {
        "sha256" => hex.len() == 64,
        "sha512" => hex.len() == 128,
        _ => hex.len() >= 32 && !algorithm.is_empty() && algorithm.bytes().all(|b| b.is_ascii_alphanumeric()),
    };
    hexadecimal && length
}

impl TryFrom<String> for ImageRef {
    type Error = ImageError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> String {
        image.text
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "9b1702dcfe32c873a770a32cfd306dd7fc1c4fd134adfb783db68defc8894b3c";

    fn parts(text: &str) -> (Option<String>, String, Option<String>, Option<String>) {
        let image: ImageRef = text.parse().unwrap();
        assert_eq!(image.to_string(), text);
        let owned = |part: Option<&str>| part.map(str::to_owned);
        (owned(image.registry()), image.repository().to_owned(), owned(image.tag()), owned(image.digest()))
    }

    #[test]
    fn the_four_parts_are_told_apart() {
        assert_eq!(parts("nginx"), (None, "nginx".into(), None, None));
        assert_eq!(parts("team/web:1.2"), (None, "team/web".into(), Some("1.2".into()), None));
        assert_eq!(parts("localhost/web"), (Some("localhost".into()), "web".into(), None, None));
        assert_eq!(
            parts("localhost:5000/web:a"),
            (Some("localhost:5000".into()), "web".into(), Some("a".into()), None)
        );
        let ecr = "111122223333.dkr.ecr.eu-west-3.amazonaws.com";
        let digest = format!("sha256:{HEX}");
        assert_eq!(
            parts(&format!("{ecr}/shop/web:v1@{digest}")),
            (Some(ecr.into()), "shop/web".into(), Some("v1".into()), Some(digest))
        );
    }

    #[test]
    fn only_a_digest_is_immutable() {
        assert!("web:1.2.3".parse::<ImageRef>().unwrap().is_mutable_tag());
        assert!("web".parse::<ImageRef>().unwrap().is_mutable_tag());
        let pinned = "web:1".parse::<ImageRef>().unwrap().pinned(&format!("sha256:{HEX}")).unwrap();
        assert_eq!(pinned.as_str(), format!("web@sha256:{HEX}"));
        assert!(!pinned.is_mutable_tag());
    }

    #[test]
    fn malformed_references_say_which_part() {
        let refused = |text: &str| text.parse::<ImageRef>().unwrap_err();
        assert!(matches!(refused(""), ImageError::Empty));
        assert!(matches!(refused("https://x.io/web"), ImageError::Scheme(_, "https://")));
        assert!(matches!(refused("Web:1"), ImageError::Repository { .. }));
        assert!(matches!(refused("web 1"), ImageError::Repository { .. }));
        assert!(matches!(refused("a//b"), ImageError::Repository { .. }));
        assert!(matches!(refused("a___b"), ImageError::Repository { .. }));
        assert!(matches!(refused("<IMAGE1_NAME>"), ImageError::Repository { .. }));
        assert!(matches!(refused("web:"), ImageError::NoTag(_)));
        assert!(matches!(refused("web:-a"), ImageError::Tag { .. }));
        assert!(matches!(refused("web:a/b"), ImageError::Registry(_)));
        assert!(matches!(refused("host.io:99999/web"), ImageError::Registry(_)));
        assert!(matches!(refused("-x.io/web"), ImageError::Registry(_)));
        assert!(matches!(refused("web@sha256:abc"), ImageError::Digest { .. }));
        assert!(matches!(refused(&format!("web@sha256:{}", HEX.to_uppercase())), ImageError::Digest { .. }));
        assert!(matches!(refused(&"a".repeat(256)), ImageError::TooLong(256)));
    }
}
