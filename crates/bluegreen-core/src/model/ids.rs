//! Identifiers that this project makes itself.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of one release attempt: `20261123t060512z-frontend-1a2b3c`.
///
/// It sorts by start time, names its service, and is safe as a file name, a tag value and a client token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// Why a text is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a run id: expected 3 to 100 characters of a-z, 0-9 and `-`, such as 20261123t060512z-frontend-1a2b3c"
)]
pub struct IdError(String);

impl RunId {
    /// A new id for a run of `service` that starts at `now`; `salt` tells apart runs of the same second.
    pub fn new(service: &str, now: Timestamp, salt: u32) -> RunId {
        let stamp: String = now.strftime("%Y%m%dt%H%M%Sz").to_string();
        RunId(format!("{stamp}-{}-{:06x}", tame(service, 40), salt & 0x00ff_ffff))
    }

    /// The id of the run of `service` that something else stands for, such as one execution of a pipeline: the same
    /// `owner` and `parts` always give the same id. It begins with `p-` and the beginning of `owner`.
    pub fn derived(owner: &str, service: &str, parts: &[&str]) -> RunId {
        let mut sum = Sha256::new();
        for part in [owner, service].iter().chain(parts) {
            // The length goes first, so that no two lists of parts are the same bytes.
            sum.update(format!("{}:{part}", part.len()));
        }
        let sum = crate::plan::hex(&sum.finalize());
        RunId(format!("p-{}-{}-{}", tame(owner, 8), tame(service, 40), &sum[..12]))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` in the letters of an id, at most `most` of them.
fn tame(text: &str, most: usize) -> String {
    let letters =
        text.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    letters.chars().take(most).collect()
}

impl FromStr for RunId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (3..=100).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(RunId(text.to_owned())) } else { Err(IdError(text.to_owned())) }
    }
}

impl TryFrom<String> for RunId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_an_id_and_depends_on_every_part() {
        let of = |owner: &str, service: &str, parts: &[&str]| RunId::derived(owner, service, parts);
        let one = of("0B1C2D3E-4f5a", "Front end", &["prod", "1"]);
        assert_eq!(one.as_str().parse::<RunId>(), Ok(one.clone()));
        assert!(one.as_str().starts_with("p-0b1c2d3e-front-end-"), "{one}");
        assert_eq!(one, of("0B1C2D3E-4f5a", "Front end", &["prod", "1"]));
        let others = [
            of("0B1C2D3E-4f5b", "Front end", &["prod", "1"]),
            of("0B1C2D3E-4f5a", "Front-end", &["prod", "1"]),
            of("0B1C2D3E-4f5a", "Front end", &["beta", "1"]),
            of("0B1C2D3E-4f5a", "Front end", &["prod", "2"]),
            of("0B1C2D3E-4f5a", "Front end", &["pro", "d1"]),
        ];
        assert!(!others.contains(&one), "{others:?}");
        let long = of("é".repeat(40).as_str(), &"s".repeat(400), &[]);
        assert_eq!(long.as_str().parse::<RunId>(), Ok(long.clone()));
    }
}
