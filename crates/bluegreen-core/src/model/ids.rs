//! Identifiers that this project makes itself.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
        let name: String = service
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(40)
            .collect();
        RunId(format!("{stamp}-{name}-{:06x}", salt & 0x00ff_ffff))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
